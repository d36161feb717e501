//! The module behind `frameseal/jitsi-worker`: Jitsi's format, and nothing of Frameseal's own.
//!
//! As in [`crate::livekit`]: numbers only, bytes through the inbox and the buffers of lanes. A *person* is a key ring: a
//! sealer and an opener with the same keys, as clients of this format have it.

use alloc::vec::Vec;

use e2ee_core::jitsi::{Frame, FrameType, Opener, Options, Plan, Sealer, SlotKey, TRAILER_LEN, TRAILER_MARK};
use e2ee_core::{Millis, ParticipantId, SecretBytes, TrackKind};
use spin::Mutex;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::lane::{Lane, failed, pack};
use crate::{Refusable, code};

const INBOX_LEN: usize = 2048;
const ENTROPY_LEN: usize = 8;
/// The number of a key ring has 16 bits in `SET_KEY`.
const MAX_PEOPLE: usize = 1 << 16;

/// What the worker may ask for: the first argument of [`ask`]. The same numbers stand in
/// `sdk/src/jitsi/worker/module.ts`.
mod ask {
    /// Inbox: a name (`a` bytes), 8 bytes of entropy. A key ring for it; gives its index.
    pub(super) const PERSON: u32 = 0;
    /// Inbox: key (`c` bytes). `a`: person, plus 65536 for an AES key that the application manages; none of its bytes: the
    /// worker holds it. `b`: key index. Gives the slot.
    pub(super) const SET_KEY: u32 = 1;
    /// Drops every key of person `a`.
    pub(super) const CLEAR: u32 = 2;
    /// The page's clock, milliseconds, `a + b * 2^32`.
    pub(super) const TICK: u32 = 3;
    /// Opens a lane; gives it.
    pub(super) const LANE: u32 = 4;
    /// Moves lane `a` to person `b`.
    pub(super) const BIND: u32 = 5;
    /// Frees lane `a`.
    pub(super) const CLOSE: u32 = 6;
    /// Makes room in lane `a` for frames of `b` bytes; gives the place to write them.
    pub(super) const RESERVE: u32 = 7;
    /// Lays the AES key of the plan in lane `a` out for import: its place, of length 0 when it is gone or never was here.
    pub(super) const LEND_KEY: u32 = 8;
    /// Wipes what `LEND_KEY` laid out.
    pub(super) const DROP_KEY: u32 = 9;
    /// How many frames of person `a` fared so: `b` 0 opened, 1 repeated, 2 no key, 3 rejected, 4 malformed, 5 sealed.
    pub(super) const TALLY: u32 = 10;
}

struct Person {
    sealer: Sealer,
    opener: Opener,
}

impl Person {
    fn key(&self, pending: &Pending) -> Option<&SlotKey> {
        if pending.seals { self.sealer.key(pending.slot) } else { self.opener.key(pending.slot) }
    }
}

/// What WebCrypto is at, in a lane.
#[derive(Clone, Copy)]
struct Pending {
    slot: u8,
    seals: bool,
}

struct Door {
    people: Vec<Person>,
    lanes: Vec<Option<Lane>>,
    /// By lane.
    pending: Vec<Option<Pending>>,
    inbox: [u8; INBOX_LEN],
}

static DOOR: Mutex<Door> =
    Mutex::new(Door { people: Vec::new(), lanes: Vec::new(), pending: Vec::new(), inbox: [0; INBOX_LEN] });

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

/// Seals the `len` bytes that were written into lane `lane`, in place: 30 bytes more. `meta`: the frame's type, plus 65536
/// when `ssrc` is known. Gives 0.
#[wasm_bindgen]
pub fn seal(lane: u32, meta: u32, len: u32, ssrc: u32, timestamp: u32) -> f64 {
    let Some(mut door) = DOOR.try_lock() else { return failed(code::INTERNAL) };
    let door = &mut *door;
    let Some((lane, person, frame_type)) = find(&mut door.lanes, &mut door.people, lane, meta, len) else {
        return failed(code::REFUSED);
    };
    match person.sealer.seal(&described(frame_type, meta, ssrc, timestamp), &mut lane.buf) {
        Ok(_) => in_place(lane),
        Err(error) => failed(error.cause.code().0),
    }
}

/// Opens the `len` bytes that were written into lane `lane`, in place: 30 bytes fewer. `meta` as for [`seal`]. Gives 0.
#[wasm_bindgen]
pub fn open(lane: u32, meta: u32, len: u32) -> f64 {
    let Some(mut door) = DOOR.try_lock() else { return failed(code::INTERNAL) };
    let door = &mut *door;
    let Some((lane, person, frame_type)) = find(&mut door.lanes, &mut door.people, lane, meta, len) else {
        return failed(code::REFUSED);
    };
    match person.opener.open(&Frame::received(frame_type), &mut lane.buf) {
        Ok(_) => in_place(lane),
        Err(error) => failed(error.cause.code().0),
    }
}

