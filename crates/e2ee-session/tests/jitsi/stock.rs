//! Against participants of a stock client on libolm, in Node: `cargo xtask interop jitsi` installs libolm, and runs this
//! with the stock times. Without Node or libolm it is skipped, and says so.
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use e2ee_core::Millis;
use e2ee_session::identity::verify::Emoji;
use e2ee_session::jitsi::{CHANGE_MS, Event, Input, Jitsi, Output, REQUEST_MS, Settings};
use serde_json::{Value, json};

use super::{hex, reaches, step};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/jitsi");
const LIMIT: Duration = Duration::from_secs(60);

fn asked() -> bool {
    std::env::var_os("FRAMESEAL_JITSI").is_some()
}

/// With the times of the stock client.
fn in_full() -> bool {
    std::env::var_os("FRAMESEAL_JITSI").is_some_and(|how| how == "full")
}

fn missing() -> Option<&'static str> {
    if !Path::new(FOLDER).join("../../../../sdk/node_modules/@matrix-org/olm").is_dir() {
        return Some("@matrix-org/olm is not installed");
    }
    let node = Command::new("node").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if node.is_ok_and(|status| status.success()) { None } else { Some("there is no node") }
}

/// Says so past what the test harness catches; where it was asked for, it is a failure.
fn skip(why: &str) {
    assert!(!asked(), "{why}");
    let said = writeln!(std::io::stderr(), "SKIPPED: {why}; `cargo xtask interop jitsi` brings it");
    assert!(said.is_ok());
}

/// What somebody has, ours or not.
#[derive(Default)]
struct Seen {
    seals: Option<(u64, String)>,
    /// By owner and index.
    opens: BTreeMap<(String, u64), String>,
    off: Vec<String>,
    compares: BTreeMap<String, (Vec<String>, [u16; 3])>,
    verified: Vec<String>,
    refused: Vec<String>,
}

struct Call {
    node: Child,
    orders: ChildStdin,
    lines: Receiver<Value>,
    library: String,
    ours: BTreeMap<String, (Jitsi, Option<Millis>)>,
    events: Vec<(String, Event)>,
    seen: BTreeMap<String, Seen>,
    presence: BTreeMap<String, BTreeMap<String, String>>,
    begun: Instant,
    change_ms: u64,
    signs: bool,
    /// Times at which somebody began to use a key.
    turns: Vec<(String, u64, Instant)>,
}

impl Drop for Call {
    fn drop(&mut self) {
        let _ = self.node.kill();
        let _ = self.node.wait();
    }
}

impl Call {
    fn new(library: Option<&PathBuf>, signs: bool) -> Self {
        let mut command = Command::new("node");
        command.arg("peer.mjs").current_dir(FOLDER).stdin(Stdio::piped()).stdout(Stdio::piped());
        if let Some(library) = library {
            command.env("LIBRARY", library);
        }
        let mut node = command.spawn().unwrap();
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
        let first: Value = lines.recv_timeout(LIMIT).unwrap();
        if asked() {
            // The harness has begun a line.
            let said = writeln!(std::io::stderr());
            assert!(said.is_ok());
        }
        assert_eq!(first["is"], "ready");
        Self {
            node,
            orders,
            lines,
            library: first["library"].as_str().unwrap().to_owned(),
            ours: BTreeMap::new(),
            events: Vec::new(),
            seen: BTreeMap::new(),
            presence: BTreeMap::new(),
            begun: Instant::now(),
            change_ms: if in_full() { CHANGE_MS } else { 250 },
            signs,
            turns: Vec::new(),
        }
    }

    fn now(&self) -> Millis {
        Millis(self.begun.elapsed().as_millis() as u64)
    }

    fn order(&mut self, at: &str, order: &str, mut with: Value) {
        with["at"] = at.into();
        with["order"] = order.into();
        writeln!(self.orders, "{with}").unwrap();
    }

    fn is_ours(&self, who: &str) -> bool {
        self.ours.contains_key(who)
    }

