//! The module behind `frameseal/livekit-worker`: LiveKit's format, and nothing of Frameseal's own.
//!
//! As in [`crate::door`]: numbers only, bytes through the inbox and the buffers of lanes. A *person* is a key ring:
//! a sealer and an opener with the same keys, as clients of this format have it.

use alloc::vec::Vec;

use e2ee_core::livekit::{Codec, Frame, FrameType, Kdf, KeyBits, Opened, Opener, Options, Sealer, SlotKey};
use e2ee_core::livekit::{DataIv, MAX_RING, Plan};
use e2ee_core::{Millis, ParticipantId, Provider, SecretBytes, TrackKind};
use spin::Mutex;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::lane::{Lane, failed, pack};
use crate::{Refusable, code};

const INBOX_LEN: usize = 2048;
const ENTROPY_LEN: usize = 8;
const KEY_LEN: usize = 32;
const IV_LEN: usize = 12;

/// What the worker may ask for: the first argument of [`ask`]. The same numbers stand in
/// `sdk/src/livekit/worker/module.ts`.
mod ask {
    /// Begins. `a`: key bits, `b`: ring size, `c`: ratchet window.
    pub(super) const START: u32 = 0;
    /// Inbox: a name (`a` bytes), 8 bytes of entropy. A key ring for it; gives its index.
    pub(super) const PERSON: u32 = 1;
    /// Inbox: 32 bytes of derived key, salt (`c`). `a`: person, plus 65536 for PBKDF2, plus 131072 to seal with it from
    /// now on. `b`: key index. Gives the slot.
    pub(super) const SET_KEY: u32 = 2;
    /// Inbox: the text behind frames made by the server (`a` bytes); none: they do not pass.
    pub(super) const INJECTED: u32 = 3;
    /// Writes the derived key in slot `b` of person `a` to the inbox, and behind it the material that it came from, where
    /// that was a step; gives their length, 0 when there is no key.
    pub(super) const DERIVED: u32 = 4;
    /// Wipes the inbox.
    pub(super) const WIPE: u32 = 5;
    /// The slot of person `a` that a frame has moved forward since this was last asked; -1 for none.
    pub(super) const STEPPED: u32 = 6;
    /// The page's clock, milliseconds, `a + b * 2^32`.
    pub(super) const TICK: u32 = 7;
    /// Opens a lane; gives it.
    pub(super) const LANE: u32 = 8;
    /// Moves lane `a` to person `b`.
    pub(super) const BIND: u32 = 9;
    /// Frees lane `a`.
    pub(super) const CLOSE: u32 = 10;
    /// Makes room in lane `a` for frames of `b` bytes; gives the place to write them.
    pub(super) const RESERVE: u32 = 11;
    /// Seals the `b` bytes of data in lane `a`; `c`: a clock, milliseconds. The IV is then in the inbox, and the slot
    /// behind it. Gives the place.
    pub(super) const SEAL_DATA: u32 = 12;
    /// Inbox: IV. Opens the `b` bytes of data in lane `a`; `c`: key index. Gives the place.
    pub(super) const OPEN_DATA: u32 = 13;
    /// The slot that person `a` seals with.
    pub(super) const CURRENT: u32 = 14;
    /// WebCrypto put ciphertext and tag in place of what [`super::plan_seal`] laid out in lane `a`. Gives the place of the
    /// sealed frame; refuses as `Stale` when the frame must be sealed anew.
    pub(super) const FINISH_SEAL: u32 = 15;
    /// WebCrypto found the tag right, and the plaintext stands in place. Gives the place of the frame.
    pub(super) const ACCEPT_OPEN: u32 = 16;
    /// Clear bytes of the plan in lane `a`.
    pub(super) const PLAN_CLEAR: u32 = 17;
    /// Address of the IV of lane `a`, 12 bytes. It stays the same as long as the lane.
    pub(super) const IV_AT: u32 = 18;
    /// The key of the plan in lane `a`: slot, plus 256 times the step.
    pub(super) const PLAN_KEY: u32 = 19;
    /// How often a key of the lane's person was set: with the former it names the key.
    pub(super) const PLAN_EPOCH: u32 = 20;
    /// Lays the AES key of the plan in lane `a` out for import: its place, of length 0 when it is gone.
    pub(super) const LEND_KEY: u32 = 21;
    /// Wipes what `LEND_KEY` laid out.
    pub(super) const DROP_KEY: u32 = 22;
}

