"""Numbers of the C header, by name."""

from enum import IntEnum


class Status(IntEnum):
    """What a call of the C library gave."""

    OK = 0
    SERVER_MADE = 1
    LAYOUT = 100
    HEADER = 101
    TOO_SHORT = 102
    UNKNOWN_VERSION = 103
    WRONG_CODEC = 104
    TRAILER = 105
    UNKNOWN_KEY = 110
    TOO_FAR = 111
    REPLAYED = 120
    TOO_OLD = 121
    REJECTED = 130
    STALE_OPEN = 140
    UNKNOWN_CODEC = 150
    INJECTED = 152
    SEAL_LAYOUT = 200
    WORN = 210
    STEPS_USED_UP = 211
    UNSUPPORTED_SUITE = 220
    REFUSED = 221
    OLD_EPOCH = 230
    WRONG_SCHEME = 231
    STALE_SEAL = 240
    NO_SENDER_KEY = 250
    SEAL_UNKNOWN_CODEC = 251
    BAD_OPTION = 400
    BAD_ANNOUNCEMENT = 401
    BAD_KEY = 405
    TOO_MANY_ANNOUNCEMENTS = 406
    NULL_POINTER = 420
    BAD_SIZE = 421
    BUFFER_TOO_SMALL = 422
    BAD_NAME = 423
    UNKNOWN_SUITE = 424
    UNKNOWN_KIND = 425
    BAD_CODEC = 426
    UNKNOWN_FORMAT = 427
    BAD_RATCHET_BITS = 428
    BAD_STEP = 429
    BAD_LENGTH = 430
    BAD_ENTROPY = 431
    BUSY = 432
    WRONG_FORMAT = 433
    SESSION_OVER = 600
    NO_SUCH_MEMBER = 602
    NO_SUCH_QUESTION = 603
    SESSION_REFUSED = 604
    BAD_MESSAGE = 610
    WRONG_EPOCH = 611
    INTERNAL = 900
    PANIC = 901
    BROKEN = 902


class Format(IntEnum):
    """Layout of sealed frames."""

    FRAMESEAL = 0
    """Frameseal's profile for encoded frames of WebRTC: clear bytes that packetizers need, keys bound to call,
    participant and kind of track."""
    SFRAME = 1
    """Bare SFrame (RFC 9605): nothing clear, keys bound to nothing but the base key."""
    LIVEKIT = 2
    """LiveKit's, byte for byte with its clients: keys in slots, no binding to call, participant or kind. For rooms
    with such clients in them."""
    JITSI = 3
    """Jitsi Meet's, byte for byte with its clients: keys in slots, no binding to call, participant or kind. For rooms
    with such clients in them. AES-128-GCM; no data."""


class Codec(IntEnum):
    """How the bytes of a frame are laid out, which decides what stays clear for packetizers and SFUs."""

    OPAQUE = 1
    """Nothing clear: Opus, RED, G.711, VP9, data."""
    VP8 = 2
    """6 bytes of a key frame, 1 of a delta frame."""
    AV1 = 3
    """Sequence headers; low-overhead OBUs, one temporal unit or one layer of it."""
    H264 = 4
    """Parameter sets and the start of the first slice; Annex B, one access unit."""
    H265 = 5
    """As H.264."""
    VP9 = 6
    """Nothing clear. The same as opaque but in LiveKit's format, which must know."""
    UNKNOWN = 7
    """LiveKit's format alone: by its bytes H.264 or H.265, else as VP8."""


class Kind(IntEnum):
    """What a track carries."""

    AUDIO = 0
    """A microphone."""
    VIDEO = 1
    """A camera."""
    SCREEN_AUDIO = 2
    """Sound of a shared screen."""
    SCREEN_VIDEO = 3
    """A shared screen."""
    DATA = 4
    """Messages."""


