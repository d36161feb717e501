//! ID tokens as credentials: right ones of every algorithm, each rule broken once, and what attackers of JWTs do.
#![cfg(feature = "oidc")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::LazyLock;

use base64ct::{Base64UrlUnpadded as B64, Encoding as _};
use e2ee_core::Millis;
use e2ee_session::identity::oidc::{
    Issuer, KeySet, KeySetError, Lifetime, MAX_TOKEN_LEN, OidcError, OidcPolicy, Proof, nonce,
};
use ed25519_dalek::Signer as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use proptest::prelude::*;
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _};
use rsa::traits::PublicKeyParts as _;
use rsa::{RsaPrivateKey, pkcs1v15, pss};
use serde_json::{Value, json};
use sha2::Sha256;

const ISSUER: &str = "https://login.example/realms/meet";
const CLIENT: &str = "frameseal";
const MEMBER: [u8; 32] = [7; 32];
const SALT: [u8; 16] = [9; 16];
const HOUR: u64 = 3600;
/// Seconds since 1970: when the tokens are made.
const IAT: u64 = 1_795_258_800;
const NOW: Millis = Millis((IAT + 60) * 1000);

struct Keys {
    rsa: RsaPrivateKey,
    ec: p256::ecdsa::SigningKey,
    ed: ed25519_dalek::SigningKey,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys {
    rsa: RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap(),
    ec: p256::ecdsa::SigningKey::from_slice(&[3; 32]).unwrap(),
    ed: ed25519_dalek::SigningKey::from_bytes(&[4; 32]),
});

fn rsa_jwk(kid: &str) -> Value {
    let number = |n: &rsa::BigUint| B64::encode_string(&n.to_bytes_be());
    json!({ "kty": "RSA", "use": "sig", "kid": kid, "n": number(KEYS.rsa.n()), "e": number(KEYS.rsa.e()) })
}

fn ec_jwk(kid: &str) -> Value {
    let point = KEYS.ec.verifying_key().to_sec1_point(false);
    let coordinate = |at| B64::encode_string(&point.as_bytes()[at..at + 32]);
    json!({ "kty": "EC", "crv": "P-256", "kid": kid, "x": coordinate(1), "y": coordinate(33) })
}

fn ed_jwk(kid: &str) -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": B64::encode_string(KEYS.ed.verifying_key().as_bytes()) })
}

fn set(keys: &[Value]) -> Result<KeySet, KeySetError> {
    KeySet::from_json(&json!({ "keys": keys }).to_string())
}

fn policy() -> OidcPolicy {
    let keys = set(&[rsa_jwk("r"), ec_jwk("e"), ed_jwk("d")]).unwrap();
    OidcPolicy::new(vec![Issuer { issuer: ISSUER.into(), audiences: vec![CLIENT.into()], keys }])
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": CLIENT, "sub": "zoe-7", "iat": IAT, "exp": IAT + HOUR, "nonce": nonce(&MEMBER, &SALT),
        "name": "Zoé Núñez", "email": "zoe@example.org", "email_verified": true, "preferred_username": "zoe",
    })
}

fn sign(alg: &str, message: &[u8]) -> Vec<u8> {
    match alg {
        "RS256" => {
            let key = pkcs1v15::SigningKey::<rsa::sha2::Sha256>::new(KEYS.rsa.clone());
            rsa::signature::Signer::sign(&key, message).to_vec()
        }
        "PS256" => {
            let key = pss::SigningKey::<rsa::sha2::Sha256>::new(KEYS.rsa.clone());
            key.sign_with_rng(&mut rsa::rand_core::OsRng, message).to_vec()
        }
        "ES256" => {
            let signature: p256::ecdsa::Signature = KEYS.ec.sign(message);
            signature.to_bytes().to_vec()
        }
        "EdDSA" | "Ed25519" => KEYS.ed.sign(message).to_bytes().to_vec(),
        other => panic!("{other}"),
    }
}

