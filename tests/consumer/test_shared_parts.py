"""What videos have in common without one being a copy of the other."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.shared_parts import Shared, common_stretches, longest_beyond, without_echoes
from wire.verdicts import Segment


def segment(start: float, end: float, ref_start: float | None = None, **told: object) -> Segment:
    ref_start = start if ref_start is None else ref_start
    return Segment(start, end, ref_start, ref_start + end - start, 1.0, **told)  # type: ignore[arg-type]


def shared(*segments: Segment, duration: float = 20.0, ref_duration: float = 20.0) -> Shared:
    return Shared(segments, duration, ref_duration)


@pytest.mark.parametrize(
    ("found", "lesser"),
    [
        (shared(segment(0, 5)), True),
        (shared(segment(0, 9.9)), True),
        (shared(segment(0, 10)), False),
        (shared(segment(0, 6), segment(14, 20)), False),
        (shared(segment(0, 5), duration=9.0), False),
        (shared(segment(0, 5), ref_duration=9.0), False),
        (shared(), True),
    ],
)
def test_a_part_is_lesser_when_it_is_less_than_half_of_either_video(found: Shared, lesser: bool) -> None:
    assert found.is_lesser == lesser


@pytest.mark.parametrize(
    ("found", "at_the_edges"),
    [
        (shared(segment(0, 3)), True),
        (shared(segment(1, 4, 0.2)), True),
        (shared(segment(1.1, 4, 0)), False),
        (shared(segment(0, 3, 1.1)), False),
        (shared(segment(17, 20, 27), ref_duration=30.0), True),
        (shared(segment(16, 19, 26.4), ref_duration=30.0), True),
        (shared(segment(17, 20, 20), ref_duration=30.0), False),
        (shared(segment(0, 3), segment(17, 20)), True),
        (shared(segment(0, 3), segment(8, 11)), False),
        (shared(segment(0, 3, 17)), False),
        (shared(segment(0, 3, mirrored=True)), False),
        (shared(Segment(0, 3, 0, 3.4, 1.0, speed=1.13)), True),
        (shared(Segment(0, 5, 0, 6.25, 1.0, speed=1.25)), False),
        (shared(), False),
    ],
)
def test_an_intro_opens_both_and_an_end_card_closes_both(found: Shared, at_the_edges: bool) -> None:
    assert found.is_at_the_edges == at_the_edges


def test_what_several_videos_show_is_common_where_enough_of_them_show_it() -> None:
    three = [shared(segment(2, 8)), shared(segment(3, 9)), shared(segment(4, 7), segment(12, 15))]
    assert common_stretches(three, 3) == ((4, 7),)
    assert common_stretches(three, 2) == ((3, 8),)
    assert common_stretches(three, 4) == ()
    assert common_stretches([*three, shared(segment(12, 14)), shared(segment(13, 16))], 3) == ((4, 7), (13, 14))


def test_a_faint_segment_over_a_surer_one_is_its_echo() -> None:
    intro, rest = segment(0, 3.5), Segment(0, 11, 0.2, 9, 0.74, speed=0.8)
    assert without_echoes([intro, rest], 0.85) == (intro,)
    assert shared(*without_echoes([intro, rest], 0.85)).is_at_the_edges
    for other in (Segment(0, 11, 0.2, 9, 0.85), Segment(3.5, 11, 4, 9, 0.74)):
        assert without_echoes([intro, other], 0.85) == (intro, other)


def test_one_video_that_shows_it_three_times_is_one_video() -> None:
    again = shared(segment(2, 5), segment(2, 5, 9), segment(2, 5, 14))
    assert common_stretches([again, again], 3) == ()


@pytest.mark.parametrize(
    ("segments", "common", "left"),
    [
        ([segment(2, 8)], [], 6),
        ([segment(2, 8)], [(0, 3)], 5),
        ([segment(2, 8)], [(3, 4), (5, 6)], 2),
        ([segment(2, 8)], [(7, 12)], 5),
        ([segment(2, 8)], [(0, 12)], 0),
        ([segment(2, 8)], [(10, 12)], 6),
        ([segment(0, 3), segment(10, 14)], [(0, 5)], 4),
        ([], [(0, 5)], 0),
    ],
)
def test_the_longest_piece_beyond_what_is_common(
    segments: list[Segment], common: list[tuple[float, float]], left: float
) -> None:
    assert longest_beyond(segments, common) == left


TIMES = st.integers(0, 18).flatmap(lambda start: st.tuples(st.just(start), st.integers(start + 1, 20)))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(TIMES, max_size=3), max_size=5), st.integers(1, 4))
def test_common_stretches_are_those_that_a_count_at_each_moment_finds(
    ranges: list[list[tuple[int, int]]], least: int
) -> None:
    videos = [shared(*(segment(*each) for each in video), duration=1e3, ref_duration=1e3) for video in ranges]
    found = common_stretches(videos, least)
    for moment in (half + 0.5 for half in range(20)):
        showing = sum(any(start < moment < end for start, end in video) for video in ranges)
        assert any(start < moment < end for start, end in found) == (showing >= least)
    assert all(one[1] < other[0] for one, other in pairwise(found))
