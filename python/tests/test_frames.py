"""Every format with every codec; what changed, repeats, or has another key is refused, by its own exception."""

import array
import unittest

from frameseal import (
    Codec,
    Config,
    Format,
    FrameInfo,
    FrameType,
    Kind,
    Opener,
    Sealer,
    SenderKey,
    Status,
    Suite,
    errors,
    stretch,
)
from support import CODECS, KINDS, OPUS, cases, pair

ADA = Config("council-7", "ada")
LIVEKIT = Config(participant="ada", format=Format.LIVEKIT)
SECRET = bytes(range(32))


def frames():
    """A frame of each codec, and how it is spelled when it was opened."""
    seen = {}
    for case in cases("frameseal/frameseal.json", "frameseal.frame"):
        plaintext = bytes.fromhex(case["plaintext"])
        opened = case["opened"]
        seen[case["codec"]] = (plaintext, plaintext if opened is None else bytes.fromhex(opened))
    return {CODECS[name]: both for name, both in seen.items() if both[0]}


class RoundTrips(unittest.TestCase):
    def test_frameseal_every_codec_kind_and_suite(self):
        every = frames()
        self.assertLessEqual({Codec.OPAQUE, Codec.VP8, Codec.AV1, Codec.H264, Codec.H265}, set(every))
        every[Codec.VP9] = (b"a VP9 frame",) * 2
        for suite in Suite:
            sealer, opener = pair(Config("council-7", "ada", suite=suite))
            for codec, (frame, opened) in every.items():
                info = FrameInfo(Kind.VIDEO, codec, metadata=b"layer 2")
                sealed = sealer.seal(frame, info)
                self.assertEqual(opener.open(sealed, info), opened, (suite, codec))
        sealer, opener = pair(ADA)
        for kind in KINDS.values():
            info = FrameInfo(kind, Codec.OPAQUE)
            self.assertEqual(opener.open(sealer.seal(b"bytes", info), info), b"bytes")

    def test_sframe(self):
        sealer, opener = pair(Config(participant="ada", format=Format.SFRAME))
        sealed = sealer.seal(b"a frame", OPUS)
        self.assertNotIn(b"a frame", sealed)
        self.assertEqual(opener.open(sealed, OPUS), b"a frame")

    def test_livekit_every_codec_and_both_key_sizes(self):
        for suite in (Suite.AES128_GCM_SHA256_TAG128, Suite.AES256_GCM_SHA512_TAG128):
            config = Config(participant="ada", format=Format.LIVEKIT, suite=suite)
            sealer, opener = Sealer(config), Opener(config)
            for each in (sealer, opener):
                each.set_slot(3, SECRET)
            sealer.select_slot(3)
            streams = {codec: frame for codec, (frame, _) in frames().items()}
            av1 = FrameInfo(Kind.VIDEO, Codec.AV1)
            with self.assertRaises(errors.SealUnknownCodecError):
                sealer.seal(streams.pop(Codec.AV1), av1)
            streams.update({Codec.VP9: b"a VP9 frame", Codec.UNKNOWN: b"\x00 a frame of some codec"})
            for codec, frame in streams.items():
                kind = Kind.AUDIO if codec == Codec.OPAQUE else Kind.VIDEO
                info = FrameInfo(kind, codec, frame_type=FrameType.KEY, ssrc=7, timestamp=90000)
                self.assertEqual(opener.open(sealer.seal(frame, info), info), frame, codec)

    def test_livekit_passphrases_ratchet_and_data(self):
        sealer, opener = Sealer(LIVEKIT), Opener(LIVEKIT)
        sealer.set_slot(1, "correct horse")
        opener.set_slot(1, "correct horse")
        sealer.select_slot(1)
        self.assertEqual(opener.open(sealer.seal(b"by passphrase", OPUS), OPUS), b"by passphrase")
        sealer.set_slot(0, SECRET)
        opener.set_slot(0, SECRET)
        sealer.select_slot(0)
        stepped = sealer.ratchet_slot(0)
        self.assertEqual(len(stepped), 32)
        self.assertEqual(opener.open(sealer.seal(b"on its own", OPUS), OPUS), b"on its own")
        late = Opener(LIVEKIT)
        late.set_slot(0, stepped)
        self.assertEqual(late.open(sealer.seal(b"told", OPUS), OPUS), b"told")
        packet = sealer.seal_data(b"hello", 1000)
        self.assertEqual(opener.open_data(packet), b"hello")
        with self.assertRaises(errors.RejectedError):
            opener.open_data(packet._replace(data=bytes(len(packet.data))))
        opener.forget_slot(0)
        with self.assertRaises(errors.UnknownKeyError):
            opener.open(sealer.seal(b"x", OPUS), OPUS)

    def test_livekit_slots_and_window_are_as_configured(self):
        few = Config(participant="ada", format=Format.LIVEKIT, slots=4, ratchet_window=0)
        sealer, opener = Sealer(few), Opener(few)
        sealer.set_slot(1, SECRET)
        sealer.select_slot(5)
        opener.set_slot(9, SECRET)
        self.assertEqual(opener.open(sealer.seal(b"hello", OPUS), OPUS), b"hello")
        sealer.ratchet_slot(1)
        with self.assertRaises(errors.RejectedError):
            opener.open(sealer.seal(b"a step further", OPUS), OPUS)

    def test_jitsi(self):
        config = Config(participant="ada", format=Format.JITSI)
        sealer, opener = Sealer(config), Opener(config)
        video = FrameInfo(Kind.VIDEO, Codec.VP9, frame_type=FrameType.DELTA, ssrc=7, timestamp=90000)
        for aes in (False, True):
            sealer.set_slot(3, SECRET, aes=aes)
            opener.set_slot(3, SECRET, aes=aes)
            sealed = sealer.seal(b"a VP9 frame", video)
            self.assertEqual(sealed[:3], b"a V")
            self.assertEqual(opener.open(sealed, video), b"a VP9 frame")
            self.assertEqual(opener.open(sealer.seal(b"sound", OPUS), OPUS), b"sound")
        with self.assertRaises(errors.BadOptionError):
            sealer.seal(b"of what type?", FrameInfo(Kind.VIDEO, Codec.VP9))
        with self.assertRaises(errors.BadOptionError):
            sealer.set_slot(0, "a passphrase")
        with self.assertRaises(TypeError):
            sealer.set_slot(0, "a passphrase", aes=True)

    def test_no_ratchet(self):
        config = Config("council-7", "ada", ratchet_bits=None)
        sealer, opener = pair(config)
        self.assertEqual(opener.open(sealer.seal(b"hello", OPUS), OPUS), b"hello")
        with self.assertRaises(errors.StepsUsedUpError):
            sealer.step()

    def test_rotation_ratchet_and_reports(self):
        sealer, opener = pair(ADA)
        sealer.step()
        self.assertEqual(opener.open(sealer.seal(b"stepped", OPUS), OPUS), b"stepped")
        sealer.rotate()
        sealed = sealer.seal(b"rotated", OPUS)
        with self.assertRaises(errors.UnknownKeyError):
            opener.open(sealed, OPUS)
        opener.install_key(sealer.key())
        self.assertEqual(opener.open(sealed, OPUS), b"rotated")
        opener.tick(1000)
        opener.tick(20000)
        opener.forget_before(1, 0)
        for report in (sealer.report(), opener.report()):
            self.assertIsInstance(report, dict)
            self.assertNotIn(bytes(sealer.key().base_key).hex(), str(report))

    def test_padding_hides_the_length(self):
        sealer, opener = pair(ADA)
        sealer.set_padding(Kind.AUDIO, 64)
        sealed = [sealer.seal(bytes(n), OPUS) for n in (1, 20, 40)]
        self.assertEqual(len({len(frame) for frame in sealed}), 1)
        self.assertEqual([len(opener.open(frame, OPUS)) for frame in sealed], [1, 20, 40])

    def test_a_shared_secret(self):
        secret = stretch("correct horse", "council-7")
        self.assertEqual(secret, stretch("correct horse", "council-7"))
        self.assertNotEqual(secret, stretch("correct horse", "council-8"))
        sealer, opener = Sealer.shared(ADA, secret), Opener(ADA)
        opener.follow(secret, sealer.announcement())
        sealer.rotate()
        self.assertEqual(opener.open(sealer.seal(b"hello", OPUS), OPUS), b"hello")
        with self.assertRaises(errors.BadAnnouncementError):
            opener.follow(secret, "fs1-nothing")
        with self.assertRaises(errors.WrongSchemeError):
            Sealer(ADA).announcement()


