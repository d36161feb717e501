//! Pointers from C into Rust values and back. Each is checked as far as it can be; what cannot be checked is what
//! the header asks of the caller.

use core::ffi::c_char;
use core::mem::{MaybeUninit, size_of};

use e2ee_core::id::MAX_NAME_LEN;
use e2ee_core::secret::MAX_BASE_KEY_LEN;
use e2ee_core::{
    Announcement, BaseKey, CallId, CipherSuite, FrameFormat, KidScheme, ParticipantId, Profile, Provider,
    SecretBytes, TrackKind, jitsi, livekit,
};

use crate::fence::Failure;
use crate::media::{Codec, FrameType, Info, Scheme};
use crate::status::frameseal_status as S;
use crate::types::{
    FRAMESEAL_ENTROPY_LEN, FRAMESEAL_NO_RATCHET_BITS, FRAMESEAL_NO_RATCHET_WINDOW, frameseal_config,
    frameseal_format, frameseal_frame_info,
};

/// `len` bytes at `pointer`, which may be NULL when there are none.
///
/// # Safety
/// Unless it is NULL, `pointer` must point to `len` readable bytes that nobody writes during `'a`.
pub(crate) unsafe fn bytes<'a>(
    pointer: *const u8,
    len: usize,
    argument: &'static str,
) -> Result<&'a [u8], Failure> {
    if len == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(Failure::Misuse(S::NullPointer, argument));
    }
    if isize::try_from(len).is_err() {
        return Err(Failure::Misuse(S::BadLength, argument));
    }
    // SAFETY: not NULL, at most isize::MAX bytes, readable and unchanging as the caller promises.
    Ok(unsafe { core::slice::from_raw_parts(pointer, len) })
}

/// Whether `len` bytes at `at` have none of `bytes`, and may be a slice.
#[inline]
pub(crate) fn disjoint(bytes: &[u8], at: *const u8, len: usize) -> bool {
    let (a, b) = (bytes.as_ptr().addr(), at.addr());
    let ends = (a.checked_add(bytes.len()), b.checked_add(len));
    let (Some(a_end), Some(b_end)) = ends else { return false };
    isize::try_from(len).is_ok() && (a_end <= b || b_end <= a)
}

/// A handle.
///
/// # Safety
/// Unless it is NULL, `pointer` must come from the matching `_new` and not have been freed.
pub(crate) unsafe fn handle<'a, T>(pointer: *const T, argument: &'static str) -> Result<&'a T, Failure> {
    // SAFETY: NULL, or a live handle as the caller promises.
    unsafe { pointer.as_ref() }.ok_or(Failure::Misuse(S::NullPointer, argument))
}

/// Takes a handle back; NULL is nothing.
///
/// # Safety
/// As [`handle`], and nobody may use the pointer afterwards.
pub(crate) unsafe fn free<T>(pointer: *mut T) {
    if !pointer.is_null() {
        // SAFETY: `new_handle` made it by Box::into_raw, and it was not freed before, as the caller promises.
        drop(unsafe { Box::from_raw(pointer) });
    }
}

/// Hands a new handle out.
///
/// # Safety
/// Unless it is NULL, `out` must point to a writable pointer.
pub(crate) unsafe fn new_handle<T>(out: *mut *mut T, handle: T) -> Result<(), Failure> {
    // SAFETY: as the caller promises.
    unsafe { write(out, Box::into_raw(Box::new(handle))) }
}

/// That an output can be written at all, to be asked before anything happens.
pub(crate) fn not_null<T>(out: *const T, argument: &'static str) -> Result<(), Failure> {
    if out.is_null() { Err(Failure::Misuse(S::NullPointer, argument)) } else { Ok(()) }
}

/// Writes an output.
///
/// # Safety
/// Unless it is NULL, `out` must point to a writable `T`.
pub(crate) unsafe fn write<T>(out: *mut T, value: T) -> Result<(), Failure> {
    not_null(out, "out")?;
    // SAFETY: not NULL, and writable as the caller promises.
    unsafe { out.write(value) };
    Ok(())
}

