//! Small parsers: SFrame header and KID, announcement, and the command's reading of frames.

use e2ee_core::frame::header::Header;
use e2ee_core::key::kid::KeyName;
use e2ee_core::{Announcement, CipherSuite, Ctr, Epoch, Kid, KidScheme, Step};
use frameseal_cli::inspect::{Codec, Format, Known, inspect as read};

use super::input::Input;

/// What decodes encodes to the same bytes, and the other way round; a KID reads as what it was made of.
pub(super) fn header(data: &[u8]) {
    if let Ok((header, len)) = Header::decode(data) {
        assert_eq!(Some(header.encode().as_bytes()), data.get(..len));
        kids(header.kid, data);
    }
    let mut input = Input::new(data);
    let shift = |n: u64, by: u8| n >> (by % 64);
    let (kid, ctr) = (input.number(), input.number());
    let header = Header { kid: Kid(shift(kid, input.byte())), ctr: Ctr(shift(ctr, input.byte())) };
    let encoded = header.encode();
    assert_eq!(Header::decode(encoded.as_bytes()), Ok((header, encoded.as_bytes().len())));
}

fn kids(kid: Kid, data: &[u8]) {
    let [r, e, s] = [0, 1, 2].map(|at| data.get(at).copied().unwrap_or(0));
    let senders = KidScheme::SenderKeys { ratchet_bits: r % 20 };
    if let Some(KeyName::Sender { generation, step_low }) = senders.name(kid) {
        assert_eq!(senders.sender_kid(generation, Step(step_low)), Some(kid));
    }
    let mls = KidScheme::Mls { epoch_bits: e % 20, index_bits: s % 40 };
    if let Some(KeyName::Mls { context, index, epoch_low }) = mls.name(kid) {
        assert_eq!(mls.mls_kid(Epoch(epoch_low), index, context), Ok(kid));
    }
}

/// A text that is an announcement comes back as itself, in lower case.
pub(super) fn announcement(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    if let Ok(said) = text.parse::<Announcement>() {
        assert_eq!(said.to_string(), text.to_ascii_lowercase());
        assert_eq!(said.to_string().parse(), Ok(said));
    }
}

/// The parts of every reading cover the frame, without gap or overlap.
pub(super) fn inspect(data: &[u8]) {
    const CODECS: [Option<Codec>; 6] =
        [None, Some(Codec::Opus), Some(Codec::Vp8), Some(Codec::Av1), Some(Codec::H264), Some(Codec::H265)];
    const FORMATS: [Option<Format>; 4] =
        [None, Some(Format::Frameseal), Some(Format::Sframe), Some(Format::Trailer)];
    let mut input = Input::new(data);
    let known = Known {
        format: input.pick(&FORMATS, None),
        codec: input.pick(&CODECS, None),
        suite: input.pick(&CipherSuite::ALL, CipherSuite::Aes128GcmSha256_128),
        ratchet_bits: input.byte() % 17,
    };
    let frame = input.rest();
    let Ok(readings) = read(frame, &known) else { return };
    assert!(!readings.is_empty());
    for reading in readings {
        let end = reading.parts.iter().fold(0, |at, part| {
            assert_eq!(part.at.start, at, "{reading:?}");
            assert!(part.at.end >= at, "{reading:?}");
            part.at.end
        });
        assert_eq!(end, frame.len(), "{reading:?}");
        assert!(reading.overhead <= frame.len(), "{reading:?}");
    }
}
