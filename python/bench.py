"""What a frame costs from Python: `python bench.py`, with the wheel installed."""

import timeit

from frameseal import Codec, Config, FrameInfo, Kind, Opener, Sealer

FRAMES, RUNS = 20_000, 5


def microseconds(call) -> float:
    return min(timeit.repeat(call, number=FRAMES, repeat=RUNS)) / FRAMES * 1e6


def main() -> None:
    config = Config(call="council-7", participant="ada")
    info = FrameInfo(Kind.VIDEO, Codec.OPAQUE)
    sealer, opener = Sealer(config), Opener(config)
    opener.install_key(sealer.key())
    print("us a frame: bytes, seal, seal_into, open, open_into")
    for size in (120, 1200):
        frame, room = bytes(size), bytearray(size + 64)

        def sealed():
            return iter([sealer.seal(frame, info) for _ in range(FRAMES * RUNS)])

        figures = [microseconds(lambda: sealer.seal(frame, info))]
        figures.append(microseconds(lambda: sealer.seal_into(frame, room, info)))
        frames = sealed()
        figures.append(microseconds(lambda: opener.open(next(frames), info)))
        frames = sealed()
        figures.append(microseconds(lambda: opener.open_into(next(frames), room, info)))
        print(size, *(f"{figure:.1f}" for figure in figures))


if __name__ == "__main__":
    main()