/// A compact JWS of a header and a payload as they are, with a signature of this algorithm.
fn raw(header: &str, payload: &str, alg: &str) -> String {
    let signed =
        format!("{}.{}", B64::encode_string(header.as_bytes()), B64::encode_string(payload.as_bytes()));
    let signature = B64::encode_string(&sign(alg, signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn kid(alg: &str) -> &'static str {
    match alg {
        "RS256" | "PS256" => "r",
        "ES256" => "e",
        _ => "d",
    }
}

fn token(alg: &str, claims: &Value) -> String {
    raw(&json!({ "alg": alg, "kid": kid(alg), "typ": "JWT" }).to_string(), &claims.to_string(), alg)
}

fn proof(token: &str) -> Vec<u8> {
    Proof { salt: SALT, token }.to_bytes()
}

fn check(token: &str) -> Result<e2ee_session::identity::oidc::Claims, OidcError> {
    policy().verify(&proof(token), &MEMBER, NOW)
}

/// The claims with one of them changed, signed anew.
fn with(name: &str, value: Value) -> String {
    let mut claims = claims();
    claims[name] = value;
    token("EdDSA", &claims)
}

fn without(name: &str) -> String {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    token("EdDSA", &claims)
}

#[test]
fn a_token_of_every_algorithm_makes_the_member_known() {
    for alg in ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"] {
        let known = check(&token(alg, &claims())).unwrap_or_else(|error| panic!("{alg}: {error}"));
        assert_eq!((known.issuer.as_str(), known.subject.as_str()), (ISSUER, "zoe-7"));
        assert_eq!(known.name.as_deref(), Some("Zoé Núñez"));
        assert_eq!(known.email.as_deref(), Some("zoe@example.org"));
        assert_eq!(known.preferred_username.as_deref(), Some("zoe"));
        assert!(known.email_verified);
        assert_eq!((known.issued, known.until), (Millis(IAT * 1000), Millis((IAT + HOUR) * 1000)));
    }
}

#[test]
fn the_nonce_is_the_documented_hash() {
    use sha2::Digest as _;
    let hash = Sha256::digest([b"frameseal oidc 1".as_slice(), &MEMBER, &SALT].concat());
    assert_eq!(nonce(&MEMBER, &SALT), B64::encode_string(&hash));
    assert_eq!(nonce(&MEMBER, &SALT).len(), 43);
}

#[test]
fn each_claim_wrong_once_is_refused_by_its_own_name() {
    let seconds = |s: u64| json!(s);
    let other_key = nonce(&[8; 32], &SALT);
    let other_salt = nonce(&MEMBER, &[8; 16]);
    for (token, error) in [
        (with("iss", json!("https://login.example/realms/other")), OidcError::UnknownIssuer),
        (with("iss", json!("https://login.example/realms/meet/")), OidcError::UnknownIssuer),
        (with("iss", json!("HTTPS://login.example/realms/meet")), OidcError::UnknownIssuer),
        (with("iss", json!([ISSUER])), OidcError::BadClaim("iss")),
        (without("iss"), OidcError::MissingClaim("iss")),
        (with("aud", json!("other")), OidcError::WrongAudience),
        (with("aud", json!("frameseal ")), OidcError::WrongAudience),
        (with("aud", json!([])), OidcError::WrongAudience),
        (with("aud", json!(["other"])), OidcError::WrongAudience),
        (with("aud", json!([CLIENT, "other"])), OidcError::WrongAudience),
        (with("aud", json!([CLIENT, 1])), OidcError::WrongAudience),
        (with("aud", json!({ "frameseal": 1 })), OidcError::WrongAudience),
        (without("aud"), OidcError::MissingClaim("aud")),
        (with("azp", json!("other")), OidcError::WrongParty),
        (with("azp", json!(1)), OidcError::BadClaim("azp")),
        (with("aud", json!([CLIENT, CLIENT])), OidcError::WrongParty),
        (with("exp", seconds(IAT - 1)), OidcError::Expired),
        (with("exp", json!("tomorrow")), OidcError::BadClaim("exp")),
        (with("exp", json!(1e300)), OidcError::BadClaim("exp")),
        (with("exp", json!(-1)), OidcError::BadClaim("exp")),
        (without("exp"), OidcError::MissingClaim("exp")),
        (with("iat", seconds(IAT + 121)), OidcError::NotYetValid),
        (with("iat", json!(null)), OidcError::BadClaim("iat")),
        (without("iat"), OidcError::MissingClaim("iat")),
        (with("iat", seconds(IAT - 13 * HOUR)), OidcError::TooOld),
        (with("nbf", seconds(IAT + 121)), OidcError::NotYetValid),
        (with("nbf", json!("now")), OidcError::BadClaim("nbf")),
        (with("nonce", json!(other_key)), OidcError::WrongNonce),
        (with("nonce", json!(other_salt)), OidcError::WrongNonce),
        (with("nonce", json!(&nonce(&MEMBER, &SALT)[..42])), OidcError::WrongNonce),
        (with("nonce", json!("")), OidcError::WrongNonce),
        (with("nonce", json!(7)), OidcError::BadClaim("nonce")),
        (without("nonce"), OidcError::MissingClaim("nonce")),
        (with("sub", json!("")), OidcError::BadClaim("sub")),
        (with("sub", json!("a".repeat(256))), OidcError::BadClaim("sub")),
        (with("sub", json!("zoe\u{202e}7")), OidcError::BadClaim("sub")),
        (without("sub"), OidcError::MissingClaim("sub")),
        (with("name", json!({ "first": "Zoé" })), OidcError::BadClaim("name")),
        (with("email", json!(false)), OidcError::BadClaim("email")),
    ] {
        let answer = check(&token);
        assert_eq!(answer, Err(error.clone()), "{token}");
        assert!(error.to_string().len() > 20, "says what to do: {error}");
    }
}

#[test]
fn what_the_rules_allow_is_taken() {
    for token in [
        with("aud", json!([CLIENT])),
        with("azp", json!(CLIENT)),
        with("nbf", json!(IAT)),
        with("iat", json!(IAT as f64 + 0.5)),
        with("exp", json!(IAT + 1)),
        with("iat", json!(IAT + 119)),
        with("realm_access", json!({ "roles": [{ "deep": [1, 2, { "er": null }] }] })),
        without("name"),
    ] {
        assert_eq!(check(&token).map(|known| known.subject), Ok("zoe-7".into()), "{token}");
    }
    let mut two = policy();
    two.issuers[0].audiences.push("frameseal-mobile".into());
    let mut claims = claims();
    claims["aud"] = json!([CLIENT, "frameseal-mobile"]);
    assert_eq!(two.verify(&proof(&token("ES256", &claims)), &MEMBER, NOW), Err(OidcError::WrongParty));
    claims["azp"] = json!("frameseal-mobile");
    assert!(two.verify(&proof(&token("ES256", &claims)), &MEMBER, NOW).is_ok());
}

#[test]
fn time_is_kept_to_the_millisecond_and_never_overflows() {
    let proof = proof(&token("EdDSA", &claims()));
    let mut policy = policy();
    let at = |policy: &OidcPolicy, now| policy.verify(&proof, &MEMBER, Millis(now)).map(|known| known.until);
    let (iat, exp, minute) = (IAT * 1000, (IAT + HOUR) * 1000, 60_000);
    assert_eq!(at(&policy, exp + minute - 1), Ok(Millis(exp)));
    assert_eq!(at(&policy, exp + minute), Err(OidcError::Expired));
    assert_eq!(at(&policy, iat - minute), Ok(Millis(exp)));
    assert_eq!(at(&policy, iat - minute - 1), Err(OidcError::NotYetValid));
    assert_eq!(at(&policy, 0), Err(OidcError::NotYetValid));
    assert_eq!(at(&policy, u64::MAX), Err(OidcError::Expired));

    policy.lifetime = Lifetime::Age;
    let end = iat + 12 * HOUR * 1000;
    assert_eq!(at(&policy, end + minute), Ok(Millis(end)));
    assert_eq!(at(&policy, end + minute + 1), Err(OidcError::TooOld));
    policy.max_age = Millis(u64::MAX);
    assert_eq!(at(&policy, u64::MAX), Ok(Millis(u64::MAX)));
    (policy.leeway, policy.max_age) = (Millis(u64::MAX), Millis(0));
    assert!(at(&policy, 0).is_ok());
}

#[test]
fn another_member_cannot_use_the_token() {
    let token = token("RS256", &claims());
    assert_eq!(policy().verify(&proof(&token), &[8; 32], NOW), Err(OidcError::WrongNonce));
    let salt = Proof { salt: [8; 16], token: &token }.to_bytes();
    assert_eq!(policy().verify(&salt, &MEMBER, NOW), Err(OidcError::WrongNonce));
}

/// The token of a header, the right claims, and a signature that a function makes.
fn forged(header: &Value, signature: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let part = |json: &Value| B64::encode_string(json.to_string().as_bytes());
    let signed = format!("{}.{}", part(header), part(&claims()));
    format!("{signed}.{}", B64::encode_string(&signature(signed.as_bytes())))
}

fn hs256(key: &[u8], message: &[u8]) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(message).finalize().into_bytes().to_vec()
}

