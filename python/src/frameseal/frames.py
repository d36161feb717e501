"""Sealing and opening frames."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Optional, Union

from . import _native
from ._native import BytesLike, Handle, Keep, Writable, check, ffi, lib
from .enums import Codec, Format, FrameType, Kind, Status, Suite


@dataclass(frozen=True)
class Config:
    """What all members of a call agree on, and who this is about: the same on both sides."""

    call: Optional[str] = None
    """Name of the call, 1 to 512 bytes of UTF-8. Keys are bound to it. Needed in Frameseal's format alone."""
    participant: Optional[str] = None
    """The sender: for a sealer and a ring who is here, for an opener whose frames it opens. Keys are bound to it."""
    format: Format = Format.FRAMESEAL
    suite: Suite = Suite.AES128_GCM_SHA256_TAG128
    ratchet_bits: Optional[int] = 4
    """How many bits of a KID count ratchet steps, 1 to 16; None: no ratchet."""
    slots: int = 16
    """LiveKit's format: how many slots a key ring has, 1 to 256."""
    ratchet_window: int = 8
    """LiveKit's and Jitsi's format: how many ratchet steps an opener looks ahead, up to 32."""

    def __post_init__(self) -> None:
        # To C a zero is "the default".
        if self.ratchet_bits == 0 or self.slots == 0:
            raise ValueError("ratchet_bits begin at 1, and are None for no ratchet; slots begin at 1")

    def _native(self, keep: Keep) -> Any:
        return ffi.new(
            "frameseal_config *",
            {
                "size": ffi.sizeof("frameseal_config"),
                "call": keep.text(self.call),
                "participant": keep.text(self.participant),
                "format": self.format,
                "suite": self.suite,
                "ratchet_bits": lib.FRAMESEAL_NO_RATCHET_BITS if self.ratchet_bits is None else self.ratchet_bits,
                "slots": self.slots,
                "ratchet_window": self.ratchet_window or lib.FRAMESEAL_NO_RATCHET_WINDOW,
            },
        )


class FrameInfo:
    """What is known of a frame besides its bytes. Make one for a track and use it for all its frames."""

    __slots__ = ("kind", "codec", "frame_type", "ssrc", "timestamp", "_metadata", "_native")

    def __init__(
        self,
        kind: Kind,
        codec: Codec,
        *,
        metadata: BytesLike = b"",
        frame_type: FrameType = FrameType.FROM_BYTES,
        ssrc: int = 0,
        timestamp: int = 0,
    ) -> None:
        """`kind`: from what you know of the track yourself, never from the SFU. `metadata`: bytes that are
        authenticated with the frame and not sent. `frame_type`, `ssrc` and `timestamp` (sealing) are of
        LiveKit's and Jitsi's format; from its bytes only the type of a VP8 frame can be read.
        """
        self.kind = kind
        self.codec = codec
        self.frame_type = frame_type
        self.ssrc = ssrc
        self.timestamp = timestamp
        data = bytes(metadata)
        self._metadata: Any = ffi.new("uint8_t[]", data) if data else _native.NULL
        self._native: Any = ffi.new(
            "frameseal_frame_info *",
            {
                "size": ffi.sizeof("frameseal_frame_info"),
                "kind": kind,
                "codec": codec,
                "metadata": self._metadata,
                "metadata_len": len(data),
                "frame_type": frame_type,
                "ssrc": ssrc,
                "timestamp": timestamp,
            },
        )


@dataclass(frozen=True)
class SenderKey:
    """A sender's key, for one peer over a channel that only this peer can read. Wipe it when it is sent."""

    generation: int
    step: int
    base_key: bytearray = field(repr=False, compare=False)

    def wipe(self) -> None:
        """Sets the bytes to zero."""
        _native.wipe(self.base_key)

    def __enter__(self) -> "SenderKey":
        return self

    def __exit__(self, *_: object) -> None:
        self.wipe()


class DataPacket(NamedTuple):
    """A data packet of LiveKit's format: IV (12 bytes) and slot travel beside the sealed bytes."""

    iv: bytes
    slot: int
    data: bytes


def _secret_kind(secret: Union[str, BytesLike], aes: bool) -> int:
    if isinstance(secret, str):
        if aes:
            raise TypeError("a str is a passphrase, and no AES key")
        return int(lib.FRAMESEAL_SECRET_KIND_PASSPHRASE)
    return int(lib.FRAMESEAL_SECRET_KIND_AES if aes else lib.FRAMESEAL_SECRET_KIND_RAW)


