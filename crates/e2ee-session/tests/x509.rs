//! Chains of certificates as credentials: right ones of every algorithm, and each rule broken once.
#![cfg(feature = "x509")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::LazyLock;

use e2ee_core::Millis;
use e2ee_session::identity::x509::{
    Claims, MAX_CERTIFICATE_LEN, Proof, Purpose, Scheme, X509Error, X509Policy, message,
};
use proptest::prelude::*;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose as Eku, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
    RevokedCertParams, SanType, SignatureAlgorithm, SigningKey, date_time_ymd,
};
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _};

const MEMBER: [u8; 32] = [7; 32];
const ROOM: &[u8] = b"weekly";
/// Some day in 2026; certificates of these tests count from 2026 to 2027.
const NOW: Millis = Millis(1_795_258_800_000);
const YEAR: u64 = 365 * 24 * 3_600_000;

type Ca = Issuer<'static, KeyPair>;

fn ec() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()
}

static RSA: LazyLock<rsa::RsaPrivateKey> =
    LazyLock::new(|| rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap());

fn rsa_key(algorithm: &'static SignatureAlgorithm) -> KeyPair {
    let der = RSA.to_pkcs8_der().unwrap();
    KeyPair::from_pkcs8_der_and_sign_algo(&der.as_bytes().to_vec().into(), algorithm).unwrap()
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2027, 1, 1));
    params
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn leaf_params() -> CertificateParams {
    let mut params = params("Zoé Núñez");
    params.distinguished_name.push(DnType::OrganizationName, "Example");
    let san = |name: &str| Ia5String::try_from(name).unwrap();
    params.subject_alt_names =
        vec![SanType::Rfc822Name(san("zoe@example.org")), SanType::DnsName(san("zoe.example.org"))];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![Eku::ClientAuth];
    params
}

fn root(params: CertificateParams, key: KeyPair) -> (Ca, Certificate) {
    let certificate = params.self_signed(&key).unwrap();
    (Issuer::new(params, key), certificate)
}

fn under(params: CertificateParams, key: KeyPair, above: &Ca) -> (Ca, Certificate) {
    let certificate = params.signed_by(&key, above).unwrap();
    (Issuer::new(params, key), certificate)
}

/// Root, one authority under it, and the member's certificate with its key.
struct Chain {
    root: Certificate,
    middle: Certificate,
    leaf: Certificate,
    key: KeyPair,
}

fn chain_with(middle: CertificateParams, leaf: CertificateParams) -> Chain {
    let (root_ca, root) = root(ca_params("Example Root"), ec());
    let (middle_ca, middle) = under(middle, ec(), &root_ca);
    let key = ec();
    let leaf = leaf.signed_by(&key, &middle_ca).unwrap();
    Chain { root, middle, leaf, key }
}

fn chain() -> Chain {
    chain_with(ca_params("Example People"), leaf_params())
}

impl Chain {
    fn proof(&self, signature: &[u8]) -> Vec<u8> {
        let chain = vec![self.leaf.der().as_ref(), self.middle.der().as_ref()];
        Proof { scheme: Scheme::EcdsaP256Sha256, chain, signature }.to_bytes().unwrap()
    }

    fn good_proof(&self) -> Vec<u8> {
        self.proof(&self.key.sign(&message(&MEMBER, ROOM)).unwrap())
    }

    fn policy(&self) -> X509Policy {
        X509Policy::new(&[self.root.der()]).unwrap()
    }

    fn check(&self) -> Result<Claims, X509Error> {
        self.policy().verify(&self.good_proof(), &MEMBER, ROOM, NOW)
    }
}

#[test]
fn a_chain_makes_the_member_known() {
    let known = chain().check().unwrap();
    assert_eq!(known.authority.as_deref(), Some("Example Root"));
    assert_eq!(known.emails, ["zoe@example.org"]);
    assert_eq!(known.dns_names, ["zoe.example.org"]);
    assert_eq!(known.common_name.as_deref(), Some("Zoé Núñez"));
    assert_eq!(known.organization.as_deref(), Some("Example"));
}

