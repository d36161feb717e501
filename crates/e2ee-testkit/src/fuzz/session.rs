//! Sessions, and the key messages of MatrixRTC.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use e2ee_core::Millis;
use e2ee_session::matrixrtc::{self, Device, Input as Rtc, MatrixRtc, Membership, Settings, Shape};
use e2ee_session::mls::{Identity, RoomPolicy, Trust};
use e2ee_session::session::{
    Event, Input as Happens, MAX_ENTRY_LEN, MAX_MESSAGE_LEN, Output, Position, Question, Session,
};

use super::input::Input;

const ROOM: &[u8] = b"room";

/// A member, and what it asked its application and its carrier for.
struct Member {
    session: Session,
    now: u64,
    /// Epochs whose keys it has.
    open: BTreeSet<u64>,
    asked: BTreeMap<Question, Vec<Identity>>,
    append: Option<(u64, Vec<u8>)>,
    knock: Option<Vec<u8>>,
    sent: Option<Vec<u8>>,
    joined: usize,
}

impl Member {
    fn new(name: &str, seed: u8) -> Option<Self> {
        let session = Session::new(ROOM, name, RoomPolicy::default(), &[seed; 32]).ok()?;
        Some(Self {
            session,
            now: 0,
            open: BTreeSet::new(),
            asked: BTreeMap::new(),
            append: None,
            knock: None,
            sent: None,
            joined: 0,
        })
    }

    /// Hands something in, and checks everything that comes out.
    fn take(&mut self, input: Happens<'_>) {
        let _ = self.session.handle(input, Millis(self.now));
        while let Some(output) = self.session.poll() {
            match output {
                Output::Append { expect, entry } => {
                    assert!(entry.len() <= MAX_ENTRY_LEN);
                    self.append = Some((expect.0, entry));
                }
                Output::Send(bytes) => {
                    assert!(bytes.len() <= MAX_MESSAGE_LEN);
                    self.sent = Some(bytes);
                }
                Output::Knock(package) => self.knock = Some(package),
                Output::Decide { question, who, .. } => {
                    assert!(!who.is_empty(), "nobody is asked about");
                    assert!(self.asked.insert(question, who).is_none(), "{question:?} is asked twice");
                }
                Output::Withdraw(question) => drop(self.asked.remove(&question)),
                Output::Open { epoch, members, .. } => {
                    let indices: BTreeSet<u32> = members.iter().map(|member| member.index).collect();
                    assert_eq!(indices.len(), members.len(), "two members have one index");
                    self.open.insert(epoch.0);
                }
                Output::SealWith { epoch, .. } => {
                    assert!(self.open.contains(&epoch.0), "it seals with keys that it has not");
                }
                Output::Forget(epoch) => drop(self.open.remove(&epoch.0)),
                Output::Event(Event::Joined) => self.joined += 1,
                _ => {}
            }
        }
    }

    /// Answers all questions alike.
    fn answer(&mut self, trust: Trust) {
        while let Some((question, who)) = self.asked.pop_first() {
            self.take(Happens::Verdict(question, &vec![trust; who.len()]));
        }
    }

    fn wake(&mut self, ms: u64) {
        self.now = self.now.saturating_add(ms);
        self.take(Happens::Wake);
        self.answer(Trust::Unverified);
    }

    fn code(&self) -> Option<Vec<u8>> {
        self.session.group().map(|group| group.authenticator().to_vec())
    }
}

/// Ada and Bob in a room, and its log.
fn pair() -> Option<(Member, Member, Vec<Vec<u8>>)> {
    let (mut ada, mut bob) = (Member::new("ada", 1)?, Member::new("bob", 2)?);
    let mut log: Vec<Vec<u8>> = Vec::new();
    let mut came = false;
    ada.take(Happens::Head { position: Position(0), entry: &[] });
    for _ in 0..400 {
        for who in 0..2 {
            let member = if who == 0 { &mut ada } else { &mut bob };
            member.answer(Trust::Unverified);
            let Some((expect, entry)) = member.append.take() else { continue };
            if expect != log.len() as u64 {
                member.take(Happens::Conflict { expect: Position(expect) });
                continue;
            }
            log.push(entry.clone());
            let position = Position(log.len() as u64);
            for member in [&mut ada, &mut bob] {
                member.take(Happens::Log { position, entry: &entry });
                member.answer(Trust::Unverified);
            }
        }
        if !came && ada.session.group().is_some() {
            came = true;
            let entry = log.last()?.clone();
            bob.take(Happens::Head { position: Position(log.len() as u64), entry: &entry });
        }
        if let Some(package) = bob.knock.take() {
            ada.take(Happens::Knock(&package));
        }
        for member in [&mut ada, &mut bob] {
            member.wake(50);
        }
        if ada.code().is_some() && ada.code() == bob.code() {
            return Some((ada, bob, log));
        }
    }
    None
}

/// What members of a room really say, made once: an entry that ada has not, a message, and a key package.
pub(super) struct Said {
    pub(super) entry: Vec<u8>,
    pub(super) message: Vec<u8>,
    pub(super) package: Vec<u8>,
    /// What bob's epoch is once the entry counts.
    after: Option<Vec<u8>>,
}

