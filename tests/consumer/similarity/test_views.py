from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.similarity.pictures import WHOLE, Window
from consumer.similarity.search import LEAST_INSET_MASS, LEAST_MASS, LEAST_SAMPLES, inset_proposals, proposals
from consumer.similarity.views import Seen, View, inset_windows, pairs_of_views
from tests.consumer.clips import (
    Clip,
    clip,
    cropped,
    fingerprint_of,
    framed,
    graded,
    letterboxed,
    mirrored,
    still,
    trimmed,
    turned,
)
from tests.consumer.fingerprints import blank_fingerprint


def seen(source: Clip | None = None) -> Seen:
    return Seen(fingerprint_of(clip(1) if source is None else source))


def test_every_turn_and_mirroring_is_looked_at_once() -> None:
    pairs = list(pairs_of_views(seen(), seen()))
    plain = {
        (own.quarter_turns, own.mirrored) for own, other in pairs if other == View() and own.window == View().window
    }
    assert plain == {(turns, mirror) for turns in range(4) for mirror in (False, True)}
    assert len(pairs) == len(set(pairs))


def test_videos_with_bars_are_looked_at_with_and_without_them() -> None:
    barred = seen(letterboxed(clip(1), 0.2))
    assert {own.with_bars for own, _ in pairs_of_views(barred, seen())} == {False, True}
    assert {other.with_bars for _, other in pairs_of_views(barred, seen())} == {False}
    assert {other.with_bars for _, other in pairs_of_views(seen(), barred)} == {False, True}


def test_another_aspect_suggests_the_band_that_fits() -> None:
    narrow = seen(cropped(clip(1), 0, 0, 0.3, 0.3))
    widths = {round(other.window[3] - other.window[2], 2) for _, other in pairs_of_views(narrow, seen())}
    assert any(width == pytest.approx(0.4, abs=0.03) for width in widths)


@pytest.mark.parametrize("shares", [(0.0, 0.68), (0.34, 0.34), (0.68, 0.0), (0.2, 0.2), (0.02, 0.1)])
def test_bands_lie_side_by_side_from_edge_to_edge(shares: tuple[float, float]) -> None:
    narrow, wide = seen(cropped(clip(1), 0, 0, *shares)), seen()
    width = narrow.aspect / wide.aspect
    bands = {other.window for _, other in pairs_of_views(narrow, wide) if other.window[:2] == (0.0, 1.0)} - {WHOLE}
    starts = sorted(left for _, _, left, right in bands if right - left == pytest.approx(width))
    if width < 0.9:
        assert [starts[0], starts[-1]] == pytest.approx([0.0, 1.0 - width])
        assert any(start == pytest.approx((1.0 - width) / 2) for start in starts)
        assert max(later - start for start, later in pairwise(starts)) <= max(0.55 * width, (1.0 - width) / 4) + 1e-9
    else:
        assert starts == []


@given(st.floats(0.2, 5.0))
def test_insets_lie_within_the_picture_and_keep_their_aspect(ratio: float) -> None:
    for top, bottom, left, right in inset_windows(ratio):
        assert -1e-9 <= top < bottom <= 1 + 1e-9
        assert -1e-9 <= left < right <= 1 + 1e-9
        assert (right - left) * ratio == pytest.approx(bottom - top, rel=1e-6)


@pytest.mark.parametrize("stride", [1, 3])
def test_the_features_of_many_views_are_those_of_each(stride: int) -> None:
    made_up = letterboxed(clip(3), 0.15)
    together, alone = seen(made_up), seen(made_up)
    windows = (WHOLE, (0.1, 0.9, 0.2, 0.7))
    views = [
        View(with_bars, window, quarter_turns, mirrored)
        for with_bars in (False, True)
        for window in windows
        for quarter_turns in (0, 1, 3)
        for mirrored in (False, True)
    ]
    found = together.features_of_each([*views, views[0]], stride)
    assert found == pytest.approx(np.stack([alone.features(view, stride) for view in [*views, views[0]]]), abs=1e-5)
    assert together.features_of_each(views[:1], stride) == pytest.approx(found[:1], abs=0)


