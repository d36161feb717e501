//! The target `c_session`: two members of one room, their log and their frames. What they want carried is carried,
//! changed, kept back, repeated, or given to whom it is not for.

// One promise for all of them: see the module above.
#![allow(clippy::multiple_unsafe_ops_per_block)]

use core::ffi::c_char;
use core::ptr::{null, null_mut};
use core::slice;

use super::{Input, said};
use crate::*;

const NAMES: [&core::ffi::CStr; 2] = [c"ada", c"bob"];

/// A member as a C program has one: handles, and what it asked to have carried.
struct Member {
    session: *mut frameseal_session,
    ring: *mut frameseal_ring,
    sealer: *mut frameseal_sealer,
    /// Of the other one's frames.
    opener: *mut frameseal_opener,
    append: Option<(u64, Vec<u8>)>,
    knock: Vec<u8>,
    message: Vec<u8>,
    question: Option<(u32, usize)>,
    /// Whom the last list of members names: index and key.
    members: Vec<(u32, Vec<u8>)>,
    /// How far it was given the log, once it was told what that ends with.
    read: Option<usize>,
    now: u64,
}

impl Member {
    fn new(input: &mut Input<'_>, who: usize) -> Self {
        let [me, other] = if who == 0 { NAMES } else { [NAMES[1], NAMES[0]] };
        let options = input.byte();
        let config = frameseal_session_config {
            size: size_of::<frameseal_session_config>() - usize::from(options & 0xe0 == 0xe0),
            room: c"room".as_ptr(),
            call: if options & 1 == 0 { null() } else { c"call".as_ptr() },
            participant: me.as_ptr(),
            name: if options & 2 == 0 { null() } else { c"A name".as_ptr() },
            secret: if options & 4 == 0 { null() } else { [3; 20].as_ptr() },
            secret_len: usize::from(options & 4) * 5,
            mode: u32::from(options >> 3 & 3),
            admit: u32::from(options >> 5 & 1),
            suite: if options & 0x40 == 0 { 0 } else { input.number() },
        };
        let (mut session, mut ring) = (null_mut(), null_mut());
        let (mut sealer, mut opener) = (null_mut(), null_mut());
        // SAFETY: the config is whole, and outputs are locals; handles may be NULL from here on.
        unsafe {
            frameseal_session_new(&config, [who as u8 + 1; 32].as_ptr(), 32, &mut session);
            frameseal_session_ring(session, &mut ring);
            frameseal_ring_sealer(ring, &mut sealer);
            frameseal_ring_opener(ring, other.as_ptr(), &mut opener);
        }
        let (append, question, members) = (None, None, Vec::new());
        let (knock, message) = (Vec::new(), Vec::new());
        Self { session, ring, sealer, opener, append, knock, message, question, members, read: None, now: 0 }
    }

    /// Everything the session wants, read as C would.
    fn poll(&mut self) {
        loop {
            // SAFETY: a struct of numbers and pointers.
            let mut out: frameseal_output = unsafe { core::mem::zeroed() };
            out.size = size_of::<frameseal_output>();
            // SAFETY: a live handle or NULL, and a whole struct.
            let polled = unsafe { frameseal_session_poll(self.session, &mut out) };
            if polled != frameseal_status::Ok || out.kind == frameseal_output_kind::None as u32 {
                return said();
            }
            // SAFETY: what an output points to holds until the next call, and has the bytes that it says.
            let data = unsafe { bytes(out.data, out.data_len) };
            if !out.text.is_null() {
                // SAFETY: the same, with a NUL.
                assert!(unsafe { core::ffi::CStr::from_ptr(out.text) }.to_str().is_ok(), "text is text");
            }
            let people = self.people(out.people);
            let is = |kind: frameseal_output_kind| out.kind == kind as u32;
            if is(frameseal_output_kind::Append) {
                self.append = Some((out.position, data));
            } else if is(frameseal_output_kind::Knock) {
                self.knock = data;
            } else if is(frameseal_output_kind::Send) {
                self.message = data;
            } else if is(frameseal_output_kind::Decide) {
                assert!(out.people > 0, "nobody is asked about");
                self.question = Some((out.question, out.people));
            } else if is(frameseal_output_kind::Withdraw) {
                self.question.take_if(|(question, _)| *question == out.question);
            } else if is(frameseal_output_kind::Members) {
                assert!(people.iter().any(|(index, _)| *index == out.index), "it is a member itself");
                self.members = people;
            }
        }
    }

