//! What both elements are told: who, in which call, under which secret, in which format.

use e2ee_core::livekit::{Kdf, KeyBits, Options, RATCHET_SALT, SlotKey};
use e2ee_core::secret::MAX_BASE_KEY_LEN;
use e2ee_core::{CallId, CipherSuite, FrameFormat, KidScheme, ParticipantId, Profile, Provider};
use e2ee_core::{RoomSecret, SecretBytes, TrackKind};
use gst::glib;
use gst::prelude::*;

use crate::codec::Codec;

/// Layout of sealed frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(i32)]
#[enum_type(name = "GstFramesealFormat")]
pub(crate) enum Format {
    /// Frameseal's own: SFrame (RFC 9605) behind the clear bytes that packetizers need.
    #[default]
    #[enum_value(
        name = "Frameseal's own: SFrame (RFC 9605) with clear bytes for packetizers",
        nick = "frameseal"
    )]
    Frameseal = 0,
    /// LiveKit's, as its clients in the field have it.
    #[enum_value(name = "LiveKit's frame format, for calls with its clients; no AV1", nick = "livekit")]
    Livekit = 1,
}

/// What a track carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(i32)]
#[enum_type(name = "GstFramesealKind")]
pub(crate) enum Kind {
    /// By the caps.
    #[default]
    #[enum_value(name = "Microphone or camera, as the caps say", nick = "auto")]
    Auto = -1,
    /// A microphone.
    #[enum_value(name = "Microphone", nick = "audio")]
    Audio = 0,
    /// A camera.
    #[enum_value(name = "Camera", nick = "video")]
    Video = 1,
    /// Sound of a shared screen.
    #[enum_value(name = "Sound of a shared screen", nick = "screen-audio")]
    ScreenAudio = 2,
    /// A shared screen.
    #[enum_value(name = "Shared screen", nick = "screen-video")]
    ScreenVideo = 3,
}

impl Kind {
    /// The track's kind, or `None` when the codec cannot be of it.
    pub(crate) fn of(self, codec: Codec) -> Option<TrackKind> {
        let (kind, audio) = match self {
            Self::Auto => return Some(codec.kind()),
            Self::Audio => (TrackKind::Audio, true),
            Self::Video => (TrackKind::Video, false),
            Self::ScreenAudio => (TrackKind::ScreenAudio, true),
            Self::ScreenVideo => (TrackKind::ScreenVideo, false),
        };
        (audio == codec.is_audio()).then_some(kind)
    }
}

/// Cipher suites by their numbers in the SFrame registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(i32)]
#[enum_type(name = "GstFramesealSuite")]
pub(crate) enum Suite {
    /// Suite 1.
    #[enum_value(name = "AES-128-CTR with HMAC-SHA-256, tag of 10 bytes", nick = "aes-128-ctr-hmac-80")]
    Aes128CtrHmac80 = 1,
    /// Suite 2.
    #[enum_value(name = "AES-128-CTR with HMAC-SHA-256, tag of 8 bytes", nick = "aes-128-ctr-hmac-64")]
    Aes128CtrHmac64 = 2,
    /// Suite 3.
    #[enum_value(name = "AES-128-CTR with HMAC-SHA-256, tag of 4 bytes", nick = "aes-128-ctr-hmac-32")]
    Aes128CtrHmac32 = 3,
    /// Suite 4.
    #[default]
    #[enum_value(name = "AES-128-GCM, tag of 16 bytes", nick = "aes-128-gcm")]
    Aes128Gcm = 4,
    /// Suite 5.
    #[enum_value(name = "AES-256-GCM, tag of 16 bytes", nick = "aes-256-gcm")]
    Aes256Gcm = 5,
    /// Suite 6.
    #[enum_value(name = "AES-256-CTR with HMAC-SHA-512, tag of 10 bytes", nick = "aes-256-ctr-hmac-80")]
    Aes256CtrHmac80 = 6,
    /// Suite 7.
    #[enum_value(name = "AES-256-CTR with HMAC-SHA-512, tag of 8 bytes", nick = "aes-256-ctr-hmac-64")]
    Aes256CtrHmac64 = 7,
    /// Suite 8.
    #[enum_value(name = "AES-256-CTR with HMAC-SHA-512, tag of 4 bytes", nick = "aes-256-ctr-hmac-32")]
    Aes256CtrHmac32 = 8,
}

impl Suite {
    fn core(self) -> Result<CipherSuite, Problem> {
        let number = u16::try_from(self as i32).map_err(|_| Problem::NoSuite)?;
        CipherSuite::from_number(number).map_err(|_| Problem::NoSuite)
    }
}