#[test]
fn attacks_by_the_header_are_refused() {
    let public = B64::decode_vec(rsa_jwk("r")["n"].as_str().unwrap()).unwrap();
    let jwks = json!({ "keys": [rsa_jwk("r")] }).to_string();
    for alg in
        ["none", "None", "NONE", "", "HS256", "HS512", "RS1", "RS384", "rs256", "ES384", "ES256K", "dir"]
    {
        for key in [&public, jwks.as_bytes()] {
            let token = forged(&json!({ "alg": alg, "kid": "r" }), |message| hs256(key, message));
            assert_eq!(check(&token), Err(OidcError::Algorithm), "{alg}");
        }
        let token = forged(&json!({ "alg": alg, "kid": "r" }), |_| Vec::new());
        assert_eq!(check(&token), Err(OidcError::Algorithm), "{alg}");
    }
    let own = |header: Value| forged(&header, |message| sign("EdDSA", message));
    for (token, error) in [
        // The right key, by the name of another's algorithm, and the other way round.
        (own(json!({ "alg": "EdDSA", "kid": "r" })), OidcError::KeyMismatch),
        (own(json!({ "alg": "RS256", "kid": "d" })), OidcError::KeyMismatch),
        (own(json!({ "alg": "ES256", "kid": "e" })), OidcError::BadSignature),
        (own(json!({ "alg": "RS256", "kid": "r" })), OidcError::BadSignature),
        (own(json!({ "alg": "EdDSA", "kid": "x" })), OidcError::UnknownKey),
        (own(json!({ "alg": "EdDSA", "kid": 1 })), OidcError::BadClaim("kid")),
        (own(json!({ "alg": ["EdDSA"], "kid": "d" })), OidcError::BadClaim("alg")),
        (own(json!({ "kid": "d" })), OidcError::MissingClaim("alg")),
        (own(json!({ "alg": "EdDSA", "kid": "d", "crit": ["b64"], "b64": false })), OidcError::Critical),
        (own(json!({ "alg": "EdDSA", "kid": "d", "crit": [] })), OidcError::Critical),
        (own(json!({ "alg": "EdDSA", "kid": "d", "typ": "at+jwt" })), OidcError::NotAnIdToken),
        (own(json!({ "alg": "EdDSA", "kid": "d", "typ": "logout+jwt" })), OidcError::NotAnIdToken),
        (own(json!(["EdDSA"])), OidcError::MalformedToken),
    ] {
        assert_eq!(check(&token), Err(error), "{token}");
    }
    // A key that the token brings along is not looked at.
    let mallory = ed25519_dalek::SigningKey::from_bytes(&[66; 32]);
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": B64::encode_string(mallory.verifying_key().as_bytes()) });
    let header = json!({ "alg": "EdDSA", "kid": "d", "jwk": jwk, "jku": "https://mallory.example/jwks" });
    let token = forged(&header, |message| mallory.sign(message).to_bytes().to_vec());
    assert_eq!(check(&token), Err(OidcError::BadSignature));
    // PKCS #1 v1.5 signatures are none of PSS, and the other way round.
    let crossed = |alg, by| check(&forged(&json!({ "alg": alg, "kid": "r" }), |message| sign(by, message)));
    assert_eq!(crossed("RS256", "PS256"), Err(OidcError::BadSignature));
    assert_eq!(crossed("PS256", "RS256"), Err(OidcError::BadSignature));
    // A signature of zeros, and of the right length.
    for (alg, len) in [("ES256", 64), ("EdDSA", 64), ("RS256", 256), ("PS256", 256)] {
        let token = forged(&json!({ "alg": alg, "kid": kid(alg) }), |_| vec![0; len]);
        assert_eq!(check(&token), Err(OidcError::BadSignature), "{alg}");
    }
}

