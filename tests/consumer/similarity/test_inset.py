"""A video that another shows within its picture."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from consumer.embedding import index_entries, query_vectors
from consumer.similarity.evidence import Evidence, compare
from consumer.similarity.views import Seen
from tests.consumer.clips import Clip, Frame, clip, figure, fingerprint_of, mirrored, trimmed
from wire.fingerprints import Fingerprint

HEIGHT, WIDTH = 216, 384
TOP, LEFT, SIZE = 26, 108, 0.6


def shown(inner: Clip, outer: Clip) -> Clip:
    """The one within the other, three fifths as large, right of the middle and above it."""

    def draw(moment: float) -> Frame:
        picture = _of_size(outer.draw(moment), HEIGHT, WIDTH)
        small = _of_size(inner.draw(moment), round(HEIGHT * SIZE), round(WIDTH * SIZE))
        picture[TOP : TOP + small.shape[0], LEFT : LEFT + small.shape[1]] = small
        return picture

    return replace(outer, draw=draw)


def _of_size(picture: Frame, height: int, width: int) -> Frame:
    """Linearly between pixels."""
    rows = np.clip((np.arange(height) + 0.5) * picture.shape[0] / height - 0.5, 0, picture.shape[0] - 1)
    columns = np.clip((np.arange(width) + 0.5) * picture.shape[1] / width - 0.5, 0, picture.shape[1] - 1)
    fewer = np.array([np.interp(rows, np.arange(picture.shape[0]), column) for column in picture.T]).T
    return np.array([np.interp(columns, np.arange(picture.shape[1]), row) for row in fewer], dtype=np.float32)


def without_inset(fingerprint: Fingerprint) -> Fingerprint:
    """As an older release kept it."""
    names = [field.name for field in fields(Fingerprint) if field.name.startswith("inset")]
    return replace(fingerprint, **{name: getattr(fingerprint, name)[:0] for name in names})


OUTER, FIGURE = clip(41), figure(1)
SHOWN = shown(FIGURE, OUTER)


def both() -> Fingerprint:
    return fingerprint_of(SHOWN)


def against(reference: Clip) -> Evidence:
    return compare(both(), fingerprint_of(reference))


def test_a_small_figure_within_a_moving_picture_is_found() -> None:
    evidence = against(FIGURE)
    assert evidence.video_score >= 0.85
    assert evidence.area < SIZE**2
    assert not evidence.mirrored
    assert compare(without_inset(both()), fingerprint_of(FIGURE)).video_score < 0.7


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_one_that_moves_otherwise_is_another(seed: int) -> None:
    assert against(figure(seed)).video_score < 0.7


def test_what_is_around_it_is_found_too() -> None:
    assert against(OUTER).video_score >= 0.85
    assert against(clip(42)).video_score < 0.7


def test_it_is_found_the_other_way_round() -> None:
    evidence = compare(fingerprint_of(FIGURE), both())
    assert evidence.video_score >= 0.85
    assert compare(fingerprint_of(figure(2)), both()).video_score < 0.7


@pytest.mark.parametrize("seed", [43, 44])
def test_a_film_within_a_film_is_found_where_and_as_it_is_shown(seed: int) -> None:
    inner = clip(seed)
    evidence = compare(fingerprint_of(shown(mirrored(trimmed(inner, 3.0, 16.0)), OUTER)), fingerprint_of(inner))
    assert evidence.video_score >= 0.85
    assert evidence.mirrored
    first = evidence.segments[0]
    assert first.ref_start - first.start == pytest.approx(3.0, abs=0.5)


def test_a_focus_of_the_inset_is_one_of_a_video_of_its_own() -> None:
    seen = Seen(both())
    assert seen.focus is None
    assert seen.inset is not None
    assert seen.inset_share == pytest.approx(SIZE**2, abs=0.02)
    assert seen.inset.inset is None
    assert seen.inset.focus is not None
    assert seen.inset.full_aspect == pytest.approx(WIDTH / HEIGHT, abs=0.05)


def test_the_index_knows_it_and_is_asked_for_it() -> None:
    plain, alone = without_inset(both()), fingerprint_of(FIGURE)
    known = {entry.vector_id for entry in index_entries(plain)}
    entries = [entry for entry in index_entries(both()) if entry.vector_id not in known]
    assert 0 < len(entries) <= 2 * OUTER.duration
    asked, of_figure = query_vectors(both()), index_entries(alone)
    assert max(float(np.dot(vector, entry.vector)) for vector in asked for entry in of_figure) > 0.95
    assert max(float(np.dot(vector, entry.vector)) for vector in query_vectors(alone) for entry in entries) > 0.95