/// Writes bytes and how many they are. Nothing is written when they do not fit.
///
/// # Safety
/// Unless they are NULL, `out` must point to `cap` writable bytes and `out_len` to a writable length.
pub(crate) unsafe fn write_bytes(
    from: &[u8],
    out: *mut u8,
    cap: usize,
    out_len: *mut usize,
) -> Result<(), Failure> {
    if from.len() > cap {
        return Err(Failure::TooSmall { need: from.len(), have: cap });
    }
    if !from.is_empty() {
        not_null(out, "out")?;
        // SAFETY: `out` has room for `cap` bytes as the caller promises, and `from` is memory of this library.
        unsafe { core::ptr::copy_nonoverlapping(from.as_ptr(), out, from.len()) };
    }
    // SAFETY: as the caller promises.
    unsafe { write(out_len, from.len()) }
}

/// Writes a text with a NUL behind it; the length is without. With `out` NULL only the length that `out` must have.
///
/// # Safety
/// As [`write_bytes`].
pub(crate) unsafe fn write_text(
    text: &str,
    out: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> Result<(), Failure> {
    let need = text.len() + 1;
    if out.is_null() {
        // SAFETY: as the caller promises.
        return unsafe { write(out_len, need) };
    }
    not_null(out_len, "out_len")?;
    if need > cap {
        return Err(Failure::TooSmall { need, have: cap });
    }
    // SAFETY: there is room for all of it and a NUL, as the caller promises.
    unsafe { core::ptr::copy_nonoverlapping(text.as_ptr(), out.cast::<u8>(), text.len()) };
    // SAFETY: the last byte of that room.
    unsafe { out.wrapping_add(text.len()).write(0) };
    // SAFETY: as the caller promises.
    unsafe { write(out_len, text.len()) }
}

/// A struct that begins with its size. An older program gives fewer fields, which read as zero; a newer one gives
/// more, which must be zero.
///
/// # Safety
/// `T` must be a C struct whose fields may all be zero. Unless it is NULL, `pointer` must point to a `size_t` and as
/// many readable bytes as it says.
#[inline]
pub(crate) unsafe fn sized<T>(
    pointer: *const T,
    first_size: usize,
    argument: &'static str,
) -> Result<T, Failure> {
    not_null(pointer, argument)?;
    let start = pointer.cast::<u8>();
    // SAFETY: every such struct begins with a size_t; read without asking for alignment.
    let size = unsafe { start.cast::<usize>().read_unaligned() };
    if size < first_size {
        return Err(Failure::Misuse(S::BadSize, argument));
    }
    if size == size_of::<T>() {
        // SAFETY: there are as many readable bytes as the caller promises, and any bytes make a T.
        return Ok(unsafe { pointer.read_unaligned() });
    }
    // SAFETY: there are `size` readable bytes as the caller promises.
    let given = unsafe { bytes(start, size, argument) }?;
    let (known, newer) = given.split_at_checked(size_of::<T>()).unwrap_or((given, &[]));
    if newer.iter().any(|byte| *byte != 0) {
        return Err(Failure::Misuse(S::BadSize, argument));
    }
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: `known` is at most as long as T, and `value` is memory of its own.
    unsafe { core::ptr::copy_nonoverlapping(known.as_ptr(), value.as_mut_ptr().cast(), known.len()) };
    // SAFETY: all bytes are set, and any bytes make a T, as the caller promises.
    Ok(unsafe { value.assume_init() })
}

/// How large the caller's struct is that an output is written to; a larger one is of a newer header.
///
/// # Safety
/// As [`sized`], and writable.
#[cfg(feature = "session")]
pub(crate) unsafe fn out_size<T>(
    pointer: *mut T,
    first_size: usize,
    argument: &'static str,
) -> Result<usize, Failure> {
    not_null(pointer, argument)?;
    // SAFETY: every such struct begins with a size_t; read without asking for alignment.
    let size = unsafe { pointer.cast::<usize>().read_unaligned() };
    if size < first_size { Err(Failure::Misuse(S::BadSize, argument)) } else { Ok(size) }
}

/// Writes as much of a struct as the caller's has room for; what its own has more becomes zero.
///
/// # Safety
/// `out` must point to `size` writable bytes.
#[cfg(feature = "session")]
pub(crate) unsafe fn write_sized<T>(out: *mut T, size: usize, value: T) {
    let known = size.min(size_of::<T>());
    // SAFETY: both have `known` bytes.
    unsafe { core::ptr::copy_nonoverlapping((&raw const value).cast::<u8>(), out.cast::<u8>(), known) };
    // SAFETY: as the caller promises.
    unsafe { core::ptr::write_bytes(out.cast::<u8>().wrapping_add(known), 0, size - known) };
}

/// `count` pointers at `pointer`, which may be NULL when there are none.
///
/// # Safety
/// Unless it is NULL, `pointer` must point to `count` readable pointers that nobody writes during `'a`.
#[cfg(feature = "session")]
pub(crate) unsafe fn items<'a, T>(
    pointer: *const *const T,
    count: usize,
    argument: &'static str,
) -> Result<&'a [*const T], Failure> {
    if count == 0 {
        return Ok(&[]);
    }
    not_null(pointer, argument)?;
    if !pointer.is_aligned() || count > isize::MAX as usize / size_of::<*const T>() {
        return Err(Failure::Misuse(S::BadLength, argument));
    }
    // SAFETY: not NULL, aligned, not too many, readable and unchanging as the caller promises.
    Ok(unsafe { core::slice::from_raw_parts(pointer, count) })
}

