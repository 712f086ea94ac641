"""What people do to videos, done to films: names and strengths as in `benchmarks.quality`, as far as films can."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from benchmarks.catalogue.films import SIDE, Film, Pictures, Window, cut_out, drawn_into, framed


@dataclass(frozen=True, slots=True)
class Scene:
    """What an alteration is made with. others: films to fill the rest with, of any size; dice: decide the rest."""

    film: Film
    others: Sequence[Film]
    dice: np.random.Generator

    def other(self) -> Film:
        return self.others[int(self.dice.integers(len(self.others)))]


Alter = Callable[[Scene], Film]


def cropped(film: Film, window: Window) -> Film:
    top, bottom, left, right = window
    width, height = round(film.width * (right - left)), round(film.height * (bottom - top))
    return Film(cut_out(film.pictures, window), film.interval, width, height)


def padded(film: Film, across: float, down: float, level: float = 16.0) -> Film:
    """Bars that make the picture so much larger; of one luma."""
    window = ((1 - 1 / down) / 2, (1 + 1 / down) / 2, (1 - 1 / across) / 2, (1 + 1 / across) / 2)
    levels = np.full((len(film.pictures), 4), level, np.float32)
    pictures = framed(film.pictures, window, levels)
    return Film(pictures, film.interval, round(film.width * across), round(film.height * down))


def turned(film: Film, quarter_turns: int, *, mirrored: bool = False) -> Film:
    """Mirrored left to right first, then turned counter-clockwise."""
    pictures = film.pictures[:, :, ::-1] if mirrored else film.pictures
    pictures = np.ascontiguousarray(np.rot90(pictures, quarter_turns, axes=(1, 2)))
    width, height = (film.height, film.width) if quarter_turns % 2 else (film.width, film.height)
    return Film(pictures, film.interval, width, height)


def played(film: Film, start: float, stop: float, speed: float = 1.0) -> Film:
    """The part from start to stop (shares of its length), at another speed, between the samples by half a sample."""
    first, last = start * (len(film.pictures) - 1), stop * (len(film.pictures) - 1)
    count = max(2, int((last - first) / speed) + 1)
    return film.shown(_at(film.pictures, first + 0.37 + speed * np.arange(count)))


def joined(parts: Sequence[Film], width: int, height: int) -> Film:
    """One after another, each fitted into the same size with bars where its shape is another."""
    pictures = []
    for part in parts:
        across, down = 1.0, 1.0
        if part.aspect < width / height:
            across = width / height / part.aspect
        else:
            down = part.aspect / (width / height)
        pictures.append(padded(part, across, down, level=16.0).pictures)
    return Film(np.concatenate(pictures), parts[0].interval, width, height)


def inset(film: Film, ground: Film, window: Window, width: int, height: int) -> Film:
    """Drawn into a window of another film, which is repeated as often as needed."""
    repeated = ground.pictures[np.arange(len(film.pictures)) % len(ground.pictures)]
    return Film(drawn_into(repeated, film.pictures, window), film.interval, width, height)


def painted(film: Film, window: Window, level: float, share: float) -> Film:
    """A plain box over it. share: how much of it covers, 1: wholly."""
    top, bottom, left, right = (round(edge * SIDE) for edge in window)
    pictures = film.pictures.copy()
    part = pictures[:, top:bottom, left:right]
    pictures[:, top:bottom, left:right] = (1 - share) * part + share * level
    return film.shown(pictures)


def _at(pictures: Pictures, places: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Pictures:
    at = np.clip(places, 0, len(pictures) - 1)
    before = np.minimum(at.astype(int), max(len(pictures) - 2, 0))
    share = (at - before).astype(np.float32)[:, None, None]
    after = np.minimum(before + 1, len(pictures) - 1)
    return np.asarray((1 - share) * pictures[before] + share * pictures[after], np.float32)


def _reencoded(scene: Scene) -> Film:
    film = scene.film
    noisy = film.pictures + scene.dice.normal(0, 2, film.pictures.shape)
    return played(film.shown(noisy), 0.0, 1.0)


def _light(contrast: float, lift: float, gamma: float) -> Alter:
    def alter(scene: Scene) -> Film:
        lit = 255 * (scene.film.pictures / 255) ** gamma
        return scene.film.shown((lit - 128) * contrast + 128 + lift)

    return alter


def _noisy(scene: Scene) -> Film:
    return scene.film.shown(scene.film.pictures + scene.dice.normal(0, 12, scene.film.pictures.shape))


def _blurred(scene: Scene) -> Film:
    return scene.film.shown(gaussian_filter(scene.film.pictures, (0, 1.0, 1.0)))


def _crop(share: float) -> Alter:
    def alter(scene: Scene) -> Film:
        top, left = ((1 - share) * scene.dice.uniform(0.2, 0.8) for _ in range(2))
        return cropped(scene.film, (top, top + share, left, left + share))

    return alter


def _portrait(scene: Scene) -> Film:
    film = scene.film
    if film.aspect > 0.5625 * 1.3:
        share = 0.5625 / film.aspect
        left = (1 - share) * scene.dice.uniform(0.2, 0.8)
        return cropped(film, (0.0, 1.0, left, left + share))
    share = film.aspect
    top = (1 - share) * scene.dice.uniform(0.2, 0.8)
    return cropped(film, (top, top + share, 0.0, 1.0))


def _blurred_fill(scene: Scene) -> Film:
    film = scene.film
    canvas = 9 / 16 if film.aspect >= 1 else 16 / 9
    share = canvas / film.aspect
    if share < 1:
        window: Window = ((1 - share) / 2, (1 + share) / 2, 0.0, 1.0)
        back = cut_out(film.pictures, (0.0, 1.0, (1 - share) / 2, (1 + share) / 2))
    else:
        share = 1 / share
        window = (0.0, 1.0, (1 - share) / 2, (1 + share) / 2)
        back = cut_out(film.pictures, ((1 - share) / 2, (1 + share) / 2, 0.0, 1.0))
    ground = gaussian_filter(back, (0, 3.0, 3.0))
    size = (360, 640) if canvas < 1 else (640, 360)
    return Film(drawn_into(ground, film.pictures, window), film.interval, *size)


def _inset(share: float) -> Alter:
    def alter(scene: Scene) -> Film:
        left = (1 - share) * float(scene.dice.choice((0.04, 0.5, 0.96)))
        top = (1 - share) * float(scene.dice.choice((0.04, 0.7, 0.96)))
        film = scene.film
        return inset(film, scene.other(), (top, top + share, left, left + share), film.width, film.height)

    return alter


def _side_by_side(scene: Scene) -> Film:
    film = scene.film
    left = 0.5 * float(scene.dice.integers(2))
    black = film.shown(np.full_like(film.pictures, 16.0))
    ground = inset(scene.other(), black, (0.25, 0.75, 0.5 - left, 1.0 - left), film.width, film.height)
    return inset(film, ground, (0.25, 0.75, left, left + 0.5), film.width, film.height)


def _stacked(scene: Scene) -> Film:
    film = scene.film
    top = 0.5 * float(scene.dice.integers(2))
    other = scene.other()
    black = other.shown(np.full_like(other.pictures, 16.0))
    ground = inset(other, black, (0.5 - top, 1.0 - top, 0.0, 1.0), film.width, film.height * 2)
    return inset(film, ground, (top, top + 0.5, 0.0, 1.0), film.width, film.height * 2)


def _compilation(scene: Scene) -> Film:
    film, span = scene.film, min(10.0, 0.6 * scene.film.seconds)
    piece = played(film, 0.2, min(1.0, 0.2 + span / film.seconds))
    around = [scene.other() for _ in range(2)]
    nine = [played(other, 0.0, min(1.0, 9.0 / other.seconds)) for other in around]
    return joined([nine[0], piece, nine[1]], 640, 360)


def _logo(size: float) -> Alter:
    def alter(scene: Scene) -> Film:
        film = scene.film
        across = min(1.0, size * min(film.width, film.height) / film.width)
        down = min(1.0, size * min(film.width, film.height) / film.height)
        white = painted(film, (0.04, 0.04 + down, 0.96 - across, 0.96), 235.0, 0.85)
        return painted(
            white, (0.04 + down / 4, 0.04 + 3 * down / 4, 0.96 - across * 0.8, 0.96 - across * 0.3), 80.0, 0.9
        )

    return alter


def _caption(scene: Scene) -> Film:
    film = painted(scene.film, (0.84, 0.98, 0.0, 1.0), 16.0, 0.6)
    for word in range(4):
        film = painted(film, (0.89, 0.94, 0.2 + 0.16 * word, 0.3 + 0.16 * word), 235.0, 0.9)
    return film


def _together(scene: Scene) -> Film:
    """Mirrored, cropped to 88 %, brighter, a logo, a little faster."""
    film = turned(scene.film, 0, mirrored=True)
    film = cropped(film, (0.06, 0.94, 0.06, 0.94))
    film = _light(1.15, 15.0, 1.0)(Scene(film, scene.others, scene.dice))
    film = _logo(0.15)(Scene(film, scene.others, scene.dice))
    return played(film, 0.0, 1.0, 1.06)


ALTERATIONS: Mapping[str, Alter] = {
    "reencoded": _reencoded,
    "dark": _light(0.8, -30.0, 1.0),
    "contrast": _light(1.6, 0.0, 1.0),
    "gamma": _light(1.0, 0.0, 1.7),
    "noise": _noisy,
    "blur": _blurred,
    "letterbox": lambda scene: padded(scene.film, 1.0, 1 / 0.75),
    "pillarbox": lambda scene: padded(scene.film, 1 / 0.75, 1.0),
    "border": lambda scene: padded(scene.film, 1.16, 1.16, level=90.0),
    "blurred-fill": _blurred_fill,
    "crop-90": _crop(0.9),
    "crop-80": _crop(0.8),
    "crop-70": _crop(0.7),
    "crop-portrait": _portrait,
    "logo": _logo(0.15),
    "logo-large": _logo(0.35),
    "caption": _caption,
    "mirrored": lambda scene: turned(scene.film, 0, mirrored=True),
    "upside-down": lambda scene: turned(scene.film, 2, mirrored=True),
    "turn-90": lambda scene: turned(scene.film, 1),
    "turn-180": lambda scene: turned(scene.film, 2),
    "trim-60": lambda scene: played(scene.film, 0.3, 0.9),
    "trim-30": lambda scene: played(scene.film, 0.5, 0.8),
    "speed-1.25": lambda scene: played(scene.film, 0.0, 1.0, 1.25),
    "speed-0.85": lambda scene: played(scene.film, 0.0, 1.0, 0.85),
    "inset-60": _inset(0.6),
    "inset-50": _inset(0.5),
    "side-by-side": _side_by_side,
    "stacked": _stacked,
    "compilation": _compilation,
    "together": _together,
}
"""Each takes a scene and gives the altered film, without sound: what is measured is what the picture proposes."""
