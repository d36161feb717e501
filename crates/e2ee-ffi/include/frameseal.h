/* Frameseal: end-to-end encryption of media frames. C99, and C++.
 *
 * Made from crates/e2ee-ffi by cbindgen; do not edit.
 *
 * RULES
 *
 * Handles are opaque. What `_new` gives, `_free` takes back, once. A function's first argument is what it works on,
 * then come inputs, then outputs.
 *
 * Every call that can fail gives a frameseal_status. Outputs are written on success only. frameseal_strerror says
 * what a status means, frameseal_last_error says more about the last failure on the thread. No panic and no C++
 * exception leaves the library.
 *
 * Buffers belong to the caller. The library keeps no pointer that it was given: everything is copied. A pointer is
 * checked for NULL; where it points to otherwise cannot be checked. Input and output of frameseal_seal and
 * frameseal_open may overlap.
 *
 * Structs begin with their size, so that they can grow: set all to zero, then `size` to sizeof. Fields that are
 * added later mean nothing when they are zero.
 *
 * Threads: a handle may move between threads, and is used by one at a time. A call that finds its handle in use by
 * another thread gives FRAMESEAL_STATUS_BUSY and does nothing; only freeing a handle in use is undefined. Different
 * handles never wait for each other. The library has no threads, clock, files, network or global state of its own,
 * but for the last error of each thread.
 *
 * Entropy comes from you, once for each sealer.
 *
 * A FRAME'S WAY
 *
 *     sender                                          receiver
 *     frameseal_sealer_new(&config, entropy, ...)     frameseal_opener_new(&config, ...)
 *     frameseal_sealer_key(...)  == secure channel => frameseal_opener_install_key(...)
 *     frameseal_seal(...)        ==     SFU        => frameseal_open(...)
 *
 * with the same `config` on both sides: one sealer for yourself, one opener for each other participant.
 * examples/c/seal.c is a whole program.
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
 * Outcome of a call. Numbers are never used again for another meaning; later versions may add some, so treat a
 * number that you do not know as a failure.
 *
 * 100 to 199 a frame was not opened (drop it), 200 to 299 a frame was not sealed (do not send it), 400 to 499 the
 * call itself is wrong (fix the program), 900 and above a fault of this library (report it).
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
     * The trailer does not say that an IV of 12 bytes stands before it (LiveKit's format).
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
     * A base key must have 16 to `FRAMESEAL_MAX_BASE_KEY_LEN` bytes.
     */
    FRAMESEAL_STATUS_BAD_KEY = 405,
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
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum frameseal_format frameseal_format;
#else
typedef int32_t frameseal_format;
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
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum frameseal_codec frameseal_codec;
#else
typedef int32_t frameseal_codec;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Opens the frames of one participant.
 */
typedef struct frameseal_opener frameseal_opener;

/**
 * Seals the frames of one participant.
 */
typedef struct frameseal_sealer frameseal_sealer;

/**
 * What all members of a call agree on, and who this is about. Set it to zeros, then `size`, then what you need.
 */
typedef struct frameseal_config {
    /**
     * `sizeof(frameseal_config)`.
     */
    size_t size;
    /**
     * Name of the call, UTF-8 with a NUL at the end, 1 to 512 bytes. Keys are bound to it. Not used (may be NULL) in
     * bare SFrame.
     */
    const char *call;
    /**
     * Name of the sender, UTF-8 with a NUL at the end, 1 to 512 bytes: for a sealer who is here, for an opener whose
     * frames it opens. Keys are bound to it.
     */
    const char *participant;
    /**
     * A `frameseal_format`.
     */
    uint32_t format;
    /**
     * A `frameseal_suite`; 0 for the default, AES-128-GCM.
     */
    uint32_t suite;
    /**
     * How many bits of a KID count ratchet steps, 1 to 16; 0 for the default of 4; `FRAMESEAL_NO_RATCHET_BITS`.
     */
    uint32_t ratchet_bits;
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
} frameseal_frame_info;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Version of the ABI of the library that is running; compare it with `FRAMESEAL_ABI_VERSION` of the header. A newer
 * library serves an older program.
 */
uint32_t frameseal_abi_version(void);

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
 * Sets `len` bytes to zero in a way that compilers do not leave out: for key bytes that are no longer needed. NULL
 * is allowed.
 */
void frameseal_wipe(uint8_t *data, size_t len);

/**
 * Makes a sealer with a fresh base key.
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
 * The most bytes that a frame of `in_len` bytes can become, or 0 when an argument is wrong (see
 * `frameseal_last_error`).
 */
size_t frameseal_max_sealed_len(const struct frameseal_sealer *sealer,
                                const struct frameseal_frame_info *info,
                                size_t in_len);

/**
 * Seals one frame from `in` to `out`, which may be the same memory or overlap. `frameseal_max_sealed_len` bytes of
 * `out_cap` always suffice; with `FRAMESEAL_STATUS_BUFFER_TOO_SMALL` nothing is written and you may try again.
 * `in` may be NULL when `in_len` is 0.
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
 * Opens one frame from `in` to `out`, which may be the same memory or overlap. `out_cap` must be at least `in_len`.
 *
 * Unless this gives `FRAMESEAL_STATUS_OK`, drop the frame; nothing was written.
 */
frameseal_status frameseal_open(struct frameseal_opener *opener,
                                const struct frameseal_frame_info *info,
                                const uint8_t *in,
                                size_t in_len,
                                uint8_t *out,
                                size_t out_cap,
                                size_t *out_len);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* FRAMESEAL_H */
