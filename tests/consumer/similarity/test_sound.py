from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from consumer.similarity import compare
from consumer.similarity.sound import Heard, has_sound, heard
from tests.consumer.fingerprints import blank_fingerprint
from tests.consumer.sounds import Pcm, heard_in, hum, joined, melody, mixed, noise, silence, siren
from wire.fingerprints import Fingerprint


@functools.cache
def original() -> Fingerprint:
    return heard_in(melody(1, 18.0))


def accuses(stretches: list[Heard]) -> bool:
    """By the policy's thresholds for sound alone."""
    return any(each.score >= 0.8 and each.seconds >= 5 and each.variety >= 0.3 for each in stretches)


def ends(stretch: Heard) -> tuple[float, float, float, float]:
    return stretch.start, stretch.end, stretch.ref_start, stretch.ref_end


def test_the_same_recording_is_the_same_from_end_to_end() -> None:
    (found,) = heard(original(), original())
    assert (found.score, found.speed, found.pitch_semitones) == (1.0, 1.0, 0.0)
    assert ends(found) == pytest.approx((0, 18, 0, 18), abs=0.2)
    assert found.seconds == pytest.approx(18, abs=0.2)


def test_the_same_recording_is_told_by_its_codes_alone() -> None:
    """Tones are not asked where the codes leave nothing open."""
    without = replace(original(), tones=original().tones[:0])
    assert heard(without, without) == heard(original(), original())


@pytest.mark.parametrize(("lead", "tail"), [(0.0, 6.0), (6.0, 0.0), (5.0, 4.0)])
def test_a_cut_between_other_sounds_is_found_to_the_second(lead: float, tail: float) -> None:
    middle = melody(1, 18.0)[4 * 11025 : 15 * 11025]
    upload = joined(melody(50, 12.0)[: int(lead * 11025)], middle, melody(51, 12.0)[: int(tail * 11025)])
    found = heard(heard_in(upload), original())
    assert ends(found[0]) == pytest.approx((lead, lead + 11, 4, 15), abs=1.0)
    assert accuses(found)


@pytest.mark.parametrize("seconds", [4.0, 5.5, 7.0, 10.0])
@pytest.mark.parametrize(("lead", "tail"), [(0.0, 8.0), (6.0, 6.0), (8.0, 0.0)])
def test_the_seconds_are_those_that_sound_the_same(seconds: float, lead: float, tail: float) -> None:
    shared = melody(5, 14.0)[2 * 11025 : int((2 + seconds) * 11025)]
    one, other = (
        heard_in(joined(melody(seed, 8.0)[: int(lead * 11025)], shared, melody(seed + 1, 8.0)[: int(tail * 11025)]))
        for seed in (70, 90)
    )
    found = heard(one, other)
    assert found[0].seconds == pytest.approx(seconds, abs=0.5)
    assert found[0].end - found[0].start == pytest.approx(seconds, abs=0.5)
    assert accuses(found) == (seconds > 5)


@pytest.mark.parametrize("seconds", [5.1, 6.0, 8.0])
def test_the_same_few_seconds_are_heard_as_long_as_they_are(seconds: float) -> None:
    (found,) = heard(short := heard_in(melody(5, seconds)), short)
    assert found.seconds == pytest.approx(seconds, abs=0.15)
    assert found.score == 1.0
    assert found.variety > 0.5


@pytest.mark.parametrize("seconds", [2.0, 3.0, 4.0])
def test_silence_that_two_sounds_share_adds_no_seconds(seconds: float) -> None:
    """A jingle before a film without sound, however long."""
    jingle = melody(6, seconds)
    for lead, tail in ((0.0, 12.0), (6.0, 6.0), (3.0, 0.0)):
        sound = heard_in(joined(silence(lead), jingle, silence(tail)))
        found = heard(sound, sound)
        assert not accuses(found)
        assert all(each.seconds <= seconds + 0.6 for each in found)


@pytest.mark.parametrize(("semitones", "tempo"), [(2.0, 1.0), (0.5, 1.03), (0.0, 1.06), (-3.0, 0.84), (0.0, 1.02)])
def test_altered_sound_is_heard_with_its_pitch_and_speed(semitones: float, tempo: float) -> None:
    found = heard(heard_in(melody(1, 18.0, semitones=semitones, tempo=tempo)), original())
    assert accuses(found)
    assert found[0].pitch_semitones == pytest.approx(semitones, abs=0.5)
    assert found[0].speed == pytest.approx(tempo, rel=0.02)
    assert ends(found[0]) == pytest.approx((0, 18 / tempo, 0, 18), abs=1.0)
    assert found[0].seconds == pytest.approx(18 / tempo, abs=1.0)