fn in_place(lane: &mut Lane) -> f64 {
    lane.result().min(0.0)
}

/// For WebCrypto to seal a frame of `len` bytes, which need not be written: spends an IV. The frame's trailer is then in the
/// inbox. Gives `step mod 65536 * 16 + slot`.
#[wasm_bindgen]
pub fn plan_seal(lane: u32, meta: u32, len: u32, ssrc: u32, timestamp: u32) -> i32 {
    plan(lane, meta, true, |person, frame_type, inbox| {
        let frame = described(frame_type, meta, ssrc, timestamp);
        let plan = person.sealer.hazmat_plan(&frame, len as usize).map_err(|error| error.cause.code().0)?;
        let trailer = plan.iv.into_iter().chain([TRAILER_MARK, plan.index]);
        inbox.iter_mut().zip(trailer).for_each(|(to, byte)| *to = byte);
        Ok(plan)
    })
}

/// For WebCrypto to open a frame of `len` bytes whose trailer is in the inbox. Gives what [`plan_seal`] does. Refuses as
/// `Stale` what [`open`] alone can judge.
#[wasm_bindgen]
pub fn plan_open(lane: u32, meta: u32, len: u32) -> i32 {
    plan(lane, meta, false, |person, frame_type, inbox| {
        let frame = Frame::received(frame_type);
        let trailer = inbox.first_chunk::<TRAILER_LEN>().ok_or(code::INTERNAL)?;
        person.opener.hazmat_plan(&frame, len as usize, trailer).map_err(|error| error.cause.code().0)
    })
}

/// WebCrypto found the tag right of a frame of `len` bytes under the key that [`plan_open`] called `kid`, or would have. Its
/// trailer is in `a` to `d`, four bytes each and two in the last, little-endian. Gives 0, and refuses a repeat; as `Stale`
/// what is of another key by now.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn accept_open(lane: u32, meta: u32, len: u32, kid: i32, a: u32, b: u32, c: u32, d: u32) -> i32 {
    let Some(mut door) = DOOR.try_lock() else { return -i32::from(code::INTERNAL) };
    let door = &mut *door;
    let person = door.lanes.get(lane as usize).and_then(Option::as_ref).map(|lane| lane.person);
    let person = person.and_then(|person| door.people.get_mut(person));
    let frame_type = FrameType::from_number((meta & 0xff) as u8);
    let Some((Person { opener, .. }, frame_type)) = person.zip(frame_type) else {
        return -i32::from(code::REFUSED);
    };
    let frame = Frame::received(frame_type);
    let mut trailer = [0; TRAILER_LEN];
    let bytes = [a, b, c, d].into_iter().flat_map(u32::to_le_bytes);
    trailer.iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte);
    let accepted = opener.hazmat_plan(&frame, len as usize, &trailer).and_then(|plan| {
        if opener.key(plan.index).is_none_or(|key| number(key, plan.index) != kid) {
            return Ok(-i32::from(code::STALE));
        }
        opener.hazmat_accept(&frame, &plan).map(|()| 0)
    });
    accepted.unwrap_or_else(|error| -i32::from(error.cause.code().0))
}

/// What the worker calls a key: of its step the last 16 bits, and the slot.
fn number(key: &SlotKey, slot: u8) -> i32 {
    ((key.step() & 0xffff) << 4 | u32::from(slot)) as i32
}

const fn described(frame_type: FrameType, meta: u32, ssrc: u32, timestamp: u32) -> Frame {
    Frame { frame_type, ssrc: if meta & 0x1_0000 != 0 { Some(ssrc) } else { None }, timestamp }
}

fn plan(
    lane: u32,
    meta: u32,
    seals: bool,
    make: impl FnOnce(&mut Person, FrameType, &mut [u8; INBOX_LEN]) -> Refusable<Plan>,
) -> i32 {
    let Some(mut door) = DOOR.try_lock() else { return -i32::from(code::INTERNAL) };
    let door = &mut *door;
    let at = lane as usize;
    let person = door.lanes.get(at).and_then(Option::as_ref).map(|lane| lane.person);
    let person = person.and_then(|person| door.people.get_mut(person));
    let frame_type = FrameType::from_number((meta & 0xff) as u8);
    let Some(((person, frame_type), pending)) = person.zip(frame_type).zip(door.pending.get_mut(at)) else {
        return -i32::from(code::REFUSED);
    };
    match make(person, frame_type, &mut door.inbox) {
        Ok(Plan { index: slot, .. }) => {
            let made = Pending { slot, seals };
            *pending = Some(made);
            person.key(&made).map_or(i32::from(slot), |key| number(key, slot))
        }
        Err(code) => {
            *pending = None;
            -i32::from(code)
        }
    }
}

