/* Frameseal: end-to-end encryption of media frames. C99, and C++.
 *
 * Made from crates/e2ee-ffi by cbindgen; do not edit.
 *
 * RULES
 *
 * Handles are opaque. What `_new` gives, `_free` takes back, once. A function's first argument is what it works on,
 * then come inputs, then outputs.
 *
 * Every call that can fail gives a frameseal_status. Outputs are written on success only; a frame that does not open
 * may leave zeros in the output of frameseal_open, and nothing of the frame. frameseal_strerror says what a status
 * means, frameseal_last_error says more about the last failure on the thread. No panic and no C++ exception leaves the
 * library.
 *
 * Buffers belong to the caller. The library keeps no pointer that it was given: everything is copied. A pointer is
 * checked for NULL; where it points to otherwise cannot be checked. Input and output of frameseal_seal and
 * frameseal_open may overlap, and be the same. How large an output must be is asked with the buffer NULL: nothing else
 * happens then.
 *
 * Structs begin with their size, so that they can grow: set all to zero, then `size` to sizeof. Fields that are
 * added later mean nothing when they are zero. Texts are UTF-8.
 *
 * Threads. A sealer, an opener and a session are used by one thread at a time, and may move between threads; a call
 * that finds one in use by another thread gives FRAMESEAL_STATUS_BUSY and does nothing. A ring may be used by any
 * number of threads at once. Functions without a handle may be called from any thread. Freeing a handle is the
 * program's to order: no call may be using it. The library has no clock, files, network, callbacks or global state of
 * its own, but for the last error of each thread, starts no threads, and holds no lock while it seals or opens.
 *
 * Entropy comes from you, once for each sealer or session.
 *
 * A FRAME'S WAY, with keys of your own
 *
 *     sender                                          receiver
 *     frameseal_sealer_new(&config, entropy, ...)     frameseal_opener_new(&config, ...)
 *     frameseal_sealer_key(...)  == secure channel => frameseal_opener_install_key(...)
 *     frameseal_seal(...)        ==     SFU        => frameseal_open(...)
 *
 * with the same `config` on both sides: one sealer for yourself, one opener for each other participant.
 * With a secret that all share: frameseal_sealer_new_shared, frameseal_opener_follow. With keys that come in on one
 * thread and frames on others: frameseal_ring_new.
 *
 * A FRAME'S WAY, with a session that agrees on the keys
 *
 *     frameseal_session_new(&config, entropy, ...)
 *     frameseal_session_ring(...)
 *         frameseal_ring_sealer(...)                  frameseal_ring_opener(..., "ada", ...)
 *     frameseal_session_head(...), _log, _knock, _message, _wake       what came over your transport
 *     frameseal_session_poll(...) until it gives nothing               what your transport shall carry
 *
 * The transport needs one log for each room, whose entries all members get in one order (frameseal-log is one), and a
 * way to send a message to all. It is trusted with nothing.
 *
 * examples/c/seal.c and examples/c/session.c are whole programs. A library built without sessions lacks the functions
 * whose names begin with frameseal_session_.
 */

#ifndef FRAMESEAL_H
#define FRAMESEAL_H

#include <stddef.h>
#include <stdint.h>

/**
 * Version of this ABI. It grows when something is added; whatever there is keeps its meaning and layout.
 */
#define FRAMESEAL_ABI_VERSION 1

/**
 * Bytes of entropy that a sealer takes.
 */
#define FRAMESEAL_ENTROPY_LEN 32

/**
 * The longest base key, bytes. Keys that Frameseal makes have 32.
 */
#define FRAMESEAL_MAX_BASE_KEY_LEN 256

/**
 * For `ratchet_bits`: no ratchet, the KID is the generation.
 */
#define FRAMESEAL_NO_RATCHET_BITS 255

/**
 * For `ratchet_window`: no step is looked ahead.
 */
#define FRAMESEAL_NO_RATCHET_WINDOW 255

/**
 * Bytes of an IV that travels beside a data packet in LiveKit's format.
 */
#define FRAMESEAL_DATA_IV_LEN 12

/**
 * Bytes of a stretched secret.
 */
#define FRAMESEAL_STRETCHED_LEN 32

/**
 * Outcome of a call. Numbers are never used again for another meaning; later versions may add some, so treat a
 * number that you do not know as a failure.
 *
 * 1 to 99 it worked, and there is something to know; 100 to 199 a frame was not opened (drop it), 200 to 299 a frame was not sealed (do not send it), 400 to 499 the
 * call itself is wrong (fix the program), 600 to 699 a session, 900 and above a fault of this library (report it).
 */
