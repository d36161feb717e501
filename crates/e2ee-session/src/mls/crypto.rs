//! The primitives of the cipher suites that are spoken ([`Suite`]), each by a RustCrypto crate. They differ in how keys
//! are agreed on. A member speaks one of them, and refuses another.

use std::sync::{Mutex, MutexGuard, PoisonError};

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes128Gcm, Nonce};
use chacha20::ChaCha20Rng;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use hpke::aead::AesGcm128;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
#[cfg(feature = "pq")]
use hpke::kem::XWing;
use hpke::rand_core::{Rng as _, SeedableRng as _};
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::random::OpenMlsRand;
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeAeadType, HpkeCiphertext, HpkeConfig,
    HpkeKdfType, HpkeKemType, HpkeKeyPair, KemOutput, SignatureScheme,
};
use sha2::{Digest as _, Sha256};
use tls_codec::SecretVLBytes;
use zeroize::Zeroizing;

use super::suite::Suite;

/// Bytes of the seed that randomness is drawn from.
pub const SEED_LEN: usize = 32;

/// Primitives, and randomness that is drawn from a seed of the caller's.
pub(crate) struct Primitives {
    suite: Suite,
    rng: Mutex<ChaCha20Rng>,
    /// Key of [`Self::rng_for`].
    secret: Zeroizing<[u8; 32]>,
}

impl Primitives {
    pub(crate) fn new(seed: &[u8; SEED_LEN], suite: Suite) -> Self {
        let mut rng = ChaCha20Rng::from_seed(*seed);
        let mut secret = Zeroizing::new([0; 32]);
        rng.fill_bytes(secret.as_mut_slice());
        Self { suite, rng: Mutex::new(rng), secret }
    }

    pub(crate) fn suite(&self) -> Suite {
        self.suite
    }

    /// Refuses what is not of the suite that is spoken.
    fn hpke_of(&self, HpkeConfig(kem, kdf, aead): HpkeConfig) -> Result<(), CryptoError> {
        let spoken = match (self.suite, kem) {
            (Suite::Classic, HpkeKemType::DhKem25519) => true,
            #[cfg(feature = "pq")]
            (Suite::PostQuantumDraft, HpkeKemType::XWingKemDraft6) => true,
            _ => false,
        };
        match (kdf, aead) {
            (HpkeKdfType::HkdfSha256, HpkeAeadType::AesGcm128) if spoken => Ok(()),
            _ => Err(CryptoError::UnsupportedCiphersuite),
        }
    }

    /// Randomness for one HPKE encapsulation, by a keyed hash of all that it encrypts and for whom. OpenMLS encrypts to
    /// the nodes of a path on several threads, so what is drawn in turn would differ from run to run. The same inputs
    /// give the same ciphertext, and any other an independent one.
    fn rng_for(&self, inputs: [&[u8]; 4]) -> Result<ChaCha20Rng, CryptoError> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.secret.as_slice()).map_err(|_| CryptoError::InvalidLength)?;
        for input in inputs {
            mac.update(&(input.len() as u64).to_be_bytes());
            mac.update(input);
        }
        Ok(ChaCha20Rng::from_seed(mac.finalize().into_bytes().into()))
    }

    pub(crate) fn rng(&self) -> MutexGuard<'_, ChaCha20Rng> {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash_of(hash: HashType) -> Result<(), CryptoError> {
    match hash {
        HashType::Sha2_256 => Ok(()),
        _ => Err(CryptoError::UnsupportedHashAlgorithm),
    }
}

fn aead_of(alg: AeadType, key: &[u8]) -> Result<Aes128Gcm, CryptoError> {
    match alg {
        AeadType::Aes128Gcm => Aes128Gcm::new_from_slice(key).map_err(|_| CryptoError::InvalidLength),
        _ => Err(CryptoError::UnsupportedAeadAlgorithm),
    }
}

fn scheme_of(alg: SignatureScheme) -> Result<(), CryptoError> {
    match alg {
        SignatureScheme::ED25519 => Ok(()),
        _ => Err(CryptoError::UnsupportedSignatureScheme),
    }
}

/// Key agreement of the suite: runs an expression with `$kem` as its KEM.
macro_rules! with_kem {
    ($primitives:expr, $config:expr, $kem:ident => $run:expr) => {{
        $primitives.hpke_of($config)?;
        match $primitives.suite {
            Suite::Classic => {
                type $kem = X25519HkdfSha256;
                $run
            }
            #[cfg(feature = "pq")]
            Suite::PostQuantumDraft => {
                type $kem = XWing;
                $run
            }
            #[cfg(not(feature = "pq"))]
            Suite::PostQuantumDraft => Err(CryptoError::UnsupportedCiphersuite),
        }
    }};
}

