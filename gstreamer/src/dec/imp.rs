//! The element.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use e2ee_core::{FrameBuf, Millis, OpenCause};
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::stream::{Stream, Tally};
use crate::CATEGORY;
use crate::codec::{self, Codec};
use crate::element::{self, Warnings};
use crate::h26x::Front;
use crate::keys::{Next, Place};
use crate::opening::Opening;
use crate::settings::{self, Changed, Problem, Settings};

/// Milliseconds between two looks at the clock for keys that are to be retired.
const TICK_MS: u64 = 1000;

/// Networks repeat frames; nothing is wrong then.
const fn is_repeat(cause: OpenCause) -> bool {
    matches!(cause, OpenCause::Replayed { .. } | OpenCause::TooOld { .. })
}

#[derive(Default)]
struct State {
    opening: Option<Opening>,
    /// Why there is no opener.
    problem: Option<Problem>,
    stream: Option<Stream>,
    buf: FrameBuf,
    tally: Tally,
    warnings: Warnings,
    /// When the first frame came, and the last tick, milliseconds behind it.
    clock: Option<(Instant, u64)>,
}

/// A frame that opened, and what goes before it.
struct Ready {
    caps: Option<gst::Caps>,
    held: Vec<gst::Event>,
    buffer: gst::Buffer,
    /// The decoder cannot start here: ask for a key frame.
    want_key_frame: bool,
}

/// Locks: `settings` before `state`; never one of them while something is pushed, posted or notified.
pub(crate) struct FramesealDec {
    sink: gst::Pad,
    src: gst::Pad,
    /// The settings, the sender's announcement, and whether the opener was made from them.
    settings: Mutex<(Settings, Option<String>, bool)>,
    state: Mutex<State>,
}