#[test]
fn keys_of_every_kind_are_checked() {
    let (p384, ed) = (&rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519);
    let make = |algorithm| KeyPair::generate_for(algorithm).unwrap();
    let pss = |message: &[u8]| {
        let key = rsa::pss::SigningKey::<rsa::sha2::Sha256>::new(RSA.clone());
        key.sign_with_rng(&mut rsa::rand_core::OsRng, message).to_vec()
    };
    for (scheme, key, ca_key) in [
        (Scheme::EcdsaP256Sha256, ec(), make(p384)),
        (Scheme::EcdsaP384Sha384, make(p384), make(ed)),
        (Scheme::Ed25519, make(ed), rsa_key(&rcgen::PKCS_RSA_SHA256)),
        (Scheme::RsaPkcs1Sha256, rsa_key(&rcgen::PKCS_RSA_SHA256), rsa_key(&rcgen::PKCS_RSA_SHA384)),
        (Scheme::RsaPssSha256, rsa_key(&rcgen::PKCS_RSA_SHA256), rsa_key(&rcgen::PKCS_RSA_SHA512)),
    ] {
        let (ca, root) = root(ca_params("Example Root"), ca_key);
        let leaf = leaf_params().signed_by(&key, &ca).unwrap();
        let message = message(&MEMBER, ROOM);
        let signature =
            if scheme == Scheme::RsaPssSha256 { pss(&message) } else { key.sign(&message).unwrap() };
        let policy = X509Policy::new(&[root.der()]).unwrap();
        let proof =
            |scheme| Proof { scheme, chain: vec![leaf.der()], signature: &signature }.to_bytes().unwrap();
        let known =
            policy.verify(&proof(scheme), &MEMBER, ROOM, NOW).unwrap_or_else(|e| panic!("{scheme:?}: {e}"));
        assert_eq!(known.emails, ["zoe@example.org"]);
        for other in
            [Scheme::EcdsaP256Sha256, Scheme::EcdsaP384Sha384, Scheme::Ed25519, Scheme::RsaPkcs1Sha256]
        {
            if other != scheme {
                let answer = policy.verify(&proof(other), &MEMBER, ROOM, NOW).unwrap_err();
                assert!(
                    matches!(answer, X509Error::WrongKeyType | X509Error::WrongKey),
                    "{scheme:?}: {answer}"
                );
            }
        }
    }
}

#[test]
fn another_key_another_room_and_another_holder_are_refused() {
    let chain = chain();
    let good = chain.good_proof();
    let policy = chain.policy();
    assert!(policy.verify(&good, &MEMBER, ROOM, NOW).is_ok());
    assert_eq!(policy.verify(&good, &[8; 32], ROOM, NOW), Err(X509Error::WrongKey));
    assert_eq!(policy.verify(&good, &MEMBER, b"weekly2", NOW), Err(X509Error::WrongKey));
    assert_eq!(policy.verify(&good, &MEMBER, b"", NOW), Err(X509Error::WrongKey));
    let mallory = chain.proof(&ec().sign(&message(&MEMBER, ROOM)).unwrap());
    assert_eq!(policy.verify(&mallory, &MEMBER, ROOM, NOW), Err(X509Error::WrongKey));
    let unlabelled = chain.proof(&chain.key.sign(&[MEMBER.as_slice(), ROOM].concat()).unwrap());
    assert_eq!(policy.verify(&unlabelled, &MEMBER, ROOM, NOW), Err(X509Error::WrongKey));
}

#[test]
fn time_counts_for_every_certificate() {
    let chain = chain();
    let at = |now| chain.policy().verify(&chain.good_proof(), &MEMBER, ROOM, Millis(now));
    assert_eq!(at(NOW.0 + YEAR), Err(X509Error::Expired));
    assert_eq!(at(NOW.0 - YEAR), Err(X509Error::NotYetValid));
    assert_eq!(at(0), Err(X509Error::NotYetValid));
    assert_eq!(at(u64::MAX), Err(X509Error::Expired));
    // The leaf is in its time, the authority in between is not.
    let mut middle = ca_params("Example People");
    middle.not_after = date_time_ymd(2026, 2, 1);
    assert_eq!(chain_with(middle, leaf_params()).check(), Err(X509Error::Expired));
}

