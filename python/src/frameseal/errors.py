"""What can go wrong: a class for each status of the C library, in groups that ask for one reaction."""

from typing import Dict, Optional, Type

from .enums import Status


class FramesealError(Exception):
    """Everything that this package raises of its own."""

    status: Optional[Status] = None
    """The status of the C library; None where it was not asked."""

    def __init__(self, message: str = "", detail: str = "", participant: Optional[str] = None) -> None:
        super().__init__(message, detail, participant)
        self.message = message
        """What the status means."""
        self.detail = detail
        """More about this failure: which argument, or which key. No secrets."""
        self.participant = participant
        """Whose frame, or who was meant, where it is about somebody."""

    def __str__(self) -> str:
        text = ": ".join(dict.fromkeys(part for part in (self.message, self.detail) if part))
        named = self.participant is None or self.participant in text
        return text if named else f"{self.participant}: {text}"


class ClosedError(FramesealError, ValueError):
    """The object was closed."""


class OpenError(FramesealError):
    """A frame was not opened: drop it."""


class SealError(FramesealError):
    """A frame was not sealed: do not send it."""


class UsageError(FramesealError, ValueError):
    """The call itself is wrong: mend the program."""


class SessionError(FramesealError):
    """A session did not take this."""


class InternalError(FramesealError):
    """A fault of the library: report it."""


class LayoutError(OpenError):
    """The frame is not laid out as a sealed frame of its codec."""

    status = Status.LAYOUT


class HeaderError(OpenError):
    """No SFrame header where one must be."""

    status = Status.HEADER


class TooShortError(OpenError):
    """Shorter than header and tag."""

    status = Status.TOO_SHORT


class UnknownVersionError(OpenError):
    """Sealed by a newer version of the format, or not sealed."""

    status = Status.UNKNOWN_VERSION


class WrongCodecError(OpenError):
    """Sealed for another codec than the one given."""

    status = Status.WRONG_CODEC


class TrailerError(OpenError):
    """The trailer does not say that an IV of 12 bytes stands before it (LiveKit's format)."""

    status = Status.TRAILER


class UnknownKeyError(OpenError):
    """No key for this KID. Ask the sender for it."""

    status = Status.UNKNOWN_KEY


class TooFarError(OpenError):
    """The ratchet step is out of reach. Ask the sender for the current key."""

    status = Status.TOO_FAR


class ReplayedError(OpenError):
    """This frame was opened before."""

    status = Status.REPLAYED


class TooOldError(OpenError):
    """So old that a repeat could not be told."""

    status = Status.TOO_OLD


class RejectedError(OpenError):
    """Wrong tag: changed on the way, another key, another call, participant, kind of track or metadata."""

    status = Status.REJECTED


class StaleOpenError(OpenError):
    """The key went away meanwhile."""

    status = Status.STALE_OPEN


class UnknownCodecError(OpenError):
    """This format cannot carry the codec of a received frame."""

    status = Status.UNKNOWN_CODEC


class InjectedError(OpenError):
    """Made by the server, and not a payload that may pass (LiveKit's format)."""

    status = Status.INJECTED


class SealLayoutError(SealError):
    """The frame is not what its codec says."""

    status = Status.SEAL_LAYOUT


class WornError(SealError):
    """The key has sealed as many frames as it may. Rotate."""

    status = Status.WORN


class StepsUsedUpError(SealError):
    """No ratchet step is left in this generation. Rotate."""

    status = Status.STEPS_USED_UP


class UnsupportedSuiteError(SealError):
    """This build lacks the cipher suite."""

    status = Status.UNSUPPORTED_SUITE


class RefusedError(SealError):
    """The cipher refused the frame."""

    status = Status.REFUSED


class OldEpochError(SealError):
    """This epoch, or a newer one, was used already."""

    status = Status.OLD_EPOCH


class WrongSchemeError(SealError):
    """Does not fit the KID scheme."""

    status = Status.WRONG_SCHEME


class StaleSealError(SealError):
    """The key was replaced meanwhile."""

    status = Status.STALE_SEAL


class NoSenderKeyError(SealError):
    """No key to seal with: set one."""

    status = Status.NO_SENDER_KEY


class SealUnknownCodecError(SealError):
    """This format cannot carry the codec of a frame to be sealed."""

    status = Status.SEAL_UNKNOWN_CODEC


