//! The kinds of RFC 9605, through [`Sealer`] and [`Opener`].

use e2ee_core::crypto::{Aead, Provider};
use e2ee_core::frame::header::Header;
use e2ee_core::key::schedule;
use e2ee_core::{
    BaseKey, Ctr, Epoch, FrameBuf, FrameFormat, FrameInfo, KeyAt, Kid, KidScheme, OpenCause, Opener,
    ParticipantId, Profile, Sealer, SecretBytes, TrackKind,
};

use super::{Case, CaseError, FieldError, refuses_flips, same};

/// Encoding gives `header`; decoding `header` gives both values and takes all of it.
pub(super) fn header(case: &Case) -> Result<(), CaseError> {
    let (kid, ctr, bytes) = (case.number("kid")?, case.number("ctr")?, case.bytes("header")?);
    let header = Header { kid: Kid(kid), ctr: Ctr(ctr) };
    same("header", &bytes, header.encode().as_bytes())?;
    match Header::decode(&bytes) {
        Ok((read, len)) if read == header && len == bytes.len() => Ok(()),
        Ok((Header { kid, ctr }, len)) => Err(CaseError::HeaderReads { kid: kid.0, ctr: ctr.0, len }),
        Err(error) => Err(CaseError::Header(error)),
    }
}

/// AES-CTR with HMAC alone, in both directions; a flipped bit anywhere is refused.
pub(super) fn aes_ctr_hmac(case: &Case, provider: &'static Provider) -> Result<(), CaseError> {
    let suite = case.suite()?;
    if suite.is_gcm() {
        return Err(CaseError::NotCtr);
    }
    let key = case.bytes("key")?;
    let parts = [case.given_bytes("enc_key")?, case.given_bytes("auth_key")?];
    if let [Some(enc_key), Some(auth_key)] = &parts {
        same("enc_key, auth_key", &[&enc_key[..], auth_key].concat(), &key)?;
    }
    let (nonce, aad) = (case.array("nonce")?, case.given_bytes("aad")?.unwrap_or_default());
    let (plaintext, ciphertext) = (case.bytes("plaintext")?, case.bytes("ciphertext")?);
    if key.len() != suite.key_len() {
        return Err(FieldError::BadLength("key", key.len()).into());
    }
    let aead = provider.aead(suite, &key).map_err(CaseError::Unsupported)?;

    let mut sealed = plaintext.clone();
    sealed.resize(plaintext.len() + aead.tag_len(), 0);
    aead.seal(&nonce, &aad, &mut sealed).map_err(|_| CaseError::Refused)?;
    same("ciphertext", &ciphertext, &sealed)?;

    let mut opened = ciphertext.clone();
    aead.open(&nonce, &aad, &mut opened).map_err(|_| CaseError::Refused)?;
    opened.truncate(plaintext.len());
    same("plaintext", &plaintext, &opened)?;

    let opens = |aad: &[u8], ciphertext: &[u8]| opens(aead.as_ref(), &nonce, aad, ciphertext);
    refuses_flips("ciphertext", &ciphertext, |forged| opens(&aad, forged))?;
    refuses_flips("aad", &aad, |forged| opens(forged, &ciphertext))
}

fn opens(aead: &dyn Aead, nonce: &[u8; 12], aad: &[u8], ciphertext: &[u8]) -> bool {
    aead.open(nonce, aad, &mut ciphertext.to_vec()).is_ok()
}

/// A whole frame, in both directions, and every step of the key schedule that is given.
pub(super) fn frame(case: &Case, provider: &'static Provider) -> Result<(), CaseError> {
    key_schedule(case)?;
    let (kid, ctr) = (case.number("kid")?, case.number("ctr")?);
    let base_key = case.bytes("base_key")?;
    let base = || BaseKey::hazmat_any_len(SecretBytes::copy_of(&base_key));
    let metadata = case.given_bytes("metadata")?.unwrap_or_default();
    let (plaintext, sealed) = (case.bytes("plaintext")?, case.bytes("sealed")?);
    let info = FrameInfo::data(&metadata);

    // Without epoch and index bits the KID is what the figures say, all 64 bits of it.
    let scheme = KidScheme::Mls { epoch_bits: 0, index_bits: 0 };
    let profile = Profile { provider, suite: case.suite()?, format: FrameFormat::Sframe, scheme };
    let who = ParticipantId::new("vector").map_err(|_| CaseError::Refused)?;
    let mut sealer = Sealer::from_epoch(profile.clone(), who.clone(), Epoch(0), 0, kid, base())
        .map_err(CaseError::Seal)?;
    sealer.hazmat_set_ctr(TrackKind::Data, Ctr(ctr)).map_err(CaseError::Seal)?;
    let mut buf = FrameBuf::new();
    buf.fill(&plaintext);
    same("sealed", &sealed, sealer.seal(&info, &mut buf).map_err(CaseError::Seal)?)?;

    let mut opener = Opener::new(profile, who);
    opener.install(KeyAt::Mls(Epoch(0), 0), base());
    let mut open = |metadata: &[u8], sealed: &[u8]| {
        buf.fill(sealed);
        opener.open(&FrameInfo::data(metadata), &mut buf).map(<[u8]>::to_vec)
    };
    refuses_flips("sealed", &sealed, |forged| open(&metadata, forged).is_ok())?;
    refuses_flips("metadata", &metadata, |forged| open(forged, &sealed).is_ok())?;
    // After all these the genuine frame still opens, once: forgeries moved nothing.
    same("plaintext", &plaintext, &open(&metadata, &sealed).map_err(CaseError::Open)?)?;
    match open(&metadata, &sealed).map_err(|error| error.cause) {
        Err(OpenCause::Replayed { .. }) => Ok(()),
        _ => Err(CaseError::RepeatOpened),
    }
}

/// RFC 9605 section 4.4.2, step by step, and the AAD of section 4.4.3.
fn key_schedule(case: &Case) -> Result<(), CaseError> {
    let (suite, kid, ctr) = (case.suite()?, Kid(case.number("kid")?), Ctr(case.number("ctr")?));
    let derived = schedule::derive(suite, &case.bytes("base_key")?, kid);
    let header = Header { kid, ctr }.encode();
    let metadata = case.given_bytes("metadata")?.unwrap_or_default();
    let steps: [(&'static str, &[u8]); 7] = [
        ("sframe_key_label", &schedule::key_label(kid, suite)),
        ("sframe_salt_label", &schedule::salt_label(kid, suite)),
        ("sframe_secret", derived.secret.expose()),
        ("sframe_key", derived.key.expose()),
        ("sframe_salt", &derived.salt),
        ("nonce", &schedule::nonce(&derived.salt, ctr)),
        ("aad", &[header.as_bytes(), &metadata].concat()),
    ];
    steps.into_iter().try_for_each(|(name, got)| match case.given_bytes(name)? {
        Some(want) => same(name, &want, got),
        None => Ok(()),
    })
}
