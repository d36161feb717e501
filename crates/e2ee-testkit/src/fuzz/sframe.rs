//! Opening bare SFrame: noise, and sealed frames that were changed.

use e2ee_core::{
    CipherSuite, FrameBuf, FrameFormat, FrameInfo, KeyAt, KidScheme, OpenCause, Opener, ParticipantId,
    Profile, Provider, Sealer, Straight,
};
use sha2::{Digest, Sha256};

use super::input::Input;

/// Suites with tags long enough that an engine does not guess one.
pub(super) const SUITES: [CipherSuite; 4] = [
    CipherSuite::Aes128GcmSha256_128,
    CipherSuite::Aes256GcmSha512_128,
    CipherSuite::Aes128CtrHmacSha256_80,
    CipherSuite::Aes256CtrHmacSha512_80,
];

/// A sealer, and openers that have its key.
///
/// The key hangs on every byte of the input: with one key for all inputs, an engine that watches comparisons reads the
/// right tag there and forges a frame with it.
pub(super) fn pair<const N: usize>(
    data: &[u8],
    format: FrameFormat,
    suite: CipherSuite,
    steps: u8,
) -> Option<(Sealer, [Opener; N])> {
    let profile = Profile { provider: Provider::best(), suite, format, scheme: KidScheme::default() };
    let who = ParticipantId::new("ada").ok()?;
    let mut sealer = Sealer::generate(profile.clone(), who.clone(), &Sha256::digest(data).into());
    let openers = core::array::from_fn(|_| {
        let mut opener = Opener::new(profile.clone(), who.clone());
        if let Some(key) = sealer.sender_key() {
            opener.install(KeyAt::Sender(key.generation, key.step), key.base);
        }
        opener
    });
    for _ in 0..steps {
        sealer.step().ok()?;
    }
    Some((sealer, openers))
}

pub(super) fn keys(opener: &Opener) -> Vec<(KeyAt, [u8; 4], bool)> {
    opener.ring().keys().collect()
}

/// Opens a frame both ways: in a buffer, and by the twin straight into other memory. They must agree.
pub(super) fn open(twins: &mut [Opener; 2], info: &FrameInfo<'_>, wire: &[u8]) -> Result<Vec<u8>, OpenCause> {
    let [opener, twin] = twins;
    let (before, mut buf, mut out) = (keys(opener), FrameBuf::new(), vec![0xee; wire.len()]);
    buf.fill(wire);
    let opened = opener.open(info, &mut buf).map(<[u8]>::to_vec).map_err(|error| error.cause);
    let straight = match twin.open_into(info, wire, &mut out) {
        Ok(Straight::Done(len)) => Ok(out.get(..len).unwrap_or_default().to_vec()),
        Ok(_) => {
            assert!(out.iter().all(|byte| *byte == 0xee), "written, and not done");
            let mut buf = FrameBuf::new();
            buf.fill(wire);
            twin.open(info, &mut buf).map(<[u8]>::to_vec).map_err(|error| error.cause)
        }
        Err(error) => {
            assert!(out.iter().all(|byte| [0, 0xee].contains(byte)), "something of a refused frame");
            Err(error.cause)
        }
    };
    assert_eq!(straight, opened);
    assert_eq!(keys(twin), keys(opener));
    if opened.is_err() {
        assert!(buf.is_empty());
        assert_eq!(keys(opener), before);
    }
    opened
}

/// Nothing opens but what was sealed, byte for byte, once; and what does not open moves nothing.
pub(super) fn open_sframe(data: &[u8]) {
    let mut input = Input::new(data);
    let suite = input.pick(&SUITES, CipherSuite::Aes128GcmSha256_128);
    let steps = input.byte() % 4;
    let mode = input.byte();
    let metadata_len = usize::from(input.byte() % 32);
    let metadata = input.take(metadata_len);
    let Some((mut sealer, mut twins)) = pair(data, FrameFormat::Sframe, suite, steps) else { return };
    let (info, mut buf) = (FrameInfo::data(metadata), FrameBuf::new());

    if mode.is_multiple_of(2) {
        assert!(open(&mut twins, &info, input.rest()).is_err());
        return;
    }
    let len = input.below(600);
    let frame = input.take(len);
    buf.fill(frame);
    let Ok(wire) = sealer.seal(&info, &mut buf).map(<[u8]>::to_vec) else { return };
    assert!(wire.len() <= sealer.max_sealed_len(&info, frame.len()));
    let mut forged = wire.clone();
    input.mutate(&mut forged);
    if forged != wire {
        assert!(open(&mut twins, &info, &forged).is_err());
    }
    assert_eq!(open(&mut twins, &info, &wire), Ok(frame.to_vec()));
    assert!(open(&mut twins, &info, &wire).is_err());
}