class BadOptionError(UsageError):
    """An option that this version does not know, or a number out of its range."""

    status = Status.BAD_OPTION


class BadAnnouncementError(UsageError):
    """Not an announcement, or one of a newer version or of an unknown cipher suite."""

    status = Status.BAD_ANNOUNCEMENT


class BadKeyError(UsageError):
    """A base key must have 16 to 256 bytes."""

    status = Status.BAD_KEY


class TooManyAnnouncementsError(UsageError):
    """One participant announced more runs than can be told apart safely."""

    status = Status.TOO_MANY_ANNOUNCEMENTS


class NullPointerError(UsageError):
    """A pointer that must point somewhere is NULL."""

    status = Status.NULL_POINTER


class BadSizeError(UsageError):
    """The size of a struct is not its size; or fields that this version does not know are not zero."""

    status = Status.BAD_SIZE


class ForkedError(UsageError):
    """Made before this process was forked: two that seal with one key would repeat its nonces. Make another one."""


class BufferTooSmallError(UsageError):
    """The output does not fit. Nothing was written."""

    status = Status.BUFFER_TOO_SMALL


class BadNameError(UsageError):
    """A name is empty, too long or not UTF-8."""

    status = Status.BAD_NAME


class UnknownSuiteError(UsageError):
    """Not a Suite."""

    status = Status.UNKNOWN_SUITE


class UnknownKindError(UsageError):
    """Not a Kind."""

    status = Status.UNKNOWN_KIND


class BadCodecError(UsageError):
    """Not a Codec."""

    status = Status.BAD_CODEC


class UnknownFormatError(UsageError):
    """Not a Format."""

    status = Status.UNKNOWN_FORMAT


class BadRatchetBitsError(UsageError):
    """ratchet_bits is over 16."""

    status = Status.BAD_RATCHET_BITS


class BadStepError(UsageError):
    """The step does not fit the ratchet bits."""

    status = Status.BAD_STEP


class BadLengthError(UsageError):
    """A length is more than an object can have."""

    status = Status.BAD_LENGTH


class BadEntropyError(UsageError):
    """Entropy of the wrong length, or all zeros."""

    status = Status.BAD_ENTROPY


class BusyError(UsageError):
    """Another thread is using this handle right now."""

    status = Status.BUSY


class WrongFormatError(UsageError):
    """This call belongs to another frame format than the handle's, or to a ring of another origin."""

    status = Status.WRONG_FORMAT


class SessionOverError(SessionError):
    """The session is over, or was not begun with Session.head."""

    status = Status.SESSION_OVER


class NoSuchMemberError(SessionError):
    """Nobody in the group has this index and key."""

    status = Status.NO_SUCH_MEMBER


class NoSuchQuestionError(SessionError):
    """Not asked, or asked about another number of people."""

    status = Status.NO_SUCH_QUESTION


class SessionRefusedError(SessionError):
    """The group does not take this now."""

    status = Status.SESSION_REFUSED


class BadMessageError(SessionError):
    """Not a message of this kind."""

    status = Status.BAD_MESSAGE


class WrongEpochError(SessionError):
    """A message of another group or epoch."""

    status = Status.WRONG_EPOCH


class FaultError(InternalError):
    """A fault of this library."""

    status = Status.INTERNAL


class PanicError(InternalError):
    """A panic was caught. The handle that was in use answers BrokenError from now on; close it."""

    status = Status.PANIC


class BrokenError(InternalError):
    """An earlier panic left this handle unusable; close it."""

    status = Status.BROKEN


def _groups() -> Dict[int, Type[FramesealError]]:
    found: Dict[int, Type[FramesealError]] = {}
    for group in (OpenError, SealError, UsageError, SessionError, InternalError):
        for kind in group.__subclasses__():
            if kind.status is not None:
                found[int(kind.status)] = kind
    return found


_KINDS = _groups()
_RANGES: Dict[int, Type[FramesealError]] = {1: OpenError, 2: SealError, 4: UsageError, 6: SessionError}


def of(status: int) -> Type[FramesealError]:
    """The class for a status; for one that a newer library has, its group."""
    return _KINDS.get(status) or _RANGES.get(status // 100, InternalError)
