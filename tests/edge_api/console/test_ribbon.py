"""The numbers behind the drawing of matched ranges."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_api.console.ribbon import GAP, LANE, MOST_RANGES, SPAN, TOP, Range, Ribbon, ribbons

UPPER, LOWER = TOP + LANE, TOP + LANE + GAP


def part(start: float, end: float, ref_start: float, ref_end: float, **more: Any) -> dict[str, Any]:
    return {"start": start, "end": end, "ref_start": ref_start, "ref_end": ref_end, "score": 0.97, **more}


def match(*segments: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"kind": "video", "speed": 1.0, "mirrored": False, "segments": list(segments), **more}


def the_range(found: list[Ribbon]) -> Range:
    ((only,),) = (ribbon.ranges for ribbon in found)
    return only


def corners(drawn: Range) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, _, y in (corner.partition(",") for corner in drawn.points.split())]


def test_both_timelines_have_one_scale() -> None:
    (ribbon,) = ribbons(match(part(5, 10, 10, 20)), 20.0, 40.0)
    assert (ribbon.scale, ribbon.own.share, ribbon.other.share) == (40.0, 0.5, 1.0)
    (drawn,) = ribbon.ranges
    assert (drawn.x, drawn.width, drawn.ref_x, drawn.ref_width) == (125.0, 125.0, 250.0, 250.0)
    assert corners(drawn) == [(125, UPPER), (250, UPPER), (500, LOWER), (250, LOWER)]


def test_what_runs_backwards_is_twisted() -> None:
    drawn = the_range(ribbons(match(part(0, 10, 0, 10, speed=-1.0)), 10.0, 10.0))
    assert corners(drawn) == [(0, UPPER), (SPAN, UPPER), (0, LOWER), (SPAN, LOWER)]
    assert "backwards" in drawn.sentence


def test_picture_and_sound_have_a_drawing_each_and_numbers_go_on() -> None:
    seen, heard = [part(0, 2, 0, 2), part(3, 5, 3, 5)], [part(0, 5, 0, 5)]
    found = ribbons(match(*seen, audio_segments=heard), 5.0, 5.0)
    assert [(ribbon.kind, [drawn.number for drawn in ribbon.ranges]) for ribbon in found] == [
        ("picture", [1, 2]),
        ("sound", [3]),
    ]
    (only,) = ribbons(match(*heard, kind="audio"), 5.0, 5.0)
    assert only.kind == "sound"
    assert the_range([only]).sentence.startswith("Sound: 0:00 to 0:05 here is 0:00 to 0:05 there, 97")


def test_a_length_that_is_not_told_reaches_as_far_as_the_ranges() -> None:
    (ribbon,) = ribbons(match(part(0, 5, 10, 15)), 8.0, None)
    assert (ribbon.other.seconds, ribbon.other.is_exact, ribbon.own.is_exact) == (15, False, True)


def test_nothing_to_draw() -> None:
    assert ribbons(match(), 10.0, 10.0) == []
    assert ribbons(match(part(0, 0, 0, 0)), None, None) == []


def test_a_row_of_an_older_version() -> None:
    drawn = the_range(ribbons(match(part(0, 4, 0, 5), speed=1.25, mirrored=True), 4.0, 5.0))
    assert (drawn.segment["speed"], drawn.segment["mirrored"]) == (1.25, True)
    assert drawn.detail == "mirrored, speed \u00d71.25"


def test_labels_stand_where_there_is_room() -> None:
    found = ribbons(match(part(0, 9, 0, 9, mirrored=True), part(50, 50.5, 90, 90.5), part(20, 35, 20, 35)), 60.0, 100.0)
    labels = [(drawn.label, drawn.detail) for drawn in found[0].ranges]
    assert labels == [("", ""), ("", ""), ("97\u00a0%", "")]


def test_many_ranges_are_cut_short() -> None:
    (ribbon,) = ribbons(match(*(part(n, n + 1, n, n + 1) for n in range(MOST_RANGES + 7))), 300.0, 300.0)
    assert (len(ribbon.ranges), ribbon.left_out) == (MOST_RANGES, 7)


@pytest.mark.parametrize(
    ("seconds", "texts"),
    [
        (0.4, ["0:00"]),
        (10.0, ["0:00", "0:02", "0:04", "0:06", "0:08", "0:10"]),
        (75.0, ["0:00", "0:15", "0:30", "0:45", "1:00", "1:15"]),
        (7300.0, ["0:00", "0:30:00", "1:00:00", "1:30:00", "2:01:40"]),
        (90000.0, ["0:00", "5:00:00", "10:00:00", "15:00:00", "20:00:00", "25:00:00"]),
    ],
)
def test_ticks(seconds: float, texts: list[str]) -> None:
    (ribbon,) = ribbons(match(part(0, seconds, 0, seconds)), seconds, seconds)
    told = [tick.text for tick in ribbon.own.ticks]
    assert told[0] == "0:00"
    assert len(told) <= 6
    assert told == [text.replace("0:30:00", "30:00") for text in texts]


SECONDS = st.floats(0, 7200, allow_nan=False)
PARTS = st.builds(
    lambda one, two, ref, to, speed: part(min(one, two), max(one, two), min(ref, to), max(ref, to), speed=speed),
    SECONDS, SECONDS, SECONDS, SECONDS, st.sampled_from([1.0, 1.25, -1.0]),
)  # fmt: skip


@given(st.lists(PARTS, max_size=6), st.none() | SECONDS, st.none() | SECONDS)
def test_everything_is_within_the_drawing(parts: list[dict[str, Any]], own: float | None, other: float | None) -> None:
    for ribbon in ribbons(match(*parts), own, other):
        assert 0 < max(ribbon.own.share, ribbon.other.share) <= 1
        shares = [tick.share for lane in (ribbon.own, ribbon.other) for tick in lane.ticks]
        assert all(0 <= share <= 1 for share in shares)
        for drawn in ribbon.ranges:
            assert drawn.width > 0 < drawn.ref_width
            assert all(0 <= x <= SPAN + 0.1 for x, _ in corners(drawn))
