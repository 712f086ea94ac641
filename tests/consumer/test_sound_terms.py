from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from consumer.similarity.tone_codes import PITCHES, TEMPOS
from consumer.sound_terms import COMMON, MOST_ASKED, SoundQuestion, sound_question, sound_terms, sound_votes
from tests.consumer.fingerprints import blank_fingerprint
from tests.consumer.sounds import Pcm, heard_in, hum, joined, melody, noise, silence
from wire.fingerprints import Fingerprint

BARE = blank_fingerprint()
TONES = 2


def with_codes(codes: NDArray[np.uint32]) -> Fingerprint:
    return replace(BARE, codes=codes)


CODES = st.lists(st.integers(0, 2**32 - 1), max_size=120).map(lambda codes: np.array(codes, np.uint32))


@settings(max_examples=60, deadline=None)
@given(lead=CODES, middle=CODES, tail=CODES)
def test_the_same_codes_are_kept_wherever_they_stand(
    lead: NDArray[np.uint32], middle: NDArray[np.uint32], tail: NDArray[np.uint32]
) -> None:
    alone = sound_terms(with_codes(middle))
    within = sound_terms(with_codes(np.concatenate([lead, middle, tail])))
    moved = {(term, position - len(lead)) for term, position in within}
    # The first code alone may be a repeat of the one before it.
    assert {found for found in alone if found[1] > 0} <= moved
    assert {found for found in moved if 0 < found[1] < len(middle)} <= set(alone)


def test_a_term_is_the_top_of_a_code_at_its_position() -> None:
    codes = np.random.default_rng(1).integers(0, 2**32, 4000, dtype=np.uint32)
    terms = sound_terms(with_codes(codes))
    assert all(term == int(codes[position]) >> 4 for term, position in terms)
    assert [position for _, position in terms] == sorted(position for _, position in terms)
    assert len(terms) / len(codes) == pytest.approx(1 / 8, abs=0.02)


def test_the_lowest_bits_do_not_matter() -> None:
    codes = np.random.default_rng(2).integers(0, 2**32, 500, dtype=np.uint32)
    assert sound_terms(with_codes(codes)) == sound_terms(with_codes(codes ^ np.uint32(5)))


def test_a_hum_is_one_term_at_most() -> None:
    for level in range(0, 2**32, 2**28):
        assert len(sound_terms(with_codes(np.full(500, level, np.uint32)))) <= 1


def test_silence_has_no_terms_and_asks_for_none() -> None:
    for quiet in (BARE, heard_in(silence()), heard_in(silence(1.0))):
        assert sound_terms(quiet) == []
        assert len(sound_question(quiet).terms) == 0


def test_tones_and_codes_never_share_a_term() -> None:
    sound = heard_in(melody(1, 15.0))
    codes = {term for term, _ in sound_terms(replace(sound, tones=BARE.tones))}
    tones = {term for term, _ in sound_terms(replace(sound, codes=BARE.codes))}
    assert codes
    assert tones
    assert max(codes) < 2**28 <= min(tones)
    assert max(tones) < 2**29
    assert sorted(sound_terms(sound)) == sorted(
        sound_terms(replace(sound, tones=BARE.tones)) + sound_terms(replace(sound, codes=BARE.codes))
    )


@pytest.mark.parametrize("seconds", [20.0, 120.0])
def test_a_video_has_three_or_four_terms_a_second(seconds: float) -> None:
    assert 2.5 < len(sound_terms(heard_in(melody(2, seconds)))) / seconds < 4.5


def test_a_sound_played_over_and_over_has_each_term_a_few_times() -> None:
    terms = [term for term, _ in sound_terms(heard_in(joined(*[melody(3, 4 * 1365 / 11025 * 10)] * 40)))]
    assert 2 <= max(terms.count(term) for term in terms) <= 8


@pytest.mark.parametrize("seconds", [1.0, 8.0, 60.0, 600.0])
def test_an_upload_asks_for_so_many_terms_at_most(seconds: float) -> None:
    question = sound_question(
        heard_in(joined(*[melody(4, 20.0)] * round(max(1, seconds / 20)))[: int(seconds * 11025)])
    )
    tones = np.unique(question.terms[question.readings > 0])
    assert len(tones) <= MOST_ASKED
    assert seconds != 60 or len(tones) > MOST_ASKED / 2
    assert len(question.terms) <= 3 * MOST_ASKED + 2000
    assert (np.diff(question.terms) >= 0).all()
    assert len(question.terms) == len(question.readings) == len(question.positions)


