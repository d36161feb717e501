//! AES-CTR with a truncated HMAC (RFC 9605 section 4.5.1), from the RustCrypto crates.
//!
//! ```text
//! key   = enc_key || auth_key
//! tag   = HMAC(auth_key, len(aad) || len(ct) || Nt || nonce || aad || ct)[..Nt]     lengths as 8 bytes BE
//! block = nonce || 32-bit counter from 0
//! ```

use alloc::boxed::Box;

use crate::{Aead, CipherSuite, NONCE_LEN, Refused, split_tag};
use aes::cipher::consts::U16;
use aes::cipher::{BlockCipherEncrypt, InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use aes::{Aes128, Aes256};
use ctr::{CtrCore, flavors::Ctr32BE};
use hmac::{Hmac, Mac};
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

pub(crate) fn aead(suite: CipherSuite, key: &[u8]) -> Option<Box<dyn Aead>> {
    if key.len() != suite.key_len() {
        return None;
    }
    let tag_len = suite.tag_len();
    match suite {
        CipherSuite::Aes128CtrHmacSha256_80
        | CipherSuite::Aes128CtrHmacSha256_64
        | CipherSuite::Aes128CtrHmacSha256_32 => {
            let (enc, auth) = key.split_at_checked(16)?;
            Some(Box::new(Aes128Sha256 {
                cipher: Aes128::new_from_slice(enc).ok()?,
                mac: KeyInit::new_from_slice(auth).ok()?,
                tag_len,
            }))
        }
        CipherSuite::Aes256CtrHmacSha512_80
        | CipherSuite::Aes256CtrHmacSha512_64
        | CipherSuite::Aes256CtrHmacSha512_32 => {
            let (enc, auth) = key.split_at_checked(32)?;
            Some(Box::new(Aes256Sha512 {
                cipher: Aes256::new_from_slice(enc).ok()?,
                mac: KeyInit::new_from_slice(auth).ok()?,
                tag_len,
            }))
        }
        CipherSuite::Aes128GcmSha256_128 | CipherSuite::Aes256GcmSha512_128 => None,
    }
}

/// `block`: the first counter block.
#[inline]
fn keystream<A>(aes: A, block: &[u8; 16], text: &mut [u8]) -> Result<(), Refused>
where
    A: BlockCipherEncrypt<BlockSize = U16>,
{
    let core = CtrCore::<A, Ctr32BE>::inner_iv_init(aes, block.into());
    StreamCipherCoreWrapper::from_core(core).try_apply_keystream(text).map_err(|_| Refused)
}

#[cfg(target_arch = "wasm32")]
struct Keystream<'a>(&'a [u8; 16], &'a mut [u8]);

#[cfg(target_arch = "wasm32")]
impl crate::ahead::Message for Keystream<'_> {
    type Done = Result<(), Refused>;
    #[inline]
    fn run<A: BlockCipherEncrypt<BlockSize = U16>>(self, aes: A) -> Self::Done {
        keystream(aes, self.0, self.1)
    }
}

macro_rules! ctr_hmac {
    ($name:ident, $cipher:ty, $hash:ty) => {
        struct $name {
            cipher: $cipher,
            mac: Hmac<$hash>,
            tag_len: usize,
        }

        impl $name {
            fn keystream(&self, nonce: &[u8; NONCE_LEN], text: &mut [u8]) -> Result<(), Refused> {
                let mut block = [0; 16];
                for (to, from) in block.iter_mut().zip(nonce) {
                    *to = *from;
                }
                #[cfg(target_arch = "wasm32")]
                let done = crate::ahead::run(&self.cipher, None, text.len(), Keystream(&block, text))
                    .unwrap_or(Err(Refused));
                #[cfg(not(target_arch = "wasm32"))]
                let done = keystream(&self.cipher, &block, text);
                done
            }

            fn tag(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], text: &[u8]) -> impl AsRef<[u8]> + use<> {
                let [aad_len, text_len, tag_len] =
                    [aad.len(), text.len(), self.tag_len].map(|len| (len as u64).to_be_bytes());
                let mut mac = self.mac.clone();
                // A loop: the code of an update is large, and here it stands once.
                for part in [&aad_len, &text_len, &tag_len, nonce as &[u8], aad, text] {
                    mac.update(part);
                }
                mac.finalize().into_bytes()
            }
        }

        impl Aead for $name {
            fn seal(
                &self,
                nonce: &[u8; NONCE_LEN],
                aad: &[u8],
                text_and_tag: &mut [u8],
            ) -> Result<(), Refused> {
                let (text, tag) = split_tag(text_and_tag, self.tag_len)?;
                self.keystream(nonce, text)?;
                let full = self.tag(nonce, aad, text);
                tag.copy_from_slice(full.as_ref().get(..self.tag_len).ok_or(Refused)?);
                Ok(())
            }

            fn open(
                &self,
                nonce: &[u8; NONCE_LEN],
                aad: &[u8],
                text_and_tag: &mut [u8],
            ) -> Result<(), Refused> {
                let (text, tag) = split_tag(text_and_tag, self.tag_len)?;
                let full = self.tag(nonce, aad, text);
                let want = full.as_ref().get(..self.tag_len).ok_or(Refused)?;
                if bool::from(want.ct_eq(tag)) { self.keystream(nonce, text) } else { Err(Refused) }
            }

            fn tag_len(&self) -> usize {
                self.tag_len
            }
        }
    };
}

ctr_hmac!(Aes128Sha256, Aes128, Sha256);
ctr_hmac!(Aes256Sha512, Aes256, Sha512);