    /// Gives one of ours an input, and does what it wants.
    fn give(&mut self, who: &str, input: Input<'_>) {
        let now = self.now();
        self.ours.get_mut(who).unwrap().0.handle(input, now).unwrap();
        self.drain(who);
    }

    fn drain(&mut self, who: &str) {
        while let Some(output) = self.ours.get_mut(who).and_then(|(engine, _)| engine.poll()) {
            let seen = self.seen.get_mut(who).unwrap();
            match output {
                Output::Send { to, json } => self.deliver(who, &to, &json),
                Output::Publish { name, value } => self.publish(who, name, &value),
                Output::Seal { index, key } => self.seals(who, index.into(), hex(key.expose())),
                Output::Stop => seen.seals = None,
                Output::Open { who: owner, index, key } => {
                    seen.opens.insert((owner, index.into()), hex(key.expose()));
                }
                Output::Forget(owner) => seen.opens.retain(|(of, _), _| *of != owner),
                Output::WakeAt(at) => self.ours.get_mut(who).unwrap().1 = Some(at),
                Output::Event(event) => self.event(who, event),
                _ => {}
            }
        }
    }

    fn event(&mut self, who: &str, event: Event) {
        let seen = self.seen.get_mut(who).unwrap();
        match &event {
            Event::Compare { who, emoji, decimals } => {
                let emoji = emoji.iter().map(|emoji| emoji.symbol().to_owned()).collect();
                seen.compares.insert(who.clone(), (emoji, *decimals));
            }
            Event::Verified { who, .. } => seen.verified.push(who.clone()),
            Event::SwitchedOff(who) => seen.off.push(who.clone()),
            Event::Refused(who, why) => seen.refused.push(format!("{who}: {why}")),
            _ => {}
        }
        self.events.push((who.to_owned(), event));
    }

    fn seals(&mut self, who: &str, index: u64, key: String) {
        self.turns.push((who.to_owned(), index, Instant::now()));
        self.seen.get_mut(who).unwrap().seals = Some((index, key));
    }

    fn deliver(&mut self, from: &str, to: &str, json: &str) {
        if self.is_ours(to) {
            self.give(to, Input::Message { from, json });
        } else if self.seen.contains_key(to) {
            self.order(to, "message", json!({ "from": from, "json": json }));
        }
    }

    fn publish(&mut self, who: &str, name: &str, value: &str) {
        self.presence.entry(who.to_owned()).or_default().insert(name.to_owned(), value.to_owned());
        for other in self.seen.keys().filter(|other| *other != who).cloned().collect::<Vec<_>>() {
            self.tell_property(&other, who, name, value);
        }
    }

    fn tell_property(&mut self, to: &str, who: &str, name: &str, value: &str) {
        if self.is_ours(to) {
            self.give(to, Input::Property { who, name, value });
        } else {
            self.order(to, "property", json!({ "who": who, "name": name, "value": value }));
        }
    }

    fn tell_joined(&mut self, to: &str, who: &str, earlier: bool) {
        if self.is_ours(to) {
            self.give(to, Input::Joined { who, e2ee: true, earlier });
        } else {
            self.order(to, "joined", json!({ "who": who, "e2ee": true, "earlier": earlier }));
        }
    }

    fn join(&mut self, who: &str, ours: bool) {
        let others: Vec<String> = self.seen.keys().cloned().collect();
        self.seen.insert(who.to_owned(), Seen::default());
        if ours {
            let settings =
                Settings { ratchet_ms: self.change_ms, rotate_ms: self.change_ms, ..Settings::new(who) };
            let engine = Jitsi::new(settings, &[who.as_bytes()[0]; 32], self.now()).unwrap();
            self.ours.insert(who.to_owned(), (engine, None));
        } else {
            let request = if in_full() { REQUEST_MS } else { 500 };
            let with = json!({ "signs": self.signs, "change": self.change_ms, "request": request });
            self.order(who, "make", with);
        }
        for other in &others {
            self.tell_joined(other, who, false);
        }
        for other in &others {
            self.tell_joined(who, other, true);
            for (name, value) in self.presence.get(other).cloned().unwrap_or_default() {
                self.tell_property(who, other, &name, &value);
            }
        }
        if ours {
            self.drain(who);
        }
        let who = who.to_owned();
        self.until("identity keys", |call| call.presence.get(&who).is_some_and(|keys| keys.len() >= 2));
    }