#[test]
fn a_token_that_says_something_twice_is_refused() {
    let claims = claims().to_string();
    let header = r#"{"alg":"EdDSA","kid":"d"}"#;
    let twice = claims.replace("\"sub\":", "\"sub\":\"eve\",\"sub\":");
    assert_eq!(check(&raw(header, &twice, "EdDSA")), Err(OidcError::DuplicateMember));
    let twice = r#"{"alg":"EdDSA","alg":"EdDSA","kid":"d"}"#;
    assert_eq!(check(&raw(twice, &claims, "EdDSA")), Err(OidcError::DuplicateMember));
    assert!(check(&raw(header, &claims, "EdDSA")).is_ok());
}

#[test]
fn names_are_made_fit_to_be_shown() {
    let known = check(&with("name", json!("Bob\u{202e}ecilA\n\u{7}"))).unwrap();
    assert_eq!(known.name.as_deref(), Some("Bob\\u{202e}ecilA\\u{a}\\u{7}"));
    let known = check(&with("preferred_username", json!("z".repeat(4000)))).unwrap();
    assert_eq!(known.preferred_username.unwrap().chars().count(), 129);
    assert_eq!(check(&with("name", json!(" "))).unwrap().name, None);
    let unverified = [json!(false), json!("false"), json!(1), json!(null)];
    for value in unverified {
        assert!(!check(&with("email_verified", value)).unwrap().email_verified);
    }
    assert!(check(&with("email_verified", json!("true"))).unwrap().email_verified);
}

