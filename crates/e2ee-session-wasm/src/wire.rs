//! Outputs as bytes, for `sdk/src/session/worker/module.ts`. Numbers are big-endian.
//! ```text
//!  1 append     expect (8), entry             9 hush
//!  2 read       after (8)                    10 forget     epoch (8)
//!  3 knock      key package                  11 code       text
//!  4 send       message                      12 event      number (1), what belongs to it
//!  5 wake       milliseconds (8)             13 withdraw   question (4)
//!  6 decide     question (4), why (1), who...14 bar        before epoch (8), index (4)
//!  7 open       epoch (8), own index (4),    15 policy     mode (1), admit (1), suite (2), with a secret (1)
//!               suite (2), members (4),      16 outside    participant (2 + n)...
//!               member...
//!  8 seal with  epoch (8), index (4)          17 emoji      numbers (7)
//!
//! member   index (4), trust (1), heard (1), who
//! who      participant, name, key, proof (2 + n each)
//! trust    0 unverified, 1 verified, 2 refused
//! why      0 knocks, 1 entered, 2 inside
//! event    1 joined, 2 removed, 3 refused: who..., 4 fork, 5 dropped: error (1), how many (4), 6 left, 7 waiting,
//!          8 barred: who..., 9 log lost, 10 left behind, 11 no secret, 12 diverged: who,
//!          13 cheated: who, 14 other suite, 15 uncompared: who..., 0 another
//! ```
//! The secret of an epoch is in none of them: see [`crate::Door::secret_at`].

use e2ee_session::mls::{Admit, Identity, Member, MlsError, Mode, RoomPolicy, SecretId, Trust};
use e2ee_session::session::{Event, Output, Why};

/// Bytes that grow.
struct Bytes(Vec<u8>);

impl Bytes {
    fn of(tag: u8) -> Self {
        Self(vec![tag])
    }

    fn long(mut self, n: u64) -> Self {
        self.0.extend_from_slice(&n.to_be_bytes());
        self
    }

    fn int(mut self, n: u32) -> Self {
        self.0.extend_from_slice(&n.to_be_bytes());
        self
    }

    fn pair(mut self, n: u16) -> Self {
        self.0.extend_from_slice(&n.to_be_bytes());
        self
    }

    fn byte(mut self, n: u8) -> Self {
        self.0.push(n);
        self
    }

    fn rest(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Names have some hundred bytes, a proof some thousand; what does not fit is cut.
    fn short(self, bytes: &[u8]) -> Self {
        let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        let cut = bytes.get(..len.into()).unwrap_or_default();
        let mut this = self;
        this.0.extend_from_slice(&len.to_be_bytes());
        this.rest(cut)
    }

    fn who(self, who: &Identity) -> Self {
        let Identity { participant, name, key, proof } = who;
        self.short(participant.as_bytes()).short(name.as_bytes()).short(key).short(proof)
    }

    fn all(self, who: &[Identity]) -> Self {
        who.iter().fold(self, Self::who)
    }
}

/// The members of an epoch; `heard` says of each whether it speaks for its participant.
pub(crate) fn open(epoch: u64, own: u32, suite: u16, members: &[Member], heard: &[bool]) -> Vec<u8> {
    let start = Bytes::of(7).long(epoch).int(own).pair(suite).int(members.len() as u32);
    let member = |bytes: Bytes, (member, heard): (&Member, &bool)| {
        bytes.int(member.index).byte(trust(member.trust)).byte((*heard).into()).who(&member.identity)
    };
    members.iter().zip(heard).fold(start, member).0
}

/// Any other output; `None` for [`Output::Open`].
pub(crate) fn write(output: &Output) -> Option<Vec<u8>> {
    let bytes = match output {
        Output::Append { expect, entry } => Bytes::of(1).long(expect.0).rest(entry),
        Output::Read { after } => Bytes::of(2).long(after.0),
        Output::Knock(package) => Bytes::of(3).rest(package),
        Output::Send(message) => Bytes::of(4).rest(message),
        Output::WakeAt(at) => Bytes::of(5).long(at.0),
        Output::Decide { question, why, who } => {
            let why = match why {
                Why::Knocks => 0,
                Why::Entered => 1,
                Why::Inside => 2,
            };
            Bytes::of(6).int(question.0).byte(why).all(who)
        }
        Output::SealWith { epoch, index } => Bytes::of(8).long(epoch.0).int(*index),
        Output::Hush => Bytes::of(9),
        Output::Forget(epoch) => Bytes::of(10).long(epoch.0),
        Output::Code(code) => Bytes::of(11).rest(code.as_bytes()),
        Output::Event(event) => self::event(event),
        Output::Withdraw(question) => Bytes::of(13).int(question.0),
        Output::Bar { before, index } => Bytes::of(14).long(before.0).int(*index),
        Output::Policy(policy) => self::policy(*policy),
        Output::Outside(who) => who.iter().fold(Bytes::of(16), |bytes, one| bytes.short(one.as_bytes())),
        Output::Emoji(emoji) => emoji.iter().fold(Bytes::of(17), |bytes, one| bytes.byte(one.number())),
        Output::Open { .. } => return None,
    };
    Some(bytes.0)
}

fn policy(RoomPolicy { mode, admit, suite, secret }: RoomPolicy) -> Bytes {
    Bytes::of(15).byte(mode.number()).byte(admit.number()).pair(suite).byte(secret.is_some().into())
}

/// A policy out of the numbers above, with the secret that there is.
pub(crate) fn read_policy(mode: u8, admit: u8, suite: u16, secret: Option<SecretId>) -> Option<RoomPolicy> {
    let (mode, admit) = (Mode::from_number(mode)?, Admit::from_number(admit)?);
    Some(RoomPolicy { mode, admit, suite, secret })
}

fn event(event: &Event) -> Bytes {
    let start = Bytes::of(12);
    match event {
        Event::Joined => start.byte(1),
        Event::Removed => start.byte(2),
        Event::Refused(who) => start.byte(3).all(who),
        Event::Fork => start.byte(4),
        Event::Dropped(error, times) => start.byte(5).byte(mls(*error)).int(*times),
        Event::Left => start.byte(6),
        Event::Waiting => start.byte(7),
        Event::Barred(who) => start.byte(8).all(who),
        Event::LogLost => start.byte(9),
        Event::LeftBehind => start.byte(10),
        Event::NoSecret => start.byte(11),
        Event::Diverged(who) => start.byte(12).who(who),
        Event::Cheated(who) => start.byte(13).who(who),
        Event::OtherSuite => start.byte(14),
        Event::Uncompared(who) => start.byte(15).all(who),
        _ => start.byte(0),
    }
}

/// The number of an MLS error.
pub(crate) fn mls(error: MlsError) -> u8 {
    match error {
        MlsError::Malformed => 11,
        MlsError::WrongEpoch => 12,
        MlsError::Refused => 13,
        MlsError::OwnCommit => 14,
        MlsError::Pending => 15,
        MlsError::Removed => 16,
        MlsError::BadIdentity => 17,
        MlsError::NoPolicy => 18,
        MlsError::NotAdmitted => 19,
        MlsError::NoSecret => 20,
        MlsError::BadSecret => 21,
        MlsError::OtherSuite => 22,
        MlsError::NoSuite => 23,
        _ => 10,
    }
}

fn trust(trust: Trust) -> u8 {
    match trust {
        Trust::Unverified => 0,
        Trust::Verified => 1,
        Trust::Refused => 2,
    }
}