fn find<'d>(
    lanes: &'d mut [Option<Lane>],
    people: &'d mut [Person],
    lane: u32,
    meta: u32,
    len: u32,
) -> Option<(&'d mut Lane, &'d mut Person, FrameType)> {
    let lane = lanes.get_mut(lane as usize)?.as_mut()?;
    let person = people.get_mut(lane.person)?;
    lane.written(len as usize)?;
    Some((lane, person, FrameType::from_number((meta & 0xff) as u8)?))
}

impl Door {
    fn serve(&mut self, what: u32, a: u32, b: u32, c: u32) -> Refusable<f64> {
        let (first, second) = (a as usize, b as usize);
        Ok(match what {
            ask::PERSON => self.person(first)?,
            ask::SET_KEY => {
                let done = self.set_key(a, b, c as usize);
                self.inbox.fill(0);
                f64::from(done?)
            }
            ask::CLEAR => {
                let person = self.people.get_mut(first).ok_or(code::UNKNOWN_PARTICIPANT)?;
                person.sealer.clear();
                person.opener.clear();
                0.0
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
            ask::LEND_KEY => self.lend_key(first)?,
            ask::DROP_KEY => {
                self.lane(first)?.key = None;
                0.0
            }
            ask::TALLY => {
                let person = self.people.get(first).ok_or(code::UNKNOWN_PARTICIPANT)?;
                let tally = person.opener.tally();
                let counts = [tally.opened, tally.repeated, tally.no_key, tally.rejected, tally.malformed];
                counts.get(second).copied().unwrap_or_else(|| person.sealer.sealed()) as f64
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

    fn lend_key(&mut self, lane: usize) -> Refusable<f64> {
        let Some(pending) = self.plan(lane).copied() else { return Ok(pack(0, 0)) };
        let lane = self.lanes.get_mut(lane).and_then(Option::as_mut).ok_or(code::INTERNAL)?;
        let person = self.people.get(lane.person).ok_or(code::UNKNOWN_PARTICIPANT)?;
        let Some(key) = person.key(&pending) else { return Ok(pack(0, 0)) };
        let key = SecretBytes::copy_of(key.expose_aes_key());
        let place = pack(key.expose().as_ptr() as usize, key.len());
        lane.key = Some(key);
        Ok(place)
    }

    fn lane(&mut self, lane: usize) -> Refusable<&mut Lane> {
        self.lanes.get_mut(lane).and_then(Option::as_mut).ok_or(code::INTERNAL)
    }

    fn person(&mut self, name: usize) -> Refusable<f64> {
        if self.people.len() >= MAX_PEOPLE {
            return Err(code::BAD_OPTION);
        }
        let options = Options::default();
        let (name, rest) = self.inbox.split_at_checked(name).ok_or(code::BAD_OPTION)?;
        let who = core::str::from_utf8(name).ok().and_then(|name| ParticipantId::new(name).ok());
        let who = who.ok_or(code::BAD_OPTION)?;
        let entropy: [u8; ENTROPY_LEN] = *rest.first_chunk().ok_or(code::BAD_OPTION)?;
        let opener = Opener::new(options, who.clone());
        self.people.push(Person { sealer: Sealer::new(options, who, entropy), opener });
        Ok((self.people.len() - 1) as f64)
    }

    fn set_key(&mut self, flags: u32, index: u32, len: usize) -> Refusable<u8> {
        let person = self.people.get_mut((flags & 0xffff) as usize).ok_or(code::UNKNOWN_PARTICIPANT)?;
        let given = self.inbox.get(..len).ok_or(code::BAD_KEY)?;
        let key = || match (flags & 0x1_0000 != 0, given) {
            (true, []) => Ok(SlotKey::hazmat_outside()),
            (true, aes) => SlotKey::external(aes).map_err(|_| code::BAD_KEY),
            (false, []) => Err(code::BAD_KEY),
            (false, material) => Ok(SlotKey::derive(material)),
        };
        let slot = person.opener.set_key(index, key()?).map_err(|_| code::BAD_KEY)?;
        person.sealer.set_key(index, key()?).map_err(|error| error.cause.code().0)?;
        Ok(slot)
    }
}
