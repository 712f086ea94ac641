from __future__ import annotations

from random import Random

import numpy as np
import pytest

from benchmarks.quality.artwork import (
    Pixels,
    caption,
    clear,
    filled,
    lettering,
    logo,
    pam,
    shapes,
    smileys,
    title_card,
    write,
)

SIZES = [(640, 360), (270, 480), (204, 360), (96, 54)]


def covered(picture: Pixels) -> float:
    return float((picture[..., 3] > 0).mean())


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_caption_covers_its_share_from_below(width: int, height: int) -> None:
    picture = caption(width, height, 0.3, ("ONE LINE", "TWO"))
    assert picture.shape == (height, width, 4)
    assert covered(picture) == pytest.approx(0.3, abs=0.02)
    assert not picture[: height // 2, :, 3].any()
    assert (picture[..., :3] == 255).all(axis=-1).any()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_logo_lies_in_a_corner(width: int, height: int) -> None:
    picture = logo(width, height, 0.2, Random(3))
    assert 0.004 < covered(picture) < 0.05
    assert not picture[height * 3 // 8 : height * 5 // 8, width * 3 // 8 : width * 5 // 8, 3].any()


@pytest.mark.parametrize("draw", [smileys, shapes])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_smileys_and_shapes_cover_something(draw: object, width: int, height: int) -> None:
    make = smileys if draw is smileys else shapes
    assert 0.02 < covered(make(width, height, 4, 0.25, Random(1))) < 0.4


def test_the_same_dice_draw_the_same() -> None:
    first, again = (smileys(320, 180, 5, 0.2, Random(9)) for _ in range(2))
    assert (first == again).all()
    assert (first != smileys(320, 180, 5, 0.2, Random(10))).any()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_title_cards_hide_everything_and_differ_by_their_words(width: int, height: int) -> None:
    one, other = title_card(width, height, "PART ONE"), title_card(width, height, "THE END")
    assert covered(one) == 1
    assert (one != other).any()


def test_letters_are_seven_dots_high() -> None:
    assert lettering("I", 1).shape == (7, 7)
    assert lettering("AB", 3).shape == (21, 39)
    assert lettering(" ", 2).sum() == 0
    assert lettering("I", 1)[0].tolist() == [False, False, True, True, True, False, False]


def test_letters_stay_within_their_box() -> None:
    picture = clear(100, 40)
    write(picture, "HELLO", (10, 5, 80, 30), (255, 255, 255))
    rows, columns = np.nonzero(picture[..., 3])
    assert 5 <= rows.min() <= rows.max() < 35
    assert 10 <= columns.min() <= columns.max() < 90


def test_a_pam_file_says_its_size_and_holds_the_pixels() -> None:
    picture = filled(3, 2, (1, 2, 3))
    head, _, body = pam(picture).partition(b"ENDHDR\n")
    assert head.split(b"\n")[:4] == [b"P7", b"WIDTH 3", b"HEIGHT 2", b"DEPTH 4"]
    assert body == bytes((1, 2, 3, 255)) * 6
