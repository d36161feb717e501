//! A chain of X.509 certificates as credential: the certificate's key signs the member's signature key.
//!
//! The holder of a certificate (smart card, device certificate) signs [`message`] with its key, and puts certificates and
//! signature into its credential as a [`Proof`]. Every other member checks by itself: the chain leads to an authority that
//! its application pinned, is in its time, and the certificate's key signed exactly this signature key for exactly this
//! room.
//!
//! The certificate must be one that speaks for a person or a device towards others. Its extended key usage must name
//! client authentication, which organisations give for just that, or e-mail protection where a policy says so. One without
//! extended key usage, or for servers only, is refused: who runs a web server must not enter a call under its name. If it
//! has a key usage it must be `digitalSignature`: a key that is only for signatures of legal weight (`nonRepudiation`) must
//! not be used up for logins. Authorities on the way, if they are limited to usages, must be allowed one of these.
//!
//! Revocation is looked at where the policy is given lists for it ([`X509Policy::with_revocation_lists`]); nothing is fetched.
//!
//! A chain whose authority limits e-mail addresses by name constraints is refused when the certificate has one, as the checker does not
//! know these constraints; those on DNS names are kept.
//!
//! Sources: RFC 5280; the signature schemes are those of TLS 1.3 (RFC 8446 section 4.2.3).

mod algorithms;
mod error;

use std::time::Duration;

use e2ee_core::Millis;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use sha2::{Digest as _, Sha256};
use webpki::{
    BorrowedCertRevocationList, CertRevocationList, EndEntityCert, ExpirationPolicy,
    ExtendedKeyUsageValidator, KeyPurposeId, KeyPurposeIdIter, RevocationCheckDepth,
    RevocationOptionsBuilder, UnknownStatusPolicy,
};

use self::algorithms::{CHECKERS, Checker};
pub use self::error::X509Error;
use super::der::{self, Fields};
use super::rsa_keys::Hash;
use super::text::shown;
use crate::names::misleads;

/// Bytes of a member's signature key (Ed25519).
pub const SIGNATURE_KEY_LEN: usize = 32;
/// Most certificates of one proof, the member's own counted.
pub const MAX_CHAIN: usize = 6;
/// Longest certificate, bytes of DER.
pub const MAX_CERTIFICATE_LEN: usize = 8 << 10;
/// Longest signature, bytes: RSA with 8192 bits.
pub const MAX_SIGNATURE_LEN: usize = 1024;
/// Most names of a kind that are told of one certificate.
pub const MAX_NAMES: usize = 16;

const VERSION: u8 = 1;
const LABEL: &[u8] = b"frameseal x509 1";

const COMMON_NAME: [u8; 3] = [0x55, 4, 3];
const ORGANIZATION: [u8; 3] = [0x55, 4, 10];
const KEY_USAGE: [u8; 3] = [0x55, 0x1d, 15];
const SUBJECT_ALT_NAME: [u8; 3] = [0x55, 0x1d, 17];
const EXT_KEY_USAGE: [u8; 3] = [0x55, 0x1d, 37];
const CLIENT_AUTH: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 3, 2];
const EMAIL_PROTECTION: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 3, 4];
const RFC822_NAME: u8 = 0x81;
const DNS_NAME: u8 = 0x82;

/// What the certificate's key signs: `"frameseal x509 1" | signature key (32) | room`.
#[must_use]
pub fn message(signature_key: &[u8; SIGNATURE_KEY_LEN], room: &[u8]) -> Vec<u8> {
    [LABEL, signature_key, room].concat()
}

/// How the certificate's key signed, by the number that TLS 1.3 has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u16)]
pub enum Scheme {
    /// RSA, PKCS #1 v1.5, SHA-256: what older smart cards can do.
    RsaPkcs1Sha256 = 0x0401,
    /// ECDSA on P-256 with SHA-256; the signature in DER.
    EcdsaP256Sha256 = 0x0403,
    /// ECDSA on P-384 with SHA-384; the signature in DER.
    EcdsaP384Sha384 = 0x0503,
    /// RSA, PSS, SHA-256.
    RsaPssSha256 = 0x0804,
    /// Ed25519.
    Ed25519 = 0x0807,
}

