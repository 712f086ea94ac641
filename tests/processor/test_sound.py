from __future__ import annotations

import functools
from itertools import pairwise

import chromaprint
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from processor.sound import (
    BLOCK_SECONDS,
    WINDOW,
    Block,
    BlockSound,
    audio_hash,
    blocks_of,
    code_count,
    first_code_at,
    without_quiet,
    without_silence,
)
from processor.tones import HOP, RATE, tones
from wire.fingerprints import CODE_SECONDS, TONES

NOISE = (np.random.default_rng(3).normal(size=30 * RATE) * 4000).astype(np.int16)


@functools.cache
def of_noise() -> tuple[list[int], NDArray[np.uint8]]:
    """Codes and tones of NOISE."""
    return reference(NOISE), tones(NOISE)


def reference(pcm: NDArray[np.int16]) -> list[int]:
    """Chromaprint over everything at once."""
    printer = chromaprint.Fingerprinter()
    printer.start(RATE, 1)
    printer.feed(pcm.astype("<i2").tobytes())
    codes: list[int] = chromaprint.decode_fingerprint(printer.finish())[0]
    return codes


def codes_of(block: Block, pieces: list[tuple[int, NDArray[np.int16]]]) -> list[int]:
    codes: list[int] = collected(block, pieces).finish().codes.tolist()
    return codes


def tones_of(block: Block, pieces: list[tuple[int, NDArray[np.int16]]]) -> bytes:
    return collected(block, pieces).finish().tones.tobytes()


def collected(block: Block, pieces: list[tuple[int, NDArray[np.int16]]]) -> BlockSound:
    sound = BlockSound(block)
    for position, pcm in pieces:
        sound.feed(position, pcm)
    return sound


@pytest.mark.parametrize("samples", [0, WINDOW - 1, WINDOW, WINDOW + HOP - 1, WINDOW + HOP, 20 * RATE, 30 * RATE])
def test_the_number_of_codes_is_chromaprints(samples: int) -> None:
    assert code_count(samples / RATE + 1e-9) == (len(reference(NOISE[:samples])) if samples else 0)


def test_one_block_gives_chromaprints_codes() -> None:
    count = code_count(30)
    assert codes_of(Block(0, 0, count), [(0, NOISE)]) == reference(NOISE)


@given(st.lists(st.integers(1, 30 * RATE), max_size=6), st.integers(0, 100), st.integers(1, 100))
def test_any_cutting_and_any_start_give_the_same_codes(cuts: list[int], first: int, count: int) -> None:
    edges = [0, *sorted(cuts), len(NOISE)]
    pieces = [(a, NOISE[a:b]) for a, b in pairwise(edges)]
    codes, heard = of_noise()
    for origin in (first, 0):
        found = collected(Block(origin, first, first + count), pieces).finish()
        assert found.codes.tolist() == codes[first : first + count]
        assert found.tones.tobytes() == heard[first : first + count].tobytes()
    assert tones_of(Block(0, first, first + count, True), pieces) == heard[first : first + count + 19].tobytes()


def test_gaps_become_silence_and_overlaps_are_left_out() -> None:
    gap = NOISE.copy()
    gap[50_000:90_000] = 0
    pieces = [(0, NOISE[:50_000]), (90_000, NOISE[90_000:200_000]), (150_000, NOISE[150_000:])]
    assert codes_of(Block(0, 0, code_count(30)), pieces) == reference(gap)
    assert tones_of(Block(0, 0, code_count(30), True), pieces) == tones(gap).tobytes()


def test_sound_before_the_video_is_left_out() -> None:
    assert codes_of(Block(0, 0, 50), [(-5000, NOISE)]) == reference(NOISE[5000:])[:50]


def test_missing_sound_at_the_end_is_silence() -> None:
    padded = np.concatenate([NOISE[: 10 * RATE], np.zeros(20 * RATE, np.int16)])
    assert codes_of(Block(0, 0, code_count(30)), [(0, NOISE[: 10 * RATE])]) == reference(padded)


def test_a_finished_block_stays_as_it_is() -> None:
    sound = collected(Block(0, 0, 50), [(0, NOISE)])
    first = sound.finish()
    sound.feed(0, NOISE[::-1])
    assert sound.finish() is first
    assert first.codes.tolist() == reference(NOISE)[:50]
    assert first.tones.tobytes() == tones(NOISE)[:50].tobytes()


def test_silence_with_dither_is_silence() -> None:
    dither = np.random.default_rng(1).integers(-2, 3, 20 * RATE).astype(np.int16)
    codes = np.array(codes_of(Block(0, 0, code_count(20)), [(0, dither)]), np.uint32)
    assert len(codes) > 0
    assert len(without_silence(codes)) == 0
    quiet = collected(Block(0, 0, code_count(20), True), [(0, dither)]).finish().tones
    assert len(quiet) > 0
    assert without_quiet(quiet).shape == (0, TONES)


def test_sound_is_not_taken_for_silence() -> None:
    codes = np.array(reference(NOISE), np.uint32)
    assert (without_silence(codes) == codes).all()
    assert without_quiet(tones(NOISE)).tobytes() == tones(NOISE).tobytes()
    assert len(without_silence(np.zeros(0, np.uint32))) == 0


@given(st.floats(0, 500), st.lists(st.floats(0, 500), max_size=4))
def test_blocks_tile_the_codes(duration: float, cuts: list[float]) -> None:
    edges = [0.0, *sorted(cut for cut in cuts if cut < duration), duration]
    blocks = [block for a, b in pairwise(edges) for block in blocks_of(a, b, duration)]
    indices = [code for block in blocks for code in range(block.first_code, block.stop_code)]
    assert indices == list(range(code_count(duration)))
    rows = [row for block in blocks for row in range(block.first_code, block.stop_tone)]
    assert rows == (list(range(code_count(duration) + 19)) if indices else [])
    assert all(block.stop_tone * HOP <= block.end for block in blocks)
    assert all(block.origin <= block.first_code < block.stop_code for block in blocks)


def test_ranges_of_whole_minutes_decode_nothing_twice() -> None:
    assert all(block.origin == block.first_code for block in blocks_of(5 * BLOCK_SECONDS, 10 * BLOCK_SECONDS, 3600))
    assert first_code_at(300) * CODE_SECONDS >= 300 > (first_code_at(300) - 1) * CODE_SECONDS


def test_audio_hash_is_the_majority_of_each_bit() -> None:
    assert audio_hash(np.array([0b0111, 0b0011, 0b0001, 0x80000000], np.uint32)) == "00000001"
    assert audio_hash(np.array([0xDEADBEEF], np.uint32)) == "deadbeef"
    assert audio_hash(np.zeros(0, np.uint32)) is None
