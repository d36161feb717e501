//! Exports for formats with keys in slots, LiveKit's and Jitsi's; of LiveKit's data packets and frames that the server
//! makes.

use e2ee_core::livekit::{DataIv, Kdf, RATCHET_SALT, SlotKey};
use e2ee_core::secret::MAX_BASE_KEY_LEN;
use e2ee_core::{SecretBytes, jitsi};

use crate::fence::{Failure, fence};
use crate::media::{Sealing, Slots, wrong_format};
use crate::opener::{self, frameseal_opener};
use crate::read;
use crate::ring::{Change, SlotSecret};
use crate::sealer::{self, frameseal_sealer};
use crate::status::frameseal_status;
use crate::status::frameseal_status as S;
use crate::types::{FRAMESEAL_DATA_IV_LEN, frameseal_secret_kind};

/// Derives the key of a slot from what C gives: not on a handle, as it may take its time.
///
/// # Safety
/// Unless they are NULL, `secret` and `salt` must point to so many readable bytes.
pub(crate) unsafe fn slot_secret(
    format: Slots,
    kind: u32,
    secret: *const u8,
    secret_len: usize,
    salt: *const u8,
    salt_len: usize,
) -> Result<SlotSecret, Failure> {
    const RAW: u32 = frameseal_secret_kind::Raw as u32;
    const PASSPHRASE: u32 = frameseal_secret_kind::Passphrase as u32;
    const AES: u32 = frameseal_secret_kind::Aes as u32;
    // SAFETY: as the caller promises.
    let secret = unsafe { read::bytes(secret, secret_len, "secret") }?;
    // SAFETY: as the caller promises.
    let salt = unsafe { read::bytes(salt, salt_len, "salt") }?;
    let lengths = match (format, kind) {
        (_, RAW) => 16..=MAX_BASE_KEY_LEN,
        (Slots::LiveKit, PASSPHRASE) => 1..=MAX_BASE_KEY_LEN,
        (Slots::Jitsi, AES) if secret.len() == 32 => 32..=32,
        (Slots::Jitsi, AES) => 16..=16,
        _ => return Err(Failure::Misuse(S::BadOption, "secret_kind")),
    };
    if !lengths.contains(&secret.len()) {
        return Err(Failure::Misuse(S::BadKey, "secret_len"));
    }
    if format == Slots::Jitsi {
        // The format has one salt.
        return match salt.is_empty() {
            true => Ok(SlotSecret::Jitsi { secret: SecretBytes::copy_of(secret), aes: kind == AES }),
            false => Err(Failure::Misuse(S::BadOption, "salt")),
        };
    }
    let kdf = if kind == RAW { Kdf::Hkdf } else { Kdf::Pbkdf2 };
    let salt = if salt.is_empty() { RATCHET_SALT } else { salt };
    let key = SlotKey::derive(kdf, secret, salt);
    Ok(SlotSecret::LiveKit { kdf, out: SecretBytes::copy_of(key.expose()), salt: salt.into() })
}

impl SlotSecret {
    pub(crate) fn livekit(&self) -> Result<SlotKey, Failure> {
        let Self::LiveKit { kdf, out, salt } = self else { return Err(wrong_format()) };
        let out: [u8; 32] = out.expose().try_into().map_err(|_| Failure::Misuse(S::BadKey, "secret"))?;
        Ok(SlotKey::from_derived(*kdf, out, salt))
    }

    pub(crate) fn jitsi(&self) -> Result<jitsi::SlotKey, Failure> {
        match self {
            Self::LiveKit { .. } => Err(wrong_format()),
            Self::Jitsi { secret, aes: false } => Ok(jitsi::SlotKey::derive(secret.expose())),
            Self::Jitsi { secret, aes: true } => {
                let wrong = |_| Failure::Misuse(S::BadKey, "secret_len");
                jitsi::SlotKey::external(secret.expose()).map_err(wrong)
            }
        }
    }
}

