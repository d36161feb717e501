//! What C sees of a session besides functions.

use core::ffi::c_char;

/// Whether a room's media is encrypted.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum frameseal_mode {
    /// Always; who cannot encrypt gets nothing, and is shown. The default.
    Required = 1,
    /// Always; who cannot encrypt is shown, and the application may offer to agree on none.
    Preferred = 2,
    /// Not at all: nobody gets a key.
    Off = 3,
}

/// Who lets somebody into a room.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum frameseal_admit {
    /// Nobody needs to: who knows the room may enter, and is shown. The default.
    Anyone = 1,
    /// A member: whoever comes waits in the lobby.
    Members = 2,
}

/// How somebody is known.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum frameseal_trust {
    /// Nobody vouches for the name. They may be in the group, and are shown as such.
    Unverified = 0,
    /// Somebody the application relies on vouches for the name.
    Verified = 1,
    /// They must not be in the group.
    Refused = 2,
}

/// What a session wants done, or tells.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum frameseal_output_kind {
    /// Nothing more now.
    None = 0,
    /// Append `data` to the room's log if it still ends with `position`; an empty log takes any. If it does not, say
    /// `frameseal_session_conflict` with `position`.
    Append = 1,
    /// Entries are missing: give those behind `position` to `frameseal_session_log`, in order.
    Read = 2,
    /// To everybody in the call, for their `frameseal_session_knock`: `data`.
    Knock = 3,
    /// To everybody in the call, for their `frameseal_session_message`: `data`.
    Send = 4,
    /// Call `frameseal_session_wake` at `time_ms`. A later one takes the place of an earlier one.
    WakeAt = 5,
    /// How are these `people` known? Answer with `frameseal_session_verdict` and `question`; nothing is done before.
    /// `why`: a `frameseal_why`.
    Decide = 6,
    /// `question` needs no answer any more.
    Withdraw = 7,
    /// The members of `epoch`: `people`, each with index, trust and whether it is heard. `index` is the own one. The
    /// ring has their keys already.
    Members = 8,
    /// Frames are sealed with the keys of `epoch` from now on. The ring's sealers do so by themselves.
    Sealing = 9,
    /// Nothing is sealed until the next `Sealing`.
    Hushed = 10,
    /// What members may compare by voice, thirty digits, another in every `epoch`: `text`.
    Code = 11,
    /// What all see who compare in this `epoch`, seven emoji with spaces between: `text`; their numbers in the Matrix
    /// specification, 0 to 63: `data`. Void with the next epoch.
    Emoji = 12,
    /// What the members agreed on: `mode`, `admit`, `suite`, `has_secret`.
    Policy = 13,
    /// `people` are on the transport and not in the group: they get no key. Only `participant` is set.
    Outside = 14,
    /// Something to be shown: `event`, a `frameseal_event`, and `people` where it is about somebody.
    Event = 15,
}

/// Why `FRAMESEAL_OUTPUT_KIND_DECIDE` asks.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum frameseal_why {
    /// They ask to be let in.
    Knocks = 0,
    /// They entered by themselves, or were let in by somebody else.
    Entered = 1,
    /// They are in the group that this member would enter.
    Inside = 2,
}

/// What an application shows.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum frameseal_event {
    /// One that this version of the header does not know.
    Other = 0,
    /// This member is in the group.
    Joined = 1,
    /// This member was removed. Nothing is sealed any more.
    Removed = 2,
    /// Who was refused (`people`) is in the group that this member would have entered. It did not.
    Refused = 3,
    /// Others see another group: whoever carries the messages shows different ones. Nothing is sealed any more.
    Fork = 4,
    /// `times` messages could not be used; `text` says why. Nothing changed.
    Dropped = 5,
    /// This member left. Nothing is sealed any more.
    Left = 6,
    /// This member waits until somebody lets it in.
    Waiting = 7,
    /// Who was refused (`people`) is in the group. It is being removed, and nothing is sealed until it is out.
    Barred = 8,
    /// The log lost more than the members can give back to it. Nothing is sealed any more.
    LogLost = 9,
    /// This member missed more than the log keeps. Nothing is sealed any more.
    LeftBehind = 10,
    /// Nobody enters this room without its secret, and none was given.
    NoSecret = 11,
    /// One member (`people`) sees another group; more see this one.
    Diverged = 12,
    /// One member (`people`) said one thing and did another while all compared. There are no emoji in this epoch.
    Cheated = 13,
    /// The room is of a cipher suite that this member does not speak. It did not enter.
    OtherSuite = 14,
    /// They (`people`) came since people compared, and nobody has compared with them: `frameseal_session_same`.
    Uncompared = 15,
}

