//! Real codec streams, encoded by ffmpeg at test set-up and cut into the frames a WebRTC encoder hands over.
//!
//! Nothing is downloaded and nothing committed: a stream is a few dozen kilobytes and takes a fraction of a
//! second to encode. Files are kept in the directory the caller names and made anew when a recipe changes.

mod containers;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A codec that streams are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// VP8.
    Vp8,
    /// VP9.
    Vp9,
    /// AV1, low-overhead OBU format.
    Av1,
    /// H.264, Annex B.
    H264,
    /// H.265, Annex B.
    H265,
    /// Opus.
    Opus,
}

impl Codec {
    /// The media type by which WebRTC names it.
    #[must_use]
    pub fn mime(self) -> &'static str {
        match self {
            Self::Vp8 => "video/VP8",
            Self::Vp9 => "video/VP9",
            Self::Av1 => "video/AV1",
            Self::H264 => "video/H264",
            Self::H265 => "video/H265",
            Self::Opus => "audio/opus",
        }
    }
}

/// One encoded stream.
#[derive(Clone, Debug)]
pub struct Stream {
    /// The recipe's name.
    pub name: &'static str,
    /// Its codec.
    pub codec: Codec,
    /// One picture (all slices, with what stands before them) or one audio packet each, in coding order.
    pub frames: Vec<Vec<u8>>,
}

/// How a stream is made.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// What it shows, in a few words.
    pub name: &'static str,
    /// Its codec.
    pub codec: Codec,
    /// ffmpeg's name of the encoder.
    pub encoder: &'static str,
    /// Left out by [`streams`] where ffmpeg was built without the encoder.
    pub optional: bool,
    container: Container,
    args: &'static [&'static str],
}

