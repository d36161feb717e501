"""What a session wants done, or tells."""

from dataclasses import dataclass
from typing import Tuple, Union

from .enums import Admit, Event, Mode, Suite, Trust, Why


@dataclass(frozen=True)
class Person:
    """Somebody."""

    participant: str
    """The id on the transport that they claim; keys of their frames are bound to it."""
    name: str
    """As they want to be shown. Nobody vouches for it unless `trust` says so."""
    key: bytes
    """Their public key, 32 bytes."""
    proof: bytes
    """What proves who they are; empty as a rule."""
    index: int
    """In the group, for `Session.remove`."""
    trust: Trust
    heard: bool
    """They speak for `participant`, and their frames are opened."""


People = Tuple[Person, ...]


@dataclass(frozen=True)
class Append:
    """Append to the room's log if it still ends with `position`; an empty log takes any. Else `Session.conflict`."""

    position: int
    data: bytes


@dataclass(frozen=True)
class Read:
    """Entries are missing: give those behind `position` to `Session.log`, in order."""

    position: int


@dataclass(frozen=True)
class Knock:
    """To everybody in the call, for their `Session.knock`."""

    data: bytes


@dataclass(frozen=True)
class Send:
    """To everybody in the call, for their `Session.message`."""

    data: bytes


@dataclass(frozen=True)
class WakeAt:
    """Call `Session.wake` at this time of the session's clock. A later one takes the place of an earlier one."""

    time_ms: int


@dataclass(frozen=True)
class Decide:
    """How are these people known? Answer with `Session.verdict`; nothing is done before."""

    question: int
    why: Why
    people: People


@dataclass(frozen=True)
class Withdraw:
    """A question needs no answer any more."""

    question: int


@dataclass(frozen=True)
class Members:
    """The members of an epoch; `index` is the own one. The ring has their keys already."""

    epoch: int
    index: int
    people: People


@dataclass(frozen=True)
class Sealing:
    """Frames are sealed with the keys of this epoch from now on; the ring's sealers do so by themselves."""

    epoch: int


@dataclass(frozen=True)
class Hushed:
    """Nothing is sealed until the next `Sealing`."""


@dataclass(frozen=True)
class Code:
    """What members may compare by voice, thirty digits, another in every epoch."""

    text: str
    epoch: int


@dataclass(frozen=True)
class Emoji:
    """What all see who compare in this epoch: seven, with spaces between, and their numbers in Matrix, 0 to 63."""

    text: str
    numbers: Tuple[int, ...]
    epoch: int


@dataclass(frozen=True)
class Policy:
    """What the members agreed on."""

    mode: Mode
    admit: Admit
    suite: Suite
    has_secret: bool


@dataclass(frozen=True)
class Outside:
    """These are on the transport and not in the group: they get no key."""

    participants: Tuple[str, ...]


@dataclass(frozen=True)
class Happened:
    """Something to be shown, and whom it is about."""

    event: Event
    people: People
    times: int
    text: str


@dataclass(frozen=True)
class Unknown:
    """Of a newer library."""

    kind: int


Output = Union[
    Append,
    Read,
    Knock,
    Send,
    WakeAt,
    Decide,
    Withdraw,
    Members,
    Sealing,
    Hushed,
    Code,
    Emoji,
    Policy,
    Outside,
    Happened,
    Unknown,
]