def _set_slot(
    call: Any,
    first: Any,
    index: int,
    secret: Union[str, BytesLike],
    salt: Optional[BytesLike],
    who: Optional[str],
    aes: bool,
) -> None:
    kind = _secret_kind(secret, aes)
    # Never `reading` for a text: a guessable secret would go in unstretched.
    with _native.typed(secret) if isinstance(secret, str) else _native.reading(secret) as at:
        salted = _native.NULL if salt is None else _native.reading(salt)
        salt_len = 0 if salt is None else len(salted)
        check(call(*first(), index, kind, at, len(at), salted, salt_len), who)


class Sealer(Handle):
    """Seals the frames of one participant. For one thread at a time: a second one gets BusyError."""

    __slots__ = ("participant",)

    participant: Optional[str]
    """Who seals; None for a sealer of a session's ring."""

    def __init__(self, config: Config, *, entropy: Optional[BytesLike] = None) -> None:
        """With a fresh base key; in LiveKit's format without keys, see `set_slot`.

        `entropy`: 32 bytes in place of the system's, which no other sealer gets. For tests.
        """
        keep, out = Keep(), ffi.new("frameseal_sealer **")
        with _native.entropy(entropy) as drawn:
            check(lib.frameseal_sealer_new(config._native(keep), drawn, len(drawn), out), config.participant)
        self._take(out, config.participant)

    @classmethod
    def shared(cls, config: Config, secret: BytesLike, *, entropy: Optional[BytesLike] = None) -> "Sealer":
        """A sealer whose keys everybody with the same secret derives from its `announcement`.

        `secret`: 16 to 256 bytes that nobody can guess; of what people type, make them with `stretch`.
        """
        keep, out = Keep(), ffi.new("frameseal_sealer **")
        with _native.entropy(entropy) as drawn, _native.reading(secret) as at:
            native = config._native(keep)
            status = lib.frameseal_sealer_new_shared(native, at, len(at), drawn, len(drawn), out)
            check(status, config.participant)
        return cls._of(out, config.participant)

    @classmethod
    def _of(cls, out: Any, participant: Optional[str]) -> "Sealer":
        sealer = cls.__new__(cls)
        sealer._take(out, participant)
        return sealer

    def _take(self, out: Any, participant: Optional[str]) -> None:
        Handle.__init__(self, out[0], lib.frameseal_sealer_free)
        self.participant = participant

    def key(self) -> SenderKey:
        """The current key. Whoever has it opens this sender's frames from its step of its generation on."""
        generation, step, length = ffi.new("uint32_t *"), ffi.new("uint32_t *"), ffi.new("size_t *")
        room = bytearray(lib.FRAMESEAL_MAX_BASE_KEY_LEN)
        try:
            with _native.writing(room) as at:
                status = lib.frameseal_sealer_key(self._pointer, generation, step, at, len(at), length)
                check(status, self.participant)
            # Cut out without leaving a copy.
            key = bytearray(length[0])
            memoryview(key)[:] = memoryview(room)[: length[0]]
        finally:
            _native.wipe(room)
        return SenderKey(generation[0], step[0], key)

    def announcement(self) -> str:
        """Of a sealer made by `shared`: a text for all, which is no secret."""
        return _native.sized(lambda *room: lib.frameseal_sealer_announcement(self._pointer, *room))

    def rotate(self, *, entropy: Optional[BytesLike] = None) -> None:
        """A new generation with a fresh base key: after somebody left, or with WornError."""
        with _native.entropy(entropy) as drawn:
            check(lib.frameseal_sealer_rotate(self._pointer, drawn, len(drawn)), self.participant)

    def step(self) -> None:
        """One ratchet step forward: before somebody joins. StepsUsedUpError: rotate instead."""
        check(lib.frameseal_sealer_step(self._pointer), self.participant)

    def set_padding(self, kind: Kind, multiple_of: int) -> None:
        """Fills frames of one kind up to a multiple of so many bytes, up to 65535; 0 ends that."""
        check(lib.frameseal_sealer_set_padding(self._pointer, kind, multiple_of), self.participant)

    def report(self) -> "dict[str, Any]":
        """For a support desk: where keys stand, with fingerprints, how many frames were sealed; never a key."""
        return _native.report(lambda *room: lib.frameseal_sealer_report(self._pointer, *room))

    def max_sealed_len(self, info: FrameInfo, length: int) -> int:
        """The most bytes that a frame of this length can become."""
        room: int = lib.frameseal_max_sealed_len(self._pointer, info._native, length)
        if room == 0:
            # It gives no status; the same question to `frameseal_seal` does, or the answer, when the sealer is free by now.
            answer = ffi.new("size_t *")
            status = lib.frameseal_seal(self._pointer, info._native, _native.NULL, length, _native.NULL, 0, answer)
            check(status, self.participant)
            room = answer[0]
        return room

    def seal(self, frame: BytesLike, info: FrameInfo) -> bytearray:
        """Seals one frame. If this raises, do not send the frame: never send it unsealed instead."""
        with _native.reading(frame) as at:
            out = bytearray(self.max_sealed_len(info, len(at)))
            with _native.writing(out) as to:
                length = self._seal(at, len(at), to, info)
        del out[length:]
        return out

    def seal_into(self, frame: BytesLike, out: Writable, info: FrameInfo) -> int:
        """Seals from `frame` to `out`, which may be the same memory or overlap; gives the sealed length.

        BufferTooSmallError: nothing was written; `max_sealed_len` bytes always suffice.
        """
        with _native.reading(frame) as at, _native.writing(out) as to:
            return self._seal(at, len(at), to, info)

    def _seal(self, at: Any, length: int, to: Any, info: FrameInfo) -> int:
        written = ffi.new("size_t *")
        check(lib.frameseal_seal(self._pointer, info._native, at, length, to, len(to), written), self.participant)
        return int(written[0])

    def set_slot(
        self, index: int, secret: Union[str, BytesLike], *, salt: Optional[BytesLike] = None, aes: bool = False
    ) -> None:
        """LiveKit's and Jitsi's format: puts a key into a slot. In Jitsi's it seals from now on, and with `aes` it is the
        AES key itself. A `str` is a passphrase (some tens of milliseconds), bytes are
        16 to 256 raw ones. `salt`: other than LiveKit's clients use.
        """
        _set_slot(lib.frameseal_sealer_set_slot, lambda: (self._pointer,), index, secret, salt, self.participant, aes)

    def select_slot(self, index: int) -> None:
        """LiveKit's format: seals with the key of this slot from now on."""
        check(lib.frameseal_sealer_select_slot(self._pointer, index), self.participant)

    def ratchet_slot(self, index: int) -> bytearray:
        """LiveKit's and Jitsi's format: steps the key of a slot forward, and gives the secret of the new step, 32 bytes."""
        out, length = bytearray(32), ffi.new("size_t *")
        with _native.writing(out) as to:
            check(lib.frameseal_sealer_ratchet_slot(self._pointer, index, to, len(to), length), self.participant)
        return out

    def seal_data(self, data: BytesLike, now_ms: int) -> DataPacket:
        """LiveKit's format: seals a data packet. `now_ms`: your clock."""
        length, slot = ffi.new("size_t *"), ffi.new("uint32_t *")
        iv = bytearray(lib.FRAMESEAL_DATA_IV_LEN)
        with _native.reading(data) as at, _native.writing(iv) as iv_at:
            out = bytearray(len(at) + 16)
            with _native.writing(out) as to:
                status = lib.frameseal_seal_data(
                    self._pointer, now_ms, at, len(at), to, len(to), length, iv_at, slot
                )
                check(status, self.participant)
        return DataPacket(bytes(iv), slot[0], bytes(out[: length[0]]))