/// Puts a key into a slot of a sealer of LiveKit's or Jitsi's format; `index` is taken modulo the number of slots. In
/// LiveKit's it seals once the slot is selected, and slot 0 is from the beginning; in Jitsi's it seals from now on.
///
/// `secret_kind`: a `frameseal_secret_kind`. `secret`: 16 to 256 raw bytes, a passphrase of 1 to 256, an AES key of 16 or
/// 32. `salt`: NULL for the one that LiveKit's clients use; in Jitsi's format nothing else.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_sealer_set_slot(
    sealer: *mut frameseal_sealer,
    index: u32,
    secret_kind: u32,
    secret: *const u8,
    secret_len: usize,
    salt: *const u8,
    salt_len: usize,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(sealer, "sealer") }?;
        let format = handle.inner.with(|inner| inner.sealing.slots())?;
        // SAFETY: as the caller promises.
        let key = unsafe { slot_secret(format, secret_kind, secret, secret_len, salt, salt_len) }?;
        handle.inner.with(|inner| {
            match &mut inner.sealing {
                Sealing::LiveKit(sealer) => sealer.set_key(index, key.livekit()?)?,
                Sealing::Jitsi(sealer) => sealer.set_key(index, key.jitsi()?)?,
                _ => return Err(wrong_format()),
            };
            Ok(())
        })
    })
}

/// Seals with the key of this slot from now on; `index` is taken modulo the number of slots. Not in Jitsi's format, where
/// the slot that was set last seals.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_sealer_select_slot(
    sealer: *mut frameseal_sealer,
    index: u32,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(sealer, "sealer") }?;
        handle.inner.with(|inner| {
            inner.sealing.livekit()?.select(index);
            Ok(())
        })
    })
}

/// Steps the key of a slot forward, 0 to 255. Who has the key follows within its ratchet window. With `out` the secret
/// of the new step is written, 32 bytes, for clients that take it in place of stepping themselves; NULL if you do not
/// need it. In Jitsi's format only the slot that seals can step, and a key that is an AES key cannot.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_sealer_ratchet_slot(
    sealer: *mut frameseal_sealer,
    index: u32,
    out: *mut u8,
    out_cap: usize,
    out_len: *mut usize,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(sealer, "sealer") }?;
        let index = u8::try_from(index).map_err(|_| Failure::Misuse(S::BadOption, "index"))?;
        if !out.is_null() {
            read::not_null(out_len, "out_len")?;
            if out_cap < 32 {
                return Err(Failure::TooSmall { need: 32, have: out_cap });
            }
        }
        handle.inner.with(|inner| {
            let material = match &mut inner.sealing {
                Sealing::LiveKit(sealer) => sealer.ratchet(index)?.expose_material(),
                Sealing::Jitsi(sealer) if sealer.current() == index => sealer.ratchet()?.expose_material(),
                Sealing::Jitsi(_) => return Err(Failure::Misuse(S::BadOption, "index")),
                _ => return Err(wrong_format()),
            };
            if out.is_null() {
                return Ok(());
            }
            let material = material.unwrap_or_default();
            // SAFETY: as the caller promises.
            unsafe { read::write_bytes(material, out, out_cap, out_len) }
        })
    })
}

/// Puts a key of the sender into a slot of an opener of LiveKit's or Jitsi's format; as `frameseal_sealer_set_slot`. The same key
/// again changes nothing.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_opener_set_slot(
    opener: *mut frameseal_opener,
    index: u32,
    secret_kind: u32,
    secret: *const u8,
    secret_len: usize,
    salt: *const u8,
    salt_len: usize,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(opener, "opener") }?;
        let format = handle.inner.with(|inner| Ok(inner.opening.scheme().slots()?.0))?;
        // SAFETY: as the caller promises.
        let key = unsafe { slot_secret(format, secret_kind, secret, secret_len, salt, salt_len) }?;
        handle.inner.with(|inner| inner.opening.apply(&Change::Slot { index, key }))
    })
}

/// Drops the key of a slot, 0 to 255. Not in Jitsi's format.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_opener_forget_slot(
    opener: *mut frameseal_opener,
    index: u32,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(opener, "opener") }?;
        let index = u8::try_from(index).map_err(|_| Failure::Misuse(S::BadOption, "index"))?;
        handle.inner.with(|inner| {
            inner.opening.livekit()?.forget(index);
            Ok(())
        })
    })
}

