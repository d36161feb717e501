//! ID tokens of a real provider (npm `oidc-provider`, on loopback), by the authorization code and the implicit flow.
#![cfg(feature = "oidc")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use e2ee_core::Millis;
use e2ee_session::identity::oidc::{Issuer, KeySet, Lifetime, OidcError, OidcPolicy, Proof, nonce};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(120);
/// Set by `cargo xtask interop oidc`, where nothing may be left out.
const REQUIRED: &str = "FRAMESEAL_OIDC_REQUIRED";

const ZOE: ([u8; 32], [u8; 16]) = ([7; 32], [9; 16]);
const YAN: ([u8; 32], [u8; 16]) = ([8; 32], [10; 16]);

/// What `login.mjs` says, or `None` where node or its modules are not there.
fn logins(nonces: &[String]) -> Option<Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../sdk/interop/oidc");
    let missing = |what: &str| {
        assert!(std::env::var_os(REQUIRED).is_none(), "{what}");
        eprintln!("SKIPPED: {what}; `cargo xtask interop oidc` brings it");
    };
    if !folder.join("node_modules/oidc-provider").is_dir() {
        missing("the modules of sdk/interop/oidc are not installed");
        return None;
    }
    let mut node = Command::new("node");
    let node = node.arg("login.mjs").args(nonces).current_dir(folder).stdin(Stdio::null());
    let Ok(mut child) = node.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() else {
        missing("node is not there");
        return None;
    };
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let errors = std::thread::spawn(move || std::io::read_to_string(&mut stderr).unwrap_or_default());
    let output = std::thread::spawn(move || std::io::read_to_string(&mut stdout).unwrap_or_default());
    let start = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if start.elapsed() > LIMIT => {
                let _ = child.kill();
                panic!("login.mjs did not end in {LIMIT:?}: {:?}", errors.join());
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let (output, errors) = (output.join().unwrap(), errors.join().unwrap());
    assert!(status.success(), "login.mjs failed: {errors}");
    Some(serde_json::from_str(output.lines().last().unwrap()).unwrap())
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

#[test]
fn tokens_of_a_real_provider_are_checked() {
    let nonces = [nonce(&ZOE.0, &ZOE.1), nonce(&YAN.0, &YAN.1)];
    let Some(said) = logins(&nonces) else { return };
    let now = Millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap());
    let issuer = text(&said, "issuer");
    let clients: Vec<String> =
        said["clients"].as_array().unwrap().iter().map(|c| c.as_str().unwrap().into()).collect();
    let keys = |generation: &str| KeySet::from_json(text(&said[generation], "jwks")).unwrap();
    let policy = |audiences: &[String], keys: KeySet| {
        OidcPolicy::new(vec![Issuer { issuer: issuer.into(), audiences: audiences.to_vec(), keys }])
    };

    let mut checked = 0;
    for generation in ["before", "after"] {
        let all = policy(&clients, keys(generation));
        for login in said[generation]["logins"].as_array().unwrap() {
            let what = format!("{generation}, {}, {}", text(login, "client"), text(login, "flow"));
            let (member, other) = if text(login, "nonce") == nonces[0] { (ZOE, YAN) } else { (YAN, ZOE) };
            let token = text(login, "id_token");
            let proof = Proof { salt: member.1, token }.to_bytes();

            let known = all.verify(&proof, &member.0, now).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!((known.issuer.as_str(), known.subject.as_str()), (issuer, "zoe-7"), "{what}");
            assert_eq!(known.name.as_deref(), Some("Zoé Núñez"), "{what}");
            assert_eq!(
                (known.email.as_deref(), known.email_verified),
                (Some("zoe@example.org"), true),
                "{what}"
            );

            // For exactly this client, this key, this salt.
            let one = [text(login, "client").to_owned()];
            assert!(policy(&one, keys(generation)).verify(&proof, &member.0, now).is_ok(), "{what}");
            let rest: Vec<_> = clients.iter().filter(|client| **client != one[0]).cloned().collect();
            let wrong = policy(&rest, keys(generation)).verify(&proof, &member.0, now);
            assert_eq!(wrong, Err(OidcError::WrongAudience), "{what}");
            assert_eq!(all.verify(&proof, &other.0, now), Err(OidcError::WrongNonce), "{what}");
            let salted = Proof { salt: other.1, token }.to_bytes();
            assert_eq!(all.verify(&salted, &member.0, now), Err(OidcError::WrongNonce), "{what}");

            // Its own time.
            let hours = |h: u64| Millis(now.0 + h * 3_600_000);
            assert_eq!(all.verify(&proof, &member.0, hours(2)), Err(OidcError::Expired), "{what}");
            let mut age = all.clone();
            age.lifetime = Lifetime::Age;
            assert!(age.verify(&proof, &member.0, hours(11)).is_ok(), "{what}");
            assert_eq!(age.verify(&proof, &member.0, hours(13)), Err(OidcError::TooOld), "{what}");
            let early = Millis(now.0 - 3_600_000);
            assert_eq!(all.verify(&proof, &member.0, early), Err(OidcError::NotYetValid), "{what}");

            // The provider's keys of another time are no keys of this token.
            let older = if generation == "before" { "after" } else { "before" };
            let stale = policy(&clients, keys(older)).verify(&proof, &member.0, now);
            assert_eq!(stale, Err(OidcError::UnknownKey), "{what}");
            let both = policy(&clients, keys("before").with(keys("after")));
            assert!(both.verify(&proof, &member.0, now).is_ok(), "{what}");

            // What else the provider hands out is no ID token.
            if let Some(access) = login["access_token"].as_str() {
                let proof = Proof { salt: member.1, token: access }.to_bytes();
                assert_eq!(all.verify(&proof, &member.0, now), Err(OidcError::MalformedToken), "{what}");
            }
            checked += 1;
        }
    }
    // Two generations of keys, two members, four algorithms, two flows.
    assert_eq!(checked, 32);
    println!(
        "{checked} ID tokens of {issuer}: RS256, PS256, ES256 and EdDSA, code and implicit flow, before and after new keys"
    );
}
