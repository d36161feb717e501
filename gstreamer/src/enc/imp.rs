//! The element.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use e2ee_core::error::Reaction;
use e2ee_core::{FrameBuf, SealCause, TrackKind};
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use crate::CATEGORY;
use crate::codec::{self, Codec};
use crate::element::{self, Warnings};
use crate::keys::{Next, Place};
use crate::sealing::Sealing;
use crate::settings::{self, Changed, Problem, Settings};

const ROTATE: &str = "rotate";
const RATCHET: &str = "ratchet";

#[derive(Default)]
struct State {
    sealing: Option<Sealing>,
    /// Why there is no sealer.
    problem: Option<Problem>,
    stream: Option<(Codec, TrackKind)>,
    buf: FrameBuf,
    padding: u16,
    sealed: u64,
    dropped: u64,
    warnings: Warnings,
}

/// Locks: `settings` before `state`; never one of them while something is pushed, posted or notified.
pub(crate) struct FramesealEnc {
    sink: gst::Pad,
    src: gst::Pad,
    /// And whether the sealer was made from them.
    settings: Mutex<(Settings, bool)>,
    state: Mutex<State>,
}

impl FramesealEnc {
    fn settings(&self) -> MutexGuard<'_, (Settings, bool)> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn chain(&self, buffer: &gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let sealed = self.seal(buffer)?;
        match sealed {
            Some(buffer) => self.src.push(buffer),
            None => Ok(gst::FlowSuccess::Ok),
        }
    }

    /// `None`: the frame is not what its codec says, and was dropped.
    fn seal(&self, buffer: &gst::Buffer) -> Result<Option<gst::Buffer>, gst::FlowError> {
        let map = buffer.map_readable().map_err(|_| {
            gst::element_imp_error!(self, gst::ResourceError::Read, ("A buffer cannot be read"));
            gst::FlowError::Error
        })?;
        let mut guard = self.state();
        let state = &mut *guard;
        let Some((codec, kind)) = state.stream else { return Err(gst::FlowError::NotNegotiated) };
        let Some(sealing) = &mut state.sealing else {
            let problem = state.problem.clone().unwrap_or(Problem::NoKey);
            drop(guard);
            self.complain(&problem);
            return Err(gst::FlowError::Error);
        };
        state.buf.fill(map.as_slice());
        let place = Place { codec, kind, timestamp: element::timestamp(buffer, codec) };
        match sealing.seal(place, state.padding, &mut state.buf) {
            Ok(bytes) => {
                let out = element::carry(buffer, bytes);
                state.sealed += 1;
                Ok(Some(out))
            }
            Err(cause) => {
                state.dropped += 1;
                let dropped = state.warnings.count();
                drop(guard);
                self.refused(cause, dropped)
            }
        }
    }

    fn refused(&self, cause: SealCause, dropped: Option<u64>) -> Result<Option<gst::Buffer>, gst::FlowError> {
        if cause.reaction() != Reaction::Drop {
            let kind = gst::StreamError::Encode;
            gst::element_imp_error!(self, kind, ("Frames cannot be sealed: {cause}"));
            return Err(gst::FlowError::Error);
        }
        if let Some(dropped) = dropped {
            let kind = gst::StreamError::Format;
            gst::element_imp_warning!(self, kind, ("{dropped} frames were not sealed and dropped: {cause}"));
        }
        Ok(None)
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        if let gst::EventView::Caps(caps) = event.view() {
            let codec = Codec::from_caps(caps.caps());
            let kind = self.settings().0.kind;
            let stream = codec.and_then(|codec| Some((codec, kind.of(codec)?)));
            self.state().stream = stream;
            if stream.is_none() {
                gst::element_imp_error!(
                    self,
                    gst::StreamError::WrongType,
                    ("A track of kind {kind:?} cannot carry {}", caps.caps())
                );
                return false;
            }
        }
        gst::Pad::event_default(&self.sink, Some(&*self.obj()), event)
    }

    fn complain(&self, problem: &Problem) {
        gst::element_imp_error!(self, gst::StreamError::DecryptNokey, ("Nothing is sealed: {problem}"));
    }

    /// Makes the sealer when there is none, or the settings are others than it was made from.
    fn set_up(&self) {
        let mut settings = self.settings();
        if settings.1 {
            return;
        }
        settings.1 = true;
        let made = Sealing::new(&settings.0);
        self.install(made.map(Next::Whole));
        drop(settings);
        self.obj().notify("announcement");
    }

    /// Changes keys while the element has a sealer.
    fn change(&self) {
        let settings = self.settings();
        let running = self.state().sealing.is_some();
        let next = Next::of(&settings.0, running, Sealing::new);
        let problem = next.as_ref().err().cloned();
        self.install(next);
        drop(settings);
        if let Some(problem) = problem {
            self.complain(&problem);
        }
        self.obj().notify("announcement");
    }

    /// The sealer that was made, or none: without a usable key nothing passes.
    fn install(&self, next: Result<Next<Sealing>, Problem>) {
        let mut guard = self.state();
        let state = &mut *guard;
        let done = next.and_then(|next| match (next, &mut state.sealing) {
            (Next::Slot(index, key), Some(sealing)) => sealing.put(index, key),
            (Next::Slot(..), None) => Err(Problem::NoKey),
            (Next::Whole(sealing), place) => {
                *place = Some(sealing);
                Ok(())
            }
        });
        state.problem = done.err();
        if state.problem.is_some() {
            state.sealing = None;
        }
    }

    /// What the action signals do.
    fn act(&self, what: &str) -> bool {
        let mut guard = self.state();
        let done = match &mut guard.sealing {
            Some(sealing) if what == ROTATE => sealing.rotate(),
            Some(sealing) => sealing.ratchet(),
            None => Err(Problem::NoKey),
        };
        drop(guard);
        match &done {
            Ok(()) => gst::info!(CATEGORY, imp = self, "{what}: done"),
            Err(problem) => gst::warning!(CATEGORY, imp = self, "{what}: {problem}"),
        }
        done.is_ok()
    }
}