/// What a session is made with. Set it to zeros, then `size`, then what you need. Everything is copied.
#[repr(C)]
pub struct frameseal_session_config {
    /// `sizeof(frameseal_session_config)`.
    pub size: usize,
    /// Name of the room, the same for all members: UTF-8 with a NUL at the end, 1 to 512 bytes.
    pub room: *const c_char,
    /// Name of the call that keys of frames are bound to; NULL: the room's.
    pub call: *const c_char,
    /// The id of this participant on the transport, 1 to 512 bytes.
    pub participant: *const c_char,
    /// How this participant is shown, up to 512 bytes; may be NULL.
    pub name: *const c_char,
    /// The room's secret, where it has one: nobody enters without it. 16 to 256 bytes, or NULL.
    pub secret: *const u8,
    /// How many.
    pub secret_len: usize,
    /// A `frameseal_mode`, for the case that this member founds the room; 0: required.
    pub mode: u32,
    /// A `frameseal_admit`, for the same case; 0: anyone.
    pub admit: u32,
    /// A `frameseal_suite`, for the same case; 0: AES-128-GCM.
    pub suite: u32,
}

/// One thing that a session wants. Pointers hold until the next call on the session, `frameseal_session_person` apart.
#[repr(C)]
pub struct frameseal_output {
    /// `sizeof(frameseal_output)`; set it before the call.
    pub size: usize,
    /// A `frameseal_output_kind`, which says what else is set. What is not set is zero.
    pub kind: u32,
    /// Names a question.
    pub question: u32,
    /// A `frameseal_why`.
    pub why: u32,
    /// A `frameseal_event`.
    pub event: u32,
    /// How often.
    pub times: u32,
    /// The own sender index.
    pub index: u32,
    /// A `frameseal_mode`.
    pub mode: u32,
    /// A `frameseal_admit`.
    pub admit: u32,
    /// A `frameseal_suite`.
    pub suite: u32,
    /// 1: nobody enters this room without its secret.
    pub has_secret: u32,
    /// A position in the log: 0 is before its first entry.
    pub position: u64,
    /// An epoch of the group: every join and leave begins one.
    pub epoch: u64,
    /// A time, on the clock of `now_ms`.
    pub time_ms: u64,
    /// Bytes to be carried.
    pub data: *const u8,
    /// How many.
    pub data_len: usize,
    /// A text with a NUL at the end.
    pub text: *const c_char,
    /// How many people this is about: see `frameseal_session_person`.
    pub people: usize,
}

/// Somebody. Pointers hold until the next call on the session, `frameseal_session_person` apart.
#[repr(C)]
pub struct frameseal_person {
    /// `sizeof(frameseal_person)`; set it before the call.
    pub size: usize,
    /// The id on the transport that they claim; keys of their frames are bound to it.
    pub participant: *const c_char,
    /// As they want to be shown; may be empty. Nobody vouches for it unless `trust` says so.
    pub name: *const c_char,
    /// Their public key, 32 bytes.
    pub key: *const u8,
    /// How many.
    pub key_len: usize,
    /// What proves who they are; empty as a rule.
    pub proof: *const u8,
    /// How many.
    pub proof_len: usize,
    /// Their index in the group, for `frameseal_session_remove`.
    pub index: u32,
    /// A `frameseal_trust`.
    pub trust: u32,
    /// 1: they speak for `participant`, and their frames are opened. 0: somebody else who claims it was there first, or
    /// they are refused.
    pub heard: u32,
}