pub(super) fn said() -> &'static Said {
    static SAID: OnceLock<Said> = OnceLock::new();
    SAID.get_or_init(|| {
        let made = || -> Option<Said> {
            let (_, mut bob, log) = pair()?;
            let message = bob.sent.clone().unwrap_or_default();
            bob.take(Happens::Rotate);
            while bob.append.is_none() {
                bob.wake(500);
            }
            let (_, entry) = bob.append.take()?;
            bob.take(Happens::Log { position: Position(log.len() as u64 + 1), entry: &entry });
            let mut cleo = Member::new("cleo", 3)?;
            cleo.take(Happens::Head { position: Position(log.len() as u64), entry: log.last()? });
            Some(Said { entry, message, package: cleo.knock.take()?, after: bob.code() })
        };
        let said = made();
        assert!(said.is_some(), "two members of a room find each other");
        said.unwrap_or(Said { entry: vec![], message: vec![], package: vec![], after: None })
    })
}

/// A log brings a member an epoch only by an entry whose commit a member made; and nobody who is outside is in by it alone.
pub(super) fn log_entry(data: &[u8]) {
    let mut input = Input::new(data);
    let genuine = said();
    let (what, place) = (input.byte(), input.byte());
    let beyond = if place & 4 == 0 { 0 } else { u64::from(input.byte()) };
    let mut entry = genuine.entry.clone();
    match what % 6 {
        0 => entry.clear(),
        1 => {}
        2 => input.mutate(&mut entry),
        // `version (1) | commit length (4) | commit | welcome length (4) | welcome | group info`: cut behind the commit, or behind an
        // empty welcome.
        3 | 4 => {
            let len = entry.get(1..5).unwrap_or_default();
            let len = len.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
            entry.truncate(5 + len + if what % 6 == 3 { 0 } else { 4 });
        }
        _ => entry.iter_mut().take(1).for_each(|version| *version = input.byte()),
    }
    if what % 6 != 1 {
        entry.extend_from_slice(input.rest());
    }
    let Some((mut ada, bob, log)) = pair() else { return };
    let before = ada.code();
    let next = log.len() as u64 + 1;
    let position = Position(if place & 4 == 0 { next } else { beyond });
    ada.take(Happens::Log { position, entry: &entry });
    ada.answer(if place & 1 == 0 { Trust::Unverified } else { Trust::Refused });
    let after = ada.code();
    let taken = after == genuine.after && after.is_some();
    // Another entry where one was read already is a fork, and ends it.
    let forked = after.is_none() && position.0 < next;
    assert!(after == before || taken || forked, "an entry that nobody made brought an epoch");
    assert!(!(entry == genuine.entry && position.0 == next) || taken, "an entry that bob made did not count");
    // It goes on with what bob makes.
    if !taken && ada.session.position().0 == next {
        assert_eq!(ada.code(), bob.code());
    }
    let mut cleo = Member::new("cleo", 3);
    if let Some(cleo) = &mut cleo {
        cleo.take(Happens::Head { position: Position(next), entry: &entry });
        cleo.answer(Trust::Unverified);
        assert_eq!(cleo.joined, 0, "nobody let cleo in, and no entry of hers is in the log");
    }
}

/// Whatever happens to a member in whatever order: what it wants done is well-formed, it seals with keys that it has, and it gets
/// into no epoch that no member made.
pub(super) fn session_input(data: &[u8]) {
    let mut input = Input::new(data);
    let genuine = said();
    let Some((mut ada, _, log)) = pair() else { return };
    let mut own: Vec<Vec<u8>> = Vec::new();
    let mut end = log.len() as u64;
    for _ in 0..24 {
        let operation = input.byte();
        ada.now = ada.now.saturating_add(u64::from(input.byte()) * 20);
        let mut bytes = match operation % 4 {
            0 => genuine.entry.clone(),
            1 => genuine.message.clone(),
            2 => genuine.package.clone(),
            _ => {
                let len = usize::from(input.byte());
                input.take(len).to_vec()
            }
        };
        if operation & 4 == 0 {
            input.mutate(&mut bytes);
        }
        let position = Position(end.saturating_add(u64::from(operation >> 3 & 1)));
        match input.byte() % 16 {
            0 => ada.take(Happens::Head { position, entry: &bytes }),
            1 | 2 => {
                ada.take(Happens::Log { position, entry: &bytes });
                end = end.max(position.0);
            }
            3 => ada.take(Happens::Message(&bytes)),
            4 => ada.take(Happens::Knock(&bytes)),
            5 => ada.take(Happens::Conflict { expect: position }),
            6 => ada.take(Happens::TooOld { oldest: position }),
            7 => ada.take(Happens::Gone(if operation & 8 == 0 { "bob" } else { "eve" })),
            8 => ada.take(Happens::Participants(if operation & 8 == 0 { &["ada"] } else { &["bob", "eve"] })),
            9 => ada.take(Happens::Rotate),
            10 => ada.take(Happens::Compare),
            11 => ada.take(Happens::Rejoin { position, entry: &bytes }),
            12 => ada.take(Happens::Verdict(Question(operation.into()), &[Trust::Unverified])),
            13 => ada.answer(if operation & 8 == 0 { Trust::Unverified } else { Trust::Refused }),
            14 => ada.wake(1000),
            // The log takes what ada wants to append.
            _ => {
                if let Some((expect, entry)) = ada.append.take() {
                    if expect == end {
                        end += 1;
                        own.push(entry.clone());
                        ada.take(Happens::Log { position: Position(end), entry: &entry });
                    } else {
                        ada.take(Happens::Conflict { expect: Position(expect) });
                    }
                }
            }
        }
        let Some(group) = ada.session.group() else { return };
        let epochs = log.len() as u64 + own.len() as u64 + 1;
        assert!(group.epoch().0 <= epochs, "more epochs than entries");
    }
}

