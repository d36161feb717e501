//! IVF of VP8: a header of 32 bytes, then frames behind 12 bytes of length and time.

use std::io::{self, Seek, SeekFrom, Write};

use crate::Error;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 12;
const FOURCC: &[u8] = b"VP80";

/// A file in memory.
pub struct Clip {
    /// Pictures a second, as numerator and denominator.
    pub rate: (u32, u32),
    /// Its pictures.
    pub frames: Vec<Vec<u8>>,
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk::<4>().map(|four| u32::from_le_bytes(*four))
}

impl Clip {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::NotIvf`].
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        Self::parse(bytes).filter(|clip| !clip.frames.is_empty()).ok_or(Error::NotIvf)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (magic, fourcc) = (bytes.get(..4)?, bytes.get(8..12)?);
        let rate = (word(bytes, 16)?, word(bytes, 20)?);
        if magic != b"DKIF" || fourcc != FOURCC || rate.0 == 0 || rate.1 == 0 {
            return None;
        }
        let mut rest = bytes.get(HEADER..)?;
        let mut frames = Vec::new();
        while !rest.is_empty() {
            let len = usize::try_from(word(rest, 0)?).ok()?;
            let frame = rest.get(FRAME_HEADER..)?.get(..len)?;
            frames.push(frame.to_vec());
            rest = rest.get(FRAME_HEADER + len..)?;
        }
        Some(Self { rate, frames })
    }
}

/// A file that grows.
pub struct Writer<W: Write + Seek> {
    out: W,
    frames: u32,
}

impl<W: Write + Seek> Writer<W> {
    /// Writes the header. Times are in ticks of 90 kHz.
    ///
    /// # Errors
    /// The system's.
    pub fn new(mut out: W, width: u16, height: u16) -> io::Result<Self> {
        out.write_all(b"DKIF\0\0\x20\0")?;
        out.write_all(FOURCC)?;
        out.write_all(&width.to_le_bytes())?;
        out.write_all(&height.to_le_bytes())?;
        out.write_all(&90_000_u32.to_le_bytes())?;
        out.write_all(&1_u32.to_le_bytes())?;
        out.write_all(&[0; 8])?;
        Ok(Self { out, frames: 0 })
    }

    /// Appends a frame.
    ///
    /// # Errors
    /// The system's.
    pub fn push(&mut self, time: u64, frame: &[u8]) -> io::Result<()> {
        let len = u32::try_from(frame.len()).map_err(io::Error::other)?;
        self.out.write_all(&len.to_le_bytes())?;
        self.out.write_all(&time.to_le_bytes())?;
        self.out.write_all(frame)?;
        self.frames += 1;
        Ok(())
    }

    /// Writes the number of frames into the header, and gives it.
    ///
    /// # Errors
    /// The system's.
    pub fn finish(mut self) -> io::Result<u32> {
        self.out.seek(SeekFrom::Start(24))?;
        self.out.write_all(&self.frames.to_le_bytes())?;
        self.out.flush()?;
        Ok(self.frames)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut file = io::Cursor::new(Vec::new());
        let mut writer = Writer::new(&mut file, 320, 180).unwrap();
        writer.push(0, b"one").unwrap();
        writer.push(3000, b"").unwrap();
        assert_eq!(writer.finish().unwrap(), 2);
        let clip = Clip::read(file.get_ref()).unwrap();
        assert_eq!(clip.rate, (90_000, 1));
        assert_eq!(clip.frames, [b"one".to_vec(), Vec::new()]);
        for len in 0..file.get_ref().len() {
            // A cut at the end of a frame leaves a shorter file, every other cut none.
            let whole = Clip::read(&file.get_ref()[..len]).is_ok();
            assert_eq!(whole, len == HEADER + FRAME_HEADER + 3, "{len}");
        }
    }
}