/// Why an element cannot have keys. Never says anything of the secret but its length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    NoKey,
    NotHex,
    KeyLength(usize),
    EmptySecret,
    Unset(&'static str),
    LongName(&'static str),
    NoSuite,
    LivekitSuite,
    Announcement(String),
    TooManyAnnouncements,
    Core(String),
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoKey => f.write_str("neither \"key\" nor \"room-secret\" is set"),
            Self::NotHex => f.write_str("\"key\" is not an even number of hexadecimal digits"),
            Self::KeyLength(len) => {
                write!(f, "\"key\" must have 16 to {MAX_BASE_KEY_LEN} bytes, this one has {len}")
            }
            Self::EmptySecret => f.write_str("\"room-secret\" is empty"),
            Self::Unset(name) => write!(f, "\"{name}\" is not set"),
            Self::LongName(name) => write!(f, "\"{name}\" is longer than 512 bytes"),
            Self::NoSuite => f.write_str("no such cipher suite"),
            Self::LivekitSuite => f.write_str("LiveKit's format has the suites aes-128-gcm and aes-256-gcm"),
            Self::Announcement(why) => f.write_str(why),
            Self::TooManyAnnouncements => f.write_str("too many announcements under one key"),
            Self::Core(why) => f.write_str(why),
        }
    }
}

/// A secret as it was set. The bytes are wiped when it goes.
pub(crate) enum Secret {
    /// `key`: raw bytes.
    Key(SecretBytes),
    /// `room-secret`: text that is to be stretched.
    Room(SecretBytes),
}

impl Secret {
    pub(crate) fn from_hex(text: &str) -> Result<Self, Problem> {
        let mut bytes = vec![0; text.len() / 2].into_boxed_slice();
        let mut good = text.len().is_multiple_of(2);
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digit = |at: usize| digits.get(at).and_then(|digit| (*digit as char).to_digit(16));
            match (digit(0), digit(1)) {
                (Some(high), Some(low)) => *byte = u8::try_from(high << 4 | low).unwrap_or_default(),
                _ => good = false,
            }
        }
        let bytes = SecretBytes::new(bytes);
        if !good {
            return Err(Problem::NotHex);
        }
        if bytes.len() < 16 || bytes.len() > MAX_BASE_KEY_LEN {
            return Err(Problem::KeyLength(bytes.len()));
        }
        Ok(Self::Key(bytes))
    }

    pub(crate) fn from_text(text: &str) -> Result<Self, Problem> {
        if text.is_empty() {
            return Err(Problem::EmptySecret);
        }
        Ok(Self::Room(SecretBytes::copy_of(text.as_bytes())))
    }

    pub(crate) fn duplicate(&self) -> Self {
        match self {
            Self::Key(bytes) => Self::Key(SecretBytes::copy_of(bytes.expose())),
            Self::Room(bytes) => Self::Room(SecretBytes::copy_of(bytes.expose())),
        }
    }

    /// Both are this program's own, so how long the comparison takes tells nobody anything.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Key(a), Self::Key(b)) | (Self::Room(a), Self::Room(b)) => a.expose() == b.expose(),
            _ => false,
        }
    }

    /// Frameseal's own format: as the SDK's `baseKey` and `secret`. Stretching a room secret takes its time.
    pub(crate) fn room(&self, call: &CallId) -> Result<RoomSecret, Problem> {
        match self {
            Self::Key(bytes) => Ok(RoomSecret::from_stretched(SecretBytes::copy_of(bytes.expose()))),
            Self::Room(bytes) => {
                let text = std::str::from_utf8(bytes.expose()).map_err(|_| Problem::EmptySecret)?;
                Ok(RoomSecret::stretch(text, call))
            }
        }
    }

    /// LiveKit's format: a raw key, or a passphrase.
    pub(crate) fn slot_key(&self) -> SlotKey {
        match self {
            Self::Key(bytes) => SlotKey::derive(Kdf::Hkdf, bytes.expose(), RATCHET_SALT),
            Self::Room(bytes) => SlotKey::derive(Kdf::Pbkdf2, bytes.expose(), RATCHET_SALT),
        }
    }
}

/// The properties that both elements have.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) participant: Option<String>,
    pub(crate) call: Option<String>,
    pub(crate) kind: Kind,
    pub(crate) suite: Suite,
    pub(crate) format: Format,
    pub(crate) key_index: u32,
    pub(crate) secret: Option<Secret>,
    /// What was wrong with the last secret that was set.
    pub(crate) refused: Option<Problem>,
}

impl Settings {
    /// Sets a property; `None` when it is none of these.
    pub(crate) fn set(&mut self, name: &str, value: &glib::Value) -> Option<Changed> {
        fn take<'a, T: glib::value::FromValue<'a> + PartialEq>(
            value: &'a glib::Value,
            into: &mut T,
            then: Changed,
        ) -> Changed {
            match value.get() {
                Ok(value) if value != *into => {
                    *into = value;
                    then
                }
                _ => Changed::Nothing,
            }
        }
        Some(match name {
            "participant" => take(value, &mut self.participant, Changed::Setup),
            "call" => take(value, &mut self.call, Changed::Setup),
            "kind" => take(value, &mut self.kind, Changed::Nothing),
            "suite" => take(value, &mut self.suite, Changed::Setup),
            "format" => take(value, &mut self.format, Changed::Setup),
            "key-index" => take(value, &mut self.key_index, Changed::Index),
            "key" => self.take_secret(value, Secret::from_hex),
            "room-secret" => self.take_secret(value, Secret::from_text),
            _ => return None,
        })
    }

