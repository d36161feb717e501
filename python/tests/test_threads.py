"""A ring that threads share, sealers that they contend for, handles that nobody has any more."""

import copy
import gc
import os
import pickle
import threading
import unittest
import warnings
import weakref

from frameseal import Codec, Config, FrameInfo, Kind, Opener, Ring, Sealer, SenderKey, Session, errors, outputs, wipe
from support import OPUS, pair

FRAMES = 200


def together(count, work):
    """Runs work(0) to work(count - 1) on threads of their own, all begun at once; raises what one of them raised."""
    begin, raised = threading.Barrier(count), []

    def one(at):
        try:
            begin.wait()
            work(at)
        except BaseException as error:  # given on below
            raised.append(error)

    threads = [threading.Thread(target=one, args=(at,)) for at in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


class Threads(unittest.TestCase):
    def test_a_ring_is_shared(self):
        names = ["ada", "bob", "cleo", "dan"]
        sealers = {name: Sealer(Config("council-7", name)) for name in names}
        ring = Ring(Config("council-7", "me"))
        for name, sealer in sealers.items():
            ring.install_key(name, sealer.key())
        opened = dict.fromkeys(names, 0)

        def work(at):
            name = names[at]
            opener = ring.opener(name)
            for turn in range(FRAMES):
                if turn % 20 == 19:
                    sealers[name].rotate()
                    ring.install_key(name, sealers[name].key())
                frame = f"{name} {turn}".encode()
                opened[name] += opener.open(sealers[name].seal(frame, OPUS), OPUS) == frame

        together(len(names), work)
        self.assertEqual(opened, dict.fromkeys(names, FRAMES))
        opener = ring.opener("ada")
        ring.forget("ada")
        with self.assertRaises(errors.UnknownKeyError) as caught:
            opener.open(sealers["ada"].seal(b"x", OPUS), OPUS)
        self.assertEqual(caught.exception.participant, "ada")

    def test_a_sealer_that_threads_contend_for_repeats_nothing(self):
        sealer, opener = pair(Config("council-7", "ada"))
        sealed = []

        def work(at):
            for _ in range(FRAMES):
                try:
                    sealed.append(bytes(sealer.seal(bytes(2000), OPUS)))
                except errors.BusyError:
                    pass

        together(4, work)
        self.assertGreater(len(sealed), FRAMES)
        self.assertEqual(len(set(sealed)), len(sealed))
        opened = 0
        for frame in sealed:
            try:
                opened += opener.open(frame, OPUS) == bytes(2000)
            except errors.TooOldError:
                opened += 1
        self.assertEqual(opened, len(sealed))

    def test_details_belong_to_their_thread(self):
        names = ["ada", "bob"]

        def work(at):
            opener = Opener(Config("council-7", names[at]))
            other = Sealer(Config("council-7", names[at]))
            for _ in range(FRAMES):
                with self.assertRaises(errors.UnknownKeyError) as caught:
                    opener.open(other.seal(b"x", OPUS), OPUS)
                self.assertIn(names[at], caught.exception.detail)

        together(2, work)

    def test_threads_take_turns_at_a_session(self):
        session = Session("council-7", "ada", clock=lambda: 1000)
        session.head(0)
        seen = []

        def work(at):
            for _ in range(50):
                seen.extend(session.poll())
                session.participants(["ada"])
                self.assertIsInstance(session.report(), dict)

        together(4, work)
        self.assertEqual(sum(isinstance(output, outputs.Append) for output in seen), 1)

    def test_closing_while_another_thread_seals(self):
        def work(at):
            if at == 0:
                sealer.close()
                return
            try:
                for _ in range(FRAMES):
                    sealer.seal(bytes(5000), OPUS)
            except errors.ClosedError:
                pass

        for _ in range(20):
            sealer = Sealer(Config("council-7", "ada"))
            together(2, work)
            self.assertTrue(sealer.closed)


class Handles(unittest.TestCase):
    def every(self):
        sealer, opener = pair(Config("council-7", "ada"))
        session = Session("council-7", "ada", clock=lambda: 1000)
        return [sealer, opener, Ring(Config("council-7", "ada")), session, session.ring()]

    def test_closed_ones_answer_with_their_error(self):
        for handle in self.every():
            with handle as inside:
                self.assertIs(inside, handle)
                self.assertFalse(handle.closed)
            self.assertTrue(handle.closed)
            handle.close()
        sealer, opener, ring, session, _ = (handle for handle in map(closed, self.every()))
        for call in (
            lambda: sealer.seal(b"x", OPUS),
            sealer.key,
            sealer.report,
            lambda: opener.open(b"x", OPUS),
            lambda: opener.install_key(SenderKey(0, 0, bytearray(32))),
            lambda: ring.opener("ada"),
            session.ring,
            lambda: next(session.poll()),
        ):
            with self.assertRaises(errors.ClosedError):
                call()

    def test_forgotten_ones_are_freed(self):
        freed = []
        handles = self.every()
        for handle in handles:
            # The pointer, whose destructor is the library's own function.
            weakref.finalize(handle._held, freed.append, type(handle).__name__)
        handles.append(handles)  # a circle, for the collector
        del handle, handles
        gc.collect()
        self.assertEqual(sorted(freed), ["Opener", "Ring", "Ring", "Sealer", "Session"])

    def test_openers_and_sealers_outlive_ring_and_session(self):
        sealer = Sealer(Config("council-7", "ada"))
        ring = Ring(Config("council-7", "me"))
        ring.install_key("ada", sealer.key())
        opener = ring.opener("ada")
        ring.close()
        self.assertEqual(opener.open(sealer.seal(b"hello", OPUS), OPUS), b"hello")
        session = Session("council-7", "ada", clock=lambda: 1000)
        own = session.ring().sealer()
        session.close()
        with self.assertRaises(errors.NoSenderKeyError):
            own.seal(b"\x10", FrameInfo(Kind.VIDEO, Codec.VP8))

    def test_no_copies(self):
        for handle in self.every():
            for way in (copy.copy, copy.deepcopy, pickle.dumps):
                with self.assertRaises(TypeError):
                    way(handle)

    def test_a_forked_process_has_none(self):
        handles = self.every()
        # As if another thread were using it.
        self.assertTrue(handles[3]._turn.acquire())
        reader, writer = os.pipe()
        with warnings.catch_warnings():
            # Newer Pythons remark that there are threads: the pool of the sessions, which the child does not use.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            refused = 0
            try:
                for handle in handles:
                    try:
                        self.assertIsNotNone(handle.report() if isinstance(handle, Session) else handle._pointer)
                    except errors.ForkedError:
                        refused += 1
                sealer, opener = pair(Config("council-7", "ada"))
                refused += opener.open(sealer.seal(b"of its own", OPUS), OPUS) == b"of its own"
            finally:
                os.write(writer, bytes([refused]))
                os._exit(0)
        os.waitpid(child, 0)
        self.assertEqual(os.read(reader, 1)[0], len(handles) + 1)
        os.close(reader)
        os.close(writer)
        self.assertTrue(handles[0].seal(b"goes on here", OPUS))

    def test_memory_does_not_grow(self):
        def resident():
            with open("/proc/self/statm", encoding="ascii") as file:
                return int(file.read().split()[1]) * 4096

        def work(times):
            for _ in range(times):
                sealer, opener = pair(Config("council-7", "ada"))
                opener.open(sealer.seal(b"hello", OPUS), OPUS)

        work(300)
        before = resident()
        work(3000)
        # A sealer and an opener that leaked would be some kilobytes each.
        self.assertLess(resident() - before, 3_000_000)

    def test_keys_are_wiped_and_not_shown(self):
        sealer = Sealer(Config("council-7", "ada"))
        with sealer.key() as key:
            self.assertNotEqual(key.base_key, bytes(32))
            self.assertNotIn(key.base_key.hex(), repr(key))
            self.assertNotIn("bytearray", repr(key))
        self.assertEqual(key.base_key, bytes(32))
        secret = bytearray(b"secret")
        wipe(memoryview(secret)[:3])
        self.assertEqual(secret, b"\0\0\0ret")
        with self.assertRaises((BufferError, TypeError, ValueError)):
            wipe(b"constant")


def closed(handle):
    handle.close()
    return handle


if __name__ == "__main__":
    unittest.main()