enum frameseal_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It worked.
     */
    FRAMESEAL_STATUS_OK = 0,
    /**
     * Opening: it worked, but the server made this frame and nobody's key vouches for it (LiveKit's format, only after
     * `frameseal_opener_allow_server_frames`). The frame was written.
     */
    FRAMESEAL_STATUS_SERVER_MADE = 1,
    /**
     * Opening: the frame is not laid out as a sealed frame of its codec.
     */
    FRAMESEAL_STATUS_LAYOUT = 100,
    /**
     * Opening: no SFrame header where one must be.
     */
    FRAMESEAL_STATUS_HEADER = 101,
    /**
     * Opening: shorter than header and tag.
     */
    FRAMESEAL_STATUS_TOO_SHORT = 102,
    /**
     * Opening: sealed by a newer version of the format, or not sealed.
     */
    FRAMESEAL_STATUS_UNKNOWN_VERSION = 103,
    /**
     * Opening: sealed for another codec than the one given.
     */
    FRAMESEAL_STATUS_WRONG_CODEC = 104,
    /**
     * The trailer does not say that an IV of 12 bytes stands before it (LiveKit's and Jitsi's format).
     */
    FRAMESEAL_STATUS_TRAILER = 105,
    /**
     * Opening: no key for this KID. Ask the sender for it.
     */
    FRAMESEAL_STATUS_UNKNOWN_KEY = 110,
    /**
     * Opening: the ratchet step is out of reach. Ask the sender for the current key.
     */
    FRAMESEAL_STATUS_TOO_FAR = 111,
    /**
     * Opening: this frame was opened before.
     */
    FRAMESEAL_STATUS_REPLAYED = 120,
    /**
     * Opening: so old that a repeat could not be told.
     */
    FRAMESEAL_STATUS_TOO_OLD = 121,
    /**
     * Opening: wrong tag: changed on the way, another key, another call, participant, kind of track or metadata.
     */
    FRAMESEAL_STATUS_REJECTED = 130,
    /**
     * Opening: the key went away meanwhile.
     */
    FRAMESEAL_STATUS_STALE_OPEN = 140,
    /**
     * This format cannot carry the codec of a received frame.
     */
    FRAMESEAL_STATUS_UNKNOWN_CODEC = 150,
    /**
     * Made by the server, and not a payload that may pass (LiveKit's format).
     */
    FRAMESEAL_STATUS_INJECTED = 152,
    /**
     * Sealing: the frame is not what its codec says.
     */
    FRAMESEAL_STATUS_SEAL_LAYOUT = 200,
    /**
     * Sealing: the key has sealed as many frames as it may. Rotate.
     */
    FRAMESEAL_STATUS_WORN = 210,
    /**
     * Sealing: no ratchet step is left in this generation. Rotate.
     */
    FRAMESEAL_STATUS_STEPS_USED_UP = 211,
    /**
     * Sealing: this build lacks the cipher suite.
     */
    FRAMESEAL_STATUS_UNSUPPORTED_SUITE = 220,
    /**
     * Sealing: the cipher refused the frame.
     */
    FRAMESEAL_STATUS_REFUSED = 221,
    /**
     * Sealing: this epoch, or a newer one, was used already.
     */
    FRAMESEAL_STATUS_OLD_EPOCH = 230,
    /**
     * Sealing: does not fit the KID scheme.
     */
    FRAMESEAL_STATUS_WRONG_SCHEME = 231,
    /**
     * Sealing: the key was replaced meanwhile.
     */
    FRAMESEAL_STATUS_STALE_SEAL = 240,
    /**
     * No key to seal with: set one.
     */
    FRAMESEAL_STATUS_NO_SENDER_KEY = 250,
    /**
     * This format cannot carry the codec of a frame to be sealed.
     */
    FRAMESEAL_STATUS_SEAL_UNKNOWN_CODEC = 251,
    /**
     * An option that this version does not know, or a number out of its range.
     */
    FRAMESEAL_STATUS_BAD_OPTION = 400,
    /**
     * Not an announcement, or one of a newer version or of an unknown cipher suite.
     */
    FRAMESEAL_STATUS_BAD_ANNOUNCEMENT = 401,
    /**
     * A base key must have 16 to `FRAMESEAL_MAX_BASE_KEY_LEN` bytes.
     */
    FRAMESEAL_STATUS_BAD_KEY = 405,
    /**
     * One participant announced more runs than can be told apart safely.
     */
    FRAMESEAL_STATUS_TOO_MANY_ANNOUNCEMENTS = 406,
    /**
     * A pointer that must point somewhere is NULL.
     */
    FRAMESEAL_STATUS_NULL_POINTER = 420,
    /**
     * `size` of a struct is not its size; or fields that this version does not know are not zero.
     */
    FRAMESEAL_STATUS_BAD_SIZE = 421,
    /**
     * The output does not fit. Nothing was written.
     */
    FRAMESEAL_STATUS_BUFFER_TOO_SMALL = 422,
    /**
     * A name is empty, too long or not UTF-8.
     */
    FRAMESEAL_STATUS_BAD_NAME = 423,
    /**
     * `suite` is not a `frameseal_suite`.
     */
    FRAMESEAL_STATUS_UNKNOWN_SUITE = 424,
    /**
     * `kind` is not a `frameseal_kind`.
     */
    FRAMESEAL_STATUS_UNKNOWN_KIND = 425,
    /**
     * `codec` is not a `frameseal_codec`.
     */
    FRAMESEAL_STATUS_BAD_CODEC = 426,
    /**
     * `format` is not a `frameseal_format`.
     */
    FRAMESEAL_STATUS_UNKNOWN_FORMAT = 427,
    /**
     * `ratchet_bits` is over 16.
     */
    FRAMESEAL_STATUS_BAD_RATCHET_BITS = 428,
    /**
     * The step does not fit the ratchet bits.
     */
    FRAMESEAL_STATUS_BAD_STEP = 429,
    /**
     * A length is more than an object can have.
     */
    FRAMESEAL_STATUS_BAD_LENGTH = 430,
    /**
     * Entropy of the wrong length, or all zeros.
     */
    FRAMESEAL_STATUS_BAD_ENTROPY = 431,
    /**
     * Another thread is using this handle right now.
     */
    FRAMESEAL_STATUS_BUSY = 432,
    /**
     * This call belongs to another frame format than the handle's, or to a ring of another origin.
     */
    FRAMESEAL_STATUS_WRONG_FORMAT = 433,
    /**
     * The session is over, or was not begun with `frameseal_session_head`; or only a member of the group may ask for this,
     * and this one is not in it.
     */
    FRAMESEAL_STATUS_SESSION_OVER = 600,
    /**
     * Nobody in the group has this index and key.
     */
    FRAMESEAL_STATUS_NO_SUCH_MEMBER = 602,
    /**
     * Not asked, or asked about another number of people.
     */
    FRAMESEAL_STATUS_NO_SUCH_QUESTION = 603,
    /**
     * The group does not take this now.
     */
    FRAMESEAL_STATUS_SESSION_REFUSED = 604,
    /**
     * Not a message of this kind.
     */
    FRAMESEAL_STATUS_BAD_MESSAGE = 610,
    /**
     * A message of another group or epoch.
     */
    FRAMESEAL_STATUS_WRONG_EPOCH = 611,
    /**
     * A fault of this library.
     */
    FRAMESEAL_STATUS_INTERNAL = 900,
    /**
     * A panic was caught. The handle that was in use answers `FRAMESEAL_STATUS_BROKEN` from now on; free it.
     */
    FRAMESEAL_STATUS_PANIC = 901,
    /**
     * An earlier panic left this handle unusable; free it.
     */
    FRAMESEAL_STATUS_BROKEN = 902,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum frameseal_status frameseal_status;
#else
typedef int32_t frameseal_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Who lets somebody into a room.
 */
enum frameseal_admit
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nobody needs to: who knows the room may enter, and is shown. The default.
     */
    FRAMESEAL_ADMIT_ANYONE = 1,
    /**
     * A member: whoever comes waits in the lobby.
     */
    FRAMESEAL_ADMIT_MEMBERS = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum frameseal_admit frameseal_admit;
#else
typedef int32_t frameseal_admit;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How the bytes of a frame are laid out, which decides what stays clear for packetizers and SFUs.
 */
enum frameseal_codec
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing clear: Opus, RED, G.711, VP9, data.
     */
    FRAMESEAL_CODEC_OPAQUE = 1,
    /**
     * 6 bytes of a key frame, 1 of a delta frame.
     */
    FRAMESEAL_CODEC_VP8 = 2,
    /**
     * Sequence headers; low-overhead OBUs, one temporal unit or one layer of it.
     */
    FRAMESEAL_CODEC_AV1 = 3,
    /**
     * Parameter sets and the start of the first slice; Annex B, one access unit.
     */
    FRAMESEAL_CODEC_H264 = 4,
    /**
     * As H.264.
     */
    FRAMESEAL_CODEC_H265 = 5,
    /**
     * Nothing clear. The same as opaque but in LiveKit's format, which must know.
     */
    FRAMESEAL_CODEC_VP9 = 6,
    /**
     * LiveKit's format alone: by its bytes H.264 or H.265, else as VP8.
     */
    FRAMESEAL_CODEC_UNKNOWN = 7,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum frameseal_codec frameseal_codec;
#else
typedef int32_t frameseal_codec;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What an application shows.
 */
