"""A test picture with motion and a code, by which programs recognise its sender; the page's own (examples/meet/src/marker.ts)."""

import binascii
from typing import List

COLUMNS, ROWS = 24, 2
# The code's place, as parts of the picture's width and height.
LEFT, TOP, WIDTH, HEIGHT = 0.035, 0.055, 0.24, 0.036
DARK, LIGHT, BALL = 28, 230, 170


def hash_name(name: str) -> int:
    """16 bits that stand for a name: FNV-1a, folded."""
    value = 0x811C9DC5
    for byte in name.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return (value ^ (value >> 16)) & 0xFFFF


class Picture:
    """Frames of I420, one after the other."""

    def __init__(self, name: str, width: int, height: int) -> None:
        self._sender, self._width, self._height, self._frame = hash_name(name), width, height, 0
        # Grey from left to right, and a colour that the name decides.
        row = bytes(60 + 100 * x // width for x in range(width))
        colours = bytes([96 + self._sender % 64]) * (width * height // 4) + bytes([96 + self._sender // 64 % 64]) * (width * height // 4)
        self._still = bytearray(row * height + colours)
        left, top = width * LEFT, height * TOP
        cell_width, cell_height = width * WIDTH / COLUMNS, height * HEIGHT / ROWS
        self._fill(self._still, left - cell_width / 2, top - cell_height / 4, cell_width * (COLUMNS + 1), cell_height * (ROWS + 0.5), DARK)

    def next(self) -> bytes:
        """The next frame."""
        width, height = self._width, self._height
        frame = bytearray(self._still)
        for at, bit in enumerate(self._bits()):
            if bit:
                x, y = at % COLUMNS * width * WIDTH / COLUMNS, at // COLUMNS * height * HEIGHT / ROWS
                self._fill(frame, width * LEFT + x, height * TOP + y, width * WIDTH / COLUMNS, height * HEIGHT / ROWS, LIGHT)
        side = height // 6
        self._fill(frame, self._frame * 4 % (width - side), height // 2, side, side, BALL)
        self._frame += 1
        return bytes(frame)

    def _fill(self, plane: bytearray, left: float, top: float, width: float, height: float, level: int) -> None:
        first, last = round(left), round(left + width)
        for y in range(round(top), round(top + height)):
            plane[y * self._width + first : y * self._width + last] = bytes([level]) * (last - first)

    def _bits(self) -> List[int]:
        frame = self._frame & 0xFFFF
        check = binascii.crc_hqx(self._sender.to_bytes(2, "big") + frame.to_bytes(2, "big"), 0xFFFF)
        return [word >> (15 - at) & 1 for word in (self._sender, frame, check) for at in range(16)]
