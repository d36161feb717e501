//! Against matrix-js-sdk: its key manager and its to-device transport in Node, ours here, messages handed over both ways.
//!
//! `cargo xtask interop matrix` installs the SDK and runs this. Without Node or the SDK it is skipped, and says so.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64ct::{Base64, Encoding as _};
use e2ee_core::Millis;
use e2ee_session::matrixrtc::{
    Device, Event, Input, MatrixRtc, MatrixRtcError, Membership, Output, Settings, Shape, hashed_identity,
};
use serde_json::{Value, json};

use super::{ROOM, member, settings};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/matrix");
/// Short, so that the test is; the order of things is the same.
const USE_DELAY_MS: u64 = 150;
const LIMIT: Duration = Duration::from_secs(30);

/// Why the SDK cannot be run here.
fn missing() -> Option<&'static str> {
    if !Path::new(FOLDER).join("node_modules/matrix-js-sdk").is_dir() {
        return Some("matrix-js-sdk is not installed");
    }
    let node = Command::new("node").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if node.is_ok_and(|status| status.success()) { None } else { Some("there is no node") }
}

/// Says so past what the test harness catches; where the SDK was asked for, it is a failure.
fn skip(why: &str) {
    assert!(std::env::var_os("FRAMESEAL_MATRIX").is_none(), "{why}");
    let said = writeln!(std::io::stderr(), "SKIPPED: {why}; `cargo xtask interop matrix` brings it");
    assert!(said.is_ok());
}

/// Key by owner's device and index.
type Keys = BTreeMap<(String, u8), String>;

struct Call {
    node: Child,
    orders: ChildStdin,
    lines: Receiver<Value>,
    ours: MatrixRtc,
    begun: Instant,
    /// What each of the SDK's members has given to its frame layer.
    theirs: BTreeMap<String, Keys>,
    /// What ours has.
    opens: Keys,
    seals: Option<(u8, String)>,
    identities: Vec<String>,
    received: u64,
    events: Vec<Event>,
    /// Messages of the SDK, as they were sent.
    sent: Vec<Value>,
    /// People of the SDK by device.
    names: BTreeMap<String, String>,
    /// The key that each of the SDK's members uses.
    uses: BTreeMap<String, (u8, String)>,
    grace_ms: u64,
}

impl Drop for Call {
    fn drop(&mut self) {
        let _ = self.node.kill();
        let _ = self.node.wait();
    }
}

