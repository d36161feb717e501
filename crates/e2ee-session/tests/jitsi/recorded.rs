//! Figures of the peer's own exchange (`vectors/jitsi/olm.json`), and our side at work on its messages.
use base64ct::{Base64, Base64Unpadded, Encoding as _};
use e2ee_core::Millis;
use e2ee_session::identity::verify::Emoji;
use e2ee_session::jitsi::{Event, Input, Jitsi, Output, Settings};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

fn cases(kind: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("../../../../vectors/jitsi/olm.json")).unwrap();
    let group =
        file["groups"].as_array().unwrap().iter().find(|group| group["kind"] == kind).unwrap().clone();
    group["cases"].as_array().unwrap().clone()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn shown(case: &Value) {
    let bytes = <[u8; 6]>::try_from(unhex(text(&case["sas_bytes"])).as_slice()).unwrap();
    for (emoji, recorded) in Emoji::from_bits(&bytes).iter().zip(case["emoji"].as_array().unwrap()) {
        assert_eq!(emoji.symbol(), text(&recorded[0]));
        assert_eq!(emoji.english().to_lowercase(), text(&recorded[1]));
    }
    let bits = bytes.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    let decimals = [35, 22, 9].map(|shift| (bits >> shift & 0x1fff) + 1000);
    assert_eq!(serde_json::json!(decimals), case["decimal"]);
}

#[test]
fn codes_are_shown_as_the_peer_shows_them() {
    let all = cases("jitsi.sas_rendering");
    assert_eq!(all.len(), 12);
    all.iter().for_each(shown);
}

/// Base64 whose output overwrites its input, as libolm's first MACs were written.
fn in_place(mac: &[u8]) -> String {
    let mut buffer = [0_u8; 43];
    buffer[..32].copy_from_slice(mac);
    for at in 0..10 {
        let chunk = Base64::encode_string(&buffer[at * 3..at * 3 + 3]);
        buffer[at * 4..at * 4 + 4].copy_from_slice(chunk.as_bytes());
    }
    let rest = Base64Unpadded::encode_string(&buffer[30..32]);
    buffer[40..].copy_from_slice(rest.as_bytes());
    String::from_utf8(buffer.to_vec()).unwrap()
}

#[test]
fn comparisons_follow_from_their_secrets() {
    let all = cases("jitsi.sas");
    assert_eq!(all.len(), 4);
    for case in all {
        let start = format!(r#"{{"transactionId":"{}"}}"#, text(&case["transaction"]));
        let hash = Sha256::new().chain_update(text(&case["other_key"])).chain_update(&start).finalize();
        assert_eq!(Base64Unpadded::encode_string(&hash), text(&case["commitment"]));
        let (one, other) = (text(&case["initiator"]), text(&case["other"]));
        let info = format!("{one}|{}|{other}|{}", text(&case["initiator_key"]), text(&case["other_key"]));
        assert_eq!(info, text(&case["info"]));
        let secret = Hkdf::<Sha256>::new(None, &unhex(text(&case["shared_secret"])));
        let mut bytes = [0; 6];
        secret.expand(info.as_bytes(), &mut bytes).unwrap();
        assert_eq!(super::hex(&bytes), text(&case["sas_bytes"]));
        shown(&case);
        let mac = |input: &str, info: &str| {
            let mut key = [0; 32];
            secret.expand(info.as_bytes(), &mut key).unwrap();
            Hmac::<Sha256>::new_from_slice(&key).unwrap().chain_update(input).finalize().into_bytes()
        };
        for recorded in case["macs"].as_array().unwrap() {
            let (by, of) = (text(&recorded["by"]), text(&recorded["for"]));
            let base = format!("Jitsi-KEY_VERIFICATION_MAC{by}{of}{}", text(&case["transaction"]));
            assert_eq!(text(&recorded["key_id"]), format!("ed25519:{of}"));
            assert_eq!(text(&recorded["info"]), format!("{base}ed25519:{of}"));
            let made = mac(text(&recorded["input"]), text(&recorded["info"]));
            assert_eq!(Base64Unpadded::encode_string(&made), text(&recorded["mac_base64"]));
            assert_eq!(in_place(&made), text(&recorded["mac"]));
            assert_eq!(text(&recorded["keys_info"]), format!("{base}Jitsi-KEY_IDS"));
            assert_eq!(
                in_place(&mac(text(&recorded["keys_input"]), text(&recorded["keys_info"]))),
                text(&recorded["keys"])
            );
        }
    }
}

/// Our side in the place of the higher id: it answers the recorded offer with a message of the recorded shape.
#[test]
fn a_recorded_offer_is_answered() {
    for case in cases("jitsi.olm") {
        let (lower, higher) = (text(&case["lower"]), text(&case["higher"]));
        let mut ours = Jitsi::new(Settings::new(higher), &[1; 32], Millis(0)).unwrap();
        ours.handle(Input::Joined { who: lower, e2ee: true, earlier: true }, Millis(0)).unwrap();
        for kind in ["curve25519", "ed25519"] {
            let (name, value) = (format!("e2ee.idKey.{kind}"), text(&case["identity_keys"][lower][kind]));
            ours.handle(Input::Property { who: lower, name: &name, value }, Millis(0)).unwrap();
        }
        let mut answers = Vec::new();
        for message in case["messages"].as_array().unwrap().iter().filter(|message| message["from"] == lower)
        {
            let json = serde_json::json!({ "type": "olm", "olm": { "type": message["type"], "data": message["data"] } });
            ours.handle(Input::Message { from: lower, json: &json.to_string() }, Millis(0)).unwrap();
            while let Some(output) = ours.poll() {
                match output {
                    Output::Send { json, .. } => {
                        answers.push(serde_json::from_str::<Value>(&json).unwrap()["olm"].clone())
                    }
                    Output::Event(Event::Session { signed, .. }) => assert!(!signed),
                    Output::Open { .. } => panic!("a key out of a message for somebody else"),
                    _ => {}
                }
            }
        }
        let recorded = case["messages"]
            .as_array()
            .unwrap()
            .iter()
            .find(|message| message["type"] == "session-ack")
            .unwrap();
        assert_eq!(answers[0]["type"], "session-ack");
        assert_eq!(answers[0]["data"]["uuid"], recorded["data"]["uuid"]);
        assert_eq!(answers[0]["data"]["ciphertext"]["type"], recorded["data"]["ciphertext"]["type"]);
        let body = |data: &Value| text(&data["ciphertext"]["body"]).len();
        // The recorded one holds a key in two of the four cases; ours has none yet.
        assert!(body(&answers[0]["data"]) <= body(&recorded["data"]));
        assert!(answers.iter().any(|answer| answer["type"] == "sas-accept"));
    }
}