type Sender<K> = hpke::aead::AeadCtxS<AesGcm128, HkdfSha256, K>;
type Receiver<K> = hpke::aead::AeadCtxR<AesGcm128, HkdfSha256, K>;

fn sender<K: Kem>(
    pk_r: &[u8],
    info: &[u8],
    rng: &mut ChaCha20Rng,
) -> Result<(Vec<u8>, Sender<K>), CryptoError> {
    let pk_r = K::PublicKey::from_bytes(pk_r).map_err(|_| CryptoError::InvalidPublicKey)?;
    let (encapped, context): (K::EncappedKey, Sender<K>) =
        hpke::setup_sender_with_rng(&OpModeS::Base, &pk_r, info, rng)
            .map_err(|_| CryptoError::SenderSetupError)?;
    Ok((encapped.to_bytes().to_vec(), context))
}

fn receiver<K: Kem>(encapped: &[u8], sk_r: &[u8], info: &[u8]) -> Result<Receiver<K>, CryptoError> {
    let sk_r = K::PrivateKey::from_bytes(sk_r).map_err(|_| CryptoError::InvalidLength)?;
    let encapped = K::EncappedKey::from_bytes(encapped).map_err(|_| CryptoError::InvalidPublicKey)?;
    hpke::setup_receiver(&OpModeR::Base, &sk_r, &encapped, info).map_err(|_| CryptoError::ReceiverSetupError)
}

fn key_pair<K: Kem>(ikm: &[u8]) -> HpkeKeyPair {
    let (private, public) = K::derive_keypair(ikm);
    HpkeKeyPair { private: private.to_bytes().as_slice().to_vec().into(), public: public.to_bytes().to_vec() }
}

fn exported(
    export: impl FnOnce(&mut [u8]) -> Result<(), hpke::HpkeError>,
    len: usize,
) -> Result<ExporterSecret, CryptoError> {
    let mut exported = Zeroizing::new(vec![0; len]);
    export(&mut exported).map_err(|_| CryptoError::ExporterError)?;
    Ok(exported.to_vec().into())
}

fn signing_key(bytes: &[u8]) -> Result<SigningKey, CryptoError> {
    let seed: &[u8; 32] = bytes.try_into().map_err(|_| CryptoError::InvalidLength)?;
    Ok(SigningKey::from_bytes(seed))
}

/// Signs with an Ed25519 key of 32 bytes.
pub(crate) fn sign(key: &[u8], data: &[u8]) -> Result<Vec<u8>, CryptoError> {
    Ok(signing_key(key)?.sign(data).to_bytes().to_vec())
}

