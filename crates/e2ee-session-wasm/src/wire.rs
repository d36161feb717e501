//! Outputs as bytes, for `sdk/src/session/worker/module.ts`. Numbers are big-endian.
//! ```text
//! 1 append   expect (8), entry              7 open     epoch (8), own index (4), members (4), member...
//! 2 read     after (8)                      8 seal     epoch (8), index (4)
//! 3 knock    key package                    9 hush
//! 4 send     message                       10 forget   epoch (8)
//! 5 wake     milliseconds (8)              11 code     text
//! 6 decide   question (4), why (1), who... 12 event    number (1), who... or text
//! member     index (4), trust (1), heard (1), who
//! who        participant (2 + n), name (2 + n), key (2 + n)
//! trust      0 unverified, 1 verified, 2 refused
//! ```
//! The secret of an epoch is in none of them: see [`crate::Door::secret_at`].

use e2ee_session::mls::{Identity, Member, MlsError, Trust};
use e2ee_session::session::{Event, Output};

use crate::owners::participant;

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

    fn byte(mut self, n: u8) -> Self {
        self.0.push(n);
        self
    }

    fn rest(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Names and keys have some hundred bytes; what does not fit is cut.
    fn short(self, bytes: &[u8]) -> Self {
        let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        let cut = bytes.get(..len.into()).unwrap_or_default();
        let mut this = self;
        this.0.extend_from_slice(&len.to_be_bytes());
        this.rest(cut)
    }

    fn who(self, who: &Identity) -> Self {
        self.short(participant(who).as_bytes()).short(who.name.as_bytes()).short(&who.key)
    }

    fn all(self, who: &[Identity]) -> Self {
        who.iter().fold(self, Self::who)
    }
}

/// The members of an epoch; `heard` says of each whether it speaks for its participant.
pub(crate) fn open(epoch: u64, own: u32, members: &[Member], heard: &[bool]) -> Vec<u8> {
    let start = Bytes::of(7).long(epoch).int(own).int(members.len() as u32);
    let member = |bytes: Bytes, (member, heard): (&Member, &bool)| {
        bytes.int(member.index).byte(trust(member.trust)).byte((*heard).into()).who(&member.identity)
    };
    members.iter().zip(heard).fold(start, member).0
}

/// Any other output; `None` for what stays inside.
pub(crate) fn write(output: &Output) -> Option<Vec<u8>> {
    let bytes = match output {
        Output::Append { expect, entry } => Bytes::of(1).long(expect.0).rest(entry),
        Output::Knock(package) => Bytes::of(3).rest(package),
        Output::WakeAt(at) => Bytes::of(5).long(at.0),
        Output::Decide { question, who } => Bytes::of(6).int(question.0).byte(0).all(who),
        Output::SealWith { epoch, index } => Bytes::of(8).long(epoch.0).int(*index),
        Output::Forget(epoch) => Bytes::of(10).long(epoch.0),
        Output::Code(code) => Bytes::of(11).rest(code.as_bytes()),
        Output::Event(event) => self::event(event),
        Output::Open { .. } => return None,
    };
    Some(bytes.0)
}

fn event(event: &Event) -> Bytes {
    let start = Bytes::of(12);
    match event {
        Event::Joined => start.byte(1),
        Event::Removed => start.byte(2),
        Event::Refused(who) => start.byte(3).all(who),
        Event::Fork => start.byte(4),
        Event::Dropped(error) => start.byte(5).byte(mls(*error)),
        other => start.byte(0).rest(format!("{other:?}").as_bytes()),
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
