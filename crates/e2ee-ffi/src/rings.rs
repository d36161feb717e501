//! Exports for key rings that several threads share.

use core::ffi::c_char;
use std::sync::Arc;

use e2ee_core::SecretBytes;

use crate::fence::{Failure, fence};
use crate::follow::{Follower, Opening};
use crate::livekit::slot_secret;
use crate::media::{Scheme, Sealing, wrong_format};
use crate::opener::{frameseal_opener, key_at};
use crate::read;
use crate::ring::{Change, Ring, Seal};
use crate::sealer::frameseal_sealer;
use crate::status::frameseal_status;
use crate::types::frameseal_config;

/// The keys of a call: of all its senders. It may be used by any number of threads at once; openers and sealers made
/// from it follow what it is told, each on its own thread.
pub struct frameseal_ring {
    pub(crate) ring: Arc<Ring>,
}

/// Makes a ring for the call of `config`; `config->participant` is who is here.
///
/// Free the ring with `frameseal_ring_free`.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_ring_new(
    config: *const frameseal_config,
    out: *mut *mut frameseal_ring,
) -> frameseal_status {
    fence(|| {
        read::not_null(out, "out")?;
        // SAFETY: as the caller promises.
        let (scheme, me) = unsafe { read::config(config) }?;
        let ring = Arc::new(Ring::new(scheme, me, Seal::Never));
        // SAFETY: as the caller promises.
        unsafe { read::new_handle(out, frameseal_ring { ring }) }
    })
}

/// Frees a ring. NULL is allowed. Openers and sealers made from it go on with the keys that there were, and are told
/// nothing more. No other call may be using this handle.
///
/// # Safety
/// `ring` is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_ring_free(ring: *mut frameseal_ring) {
    fence(|| {
        // SAFETY: as the caller promises.
        unsafe { read::free(ring) };
        Ok(())
    });
}

/// Takes a key of a sender, as `frameseal_opener_install_key`. Openers of this sender have it with their next frame.
/// Any thread. Not for the ring of a session, which has its keys from there.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_ring_install_key(
    ring: *const frameseal_ring,
    participant: *const c_char,
    generation: u32,
    step: u32,
    base_key: *const u8,
    base_key_len: usize,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let ring = unsafe { told(ring) }?;
        // SAFETY: as the caller promises.
        let who = unsafe { read::participant(participant, "participant") }?;
        // SAFETY: as the caller promises.
        let base = unsafe { read::base_key(base_key, base_key_len) }?;
        let at = key_at(&ring.scheme, generation, step)?;
        ring.tell(&who, Change::Install { at, suite: None, base });
        Ok(())
    })
}

/// Follows a sender by a shared secret and its announcement, as `frameseal_opener_follow`. Any thread.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_ring_follow(
    ring: *const frameseal_ring,
    participant: *const c_char,
    secret: *const u8,
    secret_len: usize,
    announcement: *const c_char,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let ring = unsafe { told(ring) }?;
        // SAFETY: as the caller promises.
        let who = unsafe { read::participant(participant, "participant") }?;
        // SAFETY: as the caller promises.
        let secret = unsafe { read::shared_secret(secret, secret_len) }?;
        let secret = Arc::new(SecretBytes::copy_of(secret));
        // SAFETY: as the caller promises.
        let said = unsafe { read::announcement(announcement) }?;
        if !matches!(ring.scheme, Scheme::Sframe(_)) {
            return Err(wrong_format());
        }
        ring.tell(&who, Change::Follow { said, secret });
        Ok(())
    })
}

/// Puts a key of a sender into a slot (LiveKit's and Jitsi's format), as `frameseal_opener_set_slot`. With `participant` NULL of
/// every sender: a passphrase that the room shares, derived once. Any thread.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_ring_set_slot(
    ring: *const frameseal_ring,
    participant: *const c_char,
    index: u32,
    secret_kind: u32,
    secret: *const u8,
    secret_len: usize,
    salt: *const u8,
    salt_len: usize,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let ring = unsafe { told(ring) }?;
        let (format, slots) = ring.scheme.slots()?;
        let who = if participant.is_null() {
            None
        } else {
            // SAFETY: as the caller promises.
            Some(unsafe { read::participant(participant, "participant") }?)
        };
        // SAFETY: as the caller promises.
        let key = unsafe { slot_secret(format, secret_kind, secret, secret_len, salt, salt_len) }?;
        let change = Change::Slot { index: index % slots, key };
        match who {
            Some(who) => ring.tell(&who, change),
            None => ring.tell_everybody(change),
        }
        Ok(())
    })
}

/// Drops every key of a participant who left. Its openers open nothing any more until they are told a key; frames that
/// they saw are remembered. Any thread.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_ring_forget(
    ring: *const frameseal_ring,
    participant: *const c_char,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let ring = unsafe { told(ring) }?;
        // SAFETY: as the caller promises.
        let who = unsafe { read::participant(participant, "participant") }?;
        ring.tell(&who, Change::Gone);
        Ok(())
    })
}

/// Makes an opener for the frames of `participant` that follows the ring: it has the keys that the ring was told, and
/// takes what it is told later with its next frame. The participant need not be known yet. Any thread.
///
/// Free the opener with `frameseal_opener_free`, before or after the ring.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_ring_opener(
    ring: *const frameseal_ring,
    participant: *const c_char,
    out: *mut *mut frameseal_opener,
) -> frameseal_status {
    fence(|| {
        read::not_null(out, "out")?;
        // SAFETY: as the caller promises.
        let ring = unsafe { read::handle(ring, "ring") }?;
        // SAFETY: as the caller promises.
        let who = unsafe { read::participant(participant, "participant") }?;
        let opening = Opening::new(ring.ring.scheme.clone(), who, Some(Arc::clone(&ring.ring)));
        // SAFETY: as the caller promises.
        unsafe { read::new_handle(out, frameseal_opener::new(opening)) }
    })
}

/// Makes a sealer that seals with the keys of a session, for the ring of one (`frameseal_session_ring`): it changes keys
/// by itself, and gives `FRAMESEAL_STATUS_NO_SENDER_KEY` while nothing may be sealed. Make one for each thread that
/// sends; no two have the same keys. Any thread.
///
/// Free the sealer with `frameseal_sealer_free`, before or after the ring.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_ring_sealer(
    ring: *const frameseal_ring,
    out: *mut *mut frameseal_sealer,
) -> frameseal_status {
    fence(|| {
        read::not_null(out, "out")?;
        // SAFETY: as the caller promises.
        let ring = unsafe { read::handle(ring, "ring") }?;
        if matches!(ring.ring.lock().seal, Seal::Never) {
            return Err(Failure::Misuse(frameseal_status::WrongFormat, "ring"));
        }
        let sealing = Sealing::Follows(Box::new(Follower::new(Arc::clone(&ring.ring))));
        // SAFETY: as the caller promises.
        unsafe { read::new_handle(out, frameseal_sealer::new(sealing)) }
    })
}

/// The ring that the application may tell keys: not that of a session.
///
/// # Safety
/// As [`read::handle`].
unsafe fn told<'a>(ring: *const frameseal_ring) -> Result<&'a Ring, Failure> {
    // SAFETY: as the caller promises.
    let ring = &unsafe { read::handle(ring, "ring") }?.ring;
    let of_the_application = matches!(ring.lock().seal, Seal::Never);
    if of_the_application { Ok(ring) } else { Err(Failure::Misuse(frameseal_status::WrongFormat, "ring")) }
}
