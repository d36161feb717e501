//! Choices and bytes out of what the engine gives.

/// Unread input. What is not there reads as zero.
pub(super) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(super) const fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        (usize::from(self.byte()) << 8 | usize::from(self.byte())).checked_rem(n).unwrap_or(0)
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T], usual: T) -> T {
        let at = usize::from(self.byte()).checked_rem(from.len()).unwrap_or(0);
        from.get(at).copied().unwrap_or(usual)
    }

    pub(super) fn number(&mut self) -> u64 {
        self.take(8).iter().fold(0, |n, byte| n << 8 | u64::from(*byte))
    }

    /// At most `n` bytes.
    pub(super) fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(n.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub(super) const fn rest(self) -> &'a [u8] {
        self.0
    }

    /// Changes `wire` in a few places, as the input says.
    pub(super) fn mutate(&mut self, wire: &mut Vec<u8>) {
        for _ in 0..=self.byte() % 4 {
            let (operation, at) = (self.byte(), self.below(wire.len()));
            let len = usize::from(self.byte() % 16).min(wire.len().saturating_sub(at));
            let value = self.byte();
            match operation % 8 {
                0 => wire.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (value % 8)),
                1 => wire.iter_mut().skip(at).take(1).for_each(|byte| *byte = value),
                2 => wire.truncate(at),
                3 => drop(wire.drain(at..at + len)),
                4 => drop(wire.splice(at..at, core::iter::repeat_n(value, len))),
                5 => {
                    let copied = wire.get(at..at + len).unwrap_or_default().to_vec();
                    let to = self.below(wire.len() + 1);
                    drop(wire.splice(to..to, copied));
                }
                6 => wire.rotate_left(at),
                _ => {
                    let more = self.take(len);
                    drop(wire.splice(at..at, more.iter().copied()));
                }
            }
        }
    }
}