/// A name with a NUL at the end.
///
/// # Safety
/// Unless it is NULL, `pointer` must point to readable bytes up to a NUL, or to 513 of them.
pub(crate) unsafe fn name<'a>(pointer: *const c_char, argument: &'static str) -> Result<&'a str, Failure> {
    not_null(pointer, argument)?;
    let mut len = 0;
    // SAFETY: no NUL was seen yet and `len` is at most 512, so the caller promises that this byte is readable.
    while unsafe { pointer.wrapping_add(len).read() } != 0 {
        len += 1;
        if len > MAX_NAME_LEN {
            return Err(Failure::Misuse(S::BadName, argument));
        }
    }
    // SAFETY: `len` bytes were just read.
    let text = unsafe { bytes(pointer.cast(), len, argument) }?;
    core::str::from_utf8(text).map_err(|_| Failure::Misuse(S::BadName, argument))
}

/// What `config` says.
///
/// # Safety
/// Unless it is NULL, `config` must be as the header asks.
pub(crate) unsafe fn config(config: *const frameseal_config) -> Result<(Scheme, ParticipantId), Failure> {
    // SAFETY: a struct of numbers and pointers; as the caller promises.
    let config = unsafe { sized(config, CONFIG_V1, "config") }?;
    // SAFETY: as the caller promises.
    let who = unsafe { participant(config.participant, "config.participant") }?;
    let suite = suite(config.suite, "config.suite")?;
    const FRAMESEAL: u32 = frameseal_format::Frameseal as u32;
    const SFRAME: u32 = frameseal_format::Sframe as u32;
    const LIVEKIT: u32 = frameseal_format::Livekit as u32;
    const JITSI: u32 = frameseal_format::Jitsi as u32;
    let format = match config.format {
        FRAMESEAL => {
            // SAFETY: as the caller promises.
            FrameFormat::Frameseal { call: unsafe { call(config.call, "config.call") }? }
        }
        SFRAME => FrameFormat::Sframe,
        LIVEKIT => return Ok((Scheme::LiveKit(livekit_options(&config, suite)?), who)),
        JITSI => return Ok((Scheme::Jitsi(jitsi_options(&config, suite)?), who)),
        _ => return Err(Failure::Misuse(S::UnknownFormat, "config.format")),
    };
    let ratchet_bits = match config.ratchet_bits {
        0 => e2ee_core::key::kid::DEFAULT_RATCHET_BITS,
        FRAMESEAL_NO_RATCHET_BITS => 0,
        bits @ 1..=16 => bits as u8,
        _ => return Err(Failure::Misuse(S::BadRatchetBits, "config.ratchet_bits")),
    };
    let scheme = KidScheme::SenderKeys { ratchet_bits };
    Ok((Scheme::Sframe(Profile { provider: Provider::best(), suite, format, scheme }), who))
}