impl Scheme {
    const ALL: [Self; 5] = [
        Self::RsaPkcs1Sha256,
        Self::EcdsaP256Sha256,
        Self::EcdsaP384Sha384,
        Self::RsaPssSha256,
        Self::Ed25519,
    ];

    fn algorithm(self) -> &'static Checker {
        match self {
            Self::RsaPkcs1Sha256 => &Checker::RsaPkcs1(Hash::Sha256),
            Self::EcdsaP256Sha256 => &Checker::P256,
            Self::EcdsaP384Sha384 => &Checker::P384,
            Self::RsaPssSha256 => &Checker::RsaPss(Hash::Sha256),
            Self::Ed25519 => &Checker::Ed25519,
        }
    }
}

/// What a member shows: `version (1) = 1 | scheme (2) | count (1) | count x (length (2) | certificate) | signature (the
/// rest)`. Numbers are big-endian, certificates in DER: the member's own, then those of authorities, in any order.
#[derive(Clone)]
pub struct Proof<'a> {
    /// How the signature was made.
    pub scheme: Scheme,
    /// The member's certificate and those that lead to an authority; the authority's own may be left out.
    pub chain: Vec<&'a [u8]>,
    /// Over [`message`].
    pub signature: &'a [u8],
}

impl<'a> Proof<'a> {
    /// Reads a proof; the certificates in it are not looked at.
    ///
    /// # Errors
    ///
    /// [`X509Error::MalformedProof`], [`X509Error::TooLong`], [`X509Error::Scheme`].
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, X509Error> {
        let malformed = X509Error::MalformedProof;
        let (&[version, high, low, count], mut rest) = bytes.split_first_chunk().ok_or(malformed)?;
        if version != VERSION || count == 0 {
            return Err(malformed);
        }
        let number = u16::from_be_bytes([high, low]);
        let scheme = Scheme::ALL.into_iter().find(|s| *s as u16 == number).ok_or(X509Error::Scheme)?;
        if usize::from(count) > MAX_CHAIN {
            return Err(X509Error::TooLong);
        }
        let mut chain = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            let (len, after) = rest.split_first_chunk().ok_or(malformed)?;
            let (certificate, after) =
                after.split_at_checked(u16::from_be_bytes(*len).into()).ok_or(malformed)?;
            if certificate.len() > MAX_CERTIFICATE_LEN {
                return Err(X509Error::TooLong);
            }
            chain.push(certificate);
            rest = after;
        }
        if rest.is_empty() {
            return Err(malformed);
        }
        if rest.len() > MAX_SIGNATURE_LEN {
            return Err(X509Error::TooLong);
        }
        Ok(Self { scheme, chain, signature: rest })
    }

    /// Its bytes.
    ///
    /// # Errors
    ///
    /// [`X509Error::TooLong`] where no reader would take them, [`X509Error::MalformedProof`] where there is no certificate
    /// or no signature.
    pub fn to_bytes(&self) -> Result<Vec<u8>, X509Error> {
        let mut out = vec![VERSION];
        out.extend_from_slice(&(self.scheme as u16).to_be_bytes());
        out.push(u8::try_from(self.chain.len()).map_err(|_| X509Error::TooLong)?);
        for certificate in &self.chain {
            let len = u16::try_from(certificate.len()).map_err(|_| X509Error::TooLong)?;
            out.extend_from_slice(&len.to_be_bytes());
            out.extend_from_slice(certificate);
        }
        out.extend_from_slice(self.signature);
        Proof::from_bytes(&out)?;
        Ok(out)
    }
}

/// What the member's certificate must be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// Client authentication.
    ClientAuth,
    /// Client authentication, or protection of e-mail (S/MIME).
    ClientAuthOrEmail,
}

