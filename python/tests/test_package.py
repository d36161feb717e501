"""The package itself: numbers of the header, its errors, what is printed in its texts, the sample."""

import ast
import enum
import inspect
import os
import pickle
import re
import subprocess
import sys
import unittest
from pathlib import Path

import frameseal
from frameseal import Status, _native, enums, errors
from support import ROOT

HEADER = (ROOT / "crates/e2ee-ffi/include/frameseal.h").read_text(encoding="utf-8")
SAMPLE = ROOT / "examples/python/seal.py"


def of_header(name):
    """Names and numbers of an enum of the header."""
    body = re.search(r"^enum frameseal_%s\n.*?\{(.*?)^\};" % name, HEADER, re.DOTALL | re.MULTILINE).group(1)
    return {n: int(v) for n, v in re.findall(r"FRAMESEAL_%s_(\w+) = (\d+)" % name.upper(), body)}


class Package(unittest.TestCase):
    def test_enums_are_the_headers(self):
        ours = {
            re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(): kind
            for name, kind in vars(enums).items()
            if inspect.isclass(kind) and issubclass(kind, enum.IntEnum) and kind is not enum.IntEnum
        }
        theirs = set(re.findall(r"^enum frameseal_(\w+)$", HEADER, re.MULTILINE))
        # Those two are classes and types of arguments here.
        self.assertEqual(set(ours), theirs - {"output_kind", "secret_kind"})
        for name, kind in ours.items():
            self.assertEqual({member.name: member.value for member in kind}, of_header(name), name)

    def test_every_output_has_a_class(self):
        from frameseal.session import _MAKE

        self.assertEqual(set(_MAKE), set(of_header("output_kind").values()) - {0})

    def test_every_status_has_an_exception(self):
        groups = {1: errors.OpenError, 2: errors.SealError, 4: errors.UsageError, 6: errors.SessionError}
        for status in Status:
            if status >= 100:
                kind = errors.of(status)
                self.assertEqual(kind.status, status)
                self.assertTrue(issubclass(kind, groups.get(status // 100, errors.InternalError)))
                self.assertTrue(kind.__doc__)
        # Of a newer library.
        self.assertIs(errors.of(199), errors.OpenError)
        self.assertIs(errors.of(777), errors.InternalError)

    def test_errors_can_be_pickled(self):
        error = errors.RejectedError("wrong tag", "KID 0x0", "ada")
        again = pickle.loads(pickle.dumps(error))
        self.assertEqual((type(again), str(again)), (errors.RejectedError, "ada: wrong tag: KID 0x0"))
        self.assertEqual(again.participant, "ada")

    def test_every_function_of_the_header_is_used(self):
        declared = set(re.findall(r"^(?:\w[\w ]*[ *])(frameseal_\w+)\(", HEADER, re.MULTILINE))
        self.assertGreater(len(declared), 60)
        source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "python/src/frameseal").glob("*.py"))
        self.assertEqual(declared, set(re.findall(r"lib\.(frameseal_\w+)", source)))
        for name in declared:
            self.assertTrue(hasattr(_native.lib, name), name)

    def test_it_is_the_installed_wheel_with_its_own_library(self):
        folder = Path(frameseal.__file__).parent
        self.assertNotIn(ROOT / "python", folder.parents)
        for file in ("py.typed", _native.SONAME, "frameseal.cdx.json"):
            self.assertGreaterEqual((folder / file).stat().st_size, 0, file)
        with open("/proc/self/maps", encoding="utf-8") as maps:
            self.assertIn(str(folder / _native.SONAME), maps.read())
        self.assertEqual(frameseal.abi_version(), 1)
        self.assertEqual(frameseal.__version__, frameseal.version())

    def test_its_language_is_that_of_python_3_9(self):
        files = [*(ROOT / "python/src/frameseal").glob("*.py"), SAMPLE]
        self.assertGreater(len(files), 8)
        for path in files:
            ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 9))

    def test_the_sample_runs(self):
        self.assertIn("opened: an Opus frame", run(str(SAMPLE)))

    def test_what_the_texts_print_runs(self):
        programs = []
        for text in ("README.md", "python/README.md", "docs/native.md"):
            programs += re.findall(r"```python\n(.*?)```", (ROOT / text).read_text(encoding="utf-8"), re.DOTALL)
        self.assertEqual(len(programs), 3)
        for program in programs:
            run("-c", program)


def run(*args):
    """Runs a program on this Python, with the installed package."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", *args], env=environment, capture_output=True, text=True, timeout=120
    )
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)
    return done.stdout


if __name__ == "__main__":
    unittest.main()
