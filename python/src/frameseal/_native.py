"""The C library: where it is, and what goes in and out of it."""

import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional, TypeVar, Union, cast

from . import _cdef, errors

BytesLike = Union[bytes, bytearray, memoryview]
"""Bytes that are read where they lie. Whatever has a contiguous buffer will do."""

Writable = Union[bytearray, memoryview]
"""Bytes that are written where they lie."""

ffi: Any = _cdef.ffi
ABI = 1
SONAME = f"libframeseal.so.{ABI}"


def _load() -> Any:
    beside = Path(__file__).with_name(SONAME)
    # Without one in the package (as distributions pack it) the system's.
    library = ffi.dlopen(str(beside) if beside.exists() else SONAME)
    running = library.frameseal_abi_version()
    if running < ABI:
        raise ImportError(f"{SONAME} has ABI {running}, this package needs {ABI}")
    return library


lib: Any = _load()
NULL: Any = ffi.NULL


def check(status: int, participant: Optional[str] = None) -> None:
    """Raises what a status stands for. On the thread of the call, and before any other."""
    if status >= 100:
        raise failure(status, participant)


def failure(status: int, participant: Optional[str] = None) -> errors.FramesealError:
    detail = text(lib.frameseal_last_error())
    return errors.of(status)(text(lib.frameseal_strerror(status)), detail, participant)


def text(pointer: Any) -> str:
    return "" if pointer == NULL else cast(str, ffi.string(pointer).decode("utf-8", "replace"))


def c_text(value: str) -> Any:
    """A text with a NUL at its end, and none before: C would cut the name of somebody else out of it."""
    if "\0" in value:
        raise errors.BadNameError("a text has a NUL in it")
    return ffi.new("char[]", value.encode("utf-8"))


def reading(data: BytesLike) -> Any:
    """The bytes themselves, not a copy; `len` of it is how many."""
    return ffi.from_buffer("uint8_t[]", data)


def writing(data: Writable) -> Any:
    return ffi.from_buffer("uint8_t[]", data, require_writable=True)


def taken(pointer: Any, length: int) -> bytes:
    """A copy of what the library keeps until the next call."""
    return b"" if length == 0 else bytes(ffi.buffer(pointer, length))


def wipe(data: Writable) -> None:
    """Sets bytes to zero where they lie: for keys that are no longer needed."""
    with writing(data) as at:
        lib.frameseal_wipe(at, len(at))


@contextmanager
def typed(words: str) -> Iterator[Any]:
    """What people type, for the time of a call; the copy is wiped."""
    copy = bytearray(words, "utf-8")
    try:
        with reading(copy) as at:
            yield at
    finally:
        wipe(copy)


@contextmanager
def entropy(given: Optional[BytesLike]) -> Iterator[Any]:
    """Entropy for one call, from the system unless it is given; the copy is wiped."""
    drawn = bytearray(lib.FRAMESEAL_ENTROPY_LEN if given is None else given)
    try:
        if given is None:
            _draw(drawn)
        with reading(drawn) as at:
            yield at
    finally:
        wipe(drawn)


def _draw(out: bytearray) -> None:
    if sys.platform == "linux":
        # Straight into memory that can be wiped; os.urandom gives bytes, which cannot.
        try:
            with open("/dev/urandom", "rb", buffering=0) as random:
                if cast(int, random.readinto(out)) == len(out):
                    return
        except OSError:
            pass
    out[:] = os.urandom(len(out))


def sized(size: Callable[[Any, int, Any], int]) -> str:
    """Asks how much room a text needs, then for the text; again if it grew meanwhile."""
    length = ffi.new("size_t *")
    check(size(NULL, 0, length))
    while True:
        room = ffi.new("char[]", length[0])
        status = size(room, len(room), length)
        if status != lib.FRAMESEAL_STATUS_BUFFER_TOO_SMALL:
            check(status)
            return text(room)
        check(size(NULL, 0, length))


def report(size: Callable[[Any, int, Any], int]) -> "dict[str, Any]":
    return cast("dict[str, Any]", json.loads(sized(size)))


_Handle = TypeVar("_Handle", bound="Handle")
_forks = 0


def _forked() -> None:
    global _forks
    _forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


class Handle:
    """What the library made and takes back: by `close`, at the end of `with`, or when nobody has it any more.

    The pointer is freed when its last reference goes, and a call that runs on another thread holds one: so it is freed
    after that call, never under it.
    """

    __slots__ = ("_held", "_made_in", "__weakref__")

    def __init__(self, pointer: Any, free: Any) -> None:
        self._held: Any = ffi.gc(pointer, free)
        self._made_in = _forks

    @property
    def _pointer(self) -> Any:
        held = self._held
        if held is None:
            raise errors.ClosedError(f"this {type(self).__name__} is closed")
        self._same_process()
        return held

    def _same_process(self) -> None:
        if self._made_in != _forks:
            raise errors.ForkedError(f"this {type(self).__name__} is of the process that forked this one")

    def close(self) -> None:
        """Frees it and wipes its keys; a second time does nothing."""
        self._held = None

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._held is None

    def __enter__(self: _Handle) -> _Handle:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> Any:
        raise TypeError(f"a {type(self).__name__} has keys and can neither be copied nor pickled")


class Keep(List[Any]):
    """What a struct points to, for as long as the struct is used."""

    def text(self, value: Optional[str]) -> Any:
        if value is None:
            return NULL
        self.append(c_text(value))
        return self[-1]
