//! What goes in and what comes out.
use e2ee_core::{CallId, CipherSuite, Kid, KidScheme, Millis, ParticipantId, SenderKey};

use super::error::PairwiseError;
use crate::mls::{Identity, Trust};
use crate::session::Question;

/// What a member brings, and what all members of a call must have alike.
#[derive(Clone)]
pub struct Settings {
    /// The room, 0 to 512 bytes. Alike.
    pub room: Vec<u8>,
    /// The call in it. Alike.
    pub call: CallId,
    /// Suite that frames are sealed with. Alike.
    pub suite: CipherSuite,
    /// Layout of key ids: [`KidScheme::SenderKeys`] with 1 to 16 ratchet bits. Alike.
    pub scheme: KidScheme,
    /// This member, as the transport and the frame layer call it.
    pub me: ParticipantId,
    /// What this member calls itself, up to 512 bytes; may be empty.
    pub name: String,
    /// What proves the name to others: opaque, up to 16 KiB; may be empty.
    pub proof: Vec<u8>,
    /// How long a fresh key waits for those who do not acknowledge it, milliseconds: at most [`super::MAX_GRACE_MS`].
    pub grace_ms: u64,
    /// How often the own key is made anew though nobody leaves, milliseconds; 0: never.
    pub rotate_every_ms: u64,
}

/// What happens to a member.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// The transport says that somebody is in the call, and what it announced; empty: nothing.
    Came(&'a ParticipantId, &'a [u8]),
    /// The transport says that somebody is gone. It gets no key from now on, and comes back only with new keys.
    Gone(&'a ParticipantId),
    /// The application wants somebody out, at once.
    Remove(&'a ParticipantId),
    /// A message that the transport says is from there.
    Message(&'a ParticipantId, &'a [u8]),
    /// The frame layer cannot open frames from there: no key for this KID.
    UnknownKid(&'a ParticipantId, Kid),
    /// The application wants a fresh own key, or the frame layer says that the one in use is worn.
    Rotate,
    /// The answer to [`Output::Decide`].
    Verdict(Question, Trust),
    /// The time that [`Output::WakeAt`] named has come.
    Wake,
}

/// What a member wants done, in this order.
pub enum Output {
    /// To everybody in the call, and to everybody who comes: [`Input::Came`] there.
    Announce(Vec<u8>),
    /// To this member only: [`Input::Message`] there.
    Send {
        /// To whom.
        to: ParticipantId,
        /// At most [`super::MAX_MESSAGE_LEN`] bytes.
        bytes: Vec<u8>,
    },
    /// Send [`Input::Wake`] at this time. A later one of these takes the place of an earlier one.
    WakeAt(Millis),
    /// May this one be in the call? It gets no key before [`Input::Verdict`].
    Decide {
        /// To be named in the answer.
        question: Question,
        /// What it says of itself, with its proof. That its address is its participant id is checked.
        who: Identity,
    },
    /// Seal with this key from now on: `e2ee_core::Sealer::enter_key`. Before anything that comes after is sent.
    Seal(SenderKey),
    /// Open this member's frames with this key: `e2ee_core::Opener::install` at its generation and step. A frame is of
    /// the owner of the key that opens it.
    Install {
        /// Whose.
        owner: ParticipantId,
        /// The key.
        key: SenderKey,
    },
    /// Forget this member's keys of generations before this place: `e2ee_core::Opener::forget_before`.
    Forget {
        /// Whose.
        owner: ParticipantId,
        /// The oldest that stays.
        before: e2ee_core::KeyAt,
    },
    /// Forget all of this member: it is not in the call any more.
    Drop(ParticipantId),
    /// Everybody that the transport shows, and how they stand; after every change.
    Roster(Vec<Entry>),
    /// Something to be shown.
    Event(Event),
}

/// One line of the roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its address.
    pub who: ParticipantId,
    /// What it announced itself as, without the proof, which [`Output::Decide`] gave.
    pub identity: Option<Identity>,
    /// How it stands.
    pub standing: Standing,
}

/// How somebody stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// Not in the encrypted call: it gets no key.
    Outside(PairwiseError),
    /// The verdict is awaited: it gets no key.
    Deciding,
    /// In the call.
    Member {
        /// How it is known.
        trust: Trust,
        /// Whether it acknowledges keys.
        hears: bool,
    },
}

/// Something that an application shows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The transport shows somebody who is not in the encrypted call, and gets no key.
    Outside(ParticipantId, PairwiseError),
    /// Behind this address is somebody with other keys than before.
    Changed(ParticipantId),
    /// A member did not acknowledge a key that was sent four times: it cannot hear this one.
    CannotHear(ParticipantId),
    /// It can again.
    HearsAgain(ParticipantId),
    /// What came from there could not be used; nothing changed.
    Dropped(ParticipantId, PairwiseError),
}