#[test]
fn tokens_without_a_kid_need_one_key_that_fits() {
    let header = json!({ "alg": "RS256" });
    let token = forged(&header, |message| sign("RS256", message));
    assert!(check(&token).is_ok());
    let mut policy = policy();
    policy.issuers[0].keys = set(&[rsa_jwk("r"), rsa_jwk("s")]).unwrap();
    assert_eq!(policy.verify(&proof(&token), &MEMBER, NOW), Err(OidcError::AmbiguousKey));
    policy.issuers[0].keys = set(&[ec_jwk("e")]).unwrap();
    assert_eq!(policy.verify(&proof(&token), &MEMBER, NOW), Err(OidcError::KeyMismatch));
    // A key that is for one algorithm only.
    let mut only = rsa_jwk("r");
    only["alg"] = json!("PS256");
    policy.issuers[0].keys = set(&[only]).unwrap();
    assert_eq!(policy.verify(&proof(&token), &MEMBER, NOW), Err(OidcError::KeyMismatch));
}

#[test]
fn key_sets_are_read_whole_or_refused_with_the_place() {
    let change = |mut jwk: Value, name: &str, value: Value| {
        jwk[name] = value;
        jwk
    };
    let others = [
        json!({ "kty": "RSA", "use": "enc", "n": "AQAB", "e": "AQAB" }),
        json!({ "kty": "EC", "crv": "P-384", "x": "AA", "y": "AA" }),
        json!({ "kty": "oct", "k": "AAAA" }),
        json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA" }),
        change(rsa_jwk("x"), "alg", json!("RS512")),
        change(rsa_jwk("y"), "key_ops", json!(["encrypt"])),
    ];
    assert_eq!(set(&others).unwrap_err(), KeySetError::NoUsableKey);
    let mut all = others.to_vec();
    all.push(ed_jwk("d"));
    assert_eq!(format!("{:?}", set(&all).unwrap()), "[Some(\"d\")]");
    assert_eq!(set(&[]).unwrap_err(), KeySetError::NoUsableKey);
    let even = B64::encode_string(&[vec![0xff; 255], vec![0xfe]].concat());
    for (jwk, error) in [
        (json!({ "kid": "a" }), KeySetError::BadKey(1)),
        (json!("key"), KeySetError::BadKey(1)),
        (change(rsa_jwk("x"), "n", json!("AQAB")), KeySetError::RsaSize(1)),
        (change(rsa_jwk("x"), "n", json!(B64::encode_string(&[0xff; 1025]))), KeySetError::RsaSize(1)),
        (change(rsa_jwk("x"), "n", json!(even)), KeySetError::BadKey(1)),
        (change(rsa_jwk("x"), "e", json!("AQ")), KeySetError::BadKey(1)),
        (change(rsa_jwk("x"), "e", json!("")), KeySetError::BadKey(1)),
        (change(rsa_jwk("x"), "e", json!("AQAB=")), KeySetError::BadKey(1)),
        (change(rsa_jwk("x"), "d", json!("AQAB")), KeySetError::Private(1)),
        (change(rsa_jwk("x"), "alg", json!("ES256")), KeySetError::BadKey(1)),
        (change(ec_jwk("x"), "y", json!(B64::encode_string(&[1; 32]))), KeySetError::BadKey(1)),
        (change(ec_jwk("x"), "x", json!("AQAB")), KeySetError::BadKey(1)),
        (change(ed_jwk("x"), "x", json!(B64::encode_string(&[0; 32]))), KeySetError::BadKey(1)),
        (change(ed_jwk("x"), "x", json!(B64::encode_string(&[0; 31]))), KeySetError::BadKey(1)),
        (ed_jwk("d"), KeySetError::DuplicateKid(1)),
    ] {
        assert_eq!(set(&[ed_jwk("d"), jwk.clone()]).unwrap_err(), error, "{jwk}");
        assert!(!error.to_string().is_empty());
    }
    for text in ["", "{}", "[]", "{\"keys\":{}}", "{\"keys\":[],\"keys\":[]}", "\u{feff}{\"keys\":[]}"] {
        assert_eq!(KeySet::from_json(text).unwrap_err(), KeySetError::Malformed, "{text}");
    }
    let many: Vec<_> = (0..65).map(|n| ed_jwk(&n.to_string())).collect();
    assert_eq!(set(&many).unwrap_err(), KeySetError::TooLarge);
    assert!(set(&many[1..]).is_ok());
    assert_eq!(KeySet::from_json(&" ".repeat(70_000)).unwrap_err(), KeySetError::TooLarge);
}