impl FramesealDec {
    fn settings(&self) -> MutexGuard<'_, (Settings, Option<String>, bool)> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn chain(&self, buffer: &gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let Some(ready) = self.open(buffer)? else { return Ok(gst::FlowSuccess::Ok) };
        if ready.want_key_frame {
            let ask =
                gst::Structure::builder("GstForceKeyUnit").field("all-headers", true).field("count", 0_u32);
            self.sink.push_event(gst::event::CustomUpstream::new(ask.build()));
        }
        self.release(ready.caps, ready.held);
        self.src.push(ready.buffer)
    }

    /// `None`: the frame did not open, and was dropped.
    fn open(&self, buffer: &gst::Buffer) -> Result<Option<Ready>, gst::FlowError> {
        let map = buffer.map_readable().map_err(|_| {
            gst::element_imp_error!(self, gst::ResourceError::Read, ("A buffer cannot be read"));
            gst::FlowError::Error
        })?;
        let mut guard = self.state();
        let state = &mut *guard;
        let Some(stream) = &mut state.stream else { return Err(gst::FlowError::NotNegotiated) };
        let Some(opening) = &mut state.opening else {
            let problem = state.problem.clone().unwrap_or(Problem::NoKey);
            drop(guard);
            self.complain(&problem);
            return Err(gst::FlowError::Error);
        };
        let (start, ticked) = state.clock.get_or_insert_with(|| (Instant::now(), 0));
        let now = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        if now >= ticked.saturating_add(TICK_MS) {
            *ticked = now;
            opening.tick(Millis(now));
        }
        state.buf.fill(map.as_slice());
        let codec = stream.codec;
        let place = Place { codec, kind: stream.kind, timestamp: element::timestamp(buffer, codec) };
        let front = Front::read(codec, map.as_slice());
        if front.as_ref().is_some_and(Front::is_all) {
            gst::debug!(CATEGORY, imp = self, "parameter sets without a frame: dropped");
            return Ok(None);
        }
        let mut opened = opening.open(place, &mut state.buf).map(|done| done.map(drop));
        if let Some(Err(cause)) = opened
            && !is_repeat(cause)
            && let Some(whole) = front.and_then(|front| front.without_copies())
        {
            state.buf.fill(&whole);
            opened = opening.open(place, &mut state.buf).map(|done| done.map(drop));
        }
        let bytes = state.buf.bytes();
        let cause = match opened {
            Some(Ok(())) => {
                let mut out = element::carry(buffer, bytes);
                state.tally.opened += 1;
                let delta = buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
                if stream.gap {
                    out.make_mut().set_flags(gst::BufferFlags::DISCONT);
                }
                let want_key_frame = stream.gap && delta && !codec.is_audio();
                stream.gap = false;
                let caps = stream.outgoing(bytes);
                return Ok(Some(Ready {
                    caps,
                    held: std::mem::take(&mut stream.held),
                    buffer: out,
                    want_key_frame,
                }));
            }
            Some(Err(cause)) => Some(cause),
            None => None,
        };
        state.tally.count(cause);
        if cause.is_some_and(is_repeat) {
            return Ok(None);
        }
        stream.gap = true;
        let dropped = state.warnings.count();
        drop(guard);
        if let Some(dropped) = dropped {
            self.warn(cause, dropped);
        }
        Ok(None)
    }

    fn warn(&self, cause: Option<OpenCause>, dropped: u64) {
        match cause {
            Some(cause) => gst::element_imp_warning!(
                self,
                gst::StreamError::Decrypt,
                ("{dropped} frames did not open and were dropped: {cause}")
            ),
            None => gst::element_imp_warning!(
                self,
                gst::StreamError::DecryptNokey,
                ("{dropped} frames were dropped: the sender's \"announcement\" is not set")
            ),
        }
    }

    /// Sends caps, and the events that waited for them.
    fn release(&self, caps: Option<gst::Caps>, held: Vec<gst::Event>) {
        if let Some(caps) = caps {
            self.src.push_event(gst::event::Caps::new(&caps));
        }
        for event in held {
            self.src.push_event(event);
        }
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::Caps(caps) => return self.take_caps(caps.caps_owned()),
            gst::EventView::FlushStop(_) => {
                if let Some(stream) = &mut self.state().stream {
                    stream.held.retain(|event| event.is_sticky() && event.type_() != gst::EventType::Segment);
                }
            }
            gst::EventView::Eos(_) => {
                let mut state = self.state();
                let late = state.stream.as_mut().filter(|stream| stream.sent.is_none());
                let late = late.map(|stream| (stream.unsized_caps(), std::mem::take(&mut stream.held)));
                drop(state);
                if let Some((caps, held)) = late {
                    self.release(Some(caps), held);
                }
            }
            _ if event.is_serialized() => {
                let mut state = self.state();
                if let Some(stream) = state.stream.as_mut().filter(|stream| stream.sent.is_none()) {
                    stream.held.push(event);
                    return true;
                }
            }
            _ => {}
        }
        gst::Pad::event_default(&self.sink, Some(&*self.obj()), event)
    }

    /// All codecs' caps go on as they are, but for VP8: its depayloader reads width and height from where ciphertext may
    /// be, so they come from the first frame that opens.
    fn take_caps(&self, caps: gst::Caps) -> bool {
        let codec = Codec::from_caps(&caps);
        let kind = self.settings().0.kind;
        let Some((codec, kind)) = codec.and_then(|codec| Some((codec, kind.of(codec)?))) else {
            self.state().stream = None;
            gst::element_imp_error!(
                self,
                gst::StreamError::WrongType,
                ("A track of kind {kind:?} cannot carry {caps}")
            );
            return false;
        };
        let mut guard = self.state();
        let before = guard.stream.take();
        let (sent, held, gap) = match before {
            Some(old) if codec == Codec::Vp8 && old.codec == codec => (old.sent, old.held, old.gap),
            _ => (None, Vec::new(), false),
        };
        let mut stream = Stream { codec, kind, caps: caps.clone(), sent, held, gap };
        if codec == Codec::Vp8 {
            guard.stream = Some(stream);
            return true;
        }
        stream.sent = Some(caps.clone());
        guard.stream = Some(stream);
        drop(guard);
        self.src.push_event(gst::event::Caps::new(&caps))
    }

    fn complain(&self, problem: &Problem) {
        gst::element_imp_error!(self, gst::StreamError::DecryptNokey, ("Nothing is opened: {problem}"));
    }

    /// Makes the opener when there is none, or the settings are others than it was made from.
    fn set_up(&self) {
        let mut settings = self.settings();
        if !settings.2 {
            settings.2 = true;
            let made = Opening::new(&settings.0, settings.1.as_deref());
            self.install(made.map(Next::Whole));
        }
    }

    /// Changes keys while the element has an opener.
    fn change(&self) {
        let settings = self.settings();
        let running = self.state().opening.is_some();
        let next = Next::of(&settings.0, running, |all| Opening::new(all, settings.1.as_deref()));
        let problem = next.as_ref().err().cloned();
        self.install(next);
        drop(settings);
        if let Some(problem) = problem {
            self.complain(&problem);
        }
    }

    /// Another announcement: openers of earlier ones stay, with their replay windows. Without a key it has to wait.
    fn announce(&self) {
        let settings = self.settings();
        let mut guard = self.state();
        let done = guard.opening.as_mut().map(|opening| opening.announce(settings.1.as_deref()));
        drop(guard);
        drop(settings);
        if let Some(Err(problem)) = done {
            gst::element_imp_warning!(self, gst::StreamError::DecryptNokey, ("{problem}"));
        }
    }

    /// The opener that was made, or none: without a usable key nothing passes.
    fn install(&self, next: Result<Next<Opening>, Problem>) {
        let mut guard = self.state();
        let state = &mut *guard;
        let done = next.and_then(|next| match (next, &mut state.opening) {
            (Next::Slot(index, key), Some(opening)) => opening.put(index, key),
            (Next::Slot(..), None) => Err(Problem::NoKey),
            (Next::Whole(opening), place) => {
                *place = Some(opening);
                Ok(())
            }
        });
        state.problem = done.err();
        if state.problem.is_some() {
            state.opening = None;
        }
    }
}

