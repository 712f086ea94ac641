from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from consumer.similarity.pictures import GRID, WHOLE, Pictures, Window, cut
from consumer.similarity.registration import Affine, measure, of_window, refine, warp
from tests.consumer.clips import texture

MOMENTS = 10
PIXEL = 2 / GRID
"""Of the grid, in the units of maps."""

FINE = 128
"""Side of the scenes that are looked at through maps, so that nothing is interpolated from the grid itself."""


def scenes(seed: int, side: int = FINE) -> NDArray[np.float32]:
    """float32 [10, side, side]: a still texture with others drifting over it."""
    random = np.random.default_rng(seed)
    ground, moving = texture(random, side, side), texture(random, side, side)
    return np.array([120 + 30 * ground + 30 * np.roll(moving, 7 * n, axis=(n % 2)) for n in range(MOMENTS)], np.float32)


def seen_through(scene: NDArray[np.float32], affine: Affine) -> Pictures:
    """What a query whose points lie at `affine` of the scene shows; exact to the scene's fine pixels."""
    at = (np.arange(GRID * 4) + 0.5) * 2 / (GRID * 4) - 1
    y, x = np.meshgrid(at, at, indexing="ij")
    columns = affine[0, 0] * x + affine[0, 1] * y + affine[0, 2]
    rows = affine[1, 0] * x + affine[1, 1] * y + affine[1, 2]
    side = scene.shape[1]
    pixels = [np.clip(((place + 1) * side / 2).astype(int), 0, side - 1) for place in (rows, columns)]
    fine = scene[:, pixels[0], pixels[1]]
    return np.asarray(fine.reshape(len(scene), GRID, 4, GRID, 4).mean(axis=(2, 4)), np.float32)


IDENTITY = of_window(WHOLE)


def affine(scale_x: float = 1.0, scale_y: float = 1.0, x: float = 0.0, y: float = 0.0, degrees: float = 0.0) -> Affine:
    turn = np.deg2rad(degrees)
    return np.array(
        [[scale_x * np.cos(turn), -scale_y * np.sin(turn), x], [scale_x * np.sin(turn), scale_y * np.cos(turn), y]]
    )


SMALL_MAPS = {
    "none": affine(),
    "shifted": affine(x=0.06, y=-0.05),
    "zoomed in": affine(0.92, 0.92),
    "zoomed off the middle": affine(0.9, 0.9, x=0.07, y=0.04),
    "stretched": affine(0.9, 1.0),
    "turned a little": affine(0.93, 0.93, degrees=3),
    "zoomed out": affine(1.06, 1.06),
}


@pytest.mark.parametrize("name", SMALL_MAPS)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_small_map_is_recovered_within_a_pixel(name: str, seed: int) -> None:
    """No nearer: whitening mirrors each picture at its own edges, so a zoom is drawn a little towards none."""
    scene = scenes(seed)
    reference = seen_through(scene, IDENTITY)
    query = seen_through(scene, SMALL_MAPS[name])
    found = refine(query, reference, IDENTITY)
    assert np.abs(found - SMALL_MAPS[name]).max() < PIXEL
    before, after, true = (measure(query, reference, each).moving for each in (IDENTITY, found, SMALL_MAPS[name]))
    assert after >= before
    assert after >= true - 0.03


@pytest.mark.parametrize("window", [(0.14, 0.86, 0.14, 0.86), (0.0, 1.0, 0.2, 0.8), (0.3, 0.8, 0.1, 0.6)])
def test_a_crop_is_recovered_from_a_window_nearby(window: Window) -> None:
    scene = scenes(3)
    wanted = of_window(window)
    nearby = wanted + np.array([[0.04, 0.0, 0.04], [0.0, 0.04, -0.04]])
    query, reference = seen_through(scene, wanted), seen_through(scene, IDENTITY)
    found = refine(query, reference, nearby)
    assert np.abs((found - wanted) @ np.array([0.7, 0.7, 1.0])).max() < 1.5 * PIXEL
    assert measure(query, reference, found).moving >= measure(query, reference, wanted).moving - 0.05


def test_a_logo_pulls_at_nothing() -> None:
    scene = scenes(4)
    wanted = affine(0.93, 0.93, x=0.05)
    query = seen_through(scene, wanted)
    query[:, 2:9, 22:30] = 235
    assert np.abs(refine(query, seen_through(scene, IDENTITY), IDENTITY) - wanted).max() < PIXEL


def test_brightness_and_contrast_pull_at_nothing() -> None:
    scene = scenes(5)
    wanted = affine(0.95, 0.95, y=0.04)
    query = 0.6 * seen_through(scene, wanted) + 50
    assert np.abs(refine(query, seen_through(scene, IDENTITY), IDENTITY) - wanted).max() < PIXEL


def test_refining_is_never_worse_than_its_start() -> None:
    """Of pictures that have nothing to do with each other too: the start is kept or bettered."""
    query, reference = seen_through(scenes(6), IDENTITY), seen_through(scenes(7), IDENTITY)
    found = refine(query, reference, IDENTITY)
    assert np.isfinite(found).all()
    assert measure(query, reference, found).moving < 0.5


