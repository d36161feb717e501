//! One direction of one track: its buffer, and the plan that WebCrypto is executing.

use e2ee_core::frame::{OpenPlan, SealPlan};
use e2ee_core::{CodecRule, FrameBuf, FrameInfo, SecretBytes, TrackKind};

use crate::code;

/// Frames from here on are refused: lengths must fit 21 bits, and so large a frame is no frame.
pub(crate) const MAX_FRAME: usize = 1 << 20;
/// Escaping may add half again; headers, tag and padding are far below this.
const MARGIN: usize = 1024;

/// One direction of one track.
pub(crate) struct Lane {
    pub(crate) kind: TrackKind,
    /// Index of the participant whose frames are opened.
    pub(crate) person: usize,
    pub(crate) buf: FrameBuf,
    /// Largest frame that may be written at the address the worker knows.
    room: usize,
    /// That address.
    home: usize,
    pub(crate) plan: Option<Plan>,
    pub(crate) nonce: [u8; 12],
    pub(crate) key: Option<SecretBytes>,
}

/// A cipher call that is being executed outside.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) rule: CodecRule,
    pub(crate) step: PlanStep,
    /// Which state of the keys it was made under.
    pub(crate) epoch: u32,
}

#[derive(Clone, Copy)]
pub(crate) enum PlanStep {
    Seal(SealPlan),
    Open(OpenPlan),
}

impl Lane {
    pub(crate) fn new(kind: TrackKind, person: usize) -> Self {
        Self { kind, person, buf: FrameBuf::new(), room: 0, home: 0, plan: None, nonce: [0; 12], key: None }
    }

    /// Makes room for frames of `len` bytes such that no frame up to that size can move the buffer.
    pub(crate) fn reserve(&mut self, len: usize) -> f64 {
        if len > MAX_FRAME {
            return failed(code::REFUSED);
        }
        self.room = len.next_power_of_two().max(2048);
        let most = self.room + self.room / 2 + MARGIN;
        self.home = self.buf.reset(most).as_ptr() as usize;
        self.buf.clear();
        pack(self.home, self.room)
    }

    /// Takes the `len` bytes that the worker wrote as the live bytes.
    pub(crate) fn written(&mut self, len: usize) -> Option<()> {
        self.plan = None;
        if len > self.room {
            return None;
        }
        let at = self.buf.reset(len).as_ptr() as usize;
        (at == self.home).then_some(())
    }

    pub(crate) fn info(&self, rule: CodecRule) -> FrameInfo<'static> {
        FrameInfo::track(self.kind, rule)
    }

    /// The live bytes as the worker is told of them. A buffer that moved would leave the worker writing into freed
    /// memory, so that is refused; [`Lane::reserve`] keeps it from happening.
    pub(crate) fn result(&mut self) -> f64 {
        let bytes = self.buf.bytes();
        let (at, len) = (bytes.as_ptr() as usize, bytes.len());
        let moved =
            at.wrapping_add(e2ee_core::frame::buf::HEAD_ROOM).wrapping_sub(self.buf.offset()) != self.home;
        if moved || len > 2 * MAX_FRAME - 1 {
            self.buf.clear();
            return failed(code::INTERNAL);
        }
        pack(at, len)
    }
}

/// Address and length in one number.
pub(crate) fn pack(at: usize, len: usize) -> f64 {
    (at as f64) * ((2 * MAX_FRAME) as f64) + (len as f64)
}

pub(crate) fn failed(code: u16) -> f64 {
    -f64::from(code)
}