enum frameseal_event
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * One that this version of the header does not know.
     */
    FRAMESEAL_EVENT_OTHER = 0,
    /**
     * This member is in the group.
     */
    FRAMESEAL_EVENT_JOINED = 1,
    /**
     * This member was removed. Nothing is sealed any more.
     */
    FRAMESEAL_EVENT_REMOVED = 2,
    /**
     * Who was refused (`people`) is in the group that this member would have entered. It did not.
     */
    FRAMESEAL_EVENT_REFUSED = 3,
    /**
     * Others see another group: whoever carries the messages shows different ones. Nothing is sealed any more.
     */
    FRAMESEAL_EVENT_FORK = 4,
    /**
     * `times` messages could not be used; `text` says why. Nothing changed.
     */
    FRAMESEAL_EVENT_DROPPED = 5,
    /**
     * This member left. Nothing is sealed any more.
     */
    FRAMESEAL_EVENT_LEFT = 6,
    /**
     * This member waits until somebody lets it in.
     */
    FRAMESEAL_EVENT_WAITING = 7,
    /**
     * Who was refused (`people`) is in the group. It is being removed, and nothing is sealed until it is out.
     */
    FRAMESEAL_EVENT_BARRED = 8,
    /**
     * The log lost more than the members can give back to it. Nothing is sealed any more.
     */
    FRAMESEAL_EVENT_LOG_LOST = 9,
    /**
     * This member missed more than the log keeps. Nothing is sealed any more.
     */
    FRAMESEAL_EVENT_LEFT_BEHIND = 10,
    /**
     * Nobody enters this room without its secret, and none was given.
     */
    FRAMESEAL_EVENT_NO_SECRET = 11,
    /**
     * One member (`people`) sees another group; more see this one.
     */
    FRAMESEAL_EVENT_DIVERGED = 12,
    /**
     * One member (`people`) said one thing and did another while all compared. There are no emoji in this epoch.
     */
    FRAMESEAL_EVENT_CHEATED = 13,
    /**
     * The room is of a cipher suite that this member does not speak. It did not enter.
     */
    FRAMESEAL_EVENT_OTHER_SUITE = 14,
    /**
     * They (`people`) came since people compared, and nobody has compared with them: `frameseal_session_same`.
     */
    FRAMESEAL_EVENT_UNCOMPARED = 15,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum frameseal_event frameseal_event;
#else
typedef int32_t frameseal_event;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Layout of sealed frames.
 */
enum frameseal_format
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Frameseal's profile for encoded frames of WebRTC: clear bytes that packetizers need, keys bound to call,
     * participant and kind of track.
     */
    FRAMESEAL_FORMAT_FRAMESEAL = 0,
    /**
     * Bare SFrame (RFC 9605): nothing clear, keys bound to nothing but the base key.
     */
    FRAMESEAL_FORMAT_SFRAME = 1,
    /**
     * LiveKit's, byte for byte with its clients: keys in slots, no binding to call, participant or kind. For rooms
     * with such clients in them.
     */
    FRAMESEAL_FORMAT_LIVEKIT = 2,
    /**
     * Jitsi Meet's, byte for byte with its clients: keys in slots, no binding to call, participant or kind. For rooms
     * with such clients in them. AES-128-GCM; no data.
     */
    FRAMESEAL_FORMAT_JITSI = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum frameseal_format frameseal_format;
#else
typedef int32_t frameseal_format;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Type of a video frame, for VP8 in LiveKit's format and for every codec in Jitsi's, where it decides how many bytes are
 * clear.
 */
enum frameseal_frame_type
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * VP8: read it from the first byte, which is clear. Other codecs in Jitsi's format must say the type.
     */
    FRAMESEAL_FRAME_TYPE_FROM_BYTES = 0,
    /**
     * A key frame.
     */
    FRAMESEAL_FRAME_TYPE_KEY = 1,
    /**
     * A delta frame.
     */
    FRAMESEAL_FRAME_TYPE_DELTA = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum frameseal_frame_type frameseal_frame_type;
#else
typedef int32_t frameseal_frame_type;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a track carries. In Frameseal's format each kind has keys, counters and a replay window of its own.
 */
enum frameseal_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * A microphone.
     */
    FRAMESEAL_KIND_AUDIO = 0,
    /**
     * A camera.
     */
    FRAMESEAL_KIND_VIDEO = 1,
    /**
     * Sound of a shared screen.
     */
    FRAMESEAL_KIND_SCREEN_AUDIO = 2,
    /**
     * A shared screen.
     */
    FRAMESEAL_KIND_SCREEN_VIDEO = 3,
    /**
     * Messages.
     */
    FRAMESEAL_KIND_DATA = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum frameseal_kind frameseal_kind;
#else
typedef int32_t frameseal_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Whether a room's media is encrypted.
 */
enum frameseal_mode
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Always; who cannot encrypt gets nothing, and is shown. The default.
     */
    FRAMESEAL_MODE_REQUIRED = 1,
    /**
     * Always; who cannot encrypt is shown, and the application may offer to agree on none.
     */
    FRAMESEAL_MODE_PREFERRED = 2,
    /**
     * Not at all: nobody gets a key.
     */
    FRAMESEAL_MODE_OFF = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum frameseal_mode frameseal_mode;
#else
typedef int32_t frameseal_mode;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a session wants done, or tells.
 */
enum frameseal_output_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing more now.
     */
    FRAMESEAL_OUTPUT_KIND_NONE = 0,
    /**
     * Append `data` to the room's log if it still ends with `position`; an empty log takes any. If it does not, say
     * `frameseal_session_conflict` with `position`.
     */
    FRAMESEAL_OUTPUT_KIND_APPEND = 1,
    /**
     * Entries are missing: give those behind `position` to `frameseal_session_log`, in order.
     */
    FRAMESEAL_OUTPUT_KIND_READ = 2,
    /**
     * To everybody in the call, for their `frameseal_session_knock`: `data`.
     */
    FRAMESEAL_OUTPUT_KIND_KNOCK = 3,
    /**
     * To everybody in the call, for their `frameseal_session_message`: `data`.
     */
    FRAMESEAL_OUTPUT_KIND_SEND = 4,
    /**
     * Call `frameseal_session_wake` at `time_ms`. A later one takes the place of an earlier one.
     */
    FRAMESEAL_OUTPUT_KIND_WAKE_AT = 5,
    /**
     * How are these `people` known? Answer with `frameseal_session_verdict` and `question`; nothing is done before.
     * `why`: a `frameseal_why`.
     */
    FRAMESEAL_OUTPUT_KIND_DECIDE = 6,
    /**
     * `question` needs no answer any more.
     */
    FRAMESEAL_OUTPUT_KIND_WITHDRAW = 7,
    /**
     * The members of `epoch`: `people`, each with index, trust and whether it is heard. `index` is the own one. The
     * ring has their keys already.
     */
    FRAMESEAL_OUTPUT_KIND_MEMBERS = 8,
    /**
     * Frames are sealed with the keys of `epoch` from now on. The ring's sealers do so by themselves.
     */
    FRAMESEAL_OUTPUT_KIND_SEALING = 9,
    /**
     * Nothing is sealed until the next `Sealing`.
     */
    FRAMESEAL_OUTPUT_KIND_HUSHED = 10,
    /**
     * What members may compare by voice, thirty digits, another in every `epoch`: `text`.
     */
    FRAMESEAL_OUTPUT_KIND_CODE = 11,
    /**
     * What all see who compare in this `epoch`, seven emoji with spaces between: `text`; their numbers in the Matrix
     * specification, 0 to 63: `data`. Void with the next epoch.
     */
    FRAMESEAL_OUTPUT_KIND_EMOJI = 12,
    /**
     * What the members agreed on: `mode`, `admit`, `suite`, `has_secret`.
     */
    FRAMESEAL_OUTPUT_KIND_POLICY = 13,
    /**
     * `people` are on the transport and not in the group: they get no key. Only `participant` is set.
     */
    FRAMESEAL_OUTPUT_KIND_OUTSIDE = 14,
    /**
     * Something to be shown: `event`, a `frameseal_event`, and `people` where it is about somebody.
     */
    FRAMESEAL_OUTPUT_KIND_EVENT = 15,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum frameseal_output_kind frameseal_output_kind;