impl Call {
    fn new(grace_ms: u64) -> Self {
        let mut node = Command::new("node")
            .arg("peer.mjs")
            .current_dir(FOLDER)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = node.stdin.take().unwrap();
        let output = BufReader::new(node.stdout.take().unwrap());
        let (to, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if to.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        let short = Settings { use_delay_ms: USE_DELAY_MS, rotation_grace_ms: grace_ms, ..settings("ours") };
        let mut call = Self {
            node,
            orders,
            lines,
            ours: MatrixRtc::new(short, &[8; 32], Millis(0), unix).unwrap(),
            begun: Instant::now(),
            theirs: BTreeMap::new(),
            opens: Keys::new(),
            seals: None,
            identities: Vec::new(),
            received: 0,
            events: Vec::new(),
            sent: Vec::new(),
            names: BTreeMap::new(),
            uses: BTreeMap::new(),
            grace_ms,
        };
        assert_eq!(call.lines.recv_timeout(LIMIT).unwrap()["is"], "ready");
        call.drain();
        call
    }

    fn order(&mut self, order: &Value) {
        writeln!(self.orders, "{order}").unwrap();
    }

    fn now(&self) -> Millis {
        Millis(self.begun.elapsed().as_millis() as u64)
    }

    fn join(&mut self, name: &str) {
        let Membership { device: Device { user, device }, member_id, .. } = member(name, 0);
        self.names.insert(device.clone(), name.to_owned());
        self.theirs.insert(name.to_owned(), Keys::new());
        self.order(
            &json!({ "do": "join", "name": name, "user": user, "device": device, "memberId": member_id,
            "room": ROOM, "useKeyDelay": USE_DELAY_MS, "grace": self.grace_ms }),
        );
    }

    /// The room says who is in the call: to those of the SDK who are, and to ours.
    fn members(&mut self, all: &[Membership]) {
        let told: Vec<Value> = all
            .iter()
            .map(|Membership { device, member_id, created_ts }| {
                json!({ "user": device.user, "device": device.device, "memberId": member_id, "createdTs": created_ts })
            })
            .collect();
        for member in all {
            if let Some(name) = self.names.get(&member.device.device).cloned() {
                self.order(&json!({ "do": "members", "name": name, "members": told }));
            }
        }
        self.give(Input::Members(all));
    }

    fn give(&mut self, input: Input<'_>) {
        let now = self.now();
        self.ours.handle(input, now).unwrap();
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.ours.poll() {
            match output {
                Output::Send { event_type, to, content, .. } => {
                    let content: Value = serde_json::from_slice(&content).unwrap();
                    for device in to {
                        let name = self.names[&device.device].clone();
                        self.order(&json!({ "do": "deliver", "name": name, "type": event_type,
                            "sender": "@ours:example.org", "content": content }));
                    }
                }
                Output::Use { index, key } => self.seals = Some((index, Base64::encode_string(key.expose()))),
                Output::Install { owner, index, key } => {
                    self.opens.insert((owner.device.device, index), Base64::encode_string(key.expose()));
                }
                Output::Forget { owner, index } => {
                    self.opens.remove(&(owner.device, index));
                }
                Output::Drop(device) => self.opens.retain(|(owner, _), _| *owner != device.device),
                Output::Event(event) => self.events.push(event),
                Output::WakeAt(_) => {}
            }
        }
    }

    fn hear(&mut self, line: &Value) {
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        match line["is"].as_str().unwrap() {
            "send" => {
                self.sent.push(line.clone());
                let from = member(&text("from"), 0).device;
                for target in line["targets"].as_array().unwrap() {
                    let device = target["deviceId"].as_str().unwrap();
                    if let Some(name) = self.names.get(device).cloned() {
                        self.order(&json!({ "do": "deliver", "name": name, "type": line["type"],
                            "sender": from.user, "content": line["content"] }));
                    } else if device == "OURS" {
                        let content = line["content"].to_string();
                        self.give(Input::ToDevice {
                            event_type: &text("type"),
                            sender: &from.user,
                            device: Some(&from.device),
                            content: content.as_bytes(),
                        });
                    }
                }
            }
            "key" => {
                let index = u8::try_from(line["index"].as_u64().unwrap()).unwrap();
                let device = text("device");
                assert_eq!(text("identity"), format!("{}:{device}", text("user")));
                if self.names.get(&device) == Some(&text("at")) {
                    self.uses.insert(text("at"), (index, text("key")));
                }
                self.theirs.get_mut(&text("at")).unwrap().insert((device, index), text("key"));
            }
            "identity" => self.identities.push(text("text")),
            "received" => self.received += 1,
            other => panic!("a line of another kind: {other}"),
        }
    }

    /// Until that holds.
    fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(
                begun.elapsed() < LIMIT,
                "{what}: did not come true\n theirs {:?}\n ours {:?} seals {:?}\n events {:?}",
                self.theirs,
                self.opens,
                self.seals,
                self.events
            );
            match self.lines.recv_timeout(Duration::from_millis(20)) {
                Ok(line) => self.hear(&line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => panic!("{what}: the SDK ended"),
            }
            self.give(Input::Wake);
        }
    }

    fn pass(&mut self, ms: u64) {
        let end = Instant::now() + Duration::from_millis(ms);
        self.until("time passes", |_| Instant::now() >= end);
    }

    /// Whether ours and one of the SDK's each have the key that the other uses.
    fn agree(&self, name: &str) -> bool {
        let device = name.to_uppercase();
        let (Some((index, sealed)), Some((theirs, used))) = (&self.seals, self.uses.get(name)) else {
            return false;
        };
        self.theirs[name].get(&("OURS".to_owned(), *index)) == Some(sealed)
            && self.opens.get(&(device, *theirs)) == Some(used)
    }

    /// The indices in use: ours, and that of one of the SDK's.
    fn indices(&self, name: &str) -> (u8, u8) {
        (
            self.seals.as_ref().map_or(255, |(index, _)| *index),
            self.uses.get(name).map_or(255, |(index, _)| *index),
        )
    }
}