#[test]
fn both_generations_of_keys_count_while_a_provider_changes_them() {
    let new = set(&[ec_jwk("e2"), ed_jwk("d")]).unwrap();
    let mut policy = policy();
    policy.issuers[0].keys = policy.issuers[0].keys.clone().with(new);
    let of = |alg, kid| forged(&json!({ "alg": alg, "kid": kid }), |message| sign(alg, message));
    for (alg, kid) in [("ES256", "e"), ("ES256", "e2"), ("EdDSA", "d"), ("RS256", "r")] {
        assert!(policy.verify(&proof(&of(alg, kid)), &MEMBER, NOW).is_ok(), "{kid}");
    }
}

#[test]
fn no_truncation_and_no_flipped_bit_is_taken() {
    let policy = policy();
    for alg in ["ES256", "EdDSA"] {
        let good = proof(&token(alg, &claims()));
        assert!(policy.verify(&good, &MEMBER, NOW).is_ok());
        for len in 0..good.len() {
            assert!(policy.verify(&good[..len], &MEMBER, NOW).is_err(), "{alg}: {len} bytes");
        }
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(policy.verify(&bad, &MEMBER, NOW).is_err(), "{alg}: bit {bit}");
        }
    }
    // RSA takes longer to check: every seventh bit.
    for alg in ["RS256", "PS256"] {
        let good = proof(&token(alg, &claims()));
        for bit in (0..good.len() * 8).step_by(7) {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(policy.verify(&bad, &MEMBER, NOW).is_err(), "{alg}: bit {bit}");
        }
    }
}