impl OpenMlsCrypto for Primitives {
    fn supports(&self, suite: Ciphersuite) -> Result<(), CryptoError> {
        match self.suite.of_mls() {
            Ok(spoken) if spoken == suite => Ok(()),
            _ => Err(CryptoError::UnsupportedCiphersuite),
        }
    }

    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        self.suite.of_mls().into_iter().collect()
    }

    fn hkdf_extract(&self, hash: HashType, salt: &[u8], ikm: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        hash_of(hash)?;
        Ok(Hkdf::<Sha256>::extract(Some(salt), ikm).0.as_slice().into())
    }

    fn hmac(&self, hash: HashType, key: &[u8], message: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        hash_of(hash)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| CryptoError::InvalidLength)?;
        mac.update(message);
        Ok(mac.finalize().into_bytes().as_slice().into())
    }

    fn hkdf_expand(
        &self,
        hash: HashType,
        prk: &[u8],
        info: &[u8],
        okm_len: usize,
    ) -> Result<SecretVLBytes, CryptoError> {
        hash_of(hash)?;
        let prk = Hkdf::<Sha256>::from_prk(prk).map_err(|_| CryptoError::HkdfOutputLengthInvalid)?;
        let mut okm = Zeroizing::new(vec![0; okm_len]);
        prk.expand(info, &mut okm).map_err(|_| CryptoError::HkdfOutputLengthInvalid)?;
        Ok(okm.as_slice().into())
    }

    fn hash(&self, hash: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        hash_of(hash)?;
        Ok(Sha256::digest(data).to_vec())
    }

    fn aead_encrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        data: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let nonce = Nonce::try_from(nonce).map_err(|_| CryptoError::InvalidLength)?;
        let sealed = aead_of(alg, key)?.encrypt(&nonce, Payload { msg: data, aad });
        sealed.map_err(|_| CryptoError::CryptoLibraryError)
    }

    fn aead_decrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        ct_tag: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let nonce = Nonce::try_from(nonce).map_err(|_| CryptoError::InvalidLength)?;
        let opened = aead_of(alg, key)?.decrypt(&nonce, Payload { msg: ct_tag, aad });
        opened.map_err(|_| CryptoError::AeadDecryptionError)
    }

    fn signature_key_gen(&self, alg: SignatureScheme) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        scheme_of(alg)?;
        let mut seed = Zeroizing::new([0; 32]);
        self.rng().fill_bytes(seed.as_mut_slice());
        let key = SigningKey::from_bytes(&seed);
        Ok((seed.to_vec(), key.verifying_key().to_bytes().to_vec()))
    }

    fn verify_signature(
        &self,
        alg: SignatureScheme,
        data: &[u8],
        pk: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        scheme_of(alg)?;
        let pk: &[u8; 32] = pk.try_into().map_err(|_| CryptoError::InvalidLength)?;
        let pk = VerifyingKey::from_bytes(pk).map_err(|_| CryptoError::InvalidPublicKey)?;
        let signature = Signature::from_slice(signature).map_err(|_| CryptoError::SignatureDecodingError)?;
        // Strict: one signature has one spelling, and keys of small order sign nothing.
        pk.verify_strict(data, &signature).map_err(|_| CryptoError::InvalidSignature)
    }

    fn sign(&self, alg: SignatureScheme, data: &[u8], key: &[u8]) -> Result<Vec<u8>, CryptoError> {
        scheme_of(alg)?;
        sign(key, data)
    }

    fn hpke_seal(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        aad: &[u8],
        ptxt: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        let mut rng = self.rng_for([pk_r, info, aad, ptxt])?;
        with_kem!(self, config, K => {
            let (encapped, mut context) = sender::<K>(pk_r, info, &mut rng)?;
            let ciphertext = context.seal(ptxt, aad).map_err(|_| CryptoError::HpkeEncryptionError)?;
            Ok(HpkeCiphertext { kem_output: encapped.into(), ciphertext: ciphertext.into() })
        })
    }

    fn hpke_open(
        &self,
        config: HpkeConfig,
        input: &HpkeCiphertext,
        sk_r: &[u8],
        info: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        with_kem!(self, config, K => {
            let mut context = receiver::<K>(input.kem_output.as_slice(), sk_r, info)?;
            context.open(input.ciphertext.as_slice(), aad).map_err(|_| CryptoError::HpkeDecryptionError)
        })
    }

    fn hpke_setup_sender_and_export(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<(KemOutput, ExporterSecret), CryptoError> {
        let mut rng = self.rng();
        with_kem!(self, config, K => {
            let (encapped, context) = sender::<K>(pk_r, info, &mut rng)?;
            Ok((encapped, exported(|out| context.export(exporter_context, out), exporter_length)?))
        })
    }

    fn hpke_setup_receiver_and_export(
        &self,
        config: HpkeConfig,
        enc: &[u8],
        sk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<ExporterSecret, CryptoError> {
        with_kem!(self, config, K => {
            let context = receiver::<K>(enc, sk_r, info)?;
            exported(|out| context.export(exporter_context, out), exporter_length)
        })
    }

    fn derive_hpke_keypair(&self, config: HpkeConfig, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError> {
        with_kem!(self, config, K => Ok(key_pair::<K>(ikm)))
    }
}

/// Randomness never runs out.
#[derive(Debug)]
pub(crate) struct Never;

impl std::fmt::Display for Never {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("never")
    }
}

impl std::error::Error for Never {}

impl OpenMlsRand for Primitives {
    type Error = Never;

    fn random_array<const N: usize>(&self) -> Result<[u8; N], Never> {
        let mut out = [0; N];
        self.rng().fill_bytes(&mut out);
        Ok(out)
    }

    fn random_vec(&self, len: usize) -> Result<Vec<u8>, Never> {
        let mut out = vec![0; len];
        self.rng().fill_bytes(&mut out);
        Ok(out)
    }
}

#[cfg(test)]
mod tests;
