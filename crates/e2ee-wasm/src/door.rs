//! The functions that the worker calls. One call's state lives in the instance; a worker makes one instance.

use alloc::vec::Vec;

use spin::Mutex;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::lane::{failed, pack};
use crate::media::Media;
use crate::{Refusable, code};

/// Room for two names of 512 bytes, or for a name, a key and entropy.
const INBOX_LEN: usize = 2048;
const ENTROPY_LEN: usize = 32;
const INCARNATION_LEN: usize = 16;

struct Door {
    media: Option<Media>,
    inbox: [u8; INBOX_LEN],
    outbox: Vec<f64>,
}

static DOOR: Mutex<Door> = Mutex::new(Door { media: None, inbox: [0; INBOX_LEN], outbox: Vec::new() });

/// What the worker may ask for: the first argument of [`ask`]. The same numbers stand in `sdk/src/worker/module.ts`.
///
/// "Inbox" says what the worker wrote there before, one after the other; secrets in it are wiped behind the call.
/// The rest are the arguments `a`, `b`, `c`.
mod ask {
    /// Begins. Inbox: call (`a` bytes), participant (`b`). `c`: suite, the number in the SFrame registry.
    pub(super) const START: u32 = 0;
    /// Writes the own incarnation, 16 bytes, to the inbox. 0 before a secret was set, else 16.
    pub(super) const INCARNATION: u32 = 1;
    /// Place of the report, an array of doubles: see `report.rs`.
    pub(super) const REPORT: u32 = 2;
    /// Inbox: the room's secret, stretched (`a`), and 32 bytes of entropy.
    pub(super) const SET_ROOM_SECRET: u32 = 3;
    /// Inbox: this sender's own secret (`a`), and 32 bytes of entropy.
    pub(super) const SET_SENDER_SECRET: u32 = 4;
    /// Inbox: a participant's name (`a`), and their secret (`b`). Gives their index.
    pub(super) const SET_PARTICIPANT_SECRET: u32 = 5;
    /// Inbox: a participant's name (`a`), and the incarnation of their announcement. `b`: its suite. Gives their index.
    pub(super) const ADD_PARTICIPANT: u32 = 6;
    /// Inbox: a participant's name (`a`). Opens nothing of theirs until they are added again.
    pub(super) const REMOVE_PARTICIPANT: u32 = 7;
    /// Inbox: 32 bytes of entropy. A new generation; gives its number.
    pub(super) const ROTATE: u32 = 8;
    /// One ratchet step; gives its number.
    pub(super) const RATCHET: u32 = 9;
    /// Fills frames of kind `a` up to a multiple of `b` bytes (0: not).
    pub(super) const PAD: u32 = 10;
    /// The page's clock, milliseconds, `a + b * 2^32`: retires keys whose time has passed.
    pub(super) const TICK: u32 = 11;
    /// Opens a lane, one direction of one track, for kind `a`. `b`: participant, where frames are opened. Gives the lane.
    pub(super) const LANE: u32 = 12;
    /// Moves lane `a` to kind `b` and participant `c`.
    pub(super) const BIND: u32 = 13;
    /// Frees lane `a`.
    pub(super) const CLOSE: u32 = 14;
    /// Makes room in lane `a` for frames of `b` bytes. Gives the place to write them: address, and the largest size.
    pub(super) const RESERVE: u32 = 15;
    /// Seals, under codec rule `b`, the `c` bytes that were written into lane `a`. Gives the place of the sealed frame.
    pub(super) const SEAL: u32 = 16;
    /// Opens the `c` bytes that were written into lane `a`. Gives the place of the frame.
    pub(super) const OPEN: u32 = 17;
    /// Lays out the `c` bytes in lane `a`: `AAD | plaintext | room for the tag`. The counter is spent.
    pub(super) const PLAN_SEAL: u32 = 18;
    /// Ciphertext and tag were written over plaintext and room. Gives the place of the sealed frame.
    pub(super) const FINISH_SEAL: u32 = 19;
    /// Finds the parts of the `c` bytes in lane `a`: `AAD | ciphertext | tag`. Refuses as `Stale` with a key that has
    /// not opened a frame before: that frame is for `OPEN`.
    pub(super) const PLAN_OPEN: u32 = 20;
    /// WebCrypto found the tag right, and the plaintext stands in place of the ciphertext. Gives the frame's place.
    pub(super) const ACCEPT_OPEN: u32 = 21;
    /// Length of the AAD at the start of the plan in lane `a`.
    pub(super) const PLAN_AAD: u32 = 22;
    /// Address of the nonce of lane `a`, 12 bytes. It stays the same as long as the lane.
    pub(super) const NONCE_AT: u32 = 23;
    /// KID of the plan's key; -1 without a plan.
    pub(super) const PLAN_KID: u32 = 24;
    /// Which state of the keys the plan was made under: with the KID it names the key.
    pub(super) const PLAN_EPOCH: u32 = 25;
    /// Lays the AEAD key of the plan in lane `a` out for import: its place, of length 0 when it is gone.
    pub(super) const LEND_KEY: u32 = 26;
    /// Wipes what `LEND_KEY` laid out.
    pub(super) const DROP_KEY: u32 = 27;
    /// Inbox: secret of an epoch, 32 bytes. `a`: the epoch, `b`: its suite. Opens with it from now on, once its
    /// members are told.
    #[cfg(feature = "session")]
    pub(super) const OPEN_EPOCH: u32 = 28;
    /// Inbox: a participant's name (`a`). `b`: their sender index in the newest epoch. Gives their index for lanes.
    #[cfg(feature = "session")]
    pub(super) const MEMBER: u32 = 29;
    /// Seals with the keys of epoch `a`, sender index `b`. `c`: what tells several sealers of one member apart.
    #[cfg(feature = "session")]
    pub(super) const SEAL_WITH: u32 = 30;
    /// Seals nothing until the next `SEAL_WITH`.
    #[cfg(feature = "session")]
    pub(super) const HUSH: u32 = 31;
    /// Forgets epoch `a` and those before it.
    #[cfg(feature = "session")]
    pub(super) const FORGET: u32 = 32;
    /// Opens nothing any more of who had sender index `b` before epoch `a`.
    #[cfg(feature = "session")]
    pub(super) const BAR: u32 = 33;
    /// Inbox: the call's secret, 32 bytes, and 32 bytes of entropy. `a`: its index, `b`: its suite. Seals with it.
    #[cfg(feature = "shared")]
    pub(super) const SHARED_KEY: u32 = 34;
    /// Inbox: the own name (`a`), and 32 bytes of entropy.
    #[cfg(feature = "shared")]
    pub(super) const SHARED_SELF: u32 = 35;
    /// Inbox: a participant's name (`a`). Gives their index for lanes.
    #[cfg(feature = "shared")]
    pub(super) const SHARED_MEMBER: u32 = 36;
    /// Forgets the call's secrets.
    #[cfg(feature = "shared")]
    pub(super) const SHARED_CLEAR: u32 = 37;
}