#else
typedef int32_t frameseal_output_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a secret of a slot is.
 */
enum frameseal_secret_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Raw bytes, 16 to 256 of them: HKDF. In Jitsi's format what its key exchange carries.
     */
    FRAMESEAL_SECRET_KIND_RAW = 0,
    /**
     * LiveKit's format: a passphrase in UTF-8, PBKDF2, some tens of milliseconds for each call that takes one.
     */
    FRAMESEAL_SECRET_KIND_PASSPHRASE = 1,
    /**
     * Jitsi's format: the AES key itself, 16 or 32 bytes, that an application hands to everybody. It has no steps.
     */
    FRAMESEAL_SECRET_KIND_AES = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum frameseal_secret_kind frameseal_secret_kind;
#else
typedef int32_t frameseal_secret_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Cipher suites of the SFrame registry (RFC 9605 section 8.1), by their numbers there.
 */
enum frameseal_suite
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * AES-128-CTR with HMAC-SHA-256, 10-byte tag.
     */
    FRAMESEAL_SUITE_AES128_CTR_HMAC_SHA256_TAG80 = 1,
    /**
     * AES-128-CTR with HMAC-SHA-256, 8-byte tag.
     */
    FRAMESEAL_SUITE_AES128_CTR_HMAC_SHA256_TAG64 = 2,
    /**
     * AES-128-CTR with HMAC-SHA-256, 4-byte tag: for audio only, one forgery in 2^32 passes.
     */
    FRAMESEAL_SUITE_AES128_CTR_HMAC_SHA256_TAG32 = 3,
    /**
     * AES-128-GCM, 16-byte tag. The default.
     */
    FRAMESEAL_SUITE_AES128_GCM_SHA256_TAG128 = 4,
    /**
     * AES-256-GCM with SHA-512, 16-byte tag.
     */
    FRAMESEAL_SUITE_AES256_GCM_SHA512_TAG128 = 5,
    /**
     * AES-256-CTR with HMAC-SHA-512, 10-byte tag (draft-barnes-sframe-iana-256).
     */
    FRAMESEAL_SUITE_AES256_CTR_HMAC_SHA512_TAG80 = 6,
    /**
     * AES-256-CTR with HMAC-SHA-512, 8-byte tag (draft-barnes-sframe-iana-256).
     */
    FRAMESEAL_SUITE_AES256_CTR_HMAC_SHA512_TAG64 = 7,
    /**
     * AES-256-CTR with HMAC-SHA-512, 4-byte tag (draft-barnes-sframe-iana-256).
     */
    FRAMESEAL_SUITE_AES256_CTR_HMAC_SHA512_TAG32 = 8,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum frameseal_suite frameseal_suite;
#else
typedef int32_t frameseal_suite;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How somebody is known.
 */
enum frameseal_trust
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nobody vouches for the name. They may be in the group, and are shown as such.
     */
    FRAMESEAL_TRUST_UNVERIFIED = 0,
    /**
     * Somebody the application relies on vouches for the name.
     */
    FRAMESEAL_TRUST_VERIFIED = 1,
    /**
     * They must not be in the group.
     */
    FRAMESEAL_TRUST_REFUSED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum frameseal_trust frameseal_trust;
#else
typedef uint8_t frameseal_trust;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Why `FRAMESEAL_OUTPUT_KIND_DECIDE` asks.
 */
enum frameseal_why
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * They ask to be let in.
     */
    FRAMESEAL_WHY_KNOCKS = 0,
    /**
     * They entered by themselves, or were let in by somebody else.
     */
    FRAMESEAL_WHY_ENTERED = 1,
    /**
     * They are in the group that this member would enter.
     */
    FRAMESEAL_WHY_INSIDE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum frameseal_why frameseal_why;
#else
typedef int32_t frameseal_why;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Opens the frames of one participant. For one thread at a time. Make one for each: what one opener opened, another
 * one does not know to be a repeat.
 */
typedef struct frameseal_opener frameseal_opener;

/**
 * The keys of a call: of all its senders. It may be used by any number of threads at once; openers and sealers made
 * from it follow what it is told, each on its own thread.
 */
typedef struct frameseal_ring frameseal_ring;

/**
 * Seals the frames of one participant. For one thread at a time.
 */
typedef struct frameseal_sealer frameseal_sealer;

/**
 * One member of one call: who is in it, and which keys are used. For one thread at a time.
 */
typedef struct frameseal_session frameseal_session;

/**
 * What all members of a call agree on, and who this is about. Set it to zeros, then `size`, then what you need.
 */
typedef struct frameseal_config {
    /**
     * `sizeof(frameseal_config)`.
     */
    size_t size;
    /**
     * Name of the call, UTF-8 with a NUL at the end, 1 to 512 bytes. Keys are bound to it. Not used (may be NULL) but
     * in Frameseal's format.
     */
    const char *call;
    /**
     * Name of the sender, UTF-8 with a NUL at the end, 1 to 512 bytes: for a sealer and a ring who is here, for an
     * opener whose frames it opens. Keys are bound to it.
     */
    const char *participant;
    /**
     * A `frameseal_format`.
     */
    uint32_t format;
    /**
     * A `frameseal_suite`; 0 for the default, AES-128-GCM. LiveKit's format has AES-128-GCM and AES-256-GCM
     * alone, Jitsi's the default alone.
     */
    uint32_t suite;
    /**
     * How many bits of a KID count ratchet steps, 1 to 16; 0 for the default of 4; `FRAMESEAL_NO_RATCHET_BITS`.
     */
    uint32_t ratchet_bits;
    /**
     * LiveKit's format: how many slots a key ring has, 1 to 256; 0 for the default of 16.
     */
    uint32_t slots;
    /**
     * LiveKit's and Jitsi's format: how many ratchet steps an opener looks ahead, up to 32; 0 for the default of 8;
     * `FRAMESEAL_NO_RATCHET_WINDOW`.
     */
    uint32_t ratchet_window;
} frameseal_config;

/**
 * What is known of one frame besides its bytes. Set it to zeros, then `size`, then what you need.
 */