/// What a member must show to count as verified.
#[derive(Clone, Debug)]
pub struct X509Policy {
    anchors: Vec<(TrustAnchor<'static>, Option<String>)>,
    revocation_lists: Vec<Vec<u8>>,
    /// What the member's certificate must be for.
    pub purpose: Purpose,
}

/// Whom an authority vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The authority's name for itself, to be shown.
    pub authority: Option<String>,
    /// SHA-256 of the certificate: the same tomorrow only if the certificate is.
    pub fingerprint: [u8; 32],
    /// E-mail addresses that the authority certifies.
    pub emails: Vec<String>,
    /// DNS names that the authority certifies.
    pub dns_names: Vec<String>,
    /// The subject's common name, to be shown.
    pub common_name: Option<String>,
    /// The subject's organisation, to be shown.
    pub organization: Option<String>,
}

impl ExtendedKeyUsageValidator for Purpose {
    /// Called for the member's certificate and for those of authorities, which may be without: then all purposes are theirs.
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        let mut limited = false;
        for purpose in purposes {
            let purpose = purpose?;
            limited = true;
            if self.names().iter().any(|name| purpose == KeyPurposeId::new(name)) {
                return Ok(());
            }
        }
        if limited { Err(webpki::Error::EmptyEkuExtension) } else { Ok(()) }
    }
}

impl Purpose {
    fn names(&self) -> &'static [[u8; 8]] {
        match self {
            Self::ClientAuth => &[CLIENT_AUTH],
            Self::ClientAuthOrEmail => &[CLIENT_AUTH, EMAIL_PROTECTION],
        }
    }
}

