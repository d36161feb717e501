"""Members agree on keys themselves, over a log that gives all the same order."""

import threading
import time
from typing import Any, Callable, Dict, Iterable, Iterator, Optional, Sequence

from . import _native, outputs
from ._native import BytesLike, Handle, Keep, c_text, check, ffi, lib, taken, text
from .enums import Admit, Event, Mode, Suite, Trust, Why
from .outputs import Output, Person
from .ring import Ring


def _monotonic_ms() -> int:
    return int(time.monotonic() * 1000)


class Session(Handle):
    """One member of one call: who is in it, and which keys are used.

    Give it what the room's log ends with (`head`), then after every input do what `poll` gives until it gives nothing
    more. Threads take turns: one waits for the other.
    """

    __slots__ = ("_turn", "_clock", "participant")

    def __init__(
        self,
        room: str,
        participant: str,
        *,
        name: Optional[str] = None,
        call: Optional[str] = None,
        secret: Optional[BytesLike] = None,
        mode: Mode = Mode.REQUIRED,
        admit: Admit = Admit.ANYONE,
        suite: Suite = Suite.AES128_GCM_SHA256_TAG128,
        clock: Callable[[], int] = _monotonic_ms,
        entropy: Optional[BytesLike] = None,
    ) -> None:
        """`participant`: the own id on the transport. `call`: what keys of frames are bound to, else the room.
        `secret`: 16 to 256 bytes without which nobody enters. `mode`, `admit`, `suite`: for the case that this member
        founds the room. `clock`: milliseconds that do not go back. `entropy`: as in `Sealer`.
        """
        self.participant = participant
        self._clock = clock
        self._turn = threading.Lock()
        keep, out = Keep(), ffi.new("frameseal_session **")
        with _native.entropy(entropy) as drawn, _native.reading(b"" if secret is None else secret) as at:
            config = ffi.new(
                "frameseal_session_config *",
                {
                    "size": ffi.sizeof("frameseal_session_config"),
                    "room": keep.text(room),
                    "call": keep.text(call),
                    "participant": keep.text(participant),
                    "name": keep.text(name),
                    "secret": _native.NULL if secret is None else at,
                    "secret_len": len(at),
                    "mode": mode,
                    "admit": admit,
                    "suite": suite,
                },
            )
            check(lib.frameseal_session_new(config, drawn, len(drawn), out), participant)
        super().__init__(out[0], lib.frameseal_session_free)

    def ring(self) -> Ring:
        """The ring that has the session's keys: make sealers and openers from it, on whatever threads."""
        out = ffi.new("frameseal_ring **")
        self._say(lib.frameseal_session_ring, out)
        return Ring._of(out)

    @property
    def key(self) -> bytes:
        """The public key that a proof of identity must commit to, 32 bytes."""
        room, length = ffi.new("uint8_t[]", 32), ffi.new("size_t *")
        self._say(lib.frameseal_session_key, room, len(room), length)
        return taken(room, length[0])

    def introduce(self, name: Optional[str], proof: BytesLike) -> None:
        """How this participant is shown, and what proves it, committing to `key`. Before the first input."""
        shown = _native.NULL if name is None else c_text(name)
        with _native.reading(proof) as at:
            self._say(lib.frameseal_session_introduce, shown, at, len(at))

    def poll(self) -> Iterator[Output]:
        """What the session wants, one by one, until it wants nothing more. Inputs may be given on the way."""
        while True:
            output = self._next()
            if output is None:
                return
            yield output

    def report(self) -> "Dict[str, Any]":
        """For a support desk: members with fingerprints of their keys, where the log was read to; never a key."""
        with self._alone():
            return _native.report(lambda *room: lib.frameseal_session_report(self._pointer, *room))

    # Inputs.

    def head(self, position: int, entry: BytesLike = b"") -> None:
        """What the room's log ends with: at the beginning, and whenever the way to it was lost. 0: it is empty."""
        self._bytes(lib.frameseal_session_head, entry, position)

    def log(self, position: int, entry: BytesLike) -> None:
        """An entry of the log, in its order; also one's own."""
        self._bytes(lib.frameseal_session_log, entry, position)

    def conflict(self, position: int) -> None:
        """The log did not take the entry that was to follow `position`."""
        self._say(lib.frameseal_session_conflict, position, self._clock())

    def too_old(self, oldest: int) -> None:
        """The log has not kept what `Read` asked for: `oldest` is the first that it has. `head` comes next."""
        self._say(lib.frameseal_session_too_old, oldest, self._clock())

    def rejoin(self, position: int, entry: BytesLike = b"") -> None:
        """After the events FORK, LOG_LOST, LEFT_BEHIND: the user wants in again. As `head`."""
        self._bytes(lib.frameseal_session_rejoin, entry, position)

    def knock(self, package: BytesLike) -> None:
        """What somebody else's `Knock` carried."""
        self._bytes(lib.frameseal_session_knock, package)

    def message(self, message: BytesLike) -> None:
        """What somebody else's `Send` carried."""
        self._bytes(lib.frameseal_session_message, message)

    def gone(self, participant: str) -> None:
        """The transport says that this participant is gone. It is removed."""
        self._say(lib.frameseal_session_gone, c_text(participant), self._clock(), who=participant)

    def participants(self, participants: Iterable[str]) -> None:
        """The transport says that these are there, with or without this one, and nobody else."""
        texts = [c_text(participant) for participant in participants]
        array = ffi.new("char *[]", texts) if texts else _native.NULL
        self._say(lib.frameseal_session_participants, array, len(texts), self._clock())

    def rotate(self) -> None:
        """Fresh keys for all, please."""
        self._say(lib.frameseal_session_rotate, self._clock())

    def remove(self, person: Person) -> None:
        """This member of the newest epoch shall be out, at once."""
        with _native.reading(person.key) as at:
            now = self._clock()
            self._say(lib.frameseal_session_remove, person.index, at, len(at), now, who=person.participant)

    def policy(self, mode: Mode, admit: Admit, suite: Suite = Suite.AES128_GCM_SHA256_TAG128) -> None:
        """The members shall agree on this."""
        self._say(lib.frameseal_session_policy, mode, admit, suite, self._clock())

    def compare(self) -> None:
        """The user wants to compare seven emoji with the others."""
        self._say(lib.frameseal_session_compare, self._clock())

    def same(self, epoch: int) -> None:
        """People found the code or the emoji of this epoch to be the same. Event.UNCOMPARED tells of who came since."""
        self._say(lib.frameseal_session_same, epoch, self._clock())

    def leave(self) -> None:
        """The user wants out. Carry what the session still says, then close it."""
        self._say(lib.frameseal_session_leave, self._clock())

    def wake(self) -> None:
        """The time that `WakeAt` named has come."""
        self._say(lib.frameseal_session_wake, self._clock())

    def verdict(self, question: int, trust: Sequence[Trust]) -> None:
        """The answer to `Decide`: one for each of its people, in their order."""
        with _native.reading(bytes(trust)) as at:
            self._say(lib.frameseal_session_verdict, question, at, len(at), self._clock())

    def _alone(self) -> threading.Lock:
        # Before the lock: a thread that had it is not in a forked process, and would never give it back.
        self._same_process()
        return self._turn

    def _say(self, call: Any, *args: Any, who: Optional[str] = None) -> None:
        with self._alone():
            check(call(self._pointer, *args), who)

    def _bytes(self, call: Any, data: BytesLike, *before: Any) -> None:
        with _native.reading(data) as at:
            self._say(call, *before, at, len(at), self._clock())

    def _next(self) -> Optional[Output]:
        out = ffi.new("frameseal_output *", {"size": ffi.sizeof("frameseal_output")})
        # What an output points to holds until the next call: it is copied before another thread has its turn.
        with self._alone():
            check(lib.frameseal_session_poll(self._pointer, out))
            if out.kind == lib.FRAMESEAL_OUTPUT_KIND_NONE:
                return None
            make = _MAKE.get(out.kind)
            people = tuple(self._person(at) for at in range(out.people))
            return outputs.Unknown(out.kind) if make is None else make(out, people)

    def _person(self, at: int) -> Person:
        person = ffi.new("frameseal_person *", {"size": ffi.sizeof("frameseal_person")})
        check(lib.frameseal_session_person(self._pointer, at, person))
        return Person(
            participant=text(person.participant),
            name=text(person.name),
            key=taken(person.key, person.key_len),
            proof=taken(person.proof, person.proof_len),
            index=person.index,
            trust=Trust(person.trust),
            heard=person.heard == 1,
        )