/// Address of the inbox. It stays the same.
#[wasm_bindgen]
pub fn inbox() -> u32 {
    DOOR.try_lock().map_or(0, |door| door.inbox.as_ptr() as usize as u32)
}

/// The one door: asks for something, by its number in the module `ask`. One export, since each costs a page as many
/// bytes as the work behind it.
#[wasm_bindgen]
pub fn ask(what: u32, a: u32, b: u32, c: u32) -> f64 {
    // A worker has one thread, so it is never locked; after a panic nothing of this instance is to be used.
    let Some(mut door) = DOOR.try_lock() else { return failed(code::INTERNAL) };
    let door = &mut *door;
    match what {
        ask::START..=ask::INCARNATION | ask::SET_ROOM_SECRET..=ask::ROTATE => {
            let done = door.with_inbox(what, a as usize, b, c);
            if what != ask::INCARNATION {
                door.inbox.fill(0);
            }
            done.map_or_else(failed, f64::from)
        }
        #[cfg(feature = "session")]
        ask::OPEN_EPOCH | ask::MEMBER => {
            let done = door.of_session(what, a, b);
            door.inbox.fill(0);
            done.map_or_else(failed, f64::from)
        }
        #[cfg(feature = "shared")]
        ask::SHARED_KEY..=ask::SHARED_MEMBER => {
            let done = door.of_shared(what, a, b);
            door.inbox.fill(0);
            done.map_or_else(failed, f64::from)
        }
        _ => match door.media.as_mut() {
            Some(media) => serve(media, &mut door.outbox, what, a, b, c),
            None => failed(code::INTERNAL),
        },
    }
}

