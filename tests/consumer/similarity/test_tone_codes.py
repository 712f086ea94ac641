from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from consumer.similarity.tone_codes import BITS, MIDDLE, PITCHES, ROWS, TEMPOS, Patches, as_it_is, at_tempos
from processor.tones import tones
from tests.consumer.sounds import hum, melody, noise, silence
from wire.fingerprints import TONES

SOUND = tones(melody(1, 15.0))


def patches_at(track: NDArray[np.uint8], tempo: float, semitones: float) -> dict[int, int]:
    """Row -> code of all patches of a sound, read at this tempo and pitch."""
    patches = dict(at_tempos(track, 0))[tempo]
    chosen = patches.pitches == PITCHES.index(semitones)
    return dict(zip(patches.rows[chosen].tolist(), patches.codes[chosen].tolist(), strict=True))


def agreement(one: dict[int, int], other: dict[int, int]) -> float:
    """Share of bits that are the same at the same rows."""
    common = sorted(one.keys() & other.keys())
    errors = [(one[row] ^ other[row]).bit_count() for row in common]
    return 1.0 - float(np.mean(errors)) / BITS


def own(track: NDArray[np.uint8]) -> dict[int, int]:
    patches = as_it_is(track, 0)
    return dict(zip(patches.rows.tolist(), patches.codes.tolist(), strict=True))


def test_a_code_has_as_many_bits_as_it_says_and_uses_them() -> None:
    codes = np.concatenate([as_it_is(tones(melody(seed, 15.0)), 0).codes for seed in range(6)])
    assert codes.min() >= 0
    assert codes.max() < 2**BITS
    ones = [((codes >> bit) & 1).mean() for bit in range(BITS)]
    assert min(ones) > 0.2
    assert max(ones) < 0.8
    assert len(np.unique(codes)) > 0.9 * len(codes)


@pytest.mark.parametrize(
    ("semitones", "tempo"),
    [(0.0, 1.0), (2.0, 1.0), (-3.0, 1.0), (0.0, 0.865), (0.0, 1.155), (-1.5, 1.075), (2.5, 0.93)],
)
def test_the_right_reading_of_an_altered_copy_has_the_originals_codes(semitones: float, tempo: float) -> None:
    altered = tones(melody(1, 15.0, semitones=semitones, tempo=tempo))
    assert agreement(patches_at(altered, tempo, semitones), own(SOUND)) > 0.85
    wrong = TEMPOS[(TEMPOS.index(tempo) + 2) % len(TEMPOS)]
    assert agreement(patches_at(altered, wrong, semitones), own(SOUND)) < 0.7


def test_between_two_readings_the_code_holds() -> None:
    """As far from any reading as can be: a quarter of a semitone, and 3.7 %."""
    altered = patches_at(tones(melody(1, 15.0, semitones=1.25, tempo=1.037)), 1.0, 1.0)
    moved = {round((row + MIDDLE) * 1.037 - MIDDLE): code for row, code in altered.items()}
    assert agreement(moved, own(SOUND)) > 0.8


def test_another_sound_has_other_codes() -> None:
    assert 0.4 < agreement(own(tones(melody(2, 15.0))), own(SOUND)) < 0.6


@pytest.mark.parametrize("sound", [silence(10.0), hum(1, 10.0)], ids=["silence", "hum"])
def test_what_does_not_change_has_hardly_any_codes(sound: NDArray[np.int16]) -> None:
    track = tones(sound)
    assert len(as_it_is(track, 0).rows) < 0.2 * len(track)
    assert len(as_it_is(track, 0).rows) < 0.2 * len(as_it_is(SOUND, 0).rows)


@pytest.mark.parametrize("rows", [0, 1, ROWS - 1, ROWS])
def test_a_moment_of_sound_has_a_patch_at_most(rows: int) -> None:
    patches = as_it_is(SOUND[:rows], 0)
    assert len(patches.rows) <= max(0, rows - ROWS + 1)
    assert patches.projections.shape == (len(patches.rows), BITS)


def test_a_patch_depends_on_nothing_far_from_it() -> None:
    """Two seconds of its own and a second and a half around it."""
    lead = tones(noise(3, 5.0))
    shifted = own(np.concatenate([lead, SOUND]))
    inner = {row: code for row, code in own(SOUND).items() if 13 <= row < len(SOUND) - ROWS - 13}
    assert inner
    assert all(shifted[row + len(lead)] == code for row, code in inner.items())


