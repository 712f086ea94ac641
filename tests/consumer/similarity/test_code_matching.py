from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from consumer.similarity.code_matching import LEAST_CODES, CodeStretch, code_stretches, is_sound

Codes = NDArray[np.uint32]


def sound(seed: int, count: int = 160) -> Codes:
    return np.random.default_rng(seed).integers(0, 2**32, count, dtype=np.uint32)


def noisy(codes: Codes, rate: float, seed: int = 0) -> Codes:
    """Each bit flipped with this probability."""
    flips = np.random.default_rng(seed).random((len(codes), 32)) < rate
    return codes ^ np.packbits(flips, axis=1).view(np.uint32).ravel()


def best_stretch(query: Codes, reference: Codes) -> CodeStretch | None:
    found = code_stretches(query, reference)
    return found[0] if found else None


def hum(count: int = 160, level: int = 0x0F0F0F0F) -> Codes:
    return np.full(count, level, np.uint32)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), lead=st.integers(0, 120), cut=st.integers(0, 80))
def test_shifted_sound_is_found_at_its_offset_without_an_error(seed: int, lead: int, cut: int) -> None:
    original = sound(seed)
    upload = np.concatenate([sound(seed + 1, lead), original[cut:]])
    found = best_stretch(upload, original)
    assert found is not None
    assert found.offset == cut - lead
    middle = slice(found.start + 12, found.stop - 12)
    assert np.array_equal(upload[middle], original[middle.start + cut - lead : middle.stop + cut - lead])
    assert found.stop - found.start == pytest.approx(len(original) - cut, abs=16)


def test_the_same_sound_is_the_same_from_beginning_to_end() -> None:
    found = best_stretch(sound(1), sound(1))
    assert found is not None
    assert (found.bit_error_rate, found.score, found.start, found.stop, found.offset) == (0.0, 1.0, 0, 160, 0)
    assert found.from_first
    assert found.to_last
    assert found.variety > 0.9


@pytest.mark.parametrize("rate", [0.02, 0.06, 0.12])
def test_another_encoding_costs_bits_and_not_the_match(rate: float) -> None:
    found = best_stretch(noisy(sound(2), rate)[20:], sound(2))
    assert found is not None
    assert found.bit_error_rate == pytest.approx(rate, abs=0.02)
    assert found.score == pytest.approx(1 - 1.5 * rate, abs=0.03)
    assert found.offset == 20


def test_the_more_bits_differ_the_lower_the_score() -> None:
    scores = [found.score for rate in (0.0, 0.05, 0.1, 0.2) if (found := best_stretch(noisy(sound(3), rate), sound(3)))]
    assert len(scores) == 4
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("seed", range(12))
def test_unrelated_sounds_do_not_line_up(seed: int) -> None:
    found = best_stretch(sound(seed, 400), sound(seed + 100, 500))
    assert found is None or (found.score < 0.7 and found.stop - found.start < 48)


@pytest.mark.parametrize("level", [0, 0x0F0F0F0F, 2**32 - 1])
def test_silence_and_hum_are_no_sound(level: int) -> None:
    assert not is_sound(hum(level=level))
    assert best_stretch(hum(level=level), hum(level=level)) is None
    assert best_stretch(hum(level=level), sound(1)) is None
    assert best_stretch(sound(1), hum(level=level)) is None


def test_a_hum_that_trembles_in_a_bit_or_two_is_still_a_hum() -> None:
    trembling = hum() ^ (sound(4) & np.uint32(1))
    assert not is_sound(trembling)


@pytest.mark.parametrize("count", [0, 1, LEAST_CODES - 1])
def test_a_moment_of_sound_is_none(count: int) -> None:
    assert not is_sound(sound(5, count))
    assert best_stretch(sound(5, count), sound(5)) is None
    assert best_stretch(sound(5), sound(5, count)) is None


def test_just_enough_sound_is_compared() -> None:
    found = best_stretch(sound(6)[40 : 40 + LEAST_CODES], sound(6))
    assert found is not None
    assert found.offset == 40
    assert found.bit_error_rate == 0.0


