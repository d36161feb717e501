//! What goes in and what comes out.
use std::fmt;

use e2ee_core::{BaseKey, Epoch, Millis};

use crate::identity::verify::{EMOJI_COUNT, Emoji};
use crate::mls::{Identity, Member, MlsError, RoomPolicy, Trust};

/// Number of an entry in the room's log: the first is 1, and 0 is before it. Not the epoch: an entry that no member may
/// follow takes a position and makes no epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Position {
    pub(super) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Names a question, so that its answer finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question(pub u32);

/// Why a verdict is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Somebody asks to be let in.
    Knocks,
    /// Somebody entered by itself, or was let in by somebody else.
    Entered,
    /// They are in the group that this member would enter.
    Inside,
}

/// What happens to a session.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// What the log ends with: at the beginning, and again whenever the way to it was lost. Position 0: it is empty.
    Head {
        /// Of the newest entry.
        position: Position,
        /// The newest entry.
        entry: &'a [u8],
    },
    /// An entry of the log, in its order. Also one's own.
    Log {
        /// Its place.
        position: Position,
        /// The entry.
        entry: &'a [u8],
    },
    /// The log did not take the entry that was to follow this position ([`Output::Append`]).
    Conflict {
        /// As it was given.
        expect: Position,
    },
    /// The log has not kept what [`Output::Read`] asked for. [`Input::Head`] comes next.
    TooOld {
        /// The oldest entry that it has.
        oldest: Position,
    },
    /// The key package of somebody who is not in the group.
    Knock(&'a [u8]),
    /// A message of a member ([`Output::Send`]), over whatever way.
    Message(&'a [u8]),
    /// The transport says that this participant is gone. It is removed.
    Gone(&'a str),
    /// The transport says that these participants are there, with or without this one, and nobody else.
    Participants(&'a [&'a str]),
    /// The application wants fresh keys for all.
    Rotate,
    /// The application wants somebody out, at once.
    Remove(&'a Identity),
    /// The application wants the members to agree on this.
    Policy(RoomPolicy),
    /// The user wants to compare seven emoji with the others.
    Compare,
    /// People found the code or the emoji of this epoch to be the same. [`Event::Uncompared`] tells of who came since.
    Same(Epoch),
    /// The application wants out.
    Leave,
    /// After [`Event::Fork`], [`Event::LogLost`] or [`Event::LeftBehind`]: the user wants in again. What the log ends with.
    Rejoin {
        /// Of the newest entry.
        position: Position,
        /// The newest entry.
        entry: &'a [u8],
    },
    /// The answer to [`Output::Decide`], in its order.
    Verdict(Question, &'a [Trust]),
    /// The time that [`Output::WakeAt`] named has come.
    Wake,
}

/// What a session wants done, in this order.
pub enum Output {
    /// Append to the log, if it still ends with this position. An empty log takes any.
    Append {
        /// The position that the log must end with.
        expect: Position,
        /// The entry.
        entry: Vec<u8>,
    },
    /// Entries are missing: read on behind this position.
    Read {
        /// The last one that is known.
        after: Position,
    },
    /// To everybody in the call: let me in. A [`Input::Knock`] there.
    Knock(Vec<u8>),
    /// To everybody in the call. A [`Input::Message`] there.
    Send(Vec<u8>),
    /// Send [`Input::Wake`] at this time.
    WakeAt(Millis),
    /// How are these known? Nothing is done before the [`Input::Verdict`].
    Decide {
        /// To be named in the answer.
        question: Question,
        /// Why it is asked.
        why: Why,
        /// Who.
        who: Vec<Identity>,
    },
    /// The question needs no answer any more.
    Withdraw(Question),
    /// Everybody in the group, and the secret of this epoch, to open with from now on. Who is refused is in the list as
    /// long as it is in the group, and nothing of it must be opened.
    Open {
        /// The epoch.
        epoch: Epoch,
        /// Its secret: see `e2ee_core::Sealer::from_epoch`.
        secret: BaseKey,
        /// Who is in it; a frame is of the member whose key opens it.
        members: Vec<Member>,
    },
    /// Seal with the keys of this epoch from now on.
    SealWith {
        /// The epoch.
        epoch: Epoch,
        /// The own sender index.
        index: u32,
    },
    /// Seal nothing until the next [`Output::SealWith`].
    Hush,
    /// Forget the keys of this epoch.
    Forget(Epoch),
    /// Open nothing any more of who had this sender index before this epoch.
    Bar {
        /// The epoch that it is not in.
        before: Epoch,
        /// Its sender index.
        index: u32,
    },
    /// What the members agreed on, once this member is in and at every change.
    Policy(RoomPolicy),
    /// Participants of the transport that are not in the group: they get no key.
    Outside(Vec<String>),
    /// What members may compare by voice: 30 digits, another in every epoch.
    Code(String),
    /// What all members of this epoch see, once all have had a say in it. Void with the next epoch.
    Emoji([Emoji; EMOJI_COUNT]),
    /// Something to be shown.
    Event(Event),
}

/// Something that an application shows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// This member is in the group.
    Joined,
    /// This member waits until somebody lets it in.
    Waiting,
    /// This member was removed. Nothing is sealed any more.
    Removed,
    /// This member left. Nothing is sealed any more.
    Left,
    /// Who was refused is in the group. It is being removed, and nothing is sealed until it is out.
    Barred(Vec<Identity>),
    /// Who was refused is in the group that this member would have entered. It did not.
    Refused(Vec<Identity>),
    /// Nobody enters this room without its secret, and none was given.
    NoSecret,
    /// The room is of a cipher suite that this member does not speak. It did not enter, nor found another one.
    OtherSuite,
    /// Others see another group, as many as see this one or more: whoever carries the messages shows different ones.
    /// Nothing is sealed any more.
    Fork,
    /// This member sees another group; more see this one.
    Diverged(Identity),
    /// The log lost more than the members can give back to it. Nothing is sealed any more.
    LogLost,
    /// This member missed more than the log keeps. Nothing is sealed any more.
    LeftBehind,
    /// This member said one thing and did another while all compared. There are no emoji in this epoch.
    Cheated(Identity),
    /// They came since people compared ([`Input::Same`]), and nobody has compared with them.
    Uncompared(Vec<Identity>),
    /// Bytes that could not be used; nothing changed. Told once a second, with how many there were.
    Dropped(MlsError, u32),
}

/// Why an input was not taken. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionError {
    /// The session is over, or was not begun with [`Input::Head`].
    WrongState,
    /// An answer to a question that was not asked, or with the wrong number of verdicts.
    NoSuchQuestion,
    /// From the MLS group.
    Mls(MlsError),
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongState => f.write_str("the session is over, or was not begun"),
            Self::NoSuchQuestion => f.write_str("an answer to a question that was not asked"),
            Self::Mls(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SessionError {}

impl From<MlsError> for SessionError {
    fn from(error: MlsError) -> Self {
        Self::Mls(error)
    }
}
