//! RustCrypto's AES-GCM: pure Rust, for WebAssembly and for machines without a C compiler.

use alloc::boxed::Box;

use crate::{Aead, CipherSuite, MAX_TAG_LEN, NONCE_LEN, Refused, ctr_hmac, split_tag};
use aes::{Aes128, Aes256};
use aes_gcm::aead::AeadInOut;

pub(crate) fn aead(suite: CipherSuite, key: &[u8]) -> Option<Box<dyn Aead>> {
    match suite {
        CipherSuite::Aes128GcmSha256_128 => Some(Box::new(Gcm::<Aes128>::new(key)?)),
        CipherSuite::Aes256GcmSha512_128 => Some(Box::new(Gcm::<Aes256>::new(key)?)),
        _ => ctr_hmac::aead(suite, key),
    }
}

#[cfg(target_arch = "wasm32")]
mod key {
    //! See [`crate::ahead`].
    use aes::cipher::consts::U16;
    use aes::cipher::{Block, BlockCipherEncrypt, KeyInit};
    use aes_gcm::AesGcm;
    use aes_gcm::aead::consts::U12;
    use zeroize::Zeroizing;

    use crate::ahead::Ahead;

    pub(super) struct Gcm<C> {
        aes: C,
        hash_key: Zeroizing<[u8; 16]>,
    }

    impl<C: KeyInit + BlockCipherEncrypt<BlockSize = U16>> Gcm<C> {
        pub(super) fn new(key: &[u8]) -> Option<Self> {
            let aes = C::new_from_slice(key).ok()?;
            let mut zero = Block::<C>::default();
            Ahead::new(&aes, None, 0).encrypt_block(&mut zero);
            Some(Self { aes, hash_key: Zeroizing::new(zero.into()) })
        }

        #[inline]
        pub(super) fn cipher(&self, len: usize) -> AesGcm<Ahead<'_, C>, U12> {
            AesGcm::from(Ahead::new(&self.aes, Some(&self.hash_key), len))
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod key {
    use aes::cipher::KeyInit;
    use aes_gcm::AesGcm;
    use aes_gcm::aead::consts::U12;

    pub(super) struct Gcm<C>(AesGcm<C, U12>);

    impl<C> Gcm<C>
    where
        AesGcm<C, U12>: KeyInit,
    {
        pub(super) fn new(key: &[u8]) -> Option<Self> {
            AesGcm::new_from_slice(key).ok().map(Self)
        }

        #[inline]
        pub(super) fn cipher(&self, _len: usize) -> &AesGcm<C, U12> {
            &self.0
        }
    }
}

use key::Gcm;

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
                let made = self
                    .cipher(text.len())
                    .encrypt_inout_detached(nonce.into(), aad, text.into())
                    .map_err(|_| Refused)?;
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
                self.cipher(text.len())
                    .decrypt_inout_detached(nonce.into(), aad, text.into(), tag)
                    .map_err(|_| Refused)
            }

            fn tag_len(&self) -> usize {
                MAX_TAG_LEN
            }
        }
    };
}

gcm!(Aes128);
gcm!(Aes256);