    fn leave(&mut self, who: &str) {
        self.ours.remove(who);
        self.order(who, "gone", json!({}));
        self.seen.remove(who);
        self.presence.remove(who);
        for other in self.seen.keys().cloned().collect::<Vec<_>>() {
            if self.is_ours(&other) {
                self.give(&other, Input::Left(who));
            } else {
                self.seen.get_mut(&other).unwrap().opens.retain(|(of, _), _| of != who);
                self.order(&other, "left", json!({ "who": who }));
            }
        }
    }

    fn enable(&mut self, who: &str, on: bool) {
        if self.is_ours(who) {
            self.give(who, Input::Enable(on));
        } else {
            self.order(who, "enable", json!({ "on": on }));
        }
    }

    fn hear(&mut self, line: &Value) {
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let at = text("at");
        match line["is"].as_str().unwrap() {
            "send" => self.deliver(&text("from"), &text("to"), &text("json")),
            "publish" => self.publish(&at, &text("name"), &text("value")),
            "seal" if self.seen.contains_key(&at) => {
                self.seals(&at, line["index"].as_u64().unwrap(), text("key"))
            }
            "fault" => panic!("{line}"),
            kind => {
                let Some(seen) = self.seen.get_mut(&at) else { return };
                match kind {
                    "key" if line["key"].is_null() => seen.off.push(text("who")),
                    "key" => {
                        seen.opens.insert((text("who"), line["index"].as_u64().unwrap()), text("key"));
                    }
                    "sas" => {
                        let bytes = text("bytes");
                        let bytes: Vec<u8> = (0..6)
                            .map(|at| u8::from_str_radix(&bytes[at * 2..at * 2 + 2], 16).unwrap())
                            .collect();
                        let bytes = <&[u8; 6]>::try_from(bytes.as_slice()).unwrap();
                        let emoji = Emoji::from_bits(bytes).map(|emoji| emoji.symbol().to_owned()).to_vec();
                        seen.compares.insert(text("who"), (emoji, decimals(bytes)));
                    }
                    "verified" => seen.verified.push(text("who")),
                    "refused" | "error" => seen.refused.push(line.to_string()),
                    _ => {}
                }
            }
        }
    }

    fn pump(&mut self) {
        let now = self.now();
        let due: Vec<String> = self
            .ours
            .iter()
            .filter(|(_, (_, wake))| wake.is_some_and(|at| at <= now))
            .map(|(who, _)| who.clone())
            .collect();
        for who in due {
            self.ours.get_mut(&who).unwrap().1 = None;
            self.give(&who, Input::Wake);
        }
        match self.lines.recv_timeout(Duration::from_millis(10)) {
            Ok(line) => self.hear(&line),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => panic!("the peer is gone"),
        }
    }

    fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let end = Instant::now() + LIMIT;
        while !holds(self) {
            let state: Vec<_> =
                self.seen.iter().map(|(who, seen)| (who, &seen.seals, &seen.opens, &seen.refused)).collect();
            assert!(Instant::now() < end, "{what}: {state:#?} {:?}", self.events);
            self.pump();
        }
    }

    fn pass(&mut self, ms: u64) {
        let end = Instant::now() + Duration::from_millis(ms);
        while Instant::now() < end {
            self.pump();
        }
    }

    /// Whether everybody opens what everybody of these seals.
    fn agree(&self, who: &[&str]) -> bool {
        who.iter().all(|sender| {
            let Some((index, used)) = &self.seen[*sender].seals else { return false };
            who.iter().filter(|receiver| *receiver != sender).all(|receiver| {
                let has = self.seen[*receiver].opens.get(&((*sender).to_owned(), *index));
                has.is_some_and(|has| reaches(has, used))
            })
        })
    }

    fn seal(&self, who: &str) -> (u64, String) {
        self.seen[who].seals.clone().unwrap()
    }

    fn compare(&mut self, starter: &str, other: &str) {
        if self.is_ours(starter) {
            self.give(starter, Input::Compare(other));
        } else {
            self.order(starter, "start", json!({ "who": other }));
        }
        let (one, two) = (starter.to_owned(), other.to_owned());
        self.until("codes", |call| {
            call.seen[&one].compares.contains_key(&two) && call.seen[&two].compares.contains_key(&one)
        });
        assert_eq!(self.seen[starter].compares[other], self.seen[other].compares[starter]);
        for (who, with) in [(starter, other), (other, starter)] {
            if self.is_ours(who) {
                self.give(who, Input::Same(with, true));
            } else {
                self.order(who, "confirm", json!({ "who": with }));
            }
        }
        self.until("verified", |call| {
            call.seen[&one].verified.contains(&two) && call.seen[&two].verified.contains(&one)
        });
    }
}