typedef struct frameseal_frame_info {
    /**
     * `sizeof(frameseal_frame_info)`.
     */
    size_t size;
    /**
     * A `frameseal_kind`. From what you know of the track yourself, never from the SFU.
     */
    uint32_t kind;
    /**
     * A `frameseal_codec`. There is no default.
     */
    uint32_t codec;
    /**
     * Bytes that are authenticated with the frame and not sent; both sides must give the same. NULL for none.
     */
    const uint8_t *metadata;
    /**
     * How many.
     */
    size_t metadata_len;
    /**
     * LiveKit's and Jitsi's format: a `frameseal_frame_type`.
     */
    uint32_t frame_type;
    /**
     * LiveKit's and Jitsi's format, sealing: SSRC of the stream, 0 when it is not known.
     */
    uint32_t ssrc;
    /**
     * LiveKit's and Jitsi's format, sealing: RTP timestamp of the frame.
     */
    uint32_t timestamp;
} frameseal_frame_info;

/**
 * What a session is made with. Set it to zeros, then `size`, then what you need. Everything is copied.
 */
typedef struct frameseal_session_config {
    /**
     * `sizeof(frameseal_session_config)`.
     */
    size_t size;
    /**
     * Name of the room, the same for all members: UTF-8 with a NUL at the end, 1 to 512 bytes.
     */
    const char *room;
    /**
     * Name of the call that keys of frames are bound to; NULL: the room's.
     */
    const char *call;
    /**
     * The id of this participant on the transport, 1 to 512 bytes.
     */
    const char *participant;
    /**
     * How this participant is shown, up to 512 bytes; may be NULL.
     */
    const char *name;
    /**
     * The room's secret, where it has one: nobody enters without it. 16 to 256 bytes, or NULL.
     */
    const uint8_t *secret;
    /**
     * How many.
     */
    size_t secret_len;
    /**
     * A `frameseal_mode`, for the case that this member founds the room; 0: required.
     */
    uint32_t mode;
    /**
     * A `frameseal_admit`, for the same case; 0: anyone.
     */
    uint32_t admit;
    /**
     * A `frameseal_suite`, for the same case; 0: AES-128-GCM.
     */
    uint32_t suite;
} frameseal_session_config;

/**
 * One thing that a session wants. Pointers hold until the next call on the session, `frameseal_session_person` apart.
 */
typedef struct frameseal_output {
    /**
     * `sizeof(frameseal_output)`; set it before the call.
     */
    size_t size;
    /**
     * A `frameseal_output_kind`, which says what else is set. What is not set is zero.
     */
    uint32_t kind;
    /**
     * Names a question.
     */
    uint32_t question;
    /**
     * A `frameseal_why`.
     */
    uint32_t why;
    /**
     * A `frameseal_event`.
     */
    uint32_t event;
    /**
     * How often.
     */
    uint32_t times;
    /**
     * The own sender index.
     */
    uint32_t index;
    /**
     * A `frameseal_mode`.
     */
    uint32_t mode;
    /**
     * A `frameseal_admit`.
     */
    uint32_t admit;
    /**
     * A `frameseal_suite`.
     */
    uint32_t suite;
    /**
     * 1: nobody enters this room without its secret.
     */
    uint32_t has_secret;
    /**
     * A position in the log: 0 is before its first entry.
     */
    uint64_t position;
    /**
     * An epoch of the group: every join and leave begins one.
     */
    uint64_t epoch;
    /**
     * A time, on the clock of `now_ms`.
     */
    uint64_t time_ms;
    /**
     * Bytes to be carried.
     */
    const uint8_t *data;
    /**
     * How many.
     */
    size_t data_len;
    /**
     * A text with a NUL at the end.
     */
    const char *text;
    /**
     * How many people this is about: see `frameseal_session_person`.
     */
    size_t people;
} frameseal_output;

/**
 * Somebody. Pointers hold until the next call on the session, `frameseal_session_person` apart.
 */
typedef struct frameseal_person {
    /**
     * `sizeof(frameseal_person)`; set it before the call.
     */
    size_t size;
    /**
     * The id on the transport that they claim; keys of their frames are bound to it.
     */
    const char *participant;
    /**
     * As they want to be shown; may be empty. Nobody vouches for it unless `trust` says so.
     */
    const char *name;
    /**
     * Their public key, 32 bytes.
     */
    const uint8_t *key;
    /**
     * How many.
     */
    size_t key_len;
    /**
     * What proves who they are; empty as a rule.
     */
    const uint8_t *proof;
    /**
     * How many.
     */
    size_t proof_len;
    /**
     * Their index in the group, for `frameseal_session_remove`.
     */
    uint32_t index;
    /**
     * A `frameseal_trust`.
     */
    uint32_t trust;
    /**
     * 1: they speak for `participant`, and their frames are opened. 0: somebody else who claims it was there first, or
     * they are refused.
     */
    uint32_t heard;
} frameseal_person;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Version of the ABI of the library that is running; compare it with `FRAMESEAL_ABI_VERSION` of the header. A newer
 * library serves an older program.
 */
uint32_t frameseal_abi_version(void);

/**
 * Version of the library that is running, such as "0.1.0": a constant string. For people to read; what a program asks
 * is `frameseal_abi_version`.
 */
const char *frameseal_version(void);

/**
 * What a status means: a constant string, never NULL. Takes any number.
 */
const char *frameseal_strerror(int32_t status);

/**
 * Details of the last call that failed on this thread: which argument, or whose frame and which key. Never NULL.
 * The string is valid until the next call on this thread fails or the thread ends. It holds no secrets.
 */
const char *frameseal_last_error(void);

/**
 * Stretches what people share and could be guessed (a word, part of a link), so that guessing is slow: some tens of
 * milliseconds a try. Everybody in `call` gets the same `FRAMESEAL_STRETCHED_LEN` bytes, to be used as the secret of
 * `frameseal_sealer_new_shared` and `frameseal_opener_follow`. `text`: UTF-8, 1 to 512 bytes, with a NUL at the end.
 */
frameseal_status frameseal_stretch(const char *text, const char *call, uint8_t *out, size_t out_cap);

/**
 * Sets `len` bytes to zero in a way that compilers do not leave out: for key bytes that are no longer needed. NULL
 * is allowed.
 */
void frameseal_wipe(uint8_t *data, size_t len);

/**
 * Makes a sealer with a fresh base key; in LiveKit's and Jitsi's format one without keys, see `frameseal_sealer_set_slot`.
 *
 * `entropy`: `FRAMESEAL_ENTROPY_LEN` bytes from the system's generator (getrandom, arc4random_buf,
 * BCryptGenRandom), drawn for this sealer alone. The same bytes twice would repeat key and nonces; wipe them
 * afterwards.
 *
 * Free the sealer with `frameseal_sealer_free`.
 */
frameseal_status frameseal_sealer_new(const struct frameseal_config *config,
                                      const uint8_t *entropy,
                                      size_t entropy_len,
                                      struct frameseal_sealer **out);

/**
 * Makes a sealer whose keys everybody with the same secret can derive, once they know its announcement: send that to
 * all, through any channel, and everybody gives it to `frameseal_opener_follow`. Not in LiveKit's and Jitsi's format.
 *
 * `secret`: 16 to 256 bytes that nobody can guess; of what people type, make them with `frameseal_stretch`.
 * `entropy`: as in `frameseal_sealer_new`.
 */
