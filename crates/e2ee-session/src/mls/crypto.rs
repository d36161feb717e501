//! The primitives of one MLS cipher suite (RFC 9420 section 17.1: 0x0001, X25519, AES-128-GCM, SHA-256, Ed25519), each by
//! a RustCrypto crate. Another suite is refused.

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
use hpke::rand_core::{Rng as _, SeedableRng as _};
use hpke::{Deserializable as _, Kem as _, OpModeR, OpModeS, Serializable as _};
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::random::OpenMlsRand;
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeAeadType, HpkeCiphertext, HpkeConfig,
    HpkeKdfType, HpkeKemType, HpkeKeyPair, KemOutput, SignatureScheme,
};
use sha2::{Digest as _, Sha256};
use tls_codec::SecretVLBytes;
use zeroize::Zeroizing;

type Kem = X25519HkdfSha256;

/// The suite that is spoken.
pub(crate) const SUITE: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;

/// Bytes of the seed that randomness is drawn from.
pub const SEED_LEN: usize = 32;

/// Primitives, and randomness that is drawn from a seed of the caller's.
pub(crate) struct Primitives {
    rng: Mutex<ChaCha20Rng>,
    /// Key of [`Self::rng_for`].
    secret: Zeroizing<[u8; 32]>,
}

impl Primitives {
    pub(crate) fn new(seed: &[u8; SEED_LEN]) -> Self {
        let mut rng = ChaCha20Rng::from_seed(*seed);
        let mut secret = Zeroizing::new([0; 32]);
        rng.fill_bytes(secret.as_mut_slice());
        Self { rng: Mutex::new(rng), secret }
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

fn hpke_of(HpkeConfig(kem, kdf, aead): &HpkeConfig) -> Result<(), CryptoError> {
    match (kem, kdf, aead) {
        (HpkeKemType::DhKem25519, HpkeKdfType::HkdfSha256, HpkeAeadType::AesGcm128) => Ok(()),
        _ => Err(CryptoError::UnsupportedCiphersuite),
    }
}

fn scheme_of(alg: SignatureScheme) -> Result<(), CryptoError> {
    match alg {
        SignatureScheme::ED25519 => Ok(()),
        _ => Err(CryptoError::UnsupportedSignatureScheme),
    }
}

fn public_key(bytes: &[u8]) -> Result<<Kem as hpke::Kem>::PublicKey, CryptoError> {
    <Kem as hpke::Kem>::PublicKey::from_bytes(bytes).map_err(|_| CryptoError::InvalidPublicKey)
}

fn private_key(bytes: &[u8]) -> Result<<Kem as hpke::Kem>::PrivateKey, CryptoError> {
    <Kem as hpke::Kem>::PrivateKey::from_bytes(bytes).map_err(|_| CryptoError::InvalidLength)
}

fn encapped(bytes: &[u8]) -> Result<<Kem as hpke::Kem>::EncappedKey, CryptoError> {
    <Kem as hpke::Kem>::EncappedKey::from_bytes(bytes).map_err(|_| CryptoError::InvalidPublicKey)
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
        if suite == SUITE { Ok(()) } else { Err(CryptoError::UnsupportedCiphersuite) }
    }

    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        vec![SUITE]
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
        hpke_of(&config)?;
        let (kem_output, mut context) = hpke::setup_sender_with_rng::<AesGcm128, HkdfSha256, Kem>(
            &OpModeS::Base,
            &public_key(pk_r)?,
            info,
            &mut self.rng_for([pk_r, info, aad, ptxt])?,
        )
        .map_err(|_| CryptoError::SenderSetupError)?;
        let ciphertext = context.seal(ptxt, aad).map_err(|_| CryptoError::HpkeEncryptionError)?;
        Ok(HpkeCiphertext {
            kem_output: kem_output.to_bytes().as_slice().into(),
            ciphertext: ciphertext.into(),
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
        hpke_of(&config)?;
        let mut context = hpke::setup_receiver::<AesGcm128, HkdfSha256, Kem>(
            &OpModeR::Base,
            &private_key(sk_r)?,
            &encapped(input.kem_output.as_slice())?,
            info,
        )
        .map_err(|_| CryptoError::ReceiverSetupError)?;
        context.open(input.ciphertext.as_slice(), aad).map_err(|_| CryptoError::HpkeDecryptionError)
    }

    fn hpke_setup_sender_and_export(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<(KemOutput, ExporterSecret), CryptoError> {
        hpke_of(&config)?;
        let (kem_output, context) = hpke::setup_sender_with_rng::<AesGcm128, HkdfSha256, Kem>(
            &OpModeS::Base,
            &public_key(pk_r)?,
            info,
            &mut *self.rng(),
        )
        .map_err(|_| CryptoError::SenderSetupError)?;
        let mut exported = Zeroizing::new(vec![0; exporter_length]);
        context.export(exporter_context, &mut exported).map_err(|_| CryptoError::ExporterError)?;
        Ok((kem_output.to_bytes().to_vec(), exported.to_vec().into()))
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
        hpke_of(&config)?;
        let context = hpke::setup_receiver::<AesGcm128, HkdfSha256, Kem>(
            &OpModeR::Base,
            &private_key(sk_r)?,
            &encapped(enc)?,
            info,
        )
        .map_err(|_| CryptoError::ReceiverSetupError)?;
        let mut exported = Zeroizing::new(vec![0; exporter_length]);
        context.export(exporter_context, &mut exported).map_err(|_| CryptoError::ExporterError)?;
        Ok(exported.to_vec().into())
    }

    fn derive_hpke_keypair(&self, config: HpkeConfig, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError> {
        hpke_of(&config)?;
        let (private, public) = Kem::derive_keypair(ikm);
        Ok(HpkeKeyPair {
            private: private.to_bytes().as_slice().to_vec().into(),
            public: public.to_bytes().to_vec(),
        })
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
