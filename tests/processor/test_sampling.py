from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from processor.sampling import Cells, GridSampler, Lookahead

gaps = st.lists(st.floats(0.005, 1.7), min_size=1, max_size=60)


def sampled(times: list[float], start: float, stop: float, interval: float, end: float) -> list[tuple[float, float]]:
    out: list[tuple[float, float]] = []
    sampler: GridSampler[float] = GridSampler(start, stop, interval, lambda time, shown: out.append((time, shown)))
    for time in times:
        sampler.push(time, time)
    sampler.finish(end)
    return out


def times_of(steps: list[float]) -> list[float]:
    times = [0.0]
    for step in steps:
        times.append(times[-1] + step)
    return times


def test_each_sample_is_the_picture_shown_then() -> None:
    assert sampled([0.0, 0.4, 0.9, 1.6], 0, 2, 0.5, 2.0) == [(0.0, 0.0), (0.5, 0.4), (1.0, 0.9), (1.5, 0.9)]


def test_a_picture_that_lasts_is_repeated() -> None:
    assert sampled([0.0, 1.7], 0, 2, 0.5, 2.0) == [(0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (1.5, 0.0)]


def test_a_picture_at_the_very_time_counts_although_its_time_was_rounded() -> None:
    assert sampled([0.0, 0.50005, 1.0], 0, 2, 0.5, 1.2) == [(0.0, 0.0), (0.5, 0.50005), (1.0, 1.0)]


def test_nothing_is_made_up_after_the_end() -> None:
    assert [time for time, _ in sampled([0.0, 0.4], 0, 100, 0.5, 0.9)] == [0.0, 0.5]


def test_pictures_out_of_order_are_left_out() -> None:
    assert sampled([0.0, 0.6, 0.3, 0.9], 0, 2, 0.5, 1.1) == [(0.0, 0.0), (0.5, 0.0), (1.0, 0.9)]


@given(gaps, st.floats(0.05, 2), st.lists(st.floats(0.1, 30), max_size=4))
def test_ranges_that_tile_sample_what_the_whole_samples(steps: list[float], interval: float, cuts: list[float]) -> None:
    times = times_of(steps)
    end = times[-1] + 0.04
    edges = [0.0, *sorted(cut for cut in cuts if cut < end), end]
    parts = [sampled(times, a, b, interval, end) for a, b in pairwise(edges)]
    assert [sample for part in parts for sample in part] == sampled(times, 0.0, end, interval, end)


@given(gaps, st.floats(0.05, 2))
def test_what_is_not_wanted_changes_no_sample(steps: list[float], interval: float) -> None:
    times = times_of(steps)
    end = times[-1] + 0.04
    sampler: GridSampler[float] = GridSampler(0.0, end, interval, lambda *_: None)
    kept = [a for a, b in zip(times, [*times[1:], math.inf], strict=True) if sampler.wants(a, b)]
    assert sampled(kept, 0.0, end, interval, end) == sampled(times, 0.0, end, interval, end)


def test_a_sampler_is_done_when_it_has_all() -> None:
    sampler: GridSampler[int] = GridSampler(0.0, 1.0, 0.5, lambda *_: None)
    sampler.push(0.0, 1)
    assert not sampler.is_done
    sampler.push(0.9, 2)
    assert sampler.is_done


def test_the_first_keyframe_of_each_cell() -> None:
    cells = Cells(1.0)
    assert [t for t in (0.0, 0.3, 1.2, 1.9, 2.0, 4.5) if cells.takes(t)] == [0.0, 1.2, 2.0, 4.5]
    assert Cells(0.5).start_of(1.7) == 1.5


@given(st.lists(st.floats(0, 50), min_size=1, max_size=80, unique=True), st.integers(1, 6))
def test_lookahead_knows_until_when_each_picture_is_shown(times: list[float], depth: int) -> None:
    shown = sorted(times)
    decoding = [t for at in range(0, len(shown), depth) for t in reversed(shown[at : at + depth])]
    ahead: Lookahead[float] = Lookahead()
    ready = [one for time in decoding for one in ahead.push(time, time)] + ahead.flush()
    assert [packet for packet, _, _ in ready] == decoding
    following = dict(zip(shown, [*shown[1:], math.inf], strict=True))
    assert all(until == following[since] for _, since, until in ready)