struct Person {
    sealer: Sealer,
    opener: Opener,
    /// Key changes so far.
    epoch: u32,
}

impl Person {
    fn key(&self, pending: &Pending) -> Option<&SlotKey> {
        let slot = pending.plan.index;
        if pending.seals { self.sealer.key(slot) } else { self.opener.key(slot) }
    }
}

/// What WebCrypto is at, in a lane.
#[derive(Clone, Copy)]
struct Pending {
    plan: Plan,
    frame: Frame,
    seals: bool,
}

struct Door {
    options: Option<Options>,
    people: Vec<Person>,
    injected: Vec<u8>,
    lanes: Vec<Option<Lane>>,
    /// By lane.
    pending: Vec<Option<Pending>>,
    inbox: [u8; INBOX_LEN],
}

static DOOR: Mutex<Door> = Mutex::new(Door {
    options: None,
    people: Vec::new(),
    injected: Vec::new(),
    lanes: Vec::new(),
    pending: Vec::new(),
    inbox: [0; INBOX_LEN],
});

/// Address of the inbox. It stays the same.
#[wasm_bindgen]
pub fn inbox() -> u32 {
    DOOR.try_lock().map_or(0, |door| door.inbox.as_ptr() as usize as u32)
}

/// Asks for something, by its number in the module `ask`.
#[wasm_bindgen]
pub fn ask(what: u32, a: u32, b: u32, c: u32) -> f64 {
    // A worker has one thread, so it is never locked; after a panic nothing of this instance is to be used.
    let Some(mut door) = DOOR.try_lock() else { return failed(code::INTERNAL) };
    door.serve(what, a, b, c).unwrap_or_else(failed)
}

/// Seals the `len` bytes that were written into lane `lane`. `meta`: codec, plus 256 times the frame's type, plus 65536
/// when `ssrc` is known. Gives the place of the sealed frame.
#[wasm_bindgen]
pub fn seal(lane: u32, meta: u32, len: u32, ssrc: u32, timestamp: u32) -> f64 {
    let Some(mut door) = DOOR.try_lock() else { return failed(code::INTERNAL) };
    let door = &mut *door;
    let Some((lane, person, frame)) = find(&mut door.lanes, &mut door.people, lane, meta, len) else {
        return failed(code::REFUSED);
    };
    let frame = Frame { ssrc: (meta & 0x1_0000 != 0).then_some(ssrc), timestamp, ..frame };
    match person.sealer.seal(&frame, &mut lane.buf) {
        Ok(_) => lane.result(),
        Err(error) => failed(error.cause.code().0),
    }
}

/// Opens the `len` bytes that were written into lane `lane`; `meta` as for [`seal`]. Gives the place of the frame, plus
/// one half when the server made it.
#[wasm_bindgen]
pub fn open(lane: u32, meta: u32, len: u32) -> f64 {
    let Some(mut door) = DOOR.try_lock() else { return failed(code::INTERNAL) };
    let door = &mut *door;
    let Some((lane, person, frame)) = find(&mut door.lanes, &mut door.people, lane, meta, len) else {
        return failed(code::REFUSED);
    };
    match person.opener.open(&frame, &mut lane.buf) {
        Ok(Opened::Injected(_)) => lane.result() + INJECTED_FLAG,
        Ok(_) => lane.result(),
        Err(error) => failed(error.cause.code().0),
    }
}

/// As [`seal`], for WebCrypto: gives the place of `clear | body | room for the tag`.
#[wasm_bindgen]
pub fn plan_seal(lane: u32, meta: u32, len: u32, ssrc: u32, timestamp: u32) -> f64 {
    plan(lane, meta, len, true, |lane, person, frame| {
        let frame = Frame { ssrc: (meta & 0x1_0000 != 0).then_some(ssrc), timestamp, ..frame };
        person.sealer.hazmat_plan(&frame, &mut lane.buf).map_err(|error| error.cause.code().0)
    })
}

