//! The Dependency Descriptor RTP header extension, carried through as it came.
//!
//! Layout of the part read here (AV1 RTP specification, appendix A.8): one byte with start of frame,
//! end of frame and template id, then the frame number, 16 bits.

use str0m::rtp::{Extension, ExtensionSerializer, ExtensionValues};

const URI: &str = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
/// Longest extension that a two-byte header can say.
const MAX_LEN: usize = 255;
/// Longest extension that a one-byte header can say.
const MAX_SHORT: usize = 16;

/// The extension's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DependencyDescriptor(Vec<u8>);

impl DependencyDescriptor {
    /// Frame number, modulo 2^16.
    pub(crate) fn frame_number(&self) -> Option<u16> {
        let high = self.0.get(1)?;
        let low = self.0.get(2)?;
        Some(u16::from_be_bytes([*high, *low]))
    }

    /// The same with another frame number.
    pub(crate) fn with_frame_number(&self, number: u16) -> Self {
        let mut bytes = self.0.clone();
        if let Some(field) = bytes.get_mut(1..3) {
            field.copy_from_slice(&number.to_be_bytes());
        }
        Self(bytes)
    }
}

/// The extension for a session's extension map.
pub(crate) fn extension() -> Extension {
    Extension::with_serializer(URI, Serializer)
}

#[derive(Debug)]
struct Serializer;

impl ExtensionSerializer for Serializer {
    fn write_to(&self, buf: &mut [u8], values: &ExtensionValues) -> usize {
        let Some(DependencyDescriptor(bytes)) = values.user_values.get() else { return 0 };
        let Some(to) = buf.get_mut(..bytes.len()) else { return 0 };
        to.copy_from_slice(bytes);
        bytes.len()
    }

    fn parse_value(&self, buf: &[u8], values: &mut ExtensionValues) -> bool {
        if buf.len() < 3 || buf.len() > MAX_LEN {
            return false;
        }
        values.user_values.set(DependencyDescriptor(buf.to_vec()));
        true
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }

    fn requires_two_byte_form(&self, values: &ExtensionValues) -> bool {
        values.user_values.get::<DependencyDescriptor>().is_some_and(|d| d.0.len() > MAX_SHORT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_number_can_be_read_and_changed_and_nothing_else_changes() {
        let mut values = ExtensionValues::default();
        assert!(Serializer.parse_value(&[0xc1, 0x12, 0x34, 0x80, 0x55], &mut values));
        let got = values.user_values.get::<DependencyDescriptor>().expect("kept").clone();
        assert_eq!(got.frame_number(), Some(0x1234));
        values.user_values.set(got.with_frame_number(0xffff));
        let mut out = [0u8; 8];
        assert_eq!(Serializer.write_to(&mut out, &values), 5);
        assert_eq!(out[..5], [0xc1, 0xff, 0xff, 0x80, 0x55]);
    }

    #[test]
    fn a_long_descriptor_asks_for_the_two_byte_form() {
        let mut values = ExtensionValues::default();
        assert!(Serializer.parse_value(&[7; 17], &mut values));
        assert!(Serializer.requires_two_byte_form(&values));
        assert!(!Serializer.parse_value(&[7; 2], &mut values));
    }
}