class Refusals(unittest.TestCase):
    def refused(self, kind, call, *args):
        with self.assertRaises(kind) as caught:
            call(*args)
        error = caught.exception
        self.assertEqual(error.participant, "ada")
        self.assertIn("ada", str(error))
        self.assertTrue(error.message and error.detail)
        return error

    def test_one_bit_changed_anywhere(self):
        sealer, opener = pair(ADA)
        info = FrameInfo(Kind.VIDEO, Codec.VP8)
        frame = b"\x10\x02\x00\x9d\x01\x2a" + bytes(30)
        sealed = sealer.seal(frame, info)
        for at in range(len(sealed)):
            touched = bytearray(sealed)
            touched[at] ^= 1
            before = bytes(touched)
            with self.assertRaises(errors.OpenError):
                opener.open_into(touched, touched, info)
            self.assertEqual(touched, before, "nothing was written")
        self.assertEqual(opener.open(sealed, info), frame)

    def test_each_by_its_name(self):
        sealer, opener = pair(ADA)
        sealed = sealer.seal(b"hello", OPUS)
        touched = sealed[:-1] + bytes([sealed[-1] ^ 1])
        error = self.refused(errors.RejectedError, opener.open, touched, OPUS)
        self.assertEqual(error.status, Status.REJECTED)
        self.refused(errors.RejectedError, opener.open, sealed, FrameInfo(Kind.VIDEO, Codec.OPAQUE))
        self.refused(errors.RejectedError, opener.open, sealed, FrameInfo(Kind.AUDIO, Codec.OPAQUE, metadata=b"x"))
        self.assertEqual(opener.open(sealed, OPUS), b"hello")
        self.refused(errors.ReplayedError, opener.open, sealed, OPUS)
        self.refused(errors.OpenError, opener.open, b"", OPUS)
        self.refused(errors.UnknownKeyError, Opener(ADA).open, sealed, OPUS)

    def test_another_key_another_call_another_sender(self):
        sealer, opener = pair(ADA)
        key = sealer.key()
        sealed = sealer.seal(b"hello", OPUS)
        opener.install_key(SenderKey(key.generation, key.step, bytearray(32)))
        self.refused(errors.RejectedError, opener.open, sealed, OPUS)
        for config in (Config("council-8", "ada"), Config("council-7", "bob")):
            other = Opener(config)
            other.install_key(key)
            with self.assertRaises(errors.RejectedError) as caught:
                other.open(sealed, OPUS)
            self.assertEqual(caught.exception.participant, config.participant)

    def test_what_cannot_be_sealed_is_not(self):
        with self.assertRaises(errors.NoSenderKeyError) as caught:
            Sealer(LIVEKIT).seal(b"hello", OPUS)
        self.assertIsInstance(caught.exception, errors.SealError)
        self.assertEqual(caught.exception.participant, "ada")
        with self.assertRaises(errors.SealLayoutError):
            Sealer(ADA).seal(b"no OBUs", FrameInfo(Kind.VIDEO, Codec.AV1))

    def test_wrong_calls(self):
        wrong = [
            (errors.BadNameError, lambda: Sealer(Config("council-7", ""))),
            (errors.BadNameError, lambda: Sealer(Config("council-7", "ada\0eve"))),
            (errors.NullPointerError, lambda: Sealer(Config("council-7"))),
            (errors.BadRatchetBitsError, lambda: Sealer(Config("council-7", "ada", ratchet_bits=17))),
            (errors.BadEntropyError, lambda: Sealer(ADA, entropy=bytes(32))),
            (errors.BadEntropyError, lambda: Sealer(ADA, entropy=b"short")),
            (errors.BadKeyError, lambda: Opener(ADA).install_key(SenderKey(0, 0, bytearray(15)))),
            (errors.UnknownSuiteError, lambda: Sealer(Config("council-7", "ada", suite=99))),
            (errors.UnknownFormatError, lambda: Sealer(Config("council-7", "ada", format=99))),
            (errors.UnknownKindError, lambda: Sealer(ADA).set_padding(99, 2)),
            (errors.WrongFormatError, lambda: Sealer(ADA).set_slot(0, SECRET)),
            (ValueError, lambda: Config("council-7", "ada", ratchet_bits=0)),
            # What people type must be stretched first.
            (TypeError, lambda: Sealer.shared(ADA, "correct horse battery staple")),
            (TypeError, lambda: Opener(ADA).follow("correct horse battery staple", "fs1-")),
        ]
        for kind, call in wrong:
            with self.assertRaises(kind):
                call()
        sealer = Sealer(ADA)
        for info, kind in (
            (FrameInfo(99, Codec.OPAQUE), errors.UnknownKindError),
            (FrameInfo(Kind.AUDIO, 99), errors.BadCodecError),
        ):
            with self.assertRaises(kind):
                sealer.seal_into(b"hello", bytearray(100), info)
            with self.assertRaises(kind):
                sealer.seal(b"hello", info)