/// As [`open`], for WebCrypto: gives the place of `clear | ciphertext | tag`. Refuses as `Stale` what [`open`] alone can
/// judge.
#[wasm_bindgen]
pub fn plan_open(lane: u32, meta: u32, len: u32) -> f64 {
    plan(lane, meta, len, false, |lane, person, frame| {
        person.opener.hazmat_plan(&frame, &mut lane.buf).map_err(|error| error.cause.code().0)
    })
}

fn plan(
    lane: u32,
    meta: u32,
    len: u32,
    seals: bool,
    make: impl FnOnce(&mut Lane, &mut Person, Frame) -> Refusable<Plan>,
) -> f64 {
    let Some(mut door) = DOOR.try_lock() else { return failed(code::INTERNAL) };
    let door = &mut *door;
    let Some((found, person, frame)) = find(&mut door.lanes, &mut door.people, lane, meta, len) else {
        return failed(code::REFUSED);
    };
    let made = make(found, person, frame);
    let Some(pending) = door.pending.get_mut(lane as usize) else { return failed(code::INTERNAL) };
    match made {
        Ok(plan) => {
            *pending = Some(Pending { plan, frame, seals });
            found.nonce = plan.iv;
            found.result()
        }
        Err(code) => {
            *pending = None;
            failed(code)
        }
    }
}

/// Places are whole numbers.
const INJECTED_FLAG: f64 = 0.5;

fn find<'d>(
    lanes: &'d mut [Option<Lane>],
    people: &'d mut [Person],
    lane: u32,
    meta: u32,
    len: u32,
) -> Option<(&'d mut Lane, &'d mut Person, Frame)> {
    let lane = lanes.get_mut(lane as usize)?.as_mut()?;
    let person = people.get_mut(lane.person)?;
    lane.written(len as usize)?;
    let codec = Codec::from_number((meta & 0xff) as u8)?;
    let kind = if codec == Codec::Audio { TrackKind::Audio } else { TrackKind::Video };
    let frame_type = match meta >> 8 & 0xff {
        0 => FrameType::Key,
        1 => FrameType::Delta,
        _ => FrameType::Empty,
    };
    Some((lane, person, Frame { kind, codec, frame_type, ssrc: None, timestamp: 0 }))
}