fn livekit_options(config: &frameseal_config, suite: CipherSuite) -> Result<livekit::Options, Failure> {
    let bits = match suite {
        CipherSuite::Aes128GcmSha256_128 => livekit::KeyBits::B128,
        CipherSuite::Aes256GcmSha512_128 => livekit::KeyBits::B256,
        _ => return Err(Failure::Misuse(S::UnknownSuite, "config.suite")),
    };
    let default = livekit::Options::default();
    let ring_size = match config.slots {
        0 => default.ring_size,
        slots @ 1..=256 => slots as u16,
        _ => return Err(Failure::Misuse(S::BadOption, "config.slots")),
    };
    let ratchet_window = ratchet_window(config, default.ratchet_window)?;
    Ok(livekit::Options { bits, ring_size, ratchet_window, ..default })
}

fn jitsi_options(config: &frameseal_config, suite: CipherSuite) -> Result<jitsi::Options, Failure> {
    if suite != CipherSuite::Aes128GcmSha256_128 {
        return Err(Failure::Misuse(S::UnknownSuite, "config.suite"));
    }
    // Its clients have as many, and nothing else may be said.
    if config.slots != 0 && config.slots as usize != jitsi::RING {
        return Err(Failure::Misuse(S::BadOption, "config.slots"));
    }
    let default = jitsi::Options::default();
    Ok(jitsi::Options { ratchet_window: ratchet_window(config, default.ratchet_window)?, ..default })
}

fn ratchet_window(config: &frameseal_config, default: u8) -> Result<u8, Failure> {
    Ok(match config.ratchet_window {
        0 => default,
        FRAMESEAL_NO_RATCHET_WINDOW => 0,
        steps @ 1..=32 => steps as u8,
        _ => return Err(Failure::Misuse(S::BadOption, "config.ratchet_window")),
    })
}

/// A cipher suite by its number, 0 for the default.
pub(crate) fn suite(number: u32, argument: &'static str) -> Result<CipherSuite, Failure> {
    let known = match number {
        0 => Some(CipherSuite::Aes128GcmSha256_128),
        number => u16::try_from(number).ok().and_then(|number| CipherSuite::from_number(number).ok()),
    };
    known.ok_or(Failure::Misuse(S::UnknownSuite, argument))
}

/// A participant's name.
///
/// # Safety
/// As [`name`].
pub(crate) unsafe fn participant(
    pointer: *const c_char,
    argument: &'static str,
) -> Result<ParticipantId, Failure> {
    // SAFETY: as the caller promises.
    let name = unsafe { name(pointer, argument) }?;
    ParticipantId::new(name).map_err(|_| Failure::Misuse(S::BadName, argument))
}

/// A call's name.
///
/// # Safety
/// As [`name`].
pub(crate) unsafe fn call(pointer: *const c_char, argument: &'static str) -> Result<CallId, Failure> {
    // SAFETY: as the caller promises.
    let name = unsafe { name(pointer, argument) }?;
    CallId::new(name).map_err(|_| Failure::Misuse(S::BadName, argument))
}

/// 32 bytes of entropy, not all zero.
///
/// # Safety
/// As [`bytes`].
pub(crate) unsafe fn entropy<'a>(pointer: *const u8, len: usize) -> Result<&'a [u8; 32], Failure> {
    // SAFETY: as the caller promises.
    let entropy = unsafe { bytes(pointer, len, "entropy") }?;
    let entropy: &[u8; FRAMESEAL_ENTROPY_LEN] =
        entropy.try_into().map_err(|_| Failure::Misuse(S::BadEntropy, "entropy_len"))?;
    if entropy.iter().all(|byte| *byte == 0) {
        return Err(Failure::Misuse(S::BadEntropy, "entropy"));
    }
    Ok(entropy)
}