    fn people(&self, count: usize) -> Vec<(u32, Vec<u8>)> {
        let person = |at: usize| {
            // SAFETY: a struct of numbers and pointers.
            let mut out: frameseal_person = unsafe { core::mem::zeroed() };
            out.size = size_of::<frameseal_person>();
            // SAFETY: a live handle, and a whole struct.
            let status = unsafe { frameseal_session_person(self.session, at, &mut out) };
            // SAFETY: what it points to holds until the next call, and has the bytes that it says.
            let (_proof, key) = unsafe { (bytes(out.proof, out.proof_len), bytes(out.key, out.key_len)) };
            (status == frameseal_status::Ok).then_some((out.index, key))
        };
        assert!(person(count).is_none(), "there is one more than was said");
        let people: Vec<_> = (0..count).filter_map(person).collect();
        assert_eq!(people.len(), count, "there is one less than was said");
        people
    }

    /// Answers as an application would that lets everybody in.
    fn admit(&mut self) {
        while let Some((question, people)) = self.question.take() {
            let trust = vec![frameseal_trust::Unverified as u8; people];
            // SAFETY: a live handle, and as many bytes as are said.
            unsafe { frameseal_session_verdict(self.session, question, trust.as_ptr(), people, self.now) };
            self.poll();
        }
    }

    fn free(&self, ring_first: bool) {
        // SAFETY: made above, freed once; a ring may go before its session.
        unsafe {
            if ring_first {
                frameseal_ring_free(self.ring);
            }
            frameseal_session_free(self.session);
            frameseal_sealer_free(self.sealer);
            frameseal_opener_free(self.opener);
            if !ring_first {
                frameseal_ring_free(self.ring);
            }
        }
    }
}

/// # Safety
/// `start` is NULL or has `len` bytes.
unsafe fn bytes(start: *const u8, len: usize) -> Vec<u8> {
    if start.is_null() {
        assert_eq!(len, 0, "NULL has bytes");
        return Vec::new();
    }
    // SAFETY: as the caller promises.
    unsafe { slice::from_raw_parts(start, len) }.to_vec()
}

/// Runs the calls that `data` spells; how many frames opened.
///
/// # Panics
/// When an output is not what the header says, or a frame opens as something else than was sealed.
pub fn fuzz(data: &[u8]) -> usize {
    let mut input = Input(data);
    let mut opened = 0;
    let mut members = [Member::new(&mut input, 0), Member::new(&mut input, 1)];
    let mut log = Vec::new();
    for _ in 0..40 {
        if input.0.is_empty() {
            break;
        }
        opened += usize::from(step(&mut input, &mut members, &mut log));
    }
    let ring_first = input.byte() & 1 == 1;
    members.iter().for_each(|member| member.free(ring_first));
    opened
}

/// Whether it opened a frame.
fn step(input: &mut Input<'_>, members: &mut [Member; 2], log: &mut Vec<Vec<u8>>) -> bool {
    let mut opened = false;
    let choice = input.byte();
    let [one, other] = members;
    let (me, other) = if choice & 0x80 == 0 { (one, other) } else { (other, one) };
    me.now += u64::from(input.byte()) * 20;
    match choice & 0x7f {
        // What an application does that serves both well, so that there are a group and keys.
        0..=7 => {
            let answered = input.byte() & 1 == 0;
            for member in [&mut *me, &mut *other] {
                serve(member, log);
                if answered {
                    member.admit();
                }
            }
        }
        8..=11 => {
            // SAFETY: live handles or NULL; the bytes are there.
            unsafe {
                frameseal_session_knock(me.session, other.knock.as_ptr(), other.knock.len(), me.now);
                frameseal_session_message(me.session, other.message.as_ptr(), other.message.len(), me.now);
            }
        }
        12..=19 => opened = frame(input, me, other),
        _ => call(input, me, other, log, choice),
    }
    me.poll();
    said();
    opened
}

/// The log takes what the member appends, and gives it what it has not read; time goes on.
fn serve(member: &mut Member, log: &mut Vec<Vec<u8>>) {
    member.now += 200;
    // SAFETY: a live handle or NULL; the bytes are there.
    unsafe {
        let (end, last) = (log.len(), log.last().map_or(&[][..], Vec::as_slice));
        let read = *member.read.get_or_insert_with(|| {
            frameseal_session_head(member.session, end as u64, last.as_ptr(), last.len(), member.now);
            end
        });
        member.poll();
        if let Some((expect, entry)) = member.append.take() {
            if expect == end as u64 {
                log.push(entry);
            } else {
                frameseal_session_conflict(member.session, expect, member.now);
            }
        }
        for (position, entry) in (1..).zip(log.iter()).skip(read) {
            let (start, len) = (entry.as_ptr(), entry.len());
            frameseal_session_log(member.session, position, start, len, member.now);
        }
        member.read = Some(log.len());
        frameseal_session_wake(member.session, member.now);
    }
    member.poll();
}