frameseal_status frameseal_sealer_new_shared(const struct frameseal_config *config,
                                             const uint8_t *secret,
                                             size_t secret_len,
                                             const uint8_t *entropy,
                                             size_t entropy_len,
                                             struct frameseal_sealer **out);

/**
 * Frees a sealer and wipes its keys. NULL is allowed. No other call may be using it.
 */
void frameseal_sealer_free(struct frameseal_sealer *sealer);

/**
 * Copies the sender's current key, for one peer over a channel that only this peer can read. Whoever has it can
 * open this sender's frames from `*step` of `*generation` on; give it to `frameseal_opener_install_key`. Wipe your
 * copy when it is sent.
 *
 * `base_key`: room for the key; `FRAMESEAL_MAX_BASE_KEY_LEN` bytes always suffice, 32 for keys that a sealer makes.
 */
frameseal_status frameseal_sealer_key(const struct frameseal_sealer *sealer,
                                      uint32_t *generation,
                                      uint32_t *step,
                                      uint8_t *base_key,
                                      size_t base_key_cap,
                                      size_t *base_key_len);

/**
 * Writes the announcement of a sealer made with `frameseal_sealer_new_shared`: a text of 41 bytes and a NUL, which is
 * no secret. With `out` NULL only how many bytes `out` needs. A sealer without one gives
 * `FRAMESEAL_STATUS_WRONG_SCHEME`.
 */
frameseal_status frameseal_sealer_announcement(const struct frameseal_sealer *sealer,
                                               char *out,
                                               size_t out_cap,
                                               size_t *out_len);

/**
 * Starts a new generation with a fresh base key: after somebody left, or with `FRAMESEAL_STATUS_WORN`. Hand the new
 * key out (`frameseal_sealer_key`); who follows an announcement needs nothing.
 *
 * `entropy`: as in `frameseal_sealer_new`, and not the same again.
 */
frameseal_status frameseal_sealer_rotate(struct frameseal_sealer *sealer, const uint8_t *entropy, size_t entropy_len);

/**
 * Ratchets one step forward: before somebody joins, so that the newcomer cannot open what came before. Who has the
 * key of an earlier step follows by itself. `FRAMESEAL_STATUS_STEPS_USED_UP`: rotate instead.
 */
frameseal_status frameseal_sealer_step(struct frameseal_sealer *sealer);

/**
 * Fills frames of one `frameseal_kind` up to a multiple of so many bytes, up to 65535; 0 ends that. For speech, whose
 * sizes tell what is said. Not in LiveKit's and Jitsi's format.
 */
frameseal_status frameseal_sealer_set_padding(struct frameseal_sealer *sealer, uint32_t kind, uint32_t multiple_of);

/**
 * Writes a report for a support desk: JSON and a NUL. Where keys stand, with fingerprints, and how many frames were
 * sealed; never a key. With `out` NULL only how many bytes `out` needs now.
 */
frameseal_status frameseal_sealer_report(const struct frameseal_sealer *sealer,
                                         char *out,
                                         size_t out_cap,
                                         size_t *out_len);

/**
 * The most bytes that a frame of `in_len` bytes can become, or 0 when an argument is wrong (see
 * `frameseal_last_error`).
 */
size_t frameseal_max_sealed_len(const struct frameseal_sealer *sealer,
                                const struct frameseal_frame_info *info,
                                size_t in_len);

/**
 * Seals one frame from `in` to `out`, which may be the same memory or overlap: in place, with room behind.
 * `frameseal_max_sealed_len` bytes of `out_cap` always suffice; with `FRAMESEAL_STATUS_BUFFER_TOO_SMALL` nothing is
 * written and you may try again. With `out` NULL nothing is sealed or read and `*out_len` is the most that `out` can
 * need. `in` may be NULL then, and when `in_len` is 0.
 *
 * Unless this gives `FRAMESEAL_STATUS_OK`, do not send the frame: never send it unsealed instead.
 */
frameseal_status frameseal_seal(struct frameseal_sealer *sealer,
                                const struct frameseal_frame_info *info,
                                const uint8_t *in,
                                size_t in_len,
                                uint8_t *out,
                                size_t out_cap,
                                size_t *out_len);

/**
 * Makes an opener for the frames of `config->participant`. It opens nothing until it has a key.
 *
 * Free the opener with `frameseal_opener_free`.
 */
frameseal_status frameseal_opener_new(const struct frameseal_config *config, struct frameseal_opener **out);

/**
 * Frees an opener and wipes its keys. NULL is allowed. No other call may be using it.
 */
void frameseal_opener_free(struct frameseal_opener *opener);

/**
 * Takes a key of the sender, as `frameseal_sealer_key` gave it, come over a secure channel. Frames of this step and
 * of later steps of the generation can be opened from now on. Taking the same key again changes nothing; another key
 * at the same place replaces it. The key is copied.
 */
frameseal_status frameseal_opener_install_key(struct frameseal_opener *opener,
                                              uint32_t generation,
                                              uint32_t step,
                                              const uint8_t *base_key,
                                              size_t base_key_len);

/**
 * Follows a sender by a secret that both know and the sender's announcement, a text with a NUL at the end that may
 * have come through any channel: see `frameseal_sealer_new_shared`. Every later generation is derived. The same
 * announcement again changes nothing; another one is another run of the sender (it was restarted), and what was seen
 * of earlier runs is remembered.
 */
frameseal_status frameseal_opener_follow(struct frameseal_opener *opener,
                                         const uint8_t *secret,
                                         size_t secret_len,
                                         const char *announcement);

/**
 * Drops every key that is older than this step of this generation, at once: after somebody was removed. Without it,
 * old keys go some seconds after a newer one opened a frame (`frameseal_opener_tick`).
 */
frameseal_status frameseal_opener_forget_before(struct frameseal_opener *opener, uint32_t generation, uint32_t step);

/**
 * Tells the time, milliseconds on a clock that does not go back, about once a second: keys that a newer one replaced
 * go ten seconds later.
 */
frameseal_status frameseal_opener_tick(struct frameseal_opener *opener, uint64_t now_ms);

/**
 * Writes a report for a support desk: JSON and a NUL. Where keys stand, with fingerprints, and how frames fared;
 * never a key. With `out` NULL only how many bytes `out` needs now.
 */
frameseal_status frameseal_opener_report(const struct frameseal_opener *opener,
                                         char *out,
                                         size_t out_cap,
                                         size_t *out_len);

/**
 * Opens one frame from `in` to `out`, which may be the same memory or overlap: in place. `out_cap` must be at least
 * `in_len`. With `out` NULL nothing is opened and `*out_len` is what `out` must have.
 *
 * Unless this gives `FRAMESEAL_STATUS_OK` (or, if you allowed it, `FRAMESEAL_STATUS_SERVER_MADE`), drop the frame.
 * `out` then has nothing of it: it is as it was, or zeros stand in its first `in_len` bytes (never where it overlaps
 * `in`), and `*out_len` is as it was. Behind an opened frame, the bytes up to `in_len` are unspecified.
 */
