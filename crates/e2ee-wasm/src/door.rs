//! The functions that the worker calls. One call's state lives in the instance; a worker makes one instance.

use std::sync::Mutex;

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

/// Address of the inbox. It stays the same.
#[wasm_bindgen]
pub fn inbox() -> f64 {
    enter(&mut |door| door.inbox.as_ptr() as usize as f64)
}

/// Begins. Inbox: call, participant. `suite` is the number in the SFrame registry.
#[wasm_bindgen]
pub fn start(call_len: usize, who_len: usize, suite: u32) -> f64 {
    enter(&mut |door| {
        let mut inbox = Inbox(door.inbox.as_slice());
        let made = inbox.name(call_len).and_then(|call| Media::new(call, inbox.name(who_len)?, suite));
        match made {
            Ok(media) => {
                door.media = Some(media);
                0.0
            }
            Err(code) => failed(code),
        }
    })
}

/// Writes the own incarnation, 16 bytes, to the inbox. 0 before a secret was set, else 16.
#[wasm_bindgen]
pub fn incarnation() -> f64 {
    enter(&mut |door| {
        let said = door.media.as_ref().and_then(Media::incarnation);
        match (said, door.inbox.first_chunk_mut::<INCARNATION_LEN>()) {
            (Some(incarnation), Some(room)) => {
                *room = incarnation.0;
                INCARNATION_LEN as f64
            }
            _ => 0.0,
        }
    })
}

/// Place of the report, an array of doubles: see `report.rs`.
#[wasm_bindgen]
pub fn report() -> f64 {
    enter(&mut |door| {
        let Some(media) = &door.media else { return failed(code::INTERNAL) };
        door.outbox.clear();
        media.report(&mut door.outbox);
        pack(door.outbox.as_ptr() as usize, door.outbox.len() * size_of::<f64>())
    })
}

/// Inbox: the room's secret, stretched, and 32 bytes of entropy.
#[wasm_bindgen]
pub fn set_room_secret(len: usize) -> f64 {
    take(&mut |media, inbox| {
        let (secret, entropy) = (inbox.bytes(len)?, inbox.bytes(ENTROPY_LEN)?);
        media.set_room_secret(secret, entropy).map(|()| 0)
    })
}

/// Inbox: this sender's own secret, and 32 bytes of entropy.
#[wasm_bindgen]
pub fn set_sender_secret(len: usize) -> f64 {
    take(&mut |media, inbox| {
        let (secret, entropy) = (inbox.bytes(len)?, inbox.bytes(ENTROPY_LEN)?);
        media.set_sender_secret(secret, entropy).map(|()| 0)
    })
}

/// Inbox: a participant's name, and their secret. Gives their index.
#[wasm_bindgen]
pub fn set_participant_secret(who_len: usize, len: usize) -> f64 {
    take(&mut |media, inbox| {
        let who = inbox.name(who_len)?;
        media.set_participant_secret(who, inbox.bytes(len)?)
    })
}

/// Inbox: a participant's name, and the incarnation of their announcement. Gives their index.
#[wasm_bindgen]
pub fn add_participant(who_len: usize, suite: u32) -> f64 {
    take(&mut |media, inbox| {
        let who = inbox.name(who_len)?;
        media.add_participant(who, suite, inbox.bytes(INCARNATION_LEN)?)
    })
}

/// Inbox: a participant's name. Opens nothing of theirs until they are added again.
#[wasm_bindgen]
pub fn remove_participant(who_len: usize) -> f64 {
    take(&mut |media, inbox| {
        media.remove_participant(inbox.name(who_len)?);
        Ok(0)
    })
}

/// Inbox: 32 bytes of entropy. A new generation; gives its number.
#[wasm_bindgen]
pub fn rotate() -> f64 {
    take(&mut |media, inbox| media.rotate(inbox.bytes(ENTROPY_LEN)?))
}

/// One ratchet step; gives its number.
#[wasm_bindgen]
pub fn ratchet() -> f64 {
    take(&mut |media, _| media.ratchet())
}

/// Fills frames of a kind up to a multiple of `bytes` (0: not).
#[wasm_bindgen]
pub fn pad(kind: u32, bytes: u32) -> f64 {
    take(&mut |media, _| media.pad(kind, bytes).map(|()| 0))
}

/// The page's clock, milliseconds: retires keys whose time has passed.
#[wasm_bindgen]
pub fn tick(now_ms: f64) -> f64 {
    with(&mut |media| {
        media.tick(now_ms);
        0.0
    })
}

/// Opens a lane: one direction of one track. `person` counts only where frames are opened. Gives the lane.
#[wasm_bindgen]
pub fn lane(kind: u32, person: usize) -> f64 {
    take(&mut |media, _| media.lane(kind, person))
}