def test_a_long_upload_asks_for_all_of_its_length_at_every_reading() -> None:
    question = sound_question(heard_in(joined(*(melody(seed, 20.0) for seed in range(12)))))
    tones = question.readings > 0
    assert len(np.unique(question.readings[tones])) > 60
    counts = np.bincount((question.positions[tones] * 12 // (question.positions[tones].max() + 1)), minlength=12)
    assert counts.min() > counts.max() / 12


def test_usual_changes_are_asked_for_more_than_unusual_ones() -> None:
    """A pitch alone, a tempo alone, or a speed, which is both: the rest is left to what is surest."""
    question = sound_question(heard_in(melody(2, 60.0)))
    reading = question.readings[question.readings > 0] - 1
    tempos, pitches = np.array(TEMPOS)[reading // len(PITCHES)], np.array(PITCHES)[reading % len(PITCHES)]
    alone = (tempos == 1) | (pitches == 0) | (abs(pitches - 12 * np.log2(tempos)) <= 0.25)
    usual = sum(
        tempo == 1 or pitch == 0 or abs(pitch - 12 * np.log2(tempo)) <= 0.25 for tempo in TEMPOS for pitch in PITCHES
    )
    assert alone.sum() / usual > 3 * (~alone).sum() / (len(TEMPOS) * len(PITCHES) - usual) > 0


Rows = list[tuple[int, str, int]]


def catalogue(sounds: dict[str, Pcm]) -> Rows:
    return [(term, name, position) for name, sound in sounds.items() for term, position in sound_terms(heard_in(sound))]


def found(upload: Pcm, rows: Rows) -> list[str]:
    question = sound_question(heard_in(upload))
    asked = set(question.terms.tolist())
    votes = sound_votes(question, [row for row in rows if row[0] in asked])
    return sorted(votes, key=lambda name: -votes[name])


@functools.cache
def sixty() -> Rows:
    """v0 to v59, noise and a hum."""
    return catalogue({f"v{seed}": melody(seed, 15.0) for seed in range(60)} | {"noise": noise(1), "hum": hum(1)})


@pytest.mark.parametrize(
    ("semitones", "tempo"),
    [
        (0, 1),
        (0, 1.08),
        (0, 0.92),
        (1.33, 1),
        (-1.44, 1),
        (1.33, 1.08),
        (-1.44, 0.92),
        (2.57, 1.16),
        (-3.02, 0.84),
        (0.5, 0.97),
    ],
)
def test_sound_at_another_pitch_and_tempo_names_its_original_first(semitones: float, tempo: float) -> None:
    for seed in (7, 23, 41):
        assert found(melody(seed, 15.0, semitones=semitones, tempo=tempo), sixty())[0] == f"v{seed}"


def test_a_part_of_an_altered_sound_names_its_original() -> None:
    part = melody(11, 15.0, semitones=-1.0, tempo=1.05)[3 * 11025 : 12 * 11025]
    assert found(joined(melody(90, 6.0), part, melody(91, 5.0)), sixty())[0] == "v11"


@pytest.mark.parametrize(
    "upload", [melody(95, 15.0), noise(2), hum(2), silence()], ids=["other", "noise", "hum", "none"]
)
def test_what_the_catalogue_does_not_hold_names_hardly_any(upload: Pcm) -> None:
    assert len(found(upload, sixty())) <= 2


def asking(*asked: tuple[int, int, int]) -> SoundQuestion:
    return SoundQuestion.of(asked)


def votes(question: SoundQuestion, rows: Sequence[tuple[int, str, int]]) -> dict[str, float]:
    return sound_votes(question, rows)


def test_nothing_found_is_no_vote() -> None:
    assert votes(asking((5, 0, 1)), []) == {}
    assert votes(asking(), []) == {}


def test_terms_at_one_offset_count_and_terms_all_over_the_place_do_not() -> None:
    question = asking(*((position, 0, position) for position in range(0, 60, 6)))
    aligned = [(position, "aligned", position + 37) for position in range(0, 60, 6)]
    scattered = [(position, "scattered", (position * 7919) % 1000) for position in range(0, 60, 6)]
    counted = votes(question, aligned + scattered)
    assert counted["aligned"] == pytest.approx(5.0)
    assert counted["scattered"] <= 1.0


def test_an_offset_on_the_border_of_two_bins_is_not_split() -> None:
    question = asking(*((n, 0, n * 10) for n in range(8)))
    assert votes(question, [(n, "jittering", n * 10 + 7 + n % 2) for n in range(8)])["jittering"] == 8.0


def test_terms_that_many_share_are_worth_little_and_those_that_very_many_share_nothing() -> None:
    question = asking(*((position, 0, position) for position in range(120)))
    jingle = [(position, f"channel{n}", position) for n in range(20) for position in range(10)]
    theme = [(position, f"series{n}", position) for n in range(COMMON) for position in range(20, 90)]
    own = [(position, "copy", position + 5) for position in range(100, 104)]
    counted = votes(question, jingle + theme + own)
    assert counted["copy"] == 4.0
    assert counted["channel3"] == pytest.approx(0.5)
    assert not any(name.startswith("series") for name in counted)


def test_a_single_moment_of_tones_is_chance_and_two_are_not() -> None:
    question = asking((1, TONES, 10), (2, TONES, 20), (3, 0, 30))
    assert votes(question, [(1, "once", 15)]) == {}
    assert votes(question, [(1, "twice", 15), (2, "twice", 25)]) == {"twice": 2.0}
    assert votes(question, [(1, "apart", 15), (2, "apart", 99)]) == {}
    assert votes(question, [(3, "code", 77)]) == {"code": 1.0}


def test_moments_of_different_readings_are_not_added_up() -> None:
    question = asking((1, 2, 10), (2, 3, 20))
    assert votes(question, [(1, "mixed", 15), (2, "mixed", 25)]) == {}


def test_several_probes_of_one_moment_are_one_vote() -> None:
    question = asking((1, TONES, 10), (2, TONES, 10), (3, TONES, 10))
    assert votes(question, [(term, "same", 15) for term in (1, 2, 3)]) == {}


ROWS = st.lists(st.tuples(st.integers(0, 30), st.sampled_from("abcdef"), st.integers(0, 200)), max_size=60)
ASKED = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3), st.integers(0, 200)), max_size=60)


@given(asked=ASKED, rows=ROWS, random=st.randoms(use_true_random=False))
def test_the_order_of_rows_and_terms_does_not_matter(
    asked: list[tuple[int, int, int]], rows: Rows, random: np.random.Generator
) -> None:
    counted = votes(asking(*asked), rows)
    random.shuffle(asked)
    random.shuffle(rows)
    assert votes(asking(*asked), rows) == pytest.approx(counted)
    shared = {term for term, _, _ in asked} & {term for term, _, _ in rows}
    assert set(counted) <= {name for term, name, _ in rows if term in shared}
    assert all(vote > 0 for vote in counted.values())