frameseal_status frameseal_open(struct frameseal_opener *opener,
                                const struct frameseal_frame_info *info,
                                const uint8_t *in,
                                size_t in_len,
                                uint8_t *out,
                                size_t out_cap,
                                size_t *out_len);

/**
 * Makes a ring for the call of `config`; `config->participant` is who is here.
 *
 * Free the ring with `frameseal_ring_free`.
 */
frameseal_status frameseal_ring_new(const struct frameseal_config *config, struct frameseal_ring **out);

/**
 * Frees a ring. NULL is allowed. Openers and sealers made from it go on with the keys that there were, and are told
 * nothing more. No other call may be using this handle.
 */
void frameseal_ring_free(struct frameseal_ring *ring);

/**
 * Takes a key of a sender, as `frameseal_opener_install_key`. Openers of this sender have it with their next frame.
 * Any thread. Not for the ring of a session, which has its keys from there.
 */
frameseal_status frameseal_ring_install_key(const struct frameseal_ring *ring,
                                            const char *participant,
                                            uint32_t generation,
                                            uint32_t step,
                                            const uint8_t *base_key,
                                            size_t base_key_len);

/**
 * Follows a sender by a shared secret and its announcement, as `frameseal_opener_follow`. Any thread.
 */
frameseal_status frameseal_ring_follow(const struct frameseal_ring *ring,
                                       const char *participant,
                                       const uint8_t *secret,
                                       size_t secret_len,
                                       const char *announcement);

/**
 * Puts a key of a sender into a slot (LiveKit's and Jitsi's format), as `frameseal_opener_set_slot`. With `participant` NULL of
 * every sender: a passphrase that the room shares, derived once. Any thread.
 */
frameseal_status frameseal_ring_set_slot(const struct frameseal_ring *ring,
                                         const char *participant,
                                         uint32_t index,
                                         uint32_t secret_kind,
                                         const uint8_t *secret,
                                         size_t secret_len,
                                         const uint8_t *salt,
                                         size_t salt_len);

/**
 * Drops every key of a participant who left. Its openers open nothing any more until they are told a key; frames that
 * they saw are remembered. Any thread.
 */
frameseal_status frameseal_ring_forget(const struct frameseal_ring *ring, const char *participant);

/**
 * Makes an opener for the frames of `participant` that follows the ring: it has the keys that the ring was told, and
 * takes what it is told later with its next frame. The participant need not be known yet. Any thread.
 *
 * Free the opener with `frameseal_opener_free`, before or after the ring.
 */
frameseal_status frameseal_ring_opener(const struct frameseal_ring *ring,
                                       const char *participant,
                                       struct frameseal_opener **out);

/**
 * Makes a sealer that seals with the keys of a session, for the ring of one (`frameseal_session_ring`): it changes keys
 * by itself, and gives `FRAMESEAL_STATUS_NO_SENDER_KEY` while nothing may be sealed. Make one for each thread that
 * sends; no two have the same keys. Any thread.
 *
 * Free the sealer with `frameseal_sealer_free`, before or after the ring.
 */
frameseal_status frameseal_ring_sealer(const struct frameseal_ring *ring,
                                       struct frameseal_sealer **out);

/**
 * Puts a key into a slot of a sealer of LiveKit's or Jitsi's format; `index` is taken modulo the number of slots. In
 * LiveKit's it seals once the slot is selected, and slot 0 is from the beginning; in Jitsi's it seals from now on.
 *
 * `secret_kind`: a `frameseal_secret_kind`. `secret`: 16 to 256 raw bytes, a passphrase of 1 to 256, an AES key of 16 or
 * 32. `salt`: NULL for the one that LiveKit's clients use; in Jitsi's format nothing else.
 */
frameseal_status frameseal_sealer_set_slot(struct frameseal_sealer *sealer,
                                           uint32_t index,
                                           uint32_t secret_kind,
                                           const uint8_t *secret,
                                           size_t secret_len,
                                           const uint8_t *salt,
                                           size_t salt_len);

/**
 * Seals with the key of this slot from now on; `index` is taken modulo the number of slots. Not in Jitsi's format, where
 * the slot that was set last seals.
 */
frameseal_status frameseal_sealer_select_slot(struct frameseal_sealer *sealer,
                                              uint32_t index);

/**
 * Steps the key of a slot forward, 0 to 255. Who has the key follows within its ratchet window. With `out` the secret
 * of the new step is written, 32 bytes, for clients that take it in place of stepping themselves; NULL if you do not
 * need it. In Jitsi's format only the slot that seals can step, and a key that is an AES key cannot.
 */
frameseal_status frameseal_sealer_ratchet_slot(struct frameseal_sealer *sealer,
                                               uint32_t index,
                                               uint8_t *out,
                                               size_t out_cap,
                                               size_t *out_len);

/**
 * Puts a key of the sender into a slot of an opener of LiveKit's or Jitsi's format; as `frameseal_sealer_set_slot`. The same key
 * again changes nothing.
 */
frameseal_status frameseal_opener_set_slot(struct frameseal_opener *opener,
                                           uint32_t index,
                                           uint32_t secret_kind,
                                           const uint8_t *secret,
                                           size_t secret_len,
                                           const uint8_t *salt,
                                           size_t salt_len);

/**
 * Drops the key of a slot, 0 to 255. Not in Jitsi's format.
 */
frameseal_status frameseal_opener_forget_slot(struct frameseal_opener *opener, uint32_t index);

/**
 * Lets frames pass that a LiveKit server makes itself (silence, a blank picture): its constant payloads with this
 * trailer, which it tells when one joins. They come with `FRAMESEAL_STATUS_SERVER_MADE`. An empty trailer ends that,
 * as it is at the beginning.
 */
frameseal_status frameseal_opener_allow_server_frames(struct frameseal_opener *opener,
                                                      const uint8_t *trailer,
                                                      size_t trailer_len);

/**
 * Seals a data packet of LiveKit's format: ciphertext and tag to `out`, which needs 16 bytes more than `in` has and
 * may be the same memory. `iv` (`FRAMESEAL_DATA_IV_LEN` bytes) and `slot` travel beside it. `now_ms`: your clock.
 * With `out` NULL nothing is sealed and `*out_len` is what `out` must have.
 */
frameseal_status frameseal_seal_data(struct frameseal_sealer *sealer,
                                     uint64_t now_ms,
                                     const uint8_t *in,
                                     size_t in_len,
                                     uint8_t *out,
                                     size_t out_cap,
                                     size_t *out_len,
                                     uint8_t *iv,
                                     uint32_t *slot);

/**
 * Opens a data packet of LiveKit's format: the other side of `frameseal_seal_data`. `out_cap` must be at least
 * `in_len`. With `out` NULL nothing is opened and `*out_len` is what `out` must have.
 */
frameseal_status frameseal_open_data(struct frameseal_opener *opener,
                                     const uint8_t *iv,
                                     uint32_t slot,
                                     const uint8_t *in,
                                     size_t in_len,
                                     uint8_t *out,
                                     size_t out_cap,
                                     size_t *out_len);