/// A frame of one, changed or not, to the other; whether it opened.
fn frame(input: &mut Input<'_>, me: &Member, other: &Member) -> bool {
    let info = frameseal_frame_info {
        size: size_of::<frameseal_frame_info>(),
        kind: input.number() % 3 + 1,
        codec: 1,
        metadata: null(),
        metadata_len: 0,
        frame_type: 0,
        ssrc: 0,
        timestamp: 0,
    };
    let plain = input.bytes(64);
    let (mut wire, mut opened) = ([0; 256], [0; 256]);
    let (mut wire_len, mut opened_len) = (0, 0);
    // SAFETY: live handles or NULL; buffers have the bytes that are said.
    let sealed = unsafe {
        frameseal_seal(me.sealer, &info, plain.as_ptr(), plain.len(), wire.as_mut_ptr(), 256, &mut wire_len)
    };
    if sealed != frameseal_status::Ok {
        said();
        return false;
    }
    let changed = usize::from(input.byte());
    if let Some(byte) = wire.get_mut(changed).filter(|_| changed < wire_len) {
        *byte ^= 1;
    }
    // SAFETY: as above.
    let status = unsafe {
        let to = opened.as_mut_ptr();
        frameseal_open(other.opener, &info, wire.as_ptr(), wire_len, to, 256, &mut opened_len)
    };
    if status == frameseal_status::Ok {
        assert!(changed >= wire_len, "a changed frame opened");
        assert_eq!(opened.get(..opened_len), Some(plain.as_slice()), "it opened as something else");
    }
    status == frameseal_status::Ok
}

/// One call with what a carrier made of what was said.
fn call(input: &mut Input<'_>, me: &mut Member, other: &Member, log: &[Vec<u8>], choice: u8) {
    let mut said = match input.byte() % 6 {
        0 => log.last().cloned().unwrap_or_default(),
        1 => log.first().cloned().unwrap_or_default(),
        2 => other.message.clone(),
        3 => other.knock.clone(),
        4 => other.append.as_ref().map(|(_, entry)| entry.clone()).unwrap_or_default(),
        _ => input.bytes(255),
    };
    let at = input.number() as usize;
    if let Some(byte) = said.get_mut(at) {
        *byte ^= input.byte();
    }
    let number = input.number();
    let position = u64::from(number);
    let [ada, bob] = NAMES;
    let name = if number & 1 == 0 { ada } else { bob }.as_ptr();
    let (member, key) = me.members.get(number as usize % 4).cloned().unwrap_or((number, vec![5; 32]));
    let (start, len) = match number {
        254 => (null(), said.len()),
        253 => (null(), 0),
        _ => (said.as_ptr(), said.len()),
    };
    let (session, now) = (me.session, me.now);
    let mut out_len = usize::MAX;
    let mut text = [0 as c_char; 64];
    // SAFETY: every pointer is NULL or has the bytes that are said, texts have a NUL; handles are live or NULL.
    let _status = unsafe {
        match choice % 20 {
            0 => frameseal_session_head(session, position, start, len, now),
            1 | 2 => frameseal_session_log(session, position, start, len, now),
            3 => frameseal_session_conflict(session, position, now),
            4 => frameseal_session_too_old(session, position, now),
            5 => frameseal_session_rejoin(session, position, start, len, now),
            6 => frameseal_session_knock(session, start, len, now),
            7 | 8 => frameseal_session_message(session, start, len, now),
            9 => frameseal_session_gone(session, name, now),
            10 => frameseal_session_participants(session, [name, name].as_ptr(), len % 3, now),
            11 => frameseal_session_rotate(session, now),
            12 => frameseal_session_remove(session, member, key.as_ptr(), key.len(), now),
            13 => frameseal_session_policy(session, number >> 4 & 3, number & 3, number >> 2 & 3, now),
            14 => frameseal_session_compare(session, now),
            15 => frameseal_session_same(session, position, now),
            16 => frameseal_session_introduce(session, name, start, len),
            17 => frameseal_session_verdict(session, number, start, len, now),
            18 => frameseal_session_leave(session, now),
            _ => {
                frameseal_session_report(session, null_mut(), 0, &mut out_len);
                frameseal_session_report(session, text.as_mut_ptr(), text.len(), &mut out_len);
                frameseal_session_key(session, null_mut(), 0, &mut out_len);
                frameseal_session_poll(session, null_mut())
            }
        }
    };
}