#[test]
fn keys_are_equal_on_both_sides_after_join_leave_and_rotation() {
    if let Some(why) = missing() {
        skip(why);
        return;
    }
    // A grace that does not end during the test.
    let mut call = Call::new(60_000);
    let [ours, anna, carl] = ["ours", "anna", "carl"].map(|name| member(name, 1));

    // Two join: the first keys are used at once.
    call.join("anna");
    call.members(&[ours.clone(), anna.clone()]);
    call.until("the first keys", |call| call.agree("anna"));
    assert_eq!(call.indices("anna"), (0, 0));

    // A third one comes within the grace: it gets the keys that are there.
    call.join("carl");
    call.members(&[ours.clone(), anna.clone(), carl]);
    call.until("a newcomer within the grace", |call| {
        let annas = ("ANNA".to_owned(), 0);
        call.agree("anna")
            && call.agree("carl")
            && call.theirs["carl"].get(&annas) == call.theirs["anna"].get(&annas)
    });
    assert_eq!((call.indices("anna"), call.indices("carl")), ((0, 0), (0, 0)));

    // It leaves: fresh keys of the next index on both sides, none of them for it.
    call.order(&json!({ "do": "leave", "name": "carl" }));
    call.names.remove("CARL");
    let carls = call.theirs["carl"].clone();
    let sent = call.sent.len();
    call.members(&[ours.clone(), anna.clone()]);
    call.until("fresh keys after a leave", |call| call.indices("anna") == (1, 1) && call.agree("anna"));
    let to_carl =
        |line: &Value| line["targets"].as_array().unwrap().iter().any(|to| to["deviceId"] == "CARL");
    assert!(!call.sent[sent..].iter().any(to_carl));
    let fresh = [&call.seals, &call.uses.get("anna").cloned()].map(|used| used.clone().unwrap().1);
    assert!(carls.values().all(|key| !fresh.contains(key)));

    // Our own wish, and once around the index.
    for _ in 2..=260 {
        call.give(Input::Rotate);
        call.pass(0);
    }
    call.until("once around the index", |call| call.indices("anna") == (4, 1) && call.agree("anna"));
    assert_eq!(call.theirs["anna"].keys().filter(|(owner, _)| owner == "OURS").count(), 256);

    // A removal is used at once, and who stays has the key all the same.
    call.join("dora");
    call.members(&[ours, anna, member("dora", 1)]);
    call.until("another newcomer", |call| call.agree("anna") && call.agree("dora"));
    call.give(Input::Remove(&member("dora", 1).device));
    assert_eq!(call.indices("anna").0, 5);
    call.until("a removal", |call| call.agree("anna"));
    let sealed = call.seals.clone().unwrap().1;
    assert!(call.theirs["dora"].values().all(|key| *key != sealed));
    assert!(call.received > 0);

    // A message of the SDK's as another device than the one that its content claims, and one in clear.
    assert_eq!(call.events, []);
    let genuine = call.sent[0].clone();
    let content = genuine["content"].to_string();
    let event_type = Shape::ElementCall.event_type();
    for (device, error) in [(Some("EVIL"), MatrixRtcError::WrongDevice), (None, MatrixRtcError::InClear)] {
        let sender = "@anna:example.org";
        call.give(Input::ToDevice { event_type, sender, device, content: content.as_bytes() });
        let from = Device::new(sender, device.unwrap_or_default());
        assert_eq!(call.events.pop(), Some(Event::Dropped(from, error)));
    }
}

#[test]
fn who_comes_after_the_grace_gets_fresh_keys_of_both_sides() {
    if let Some(why) = missing() {
        skip(why);
        return;
    }
    let mut call = Call::new(0);
    let [ours, anna, dora] = ["ours", "anna", "dora"].map(|name| member(name, 1));
    call.join("anna");
    call.members(&[ours.clone(), anna.clone()]);
    call.until("two", |call| call.indices("anna") == (1, 1) && call.agree("anna"));
    let before = [&call.seals, &call.uses.get("anna").cloned()].map(|used| used.clone().unwrap().1);
    call.join("dora");
    call.members(&[ours, anna, dora]);
    call.until("three", |call| {
        call.indices("anna") == (2, 2)
            && call.indices("dora") == (2, 1)
            && call.agree("anna")
            && call.agree("dora")
    });
    // What was used before is not in what the newcomer was given.
    assert!(call.theirs["dora"].values().all(|key| !before.contains(key)));
}

#[test]
fn names_toward_the_sfu_are_those_of_the_sdk() {
    if let Some(why) = missing() {
        skip(why);
        return;
    }
    let mut call = Call::new(0);
    let odd = ["plain", "\"quoted\" \\ /slash/", "accents é ü, 日本, 🔑", "\u{1}\u{1f}\u{7f}\u{2028}\t\n"];
    let all: Vec<Membership> = odd
        .iter()
        .map(|text| Membership {
            device: Device::new(&format!("@{text}:example.org"), text),
            member_id: text.repeat(2),
            created_ts: 1,
        })
        .collect();
    for Membership { device: Device { user, device }, member_id, .. } in &all {
        call.order(&json!({ "do": "identity", "user": user, "device": device, "memberId": member_id }));
    }
    call.until("the names", |call| call.identities.len() == odd.len());
    assert_eq!(call.identities, all.iter().map(hashed_identity).collect::<Vec<_>>());
}
