//! What goes in and what comes out.
use std::fmt;

use e2ee_core::{BaseKey, Epoch, Millis};

use crate::mls::{Identity, Member, MlsError, Trust};

/// Names a question, so that its answer finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question(pub u32);

/// What happens to a session.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// The newest entry of the log and the epoch it made, at the beginning; `None`: the log is empty.
    Head(Option<(Epoch, &'a [u8])>),
    /// An entry of the log, in its order, and the epoch that it made. Also one's own.
    Log(Epoch, &'a [u8]),
    /// The log did not take the entry that was to be appended in this epoch ([`Output::Append`]): it is in another one.
    Conflict(Epoch),
    /// Somebody who is not in the group asks to be let in.
    Knock(&'a [u8]),
    /// The transport says that somebody is gone. It is removed, and asked for nothing more.
    Gone(&'a Identity),
    /// A member says over another way in which epoch it is, and what its authenticator is.
    Heard(Epoch, &'a [u8]),
    /// The application wants fresh keys for all.
    Rotate,
    /// The application wants somebody out, at once.
    Remove(&'a Identity),
    /// The answer to [`Output::Decide`], in its order.
    Verdict(Question, &'a [Trust]),
    /// The time that [`Output::WakeAt`] named has come.
    Wake,
}

/// What a session wants done, in this order.
pub enum Output {
    /// Append to the log, if it is still in this epoch.
    Append {
        /// The epoch that the log must be in.
        expect: Epoch,
        /// The entry.
        entry: Vec<u8>,
    },
    /// To everybody in the call: let me in. A [`Input::Knock`] there.
    Knock(Vec<u8>),
    /// Send [`Input::Wake`] at this time.
    WakeAt(Millis),
    /// May these be in the group? Nothing is done before the [`Input::Verdict`].
    Decide {
        /// To be named in the answer.
        question: Question,
        /// Who.
        who: Vec<Identity>,
    },
    /// Everybody in the group, and the secret of this epoch, to open with from now on.
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
    /// Forget the keys of this epoch.
    Forget(Epoch),
    /// What members may compare by voice: 30 digits, another in every epoch.
    Code(String),
    /// Something to be shown.
    Event(Event),
}

/// Something that an application shows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// This member is in the group.
    Joined,
    /// This member was removed. Nothing is sealed any more.
    Removed,
    /// Somebody was refused; the change that brings it in is not followed, so this session ends here.
    Refused(Vec<Identity>),
    /// Others see another group: whoever carries the messages shows different ones. Nothing is sealed any more.
    Fork,
    /// Bytes that could not be used; nothing changed.
    Dropped(MlsError),
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