def test_a_video_without_samples_has_features_of_none() -> None:
    blank = blank_fingerprint()
    none = {name: getattr(blank, name)[:0] for name in ("times", "frames", "contrast", "brightness", "bars")}
    assert Seen(replace(blank, **none)).features_of_each([View(), View(mirrored=True)]).shape == (2, 0, 65)


def test_the_best_proposal_of_a_copy_is_the_way_it_was_made() -> None:
    reference = seen()
    for source, view, offset in (
        (clip(1), View(), 0.0),
        (mirrored(clip(1)), View(mirrored=True), 0.0),
        (turned(clip(1), 3), View(quarter_turns=1), 0.0),
        (trimmed(clip(1), 4.0, 12.0), View(), 4.0),
    ):
        query = seen(source)
        best = proposals(query, reference, query.telling)[0]
        assert (best.query, best.reference) == (view, View())
        assert best.line.speed == pytest.approx(1.0, abs=0.03)
        assert best.line.offset == pytest.approx(offset, abs=0.5)


def test_proposals_are_runs_of_the_query_long_enough_to_say_something() -> None:
    query, reference = seen(clip(2)), seen()
    for found in proposals(query, reference, query.telling) + inset_proposals(query, reference, query.telling):
        assert found.line.samples >= LEAST_SAMPLES
        assert 0 <= found.line.first <= found.line.last < len(query.telling)


def test_an_inset_is_proposed_where_it_is() -> None:
    query = seen(framed(clip(1), 0.5))
    found = inset_proposals(query, seen(), query.telling)
    top, bottom, left, right = found[0].query.window
    assert (top + bottom) / 2 == pytest.approx(0.5 / 3 + 0.25, abs=0.12)
    assert (left + right) / 2 == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize(("seed", "share"), [(1, 0.5), (2, 0.55), (3, 0.55), (5, 0.6)])
def test_a_faint_inset_is_proposed_where_it_is(seed: int, share: float) -> None:
    """What lies around it is far stronger, and blurs into it at the few frequencies that are kept of the whole."""
    source = graded(clip(seed), 0.25, 90)
    query = seen(framed(source, share))
    top, bottom, left, right = inset_proposals(query, seen(source), query.telling)[0].query.window
    assert (top + bottom) / 2 == pytest.approx((1 - share) / 3 + share / 2, abs=0.12)
    assert (left + right) / 2 == pytest.approx(0.5, abs=0.12)


def test_nothing_is_proposed_of_what_is_taken_already() -> None:
    query = seen()
    taken = np.zeros_like(query.telling)
    assert inset_proposals(query, seen(), taken) == []
    assert all(each.line.mass < 8 for each in proposals(query, seen(still(clip(7))), taken))


@pytest.mark.parametrize(("window", "share"), [(WHOLE, 1.0), ((0.25, 0.75, 0.0, 0.5), 0.25)])
def test_the_share_of_the_picture_that_a_view_shows(window: Window, share: float) -> None:
    assert View(window=window).share == share


def test_what_barely_agrees_is_not_worth_a_closer_look() -> None:
    masses: list[float] = []
    insets: list[float] = []
    for seed in range(60, 66):
        one, other = seen(clip(seed)), seen(clip(seed + 50))
        masses += [each.line.mass for each in proposals(one, other, one.telling.copy())]
        insets += [each.line.mass for each in inset_proposals(one, other, one.telling.copy())]
    itself = [each.line.mass for each in proposals(one, one, one.telling.copy())]
    assert not masses
    assert min(itself) >= LEAST_MASS
    assert min(insets) >= LEAST_INSET_MASS


def test_the_features_of_some_samples_are_those_of_all() -> None:
    rows = np.array([1, 4, 9])
    views = [View(), View(window=(0.1, 0.9, 0.2, 1.0), mirrored=True), View(with_bars=True, quarter_turns=1)]
    for view in views:
        alone = seen().features_at(view, rows)
        known = seen()
        np.testing.assert_allclose(alone, known.features(view)[rows], atol=1e-6)
        np.testing.assert_array_equal(known.features_at(view, rows), known.features(view)[rows])
    silent = seen()
    silent.telling[4] = False
    assert not silent.features_at(views[1], rows)[1].any()
