"""The ways in which a good video is damaged. Each is a pure function of the bytes and of chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

from benchmarks.fuzz.parts import Part, parts_of

Mutation = Callable[[bytes, Sequence[bytes], Random], bytes]
"""(the file, all good files, chance) -> a damaged file."""

_TELLING = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
"""Numbers at which counters and signs turn over."""

_LARGE_PART = 4096


def bit_flips(data: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    """1 to 64 bits, anywhere."""
    damaged = bytearray(data)
    for _ in range(1 << chance.randrange(7)):
        damaged[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def header_flips(data: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    """1 to 16 bits in boxes that describe and hold no pictures."""
    small = _describing(data)
    damaged = bytearray(data)
    for _ in range(1 << chance.randrange(5)):
        part = chance.choice(small)
        damaged[chance.randrange(part.start, part.stop)] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def numbers(data: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    """1 to 4 numbers of the describing boxes become ones at which something turns over."""
    small = _describing(data)
    damaged = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        part, width = chance.choice(small), chance.choice((1, 2, 4, 8))
        at = chance.randrange(part.content, max(part.content + 1, part.stop - width + 1))
        value = chance.choice(_TELLING) if width < 8 else chance.choice(_TELLING) << chance.choice((0, 32))
        damaged[at : at + width] = (value & (1 << 8 * width) - 1).to_bytes(width, "big")
    return bytes(damaged)


def truncation(data: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    """The end is missing: some of it, or nearly all."""
    return data[: chance.randrange(1, len(data)) if chance.random() < 0.8 else chance.randrange(1, 200)]


def hole(data: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    """A stretch of the middle is missing."""
    start = chance.randrange(len(data))
    return data[:start] + data[start + chance.randrange(1, max(2, len(data) // 4)) :]


def overwriting(data: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    """A stretch is zeros, ones, or noise."""
    start, length = chance.randrange(len(data)), 1 << chance.randrange(13)
    length = min(length, len(data) - start)
    fill = chance.choice((bytes(length), b"\xff" * length, chance.randbytes(length)))
    return data[:start] + fill + data[start + length :]


def box_sizes(data: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    """1 to 3 boxes, elements or chunks say another size than they have."""
    parts, damaged = parts_of(data), bytearray(data)
    for _ in range(chance.randint(1, 3)):
        part = chance.choice(parts)
        told = chance.choice((*_TELLING, part.stop - part.start + chance.randint(-64, 64), chance.getrandbits(56)))
        width = part.size_bytes
        if data[:4] == b"\x1a\x45\xdf\xa3":
            told = 1 << 7 * width | told & (1 << 7 * width) - 1
        damaged[part.size_at : part.size_at + width] = (told & (1 << 8 * width) - 1).to_bytes(
            width, "little" if data[:4] == b"RIFF" else "big"
        )
    return bytes(damaged)


def box_missing(data: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    """A box, element or chunk is gone, and those around it do not know."""
    part = chance.choice(parts_of(data))
    return data[: part.start] + data[part.stop :]


def box_repeated(data: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    """A box, element or chunk is there again, up to 200 times, at its place or at another's."""
    parts = parts_of(data)
    part, place = chance.choice(parts), chance.choice(parts)
    times = min(chance.choice((1, 2, 20, 200)), 1 + (1 << 20) // (part.stop - part.start))
    return data[: place.start] + data[part.start : part.stop] * times + data[place.start :]


def box_swapped(data: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    """Two boxes, elements or chunks have changed places, where one is not within the other."""
    parts = parts_of(data)
    first, second = sorted(chance.choices(parts, k=2), key=lambda part: part.start)
    if second.start < first.stop:
        return box_missing(data, others, chance)
    pieces = (data[: first.start], data[second.start : second.stop], data[first.stop : second.start])
    return b"".join(pieces) + data[first.start : first.stop] + data[second.stop :]


def box_transplanted(data: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    """A box, element or chunk of another video stands in the place of one."""
    donor = chance.choice(others)
    taken, part = chance.choice(parts_of(donor)), chance.choice(parts_of(data))
    return data[: part.start] + donor[taken.start : taken.stop] + data[part.stop :]


def several(data: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    """Two to four of the others, one after another."""
    for _ in range(chance.randint(2, 4)):
        if len(parts_of(data)) > 1:
            data = chance.choice([each for name, each in MUTATIONS.items() if name != "several"])(data, others, chance)
    return data


MUTATIONS: Mapping[str, Mutation] = {
    each.__name__.replace("_", " "): each
    for each in (
        bit_flips,
        header_flips,
        numbers,
        truncation,
        hole,
        overwriting,
        box_sizes,
        box_missing,
        box_repeated,
        box_swapped,
        box_transplanted,
        several,
    )
}


def mutated(number: int, seed: int, good: Mapping[str, bytes]) -> tuple[str, str, bytes]:
    """(kind, name of the good file, bytes) of damaged file `number`: the same for the same seed and good files."""
    chance = Random(f"{seed}-{number}")
    kind = list(MUTATIONS)[number % len(MUTATIONS)]
    name = chance.choice(sorted(good))
    return kind, name, MUTATIONS[kind](good[name], list(good.values()), chance)


def _describing(data: bytes) -> list[Part]:
    """Parts small enough to be about the video, and not the video."""
    parts = [part for part in parts_of(data) if part.stop - part.start <= _LARGE_PART and part.stop > part.content]
    return parts or [Part(0, 0, len(data), 0, 1)]