impl X509Policy {
    /// Takes the word of these authorities, certificates in DER, for certificates that are for client authentication. That
    /// an anchor has expired does not end its word: take it out.
    ///
    /// # Errors
    ///
    /// [`X509Error::BadAnchor`] says which is no such certificate.
    pub fn new(anchors: &[&[u8]]) -> Result<Self, X509Error> {
        let read = |(index, anchor): (usize, &&[u8])| -> Result<_, X509Error> {
            let bad = X509Error::BadAnchor(index);
            let certificate = CertificateDer::from(*anchor);
            let trusted = webpki::anchor_from_trusted_cert(&certificate).map_err(|_| bad)?;
            let fields = Fields::read(anchor).ok_or(bad)?;
            let name = fields.subject(&COMMON_NAME).or_else(|| fields.subject(&ORGANIZATION));
            Ok((trusted.to_owned(), name.as_deref().map(shown)))
        };
        let anchors = anchors.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { anchors, revocation_lists: Vec::new(), purpose: Purpose::ClientAuth })
    }

    /// Looks every certificate of a chain up in these lists of revoked ones (RFC 5280 section 5), in DER: one of each authority
    /// that chains go through, the anchors included. From then on a chain is refused if there is no list for one of its
    /// certificates, or one that is past its next update: give newer ones in time.
    ///
    /// # Errors
    ///
    /// [`X509Error::BadRevocationList`] says which is none.
    pub fn with_revocation_lists(mut self, lists: &[&[u8]]) -> Result<Self, X509Error> {
        for (index, list) in lists.iter().enumerate() {
            BorrowedCertRevocationList::from_der(list).map_err(|_| X509Error::BadRevocationList(index))?;
        }
        self.revocation_lists = lists.iter().map(|list| list.to_vec()).collect();
        Ok(self)
    }

    /// Whether an authority of this policy vouches for a member with this signature key in this room, at this time since
    /// 1970.
    ///
    /// # Errors
    ///
    /// The first rule that the proof breaks.
    pub fn verify(
        &self,
        proof: &[u8],
        signature_key: &[u8; SIGNATURE_KEY_LEN],
        room: &[u8],
        now: Millis,
    ) -> Result<Claims, X509Error> {
        let proof = Proof::from_bytes(proof)?;
        let (own, others) = proof.chain.split_first().ok_or(X509Error::MalformedProof)?;
        let certificate = CertificateDer::from(*own);
        let others: Vec<_> = others.iter().map(|der| CertificateDer::from(*der)).collect();
        let leaf = EndEntityCert::try_from(&certificate)?;
        let anchors: Vec<_> = self.anchors.iter().map(|(anchor, _)| anchor.clone()).collect();
        let algorithms: Vec<_> = CHECKERS.iter().map(|c| c as &dyn SignatureVerificationAlgorithm).collect();
        let time = UnixTime::since_unix_epoch(Duration::from_millis(now.0));
        let lists = self.revocation_lists.iter().enumerate().map(|(index, list)| {
            let list = BorrowedCertRevocationList::from_der(list);
            list.map(CertRevocationList::from).map_err(|_| X509Error::BadRevocationList(index))
        });
        let lists = lists.collect::<Result<Vec<_>, _>>()?;
        let lists: Vec<_> = lists.iter().collect();
        let revocation = RevocationOptionsBuilder::new(&lists).ok().map(|options| {
            let options = options.with_depth(RevocationCheckDepth::Chain);
            let options = options.with_status_policy(UnknownStatusPolicy::Deny);
            options.with_expiration_policy(ExpirationPolicy::Enforce).build()
        });
        let path =
            leaf.verify_for_usage(&algorithms, &anchors, &others, time, self.purpose, revocation, None)?;
        let found = path.anchor();
        let authority =
            self.anchors.iter().find(|(anchor, _)| anchor == found).and_then(|(_, name)| name.clone());

        let fields = Fields::read(own).ok_or(X509Error::BadCertificate)?;
        // That it names one of these was checked; here that it names any.
        fields.extension(&EXT_KEY_USAGE).ok_or(X509Error::Purpose)?;
        if let Some(mut usage) = fields.extension(&KEY_USAGE) {
            // A bit string: how many bits of the last byte are none, then the bits, the first being digitalSignature.
            let bits = usage.expect(der::BIT_STRING).ok_or(X509Error::BadCertificate)?;
            if bits.0.get(1).is_none_or(|bits| bits & 0x80 == 0) {
                return Err(X509Error::KeyUsage);
            }
        }
        let message = message(signature_key, room);
        leaf.verify_signature(proof.scheme.algorithm(), &message, proof.signature).map_err(|error| {
            match error {
                webpki::Error::InvalidSignatureForPublicKey => X509Error::WrongKey,
                _ => X509Error::WrongKeyType,
            }
        })?;
        let (emails, dns_names) = alternative_names(&fields)?;
        Ok(Claims {
            authority,
            fingerprint: Sha256::digest(own).into(),
            emails,
            dns_names,
            common_name: fields.subject(&COMMON_NAME).as_deref().map(shown),
            organization: fields.subject(&ORGANIZATION).as_deref().map(shown),
        })
    }
}

/// E-mail addresses and DNS names (RFC 5280 section 4.2.1.6).
fn alternative_names(fields: &Fields<'_>) -> Result<(Vec<String>, Vec<String>), X509Error> {
    let (mut emails, mut dns_names) = (Vec::new(), Vec::new());
    let Some(mut extension) = fields.extension(&SUBJECT_ALT_NAME) else { return Ok((emails, dns_names)) };
    let mut names = extension.expect(der::SEQUENCE).ok_or(X509Error::BadCertificate)?;
    while let Some((tag, content)) = names.next() {
        let list = match tag {
            RFC822_NAME => &mut emails,
            DNS_NAME => &mut dns_names,
            _ => continue,
        };
        let name = std::str::from_utf8(content).map_err(|_| X509Error::BadName)?;
        if !name.is_ascii()
            || name.is_empty()
            || name.len() > 255
            || name.chars().any(|c| c == ' ' || misleads(c))
        {
            return Err(X509Error::BadName);
        }
        if list.len() < MAX_NAMES {
            list.push(name.to_owned());
        }
    }
    Ok((emails, dns_names))
}
