"""Videos that were never filmed: what real clips show, displaced, bent, mixed and cut anew.

Each shot is one to three stretches of real clips, each seen through a random smooth map (turned a little, shifted,
zoomed, bent), played at another speed and blended through random soft masks. So it has the spectrum, the contrast and
the motion of what was filmed, and yet no two of them show the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.catalogue.films import SIDE, Film, Pictures
from processor.phash import dct_basis

_SIZES = ((854, 480), (854, 480), (640, 360), (640, 480), (480, 480), (270, 480))
_SHOTS = (1, 1, 2, 3, 4, 6)
_LEAST_SAMPLES = 4

Field = NDArray[np.float32]


def synthetic_film(seed: int, clips: Sequence[Pictures], *, seconds: float, interval: float) -> Film:
    """A film of a seed. clips: float32 [n, 48, 48] each, n >= 4: what real videos show, one picture each `interval`."""
    random = np.random.default_rng((seed, 77))
    count = round(seconds / interval)
    shots = int(random.choice(_SHOTS))
    cuts = np.sort(random.choice(np.arange(1, count), shots - 1, replace=False))
    lengths = np.diff(np.concatenate([[0], cuts, [count]]))
    pictures = np.concatenate([_shot(random, clips, int(length)) for length in lengths])
    width, height = _SIZES[int(random.integers(len(_SIZES)))]
    lit = pictures * random.uniform(30, 70) + random.uniform(90, 150)
    return Film(np.asarray(lit.clip(0, 255), np.float32), interval, width, height)


def telling_pictures(films: Sequence[Film]) -> list[Pictures]:
    """What can be mixed: the pictures of each film that show something, of films that have some."""
    kept = [film.pictures[film.pictures.std(axis=(1, 2)) >= 8] for film in films]
    return [pictures for pictures in kept if len(pictures) >= _LEAST_SAMPLES]


def _shot(random: np.random.Generator, clips: Sequence[Pictures], count: int) -> Pictures:
    """float32 [count, 48, 48], deviation 1 each."""
    layers = []
    for _ in range(int(random.choice((1, 2, 3), p=(0.3, 0.5, 0.2)))):
        clip = _stretch(random, clips[int(random.integers(len(clips)))], count)
        seen = _seen_through(clip, *_map(random))
        seen = (seen - seen.mean()) / max(float(seen.std()), 1e-3)
        layers.append(seen * (-1 if random.random() < 0.1 else 1))
    masks = np.exp(4 * _fields(random, len(layers), 2))
    masks /= masks.sum(axis=0)
    mixed = sum(mask[None] * layer for mask, layer in zip(masks, layers, strict=True))
    flat = np.asarray(mixed, np.float32)
    return np.asarray(flat / np.maximum(flat.std(axis=(1, 2), keepdims=True), 1e-3), np.float32)


def _stretch(random: np.random.Generator, clip: Pictures, count: int) -> Pictures:
    """So many pictures from somewhere in it, at half to one and a half times its speed, to and fro."""
    speed = random.uniform(0.5, 1.5) * random.choice((-1, 1))
    at = np.abs(random.uniform(0, len(clip) - 1) + speed * np.arange(count)) % (2 * (len(clip) - 1))
    at = np.where(at > len(clip) - 1, 2 * (len(clip) - 1) - at, at)
    before = np.minimum(at.astype(int), len(clip) - 2)
    share = (at - before).astype(np.float32)[:, None, None]
    return np.asarray((1 - share) * clip[before] + share * clip[before + 1], np.float32)


def _map(random: np.random.Generator) -> tuple[Field, Field]:
    """Where each pixel looks, x and y in pixels: mirrored half the time, slanted, zoomed, shifted and bent."""
    at = (np.arange(SIDE) * 2 / (SIDE - 1) - 1).astype(np.float32)
    y, x = np.meshgrid(at, at, indexing="ij")
    if random.random() < 0.5:
        x = -x
    if random.random() < 0.08:
        y = -y
    if random.random() < 0.1:
        x, y = y, x
    bent = 0.13 * _fields(random, 2, 2)
    zoom, slant = random.uniform(0.7, 1.2, 2), random.normal(0, 0.1)
    shift = random.normal(0, 0.45, 2) * (1.0, 0.7)
    across = (x + slant * y) * zoom[0] + shift[0] + bent[0]
    down = (y - slant * x) * zoom[1] + shift[1] + bent[1]
    return _folded((across + 1) / 2 * (SIDE - 1)), _folded((down + 1) / 2 * (SIDE - 1))


def _folded(at: NDArray[np.floating]) -> Field:
    """Back into the picture, as in a mirror, where a place lies outside."""
    around = np.abs(at) % (2 * (SIDE - 1))
    return np.asarray(np.where(around > SIDE - 1, 2 * (SIDE - 1) - around, around), np.float32)


def _seen_through(pictures: Pictures, x: Field, y: Field) -> Pictures:
    """Bilinear reading of each picture at those places."""
    left, top = np.minimum(x.astype(np.intp), SIDE - 2), np.minimum(y.astype(np.intp), SIDE - 2)
    along, down = x - left, y - top
    flat = pictures.reshape(len(pictures), -1)
    corner = (top * SIDE + left).reshape(-1)
    weights = ((1 - down) * (1 - along), (1 - down) * along, down * (1 - along), down * along)
    steps = (0, 1, SIDE, SIDE + 1)
    corners = zip((np.take(flat, corner + step, axis=1) for step in steps), weights, strict=True)
    return np.asarray(sum(read * weight.reshape(-1) for read, weight in corners), np.float32).reshape(pictures.shape)


def _fields(random: np.random.Generator, count: int, highest: int) -> Field:
    """float32 [count, 48, 48]: smooth, of the lowest frequencies only; mean 0, deviation 1."""
    v, u = np.mgrid[: highest + 1, : highest + 1]
    spectrum = random.normal(size=(count, highest + 1, highest + 1)) / np.maximum(np.hypot(u, v), 1.0)
    spectrum[:, 0, 0] = 0.0
    basis = dct_basis(SIDE)[: highest + 1]
    fields = basis.T @ spectrum @ basis
    return np.asarray(fields / np.maximum(fields.std(axis=(1, 2), keepdims=True), 1e-6), np.float32)
