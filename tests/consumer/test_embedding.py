from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from consumer.embedding import _asked_at_most, index_entries, picked_samples, query_vectors
from consumer.similarity.views import Seen
from tests.consumer.clips import (
    Clip,
    clip,
    cropped,
    fingerprint_of,
    flat,
    joined,
    letterboxed,
    mirrored,
    noisy,
    pillarboxed,
    played_at,
    still,
    texture,
    trimmed,
    turned,
    with_logo,
)
from wire.fingerprints import VECTOR_SIZE

ORIGINALS = [clip(seed, duration=9.0, shot_seconds=3.0) for seed in range(4)]
OTHERS = 200


@pytest.fixture(scope="module")
def index() -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Vectors and their owners: 0..3 the originals, then 200 others."""
    videos = [*ORIGINALS, *(slides(1000 + n) for n in range(OTHERS))]
    entries = [index_entries(fingerprint_of(video)) for video in videos]
    vectors = [entry.vector for own in entries for entry in own]
    owners = [n for n, own in enumerate(entries) for _ in own]
    return np.array(vectors, np.float32), np.array(owners, np.intp)


def slides(seed: int) -> Clip:
    """Six pictures, a second each: quick to draw."""
    random = np.random.default_rng(seed)
    pictures = [np.asarray(128 + 45 * texture(random, 48, 48), np.float32) for _ in range(6)]
    return Clip(lambda moment: pictures[int(moment) % 6], 6.0)


COPIES: dict[str, Callable[[Clip], Clip]] = {
    "the same": lambda source: source,
    "trimmed": lambda source: trimmed(source, 1.3, 5.2),
    "mirrored": mirrored,
    "10 % off each side": lambda source: cropped(source, 0.1, 0.1, 0.1, 0.1),
    "14 % off each side": lambda source: cropped(source, 0.14, 0.14, 0.14, 0.14),
    "letterboxed": lambda source: letterboxed(source, 0.15),
    "turned": lambda source: turned(source, 1),
    "turned back and mirrored": lambda source: turned(mirrored(source), 3),
    "logo": with_logo,
    "noisy": lambda source: noisy(source, 12),
    "faster": lambda source: played_at(source, 1.2),
    "cropped, mirrored, logo": lambda source: with_logo(mirrored(cropped(source, 0.07, 0.07, 0.07, 0.07))),
}


@pytest.mark.parametrize("change", COPIES)
def test_a_copy_finds_its_original_first_among_200_others(
    index: tuple[NDArray[np.float32], NDArray[np.intp]], change: str
) -> None:
    vectors, owners = index
    for number, original in enumerate(ORIGINALS):
        asked = np.array(query_vectors(fingerprint_of(COPIES[change](original), late=0.12)), np.float32)
        nearest = (asked @ vectors.T).max(axis=0)
        best = np.full(len(ORIGINALS) + OTHERS, -1.0)
        np.maximum.at(best, owners, nearest)
        assert best.argmax() == number
        assert best[number] > 0.8
        assert np.delete(best, number).max() < best[number] - 0.1


def test_vectors_are_64_numbers_of_norm_one() -> None:
    fingerprint = fingerprint_of(ORIGINALS[0])
    for vector in [entry.vector for entry in index_entries(fingerprint)] + query_vectors(fingerprint):
        assert len(vector) == VECTOR_SIZE
        assert float(np.linalg.norm(vector)) == pytest.approx(1.0, abs=1e-3)


def test_equal_vectors_have_equal_ids_and_others_have_others() -> None:
    """Identical vectors break the index; stored once, they are shared by the videos that have them."""
    one, same, other = (index_entries(fingerprint_of(source)) for source in (ORIGINALS[0], ORIGINALS[0], ORIGINALS[1]))
    assert one == same
    by_id = {entry.vector_id: entry.vector for entry in [*one, *other]}
    assert len(by_id) == len(set(by_id.values())) == len(one) + len(other)
    assert not {entry.vector_id for entry in one} & {entry.vector_id for entry in other}


def test_two_videos_that_share_a_shot_share_its_ids() -> None:
    whole, part = (fingerprint_of(source) for source in (slides(7), trimmed(slides(7), 2.0, 5.0)))
    shared = {entry.vector_id for entry in index_entries(whole)} & {entry.vector_id for entry in index_entries(part)}
    assert len(shared) >= 6


def test_no_vector_is_entered_or_asked_twice() -> None:
    fingerprint = fingerprint_of(still(ORIGINALS[0]))
    ids = [entry.vector_id for entry in index_entries(fingerprint)]
    assert len(ids) == len(set(ids))
    asked = query_vectors(fingerprint)
    assert len(asked) == len(set(asked))


def test_entries_say_when() -> None:
    entries = index_entries(fingerprint_of(ORIGINALS[0]))
    starts = sorted({entry.start for entry in entries})
    assert starts[0] == 0.0
    assert starts[-1] < ORIGINALS[0].duration
    for cut in (3.0, 6.0):
        assert any(abs(start - cut) <= 0.5 for start in starts)


VIEWS = 6
"""At most so many entries for each picked sample."""


@pytest.mark.parametrize(
    ("source", "most_samples"),
    [
        (still(clip(3, duration=60.0)), 1),
        (noisy(still(clip(3, duration=60.0)), 8), 16),
        (clip(3, duration=60.0, shot_seconds=0.5), 61),
        (clip(3, duration=60.0, shot_seconds=1000), 61),
    ],
    ids=["still", "still and noisy", "quick cuts", "one shot"],
)
def test_entries_a_minute_are_bounded(source: Clip, most_samples: int) -> None:
    fingerprint = fingerprint_of(source)
    assert 1 <= len(picked_samples(Seen(fingerprint))) <= most_samples
    assert 1 <= len(index_entries(fingerprint)) <= most_samples * VIEWS


@pytest.mark.parametrize(("seconds", "most"), [(4.0, 200), (60.0, 330)])
def test_a_query_asks_a_bounded_number_of_vectors(seconds: float, most: int) -> None:
    asked = query_vectors(fingerprint_of(letterboxed(clip(4, duration=seconds, shot_seconds=1.0), 0.15)))
    assert 10 <= len(asked) <= most


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8])
def test_a_still_piece_among_quick_cuts_is_asked_for(place: float) -> None:
    """It has one sample that stands for it, of more than are asked for."""
    piece, cuts = still(clip(77, duration=6.0)), clip(78, duration=18.0, shot_seconds=1.0)
    before, after = trimmed(cuts, 0.0, 18 * place), trimmed(cuts, 18 * place, 18.0)
    entries = np.array([entry.vector for entry in index_entries(fingerprint_of(piece))])
    asked = np.array(query_vectors(fingerprint_of(joined(before, piece, after))))
    assert (asked @ entries.T).max() > 0.97


@pytest.mark.parametrize(("seconds", "most"), [(4.0, 6), (20.0, 10), (48.0, 24), (600.0, 85), (36_000.0, 96)])
def test_long_uploads_ask_more_but_not_without_end(seconds: float, most: int) -> None:
    assert _asked_at_most(seconds) == most


@pytest.mark.parametrize("level", [0.0, 16.0, 235.0])
def test_a_video_that_shows_nothing_is_not_entered_and_asks_nothing(level: float) -> None:
    fingerprint = fingerprint_of(flat(level))
    assert index_entries(fingerprint) == []
    assert query_vectors(fingerprint) == []


def test_a_fingerprint_without_samples_is_not_entered() -> None:
    empty = fingerprint_of(flat(duration=1.0))
    nothing = replace(
        empty, times=empty.times[:0], frames=empty.frames[:0], contrast=empty.contrast[:0],
        brightness=empty.brightness[:0], bars=empty.bars[:0],
    )  # fmt: skip
    assert index_entries(nothing) == []
    assert query_vectors(nothing) == []


def test_a_part_of_a_compilation_is_found_behind_its_own_bars() -> None:
    """The parts share no bars, so none are cut off: each is looked at in the usual shapes."""
    narrow = cropped(clip(40, duration=9.0, shot_seconds=3.0), 0, 0, 0.125, 0.125)
    parts = ORIGINALS[0], pillarboxed(narrow, 1 / 6), ORIGINALS[1]
    asked = np.array(query_vectors(fingerprint_of(joined(*parts), late=0.12)), np.float32)

    def nearest(source: Clip) -> float:
        return float((asked @ np.array([entry.vector for entry in index_entries(fingerprint_of(source))]).T).max())

    assert nearest(narrow) > 0.9
    assert nearest(narrow) > nearest(clip(41, duration=9.0)) + 0.1