#[glib::object_subclass]
impl ObjectSubclass for FramesealDec {
    const NAME: &'static str = "GstFramesealDec";
    type Type = super::FramesealDec;
    type ParentType = gst::Element;

    fn with_class(class: &Self::Class) -> Self {
        let sink = element::pad(class.pad_template("sink"))
            .chain_function(|_, parent, buffer| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |this| this.chain(&buffer),
                )
            })
            .event_function(|_, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |this| this.sink_event(event))
            })
            .build();
        let src = element::pad(class.pad_template("src")).build();
        Self { sink, src, settings: Mutex::default(), state: Mutex::default() }
    }
}

impl ObjectImpl for FramesealDec {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let mut all = settings::properties(
                "Who sends this track, as the sender names itself, 1 to 512 bytes of UTF-8",
                "Cipher suite of LiveKit's format: aes-128-gcm or aes-256-gcm. In Frameseal's the announcement names it",
            );
            all.extend([
                glib::ParamSpecString::builder("announcement")
                    .nick("Announcement")
                    .blurb("Frameseal's format: the sender's announcement, which is public. Until it is set, frames are dropped")
                    .mutable_playing()
                    .build(),
                settings::counter("opened", "Frames opened", "Frames that were authenticated and sent on"),
                settings::counter("repeated", "Frames repeated", "Dropped: repeats of frames that were opened, or too old to tell"),
                settings::counter("no-key", "Frames without key", "Dropped: no key is here for them"),
                settings::counter("rejected", "Frames rejected", "Dropped: not authentic. Changed on the way, or another key, call, participant or kind"),
                settings::counter("malformed", "Frames malformed", "Dropped: not sealed frames of this format and codec"),
            ]);
            all
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let now = self.obj().current_state();
        if now > gst::State::Ready && settings::is_fixed(pspec.name()) {
            gst::warning!(CATEGORY, imp = self, "{} stays as it is while frames flow", pspec.name());
            return;
        }
        let mut settings = self.settings();
        if pspec.name() == "announcement" {
            settings.1 = value.get().unwrap_or_default();
            drop(settings);
            self.announce();
            return;
        }
        let changed = settings.0.set(pspec.name(), value).unwrap_or(Changed::Nothing);
        let made = now >= gst::State::Ready && settings.2;
        settings.2 &= made || changed == Changed::Nothing;
        if changed == Changed::Setup {
            settings.2 = false;
        }
        drop(settings);
        match changed {
            Changed::Secret | Changed::Index if made => self.change(),
            Changed::Setup if made => self.set_up(),
            _ => {}
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let name = pspec.name();
        if let Some(count) = self.state().tally.get(name) {
            return count.to_value();
        }
        let settings = self.settings();
        if name == "announcement" {
            return settings.1.to_value();
        }
        settings.0.get(name).unwrap_or_else(|| pspec.default_value().clone())
    }

    fn constructed(&self) {
        self.parent_constructed();
        element::add_pads(self.obj().upcast_ref(), [&self.sink, &self.src]);
    }
}

impl GstObjectImpl for FramesealDec {}

impl ElementImpl for FramesealDec {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Frameseal opener",
                "Codec/Decryptor/Network",
                "Opens frames that were sealed end to end, between depayloader and decoder; what does not open is dropped",
                "Frameseal",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> =
            LazyLock::new(|| element::templates(&codec::caps()));
        &TEMPLATES
    }

    fn change_state(
        &self,
        change: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match change {
            gst::StateChange::NullToReady => self.set_up(),
            gst::StateChange::ReadyToPaused => {
                self.set_up();
                let mut state = self.state();
                state.stream = None;
                state.warnings = Warnings::default();
                if state.opening.is_none() {
                    let problem = state.problem.clone().unwrap_or(Problem::NoKey);
                    drop(state);
                    self.complain(&problem);
                    return Err(gst::StateChangeError);
                }
            }
            _ => {}
        }
        self.parent_change_state(change)
    }
}