/// Moves a lane to another kind or participant.
#[wasm_bindgen]
pub fn bind(lane: usize, kind: u32, person: usize) -> f64 {
    take(&mut |media, _| media.bind(lane, kind, person).map(|()| 0))
}

/// Frees a lane.
#[wasm_bindgen]
pub fn close(lane: usize) -> f64 {
    with(&mut |media| {
        media.close(lane);
        0.0
    })
}

/// Makes room for frames of `len` bytes. Gives the place to write them: address, and the largest size.
#[wasm_bindgen]
pub fn reserve(lane: usize, len: usize) -> f64 {
    with(&mut |media| media.reserve(lane, len))
}

/// Seals the `len` bytes that were written into the lane. Gives the place of the sealed frame.
#[wasm_bindgen]
pub fn seal(lane: usize, rule: u32, len: usize) -> f64 {
    with(&mut |media| media.seal(lane, rule, len))
}

/// Opens the `len` bytes that were written into the lane. Gives the place of the frame.
#[wasm_bindgen]
pub fn open(lane: usize, rule: u32, len: usize) -> f64 {
    with(&mut |media| media.open(lane, rule, len))
}

/// Lays out the `len` bytes in the lane: `AAD | plaintext | room for the tag`. The counter is spent.
#[wasm_bindgen]
pub fn plan_seal(lane: usize, rule: u32, len: usize) -> f64 {
    with(&mut |media| media.plan_seal(lane, rule, len))
}

/// Ciphertext and tag were written over plaintext and room. Gives the place of the sealed frame.
#[wasm_bindgen]
pub fn finish_seal(lane: usize) -> f64 {
    with(&mut |media| media.finish_seal(lane))
}

/// Finds the parts of the `len` bytes in the lane: `AAD | ciphertext | tag`. Refuses as `Stale` with a key that has
/// not opened a frame before: that frame is for [`open`].
#[wasm_bindgen]
pub fn plan_open(lane: usize, rule: u32, len: usize) -> f64 {
    with(&mut |media| media.plan_open(lane, rule, len))
}

/// WebCrypto found the tag right, and the plaintext stands in place of the ciphertext. Gives the place of the frame.
#[wasm_bindgen]
pub fn accept_open(lane: usize) -> f64 {
    with(&mut |media| media.accept_open(lane))
}

/// Length of the AAD at the start of the plan.
#[wasm_bindgen]
pub fn plan_aad(lane: usize) -> f64 {
    with(&mut |media| media.plan_aad(lane) as f64)
}

/// Address of the nonce, 12 bytes. It stays the same as long as the lane.
#[wasm_bindgen]
pub fn nonce_at(lane: usize) -> f64 {
    with(&mut |media| media.nonce_at(lane) as f64)
}

/// KID of the plan's key; -1 without a plan.
#[wasm_bindgen]
pub fn plan_kid(lane: usize) -> f64 {
    with(&mut |media| media.plan_kid(lane))
}

/// Which state of the keys the plan was made under: with the KID it names the key.
#[wasm_bindgen]
pub fn plan_epoch(lane: usize) -> f64 {
    with(&mut |media| f64::from(media.plan_epoch(lane)))
}

/// Lays the plan's AEAD key out for import: its place, of length 0 when it is gone. Wiped by [`drop_key`].
#[wasm_bindgen]
pub fn lend_key(lane: usize) -> f64 {
    with(&mut |media| media.lend_key(lane))
}

/// Wipes what [`lend_key`] laid out.
#[wasm_bindgen]
pub fn drop_key(lane: usize) -> f64 {
    with(&mut |media| {
        media.drop_key(lane);
        0.0
    })
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

// Kept out of line and free of generics: two dozen doors share one frame.

#[inline(never)]
fn enter(run: &mut dyn FnMut(&mut Door) -> f64) -> f64 {
    // A worker has one thread, so it is never locked; after a panic nothing of this instance is to be used.
    DOOR.try_lock().map_or(failed(code::INTERNAL), |mut door| run(&mut door))
}

#[inline(never)]
fn with(run: &mut dyn FnMut(&mut Media) -> f64) -> f64 {
    enter(&mut |door| door.media.as_mut().map_or(failed(code::INTERNAL), &mut *run))
}

/// Runs `run` on the inbox, which may hold secrets and is wiped behind it.
#[inline(never)]
fn take(run: &mut dyn FnMut(&mut Media, &mut Inbox<'_>) -> Refusable<u32>) -> f64 {
    enter(&mut |door| {
        let Some(media) = door.media.as_mut() else { return failed(code::INTERNAL) };
        let done = run(media, &mut Inbox(door.inbox.as_slice()));
        door.inbox.fill(0);
        done.map_or_else(failed, f64::from)
    })
}