class Suite(IntEnum):
    """Cipher suites of the SFrame registry (RFC 9605 section 8.1), by their numbers there."""

    AES128_CTR_HMAC_SHA256_TAG80 = 1
    """AES-128-CTR with HMAC-SHA-256, 10-byte tag."""
    AES128_CTR_HMAC_SHA256_TAG64 = 2
    """AES-128-CTR with HMAC-SHA-256, 8-byte tag."""
    AES128_CTR_HMAC_SHA256_TAG32 = 3
    """AES-128-CTR with HMAC-SHA-256, 4-byte tag: for audio only, one forgery in 2^32 passes."""
    AES128_GCM_SHA256_TAG128 = 4
    """AES-128-GCM, 16-byte tag. The default."""
    AES256_GCM_SHA512_TAG128 = 5
    """AES-256-GCM with SHA-512, 16-byte tag."""
    AES256_CTR_HMAC_SHA512_TAG80 = 6
    """AES-256-CTR with HMAC-SHA-512, 10-byte tag (draft-barnes-sframe-iana-256)."""
    AES256_CTR_HMAC_SHA512_TAG64 = 7
    """AES-256-CTR with HMAC-SHA-512, 8-byte tag (draft-barnes-sframe-iana-256)."""
    AES256_CTR_HMAC_SHA512_TAG32 = 8
    """AES-256-CTR with HMAC-SHA-512, 4-byte tag (draft-barnes-sframe-iana-256)."""


class FrameType(IntEnum):
    """Type of a video frame, for VP8 in LiveKit's format, where it decides how many bytes are clear."""

    FROM_BYTES = 0
    """Read it from the first byte, which is clear."""
    KEY = 1
    """A key frame."""
    DELTA = 2
    """A delta frame."""


class Mode(IntEnum):
    """Whether a room's media is encrypted."""

    REQUIRED = 1
    """Always; who cannot encrypt gets nothing, and is shown. The default."""
    PREFERRED = 2
    """Always; who cannot encrypt is shown, and the application may offer to agree on none."""
    OFF = 3
    """Not at all: nobody gets a key."""


class Admit(IntEnum):
    """Who lets somebody into a room."""

    ANYONE = 1
    """Nobody needs to: who knows the room may enter, and is shown. The default."""
    MEMBERS = 2
    """A member: whoever comes waits in the lobby."""


class Trust(IntEnum):
    """How somebody is known."""

    UNVERIFIED = 0
    """Nobody vouches for the name. They may be in the group, and are shown as such."""
    VERIFIED = 1
    """Somebody the application relies on vouches for the name."""
    REFUSED = 2
    """They must not be in the group."""


class Why(IntEnum):
    """Why `FRAMESEAL_OUTPUT_KIND_DECIDE` asks."""

    KNOCKS = 0
    """They ask to be let in."""
    ENTERED = 1
    """They entered by themselves, or were let in by somebody else."""
    INSIDE = 2
    """They are in the group that this member would enter."""


class Event(IntEnum):
    """What an application shows."""

    OTHER = 0
    """One that this version of the header does not know."""
    JOINED = 1
    """This member is in the group."""
    REMOVED = 2
    """This member was removed. Nothing is sealed any more."""
    REFUSED = 3
    """Who was refused (people) is in the group that this member would have entered. It did not."""
    FORK = 4
    """Others see another group: whoever carries the messages shows different ones. Nothing is sealed any more."""
    DROPPED = 5
    """times messages could not be used; text says why. Nothing changed."""
    LEFT = 6
    """This member left. Nothing is sealed any more."""
    WAITING = 7
    """This member waits until somebody lets it in."""
    BARRED = 8
    """Who was refused (people) is in the group. It is being removed, and nothing is sealed until it is out."""
    LOG_LOST = 9
    """The log lost more than the members can give back to it. Nothing is sealed any more."""
    LEFT_BEHIND = 10
    """This member missed more than the log keeps. Nothing is sealed any more."""
    NO_SECRET = 11
    """Nobody enters this room without its secret, and none was given."""
    DIVERGED = 12
    """One member (people) sees another group; more see this one."""
    CHEATED = 13
    """One member (people) said one thing and did another while all compared. There are no emoji in this epoch."""
    OTHER_SUITE = 14
    """The room is of a cipher suite that this member does not speak. It did not enter."""
    UNCOMPARED = 15
    """They (people) came since people compared, and nobody has compared with them."""
