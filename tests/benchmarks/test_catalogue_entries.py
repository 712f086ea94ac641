"""Films, synthetic videos and their sounds: like real ones, and like no other."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from benchmarks.catalogue.entries import Material, synthetic
from benchmarks.catalogue.films import SIDE, Film, film_of, fingerprint_of, framed
from benchmarks.catalogue.sounds import audible, synthetic_sound
from benchmarks.catalogue.synthetic import synthetic_film, telling_pictures
from consumer.embedding import index_entries
from consumer.similarity import compare
from consumer.sound_terms import sound_terms
from processor.bars import box_of, margins
from processor.sound import FRAMES, code_count
from tests.benchmarks.reels import SEEDS, material, reel
from tests.consumer.fingerprints import blank_fingerprint
from wire.fingerprints import ALGORITHM_VERSION, TONES, Fingerprint

SEEDS_OF_FILMS = range(5)


@pytest.fixture(scope="module")
def films() -> list[Fingerprint]:
    return [synthetic(seed, material()) for seed in SEEDS_OF_FILMS]


def test_a_film_shows_what_its_fingerprint_shows() -> None:
    original = reel(0)
    again = fingerprint_of(film_of(original))
    assert again.algorithm_version == ALGORITHM_VERSION
    assert len(again.times) == len(original.times)
    found = compare(again, original)
    assert found.video_score > 0.95
    assert found.coverage > 0.9


def test_bars_are_drawn_where_the_fingerprint_has_them() -> None:
    inner = film_of(reel(1))
    levels = np.full((len(inner.pictures), 4), 16.0, np.float32)
    film = Film(framed(inner.pictures, (0.25, 0.75, 0.0, 1.0), levels), inner.interval, 640, 480)
    assert np.abs(film.pictures[:, :8] - 16).max() < 1
    boxed = fingerprint_of(film)
    assert boxed.box[:2] == pytest.approx([0.25, 0.25], abs=0.03)
    assert film_of(boxed).pictures[:, :8].std() < 3
    assert film_of(boxed).seconds == pytest.approx(film.seconds)


def test_a_seed_always_gives_the_same_video() -> None:
    once, again, other = (synthetic(seed, material()) for seed in (3, 3, 4))
    assert np.array_equal(once.frames, again.frames)
    assert np.array_equal(once.tones, again.tones)
    assert once.duration != other.duration


def test_a_synthetic_film_shows_something_at_every_moment() -> None:
    film = synthetic_film(7, material().pictures, seconds=9.0, interval=0.25)
    assert film.pictures.shape == (36, SIDE, SIDE)
    assert film.pictures.min() >= 0
    assert film.pictures.max() <= 255
    assert film.pictures.std(axis=(1, 2)).min() > 10


def test_synthetic_videos_are_of_use_to_the_index(films: list[Fingerprint]) -> None:
    for film in films:
        assert 5 <= film.duration <= 60
        assert len(index_entries(film)) >= 3
        assert len(film.tones) == (len(film.codes) + FRAMES - 1 if len(film.codes) else 0)
        if len(film.codes):
            assert len(film.codes) == code_count(film.duration)
            assert len(sound_terms(film)) >= 5


def test_no_two_are_alike(films: list[Fingerprint]) -> None:
    for one, other in combinations(films, 2):
        found = compare(one, other)
        assert found.video_score < 0.85
        assert (found.audio_score or 0.0) < 0.8


def test_none_is_like_what_it_is_mixed_of(films: list[Fingerprint]) -> None:
    for film in films:
        for seed in SEEDS:
            assert (compare(film, reel(seed)).audio_score or 0.0) < 0.8


def test_some_have_no_sound() -> None:
    clips = material().sounds
    lengths = [len(synthetic_sound(seed, clips, seconds=8.0)[0]) for seed in range(60)]
    assert 2 <= lengths.count(0) <= 20
    assert set(lengths) == {0, code_count(8.0)}


def test_a_video_too_short_for_a_code_has_no_sound() -> None:
    codes, tones = synthetic_sound(1, material().sounds, seconds=1.0)
    assert len(codes) == 0
    assert tones.shape == (0, TONES)


def test_levels_stay_those_of_tones() -> None:
    clips = material().sounds
    made = [synthetic_sound(seed, clips, seconds=8.0)[1] for seed in range(10)]
    loudest = max(int(tones.max()) for tones, _ in clips)
    assert all(tones.dtype == np.uint8 and tones.shape[1] == TONES for tones in made)
    assert 0 < max(int(tones.max(initial=0)) for tones in made) <= loudest + 2


def test_clips_without_pictures_or_sound_are_not_mixed_of() -> None:
    black = blank_fingerprint()
    assert telling_pictures([film_of(black)]) == []
    assert audible([black]) == []
    with pytest.raises(ValueError, match="two clips"):
        Material.of([black, reel(0)])
    mute = [replace(reel(seed), codes=reel(seed).codes[:0]) for seed in SEEDS]
    with pytest.raises(ValueError, match="one that sounds"):
        Material.of(mute)


@pytest.mark.parametrize("window", [(0.0, 1.0, 0.0, 1.0), (0.15, 0.85, 0.0, 1.0), (0.1, 0.9, 0.2, 0.8)])
def test_bars_are_found_as_the_processor_finds_them(window: tuple[float, float, float, float]) -> None:
    film = film_of(reel(1))
    pictures = framed(film.pictures, window, np.full((len(film.pictures), 4), 20.0, np.float32))
    pictures[::5] = 90.0
    expected = np.array([margins(np.round(picture.clip(0, 255)).astype(np.uint8)) for picture in pictures])
    found = fingerprint_of(Film(pictures, film.interval, film.width, film.height))
    assert found.box == pytest.approx(np.array(box_of(expected), np.float32))