/// Ada gets a key of Bob's only from Bob's device, for her room, and of a length that is one; nothing else changes anything.
pub(super) fn matrixrtc(data: &[u8]) {
    keys_out_of(data);
}

/// How many keys are installed at once, and how many when their sender is known.
fn keys_out_of(data: &[u8]) -> (usize, usize) {
    let mut input = Input::new(data);
    let member = |name: &str| Membership {
        device: Device::new(&format!("@{name}:example.org"), "PHONE"),
        member_id: format!("@{name}:example.org:PHONE"),
        created_ts: 1,
    };
    let (me, bob) = (member("ada"), member("bob"));
    let settings = Settings {
        room: "!room:example.org".to_owned(),
        me: me.clone(),
        shape: Shape::ElementCall,
        use_delay_ms: matrixrtc::USE_DELAY_MS,
        rotation_grace_ms: matrixrtc::ROTATION_GRACE_MS,
    };
    let made = MatrixRtc::new(settings, &[1; 32], Millis(0), 1_000_000);
    assert!(made.is_ok());
    let Ok(mut ada) = made else { return (0, 0) };
    let choice = input.byte();
    let known = choice & 1 == 0;
    let all = [me, bob.clone()];
    let there = if known { all.get(..2) } else { all.get(..1) };
    assert_eq!(ada.handle(Rtc::Members(there.unwrap_or_default()), Millis(0)), Ok(()));
    let shape = if choice & 2 == 0 { Shape::ElementCall } else { Shape::Msc4143 };
    let device = match choice >> 2 & 3 {
        0 | 1 => Some("PHONE"),
        2 => Some("LAPTOP"),
        _ => None,
    };
    while ada.poll().is_some() {}
    let (sender, content) = (bob.device.user.as_str(), input.rest());
    let event_type = shape.event_type();
    let message = Rtc::ToDevice { event_type, sender, device, content };
    assert_eq!(ada.handle(message, Millis(1)), Ok(()), "what others say is no mistake of ours");
    let keys = |ada: &mut MatrixRtc| {
        let mut keys = 0;
        while let Some(output) = ada.poll() {
            if let matrixrtc::Output::Install { owner, key, .. } = output {
                assert_eq!(owner.device, bob.device, "a key of somebody else");
                assert!((16..=64).contains(&key.expose().len()));
                keys += 1;
            }
        }
        keys
    };
    let at_once = keys(&mut ada);
    let proved = device == Some("PHONE");
    assert!(at_once == 0 || known && proved && at_once == 1);
    // What came before its sender did waits for it, and counts once.
    assert_eq!(ada.handle(Rtc::Members(&all), Millis(2)), Ok(()));
    let later = keys(&mut ada);
    assert!(later == 0 || !known && proved && later == 1);
    if at_once + later > 0 {
        let text = content.trim_ascii();
        assert!(text.starts_with(b"{") && text.ends_with(b"}"), "a key out of what is no JSON object");
    }
    (at_once, later)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn seed(target: &str, name: &str) -> Vec<u8> {
        super::super::seeds(target).into_iter().find(|(known, _)| known == name).unwrap().1
    }

    /// So that the engine starts from what is taken, and not from what is refused at once.
    #[test]
    fn what_members_say_is_taken() {
        let Said { entry, message, package, after } = said();
        let (mut ada, bob, log) = pair().unwrap();
        assert!(!message.is_empty() && after.is_some() && *after != bob.code());
        ada.take(Happens::Message(message));
        ada.take(Happens::Knock(package));
        assert_eq!(ada.asked.len(), 1, "cleo knocks");
        ada.answer(Trust::Unverified);
        ada.take(Happens::Log { position: Position(log.len() as u64 + 1), entry });
        assert_eq!(ada.code(), *after);
    }

    #[test]
    fn keys_of_matrixrtc_are_taken() {
        for (name, at_once, later) in [
            ("today", 1, 0),
            ("proposed", 1, 0),
            ("escaped", 1, 0),
            ("before_its_sender", 0, 1),
            ("of_another_device", 0, 0),
            ("in_clear", 0, 0),
            ("another_room", 0, 0),
        ] {
            assert_eq!(keys_out_of(&seed("matrixrtc", name)), (at_once, later), "{name}");
        }
    }
}