@pytest.mark.parametrize("apart", [1, 2, 5])
def test_kept_patches_are_apart_and_the_surest_around(apart: int) -> None:
    every, kept = as_it_is(SOUND, 0), as_it_is(SOUND, apart)
    assert np.diff(kept.rows).min() > apart
    sureness = dict(zip(every.rows.tolist(), every.sureness.tolist(), strict=True))
    for row, value in zip(kept.rows.tolist(), kept.sureness.tolist(), strict=True):
        assert value >= max(sureness.get(row + step, 0.0) for step in range(-apart, apart + 1))


def test_copies_keep_the_same_moments() -> None:
    copy = tones(melody(1, 15.0, hiss=0.02))
    kept, again = set(as_it_is(SOUND, 2).rows.tolist()), set(as_it_is(copy, 2).rows.tolist())
    near = sum(bool({row - 1, row, row + 1} & again) for row in kept)
    assert near / len(kept) > 0.6


def test_readings_are_of_every_tempo_and_pitch() -> None:
    readings = dict(at_tempos(SOUND, 0))
    assert tuple(readings) == TEMPOS
    for tempo, patches in readings.items():
        assert set(patches.pitches.tolist()) == set(range(len(PITCHES)))
        assert patches.rows.max() == pytest.approx(len(SOUND) * tempo - ROWS, abs=3)
    unaltered = readings[1.0]
    chosen = unaltered.pitches == PITCHES.index(0.0)
    assert dict(zip(unaltered.rows[chosen].tolist(), unaltered.codes[chosen].tolist(), strict=True)) == own(SOUND)


def test_probes_flip_the_least_sure_bits() -> None:
    projections = np.linspace(1.0, 4.0, BITS, dtype=np.float32)[None, :] * np.where(np.arange(BITS) % 2, 1, -1)
    projections[0, [5, 9]] = 0.1, -0.3
    patch = Patches(projections.astype(np.float32), np.array([0]), np.array([6]), np.array([0.5], np.float32))
    code = int(patch.codes[0])
    assert code == sum(1 << bit for bit in range(BITS) if projections[0, bit] > 0)
    probes, costs = patch.probes(2)
    assert probes.tolist() == [[code, code ^ 1 << 5, code ^ 1 << 9, code ^ 1 << 5 ^ 1 << 9]]
    least, *others = costs[0] - costs[0, 0]
    assert (least, *others) == pytest.approx((0, 0.55, 1.65, 2.2), abs=1e-4)
    alone, _ = patch.probes(0)
    assert alone.tolist() == [[code]]


def test_the_probabilities_of_all_probes_add_up_to_one() -> None:
    projections = np.random.default_rng(3).normal(size=(5, BITS)).astype(np.float32) * 2
    projections[:, 10:] += np.where(projections[:, 10:] > 0, 3, -3)
    patches = Patches(projections, np.arange(5), np.full(5, 6), np.zeros(5, np.float32))
    _, unlikely = patches.probes(10)
    assert np.exp(-unlikely.astype(np.float64)).sum(axis=1) == pytest.approx(np.ones(5), abs=1e-3)


def test_what_is_unsure_all_over_is_less_likely_than_what_is_sure() -> None:
    sure, unsure = np.full((1, BITS), 1.0, np.float32), np.full((1, BITS), 0.2, np.float32)
    one, other = (Patches(each, np.array([0]), np.array([6]), np.zeros(1, np.float32)) for each in (sure, unsure))
    assert one.probes(3)[1].min() < other.probes(3)[1].min()


def test_probes_bring_more_of_a_copy_back() -> None:
    copy = dict(at_tempos(tones(melody(1, 15.0, semitones=1.2, tempo=1.03)), 0))[1.0]
    known = set(own(SOUND).values())
    chosen = copy.pitches == PITCHES.index(1.0)
    hits = [np.isin(copy.probes(flips)[0][chosen], list(known)).any(axis=1).mean() for flips in (0, 2, 4)]
    assert hits[0] < hits[1] < hits[2]


def test_the_middle_of_a_patch_is_the_middle_of_what_it_hears() -> None:
    """A change of loudness in all bands at row 40 leaves no trace; one in some bands is felt around the same place."""
    track = np.full((80, TONES), 30, np.uint8)
    track[40:, 10:20] += 10
    patches = as_it_is(track, 3)
    strongest = int(np.linalg.norm(patches.projections, axis=1).argmax())
    assert patches.rows[strongest] + MIDDLE == pytest.approx(40 + 1.5, abs=3)
