//! As much of DER (X.690) as it takes to say whose certificate one is that was already found to be good.

/// Bytes to be read value by value.
#[derive(Clone, Copy)]
pub(super) struct Der<'a>(pub(super) &'a [u8]);

pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
const BOOLEAN: u8 = 0x01;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;
const BMP_STRING: u8 = 0x1e;

impl<'a> Der<'a> {
    /// The next value: its tag and content. `None` at the end, and where it is no DER.
    pub(super) fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk()?;
        // Tags of more than one byte are in no certificate.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (len, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let len = bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
                // The shortest form of the length is the only one.
                let shortest = if bytes.len() == 1 { len > 0x7f } else { bytes.first() != Some(&0) };
                if !shortest {
                    return None;
                }
                (len, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The next value, if it has this tag; nothing is read otherwise.
    pub(super) fn expect(&mut self, tag: u8) -> Option<Der<'a>> {
        let mut ahead = *self;
        let (found, content) = ahead.next()?;
        if found != tag {
            return None;
        }
        *self = ahead;
        Some(Der(content))
    }

    /// An unsigned number, big-endian, without zeros in front.
    pub(super) fn unsigned(&mut self) -> Option<&'a [u8]> {
        match self.expect(INTEGER)?.0 {
            [0, rest @ ..] if rest.first().is_some_and(|high| *high > 0x7f) => Some(rest),
            number @ [1..=0x7f, ..] => Some(number),
            _ => None,
        }
    }
}

/// The two numbers of an ECDSA signature (RFC 3279 section 2.2.3), as `r | s` of this many bytes each.
pub(super) fn ecdsa_signature(der: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut outer = Der(der);
    let mut numbers = outer.expect(SEQUENCE)?;
    let mut out = Vec::with_capacity(2 * len);
    for _ in 0..2 {
        let number = numbers.unsigned()?;
        out.resize(out.len() + len.checked_sub(number.len())?, 0);
        out.extend_from_slice(number);
    }
    (outer.0.is_empty() && numbers.0.is_empty()).then_some(out)
}

/// The fields of a certificate (RFC 5280 section 4.1) that say who, and for what.
pub(super) struct Fields<'a> {
    subject: Der<'a>,
    extensions: Option<Der<'a>>,
}

impl<'a> Fields<'a> {
    pub(super) fn read(certificate: &'a [u8]) -> Option<Self> {
        let mut tbs = Der(certificate).expect(SEQUENCE)?.expect(SEQUENCE)?;
        let _version = tbs.expect(0xa0);
        let _serial = tbs.expect(INTEGER)?;
        let _signature = tbs.expect(SEQUENCE)?;
        let _issuer = tbs.expect(SEQUENCE)?;
        let _validity = tbs.expect(SEQUENCE)?;
        let subject = tbs.expect(SEQUENCE)?;
        let _key = tbs.expect(SEQUENCE)?;
        let _ids = (tbs.expect(0x81), tbs.expect(0x82));
        let extensions = match tbs.expect(0xa3) {
            Some(mut outer) => Some(outer.expect(SEQUENCE)?),
            None => None,
        };
        Some(Self { subject, extensions })
    }

    /// The content of an extension, or `None` where it is not.
    pub(super) fn extension(&self, oid: &[u8]) -> Option<Der<'a>> {
        let mut extensions = self.extensions?;
        while let Some(mut extension) = extensions.expect(SEQUENCE) {
            let found = extension.expect(OID)?;
            let _critical = extension.expect(BOOLEAN);
            let content = extension.expect(OCTET_STRING)?;
            if found.0 == oid {
                return Some(content);
            }
        }
        None
    }

    /// The first value of an attribute of the subject, as text.
    pub(super) fn subject(&self, oid: &[u8]) -> Option<String> {
        let mut names = self.subject;
        while let Some(mut set) = names.expect(SET) {
            while let Some(mut attribute) = set.expect(SEQUENCE) {
                if attribute.expect(OID)?.0 == oid {
                    let (tag, content) = attribute.next()?;
                    return text(tag, content);
                }
            }
        }
        None
    }
}

fn text(tag: u8, content: &[u8]) -> Option<String> {
    match tag {
        UTF8_STRING | PRINTABLE_STRING | IA5_STRING => String::from_utf8(content.to_vec()).ok(),
        BMP_STRING => {
            let (units, rest) = content.as_chunks::<2>();
            let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
            let text = char::decode_utf16(units).collect::<Result<_, _>>().ok()?;
            rest.is_empty().then_some(text)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_have_one_form() {
        assert_eq!(Der(&[4, 1, 9]).next(), Some((4, [9].as_slice())));
        let long = [&[4, 0x81, 0x80][..], &[7; 0x80]].concat();
        assert_eq!(Der(&long).next().unwrap().1.len(), 0x80);
        let longer = [&[4, 0x82, 1, 0][..], &[7; 0x100]].concat();
        assert_eq!(Der(&longer).next().unwrap().1.len(), 0x100);
        for bad in [
            &[4][..],
            &[4, 2, 9],
            &[4, 0x80, 0, 0],
            &[4, 0x81, 1, 9],
            &[4, 0x82, 0, 1, 9],
            &[4, 0x84, 0, 0, 0, 1, 9],
            &[0x1f, 1, 9],
        ] {
            assert_eq!(Der(bad).next(), None, "{bad:?}");
        }
    }

    #[test]
    fn ecdsa_signatures_have_one_form() {
        let good = [0x30, 7, 2, 2, 0, 0x80, 2, 1, 5];
        assert_eq!(ecdsa_signature(&good, 2), Some(vec![0, 0x80, 0, 5]));
        for bad in [
            &[0x30, 7, 2, 2, 0, 0x80, 2, 1, 5, 0][..],
            &[0x30, 8, 2, 2, 0, 0x80, 2, 1, 5, 0],
            &[0x30, 6, 2, 1, 0x80, 2, 1, 5],
            &[0x30, 7, 2, 2, 0, 0x7f, 2, 1, 5],
            &[0x30, 6, 2, 1, 0, 2, 1, 5],
            &[0x30, 3, 2, 1, 5],
            &[0x30, 8, 2, 3, 1, 0, 0, 2, 1, 5],
            &[],
        ] {
            assert_eq!(ecdsa_signature(bad, 2), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_have_an_answer(bytes: Vec<u8>, tag: u8) {
            let mut der = Der(&bytes);
            while der.next().is_some() {}
            let _ = ecdsa_signature(&bytes, 32);
            let _ = text(tag, &bytes);
            if let Some(fields) = Fields::read(&bytes) {
                let _ = (fields.extension(&bytes), fields.subject(&bytes));
            }
        }
    }
}
