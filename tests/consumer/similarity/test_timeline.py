from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from consumer.similarity.timeline import (
    BACKWARDS,
    SPEEDS,
    STEP,
    UNRELATED,
    Strides,
    best_lines,
    best_lines_of_each,
    on_grid,
)

Matrix = NDArray[np.float32]


def slow_best_mass(similarity: Matrix, speeds: tuple[float, ...]) -> float:
    """Every line, every run of it, added up one by one. Half columns are the mean of both neighbours."""
    rows, columns = similarity.shape
    best = 0.0
    for speed in speeds:
        for start in range(-2 * int(max(speed, 0) * rows + 1), 2 * columns + 2 * int(max(-speed, 0) * rows + 1)):
            run = 0.0
            for row in range(rows):
                at = start + int(np.round(2 * speed * row))
                if not 0 <= at <= 2 * columns - 2:
                    run = 0.0
                    continue
                low, high = similarity[row, at // 2], similarity[row, (at + 1) // 2]
                run = max(run + (float(low) + float(high)) / 2 - UNRELATED, 0.0)
                best = max(best, run)
    return best


def planted(rows: int, columns: int, speed: float, offset: float, span: tuple[int, int], seed: int = 0) -> Matrix:
    """Noise around what unrelated samples reach, with a line of likeness; offset in seconds."""
    random = np.random.default_rng(seed)
    matrix = random.uniform(-0.2, 0.35, (rows, columns))
    for row in range(span[0], span[1] + 1):
        column = speed * row + offset / STEP
        for near in (int(np.floor(column)), int(np.ceil(column))):
            if 0 <= near < columns:
                matrix[row, near] = 0.9
    return np.asarray(matrix, np.float32)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 9),
    more=st.integers(0, 8),
    seed=st.integers(0, 10**6),
    speeds=st.sampled_from([(1.0,), (0.8,), (1.25,), (-1.0,), (1.0, 0.9, 1.1, -1.0)]),
)
def test_no_line_has_more_mass_than_the_best(rows: int, more: int, seed: int, speeds: tuple[float, ...]) -> None:
    matrix = np.random.default_rng(seed).uniform(-0.5, 1.0, (rows, rows + more)).astype(np.float32)
    lines = best_lines(matrix, speeds)
    slow = slow_best_mass(matrix, speeds)
    assert (lines[0].mass if lines else 0.0) == pytest.approx(slow, abs=1e-4)


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    seed=st.integers(0, 10**6),
    most=st.integers(1, 3),
    least_mass=st.sampled_from([0.0, 0.5, 2.0]),
)
def test_many_matrices_have_the_lines_of_each(size: tuple[int, int], seed: int, most: int, least_mass: float) -> None:
    matrices = np.random.default_rng(seed).uniform(-0.5, 1.0, (3, *size)).astype(np.float32)
    speeds = (1.0, 0.8, -1.0)
    found = best_lines_of_each(matrices, speeds, most, Strides(2, 1), least_mass)
    each = [best_lines(matrix, speeds, most, Strides(2, 1)) for matrix in matrices]
    assert found == [[line for line in lines if line.mass >= least_mass] for lines in each]


@pytest.mark.parametrize(("rows", "columns"), [(30, 30), (30, 60), (60, 30)])
@pytest.mark.parametrize("speed", [1.0, 0.85, 1.2])
def test_a_planted_line_is_found(rows: int, columns: int, speed: float) -> None:
    offset = 4.0 if columns > rows else -4.0 if rows > columns else 1.0
    first = int(max(0, np.ceil(-offset / STEP / speed)))
    last = int(min(rows - 1, first + 14, (columns - 1 - offset / STEP) / speed))
    found = best_lines(planted(rows, columns, speed, offset, (first, last)))[0]
    assert found.speed == pytest.approx(speed, abs=0.06)
    middle = (first + last) / 2 * STEP
    assert found.speed * middle + found.offset == pytest.approx(speed * middle + offset, abs=STEP)
    assert [found.first, found.last] == pytest.approx([first, last], abs=2)
    assert found.mean > 0.6
    assert found.samples == found.last - found.first + 1


@pytest.mark.parametrize(("rows", "columns", "offset"), [(30, 30, 14.5), (30, 60, 20.0), (60, 30, 16.0)])
def test_a_line_that_runs_backwards_is_found(rows: int, columns: int, offset: float) -> None:
    first, last = int(max(0, offset / STEP - columns + 1)), int(min(rows - 1, offset / STEP))
    found = best_lines(planted(rows, columns, BACKWARDS, offset, (first, last)), (1.0, BACKWARDS))[0]
    assert found.speed == BACKWARDS
    assert found.offset == pytest.approx(offset, abs=STEP)
    assert [found.first, found.last] == pytest.approx([first, last], abs=2)