/// Lets frames pass that a LiveKit server makes itself (silence, a blank picture): its constant payloads with this
/// trailer, which it tells when one joins. They come with `FRAMESEAL_STATUS_SERVER_MADE`. An empty trailer ends that,
/// as it is at the beginning.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_opener_allow_server_frames(
    opener: *mut frameseal_opener,
    trailer: *const u8,
    trailer_len: usize,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(opener, "opener") }?;
        // SAFETY: as the caller promises.
        let trailer = unsafe { read::bytes(trailer, trailer_len, "trailer") }?;
        handle.inner.with(|inner| {
            inner.opening.livekit()?.allow_injected(trailer);
            Ok(())
        })
    })
}

/// Seals a data packet of LiveKit's format: ciphertext and tag to `out`, which needs 16 bytes more than `in` has and
/// may be the same memory. `iv` (`FRAMESEAL_DATA_IV_LEN` bytes) and `slot` travel beside it. `now_ms`: your clock.
/// With `out` NULL nothing is sealed and `*out_len` is what `out` must have.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_seal_data(
    sealer: *mut frameseal_sealer,
    now_ms: u64,
    r#in: *const u8,
    in_len: usize,
    out: *mut u8,
    out_cap: usize,
    out_len: *mut usize,
    iv: *mut u8,
    slot: *mut u32,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(sealer, "sealer") }?;
        read::not_null(out_len, "out_len")?;
        let need = in_len.saturating_add(16);
        if out.is_null() {
            // SAFETY: as the caller promises.
            return unsafe { read::write(out_len, need) };
        }
        read::not_null(iv, "iv")?;
        read::not_null(slot, "slot")?;
        if out_cap < need {
            return Err(Failure::TooSmall { need, have: out_cap });
        }
        handle.inner.with(|sealer::Inner { sealing, buf }| {
            let sealer = sealing.livekit()?;
            // SAFETY: as the caller promises; the slice is gone before `out` is written.
            buf.fill(unsafe { read::bytes(r#in, in_len, "in") }?);
            // LiveKit's clock is one of 32 bits.
            let at = sealer.seal_data(now_ms as u32, buf)?;
            // SAFETY: as the caller promises.
            unsafe { read::write_bytes(buf.bytes(), out, out_cap, out_len) }?;
            // SAFETY: as the caller promises.
            unsafe { read::write(iv.cast::<[u8; FRAMESEAL_DATA_IV_LEN]>(), at.iv) }?;
            // SAFETY: as the caller promises.
            unsafe { read::write(slot, u32::from(at.index)) }
        })
    })
}

/// Opens a data packet of LiveKit's format: the other side of `frameseal_seal_data`. `out_cap` must be at least
/// `in_len`. With `out` NULL nothing is opened and `*out_len` is what `out` must have.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_open_data(
    opener: *mut frameseal_opener,
    iv: *const u8,
    slot: u32,
    r#in: *const u8,
    in_len: usize,
    out: *mut u8,
    out_cap: usize,
    out_len: *mut usize,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(opener, "opener") }?;
        read::not_null(out_len, "out_len")?;
        if out.is_null() {
            // SAFETY: as the caller promises.
            return unsafe { read::write(out_len, in_len) };
        }
        if out_cap < in_len {
            return Err(Failure::TooSmall { need: in_len, have: out_cap });
        }
        // SAFETY: as the caller promises.
        let iv = unsafe { read::bytes(iv, FRAMESEAL_DATA_IV_LEN, "iv") }?;
        let iv = iv.try_into().map_err(|_| Failure::Misuse(S::BadLength, "iv"))?;
        let index = u8::try_from(slot).map_err(|_| Failure::Misuse(S::BadOption, "slot"))?;
        handle.inner.with(|opener::Inner { opening, buf }| {
            opening.catch_up();
            let opener = opening.livekit()?;
            // SAFETY: as the caller promises; the slice is gone before `out` is written.
            buf.fill(unsafe { read::bytes(r#in, in_len, "in") }?);
            let opened = opener.open_data(&DataIv { iv, index }, buf)?;
            // SAFETY: as the caller promises.
            unsafe { read::write_bytes(opened, out, out_cap, out_len) }
        })
    })
}
