"""Pictures that are laid over clips: captions, logos, smileys, shapes, title cards. Pure; no font of the machine is
asked.

A picture is uint8 [height, width, 4], RGBA, 0..255.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

WHITE, BLACK, YELLOW = (255, 255, 255), (0, 0, 0), (250, 205, 40)
_LETTER_ROWS, _LETTER_COLUMNS = 7, 5
_GLYPHS = {
    "A": "0E11111F111111", "B": "1E11111E11111E", "C": "0E11101010110E", "D": "1E11111111111E", "E": "1F10101E10101F",
    "F": "1F10101E101010", "G": "0E11101711110F", "H": "1111111F111111", "I": "0E04040404040E", "J": "0702020202120C",
    "K": "11121418141211", "L": "1010101010101F", "M": "111B1515111111", "N": "11111915131111", "O": "0E11111111110E",
    "P": "1E11111E101010", "Q": "0E11111115120D", "R": "1E11111E141211", "S": "0F10100E01011E", "T": "1F040404040404",
    "U": "1111111111110E", "V": "11111111110A04", "W": "1111111515150A", "X": "11110A040A1111", "Y": "1111110A040404",
    "Z": "1F01020408101F", " ": "00000000000000",
}  # fmt: skip
"""Each row of a letter is two hex digits, of which the lower five bits are its dots."""


def clear(width: int, height: int) -> Pixels:
    return np.zeros((height, width, 4), np.uint8)


def filled(width: int, height: int, colour: tuple[int, int, int]) -> Pixels:
    picture = clear(width, height)
    picture[...] = (*colour, 255)
    return picture


def lettering(text: str, dot: int) -> Mask:
    """bool [7 * dot, n]: capital letters and spaces, dot pixels to each of their dots."""
    columns = [np.zeros((_LETTER_ROWS, 1), bool)]
    for letter in text:
        rows = np.frombuffer(bytes.fromhex(_GLYPHS[letter]), np.uint8)
        bits = np.unpackbits(rows[:, None], axis=1)[:, -_LETTER_COLUMNS:].astype(bool)
        columns += [bits, np.zeros((_LETTER_ROWS, 1), bool)]
    return np.kron(np.hstack(columns), np.ones((dot, dot), bool)).astype(bool)


def write(picture: Pixels, text: str, box: tuple[int, int, int, int], colour: tuple[int, int, int]) -> None:
    """Sets one line as large as box (left, top, width, height) allows, in its middle."""
    left, top, width, height = box
    dot = max(1, min(height // _LETTER_ROWS, width // (6 * len(text) + 1)))
    mask = lettering(text, dot)[:height, :width]
    rows, columns = mask.shape
    y, x = top + (height - rows) // 2, left + (width - columns) // 2
    picture[y : y + rows, x : x + columns][mask] = (*colour, 255)


def caption(width: int, height: int, share: float, lines: Sequence[str]) -> Pixels:
    """A dark band with white lines over the lower `share` of the picture."""
    picture, rows = clear(width, height), round(height * share)
    top = height - rows
    picture[top:] = (16, 16, 24, 235)
    each = rows // len(lines)
    for number, line in enumerate(lines):
        write(picture, line, (width // 20, top + number * each + each // 8, width * 9 // 10, each * 3 // 4), WHITE)
    return picture


def logo(width: int, height: int, share: float, dice: Random) -> Pixels:
    """A disc with two letters in one of the corners. share: its diameter, of the shorter side of the picture."""
    picture, side = clear(width, height), max(8, round(min(width, height) * share))
    gap = side // 6
    y = dice.choice((gap, height - side - gap))
    x = dice.choice((gap, width - side - gap))
    _disc(picture, (x + side / 2, y + side / 2), side / 2, (200, 30, 60))
    write(picture, "TV", (x + side // 6, y + side // 4, side * 2 // 3, side // 2), WHITE)
    return picture


def smileys(width: int, height: int, count: int, share: float, dice: Random) -> Pixels:
    """share: diameter of each, of the shorter side of the picture."""
    picture, radius = clear(width, height), min(width, height) * share / 2
    for _ in range(count):
        x, y = dice.uniform(radius, width - radius), dice.uniform(radius, height - radius)
        _disc(picture, (x, y), radius, YELLOW)
        for side in (-1, 1):
            _disc(picture, (x + side * radius * 0.35, y - radius * 0.25), radius * 0.13, BLACK)
        _disc(picture, (x, y + radius * 0.35), radius * 0.4, BLACK)
        _disc(picture, (x, y + radius * 0.2), radius * 0.42, YELLOW)
    return picture


def shapes(width: int, height: int, count: int, share: float, dice: Random) -> Pixels:
    """Boxes and triangles in strong colours. share: longer side of each, of the shorter side of the picture."""
    picture, side = clear(width, height), round(min(width, height) * share)
    y, x = np.mgrid[:side, :side]
    for number in range(count):
        left, top = dice.randrange(width - side), dice.randrange(height - side)
        mask = (x <= y) if number % 2 else (y >= side // 3)
        colour = tuple(dice.choice((20, 130, 240)) for _ in range(3))
        picture[top : top + side, left : left + side][mask] = (*colour, 255)
    return picture


def title_card(width: int, height: int, text: str, ground: tuple[int, int, int] = (12, 12, 20)) -> Pixels:
    """A line in the middle of a plain ground, and a rule under it."""
    picture = filled(width, height, ground)
    write(picture, text, (width // 10, height * 2 // 5, width * 4 // 5, height // 5), WHITE)
    picture[height * 2 // 3 : height * 2 // 3 + max(2, height // 120), width // 4 : width * 3 // 4] = (*WHITE, 255)
    return picture


def pam(picture: Pixels) -> bytes:
    """The picture as a PAM file, which FFmpeg reads (netpbm.sourceforge.net/doc/pam.html)."""
    height, width, depth = picture.shape
    head = f"P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {depth}\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
    return head.encode() + picture.tobytes()


def _disc(picture: Pixels, centre: tuple[float, float], radius: float, colour: tuple[int, int, int]) -> None:
    y, x = np.ogrid[: picture.shape[0], : picture.shape[1]]
    picture[(x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2] = (*colour, 255)