/// From the specification of Matrix, 13 bits each.
fn decimals(bytes: &[u8; 6]) -> [u16; 3] {
    let bits = bytes.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    [35, 22, 9].map(|shift| (bits >> shift & 0x1fff) as u16 + 1000)
}

/// One line of the matrix.
fn row(call: &Call, what: &str, figures: &str) {
    let exchange = if call.signs { "signed" } else { "unsigned" };
    let text = format!("| {} | {exchange} | {what} | {figures} |", call.library);
    if asked() {
        let said = writeln!(std::io::stderr(), "{text}");
        assert!(said.is_ok());
    }
}

/// A whole conference: ours between two stock participants by id, so that each side begins a session with the other.
fn conference(library: Option<&PathBuf>, signs: bool) {
    let mut call = Call::new(library, signs);
    let change = call.change_ms;
    call.join("bbbb", false);
    call.join("cccc", true);
    call.join("dddd", false);
    for who in ["bbbb", "cccc", "dddd"] {
        call.enable(who, true);
    }
    call.until("three agree", |call| call.agree(&["bbbb", "cccc", "dddd"]));
    let sessions = call
        .events
        .iter()
        .filter(|(_, event)| matches!(event, Event::Session { signed, .. } if *signed == signs));
    assert_eq!(sessions.count(), 2);
    row(&call, "session-init and session-ack, both ways", "2 sessions with ours");
    row(&call, "key-info, three participants", "all six directions open");

    // A newcomer: everybody ratchets, nobody is told, and what was sealed before stays closed to it.
    let before: Vec<_> = ["bbbb", "cccc", "dddd"].iter().map(|who| call.seal(who)).collect();
    let came = Instant::now();
    call.join("eeee", false);
    call.until("ratchets", |call| {
        ["bbbb", "cccc", "dddd"]
            .iter()
            .zip(&before)
            .all(|(who, (index, key))| call.seal(who) == (*index, step(key)))
    });
    assert!(call.agree(&["bbbb", "cccc", "dddd"]));
    let waited = came.elapsed();
    assert!(waited >= Duration::from_millis(change));
    row(&call, "join: own key ratcheted, others follow", &format!("after {:.1} s", waited.as_secs_f32()));
    call.enable("eeee", true);
    call.until("four agree", |call| call.agree(&["bbbb", "cccc", "dddd", "eeee"]));
    let told = &call.seen["eeee"].opens[&("cccc".to_owned(), before[1].0)];
    assert!(reaches(&before[1].1, told) && !reaches(told, &before[1].1));
    row(&call, "join: the newcomer is told the ratcheted key", "what was sealed before stays closed");

    // Somebody leaves: fresh keys of the next index.
    let before: Vec<_> = ["cccc", "dddd", "eeee"].iter().map(|who| call.seal(who).0).collect();
    let gone = Instant::now();
    call.leave("bbbb");
    call.until("fresh keys", |call| {
        ["cccc", "dddd", "eeee"].iter().zip(&before).all(|(who, index)| call.seal(who).0 == index + 1)
            && call.agree(&["cccc", "dddd", "eeee"])
    });
    let turned: Vec<_> =
        call.turns.iter().filter(|(_, _, at)| *at > gone).map(|(_, _, at)| *at - gone).collect();
    assert!(turned.iter().all(|after| *after >= Duration::from_millis(change)));
    let last = turned.iter().max().unwrap();
    row(
        &call,
        "leave: rotation, key-info acknowledged by all",
        &format!("after {:.1} s", last.as_secs_f32()),
    );

    // Both ways of comparing.
    call.compare("cccc", "dddd");
    call.compare("eeee", "cccc");
    let covered = call
        .events
        .iter()
        .filter(|(_, event)| matches!(event, Event::Verified { session, .. } if *session == signs));
    assert_eq!(covered.count(), 2);
    let keys = if signs { "Ed25519 and Curve25519" } else { "Ed25519 only, and said so" };
    row(&call, "SAS begun by ours and by the peer: emoji, decimals, MACs", keys);

    // Off and on again, theirs and ours.
    call.enable("dddd", false);
    call.until("off", |call| call.presence["dddd"]["e2ee.enabled"] == "false");
    assert!(call.seen["cccc"].off.contains(&"dddd".to_owned()));
    call.enable("dddd", true);
    call.until("again", |call| call.agree(&["cccc", "dddd", "eeee"]));
    call.enable("cccc", false);
    call.until("ours off", |call| call.seen["dddd"].off.contains(&"cccc".to_owned()));
    assert_eq!(call.seen["cccc"].seals, None);
    call.enable("cccc", true);
    call.until("ours again", |call| call.agree(&["cccc", "dddd", "eeee"]));
    row(&call, "off and on again, either side", "agree again");
    let refused: Vec<_> = call.seen.values().flat_map(|seen| &seen.refused).collect();
    assert!(refused.is_empty(), "{refused:?}");
}