def test_the_variety_is_that_of_the_stretch_and_of_its_less_varied_side() -> None:
    """Speech between hums: the hum is varied nowhere."""
    upload = np.concatenate([sound(7, 60), hum(200)])
    found = best_stretch(upload, np.concatenate([sound(8, 60), hum(200)]))
    assert found is None or found.variety < 0.2
    plain = best_stretch(sound(7), sound(7))
    assert plain is not None
    assert plain.variety > 0.9


def test_the_longest_of_several_stretches_wins() -> None:
    one, other = sound(9, 60), sound(10, 120)
    upload = np.concatenate([one, sound(11, 50), other])
    reference = np.concatenate([other, sound(12, 77), one])
    longest, shorter = code_stretches(upload, reference)
    assert (longest.start, longest.stop) == pytest.approx((110, 230), abs=12)
    assert (shorter.start, shorter.stop) == pytest.approx((0, 60), abs=12)
    assert (longest.offset, shorter.offset) == (-110, 197)
    assert (longest.from_first, longest.to_last, shorter.to_last) == (True, True, True)


def test_a_jingle_repeated_a_hundred_times_hides_nothing() -> None:
    jingle = sound(13, 20)
    reference = np.concatenate([np.tile(jingle, 60), sound(14, 120)])
    found = best_stretch(sound(14, 120), reference)
    assert found is not None
    assert found.offset == 1200
    assert found.bit_error_rate == 0.0


def test_comparing_is_deterministic_and_looks_both_ways() -> None:
    one, other = sound(15)[30:], noisy(sound(15), 0.05)
    there, back = best_stretch(one, other), best_stretch(other, one)
    assert there == best_stretch(one, other)
    assert there is not None
    assert back is not None
    assert (back.start, back.offset) == (there.start + there.offset, -there.offset)
    assert back.bit_error_rate == pytest.approx(there.bit_error_rate)


def stretch(bit_error_rate: float, chance: float) -> CodeStretch:
    return CodeStretch(0, 40, 0, bit_error_rate, chance, 0.5, from_first=True, to_last=True)


@given(st.floats(0, 1), st.floats(0, 0.5))
def test_a_score_is_a_share(rate: float, chance: float) -> None:
    assert 0.0 <= stretch(rate, chance).score <= 1.0


@pytest.mark.parametrize("chance", [0.1, 0.2, 0.35, 0.5])
def test_what_chance_would_give_is_no_likeness(chance: float) -> None:
    assert stretch(chance, chance).score == pytest.approx(0.25)
    assert stretch(0.0, chance).score == 1.0
    assert stretch(chance / 2, chance).score == pytest.approx(0.625)


@pytest.mark.parametrize("chance", [0.0, 0.01, 0.03])
def test_codes_that_hardly_differ_anywhere_are_not_alike(chance: float) -> None:
    assert stretch(0.0, chance).score < 0.5


def test_two_noises_whose_bits_are_mostly_the_same_are_not_alike() -> None:
    """White noise sets each bit in nearly all codes, or in hardly any."""
    usual = np.random.default_rng(20).random(32) < 0.5
    bits = [np.where(np.random.default_rng(seed).random((300, 32)) < 0.1, ~usual, usual) for seed in (1, 2)]
    one, other = (np.packbits(each, axis=1).view(np.uint32).ravel() for each in bits)
    found = best_stretch(one, other)
    assert found is not None
    assert found.bit_error_rate < 0.2
    assert found.score < 0.35
    copied = best_stretch(noisy(one, 0.01), one)
    assert copied is not None
    assert copied.score > 0.9


def test_a_sound_that_comes_again_and_again_has_no_variety() -> None:
    siren = np.tile(sound(21, 16), 12)
    found = best_stretch(noisy(siren, 0.02), siren)
    assert found is not None
    assert found.score > 0.9
    assert found.variety < 0.2


def test_an_interruption_makes_two_stretches() -> None:
    original = sound(22, 200)
    upload = np.concatenate([original[:80], sound(23, 40), original[120:]])
    first, second = sorted(code_stretches(upload, original), key=lambda each: each.start)
    assert (first.offset, second.offset) == (0, 0)
    assert first.stop == pytest.approx(80, abs=12)
    assert second.start == pytest.approx(120, abs=12)
    assert (first.from_first, first.to_last, second.from_first, second.to_last) == (True, False, False, True)