#[test]
fn the_way_to_the_anchor_must_be_whole_and_signed() {
    let (chain, other) = (chain(), chain());
    let good = chain.good_proof();
    // Another root, of the same name and with another key.
    assert_eq!(other.policy().verify(&good, &MEMBER, ROOM, NOW), Err(X509Error::BadChainSignature));
    let (_, stranger) = root(ca_params("Another Root"), ec());
    let policy = X509Policy::new(&[stranger.der()]).unwrap();
    assert_eq!(policy.verify(&good, &MEMBER, ROOM, NOW), Err(X509Error::UnknownAuthority));
    let nobody = X509Policy::new(&[]).unwrap();
    assert_eq!(nobody.verify(&good, &MEMBER, ROOM, NOW), Err(X509Error::UnknownAuthority));
    // One of several anchors is enough, and it is named.
    let policy = X509Policy::new(&[stranger.der(), chain.root.der()]).unwrap();
    assert_eq!(policy.verify(&good, &MEMBER, ROOM, NOW).unwrap().authority.as_deref(), Some("Example Root"));

    let signature = chain.key.sign(&message(&MEMBER, ROOM)).unwrap();
    let with = |chain: Vec<&[u8]>| {
        Proof { scheme: Scheme::EcdsaP256Sha256, chain, signature: &signature }.to_bytes().unwrap()
    };
    let (leaf, middle, root) = (chain.leaf.der(), chain.middle.der(), chain.root.der());
    let check = |proof: Vec<u8>| chain.policy().verify(&proof, &MEMBER, ROOM, NOW).map(|_| ());
    assert_eq!(check(with(vec![leaf])), Err(X509Error::UnknownAuthority));
    assert_eq!(check(with(vec![leaf, root])), Err(X509Error::UnknownAuthority));
    assert_eq!(check(with(vec![leaf, root, other.middle.der(), middle])), Ok(()));
    assert_eq!(check(with(vec![middle, leaf])), Err(X509Error::NotAnAuthority));
    // The authority in between is another's, under the same name.
    assert_eq!(check(with(vec![leaf, other.middle.der()])), Err(X509Error::BadChainSignature));
}

#[test]
fn only_an_authority_may_issue_and_only_as_far_as_it_may() {
    // A member's certificate issues one for somebody else.
    let mut middle = leaf_params();
    middle.is_ca = IsCa::ExplicitNoCa;
    assert_eq!(chain_with(middle, leaf_params()).check(), Err(X509Error::NotAnAuthority));
    // An authority's certificate as the member's.
    let mut leaf = leaf_params();
    leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    assert_eq!(chain_with(ca_params("Example People"), leaf).check(), Err(X509Error::NotAnAuthority));
    // An authority that may only issue to ends.
    let mut short = ca_params("Example Root");
    short.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let (top, anchor) = root(ca_params("Example Top"), ec());
    let (short_ca, short) = under(short, ec(), &top);
    let (middle_ca, middle) = under(ca_params("Example People"), ec(), &short_ca);
    let key = ec();
    let leaf = leaf_params().signed_by(&key, &middle_ca).unwrap();
    let signature = key.sign(&message(&MEMBER, ROOM)).unwrap();
    let chain = vec![leaf.der().as_ref(), middle.der(), short.der()];
    let proof = Proof { scheme: Scheme::EcdsaP256Sha256, chain, signature: &signature }.to_bytes().unwrap();
    let policy = X509Policy::new(&[anchor.der()]).unwrap();
    assert_eq!(policy.verify(&proof, &MEMBER, ROOM, NOW), Err(X509Error::NotAnAuthority));
}