def test_a_recording_and_an_altered_part_are_two_stretches() -> None:
    original = melody(2, 30.0)
    altered = melody(2, 30.0, semitones=-2.0)[18 * 11025 :]
    found = heard(heard_in(joined(original[: 12 * 11025], melody(52, 4.0), altered)), heard_in(original))
    first, second = sorted(found, key=lambda each: each.start)
    assert ends(first) == pytest.approx((0, 12, 0, 12), abs=1.0)
    assert ends(second) == pytest.approx((16, 28, 18, 30), abs=1.0)
    assert (first.pitch_semitones, second.pitch_semitones) == pytest.approx((0, -2), abs=0.5)


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_the_same_recording_under_other_sound_scores_less_the_more_there_is(share: float) -> None:
    """And never as little as what is not the same."""
    found = [heard_in(mixed(melody(1, 18.0, semitones=1.0), melody(54, 18.0), each)) for each in (0.0, share)]
    clean, covered = (heard(each, original())[0].score for each in found)
    assert clean > 0.95
    assert 0.7 < covered < clean


@pytest.mark.parametrize("seed", range(3))
def test_music_under_two_different_voices_that_drown_it_accuses_nobody(seed: int) -> None:
    one, other = (mixed(melody(80 + seed + k, 15.0), melody(57, 15.0), 0.3) for k in (0, 10))
    assert not accuses(heard(heard_in(one), heard_in(other)))


UNRELATED: dict[str, Callable[[], tuple[Pcm, Pcm]]] = {
    "melodies": lambda: (melody(60), melody(61)),
    "noise": lambda: (noise(1), noise(2)),
    "quiet noise": lambda: (noise(1, level=0.001), noise(2, level=0.001)),
    "hum": lambda: (hum(1), hum(2)),
    "sirens": lambda: (siren(1), siren(2)),
    "slow sirens": lambda: (siren(1, period=5.0), siren(2, period=5.0)),
    "silence": lambda: (silence(), silence()),
    "melodies over one hum": lambda: (mixed(hum(3), melody(62), 0.3), mixed(hum(4), melody(63), 0.3)),
    "a few words in silence": lambda: (
        joined(melody(64, 3.0), silence(17.0)),
        joined(melody(65, 3.0), silence(17.0)),
    ),
    "one jingle of four seconds before silence": lambda: (
        joined(melody(69, 4.0), silence(4.0), melody(58, 8.0)),
        joined(melody(69, 4.0), silence(4.0), melody(59, 8.0)),
    ),
    "one jingle of three seconds": lambda: (
        joined(melody(66, 3.0), melody(67, 12.0)),
        joined(melody(66, 3.0), melody(68, 12.0)),
    ),
}


@pytest.mark.parametrize("name", UNRELATED)
def test_unrelated_sounds_accuse_nobody(name: str) -> None:
    one, other = (heard_in(sound) for sound in UNRELATED[name]())
    assert not accuses(heard(one, other))
    assert not accuses(heard(other, one))


@pytest.mark.parametrize("seed", range(20))
def test_unrelated_melodies_stay_well_below_the_threshold(seed: int) -> None:
    found = heard(heard_in(melody(seed + 200, 12.0)), heard_in(melody(seed + 300, 12.0)))
    assert all(each.score < 0.7 for each in found)


def test_silence_and_a_video_without_sound_have_none() -> None:
    assert not has_sound(blank_fingerprint())
    assert not has_sound(heard_in(silence()))
    assert not has_sound(heard_in(hum(1)))
    assert has_sound(original())
    assert heard(blank_fingerprint(), original()) == heard(original(), blank_fingerprint()) == []


def test_codes_without_tones_are_compared_as_codes() -> None:
    """Of a fingerprint whose format had none."""
    old = replace(heard_in(melody(1, 18.0, semitones=2.0)), tones=blank_fingerprint().tones)
    assert not accuses(heard(old, original()))


def evidence_of(query: Fingerprint, reference: Fingerprint) -> tuple[float | None, float, float]:
    found = compare(query, reference)
    return found.audio_score, found.pitch_semitones, found.speed


def test_the_evidence_says_pitch_speed_and_every_stretch() -> None:
    upload = heard_in(joined(melody(1, 18.0, semitones=2.0, tempo=1.1), melody(53, 5.0)))
    found = compare(upload, original())
    assert found.audio_score is not None
    assert found.audio_score > 0.85
    assert found.pitch_semitones == pytest.approx(2.0, abs=0.5)
    assert found.speed == pytest.approx(1.1, rel=0.02)
    (segment,) = found.audio_segments
    assert (segment.start, segment.end) == pytest.approx((0, 18 / 1.1), abs=1.0)
    assert (segment.ref_start, segment.ref_end) == pytest.approx((0, 18), abs=1.0)
    assert segment.speed == pytest.approx(1.1, rel=0.02)
    assert segment.score == pytest.approx(found.audio_score, abs=1e-4)


def test_the_evidence_of_sound_that_is_not_shared() -> None:
    assert evidence_of(heard_in(melody(70, 12.0)), original()) == (0.0, 0.0, 1.0)
    assert evidence_of(heard_in(silence(12.0)), original()) == (None, 0.0, 1.0)


def test_times_stay_within_both_videos() -> None:
    for query in (melody(1, 18.0, semitones=1.0, tempo=0.9), melody(1, 18.0)[11025 * 3 :], melody(1, 11.0)):
        for each in heard(heard_in(query), original()):
            assert 0 <= each.start < each.end <= len(query) / 11025 + 1e-6
            assert 0 <= each.ref_start < each.ref_end <= original().duration + 1e-6
            assert np.isfinite(each.score)
