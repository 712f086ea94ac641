"""exact_course(): somebody who talks before a wall that never changes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from consumer.similarity.pictures import GRID, WHOLE, Pictures
from consumer.similarity.reel import Reel
from consumer.similarity.registration import of_window
from consumer.similarity.timeline import FINE_STEP, STEP
from consumer.similarity.timing import Course, SideBySide, exact_course

SECONDS = 40.0
LOOKS = np.random.default_rng(5)
KNOTS = np.arange(-5.0, SECONDS + 5.0, 0.4)
MOUTH = LOOKS.normal(size=(len(KNOTS), 3))


def smooth(seed: int, highest: int) -> NDArray[np.float32]:
    """float32 [32, 32]: a picture of low frequencies."""
    dice = np.random.default_rng(seed)
    at = (np.arange(GRID) + 0.5) * np.pi / GRID
    waves = np.cos(np.arange(highest)[:, None] * at[None, :])
    return np.asarray(waves.T @ dice.normal(size=(highest, highest)) @ waves, dtype=np.float32)


WALL = 40 * smooth(1, 6)
PARTS = [12 * smooth(seed, 9) for seed in (2, 3, 4)]


def talking(seconds: NDArray[np.float64]) -> Pictures:
    """float32 [n, 32, 32]: the wall, and before it what moves, at those times."""
    shares = [np.interp(seconds, KNOTS, MOUTH[:, part]) for part in range(3)]
    moving = sum(share[:, None, None] * part for share, part in zip(shares, PARTS, strict=True))
    return np.asarray(WALL + moving, dtype=np.float32)


def course(own: Pictures, rough: Course, moments: NDArray[np.intp] | None = None) -> Course:
    reel = Reel.whole(talking(np.arange(0.0, SECONDS, FINE_STEP)), FINE_STEP)
    chosen = np.linspace(0, len(own) - 1, 24).astype(np.intp) if moments is None else moments
    return exact_course(own, reel, chosen, of_window(WHOLE), rough)


def played(speed: float, offset: float, seconds: float = 15.0) -> Pictures:
    return talking(speed * np.arange(0.0, seconds, STEP) + offset)


@pytest.mark.parametrize("shift", [0.0, 0.3, -0.8, 2.5, -6.0, 9.0])
def test_a_start_that_is_seconds_off_is_mended(shift: float) -> None:
    speed, offset = course(played(1.0, 12.3), (1.0, 12.3 + shift))
    assert speed == 1.0
    assert offset == pytest.approx(12.3, abs=0.06)


@pytest.mark.parametrize("speed", [0.8, 0.85, 1.06, 1.25])
@pytest.mark.parametrize("rough", [1.0, 1.25])
def test_another_speed_is_found_by_what_moves(speed: float, rough: float) -> None:
    middle = 7.25
    found, offset = course(played(speed, 10.0), (rough, 10.0 + (speed - rough) * middle + 1.0))
    assert found == pytest.approx(speed, abs=0.02)
    assert found * middle + offset == pytest.approx(speed * middle + 10.0, abs=0.1)


def test_speed_1_is_kept_though_the_line_had_another() -> None:
    speed, offset = course(played(1.0, 9.0), (1.25, 9.0 - 0.25 * 7.25))
    assert speed == 1.0
    assert offset == pytest.approx(9.0, abs=0.06)


def test_where_nothing_moves_speed_1_is_as_good_as_any() -> None:
    still = np.repeat(talking(np.array([3.0])), 30, axis=0)
    reel = Reel.whole(np.repeat(talking(np.array([3.0])), 160, axis=0), FINE_STEP)
    speed, _ = exact_course(still, reel, np.arange(0, 30, 2), of_window(WHOLE), (1.1, 2.0))
    assert speed == 1.0


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_what_lies_beyond_a_cut_says_nothing_of_the_course(seed: int) -> None:
    """Somebody who hardly moves, for four seconds between other pictures, looked for six seconds off."""

    def faintly(pictures: Pictures) -> Pictures:
        return np.asarray(WALL + 0.02 * (pictures - WALL), dtype=np.float32)

    piece = faintly(played(1.0, 18.0 + seed, seconds=4.5))
    before, after = (np.stack([40 * smooth(first + k, 12) for k in range(6)]) for first in (100 * seed, 1000 * seed))
    reel = Reel.whole(faintly(talking(np.arange(0.0, SECONDS, FINE_STEP))), FINE_STEP)
    own, moments = np.concatenate([before, piece, after]), np.arange(6, 6 + len(piece))
    speed, offset = exact_course(own, reel, moments, of_window(WHOLE), (1.0, 21.0 + seed))
    assert speed == 1.0
    assert offset == pytest.approx(15.0 + seed, abs=0.06)


def test_one_moment_is_enough_to_be_asked() -> None:
    speed, offset = course(played(1.0, 12.0), (1.0, 13.0), np.array([4]))
    assert speed == 1.0
    assert offset == pytest.approx(12.0, abs=0.1)


@pytest.mark.parametrize("count", [1, 2, 30])
@pytest.mark.parametrize("moving", [1.0, 0.02, 0.0])
def test_a_course_is_judged_as_the_pictures_along_it_are(count: int, moving: float) -> None:
    """Also beyond the ends, where the reel shows its first or its last picture."""
    dice = np.random.default_rng(count)
    reel = Reel.whole(np.asarray(WALL + moving * dice.normal(0, 20, (count, GRID, GRID)), np.float32), FINE_STEP)
    at = np.arange(6, dtype=np.float64) * np.float64(STEP)
    mine = np.asarray(WALL + dice.normal(0, 20, (len(at), GRID, GRID)), np.float32)
    courses = [(1.0, 0.0), (1.0, 0.13), (-1.0, 5.0), (0.8, 100.0), (1.2, -100.0)]

    def correlation(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
        size = np.sqrt(
            np.vdot(
                one,
                one,
            )
            * np.vdot(other, other)
        )
        return float(np.vdot(one, other) / size) if size > 1.0 else 0.0

    slow = []
    for speed, offset in courses:
        shown = reel.at(speed * at + offset).astype(np.float64)
        slow.append(correlation(mine, shown) + correlation(mine - mine.mean(axis=0), shown - shown.mean(axis=0)))
    assert SideBySide.of(mine, reel, at).agreements(courses) == pytest.approx(slow, abs=1e-4)