fn serve(media: &mut Media, outbox: &mut Vec<f64>, what: u32, a: u32, b: u32, c: u32) -> f64 {
    let (lane, len) = (a as usize, c as usize);
    let done = match what {
        ask::SEAL => return media.seal(lane, b, len),
        ask::OPEN => return media.open(lane, b, len),
        ask::PLAN_SEAL => return media.plan_seal(lane, b, len),
        ask::FINISH_SEAL => return media.finish_seal(lane),
        ask::PLAN_OPEN => return media.plan_open(lane, b, len),
        ask::ACCEPT_OPEN => return media.accept_open(lane),
        ask::PLAN_AAD => return media.plan_aad(lane) as f64,
        ask::NONCE_AT => return media.nonce_at(lane) as f64,
        ask::PLAN_KID => return media.plan_kid(lane),
        ask::PLAN_EPOCH => Ok(media.plan_epoch(lane)),
        ask::RESERVE => return media.reserve(lane, b as usize),
        ask::LEND_KEY => return media.lend_key(lane),
        ask::DROP_KEY => {
            media.drop_key(lane);
            Ok(0)
        }
        ask::REPORT => {
            outbox.clear();
            media.report(outbox);
            return pack(outbox.as_ptr() as usize, outbox.len() * size_of::<f64>());
        }
        ask::RATCHET => media.ratchet(),
        ask::PAD => media.pad(a, b),
        ask::TICK => {
            media.tick(u64::from(a) | u64::from(b) << 32);
            Ok(0)
        }
        ask::LANE => media.lane(a, b as usize),
        ask::BIND => media.bind(lane, b, c as usize),
        ask::CLOSE => {
            media.close(lane);
            Ok(0)
        }
        #[cfg(feature = "session")]
        ask::SEAL_WITH => media.seal_with(a, b, c),
        #[cfg(feature = "session")]
        ask::HUSH => media.hush(),
        #[cfg(feature = "session")]
        ask::FORGET => media.forget_epoch(a),
        #[cfg(feature = "session")]
        ask::BAR => media.bar(a, b),
        #[cfg(feature = "shared")]
        ask::SHARED_CLEAR => media.shared_clear(),
        _ => Err(code::INTERNAL),
    };
    done.map_or_else(failed, f64::from)
}

impl Door {
    /// Whatever reads the inbox, or writes it.
    fn with_inbox(&mut self, what: u32, a: usize, b: u32, c: u32) -> Refusable<u32> {
        let mut inbox = Inbox(&self.inbox);
        if what == ask::START {
            self.media = Some(Media::new(inbox.name(a)?, inbox.name(b as usize)?, c)?);
            return Ok(0);
        }
        let media = self.media.as_mut().ok_or(code::INTERNAL)?;
        match what {
            ask::INCARNATION => Ok(match (media.incarnation(), self.inbox.first_chunk_mut()) {
                (Some(incarnation), Some(room)) => {
                    *room = incarnation.0;
                    room.len() as u32
                }
                _ => 0,
            }),
            ask::SET_ROOM_SECRET => media.set_room_secret(inbox.bytes(a)?, inbox.bytes(ENTROPY_LEN)?),
            ask::SET_SENDER_SECRET => media.set_sender_secret(inbox.bytes(a)?, inbox.bytes(ENTROPY_LEN)?),
            ask::SET_PARTICIPANT_SECRET => {
                media.set_participant_secret(inbox.name(a)?, inbox.bytes(b as usize)?)
            }
            ask::ADD_PARTICIPANT => media.add_participant(inbox.name(a)?, b, inbox.bytes(INCARNATION_LEN)?),
            ask::REMOVE_PARTICIPANT => {
                media.remove_participant(inbox.name(a)?);
                Ok(0)
            }
            _ => media.rotate(inbox.bytes(ENTROPY_LEN)?),
        }
    }

    #[cfg(feature = "session")]
    fn of_session(&mut self, what: u32, a: u32, b: u32) -> Refusable<u32> {
        let mut inbox = Inbox(&self.inbox);
        let media = self.media.as_mut().ok_or(code::INTERNAL)?;
        match what {
            ask::OPEN_EPOCH => media.open_epoch(a, b, inbox.bytes(ENTROPY_LEN)?),
            _ => media.member(inbox.name(a as usize)?, b),
        }
    }

    #[cfg(feature = "shared")]
    fn of_shared(&mut self, what: u32, a: u32, b: u32) -> Refusable<u32> {
        let mut inbox = Inbox(&self.inbox);
        let media = self.media.as_mut().ok_or(code::INTERNAL)?;
        match what {
            ask::SHARED_KEY => media.shared_key(a, b, inbox.bytes(ENTROPY_LEN)?, inbox.bytes(ENTROPY_LEN)?),
            ask::SHARED_SELF => media.shared_self(inbox.name(a as usize)?, inbox.bytes(ENTROPY_LEN)?),
            _ => media.shared_member(inbox.name(a as usize)?),
        }
    }
}

/// What the worker wrote, read piece by piece.
struct Inbox<'a>(&'a [u8]);

impl<'a> Inbox<'a> {
    fn bytes(&mut self, len: usize) -> Refusable<&'a [u8]> {
        let (piece, rest) = self.0.split_at_checked(len).ok_or(code::BAD_OPTION)?;
        self.0 = rest;
        Ok(piece)
    }

    fn name(&mut self, len: usize) -> Refusable<&'a str> {
        core::str::from_utf8(self.bytes(len)?).map_err(|_| code::BAD_OPTION)
    }
}