#[test]
fn the_certificate_must_be_for_this() {
    let with = |purposes: Vec<Eku>, usages: Vec<KeyUsagePurpose>| {
        let mut leaf = leaf_params();
        (leaf.extended_key_usages, leaf.key_usages) = (purposes, usages);
        chain_with(ca_params("Example People"), leaf)
    };
    let signs = || vec![KeyUsagePurpose::DigitalSignature];
    assert_eq!(with(vec![], signs()).check(), Err(X509Error::Purpose));
    assert_eq!(with(vec![Eku::ServerAuth], signs()).check(), Err(X509Error::Purpose));
    assert_eq!(with(vec![Eku::Any], signs()).check(), Err(X509Error::Purpose));
    assert!(with(vec![Eku::ServerAuth, Eku::ClientAuth], signs()).check().is_ok());
    assert!(with(vec![Eku::ClientAuth], vec![]).check().is_ok());
    assert_eq!(
        with(vec![Eku::ClientAuth], vec![KeyUsagePurpose::KeyEncipherment]).check(),
        Err(X509Error::KeyUsage)
    );
    let legal = with(vec![Eku::ClientAuth], vec![KeyUsagePurpose::ContentCommitment]);
    assert_eq!(legal.check(), Err(X509Error::KeyUsage));

    let mail = with(vec![Eku::EmailProtection], signs());
    assert_eq!(mail.check(), Err(X509Error::Purpose));
    let mut policy = mail.policy();
    policy.purpose = Purpose::ClientAuthOrEmail;
    assert!(policy.verify(&mail.good_proof(), &MEMBER, ROOM, NOW).is_ok());

    // An authority that is there for servers.
    let mut middle = ca_params("Example Servers");
    middle.extended_key_usages = vec![Eku::ServerAuth];
    assert_eq!(chain_with(middle, leaf_params()).check(), Err(X509Error::Purpose));
}

#[test]
fn authorities_keep_to_the_names_they_may_vouch_for() {
    let constrained = |permitted: &str, email: bool| {
        let mut middle = ca_params("Example People");
        let subtree = if email {
            GeneralSubtree::Rfc822Name(permitted.into())
        } else {
            GeneralSubtree::DnsName(permitted.into())
        };
        middle.name_constraints =
            Some(NameConstraints { permitted_subtrees: vec![subtree], excluded_subtrees: vec![] });
        chain_with(middle, leaf_params()).check().map(|_| ())
    };
    assert_eq!(constrained("example.org", false), Ok(()));
    assert_eq!(constrained("example.com", false), Err(X509Error::NameConstraints));
    // Constraints on e-mail addresses are not understood: refused, whatever they say.
    assert_eq!(constrained("example.org", true), Err(X509Error::NameConstraints));
}

#[test]
fn names_are_fit_to_be_shown_or_refused() {
    let mut leaf = leaf_params();
    leaf.distinguished_name.push(DnType::CommonName, "Bob\u{202e}ecilA");
    let known = chain_with(ca_params("Example People"), leaf).check().unwrap();
    assert_eq!(known.common_name.as_deref(), Some("Bob\\u{202e}ecilA"));
    for name in ["zoe@example.org\n", "zoe@example.org\0.mallory.example", "zoe @example.org"] {
        let mut leaf = leaf_params();
        leaf.subject_alt_names = vec![SanType::Rfc822Name(Ia5String::try_from(name).unwrap())];
        assert_eq!(
            chain_with(ca_params("Example People"), leaf).check(),
            Err(X509Error::BadName),
            "{name:?}"
        );
    }
    let mut many = leaf_params();
    let name = |n| SanType::Rfc822Name(Ia5String::try_from(format!("{n}@example.org")).unwrap());
    many.subject_alt_names = (0..40).map(name).collect();
    assert_eq!(chain_with(ca_params("Example People"), many).check().unwrap().emails.len(), 16);
}

/// A public key that is too small to be generated otherwise.
struct Small(Vec<u8>);

impl rcgen::PublicKeyData for Small {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

#[test]
fn weak_keys_and_unknown_algorithms_are_refused() {
    let small = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 1024).unwrap();
    let der = rsa::pkcs1::EncodeRsaPublicKey::to_pkcs1_der(&small.to_public_key()).unwrap();
    let (ca, root) = root(ca_params("Example Root"), ec());
    let leaf = leaf_params().signed_by(&Small(der.into_vec()), &ca).unwrap();
    let signer = rsa::pkcs1v15::SigningKey::<rsa::sha2::Sha256>::new(small);
    let signature = rsa::signature::Signer::sign(&signer, &message(&MEMBER, ROOM)).to_vec();
    let policy = X509Policy::new(&[root.der()]).unwrap();
    let proof = Proof { scheme: Scheme::RsaPkcs1Sha256, chain: vec![leaf.der()], signature: &signature };
    assert_eq!(policy.verify(&proof.to_bytes().unwrap(), &MEMBER, ROOM, NOW), Err(X509Error::WrongKey));
}