class Opener(Handle):
    """Opens the frames of one participant. For one thread at a time: a second one gets BusyError. Make one for each
    participant: what one opener opened, another one does not know to be a repeat.
    """

    __slots__ = ("participant", "server_made")

    participant: Optional[str]
    """Whose frames; what it raises names them."""
    server_made: bool
    """Whether the last frame was made by the server: see `allow_server_frames`."""

    def __init__(self, config: Config) -> None:
        """It opens nothing until it has a key."""
        keep, out = Keep(), ffi.new("frameseal_opener **")
        check(lib.frameseal_opener_new(config._native(keep), out), config.participant)
        self._take(out, config.participant)

    @classmethod
    def _of(cls, out: Any, participant: Optional[str]) -> "Opener":
        opener = cls.__new__(cls)
        opener._take(out, participant)
        return opener

    def _take(self, out: Any, participant: Optional[str]) -> None:
        Handle.__init__(self, out[0], lib.frameseal_opener_free)
        self.participant = participant
        self.server_made = False

    def install_key(self, key: SenderKey) -> None:
        """Takes a key of the sender, as `Sealer.key` gave it, come over a secure channel. It is copied."""
        with _native.reading(key.base_key) as at:
            status = lib.frameseal_opener_install_key(self._pointer, key.generation, key.step, at, len(at))
            check(status, self.participant)

    def follow(self, secret: BytesLike, announcement: str) -> None:
        """Follows a sender by a secret that both know and the sender's announcement: see `Sealer.shared`."""
        with _native.reading(secret) as at:
            said = _native.c_text(announcement)
            check(lib.frameseal_opener_follow(self._pointer, at, len(at), said), self.participant)

    def forget_before(self, generation: int, step: int) -> None:
        """Drops every key that is older than this step of this generation, at once."""
        check(lib.frameseal_opener_forget_before(self._pointer, generation, step), self.participant)

    def tick(self, now_ms: int) -> None:
        """Tells the time, about once a second: keys that a newer one replaced go ten seconds later."""
        check(lib.frameseal_opener_tick(self._pointer, now_ms), self.participant)

    def report(self) -> "dict[str, Any]":
        """For a support desk: where keys stand, with fingerprints, and how frames fared; never a key."""
        return _native.report(lambda *room: lib.frameseal_opener_report(self._pointer, *room))

    def open(self, frame: BytesLike, info: FrameInfo) -> bytearray:
        """Opens one frame. If this raises, drop the frame."""
        with _native.reading(frame) as at:
            out = bytearray(len(at))
            with _native.writing(out) as to:
                length = self._open(at, to, info)
        del out[length:]
        return out

    def open_into(self, frame: BytesLike, out: Writable, info: FrameInfo) -> int:
        """Opens from `frame` to `out`, which may be the same memory or overlap and is at least as long; gives the
        opened length; what stands behind it is unspecified. If this raises, `out` has nothing of the frame: it is as it
        was, or zeros stand there (never where it overlaps `frame`).
        """
        with _native.reading(frame) as at, _native.writing(out) as to:
            return self._open(at, to, info)

    def _open(self, at: Any, to: Any, info: FrameInfo) -> int:
        written = ffi.new("size_t *")
        status = lib.frameseal_open(self._pointer, info._native, at, len(at), to, len(to), written)
        check(status, self.participant)
        self.server_made = status == Status.SERVER_MADE
        return int(written[0])

    def set_slot(
        self, index: int, secret: Union[str, BytesLike], *, salt: Optional[BytesLike] = None, aes: bool = False
    ) -> None:
        """LiveKit's and Jitsi's format: puts a key of the sender into a slot; as `Sealer.set_slot`."""
        _set_slot(lib.frameseal_opener_set_slot, lambda: (self._pointer,), index, secret, salt, self.participant, aes)

    def forget_slot(self, index: int) -> None:
        """LiveKit's format: drops the key of a slot."""
        check(lib.frameseal_opener_forget_slot(self._pointer, index), self.participant)

    def allow_server_frames(self, trailer: BytesLike) -> None:
        """Lets frames pass that a LiveKit server makes itself, with the trailer that it tells when one joins; nobody's
        key vouches for them, and `server_made` says which they are. An empty trailer ends that.
        """
        with _native.reading(trailer) as at:
            check(lib.frameseal_opener_allow_server_frames(self._pointer, at, len(at)), self.participant)

    def open_data(self, packet: DataPacket) -> bytearray:
        """LiveKit's format: opens a data packet."""
        length = ffi.new("size_t *")
        if len(packet.iv) != lib.FRAMESEAL_DATA_IV_LEN:
            raise ValueError("an IV has 12 bytes")
        with _native.reading(packet.iv) as iv, _native.reading(packet.data) as at:
            out = bytearray(len(at))
            with _native.writing(out) as to:
                status = lib.frameseal_open_data(
                    self._pointer, iv, packet.slot, at, len(at), to, len(to), length
                )
                check(status, self.participant)
        del out[length[0] :]
        return out


def stretch(text: str, call: str) -> bytearray:
    """Stretches what people share and could be guessed, so that guessing is slow: 32 bytes, the same for everybody in
    the call, for `Sealer.shared` and `Opener.follow`. Some tens of milliseconds.
    """
    out = bytearray(lib.FRAMESEAL_STRETCHED_LEN)
    if "\0" in text:
        raise ValueError("a text has a NUL in it")
    with _native.typed(text + "\0") as at, _native.writing(out) as to:
        check(lib.frameseal_stretch(ffi.cast("const char *", at), _native.c_text(call), to, len(to)))
    return out