def _data(out: Any) -> bytes:
    return taken(out.data, out.data_len)


def _event(number: int) -> Event:
    try:
        return Event(number)
    except ValueError:
        return Event.OTHER


def _policy(out: Any, _: outputs.People) -> Output:
    return outputs.Policy(Mode(out.mode), Admit(out.admit), Suite(out.suite), out.has_secret == 1)


_MAKE: Dict[int, Callable[[Any, outputs.People], Output]] = {
    lib.FRAMESEAL_OUTPUT_KIND_APPEND: lambda out, _: outputs.Append(out.position, _data(out)),
    lib.FRAMESEAL_OUTPUT_KIND_READ: lambda out, _: outputs.Read(out.position),
    lib.FRAMESEAL_OUTPUT_KIND_KNOCK: lambda out, _: outputs.Knock(_data(out)),
    lib.FRAMESEAL_OUTPUT_KIND_SEND: lambda out, _: outputs.Send(_data(out)),
    lib.FRAMESEAL_OUTPUT_KIND_WAKE_AT: lambda out, _: outputs.WakeAt(out.time_ms),
    lib.FRAMESEAL_OUTPUT_KIND_DECIDE: lambda out, people: outputs.Decide(out.question, Why(out.why), people),
    lib.FRAMESEAL_OUTPUT_KIND_WITHDRAW: lambda out, _: outputs.Withdraw(out.question),
    lib.FRAMESEAL_OUTPUT_KIND_MEMBERS: lambda out, people: outputs.Members(out.epoch, out.index, people),
    lib.FRAMESEAL_OUTPUT_KIND_SEALING: lambda out, _: outputs.Sealing(out.epoch),
    lib.FRAMESEAL_OUTPUT_KIND_HUSHED: lambda out, _: outputs.Hushed(),
    lib.FRAMESEAL_OUTPUT_KIND_CODE: lambda out, _: outputs.Code(text(out.text), out.epoch),
    lib.FRAMESEAL_OUTPUT_KIND_EMOJI: lambda out, _: outputs.Emoji(text(out.text), tuple(_data(out)), out.epoch),
    lib.FRAMESEAL_OUTPUT_KIND_POLICY: _policy,
    lib.FRAMESEAL_OUTPUT_KIND_OUTSIDE: lambda out, people: outputs.Outside(tuple(p.participant for p in people)),
    lib.FRAMESEAL_OUTPUT_KIND_EVENT: lambda out, people: outputs.Happened(
        _event(out.event), people, out.times, text(out.text)
    ),
}