def test_the_lines_of_the_transposed_matrix_are_the_inverse_lines() -> None:
    matrix = planted(20, 45, 1.0, 6.0, (3, 17))
    there, back = best_lines(matrix, (1.0,))[0], best_lines(np.ascontiguousarray(matrix.T), (1.0,))[0]
    assert back.offset == pytest.approx(-there.offset, abs=STEP / 2)
    assert back.first == pytest.approx(there.first + there.offset / STEP, abs=1)
    assert back.mass == pytest.approx(there.mass, rel=0.05)


def test_two_pieces_are_two_lines_best_first() -> None:
    matrix = np.maximum(planted(40, 40, 1.0, 10.0, (0, 9)), planted(40, 40, 1.0, -10.0, (20, 38)))
    long, short = best_lines(matrix, (1.0,), most=2)
    assert long.mass > short.mass
    assert (long.offset, short.offset) == (-10.0, 10.0)


def test_one_piece_is_one_line_and_not_its_neighbours_too() -> None:
    lines = best_lines(planted(40, 40, 1.0, 0.0, (0, 39)), SPEEDS, most=5)
    assert (lines[0].speed, lines[0].offset) == (1.0, 0.0)
    for line in lines[1:]:
        middle = (max(line.first, 0) + min(line.last, 39)) / 2 * STEP
        assert abs((line.speed - 1.0) * middle + line.offset) >= 1.0


def test_a_matrix_sampled_thinly_gives_the_same_line() -> None:
    matrix = planted(60, 90, 1.0, 10.0, (6, 53))
    whole = best_lines(matrix, (1.0,))[0]
    thin = best_lines(matrix[::3], (1.0,), strides=Strides(query=3))[0]
    assert thin.offset == pytest.approx(whole.offset, abs=STEP)
    assert [thin.first, thin.last] == pytest.approx([whole.first, whole.last], abs=3)
    narrow = best_lines(np.ascontiguousarray(matrix[:, ::3]), (1.0,), strides=Strides(reference=3))[0]
    assert narrow.offset == pytest.approx(whole.offset, abs=3 * STEP)


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0)])
def test_nothing_has_no_lines(shape: tuple[int, int]) -> None:
    assert best_lines(np.zeros(shape, np.float32)) == []


def test_what_is_unrelated_everywhere_has_no_lines() -> None:
    assert best_lines(np.full((8, 9), UNRELATED - 0.05, np.float32)) == []


def slow_on_grid(times: list[float], duration: float) -> list[int]:
    """For each multiple of STEP within the video, the sample nearest in time, the earlier of two."""
    nearest: list[int] = []
    for k in range(int(1e4)):
        moment = k * STEP
        if moment >= max(duration, times[-1] + STEP / 2, STEP / 2) or moment > times[-1] + STEP:
            break
        nearest.append(min(range(len(times)), key=lambda n: (abs(times[n] - moment), n)))
    return nearest


@settings(max_examples=60, deadline=None)
@given(
    gaps=st.lists(st.integers(1, 160).map(lambda n: n / 64), min_size=1, max_size=25),
    tail=st.integers(0, 200).map(lambda n: n / 64),
)
def test_the_grid_shows_the_nearest_sample(gaps: list[float], tail: float) -> None:
    times = [round(float(moment), 6) for moment in np.cumsum([0.0, *gaps])]
    duration = times[-1] + tail
    assert on_grid(np.array(times, np.float32), duration).tolist() == slow_on_grid(times, duration)


def test_a_video_sampled_on_the_grid_is_itself() -> None:
    times = (np.arange(21) * STEP).astype(np.float32)
    assert on_grid(times, 10.5).tolist() == list(range(21))


@pytest.mark.parametrize("interval", [0.25, 1.0, 2.0])
def test_every_interval_gives_the_same_number_of_moments(interval: float) -> None:
    times = np.arange(0, 20, interval).astype(np.float32)
    assert len(on_grid(times, 20.0)) == pytest.approx(40, abs=2 * interval / STEP)


def test_no_samples_no_grid() -> None:
    assert on_grid(np.zeros(0, np.float32), 10.0).tolist() == []
    assert on_grid(np.zeros(1, np.float32), 0.0).tolist() == [0]