#[test]
fn anchors_that_are_none_are_named() {
    let chain = chain();
    let root: &[u8] = chain.root.der();
    assert_eq!(X509Policy::new(&[root, b"pem?"]).unwrap_err(), X509Error::BadAnchor(1));
    assert_eq!(X509Policy::new(&[&root[..root.len() - 1]]).unwrap_err(), X509Error::BadAnchor(0));
}

#[test]
fn the_form_of_a_proof_is_exact() {
    let chain = chain();
    let good = chain.good_proof();
    let leaf: &[u8] = chain.leaf.der();
    let read = |bytes: &[u8]| Proof::from_bytes(bytes).map(|proof| proof.chain.len());
    assert_eq!(read(&good), Ok(2));
    let changed = |at: usize, value: u8| {
        let mut bad = good.clone();
        bad[at] = value;
        bad
    };
    assert_eq!(read(&changed(0, 2)), Err(X509Error::MalformedProof));
    assert_eq!(read(&changed(1, 9)), Err(X509Error::Scheme));
    assert_eq!(read(&changed(3, 0)), Err(X509Error::MalformedProof));
    assert_eq!(read(&changed(3, 7)), Err(X509Error::TooLong));
    let write = |chain: Vec<&[u8]>, signature: &[u8]| {
        Proof { scheme: Scheme::Ed25519, chain, signature }.to_bytes().map(|_| ())
    };
    assert_eq!(write(vec![leaf; 6], &[0; 64]), Ok(()));
    assert_eq!(write(vec![leaf; 7], &[0; 64]), Err(X509Error::TooLong));
    assert_eq!(write(vec![leaf; 300], &[0; 64]), Err(X509Error::TooLong));
    assert_eq!(write(vec![], &[0; 64]), Err(X509Error::MalformedProof));
    assert_eq!(write(vec![leaf], &[]), Err(X509Error::MalformedProof));
    assert_eq!(write(vec![leaf], &[0; 1025]), Err(X509Error::TooLong));
    assert_eq!(write(vec![&[0; MAX_CERTIFICATE_LEN + 1]], &[0; 64]), Err(X509Error::TooLong));
    assert_eq!(write(vec![&[0; 70_000]], &[0; 64]), Err(X509Error::TooLong));
}

#[test]
fn no_truncation_and_no_flipped_bit_is_taken() {
    let chain = chain();
    let policy = chain.policy();
    let good = chain.good_proof();
    for len in 0..good.len() {
        assert!(policy.verify(&good[..len], &MEMBER, ROOM, NOW).is_err(), "{len} bytes");
    }
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(policy.verify(&bad, &MEMBER, ROOM, NOW).is_err(), "bit {bit}");
    }
}

proptest! {
    #[test]
    fn any_bytes_have_an_answer(bytes: Vec<u8>, certificate: Vec<u8>) {
        static CHAIN: LazyLock<Chain> = LazyLock::new(chain);
        let policy = CHAIN.policy();
        prop_assert!(policy.verify(&bytes, &MEMBER, ROOM, NOW).is_err());
        let proof = Proof { scheme: Scheme::Ed25519, chain: vec![&certificate, &bytes], signature: &[0; 64] };
        prop_assert!(policy.verify(&proof.to_bytes().unwrap(), &MEMBER, ROOM, NOW).is_err());
        prop_assert!(X509Policy::new(&[&bytes]).is_err());
    }
}