/// Why there is no stream.
#[derive(Debug)]
pub enum StreamError {
    /// No ffmpeg in the path.
    NoFfmpeg,
    /// This ffmpeg was built without the encoder.
    NoEncoder(&'static str),
    /// No recipe of that name.
    NoRecipe(String),
    /// ffmpeg failed; what it said.
    Encode(&'static str, String),
    /// The file is not what its container says; what and at which byte.
    Parse(PathBuf, &'static str, usize),
    /// A file could not be read or written.
    Io(PathBuf, io::Error),
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFfmpeg => f.write_str(
                "ffmpeg is missing; the codec tests encode their streams with it: apt-get install ffmpeg",
            ),
            Self::NoEncoder(encoder) => write!(
                f,
                "ffmpeg has no encoder {encoder}; Debian's build has it: apt-get install ffmpeg libavcodec-extra"
            ),
            Self::NoRecipe(name) => write!(f, "no stream is called {name:?}"),
            Self::Encode(name, said) => write!(f, "ffmpeg could not encode {name}: {said}"),
            Self::Parse(path, what, at) => write!(f, "{}: {what} at byte {at}", path.display()),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for StreamError {}

/// Every stream this ffmpeg can make, encoded into `dir` unless it is there already.
///
/// # Errors
/// [`StreamError`]; an encoder that is missing is one unless the recipe is optional.
pub fn streams(dir: &Path) -> Result<Vec<Stream>, StreamError> {
    let mut made = Vec::new();
    for recipe in RECIPES {
        match encode(recipe, dir) {
            Err(StreamError::NoEncoder(_)) if recipe.optional => {}
            other => made.push(other?),
        }
    }
    Ok(made)
}

/// The stream called `name`, encoded into `dir` unless it is there already.
///
/// # Errors
/// [`StreamError`].
pub fn stream(dir: &Path, name: &str) -> Result<Stream, StreamError> {
    let recipe = RECIPES.iter().find(|recipe| recipe.name == name);
    encode(recipe.ok_or_else(|| StreamError::NoRecipe(name.to_owned()))?, dir)
}

/// Cuts an encoded file into frames; the containers are IVF, OBU, Annex B and Ogg Opus, by file extension.
///
/// # Errors
/// [`StreamError::Parse`] or [`StreamError::Io`].
pub fn read_frames(path: &Path, codec: Codec) -> Result<Vec<Vec<u8>>, StreamError> {
    let bytes = fs::read(path).map_err(|error| StreamError::Io(path.to_owned(), error))?;
    let cut = match path.extension().and_then(|extension| extension.to_str()) {
        Some("ivf") => containers::ivf(&bytes),
        Some("obu") => containers::temporal_units(&bytes),
        Some("ogg" | "opus") => containers::ogg_packets(&bytes),
        _ => containers::access_units(&bytes, codec == Codec::H265),
    };
    cut.map_err(|containers::Bad(what, at)| StreamError::Parse(path.to_owned(), what, at))
}

fn encode(recipe: &'static Recipe, dir: &Path) -> Result<Stream, StreamError> {
    let path = dir.join(recipe.file_name());
    if !path.exists() {
        fs::create_dir_all(dir).map_err(|error| StreamError::Io(dir.to_owned(), error))?;
        // Tests run side by side, as processes and as threads: write under a name of our own, then rename.
        let serial = DRAFTS.fetch_add(1, Ordering::Relaxed);
        let draft = dir.join(format!("draft-{}-{serial}-{}", std::process::id(), recipe.file_name()));
        run_ffmpeg(recipe, &draft)?;
        fs::rename(&draft, &path).map_err(|error| StreamError::Io(path.clone(), error))?;
    }
    Ok(Stream { name: recipe.name, codec: recipe.codec, frames: read_frames(&path, recipe.codec)? })
}

fn run_ffmpeg(recipe: &'static Recipe, to: &Path) -> Result<(), StreamError> {
    let source = match recipe.codec {
        Codec::Opus => AUDIO_SOURCE,
        _ => VIDEO_SOURCE,
    };
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"])
        .args(source)
        .args(["-threads", "1", "-c", recipe.encoder])
        .args(recipe.args)
        .args(["-f", recipe.container.format(recipe.codec)])
        .arg(to)
        .stdin(Stdio::null())
        .output();
    let output = output.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StreamError::NoFfmpeg,
        _ => StreamError::Io(PathBuf::from("ffmpeg"), error),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let _ = fs::remove_file(to);
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("Unknown encoder") {
        return Err(StreamError::NoEncoder(recipe.encoder));
    }
    Err(StreamError::Encode(recipe.name, said.trim().to_owned()))
}

impl Recipe {
    /// The name changes with the arguments, so that a cached file never belongs to an older recipe.
    fn file_name(&self) -> String {
        let source = VIDEO_SOURCE.iter().chain(AUDIO_SOURCE).chain(self.args).chain([&self.encoder]);
        // FNV-1a
        let digest =
            source.flat_map(|arg| arg.bytes().chain([0])).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        format!("{}-{:08x}.{}", self.name, digest >> 32, self.container.extension(self.codec))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    Ivf,
    Obu,
    AnnexB,
    Ogg,
}

impl Container {
    fn extension(self, codec: Codec) -> &'static str {
        match (self, codec) {
            (Self::Ivf, _) => "ivf",
            (Self::Obu, _) => "obu",
            (Self::Ogg, _) => "ogg",
            (Self::AnnexB, Codec::H265) => "h265",
            (Self::AnnexB, _) => "h264",
        }
    }

    /// ffmpeg's name of the muxer.
    fn format(self, codec: Codec) -> &'static str {
        match (self, codec) {
            (Self::Ivf, _) => "ivf",
            (Self::Obu, _) => "obu",
            (Self::Ogg, _) => "ogg",
            (Self::AnnexB, Codec::H265) => "hevc",
            (Self::AnnexB, _) => "h264",
        }
    }
}

static DRAFTS: AtomicU32 = AtomicU32::new(0);

/// Pictures per video stream.
pub const VIDEO_FRAMES: usize = 40;

const VIDEO_SOURCE: &[&str] =
    &["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30", "-frames:v", "40", "-pix_fmt", "yuv420p"];
/// A tone that stops every second second, so that packets of speech and of silence come out.
const AUDIO_SOURCE: &[&str] =
    &["-f", "lavfi", "-i", "aevalsrc=0.3*sin(440*2*PI*t)*lt(mod(t\\,2)\\,1):s=48000:d=3", "-ac", "1"];

/// Every stream there is a recipe for.
pub const RECIPES: &[Recipe] = &[
    Recipe {
        name: "vp8",
        codec: Codec::Vp8,
        encoder: "libvpx",
        optional: false,
        container: Container::Ivf,
        args: &[
            "-deadline",
            "realtime",
            "-cpu-used",
            "8",
            "-g",
            "16",
            "-b:v",
            "500k",
            "-error-resilient",
            "1",
        ],
    },
    Recipe {
        name: "vp9",
        codec: Codec::Vp9,
        encoder: "libvpx-vp9",
        optional: false,
        container: Container::Ivf,
        args: &["-deadline", "realtime", "-cpu-used", "8", "-g", "16", "-b:v", "500k"],
    },
    Recipe {
        name: "av1-aom",
        codec: Codec::Av1,
        encoder: "libaom-av1",
        optional: false,
        container: Container::Obu,
        args: &["-usage", "realtime", "-cpu-used", "8", "-g", "16", "-b:v", "500k"],
    },
    // Frame header and tile groups as OBUs of their own.
    Recipe {
        name: "av1-tile-groups",
        codec: Codec::Av1,
        encoder: "libaom-av1",
        optional: false,
        container: Container::Ivf,
        args: &[
            "-usage",
            "realtime",
            "-cpu-used",
            "8",
            "-g",
            "16",
            "-b:v",
            "500k",
            "-tile-columns",
            "1",
            "-aom-params",
            "num-tile-groups=2",
        ],
    },
    Recipe {
        name: "av1-svt",
        codec: Codec::Av1,
        encoder: "libsvtav1",
        optional: true,
        container: Container::Obu,
        args: &["-preset", "12", "-g", "16", "-b:v", "500k"],
    },
    // What browsers send: one slice, no B pictures.
    Recipe {
        name: "h264-baseline",
        codec: Codec::H264,
        encoder: "libx264",
        optional: false,
        container: Container::AnnexB,
        args: &[
            "-profile:v",
            "baseline",
            "-preset",
            "ultrafast",
            "-tune",
            "zerolatency",
            "-g",
            "16",
            "-x264-params",
            "sliced-threads=0:slices=1",
        ],
    },
    // Delimiter, buffering period and user data SEI, four slices, start codes of three and four bytes.
    Recipe {
        name: "h264-slices",
        codec: Codec::H264,
        encoder: "libx264",
        optional: false,
        container: Container::AnnexB,
        args: &[
            "-preset",
            "veryfast",
            "-g",
            "16",
            "-x264-params",
            "slices=4:aud=1:nal-hrd=vbr:vbv-maxrate=500:vbv-bufsize=500",
        ],
    },
    // No IDR after the first: recovery point SEI instead.
    Recipe {
        name: "h264-intra-refresh",
        codec: Codec::H264,
        encoder: "libx264",
        optional: false,
        container: Container::AnnexB,
        args: &[
            "-preset",
            "ultrafast",
            "-tune",
            "zerolatency",
            "-g",
            "16",
            "-x264-params",
            "sliced-threads=0:slices=2:intra-refresh=1",
        ],
    },
    Recipe {
        name: "h265-slices",
        codec: Codec::H265,
        encoder: "libx265",
        optional: true,
        container: Container::AnnexB,
        args: &[
            "-preset",
            "ultrafast",
            "-g",
            "16",
            "-x265-params",
            "log-level=error:repeat-headers=1:aud=1:slices=2:hrd=1:vbv-maxrate=500:vbv-bufsize=500",
        ],
    },
    Recipe {
        name: "opus",
        codec: Codec::Opus,
        encoder: "libopus",
        optional: false,
        container: Container::Ogg,
        args: &["-application", "voip", "-b:a", "24k"],
    },
];
