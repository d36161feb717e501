//! What the fuzz targets of the C interface run: calls in any order with any numbers, NULL here and there. Pointers
//! always have the bytes that are said; the rest C cannot promise either.

mod media;
#[cfg(feature = "session")]
mod session;

pub use media::fuzz as media;
#[cfg(feature = "session")]
pub use session::fuzz as session;

/// Reads numbers off the input; zeros behind its end.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn number(&mut self) -> u32 {
        match self.byte() {
            255 => u32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()]),
            small => u32::from(small),
        }
    }

    /// Up to so many bytes of the input.
    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let len = usize::from(self.byte()).min(most).min(self.0.len());
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        taken.to_vec()
    }
}

/// What the last failure said is text.
fn said() {
    // SAFETY: a C string that lives until the next failure.
    let said = unsafe { core::ffi::CStr::from_ptr(crate::frameseal_last_error()) };
    assert!(said.to_str().is_ok(), "what is said is text");
}