#[test]
fn revoked_certificates_are_refused_where_lists_are_given() {
    let list = |ca: &Ca, revoked: &[u64], next: (i32, u8)| {
        let entry = |serial: &u64| RevokedCertParams {
            serial_number: (*serial).into(),
            revocation_time: date_time_ymd(2026, 2, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 2),
            next_update: date_time_ymd(next.0, next.1, 1),
            crl_number: 1_u64.into(),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        params.signed_by(ca).unwrap().der().to_vec()
    };
    let serial = |mut params: CertificateParams, serial: u64| {
        params.serial_number = Some(serial.into());
        params.key_usages.push(KeyUsagePurpose::CrlSign);
        params
    };
    let (root_ca, root) = root(serial(ca_params("Example Root"), 1), ec());
    let (middle_ca, middle) = under(serial(ca_params("Example People"), 2), ec(), &root_ca);
    let key = ec();
    let leaf = serial(leaf_params(), 3).signed_by(&key, &middle_ca).unwrap();
    let chain = Chain { root, middle, leaf, key };
    let check = |lists: &[Vec<u8>]| {
        let lists: Vec<_> = lists.iter().map(Vec::as_slice).collect();
        let policy = chain.policy().with_revocation_lists(&lists).unwrap();
        policy.verify(&chain.good_proof(), &MEMBER, ROOM, NOW).map(|_| ())
    };
    let year = (2027, 1);
    assert_eq!(check(&[]), Ok(()));
    assert_eq!(check(&[list(&root_ca, &[], year), list(&middle_ca, &[], year)]), Ok(()));
    assert_eq!(check(&[list(&root_ca, &[3], year), list(&middle_ca, &[2, 4], year)]), Ok(()));
    assert_eq!(check(&[list(&root_ca, &[], year), list(&middle_ca, &[3], year)]), Err(X509Error::Revoked));
    assert_eq!(check(&[list(&root_ca, &[2], year), list(&middle_ca, &[], year)]), Err(X509Error::Revoked));
    assert_eq!(check(&[list(&root_ca, &[], year)]), Err(X509Error::NoRevocationList));
    assert_eq!(check(&[list(&middle_ca, &[], year)]), Err(X509Error::NoRevocationList));
    let old = list(&middle_ca, &[], (2026, 3));
    assert_eq!(check(&[list(&root_ca, &[], year), old]), Err(X509Error::OldRevocationList));
    // Under the authority's name, signed by another.
    let forger = Issuer::new(serial(ca_params("Example People"), 2), ec());
    let forged = list(&forger, &[], year);
    assert_eq!(check(&[list(&root_ca, &[], year), forged]), Err(X509Error::NoRevocationList));
    let none = chain.policy().with_revocation_lists(&[&list(&root_ca, &[], year), b"none"]);
    assert_eq!(none.unwrap_err(), X509Error::BadRevocationList(1));
}

#[test]
fn the_common_door_leads_here() {
    use e2ee_session::identity::policy::{By, IdentityError, IdentityPolicy, x509_proof};
    let chain = chain();
    let proof = x509_proof(&chain.good_proof());
    let mut policy = IdentityPolicy::default();
    assert_eq!(policy.verify(&[], &MEMBER, ROOM, NOW), Ok(None));
    assert_eq!(policy.verify(&proof, &MEMBER, ROOM, NOW), Err(IdentityError::NotTaken(2)));
    policy.x509 = Some(chain.policy());
    let known = policy.verify(&proof, &MEMBER, ROOM, NOW).unwrap().unwrap();
    assert_eq!(
        (known.by, known.voucher.as_str(), known.name.as_str()),
        (By::X509, "Example Root", "Zoé Núñez")
    );
    assert_eq!((known.email.as_deref(), known.id.len()), (Some("zoe@example.org"), 64));
    let other = policy.verify(&proof, &[8; 32], ROOM, NOW);
    assert_eq!(other, Err(IdentityError::X509(X509Error::WrongKey)));
    assert_eq!(policy.verify(&[9, 1], &MEMBER, ROOM, NOW), Err(IdentityError::NotTaken(9)));
    // Within an identity that outlives calls, too.
    let identity = e2ee_session::identity::store::Record::new([7; 32], NOW);
    let within = e2ee_session::identity::policy::kept_proof(&identity.prove(&MEMBER, &proof));
    assert_eq!(policy.verify(&within, &MEMBER, ROOM, NOW), Ok(Some(known)));
}