/// A base key.
///
/// # Safety
/// As [`bytes`].
pub(crate) unsafe fn base_key(pointer: *const u8, len: usize) -> Result<BaseKey, Failure> {
    // SAFETY: as the caller promises.
    let key = unsafe { bytes(pointer, len, "base_key") }?;
    BaseKey::new(SecretBytes::copy_of(key)).map_err(|_| Failure::Misuse(S::BadKey, "base_key_len"))
}

/// A secret that several share, 16 to 256 bytes.
///
/// # Safety
/// As [`bytes`].
pub(crate) unsafe fn shared_secret<'a>(pointer: *const u8, len: usize) -> Result<&'a [u8], Failure> {
    // SAFETY: as the caller promises.
    let secret = unsafe { bytes(pointer, len, "secret") }?;
    if !(16..=MAX_BASE_KEY_LEN).contains(&secret.len()) {
        return Err(Failure::Misuse(S::BadKey, "secret_len"));
    }
    Ok(secret)
}

/// What a sender announced.
///
/// # Safety
/// As [`name`].
pub(crate) unsafe fn announcement(pointer: *const c_char) -> Result<Announcement, Failure> {
    // SAFETY: as the caller promises.
    let text = unsafe { name(pointer, "announcement") }?;
    text.parse().map_err(|_| Failure::Misuse(S::BadAnnouncement, "announcement"))
}

/// A kind of track.
pub(crate) fn kind(number: u32, argument: &'static str) -> Result<TrackKind, Failure> {
    let kind = u8::try_from(number).ok().and_then(TrackKind::from_number);
    kind.ok_or(Failure::Misuse(S::UnknownKind, argument))
}

/// What `info` says.
///
/// # Safety
/// Unless it is NULL, `info` must be as the header asks, and its metadata must stay as they are during `'a`.
#[inline(always)]
pub(crate) unsafe fn info<'a>(info: *const frameseal_frame_info) -> Result<Info<'a>, Failure> {
    not_null(info, "info")?;
    if info.is_aligned() {
        // SAFETY: every such struct begins with its size, and this one is where such a struct may be.
        let size = unsafe { info.cast::<usize>().read() };
        if size == size_of::<frameseal_frame_info>() {
            // SAFETY: all of it is readable, as the caller promises, and any bytes make one.
            let info = unsafe { &*info };
            // SAFETY: as the caller promises.
            return unsafe { checked_info(info) };
        }
    }
    // SAFETY: as the caller promises.
    unsafe { other_info(info) }
}

/// Of an older or newer header, or not aligned.
///
/// # Safety
/// As [`info`].
#[cold]
unsafe fn other_info<'a>(info: *const frameseal_frame_info) -> Result<Info<'a>, Failure> {
    // SAFETY: a struct of numbers and a pointer; as the caller promises.
    let info = unsafe { sized(info, INFO_V1, "info") }?;
    // SAFETY: as the caller promises.
    unsafe { checked_info(&info) }
}

/// # Safety
/// As [`info`].
#[inline(always)] // passed on in registers; through memory it costs a frame some nanoseconds
unsafe fn checked_info<'a>(info: &frameseal_frame_info) -> Result<Info<'a>, Failure> {
    let kind = kind(info.kind, "info.kind")?;
    let codec = Codec::from_number(info.codec).ok_or(Failure::Misuse(S::BadCodec, "info.codec"))?;
    let frame_type = FrameType::from_number(info.frame_type);
    let frame_type = frame_type.ok_or(Failure::Misuse(S::BadOption, "info.frame_type"))?;
    // SAFETY: as the caller of `info` promises.
    let metadata = unsafe { bytes(info.metadata, info.metadata_len, "info.metadata") }?;
    Ok(Info { kind, codec, frame_type, ssrc: info.ssrc, timestamp: info.timestamp, metadata })
}

/// Sizes in ABI version 1. They stay, whatever is added to the structs later.
const CONFIG_V1: usize = core::mem::offset_of!(frameseal_config, ratchet_window) + size_of::<u32>();
const INFO_V1: usize = core::mem::offset_of!(frameseal_frame_info, timestamp) + size_of::<u32>();