def test_flat_pictures_break_nothing() -> None:
    flat = np.full((MOMENTS, GRID, GRID), 16, np.float32)
    found = refine(flat, flat, IDENTITY)
    assert np.isfinite(found).all()
    measured = measure(flat, seen_through(scenes(1), IDENTITY), IDENTITY)
    assert measured.moving == pytest.approx(0.0, abs=0.05)
    assert measured.variety < 0.01
    assert measured.area < 0.3


def test_a_copy_measures_one_and_a_stranger_does_not() -> None:
    pictures, strangers = seen_through(scenes(8), IDENTITY), seen_through(scenes(9), IDENTITY)
    same = measure(pictures, pictures, IDENTITY)
    assert (same.still, same.moving, same.area) == pytest.approx((1.0, 1.0, 1.0), abs=1e-3)
    assert same.variety > 2
    other = measure(pictures, strangers, IDENTITY)
    assert other.moving < 0.6
    assert other.area < 0.6


def test_what_looks_alike_and_moves_otherwise_has_still_and_not_moving() -> None:
    random = np.random.default_rng(10)
    ground = texture(random, GRID, GRID)
    one, other = (
        np.array([120 + 40 * ground + 8 * texture(random, GRID, GRID) for _ in range(MOMENTS)], np.float32)
        for _ in range(2)
    )
    measured = measure(one, other, IDENTITY)
    assert measured.still > 0.6
    assert measured.moving < 0.3


def test_what_stands_still_has_no_motion() -> None:
    frozen = np.repeat(seen_through(scenes(11), IDENTITY)[:1], MOMENTS, axis=0)
    measured = measure(frozen, frozen, IDENTITY)
    assert measured.still == pytest.approx(1.0, abs=1e-3)
    assert measured.motion < 1e-6
    assert measured.moving == pytest.approx(0.0, abs=0.05)


def test_half_of_a_picture_is_half_of_the_area() -> None:
    pictures, strangers = seen_through(scenes(12), IDENTITY), seen_through(scenes(13), IDENTITY)
    half = pictures.copy()
    half[:, :, : GRID // 2] = strangers[:, :, : GRID // 2]
    assert 0.3 < measure(half, pictures, IDENTITY).area < 0.7


def test_the_map_of_a_window_puts_its_corners_on_the_pictures() -> None:
    top, bottom, left, right = 0.25, 0.75, 0.1, 0.9
    corners = of_window((top, bottom, left, right)) @ np.array([[-1, 1], [-1, 1], [1, 1]])
    assert corners.tolist() == [pytest.approx([2 * left - 1, 2 * right - 1]), pytest.approx([-0.5, 0.5])]
    assert of_window(WHOLE).tolist() == [[1, 0, 0], [0, 1, 0]]


def test_a_window_seen_through_its_map_is_the_window_cut() -> None:
    pictures = seen_through(scenes(14), IDENTITY)
    window = (0.2, 0.8, 0.1, 0.9)
    warped, inside = warp(pictures, of_window(window))
    assert np.abs(warped - cut(pictures, window)).max() < 0.01
    assert (inside == 1).all()


def test_what_lies_outside_the_reference_is_said_so() -> None:
    _, inside = warp(seen_through(scenes(15), IDENTITY), affine(2.0, 2.0))
    assert inside.mean() == pytest.approx(0.25, abs=0.02)
    assert inside[GRID // 2, GRID // 2] == 1
    assert inside[0, 0] == 0


def test_a_drift_that_both_share_is_not_the_same_motion() -> None:
    random = np.random.default_rng(5)
    count = 24
    ground, drift = texture(random, GRID, GRID), texture(random, GRID, GRID)
    fidgets = [[texture(random, GRID, GRID) for _ in range(count)] for _ in range(2)]
    one, other = (
        np.array([120 + 30 * ground + 4 * n * drift + 6 * own[n] for n in range(count)], np.float32) for own in fidgets
    )
    assert measure(one, other, IDENTITY).moving < 0.4
    assert measure(one, one + random.normal(size=one.shape).astype(np.float32), IDENTITY).moving > 0.9


def test_what_moves_counts_and_not_the_noise_of_the_wall_behind() -> None:
    """A speaker: only a mouth moves, and both copies are coded anew, each with its own noise everywhere."""
    random = np.random.default_rng(6)
    ground = texture(random, GRID, GRID)
    mouth = np.zeros((GRID, GRID), np.float32)
    mouth[18:24, 12:20] = 1.0
    says = random.uniform(-1, 1, 24)
    clean = np.array([120 + 30 * ground + 18 * say * mouth for say in says], np.float32)
    coded = [clean + random.normal(0, 2.5, clean.shape).astype(np.float32) for _ in range(2)]
    assert measure(coded[0], coded[1], IDENTITY).moving > 0.7
    silent = np.array([120 + 30 * ground for _ in says], np.float32)
    noisy = [silent + random.normal(0, 2.5, clean.shape).astype(np.float32) for _ in range(2)]
    assert measure(noisy[0], noisy[1], IDENTITY).moving < 0.3
