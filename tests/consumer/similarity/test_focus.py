"""Videos in which little moves: what does is compared alone, enlarged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from consumer.embedding import index_entries, query_vectors
from consumer.similarity.evidence import Evidence, compare
from consumer.similarity.views import Seen
from tests.consumer.clips import Clip, Frame, clip, cropped, figure, fingerprint_of, letterboxed, mirrored, trimmed
from wire.fingerprints import Fingerprint

ORIGINAL = figure(1)


def captioned(source: Clip) -> Clip:
    def drawn(picture: Frame) -> Frame:
        written = picture.copy()
        written[-30:] = 60
        written[-22:-8, 100:300:7] = 240
        return written

    return source.then(drawn)


def noisy(source: Clip) -> Clip:
    random = np.random.default_rng(3)
    return source.then(
        lambda picture: (picture + random.normal(scale=14, size=picture.shape)).clip(0, 255).astype(np.float32)
    )


def without_focus(fingerprint: Fingerprint) -> Fingerprint:
    """As an older release kept it."""
    return replace(fingerprint, focus=fingerprint.focus[:0], focus_frames=fingerprint.focus_frames[:0])


def between(query: Clip, reference: Clip) -> Evidence:
    return compare(fingerprint_of(query), fingerprint_of(reference))


ALTERED = {
    "caption": captioned(ORIGINAL),
    "noise": noisy(ORIGINAL),
    "caption and noise": noisy(captioned(ORIGINAL)),
    "cropped": cropped(ORIGINAL, 0.08, 0.08, 0.08, 0.08),
    "letterbox": letterboxed(ORIGINAL, 0.2),
    "mirrored": mirrored(ORIGINAL),
    "trimmed": trimmed(ORIGINAL, 3.0, 13.0),
}


@pytest.mark.parametrize("change", ALTERED)
def test_a_copy_of_a_small_figure_is_found(change: str) -> None:
    evidence = between(ALTERED[change], ORIGINAL)
    assert evidence.video_score >= 0.9
    assert evidence.mirrored == (change == "mirrored")
    assert evidence.area > 0.4


@pytest.mark.parametrize("seed", [2, 3, 4, 5])
def test_a_figure_that_looks_the_same_and_moves_otherwise_is_another(seed: int) -> None:
    assert between(figure(seed), ORIGINAL).video_score < 0.7
    assert between(captioned(figure(seed)), ORIGINAL).video_score < 0.7


def test_whole_pictures_that_agree_while_what_moves_does_not_count_for_less() -> None:
    one, other = fingerprint_of(figure(2)), fingerprint_of(ORIGINAL)
    assert compare(one, other).video_score <= compare(without_focus(one), without_focus(other)).video_score


def test_only_a_video_in_which_little_moves_has_a_focus() -> None:
    assert Seen(fingerprint_of(clip(1))).focus is None
    seen = Seen(fingerprint_of(ORIGINAL))
    assert seen.focus is not None
    assert seen.focus.focus is None
    assert 0.02 < seen.focus_share < 0.3
    assert seen.focus.inner.shape == seen.inner.shape


def test_one_without_a_focus_is_compared_as_before() -> None:
    plain = without_focus(fingerprint_of(ORIGINAL))
    assert compare(plain, plain).video_score >= 0.95
    assert compare(fingerprint_of(ORIGINAL), plain).video_score >= 0.95


def test_the_index_knows_what_moves_and_is_asked_for_it() -> None:
    fingerprint = fingerprint_of(ORIGINAL)
    plain = without_focus(fingerprint)
    entries, asked = index_entries(fingerprint), query_vectors(fingerprint_of(captioned(ORIGINAL)))
    of_focus = [entry for entry in entries if entry not in index_entries(plain)]
    assert len(index_entries(plain)) < len(entries) <= len(index_entries(plain)) + ORIGINAL.duration
    nearest = max(float(np.dot(vector, entry.vector)) for vector in asked for entry in of_focus)
    assert nearest > 0.95