/// Two of ours and a stock participant, who comes last and has the lowest id.
fn mixed(library: Option<&PathBuf>, signs: bool) {
    let mut call = Call::new(library, signs);
    call.join("gggg", true);
    call.join("ffff", true);
    call.enable("ffff", true);
    call.enable("gggg", true);
    call.until("ours agree", |call| call.agree(&["ffff", "gggg"]));
    call.join("aaaa", false);
    // At once: the ratchet must not be waited for, nor the key from before it handed out.
    let before = call.seal("ffff");
    call.enable("aaaa", true);
    call.until("all agree", |call| call.agree(&["aaaa", "ffff", "gggg"]));
    let told = &call.seen["aaaa"].opens[&("ffff".to_owned(), before.0)];
    assert!(*told != before.1 && reaches(&before.1, told));
    row(&call, "two of ours, a stock newcomer at once", "is told the ratcheted key, without the wait");
    call.leave("gggg");
    call.pass(call.change_ms);
    call.until("two are left", |call| call.agree(&["aaaa", "ffff"]) && call.seal("ffff").0 == before.0 + 1);
    call.leave("aaaa");
    call.until("alone", |call| call.seal("ffff").0 == before.0 + 2);
    row(&call, "leave by one of ours, then by the peer", "fresh keys, used at once when alone");
}

fn ours_as_library() -> Option<PathBuf> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/dist/olm-window.js");
    built.is_file().then_some(built)
}

#[test]
fn conference_with_unsigned_stock_participants() {
    match missing() {
        Some(why) => skip(why),
        None => conference(None, false),
    }
}

#[test]
fn conference_with_signing_stock_participants() {
    match missing() {
        Some(why) => skip(why),
        None => conference(None, true),
    }
}

#[test]
fn two_of_ours_and_a_stock_participant() {
    match missing() {
        Some(why) => skip(why),
        None => [false, true].into_iter().for_each(|signs| mixed(None, signs)),
    }
}

#[test]
fn stock_participants_on_frameseal_olm() {
    match (missing(), ours_as_library()) {
        (Some(why), _) => skip(why),
        (None, None) => skip("the SDK is not built"),
        (None, Some(library)) => conference(Some(&library), true),
    }
}
