"""Frameseal: end-to-end encryption of media frames. Sealers, openers, rings of keys, sessions."""

from . import errors
from ._native import BytesLike, Writable, lib as _lib, text as _text, wipe
from .enums import Admit, Codec, Event, Format, FrameType, Kind, Mode, Status, Suite, Trust, Why
from .errors import FramesealError, OpenError, SealError, SessionError
from .frames import Config, DataPacket, FrameInfo, Opener, Sealer, SenderKey, stretch
from .outputs import Output, Person
from .ring import Ring
from .session import Session
from . import outputs

__all__ = [
    "Admit",
    "BytesLike",
    "Codec",
    "Config",
    "DataPacket",
    "Event",
    "Format",
    "FrameInfo",
    "FrameType",
    "FramesealError",
    "Kind",
    "Mode",
    "OpenError",
    "Opener",
    "Output",
    "Person",
    "Ring",
    "SealError",
    "Sealer",
    "SenderKey",
    "Session",
    "SessionError",
    "Status",
    "Suite",
    "Trust",
    "Why",
    "Writable",
    "abi_version",
    "errors",
    "outputs",
    "stretch",
    "version",
    "wipe",
]


def version() -> str:
    """Version of the C library that is running."""
    return _text(_lib.frameseal_version())


def abi_version() -> int:
    """Version of its ABI."""
    return int(_lib.frameseal_abi_version())


__version__ = version()
