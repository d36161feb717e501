//! Sealing and opening as one call each, compiled here and not where they are called: a library around this crate may
//! be compiled for size, and frames keep their speed.

use crate::error::{OpenError, SealError};
use crate::frame::{FrameBuf, FrameInfo, Opener, Sealer};

/// [`FrameBuf::fill`] and [`Sealer::seal`].
///
/// # Errors
/// As there.
#[inline(never)]
pub fn seal<'b>(
    sealer: &mut Sealer,
    info: &FrameInfo<'_>,
    frame: &[u8],
    buf: &'b mut FrameBuf,
) -> Result<&'b [u8], SealError> {
    buf.fill(frame);
    sealer.seal(info, buf)
}

/// [`FrameBuf::fill`] and [`Opener::open`].
///
/// # Errors
/// As there.
#[inline(never)]
pub fn open<'b>(
    opener: &mut Opener,
    info: &FrameInfo<'_>,
    frame: &[u8],
    buf: &'b mut FrameBuf,
) -> Result<&'b [u8], OpenError> {
    buf.fill(frame);
    opener.open(info, buf)
}
