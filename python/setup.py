"""Builds the wheel: declarations from the C header, the shared library beside them.

`cargo xtask wheel` lays out the tree that this reads: frameseal.h, VERSION, licences, and the library in the package.
"""

import os
import re
from pathlib import Path

from cffi import FFI
from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent


def declarations(header: str) -> str:
    """What cffi reads of the header: no comments, no preprocessor but for numbers; as C99."""
    header = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    header = re.sub(r"//.*", "", header)
    taken = [True]
    out = []
    for line in header.splitlines():
        word = line.split(maxsplit=1)[0] if line.strip() else ""
        if word in ("#if", "#ifdef", "#ifndef"):
            # Every condition asks for C++ or C23.
            taken.append(word == "#ifndef")
        elif word == "#else":
            taken[-1] = not taken[-1]
        elif word == "#endif":
            taken.pop()
        elif all(taken) and (word != "#define" or re.fullmatch(r"#define \w+ \d+", line)) and word != "#include":
            out.append(line)
    if len(taken) != 1:
        raise SystemExit("frameseal.h: conditions that do not end")
    return "\n".join(out)


class Declare(build_py):
    """Writes frameseal/_cdef.py, which needs no C compiler and is the same for every Python."""

    def run(self) -> None:
        super().run()
        ffi = FFI()
        ffi.cdef(declarations((HERE / "frameseal.h").read_text(encoding="utf-8")))
        ffi.set_source("frameseal._cdef", None)
        to = Path(self.build_lib, "frameseal", "_cdef.py")
        ffi.emit_python_code(str(to))
        to.write_text("# mypy: ignore-errors\n" + to.read_text(encoding="utf-8"), encoding="utf-8")


class Platform(Distribution):
    """With something in it that is made for a platform."""

    def has_ext_modules(self) -> bool:
        return True


class Tagged(bdist_wheel):
    """One wheel for every Python 3 of a platform."""

    def get_tag(self) -> "tuple[str, str, str]":
        return "py3", "none", os.environ["FRAMESEAL_PLATFORM"]


setup(distclass=Platform, cmdclass={"build_py": Declare, "bdist_wheel": Tagged})