impl Door {
    fn serve(&mut self, what: u32, a: u32, b: u32, c: u32) -> Refusable<f64> {
        let (first, second) = (a as usize, b as usize);
        Ok(match what {
            ask::START => self.start(a, b, c)?,
            ask::PERSON => self.person(first)?,
            ask::SET_KEY => {
                let done = self.set_key(a, b, c as usize);
                self.inbox.fill(0);
                f64::from(done?)
            }
            ask::INJECTED => {
                let trailer = self.inbox.get(..first).ok_or(code::BAD_OPTION)?;
                self.injected = trailer.to_vec();
                for person in &mut self.people {
                    person.opener.allow_injected(trailer);
                }
                0.0
            }
            ask::DERIVED => {
                let slot = u8::try_from(b).map_err(|_| code::BAD_OPTION)?;
                let Some(key) = self.people.get(first).and_then(|person| person.opener.key(slot)) else {
                    return Ok(0.0);
                };
                let mut at = 0;
                for part in [Some(key.expose()), key.expose_material()].into_iter().flatten() {
                    let room = self.inbox.get_mut(at..at + part.len()).ok_or(code::INTERNAL)?;
                    room.copy_from_slice(part);
                    at += part.len();
                }
                at as f64
            }
            ask::WIPE => {
                self.inbox.fill(0);
                0.0
            }
            ask::STEPPED => {
                let stepped = self.people.get_mut(first).and_then(|person| person.opener.take_stepped());
                stepped.map_or(-1.0, f64::from)
            }
            ask::TICK => {
                let now = Millis(u64::from(a) | u64::from(b) << 32);
                self.people.iter_mut().for_each(|person| person.opener.tick(now));
                0.0
            }
            ask::LANE => {
                let lane = Lane::new(TrackKind::Video, usize::MAX);
                let at = self.lanes.iter().position(Option::is_none).unwrap_or(self.lanes.len());
                match self.lanes.get_mut(at) {
                    Some(free) => *free = Some(lane),
                    None => {
                        self.lanes.push(Some(lane));
                        self.pending.push(None);
                    }
                }
                at as f64
            }
            ask::BIND => {
                self.lane(first)?.person = second;
                self.drop_plan(first);
                0.0
            }
            ask::CLOSE => {
                if let Some(lane) = self.lanes.get_mut(first) {
                    *lane = None;
                }
                self.drop_plan(first);
                0.0
            }
            ask::RESERVE => self.lane(first)?.reserve(second),
            ask::SEAL_DATA => self.seal_data(first, second, c)?,
            ask::OPEN_DATA => self.open_data(first, second, c)?,
            ask::CURRENT => {
                f64::from(self.people.get(first).ok_or(code::UNKNOWN_PARTICIPANT)?.sealer.current())
            }
            ask::FINISH_SEAL => self.finish(first, |lane, person, Pending { plan, frame, .. }| {
                person
                    .sealer
                    .hazmat_finish(frame, plan, &mut lane.buf)
                    .map_err(|error| error.cause.code().0)?;
                Ok(lane.result())
            })?,
            ask::ACCEPT_OPEN => self.finish(first, |lane, person, Pending { plan, frame, .. }| {
                person
                    .opener
                    .hazmat_accept(frame, plan, &mut lane.buf)
                    .map_err(|error| error.cause.code().0)?;
                Ok(lane.result())
            })?,
            ask::PLAN_CLEAR => self.plan(first).map_or(0.0, |pending| pending.plan.clear as f64),
            ask::IV_AT => self.lane(first)?.nonce.as_ptr() as usize as f64,
            ask::PLAN_KEY => {
                let person = self.lane(first)?.person;
                let (pending, person) = self.plan(first).zip(self.people.get(person)).ok_or(code::STALE)?;
                let step = person.key(pending).map_or(0, SlotKey::step);
                f64::from(pending.plan.index) + 256.0 * f64::from(step)
            }
            ask::PLAN_EPOCH => {
                let person = self.lane(first)?.person;
                self.people.get(person).map_or(0.0, |person| f64::from(person.epoch))
            }
            ask::LEND_KEY => self.lend_key(first)?,
            ask::DROP_KEY => {
                self.lane(first)?.key = None;
                0.0
            }
            _ => return Err(code::INTERNAL),
        })
    }

    /// What was laid out for one participant is not to be finished for another.
    fn drop_plan(&mut self, lane: usize) {
        if let Some(pending) = self.pending.get_mut(lane) {
            *pending = None;
        }
    }

    fn plan(&self, lane: usize) -> Option<&Pending> {
        self.pending.get(lane)?.as_ref()
    }

    fn finish(
        &mut self,
        lane: usize,
        run: impl FnOnce(&mut Lane, &mut Person, &Pending) -> Refusable<f64>,
    ) -> Refusable<f64> {
        let pending = self.pending.get_mut(lane).and_then(Option::take).ok_or(code::STALE)?;
        let lane = self.lanes.get_mut(lane).and_then(Option::as_mut).ok_or(code::INTERNAL)?;
        let person = self.people.get_mut(lane.person).ok_or(code::UNKNOWN_PARTICIPANT)?;
        run(lane, person, &pending)
    }

    fn lend_key(&mut self, lane: usize) -> Refusable<f64> {
        let bits = self.options.ok_or(code::INTERNAL)?.bits;
        let Some(pending) = self.plan(lane).copied() else { return Ok(pack(0, 0)) };
        let lane = self.lanes.get_mut(lane).and_then(Option::as_mut).ok_or(code::INTERNAL)?;
        let person = self.people.get(lane.person).ok_or(code::UNKNOWN_PARTICIPANT)?;
        let Some(key) = person.key(&pending) else { return Ok(pack(0, 0)) };
        let key = SecretBytes::copy_of(key.expose_aes_key(bits));
        let place = pack(key.expose().as_ptr() as usize, key.len());
        lane.key = Some(key);
        Ok(place)
    }