class Buffers(unittest.TestCase):
    def test_whatever_has_bytes_goes_in(self):
        sealer, opener = pair(ADA)
        frame = b"an Opus frame"
        part = memoryview(b"__" + frame)[2:]
        for given in (frame, bytearray(frame), memoryview(frame), part, array.array("B", frame)):
            sealed = sealer.seal(given, OPUS)
            self.assertEqual(opener.open(memoryview(sealed), OPUS), frame)
        with self.assertRaises((BufferError, ValueError)):
            sealer.seal(memoryview(bytes(20))[::2], OPUS)
        with self.assertRaises(TypeError):
            sealer.seal("a text", OPUS)

    def test_in_place_and_into_a_part(self):
        sealer, opener = pair(ADA)
        room = bytearray(100)
        room[10:15] = b"hello"
        part = memoryview(room)[10:]
        length = sealer.seal_into(part[:5], part, OPUS)
        self.assertEqual((bytes(room[:10]), bytes(room[10 + length :])), (bytes(10), bytes(90 - length)))
        self.assertEqual(opener.open_into(part[:length], part, OPUS), 5)
        self.assertEqual(room[10:15], b"hello")

    def test_what_does_not_fit_or_cannot_be_written(self):
        sealer, opener = pair(ADA)
        out = bytearray(6)
        with self.assertRaises(errors.BufferTooSmallError):
            sealer.seal_into(b"hello", out, OPUS)
        self.assertEqual(out, bytes(6))
        with self.assertRaises((BufferError, TypeError, ValueError)):
            sealer.seal_into(b"hello", bytes(100), OPUS)
        sealed = sealer.seal(b"hello", OPUS)
        with self.assertRaises(errors.BufferTooSmallError):
            opener.open_into(sealed, bytearray(3), OPUS)
        self.assertEqual(opener.open(sealed, OPUS), b"hello")

    def test_empty_frames(self):
        sealer, opener = pair(ADA)
        sealed = sealer.seal(b"", OPUS)
        self.assertEqual(opener.open(sealed, OPUS), b"")
        self.assertGreaterEqual(sealer.max_sealed_len(OPUS, 0), len(sealed))


if __name__ == "__main__":
    unittest.main()
