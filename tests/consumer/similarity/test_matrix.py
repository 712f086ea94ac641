"""The picture of a match: light where the segments of the evidence say, whatever was done to the copy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from consumer.similarity import compare
from consumer.similarity.matrix import MOST_CELLS, best_look, matrix
from tests.consumer.clips import (
    Clip,
    clip,
    cropped,
    fingerprint_of,
    flat,
    framed,
    joined,
    letterboxed,
    mirrored,
    played_at,
    reversed_in_time,
    trimmed,
    turned,
)
from tests.consumer.fingerprints import make_fingerprint
from wire.fingerprints import Fingerprint
from wire.verdicts import Segment

ORIGINAL = clip(0, duration=24.0, shot_seconds=3.0)

COPIES: dict[str, Callable[[Clip], Clip]] = {
    "the same": lambda source: source,
    "mirrored": mirrored,
    "turned": lambda source: turned(source, 1),
    "letterbox": lambda source: letterboxed(source, 0.15),
    "9:16": lambda source: cropped(source, 0, 0, 0.34, 0.34),
    "a smaller picture on a backdrop": lambda source: framed(source, 0.6),
    "a piece of it": lambda source: trimmed(source, 6, 18),
    "a piece of it among others": lambda source: joined(clip(501, duration=8.0), trimmed(source, 6, 15)),
    "faster": lambda source: played_at(source, 1.25),
    "backwards": reversed_in_time,
}


def drawn(copy: Clip) -> tuple[NDArray[np.uint8], Segment]:
    query, reference = fingerprint_of(copy), fingerprint_of(ORIGINAL)
    segments = compare(query, reference).segments
    return matrix(query, reference, segments), segments[0]


def along(picture: NDArray[np.uint8], segment: Segment, *, copy: Clip, shift: float = 0.0) -> float:
    """Mean level along a segment, seconds of the original beside it."""
    rows, columns = picture.shape
    moments = np.linspace(segment.start + 0.75, segment.end - 0.75, 20)
    anchor = segment.ref_end if segment.speed < 0 else segment.ref_start
    there = (anchor + segment.speed * (moments - segment.start) + shift) % ORIGINAL.duration
    down = (there / ORIGINAL.duration * rows).astype(int).clip(0, rows - 1)
    across = (moments / copy.duration * columns).astype(int).clip(0, columns - 1)
    nearby = np.stack([picture[(down + step).clip(0, rows - 1), across] for step in (-1, 0, 1)])
    return float(nearby.max(axis=0).mean())


@pytest.mark.parametrize("change", COPIES)
def test_what_matches_is_a_light_line(change: str) -> None:
    copy = COPIES[change](ORIGINAL)
    picture, segment = drawn(copy)
    assert picture.dtype == np.uint8
    assert along(picture, segment, copy=copy) > 170
    assert along(picture, segment, copy=copy, shift=10.0) < 70


def test_columns_are_the_upload_s_and_rows_the_other_s() -> None:
    copy = trimmed(ORIGINAL, 6, 18)
    picture, _ = drawn(copy)
    assert picture.shape == (48, 24)
    assert picture[12:36].argmax(axis=0).tolist() == pytest.approx(list(range(24)), abs=1)
    assert picture[:12].max() < picture[12:36].max()


def test_both_ways_are_each_other_s_mirror() -> None:
    one, other = fingerprint_of(ORIGINAL), fingerprint_of(trimmed(ORIGINAL, 6, 18))
    there = Segment(6, 18, 0, 12, 1.0)
    back = Segment(0, 12, 6, 18, 1.0)
    np.testing.assert_allclose(matrix(one, other, [there]), matrix(other, one, [back]).T.astype(int), atol=1)


def test_the_view_of_the_match_is_found() -> None:
    whole = Segment(0, 24, 0, 24, 1.0)
    reference = fingerprint_of(ORIGINAL)

    def look(copy: Clip, segment: Segment = whole) -> tuple[str, bool, int, float]:
        found = best_look(fingerprint_of(copy), reference, segment)
        return found.own_part, found.own.mirrored, found.own.quarter_turns, round(found.other.share, 1)

    assert look(ORIGINAL) == ("whole", False, 0, 1.0)
    assert look(mirrored(ORIGINAL), replace(whole, mirrored=True)) == ("whole", True, 0, 1.0)
    assert look(turned(ORIGINAL, 1)) == ("whole", False, 3, 1.0)
    assert look(cropped(ORIGINAL, 0, 0, 0.34, 0.34)) == ("whole", False, 0, 0.3)
    assert look(framed(ORIGINAL, 0.6))[0] == "inset"


def test_unrelated_videos_are_dark() -> None:
    picture = matrix(fingerprint_of(clip(7, duration=24.0)), fingerprint_of(ORIGINAL), ())
    assert np.median(picture) < 40
    assert np.percentile(picture, 95) < 120


def test_a_video_of_one_shot_has_its_line_too() -> None:
    source = fingerprint_of(clip(5, duration=24.0, shot_seconds=100.0))
    picture = matrix(source, source, [Segment(0, 24, 0, 24, 1.0)])
    assert (picture.diagonal() == 255).all()
    assert np.percentile(picture, 10) == 0


def test_what_shows_nothing_is_black() -> None:
    black = fingerprint_of(flat(duration=8.0))
    assert not matrix(black, fingerprint_of(ORIGINAL), [Segment(0, 8, 0, 8, 1.0)]).any()
    half = fingerprint_of(joined(flat(duration=12.0), trimmed(ORIGINAL, 0, 12)))
    picture = matrix(half, fingerprint_of(ORIGINAL), [Segment(12, 24, 0, 12, 1.0)])
    assert not picture[:, :23].any()
    assert picture[:, 25:].any()


@pytest.mark.parametrize(("own", "other"), [(7200.0, 1.0), (1.0, 7200.0), (3000.0, 3000.0), (0.5, 0.5)])
def test_it_is_never_larger_than_it_may_be(own: float, other: float) -> None:
    picture = matrix(make_fingerprint(1, duration=own), make_fingerprint(1, duration=other), [Segment(0, 1, 0, 1, 1.0)])
    assert picture.shape == (min(MOST_CELLS, max(1, int(other * 2))), min(MOST_CELLS, max(1, int(own * 2))))


def test_a_long_copy_is_seen_whose_samples_fall_between() -> None:
    """Of an hour not all pictures are looked at."""
    source = clip(3, duration=1200.0, shot_seconds=12.0)
    copy = fingerprint_of(trimmed(source, 101.5, 1199.5), interval=2.0)
    picture = matrix(copy, fingerprint_of(source, interval=2.0), [Segment(0, 1098, 101.5, 1199.5, 1.0)])
    assert picture.shape == (MOST_CELLS, MOST_CELLS)
    columns = np.arange(MOST_CELLS)
    rows = ((101.5 + (columns + 0.5) / MOST_CELLS * 1098) / 1200 * MOST_CELLS).astype(int)
    assert np.mean(picture[rows, columns]) > 150
    assert np.mean(picture[(rows + 60) % MOST_CELLS, columns]) < 60


def test_without_samples_there_is_no_picture() -> None:
    empty = without_samples(make_fingerprint(1))
    with pytest.raises(ValueError, match="without samples"):
        matrix(empty, make_fingerprint(2), [])
    with pytest.raises(ValueError, match="without samples"):
        matrix(make_fingerprint(2), empty, [])


def without_samples(fingerprint: Fingerprint) -> Fingerprint:
    names = ("times", "frames", "contrast", "brightness", "bars")
    return replace(fingerprint, **{name: getattr(fingerprint, name)[:0] for name in names})
