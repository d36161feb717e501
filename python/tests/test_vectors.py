"""The figures of vectors/, through the objects that programs use."""

import unittest
from binascii import unhexlify

from frameseal import (
    Codec,
    Config,
    DataPacket,
    Format,
    FrameInfo,
    FrameType,
    Kind,
    Opener,
    Sealer,
    SenderKey,
    Suite,
    errors,
    stretch,
)
from support import CODECS, KINDS, cases

TYPES = {"key": FrameType.KEY, "delta": FrameType.DELTA, None: FrameType.FROM_BYTES}


def livekit(case, **more):
    suite = Suite.AES128_GCM_SHA256_TAG128 if case["key_bits"] == 128 else Suite.AES256_GCM_SHA512_TAG128
    return Config(participant="ada", format=Format.LIVEKIT, suite=suite, **more)


def info_of(case):
    audio = case["codec"] == "opus"
    codec, frame_type = CODECS[case["codec"]], TYPES[case["frame_type"]]
    return FrameInfo(Kind.AUDIO if audio else Kind.VIDEO, codec, frame_type=frame_type)


def secret(case):
    material = unhexlify(case["material"])
    return material.decode() if case["kdf"] == "pbkdf2" else material


class Frameseal(unittest.TestCase):
    def test_frames_open_once_and_unchanged(self):
        for case in cases("frameseal/frameseal.json", "frameseal.frame"):
            config = Config(
                case["call"], case["participant"], suite=Suite(case["cipher_suite"]), ratchet_bits=case["ratchet_bits"]
            )
            opener = Opener(config)
            opener.install_key(SenderKey(case["generation"], case["step"], bytearray.fromhex(case["base_key"])))
            info = FrameInfo(KINDS[case["kind"]], CODECS[case["codec"]], metadata=bytes.fromhex(case["metadata"]))
            sealed = bytes.fromhex(case["sealed"])
            for at in range(len(sealed)):
                with self.assertRaises(errors.OpenError):
                    opener.open(sealed[:at] + bytes([sealed[at] ^ 0x10]) + sealed[at + 1 :], info)
            expected = case["plaintext"] if case["opened"] is None else case["opened"]
            self.assertEqual(opener.open(sealed, info).hex(), expected)
            with self.assertRaises(errors.ReplayedError):
                opener.open(sealed, info)

    def test_rooms_and_stretching(self):
        rooms = 0
        for case in cases("frameseal/frameseal.json", "frameseal.room"):
            config = Config(
                case["call"], case["participant"], suite=Suite(case["cipher_suite"]), ratchet_bits=case["ratchet_bits"]
            )
            shared = bytes.fromhex(case["stretched"])
            sealer = Sealer.shared(config, shared, entropy=bytes.fromhex(case["entropy"]))
            self.assertEqual(sealer.announcement(), case["announcement"])
            for turn in range(case["generation"]):
                sealer.rotate(entropy=bytes([turn + 1] * 32))
            key = sealer.key()
            self.assertEqual((key.generation, key.base_key.hex()), (case["generation"], case["base_key"]))
            rooms += 1
        self.assertGreaterEqual(rooms, 3)
        for case in cases("frameseal/frameseal.json", "frameseal.stretch"):
            self.assertEqual(stretch(case["secret"], case["call"]).hex(), case["stretched"])


class Jitsi(unittest.TestCase):
    def test_frames_of_its_clients_open(self):
        opened = 0
        for case in cases("jitsi/jitsi.json", "jitsi.frame") + cases("jitsi/peers.json", "jitsi.frame"):
            aes = "aes_key" in case
            key = unhexlify(case["aes_key"] if aes else case["material"])
            if len(key) < 16:
                continue
            opener = Opener(Config(participant="ada", format=Format.JITSI))
            opener.set_slot(case["key_index"], key, aes=aes)
            kind = Kind.AUDIO if case["frame_type"] is None else Kind.VIDEO
            info = FrameInfo(kind, Codec.VP8, frame_type=TYPES[case["frame_type"]])
            sealed = unhexlify(case["sealed"])
            self.assertEqual(opener.open(sealed, info).hex(), case["plaintext"])
            with self.assertRaises(errors.ReplayedError):
                opener.open(sealed, info)
            opened += 1
        self.assertGreaterEqual(opened, 80)


class SFrame(unittest.TestCase):
    def test_frames_of_the_standard_open(self):
        opened = 0
        for case in cases("sframe/rfc9605.json", "sframe.frame"):
            # Without ratchet bits the KID is the generation.
            config = Config(
                participant="ada", format=Format.SFRAME, suite=Suite(case["cipher_suite"]), ratchet_bits=None
            )
            opener = Opener(config)
            opener.install_key(SenderKey(int(case["kid"]), 0, bytearray.fromhex(case["base_key"])))
            info = FrameInfo(Kind.AUDIO, CODECS["opaque"], metadata=bytes.fromhex(case["metadata"]))
            self.assertEqual(opener.open(bytes.fromhex(case["sealed"]), info).hex(), case["plaintext"])
            opened += 1
        self.assertEqual(opened, 8)


class LiveKit(unittest.TestCase):
    def test_frames_of_its_client_open(self):
        for case in cases("livekit/livekit.json", "livekit.frame"):
            opener = Opener(livekit(case))
            opener.set_slot(case["key_index"], secret(case), salt=case["salt"].encode())
            info = info_of(case)
            self.assertEqual(opener.open(bytes.fromhex(case["sealed"]), info).hex(), case["plaintext"])

    def test_data_of_its_client_opens(self):
        for case in cases("livekit/livekit.json", "livekit.data"):
            opener = Opener(livekit(case))
            opener.set_slot(case["key_index"], secret(case), salt=case["salt"].encode())
            packet = DataPacket(unhexlify(case["iv"]), case["key_index"], unhexlify(case["sealed"]))
            self.assertEqual(opener.open_data(packet).hex(), case["plaintext"])

    def test_keys_ratchet_as_there(self):
        for case in cases("livekit/livekit.json", "livekit.key"):
            sealer = Sealer(livekit(case))
            sealer.set_slot(0, secret(case), salt=case["salt"].encode())
            steps = case["ratchet_steps"]
            for step in range(steps):
                stepped = sealer.ratchet_slot(0)
                if step + 1 == steps:
                    self.assertEqual(stepped.hex(), case["chain_material"])

    def test_what_a_receiver_makes_of_frames(self):
        outcomes = set()
        for case in cases("livekit/receive.json", "livekit.receive"):
            opener = Opener(livekit(case, slots=case["ring_size"], ratchet_window=case["ratchet_window"]))
            for key in case["keys"]:
                opener.set_slot(int(key["index"]), secret(key), salt=case["salt"].encode())
            opener.allow_server_frames(bytes.fromhex(case["trailer"]))
            info = info_of(case)
            for frame in case["frames"]:
                data = bytes.fromhex(frame["input"])
                outcome = frame["outcome"]
                outcomes.add(str(outcome))
                if outcome in ("media", "injected", "empty"):
                    out = opener.open(data, info)
                    self.assertEqual(opener.server_made, outcome == "injected", case["what"])
                    if frame.get("output") is not None:
                        self.assertEqual(out.hex(), frame["output"], case["what"])
                else:
                    with self.assertRaises(errors.OpenError, msg=case["what"]) as caught:
                        opener.open(data, info)
                    self.assertEqual(int(caught.exception.status), int(outcome), case["what"])
        self.assertLessEqual({"media", "injected"}, outcomes)


if __name__ == "__main__":
    unittest.main()
