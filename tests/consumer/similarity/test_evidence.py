"""compare() over what people do to videos, done in pixel space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest

from consumer.similarity import Evidence, compare, compare_each
from consumer.similarity.evidence import VersionMismatchError
from tests.consumer.clips import (
    Clip,
    clip,
    cropped,
    fingerprint_of,
    flat,
    framed,
    graded,
    in_slides,
    joined,
    letterboxed,
    mirrored,
    noisy,
    pillarboxed,
    played_at,
    reversed_in_time,
    still,
    trimmed,
    turned,
    with_logo,
)
from wire.fingerprints import ALGORITHM_VERSION
from wire.verdicts import Segment

LEAST_SIMILAR = 0.70
ORIGINALS = {seed: clip(seed) for seed in (0, 1)}
ONE_SHOT = clip(5, shot_seconds=100, duration=24.0)

PLAIN: dict[str, Callable[[Clip], Clip]] = {
    "the same": lambda source: source,
    "brighter": lambda source: graded(source, 1.0, 35),
    "darker": lambda source: graded(source, 0.6, -30),
    "more contrast": lambda source: graded(source, 1.5, 0),
    "noise": lambda source: noisy(source, 12),
    "letterbox": lambda source: letterboxed(source, 0.15),
    "white letterbox": lambda source: letterboxed(source, 0.15, 235),
    "pillarbox": lambda source: pillarboxed(source, 0.2),
    "logo": with_logo,
    "5 % off each side": lambda source: cropped(source, 0.05, 0.05, 0.05, 0.05),
    "a longer end": lambda source: joined(source, clip(501, duration=3.0)),
}

HARDER: dict[str, Callable[[Clip], Clip]] = {
    "14 % off each side": lambda source: cropped(source, 0.14, 0.14, 0.14, 0.14),
    "4:3": lambda source: cropped(source, 0, 0, 0.125, 0.125),
    "9:16": lambda source: cropped(source, 0, 0, 0.34, 0.34),
    "9:16 of the left": lambda source: cropped(source, 0, 0, 0.02, 0.66),
    "9:16 of the right": lambda source: cropped(source, 0, 0, 0.55, 0.13),
    "16:9 of the top": lambda source: cropped(source, 0.05, 0.45, 0, 0),
    "a third under a logo": lambda source: with_logo(source, 0.35),
    "heavy noise": lambda source: noisy(source, 30),
    "a smaller picture on a backdrop": lambda source: framed(source, 0.7),
    "four seconds of it": lambda source: trimmed(source, 5, 9),
    "cropped, mirrored, logo": lambda source: with_logo(mirrored(cropped(source, 0.08, 0.08, 0.08, 0.08))),
}


@pytest.mark.parametrize("late", [0.0, 0.25])
@pytest.mark.parametrize("change", PLAIN)
def test_a_plain_copy_is_plain(change: str, late: float) -> None:
    seed = int(late > 0.2)
    found = compare(fingerprint_of(PLAIN[change](ORIGINALS[seed]), late=late), fingerprint_of(ORIGINALS[seed]))
    assert found.video_score >= 0.95
    assert (found.mirrored, found.quarter_turns, found.speed) == (False, 0, 1.0)
    assert found.ref_coverage >= 0.95
    assert close(found.segments[0], (0, 16, late, 16))


@pytest.mark.parametrize("change", HARDER)
@pytest.mark.parametrize("seed", ORIGINALS)
def test_a_harder_copy_is_found(change: str, seed: int) -> None:
    found = compare(fingerprint_of(HARDER[change](ORIGINALS[seed]), late=0.1), fingerprint_of(ORIGINALS[seed]))
    assert found.video_score >= 0.85
    assert found.mirrored == ("mirrored" in change)
    assert (found.quarter_turns, found.speed) == (0, 1.0)
    assert found.coverage >= 0.9


@pytest.mark.parametrize("quarter_turns", [0, 1, 2, 3])
@pytest.mark.parametrize("is_mirrored", [False, True])
def test_turned_and_mirrored_copies_are_seen_for_what_they_are(quarter_turns: int, is_mirrored: bool) -> None:
    source = mirrored(ORIGINALS[0]) if is_mirrored else ORIGINALS[0]
    found = compare(fingerprint_of(turned(source, quarter_turns), late=0.1), fingerprint_of(ORIGINALS[0]))
    assert found.video_score >= 0.95
    assert found.mirrored == is_mirrored
    # Mirror it (if so), then turn it counter-clockwise so often: it shows the original upright.
    undone = quarter_turns if is_mirrored else -quarter_turns % 4
    assert found.quarter_turns == undone


@pytest.mark.parametrize("speed", [0.85, 0.92, 1.1, 1.25])
@pytest.mark.parametrize("is_mirrored", [False, True])
def test_another_speed_is_measured(speed: float, is_mirrored: bool) -> None:
    """Of a camera that stands still; what a panning camera shows at another time is much like what it shows now."""
    source = mirrored(ONE_SHOT) if is_mirrored else ONE_SHOT
    found = compare(fingerprint_of(played_at(source, speed), late=0.1), fingerprint_of(ONE_SHOT))
    assert found.video_score >= 0.85
    assert found.speed == pytest.approx(speed, rel=0.02)
    assert found.mirrored == is_mirrored
    assert found.coverage >= 0.9
    assert close(found.segments[0], (0, 24 / speed, 0, 24))


@pytest.mark.parametrize("seed", ORIGINALS)
def test_a_trimmed_copy_is_laid_where_it_was_cut_from(seed: int) -> None:
    found = compare(fingerprint_of(trimmed(ORIGINALS[seed], 3.2, 12.9)), fingerprint_of(ORIGINALS[seed]))
    assert found.video_score >= 0.95
    assert close(found.segments[0], (0, 9.7, 3.2, 12.9))
    assert found.coverage >= 0.95
    assert found.ref_coverage == pytest.approx(9.7 / 16, abs=0.08)


def test_an_intro_is_left_out() -> None:
    found = compare(fingerprint_of(joined(clip(500, duration=4.3), ORIGINALS[0])), fingerprint_of(ORIGINALS[0]))
    assert found.video_score >= 0.95
    assert close(found.segments[0], (4.3, 20.3, 0, 16))
    assert found.coverage == pytest.approx(16 / 20.3, abs=0.08)
    assert found.ref_coverage >= 0.95


def test_a_compilation_tells_which_part_it_took_of_each() -> None:
    sources = [clip(600 + n, duration=9.0, shot_seconds=100) for n in range(3)]
    compilation = fingerprint_of(joined(*(trimmed(source, 1, 8) for source in sources)))
    for n, source in enumerate(sources):
        found = compare(compilation, fingerprint_of(source))
        assert found.video_score >= 0.85
        assert found.coverage == pytest.approx(1 / 3, abs=0.08)
        assert len(found.segments) == 1
        assert close(found.segments[0], (7 * n, 7 * n + 7, 1, 8))


def test_the_other_way_round_a_clip_lies_within_the_compilation() -> None:
    sources = [clip(600 + n, duration=9.0, shot_seconds=100) for n in range(3)]
    compilation = fingerprint_of(joined(*(trimmed(source, 1, 8) for source in sources)))
    found = compare(fingerprint_of(sources[1]), compilation)
    assert found.video_score >= 0.85
    assert found.coverage > 0.7 > 0.4 > found.ref_coverage
    assert close(found.segments[0], (1, 8, 7, 14))


def test_what_runs_backwards_is_found_and_says_so() -> None:
    for seed, original in ORIGINALS.items():
        found = compare(fingerprint_of(reversed_in_time(original)), fingerprint_of(ORIGINALS[seed]))
        assert found.video_score >= 0.95
        assert found.speed == found.segments[0].speed == -1.0
        assert close(found.segments[0], (0, 16, 0, 16))


def test_the_first_half_backwards_is_the_second_half() -> None:
    found = compare(fingerprint_of(trimmed(reversed_in_time(ONE_SHOT), 0, 10)), fingerprint_of(ONE_SHOT))
    assert close(found.segments[0], (0, 10, 14, 24))
    assert found.speed == pytest.approx(-1.0, abs=0.02)


@pytest.mark.parametrize(("every", "stands"), [(2.5, 2.0), (2.5, 2.5), (2.0, 2.0), (1.5, 3.0)])
def test_slides_are_found(every: float, stands: float) -> None:
    """The reference runs between two slides as far as it likes."""
    found = compare(fingerprint_of(in_slides(ONE_SHOT, every, stands)), fingerprint_of(ONE_SHOT))
    assert found.video_score >= 0.95
    assert found.coverage > 0.7


def test_slides_of_another_video_are_not() -> None:
    for seed in (0, 1):
        for every, stands in ((2.5, 2.0), (2.5, 2.5)):
            shown = fingerprint_of(in_slides(ORIGINALS[seed], every, stands))
            assert compare(shown, fingerprint_of(ORIGINALS[1 - seed])).video_score < LEAST_SIMILAR
            assert compare(shown, fingerprint_of(ONE_SHOT)).video_score < LEAST_SIMILAR


def test_unrelated_videos_stay_low() -> None:
    clips = [clip(700 + n, shot_seconds=(3, 6, 100)[n % 3], duration=(8, 16)[n % 2]) for n in range(7)]
    made = [fingerprint_of(each) for each in clips]
    found = [compare(made[i], made[k]) for i in range(len(made)) for k in range(i)]
    assert max(each.video_score for each in found) < LEAST_SIMILAR
    assert all(each.segments == () and each.coverage == 0.0 for each in found)


@pytest.mark.parametrize("seconds", [8.0, 16.0, 40.0])
@pytest.mark.parametrize("set_seed", [0, 2])
def test_the_same_set_on_another_day_is_another_video(seconds: float, set_seed: int) -> None:
    one, other = (
        fingerprint_of(clip(seed + set_seed, set_seed=set_seed, shot_seconds=1000, duration=seconds))
        for seed in (300, 400)
    )
    assert compare(one, other).video_score < LEAST_SIMILAR


EMPTY = {
    "black": flat(16),
    "longer black": flat(16, 20.0),
    "white": flat(235),
    "gray noise": noisy(flat(100), 3),
    "fading": Clip(lambda moment: np.full((72, 128), 20 + 10 * moment, np.float32)),
}


@pytest.mark.parametrize("one", EMPTY)
def test_videos_that_show_nothing_are_not_alike(one: str) -> None:
    query = fingerprint_of(EMPTY[one])
    for other in EMPTY.values():
        found = compare(query, fingerprint_of(other))
        assert found.video_score == 0.0
        assert (found.audio_score, found.coverage, found.segments) == (None, 0.0, ())


def test_black_is_not_like_a_video_either() -> None:
    assert compare(fingerprint_of(flat()), fingerprint_of(ORIGINALS[0])).video_score == 0.0
    assert compare(fingerprint_of(ORIGINALS[0]), fingerprint_of(flat())).video_score == 0.0


@pytest.mark.parametrize("seconds", [10.0, 40.0])
def test_frozen_videos_are_not_alike_even_of_one_picture(seconds: float) -> None:
    frozen, another = (still(clip(seed, duration=seconds)) for seed in (1, 2))
    query = fingerprint_of(noisy(frozen, 6, seed=1))
    for reference in (noisy(frozen, 6, seed=2), noisy(another, 6, seed=3), frozen):
        assert compare(query, fingerprint_of(reference)).video_score < LEAST_SIMILAR


def test_comparing_is_deterministic_and_changes_nothing() -> None:
    query = fingerprint_of(HARDER["cropped, mirrored, logo"](ORIGINALS[0]))
    before = query.frames.copy(), query.codes.copy()
    assert compare(query, fingerprint_of(ORIGINALS[0])) == compare(query, fingerprint_of(ORIGINALS[0]))
    assert np.array_equal(query.frames, before[0])
    assert np.array_equal(query.codes, before[1])


def test_scores_and_times_stay_within_their_ranges() -> None:
    for query in (trimmed(ORIGINALS[0], 3, 9), clip(800), joined(ORIGINALS[1], ORIGINALS[0])):
        found = compare(fingerprint_of(query), fingerprint_of(ORIGINALS[0]))
        for name in ("video_score", "coverage", "ref_coverage", "area"):
            assert 0.0 <= getattr(found, name) <= 1.0
        for piece in found.segments:
            assert 0 <= piece.start < piece.end <= found.duration + 0.01
            assert 0 <= piece.ref_start < piece.ref_end <= found.ref_duration + 0.01


def test_the_sound_is_measured_beside_the_picture() -> None:
    codes = np.random.default_rng(1).integers(0, 2**32, 130, dtype=np.uint32)
    voiced = replace(ORIGINALS[0], codes=codes)
    other_voice = replace(ORIGINALS[0], codes=np.random.default_rng(2).integers(0, 2**32, 130, dtype=np.uint32))
    silent = ORIGINALS[0]
    same, revoiced, muted = (
        compare(fingerprint_of(each), fingerprint_of(voiced)) for each in (voiced, other_voice, silent)
    )
    assert same.audio_score == 1.0
    assert same.audio_seconds == pytest.approx(16, abs=0.2)
    assert close(same.audio_segments[0], (0, 16, 0, 16))
    assert revoiced.audio_score is not None
    assert revoiced.audio_score < 0.8
    assert muted.audio_score is None
    assert muted.audio_segments == ()
    assert {each.video_score for each in (same, revoiced, muted)} == {same.video_score}


def test_fingerprints_of_two_algorithms_say_nothing_about_each_other() -> None:
    newer = replace(fingerprint_of(ORIGINALS[0]), algorithm_version=ALGORITHM_VERSION + 1)
    with pytest.raises(VersionMismatchError, match=f"{ALGORITHM_VERSION} and {ALGORITHM_VERSION + 1}"):
        compare(fingerprint_of(ORIGINALS[0]), newer)
    with pytest.raises(VersionMismatchError):
        compare(newer, fingerprint_of(ORIGINALS[0]))
    assert isinstance(compare(newer, newer), Evidence)


def test_several_are_compared_as_each_alone() -> None:
    query, others = (
        fingerprint_of(trimmed(ORIGINALS[0], 2.0, 11.0)),
        [fingerprint_of(ORIGINALS[1]), fingerprint_of(ORIGINALS[0])],
    )
    assert compare_each(query, others) == [compare(query, other) for other in others]
    assert compare_each(query, []) == []


def test_evidence_can_be_compared_and_kept() -> None:
    found = compare(fingerprint_of(ORIGINALS[0]), fingerprint_of(ORIGINALS[0]))
    assert hash(found) == hash(compare(fingerprint_of(ORIGINALS[0]), fingerprint_of(ORIGINALS[0])))
    assert {field.name for field in fields(Evidence)} >= {"video_score", "audio_score", "segments"}


def close(segment: Segment, expected: tuple[float, float, float, float]) -> bool:
    """Within a second at each end."""
    found = (segment.start, segment.end, segment.ref_start, segment.ref_end)
    return all(abs(one - other) <= 1.0 for one, other in zip(found, expected, strict=True))