/**
 * Makes a session. Give it what the room's log ends with (`frameseal_session_head`), then poll.
 *
 * `entropy`: as in `frameseal_sealer_new`; everything random in the session comes from it.
 *
 * Free the session with `frameseal_session_free`.
 */
frameseal_status frameseal_session_new(const struct frameseal_session_config *config,
                                       const uint8_t *entropy,
                                       size_t entropy_len,
                                       struct frameseal_session **out);

/**
 * Frees a session and wipes its keys: its sealers seal nothing any more, its openers open nothing. NULL is allowed.
 * No other call may be using it.
 */
void frameseal_session_free(struct frameseal_session *session);

/**
 * The ring that has the session's keys: make sealers and openers from it, on whatever threads. A handle of its own, to
 * be freed with `frameseal_ring_free`, before or after the session.
 */
frameseal_status frameseal_session_ring(const struct frameseal_session *session,
                                        struct frameseal_ring **out);

/**
 * The public key that a proof of identity must commit to, 32 bytes. With `out` NULL only how many.
 */
frameseal_status frameseal_session_key(const struct frameseal_session *session,
                                       uint8_t *out,
                                       size_t out_cap,
                                       size_t *out_len);

/**
 * How this participant is shown, and what proves it (an ID token, a chain of certificates) that commits to
 * `frameseal_session_key`. Before the first input. `name`: may be NULL; `proof`: up to 16 KiB.
 */
frameseal_status frameseal_session_introduce(struct frameseal_session *session,
                                             const char *name,
                                             const uint8_t *proof,
                                             size_t proof_len);

/**
 * The next thing that the session wants, in their order; `FRAMESEAL_OUTPUT_KIND_NONE` when all is done. Poll until
 * then after every input. Any number of inputs may come before.
 */
frameseal_status frameseal_session_poll(struct frameseal_session *session, struct frameseal_output *out);

/**
 * One of the people of the last output, from 0 to its `people`.
 */
frameseal_status frameseal_session_person(const struct frameseal_session *session,
                                          size_t at,
                                          struct frameseal_person *out);

/**
 * Writes a report for a support desk: JSON and a NUL. Members with fingerprints of their keys, where the log was read
 * to; never a key. With `out` NULL only how many bytes `out` needs now.
 */
frameseal_status frameseal_session_report(const struct frameseal_session *session,
                                          char *out,
                                          size_t out_cap,
                                          size_t *out_len);

/**
 * What the room's log ends with: at the beginning, and again whenever the way to it was lost. Position 0: it is empty,
 * and `entry` is not read.
 */
frameseal_status frameseal_session_head(struct frameseal_session *session,
                                        uint64_t position,
                                        const uint8_t *entry,
                                        size_t entry_len,
                                        uint64_t now_ms);

/**
 * An entry of the log, in its order; also one's own.
 */
frameseal_status frameseal_session_log(struct frameseal_session *session,
                                       uint64_t position,
                                       const uint8_t *entry,
                                       size_t entry_len,
                                       uint64_t now_ms);

/**
 * The log did not take the entry that was to follow `position` (`FRAMESEAL_OUTPUT_KIND_APPEND`).
 */
frameseal_status frameseal_session_conflict(struct frameseal_session *session, uint64_t position, uint64_t now_ms);

/**
 * The log has not kept what `FRAMESEAL_OUTPUT_KIND_READ` asked for: `oldest` is the first that it has.
 * `frameseal_session_head` comes next.
 */
frameseal_status frameseal_session_too_old(struct frameseal_session *session, uint64_t oldest, uint64_t now_ms);

/**
 * After the events fork, log lost or left behind: the user wants in again. What the log ends with, as in
 * `frameseal_session_head`.
 */
frameseal_status frameseal_session_rejoin(struct frameseal_session *session,
                                          uint64_t position,
                                          const uint8_t *entry,
                                          size_t entry_len,
                                          uint64_t now_ms);

/**
 * What somebody else's `FRAMESEAL_OUTPUT_KIND_KNOCK` carried.
 */
frameseal_status frameseal_session_knock(struct frameseal_session *session,
                                         const uint8_t *package,
                                         size_t package_len,
                                         uint64_t now_ms);

/**
 * What somebody else's `FRAMESEAL_OUTPUT_KIND_SEND` carried.
 */
frameseal_status frameseal_session_message(struct frameseal_session *session,
                                           const uint8_t *message,
                                           size_t message_len,
                                           uint64_t now_ms);

/**
 * The transport says that this participant is gone. It is removed.
 */
frameseal_status frameseal_session_gone(struct frameseal_session *session, const char *participant, uint64_t now_ms);

/**
 * The transport says that these participants are there, with or without this one, and nobody else.
 *
 * `participants`: `count` texts with a NUL at the end; NULL when there are none.
 */
frameseal_status frameseal_session_participants(struct frameseal_session *session,
                                                const char *const *participants,
                                                size_t count,
                                                uint64_t now_ms);

/**
 * Fresh keys for all, please. `FRAMESEAL_STATUS_SESSION_OVER` unless this member is in the group.
 */
frameseal_status frameseal_session_rotate(struct frameseal_session *session, uint64_t now_ms);

/**
 * This member of the newest epoch shall be out, at once. `index` and `key` as `frameseal_person` has them: the key, so
 * that nobody else is meant who has the index by now.
 */
frameseal_status frameseal_session_remove(struct frameseal_session *session,
                                          uint32_t index,
                                          const uint8_t *key,
                                          size_t key_len,
                                          uint64_t now_ms);

/**
 * The members shall agree on this: `frameseal_mode`, `frameseal_admit`, `frameseal_suite`; 0 for the defaults. The
 * room's secret stays as it is. `FRAMESEAL_STATUS_SESSION_OVER` unless this member is in the group.
 */
frameseal_status frameseal_session_policy(struct frameseal_session *session,
                                          uint32_t mode,
                                          uint32_t admit,
                                          uint32_t suite,
                                          uint64_t now_ms);

/**
 * The user wants to compare seven emoji with the others: `FRAMESEAL_OUTPUT_KIND_EMOJI` follows when all had a say.
 */
frameseal_status frameseal_session_compare(struct frameseal_session *session, uint64_t now_ms);

/**
 * People found the code or the emoji of `epoch` (as they came with it) to be the same on all screens.
 * `FRAMESEAL_EVENT_UNCOMPARED` tells of who came since.
 */
frameseal_status frameseal_session_same(struct frameseal_session *session, uint64_t epoch, uint64_t now_ms);

/**
 * The user wants out. Carry what the session still says, then free it.
 */
frameseal_status frameseal_session_leave(struct frameseal_session *session, uint64_t now_ms);

/**
 * The time that `FRAMESEAL_OUTPUT_KIND_WAKE_AT` named has come.
 */
frameseal_status frameseal_session_wake(struct frameseal_session *session, uint64_t now_ms);

/**
 * The answer to `FRAMESEAL_OUTPUT_KIND_DECIDE`: a `frameseal_trust` for each of its people, in their order.
 */
frameseal_status frameseal_session_verdict(struct frameseal_session *session,
                                           uint32_t question,
                                           const uint8_t *trust,
                                           size_t count,
                                           uint64_t now_ms);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* FRAMESEAL_H */
