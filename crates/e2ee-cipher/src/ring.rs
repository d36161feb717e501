//! ring for AES-GCM.

use alloc::boxed::Box;

use crate::{Aead, CipherSuite, MAX_TAG_LEN, NONCE_LEN, Refused, ctr_hmac, split_tag};
use ::ring::aead::{self, LessSafeKey, Nonce, UnboundKey};

pub(crate) fn aead(suite: CipherSuite, key: &[u8]) -> Option<Box<dyn Aead>> {
    let algorithm = match suite {
        CipherSuite::Aes128GcmSha256_128 => &aead::AES_128_GCM,
        CipherSuite::Aes256GcmSha512_128 => &aead::AES_256_GCM,
        _ => return ctr_hmac::aead(suite, key),
    };
    Some(Box::new(Gcm(LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?))))
}

struct Gcm(LessSafeKey);

impl Aead for Gcm {
    #[inline]
    fn seal(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], text_and_tag: &mut [u8]) -> Result<(), Refused> {
        let (text, tag) = split_tag(text_and_tag, MAX_TAG_LEN)?;
        let made = self
            .0
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(*nonce), aead::Aad::from(aad), text)
            .map_err(|_| Refused)?;
        tag.copy_from_slice(made.as_ref());
        Ok(())
    }

    #[inline]
    fn open(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], text_and_tag: &mut [u8]) -> Result<(), Refused> {
        self.0
            .open_in_place(Nonce::assume_unique_for_key(*nonce), aead::Aad::from(aad), text_and_tag)
            .map(drop)
            .map_err(|_| Refused)
    }

    fn tag_len(&self) -> usize {
        MAX_TAG_LEN
    }
}