#[glib::object_subclass]
impl ObjectSubclass for FramesealEnc {
    const NAME: &'static str = "GstFramesealEnc";
    type Type = super::FramesealEnc;
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
            .flags(gst::PadFlags::PROXY_CAPS)
            .build();
        let src = element::pad(class.pad_template("src")).flags(gst::PadFlags::PROXY_CAPS).build();
        Self { sink, src, settings: Mutex::default(), state: Mutex::default() }
    }
}

impl ObjectImpl for FramesealEnc {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let mut all = settings::properties(
                "Who sends this track, as the others name them, 1 to 512 bytes of UTF-8",
                "Cipher suite. LiveKit's format: aes-128-gcm or aes-256-gcm",
            );
            all.extend([
                glib::ParamSpecUInt::builder("padding")
                    .nick("Padding")
                    .blurb("Frameseal's format: fill frames up to a multiple of so many bytes, for sizes tell what is said; 0 and 1: none")
                    .maximum(u32::from(u16::MAX))
                    .mutable_playing()
                    .build(),
                glib::ParamSpecString::builder("announcement")
                    .nick("Announcement")
                    .blurb("Frameseal's format: public text that receivers need with the secret. There from state READY on; notified when it changes")
                    .read_only()
                    .build(),
                settings::counter("sealed", "Frames sealed", "Frames that were sealed and sent on"),
                settings::counter(
                    "dropped",
                    "Frames dropped",
                    "Frames that were dropped since they are not what their codec says",
                ),
            ]);
            all
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        if pspec.name() == "padding" {
            self.state().padding = u16::try_from(value.get().unwrap_or(0_u32)).unwrap_or(u16::MAX);
            return;
        }
        let now = self.obj().current_state();
        if now > gst::State::Ready && settings::is_fixed(pspec.name()) {
            gst::warning!(CATEGORY, imp = self, "{} stays as it is while frames flow", pspec.name());
            return;
        }
        let mut settings = self.settings();
        let changed = settings.0.set(pspec.name(), value).unwrap_or(Changed::Nothing);
        let made = now >= gst::State::Ready && settings.1;
        settings.1 &= made || changed == Changed::Nothing;
        if changed == Changed::Setup {
            settings.1 = false;
        }
        drop(settings);
        match changed {
            Changed::Secret | Changed::Index if made => self.change(),
            Changed::Setup if made => self.set_up(),
            _ => {}
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "padding" => u32::from(self.state().padding).to_value(),
            "announcement" => self.state().sealing.as_ref().and_then(Sealing::announcement).to_value(),
            "sealed" => self.state().sealed.to_value(),
            "dropped" => self.state().dropped.to_value(),
            name => self.settings().0.get(name).unwrap_or_else(|| pspec.default_value().clone()),
        }
    }

    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: LazyLock<Vec<glib::subclass::Signal>> = LazyLock::new(|| {
            let action = |name: &'static str| {
                glib::subclass::Signal::builder(name)
                    .return_type::<bool>()
                    .action()
                    .class_handler(move |values| {
                        let element = values.first()?.get::<super::FramesealEnc>().ok()?;
                        Some(element.imp().act(name).to_value())
                    })
                    .build()
            };
            vec![action(ROTATE), action(RATCHET)]
        });
        &SIGNALS
    }

    fn constructed(&self) {
        self.parent_constructed();
        element::add_pads(self.obj().upcast_ref(), [&self.sink, &self.src]);
    }
}

impl GstObjectImpl for FramesealEnc {}

impl ElementImpl for FramesealEnc {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Frameseal sealer",
                "Codec/Encryptor/Network",
                "Seals encoded frames end to end, between encoder and payloader; nothing else leaves it",
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
                if state.sealing.is_none() {
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