    /// The latest secret counts, whichever property it came by; one that cannot be used leaves none.
    fn take_secret(&mut self, value: &glib::Value, read: fn(&str) -> Result<Secret, Problem>) -> Changed {
        let text: Option<&str> = value.get().unwrap_or_default();
        let secret = text.map(read).transpose();
        self.refused = secret.as_ref().err().cloned();
        let secret = secret.unwrap_or_default();
        if let (Some(old), Some(new)) = (&self.secret, &secret)
            && old.is(new)
        {
            return Changed::Nothing;
        }
        self.secret = secret;
        Changed::Secret
    }

    /// Reads a property.
    pub(crate) fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "participant" => self.participant.to_value(),
            "call" => self.call.to_value(),
            "kind" => self.kind.to_value(),
            "suite" => self.suite.to_value(),
            "format" => self.format.to_value(),
            "key-index" => self.key_index.to_value(),
            _ => return None,
        })
    }

    pub(crate) fn secret(&self) -> Result<&Secret, Problem> {
        self.secret.as_ref().ok_or_else(|| self.refused.clone().unwrap_or(Problem::NoKey))
    }

    pub(crate) fn participant(&self) -> Result<ParticipantId, Problem> {
        let name = name(self.participant.as_deref(), "participant")?;
        ParticipantId::new(name).map_err(|_| Problem::LongName("participant"))
    }

    pub(crate) fn call(&self) -> Result<CallId, Problem> {
        let name = name(self.call.as_deref(), "call")?;
        CallId::new(name).map_err(|_| Problem::LongName("call"))
    }

    pub(crate) fn cipher_suite(&self) -> Result<CipherSuite, Problem> {
        self.suite.core()
    }

    pub(crate) fn livekit(&self) -> Result<Options, Problem> {
        let bits = match self.suite {
            Suite::Aes128Gcm => KeyBits::B128,
            Suite::Aes256Gcm => KeyBits::B256,
            _ => return Err(Problem::LivekitSuite),
        };
        Ok(Options { bits, ring_size: 256, ..Options::default() })
    }
}

/// Whether a property may change only while nothing flows. GStreamer says so and does not see to it.
pub(crate) fn is_fixed(property: &str) -> bool {
    matches!(property, "participant" | "call" | "kind" | "suite" | "format")
}

/// What a property asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    Nothing,
    /// Everything is made anew, before frames flow.
    Setup,
    /// The secret: at once.
    Secret,
    /// The key index: at once.
    Index,
}

fn name<'a>(text: Option<&'a str>, property: &'static str) -> Result<&'a str, Problem> {
    text.filter(|text| !text.is_empty()).ok_or(Problem::Unset(property))
}

/// What members of a call agree on.
pub(crate) fn profile(call: &CallId, suite: CipherSuite) -> Profile {
    Profile {
        provider: Provider::best(),
        suite,
        format: FrameFormat::Frameseal { call: call.clone() },
        scheme: KidScheme::default(),
    }
}

/// The common properties; `whose` is the participant's part, `suite` what the suite is for.
pub(crate) fn properties(whose: &'static str, suite: &'static str) -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecString::builder("participant").nick("Participant").blurb(whose).mutable_ready().build(),
        glib::ParamSpecString::builder("call")
            .nick("Call")
            .blurb(
                "Name of the call, 1 to 512 bytes of UTF-8, the same for everybody in it. Needed, but for LiveKit's format",
            )
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder::<Kind>("kind")
            .nick("Kind of track")
            .blurb("What the track carries. Sender and receiver must say the same: keys are bound to it")
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder::<Suite>("suite")
            .nick("Cipher suite")
            .blurb(suite)
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder::<Format>("format")
            .nick("Format")
            .blurb("Layout of sealed frames, the same for everybody in the call")
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("key")
            .nick("Key")
            .blurb(
                "The sender's own secret: 16 to 256 random bytes in hexadecimal, not stretched. Takes the place of room-secret",
            )
            .write_only()
            .mutable_playing()
            .build(),
        glib::ParamSpecString::builder("room-secret")
            .nick("Room secret")
            .blurb(
                "Text that everybody in the call shares (a link, a passphrase), stretched with PBKDF2, which takes 0.1 s and more. Takes the place of key",
            )
            .write_only()
            .mutable_playing()
            .build(),
        glib::ParamSpecUInt::builder("key-index")
            .nick("Key index")
            .blurb("LiveKit's format: the slot that the key is for, which frames name")
            .maximum(255)
            .mutable_playing()
            .build(),
    ]
}

/// A counter of frames.
pub(crate) fn counter(name: &'static str, nick: &'static str, blurb: &'static str) -> glib::ParamSpec {
    glib::ParamSpecUInt64::builder(name).nick(nick).blurb(blurb).read_only().build()
}
