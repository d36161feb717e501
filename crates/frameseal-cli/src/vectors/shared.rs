//! One key for a whole call, as Jitsi Meet hands it over: the secret out of it, and frames of a run.

use e2ee_core::crypto::Provider;
use e2ee_core::{
    BaseKey, CallId, CipherSuite, Ctr, Epoch, FrameBuf, FrameFormat, FrameInfo, KeyAt, KidScheme, OpenCause,
    Opener, ParticipantId, Profile, Sealer, SecretBytes,
};

use super::frameseal::{kind_of, rule_of};
use super::{Case, CaseError, FieldError, refuses_flips, same};

const CALL: &str = "Jitsi";
const IV: &[u8; 12] = b"frameseal 01";
const SCHEME: KidScheme = KidScheme::Mls { epoch_bits: 4, index_bits: 0 };
const TAG_LEN: usize = 16;

/// The secret of a key, and a whole frame in both directions.
pub(super) fn frame(case: &Case, provider: &'static Provider) -> Result<(), CaseError> {
    let (suite, key) = (case.suite()?, case.bytes("key")?);
    if !matches!(suite, CipherSuite::Aes128GcmSha256_128 | CipherSuite::Aes256GcmSha512_128) {
        return Err(FieldError::BadValue("cipher_suite").into());
    }
    if key.len() != suite.key_len() {
        return Err(FieldError::BadLength("key", key.len()).into());
    }
    let secret = case.bytes("secret")?;
    let mut stream = vec![0; secret.len() + TAG_LEN];
    let aead = provider.aead(suite, &key).map_err(CaseError::Unsupported)?;
    aead.seal(IV, &[], &mut stream).map_err(|_| CaseError::Refused)?;
    stream.truncate(secret.len());
    same("secret", &secret, &stream)?;

    let call = CallId::new(CALL).map_err(|_| FieldError::BadValue("call"))?;
    let who =
        ParticipantId::new(case.text("participant")?).map_err(|_| FieldError::BadValue("participant"))?;
    let profile = Profile { provider, suite, format: FrameFormat::Frameseal { call }, scheme: SCHEME };
    let base = || BaseKey::new(SecretBytes::copy_of(&secret)).map_err(|_| FieldError::BadValue("secret"));
    let info = FrameInfo { kind: kind_of(case)?, rule: rule_of(case)?, metadata: &[] };
    let (index, run) = (Epoch(case.number("index")?), case.number("run")?);
    let (plaintext, sealed) = (case.bytes("plaintext")?, case.bytes("sealed")?);

    let made = Sealer::from_epoch(profile.clone(), who.clone(), index, 0, run, base()?);
    let mut sealer = made.map_err(CaseError::Seal)?;
    sealer.hazmat_set_ctr(info.kind, Ctr(case.number("ctr")?)).map_err(CaseError::Seal)?;
    let mut buf = FrameBuf::new();
    buf.fill(&plaintext);
    same("sealed", &sealed, sealer.seal(&info, &mut buf).map_err(CaseError::Seal)?)?;

    let mut opener = Opener::new(profile, who);
    opener.install(KeyAt::Mls(index, 0), base()?);
    let mut open = |sealed: &[u8]| {
        buf.fill(sealed);
        opener.open(&info, &mut buf).map(<[u8]>::to_vec)
    };
    refuses_flips("sealed", &sealed, |forged| open(forged).is_ok())?;
    same("plaintext", &plaintext, &open(&sealed).map_err(CaseError::Open)?)?;
    match open(&sealed).map_err(|error| error.cause) {
        Err(OpenCause::Replayed { .. }) => Ok(()),
        _ => Err(CaseError::RepeatOpened),
    }
}
