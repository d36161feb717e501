//! Pointers from C into Rust values and back. Each is checked as far as it can be; what cannot be checked is what
//! the header asks of the caller.

use core::ffi::c_char;
use core::mem::{MaybeUninit, size_of};

use e2ee_core::id::MAX_NAME_LEN;
use e2ee_core::{
    CallId, CipherSuite, CodecRule, FrameFormat, FrameInfo, KidScheme, ParticipantId, Profile, Provider,
    TrackKind,
};

use crate::fence::Failure;
use crate::status::frameseal_status as S;
use crate::types::{FRAMESEAL_NO_RATCHET_BITS, frameseal_config, frameseal_format, frameseal_frame_info};

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

/// A struct that begins with its size. An older program gives fewer fields, which read as zero; a newer one gives
/// more, which must be zero.
///
/// # Safety
/// `T` must be a C struct whose fields may all be zero. Unless it is NULL, `pointer` must point to a `size_t` and as
/// many readable bytes as it says.
unsafe fn sized<T>(pointer: *const T, first_size: usize, argument: &'static str) -> Result<T, Failure> {
    not_null(pointer, argument)?;
    let start = pointer.cast::<u8>();
    // SAFETY: every such struct begins with a size_t; read without asking for alignment.
    let size = unsafe { start.cast::<usize>().read_unaligned() };
    if size < first_size {
        return Err(Failure::Misuse(S::BadSize, argument));
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

/// A name with a NUL at the end.
///
/// # Safety
/// Unless it is NULL, `pointer` must point to readable bytes up to a NUL, or to 513 of them.
unsafe fn name<'a>(pointer: *const c_char, argument: &'static str) -> Result<&'a str, Failure> {
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
pub(crate) unsafe fn config(config: *const frameseal_config) -> Result<(Profile, ParticipantId), Failure> {
    // SAFETY: a struct of numbers and pointers; as the caller promises.
    let config = unsafe { sized(config, CONFIG_V1, "config") }?;
    let suite = match config.suite {
        0 => CipherSuite::Aes128GcmSha256_128,
        number => u16::try_from(number)
            .ok()
            .and_then(|number| CipherSuite::from_number(number).ok())
            .ok_or(Failure::Misuse(S::UnknownSuite, "config.suite"))?,
    };
    let ratchet_bits = match config.ratchet_bits {
        0 => e2ee_core::key::kid::DEFAULT_RATCHET_BITS,
        FRAMESEAL_NO_RATCHET_BITS => 0,
        bits @ 1..=16 => bits as u8,
        _ => return Err(Failure::Misuse(S::BadRatchetBits, "config.ratchet_bits")),
    };
    const FRAMESEAL: u32 = frameseal_format::Frameseal as u32;
    const SFRAME: u32 = frameseal_format::Sframe as u32;
    let format = match config.format {
        FRAMESEAL => {
            // SAFETY: as the caller promises.
            let call = unsafe { name(config.call, "config.call") }?;
            let call = CallId::new(call).map_err(|_| Failure::Misuse(S::BadName, "config.call"))?;
            FrameFormat::Frameseal { call }
        }
        SFRAME => FrameFormat::Sframe,
        _ => return Err(Failure::Misuse(S::UnknownFormat, "config.format")),
    };
    // SAFETY: as the caller promises.
    let who = unsafe { name(config.participant, "config.participant") }?;
    let who = ParticipantId::new(who).map_err(|_| Failure::Misuse(S::BadName, "config.participant"))?;
    let scheme = KidScheme::SenderKeys { ratchet_bits };
    Ok((Profile { provider: Provider::best(), suite, format, scheme }, who))
}

/// What `info` says.
///
/// # Safety
/// Unless it is NULL, `info` must be as the header asks, and its metadata must stay as they are during `'a`.
pub(crate) unsafe fn info<'a>(info: *const frameseal_frame_info) -> Result<FrameInfo<'a>, Failure> {
    // SAFETY: a struct of numbers and a pointer; as the caller promises.
    let info = unsafe { sized(info, INFO_V1, "info") }?;
    let kind = u8::try_from(info.kind).ok().and_then(TrackKind::from_number);
    let kind = kind.ok_or(Failure::Misuse(S::UnknownKind, "info.kind"))?;
    let rule = u8::try_from(info.codec).ok().and_then(CodecRule::from_wire);
    let rule = rule.ok_or(Failure::Misuse(S::BadCodec, "info.codec"))?;
    // SAFETY: as the caller promises.
    let metadata = unsafe { bytes(info.metadata, info.metadata_len, "info.metadata") }?;
    Ok(FrameInfo { kind, rule, metadata })
}

/// Sizes in ABI version 1. They stay, whatever is added to the structs later.
const CONFIG_V1: usize = core::mem::offset_of!(frameseal_config, ratchet_bits) + size_of::<u32>();
const INFO_V1: usize = core::mem::offset_of!(frameseal_frame_info, metadata_len) + size_of::<usize>();