#[test]
fn the_form_of_proof_and_token_is_exact() {
    let good = token("EdDSA", &claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    for bad in [
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{signature}"),
        format!("{signed}.{signature}="),
        format!("{signed}. {signature}"),
        signed.to_owned(),
        format!("{signed}..{signature}"),
        "..".to_owned(),
        format!("{}.{}.{}", "e30", "W10", signature),
    ] {
        assert_eq!(check(&bad), Err(OidcError::MalformedToken), "{bad}");
    }
    assert_eq!(check(&format!("{signed}.")), Err(OidcError::BadSignature));
    assert_eq!(check(&"a".repeat(MAX_TOKEN_LEN + 1)), Err(OidcError::TooLong));
    assert_eq!(check("é"), Err(OidcError::MalformedProof));
    assert_eq!(check(""), Err(OidcError::MalformedProof));
    let mut version = proof(&good);
    version[0] = 2;
    assert_eq!(policy().verify(&version, &MEMBER, NOW), Err(OidcError::MalformedProof));
    // The last character of a signature of 64 bytes carries two bits that must be zero.
    let mut loose = good.clone();
    let last = loose.pop().unwrap();
    loose.push(char::from(last as u8 + 1));
    assert_eq!(check(&loose), Err(OidcError::MalformedToken));
}

proptest! {
    #[test]
    fn any_bytes_have_an_answer(bytes: Vec<u8>, text: String) {
        let policy = policy();
        prop_assert!(policy.verify(&bytes, &MEMBER, NOW).is_err());
        let framed = [&[1], SALT.as_slice(), &bytes].concat();
        prop_assert!(policy.verify(&framed, &MEMBER, NOW).is_err());
        let _ = KeySet::from_json(&text);
        let signed = raw(&text, &String::from_utf8_lossy(&bytes), "EdDSA");
        prop_assert!(policy.verify(&proof(&signed), &MEMBER, NOW).is_err());
    }

    #[test]
    fn any_value_of_any_claim_has_an_answer(name in "iss|aud|sub|iat|exp|nbf|nonce|azp|name|email", text: String, n: i64) {
        for value in [json!(text), json!(n), json!([text, n]), json!({ "a": text }), json!(null)] {
            let answer = check(&with(&name, value));
            if ["iss", "aud", "nonce", "azp"].contains(&name.as_str()) {
                let harmless = name == "azp" && answer.is_ok();
                prop_assert!(answer.is_err() || harmless);
            }
        }
    }
}

#[test]
fn the_common_door_leads_here() {
    use e2ee_session::identity::policy::{By, IdentityError, IdentityPolicy, oidc_proof};
    let room = b"weekly";
    let mut all = IdentityPolicy::default();
    let of = |token: String| oidc_proof(&proof(&token));
    let good = of(token("ES256", &claims()));
    assert_eq!(all.verify(&[], &MEMBER, room, NOW), Ok(None));
    assert_eq!(all.verify(&good, &MEMBER, room, NOW), Err(IdentityError::NotTaken(1)));
    all.oidc = Some(policy());
    let known = all.verify(&good, &MEMBER, room, NOW).unwrap().unwrap();
    assert_eq!((known.by, known.voucher.as_str(), known.name.as_str()), (By::Oidc, ISSUER, "Zoé Núñez"));
    assert_eq!(known.id, format!("{ISSUER} zoe-7"));
    assert_eq!(
        (known.email.as_deref(), known.until),
        (Some("zoe@example.org"), Some(Millis((IAT + HOUR) * 1000)))
    );
    let wrong = all.verify(&good, &[8; 32], room, NOW);
    assert_eq!(wrong, Err(IdentityError::Oidc(OidcError::WrongNonce)));
    // An address that nobody checked is none, and no name either.
    let mut bare = claims();
    bare["email_verified"] = json!(false);
    bare["name"] = json!(null);
    bare["preferred_username"] = json!(null);
    let known = all.verify(&of(token("ES256", &bare)), &MEMBER, room, NOW).unwrap().unwrap();
    assert_eq!((known.email, known.name.as_str()), (None, "zoe-7"));
}
