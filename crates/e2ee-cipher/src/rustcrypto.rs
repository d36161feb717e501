//! RustCrypto's AES-GCM: pure Rust, for WebAssembly and for machines without a C compiler.

use alloc::boxed::Box;

use crate::{Aead, CipherSuite, MAX_TAG_LEN, NONCE_LEN, Refused, ctr_hmac, split_tag};
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes128Gcm, Aes256Gcm};

pub(crate) fn aead(suite: CipherSuite, key: &[u8]) -> Option<Box<dyn Aead>> {
    match suite {
        CipherSuite::Aes128GcmSha256_128 => Some(Box::new(Gcm(Aes128Gcm::new_from_slice(key).ok()?))),
        CipherSuite::Aes256GcmSha512_128 => Some(Box::new(Gcm(Aes256Gcm::new_from_slice(key).ok()?))),
        _ => ctr_hmac::aead(suite, key),
    }
}

struct Gcm<C>(C);

macro_rules! gcm {
    ($cipher:ty) => {
        impl Aead for Gcm<$cipher> {
            fn seal(
                &self,
                nonce: &[u8; NONCE_LEN],
                aad: &[u8],
                text_and_tag: &mut [u8],
            ) -> Result<(), Refused> {
                let (text, tag) = split_tag(text_and_tag, MAX_TAG_LEN)?;
                let made =
                    self.0.encrypt_inout_detached(nonce.into(), aad, text.into()).map_err(|_| Refused)?;
                tag.copy_from_slice(&made);
                Ok(())
            }

            fn open(
                &self,
                nonce: &[u8; NONCE_LEN],
                aad: &[u8],
                text_and_tag: &mut [u8],
            ) -> Result<(), Refused> {
                let (text, tag) = split_tag(text_and_tag, MAX_TAG_LEN)?;
                let tag = (&*tag).try_into().map_err(|_| Refused)?;
                self.0.decrypt_inout_detached(nonce.into(), aad, text.into(), tag).map_err(|_| Refused)
            }

            fn tag_len(&self) -> usize {
                MAX_TAG_LEN
            }
        }
    };
}

gcm!(Aes128Gcm);
gcm!(Aes256Gcm);
