//! RustCrypto's AES-GCM: pure Rust, for WebAssembly and for machines without a C compiler.

use alloc::boxed::Box;

use crate::{Aead, CipherSuite, MAX_TAG_LEN, NONCE_LEN, Refused, ctr_hmac, split_tag};
use aes::{Aes128, Aes256};
use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::consts::{U12, U16};

pub(crate) fn aead(suite: CipherSuite, key: &[u8]) -> Option<Box<dyn Aead>> {
    match suite {
        CipherSuite::Aes128GcmSha256_128 => Some(Box::new(Gcm::<Aes128>::new(key)?)),
        CipherSuite::Aes256GcmSha512_128 => Some(Box::new(Gcm::<Aes256>::new(key)?)),
        _ => ctr_hmac::aead(suite, key),
    }
}

/// What is done with AES-GCM for one frame.
trait Work {
    fn run(self, gcm: &impl Gcm12) -> Result<(), Refused>;
}

/// AES-GCM with SFrame's nonces and tags.
trait Gcm12: AeadInOut<NonceSize = U12, TagSize = U16> {}
impl<G: AeadInOut<NonceSize = U12, TagSize = U16>> Gcm12 for G {}

struct Seal<'a> {
    nonce: &'a [u8; NONCE_LEN],
    aad: &'a [u8],
    text: &'a mut [u8],
    tag: &'a mut [u8],
}

impl Work for Seal<'_> {
    #[inline]
    fn run(self, gcm: &impl Gcm12) -> Result<(), Refused> {
        let made = gcm.encrypt_inout_detached(self.nonce.into(), self.aad, self.text.into());
        self.tag.copy_from_slice(&made.map_err(|_| Refused)?);
        Ok(())
    }
}

struct Open<'a> {
    nonce: &'a [u8; NONCE_LEN],
    aad: &'a [u8],
    text: &'a mut [u8],
    tag: &'a [u8],
}

impl Work for Open<'_> {
    #[inline]
    fn run(self, gcm: &impl Gcm12) -> Result<(), Refused> {
        let tag = self.tag.try_into().map_err(|_| Refused)?;
        gcm.decrypt_inout_detached(self.nonce.into(), self.aad, self.text.into(), tag).map_err(|_| Refused)
    }
}

#[cfg(target_arch = "wasm32")]
mod key {
    //! See [`crate::ahead`].
    use aes::cipher::{Block, BlockCipherEncrypt, KeyInit};
    use aes_gcm::AesGcm;
    use aes_gcm::aead::consts::{U12, U16};
    use zeroize::Zeroizing;

    use super::Work;
    use crate::Refused;
    use crate::ahead::{self, Message};

    pub(super) struct Gcm<C> {
        aes: C,
        hash_key: Zeroizing<[u8; 16]>,
    }

    /// As a message, so that the module holds AES for whole batches alone.
    struct HashKey;

    impl Message for HashKey {
        type Done = Zeroizing<[u8; 16]>;
        fn run<A: BlockCipherEncrypt<BlockSize = U16>>(self, aes: A) -> Self::Done {
            let mut zero = Block::<A>::default();
            aes.encrypt_block(&mut zero);
            Zeroizing::new(zero.into())
        }
    }

    struct Frame<W>(W);

    impl<W: Work> Message for Frame<W> {
        type Done = Result<(), Refused>;
        #[inline]
        fn run<A: BlockCipherEncrypt<BlockSize = U16>>(self, aes: A) -> Self::Done {
            self.0.run(&AesGcm::<A, U12>::from(aes))
        }
    }

    impl<C: KeyInit + BlockCipherEncrypt<BlockSize = U16>> Gcm<C> {
        pub(super) fn new(key: &[u8]) -> Option<Self> {
            let aes = C::new_from_slice(key).ok()?;
            let hash_key = ahead::run(&aes, None, 0, HashKey)?;
            Some(Self { aes, hash_key })
        }

        #[inline]
        pub(super) fn run(&self, len: usize, work: impl Work) -> Result<(), Refused> {
            ahead::run(&self.aes, Some(&self.hash_key), len, Frame(work)).unwrap_or(Err(Refused))
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod key {
    use aes::cipher::KeyInit;
    use aes_gcm::AesGcm;
    use aes_gcm::aead::consts::U12;

    use super::{Gcm12, Work};
    use crate::Refused;

    pub(super) struct Gcm<C>(AesGcm<C, U12>);

    impl<C> Gcm<C>
    where
        AesGcm<C, U12>: KeyInit + Gcm12,
    {
        pub(super) fn new(key: &[u8]) -> Option<Self> {
            AesGcm::new_from_slice(key).ok().map(Self)
        }

        #[inline]
        pub(super) fn run(&self, _len: usize, work: impl Work) -> Result<(), Refused> {
            work.run(&self.0)
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
                self.run(text.len(), Seal { nonce, aad, text, tag })
            }

            fn open(
                &self,
                nonce: &[u8; NONCE_LEN],
                aad: &[u8],
                text_and_tag: &mut [u8],
            ) -> Result<(), Refused> {
                let (text, tag) = split_tag(text_and_tag, MAX_TAG_LEN)?;
                self.run(text.len(), Open { nonce, aad, text, tag })
            }

            fn tag_len(&self) -> usize {
                MAX_TAG_LEN
            }
        }
    };
}

gcm!(Aes128);
gcm!(Aes256);
