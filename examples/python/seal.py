"""Seals one frame, opens it, and shows what becomes of a changed and of a repeated one.

    pip install frameseal-*.whl
    python seal.py
"""

import sys

from frameseal import Codec, Config, FrameInfo, Kind, Opener, Sealer, errors


def main() -> int:
    # What the call agreed on, and whose frames: the same on both sides.
    config = Config(call="council-7", participant="ada")
    audio = FrameInfo(Kind.AUDIO, Codec.OPAQUE)  # Opus: nothing stays clear

    with Sealer(config) as sealer, Opener(config) as opener:
        # Ada's key goes to a peer over a channel that only the two can read.
        with sealer.key() as key:
            opener.install_key(key)

        frame = b"an Opus frame"
        sealed = sealer.seal(frame, audio)
        print(f"sealed {len(frame)} bytes into {len(sealed)}")

        # The SFU changes one bit: the frame is refused.
        touched = bytearray(sealed)
        touched[-1] ^= 1
        try:
            opener.open(touched, audio)
            return 1
        except errors.RejectedError as error:
            print(f"changed: {error}")

        # As it was, it opens.
        opened = opener.open(sealed, audio)
        print(f"opened: {opened.decode()}")

        # Once.
        try:
            opener.open(sealed, audio)
            return 1
        except errors.ReplayedError as error:
            print(f"repeated: {error}")

        # And never as another kind of track.
        try:
            opener.open(sealed, FrameInfo(Kind.VIDEO, Codec.OPAQUE))
            return 1
        except errors.RejectedError as error:
            print(f"as video: {error}")

        # In place, in memory of your own with room behind.
        room = bytearray(frame) + bytearray(sealer.max_sealed_len(audio, len(frame)) - len(frame))
        length = sealer.seal_into(memoryview(room)[: len(frame)], room, audio)
        length = opener.open_into(memoryview(room)[:length], room, audio)
        return 0 if room[:length] == opened == frame else 1


if __name__ == "__main__":
    sys.exit(main())
