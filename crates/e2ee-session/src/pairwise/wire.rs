//! Reading with bounds, and its counterpart: numbers are big-endian, texts have their length in two bytes before them.
use e2ee_core::id::MAX_NAME_LEN;

/// What is left to be read.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Bytes with their length before them, at most `max`.
    pub(super) fn var(&mut self, max: usize) -> Option<&'a [u8]> {
        let len = usize::from(self.u16()?);
        if len > max { None } else { self.take(len) }
    }

    /// A text of 1 to [`MAX_NAME_LEN`] bytes.
    pub(super) fn name(&mut self) -> Option<&'a str> {
        let text = str::from_utf8(self.var(MAX_NAME_LEN)?).ok()?;
        (!text.is_empty()).then_some(text)
    }

    pub(super) const fn is_done(&self) -> bool {
        self.0.is_empty()
    }
}

/// Appends bytes with their length before them. Callers have bounded them far below 65536.
pub(super) fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}