    fn lane(&mut self, lane: usize) -> Refusable<&mut Lane> {
        self.lanes.get_mut(lane).and_then(Option::as_mut).ok_or(code::INTERNAL)
    }

    fn start(&mut self, bits: u32, ring: u32, window: u32) -> Refusable<f64> {
        let bits = match bits {
            128 => KeyBits::B128,
            256 => KeyBits::B256,
            _ => return Err(code::BAD_OPTION),
        };
        let ring_size = u16::try_from(ring).ok().filter(|ring| (1..=MAX_RING).contains(ring));
        let ring_size = ring_size.ok_or(code::BAD_OPTION)?;
        let ratchet_window = u8::try_from(window).unwrap_or(u8::MAX);
        self.options = Some(Options { provider: Provider::best(), bits, ring_size, ratchet_window });
        Ok(0.0)
    }

    fn person(&mut self, name: usize) -> Refusable<f64> {
        let options = self.options.ok_or(code::INTERNAL)?;
        let (name, rest) = self.inbox.split_at_checked(name).ok_or(code::BAD_OPTION)?;
        let who = core::str::from_utf8(name).ok().and_then(|name| ParticipantId::new(name).ok());
        let who = who.ok_or(code::BAD_OPTION)?;
        let entropy: [u8; ENTROPY_LEN] = *rest.first_chunk().ok_or(code::BAD_OPTION)?;
        let mut opener = Opener::new(options, who.clone());
        opener.allow_injected(&self.injected);
        self.people.push(Person { sealer: Sealer::new(options, who, entropy), opener, epoch: 0 });
        Ok((self.people.len() - 1) as f64)
    }

    fn set_key(&mut self, flags: u32, index: u32, salt: usize) -> Refusable<u8> {
        let person = self.people.get_mut((flags & 0xffff) as usize).ok_or(code::UNKNOWN_PARTICIPANT)?;
        let (out, rest) = self.inbox.split_first_chunk::<KEY_LEN>().ok_or(code::BAD_KEY)?;
        let salt = rest.get(..salt).ok_or(code::BAD_OPTION)?;
        let kdf = if flags & 0x1_0000 == 0 { Kdf::Hkdf } else { Kdf::Pbkdf2 };
        let key = || SlotKey::from_derived(kdf, *out, salt);
        let slot = person.opener.set_key(index, key()).map_err(|_| code::BAD_KEY)?;
        person.sealer.set_key(index, key()).map_err(|error| error.cause.code().0)?;
        person.epoch = person.epoch.wrapping_add(1);
        if flags & 0x2_0000 != 0 {
            person.sealer.select(index);
        }
        Ok(slot)
    }

    fn seal_data(&mut self, lane: usize, len: usize, now: u32) -> Refusable<f64> {
        let lane = self.lanes.get_mut(lane).and_then(Option::as_mut).ok_or(code::INTERNAL)?;
        let person = self.people.get_mut(lane.person).ok_or(code::UNKNOWN_PARTICIPANT)?;
        lane.written(len).ok_or(code::REFUSED)?;
        let DataIv { iv, index } =
            person.sealer.seal_data(now, &mut lane.buf).map_err(|error| error.cause.code().0)?;
        if let Some((room, [slot, ..])) = self.inbox.split_first_chunk_mut::<IV_LEN>() {
            *room = iv;
            *slot = index;
        }
        Ok(lane.result())
    }

    fn open_data(&mut self, lane: usize, len: usize, index: u32) -> Refusable<f64> {
        let lane = self.lanes.get_mut(lane).and_then(Option::as_mut).ok_or(code::INTERNAL)?;
        let person = self.people.get_mut(lane.person).ok_or(code::UNKNOWN_PARTICIPANT)?;
        lane.written(len).ok_or(code::REFUSED)?;
        let iv = *self.inbox.first_chunk::<IV_LEN>().ok_or(code::INTERNAL)?;
        let index = u8::try_from(index).map_err(|_| code::BAD_OPTION)?;
        person
            .opener
            .open_data(&DataIv { iv, index }, &mut lane.buf)
            .map_err(|error| error.cause.code().0)?;
        Ok(lane.result())
    }
}
