"""Keys on one thread, frames on others."""

from typing import Any, Optional, Union

from . import _native
from ._native import BytesLike, Handle, Keep, c_text, check, ffi, lib
from .frames import Config, Opener, Sealer, SenderKey, _set_slot


class Ring(Handle):
    """The keys of a call: of all its senders. Any number of threads may use it at once; openers and sealers made from
    it follow what it is told, each on its own thread.
    """

    __slots__ = ()

    def __init__(self, config: Config) -> None:
        """`config.participant` is who is here."""
        keep, out = Keep(), ffi.new("frameseal_ring **")
        check(lib.frameseal_ring_new(config._native(keep), out), config.participant)
        self._take(out)

    @classmethod
    def _of(cls, out: Any) -> "Ring":
        ring = cls.__new__(cls)
        ring._take(out)
        return ring

    def _take(self, out: Any) -> None:
        Handle.__init__(self, out[0], lib.frameseal_ring_free)

    def install_key(self, participant: str, key: SenderKey) -> None:
        """Takes a key of a sender; their openers have it with their next frame."""
        who = c_text(participant)
        with _native.reading(key.base_key) as at:
            status = lib.frameseal_ring_install_key(self._pointer, who, key.generation, key.step, at, len(at))
            check(status, participant)

    def follow(self, participant: str, secret: BytesLike, announcement: str) -> None:
        """Follows a sender by a shared secret and its announcement."""
        who, said = c_text(participant), c_text(announcement)
        with _native.reading(secret) as at:
            check(lib.frameseal_ring_follow(self._pointer, who, at, len(at), said), participant)

    def set_slot(
        self,
        participant: Optional[str],
        index: int,
        secret: Union[str, BytesLike],
        *,
        salt: Optional[BytesLike] = None,
        aes: bool = False,
    ) -> None:
        """LiveKit's and Jitsi's format: puts a key of a sender into a slot; with None, of every sender: a passphrase that the room
        shares, derived once.
        """
        who = _native.NULL if participant is None else c_text(participant)
        _set_slot(lib.frameseal_ring_set_slot, lambda: (self._pointer, who), index, secret, salt, participant, aes)

    def forget(self, participant: str) -> None:
        """Drops every key of a participant who left."""
        check(lib.frameseal_ring_forget(self._pointer, c_text(participant)), participant)

    def opener(self, participant: str) -> Opener:
        """An opener for the frames of a participant, who need not be known yet."""
        out = ffi.new("frameseal_opener **")
        check(lib.frameseal_ring_opener(self._pointer, c_text(participant), out), participant)
        return Opener._of(out, participant)

    def sealer(self) -> Sealer:
        """For the ring of a session: seals with its keys, NoSenderKeyError while nothing may be sealed. One for each
        thread that sends.
        """
        out = ffi.new("frameseal_sealer **")
        check(lib.frameseal_ring_sealer(self._pointer, out))
        return Sealer._of(out, None)
