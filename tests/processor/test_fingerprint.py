from __future__ import annotations

from dataclasses import fields, replace
from itertools import pairwise, permutations
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from processor.bars import margins
from processor.fingerprint import FragmentMismatchError, assemble
from processor.phash import thumbnail
from tests.processor.textures import texture, with_bars
from wire.fingerprints import ALGORITHM_VERSION, DETAIL_SIDE, TONES, Fingerprint, Fragment, pack

SAMPLES = 24


def whole_video(interval: float = 0.5) -> Fragment:
    """Letterboxed, with a flat scene in the middle."""
    pictures = [
        np.full((90, 128), 16, np.uint8) if 8 <= n < 12 else with_bars(texture(n // 4, 70, 128), 10, 10, 0, 0)
        for n in range(SAMPLES)
    ]
    return Fragment(
        algorithm_version=ALGORITHM_VERSION,
        tier="standard",
        duration=SAMPLES * interval,
        start=0.0,
        stop=SAMPLES * interval,
        width=640,
        height=450,
        interval=interval,
        first_code=0,
        times=(np.arange(SAMPLES) * interval).astype(np.float32),
        thumbnails=np.array([thumbnail(picture) for picture in pictures]),
        margins=np.array([margins(picture) for picture in pictures]),
        codes=np.random.default_rng(3).integers(0, 2**32, 97, dtype=np.uint32),
        tones=np.random.default_rng(4).integers(0, 64, (116, TONES)).astype(np.uint8),
        details=_details(),
    )


def _details() -> NDArray[np.uint8]:
    """A patch that wanders over a still wall."""
    wall, patch = texture(8, DETAIL_SIDE, DETAIL_SIDE), texture(9, 30, 30)
    pictures = np.repeat(wall[None], SAMPLES, axis=0)
    for n, picture in enumerate(pictures):
        picture[60 + n : 90 + n, 80:110] = patch
    return pictures


def ranges_of(whole: Fragment, cuts: list[int]) -> list[Fragment]:
    """The fragments of ranges that end before each of the samples named."""
    edges = [0, *sorted(cuts), SAMPLES]
    codes = np.linspace(0, len(whole.codes), SAMPLES + 1).round().astype(int)
    rows = [*codes[:-1], len(whole.tones)]
    return [
        replace(
            whole,
            start=first * whole.interval,
            stop=last * whole.interval,
            first_code=int(codes[first]),
            times=whole.times[first:last],
            thumbnails=whole.thumbnails[first:last],
            margins=whole.margins[first:last],
            details=whole.details[first:last],
            codes=whole.codes[codes[first] : codes[last]],
            tones=whole.tones[rows[first] : rows[last]],
        )
        for first, last in pairwise(edges)
    ]


WHOLE = whole_video()
FINGERPRINT = assemble([WHOLE])


@settings(max_examples=25, deadline=None)
@given(cuts=st.sets(st.integers(1, SAMPLES - 1), max_size=6), random=st.randoms(use_true_random=False))
def test_ranges_in_any_order_give_the_fingerprint_of_the_whole_bit_for_bit(cuts: set[int], random: Random) -> None:
    parts = ranges_of(WHOLE, sorted(cuts))
    random.shuffle(parts)
    assert pack(assemble(parts)) == pack(FINGERPRINT)


def test_every_order_of_three_ranges() -> None:
    for parts in permutations(ranges_of(WHOLE, [5, 17])):
        assert pack(assemble(parts)) == pack(FINGERPRINT)


def test_a_range_without_samples_is_no_gap() -> None:
    empty = replace(
        WHOLE,
        start=WHOLE.stop,
        stop=WHOLE.stop,
        times=WHOLE.times[:0],
        thumbnails=WHOLE.thumbnails[:0],
        margins=WHOLE.margins[:0],
        details=WHOLE.details[:0],
        codes=WHOLE.codes[:0],
        tones=WHOLE.tones[:0],
    )
    assert pack(assemble([empty, WHOLE])) == pack(FINGERPRINT)


def test_the_fingerprint_has_the_shapes_and_types_it_promises() -> None:
    expected = {
        "video_vector": (np.float32, (64,)),
        "times": (np.float32, (SAMPLES,)),
        "frames": (np.int8, (SAMPLES, 16, 16)),
        "contrast": (np.uint8, (SAMPLES,)),
        "brightness": (np.uint8, (SAMPLES,)),
        "box": (np.float32, (4,)),
        "bars": (np.uint8, (SAMPLES, 4)),
        "codes": (np.uint32, (97,)),
        "tones": (np.uint8, (116, TONES)),
        "focus": (np.float32, (4,)),
        "focus_frames": (np.int8, (SAMPLES, 16, 16)),
        "focus_contrast": (np.uint8, (SAMPLES,)),
        "focus_brightness": (np.uint8, (SAMPLES,)),
    }
    arrays = {
        field.name: value
        for field in fields(Fingerprint)
        if isinstance(value := getattr(FINGERPRINT, field.name), np.ndarray) and not field.name.startswith("inset")
    }
    assert {name: (value.dtype.type, value.shape) for name, value in arrays.items()} == expected
    assert (FINGERPRINT.width, FINGERPRINT.height, FINGERPRINT.duration) == (640, 450, 12.0)


def test_a_video_within_the_video_is_kept_beside_it_with_a_focus_of_its_own() -> None:
    details = np.array([np.roll(texture(8, DETAIL_SIDE, DETAIL_SIDE), 9 * n, axis=1) for n in range(SAMPLES)])
    details[:, 40:140, 60:180] = 235
    for n, picture in enumerate(details):
        picture[70:100, 90 + n : 96 + n] = 20
    for parts in ([replace(WHOLE, details=details)], ranges_of(replace(WHOLE, details=details), [12])):
        found = assemble(parts)
        assert found.inset == pytest.approx([40 / 192, 52 / 192, 60 / 192, 12 / 192], abs=0.011)
        assert found.inset_frames.shape == found.inset_focus_frames.shape == (SAMPLES, 16, 16)
        assert found.inset_contrast.shape == found.inset_focus_brightness.shape == (SAMPLES,)
        assert found.inset_focus == pytest.approx([0.26, 0.36, 0.21, 0.45], abs=0.05)
        assert len(found.focus) == 0
    assert [len(getattr(FINGERPRINT, field.name)) for field in fields(Fingerprint) if "inset" in field.name] == [0] * 8


def test_a_range_that_was_not_looked_at_closely_leaves_the_video_without_a_focus() -> None:
    first, second = ranges_of(WHOLE, [12])
    fingerprint = assemble([first, replace(second, details=second.details[:0])])
    assert [len(rows) for rows in (fingerprint.focus, fingerprint.focus_frames, fingerprint.focus_contrast)] == [0] * 3
    assert np.array_equal(fingerprint.frames, FINGERPRINT.frames)


def test_bars_are_cut_off_and_kept_beside() -> None:
    assert FINGERPRINT.box.tolist() == pytest.approx([1 / 9, 1 / 9, 0, 0], abs=0.012)
    assert (FINGERPRINT.bars[:, :2] == 16).all()
    assert not FINGERPRINT.bars[:, 2:].any()


def test_what_a_flat_scene_shows_is_nothing() -> None:
    flat, telling = slice(8, 12), np.r_[0:8, 12:24]
    assert not FINGERPRINT.frames[flat].any()
    assert (FINGERPRINT.contrast[flat] == 0).all()
    assert (FINGERPRINT.brightness[flat] == 16).all()
    assert (FINGERPRINT.contrast[telling] > 20).all()
    assert (np.abs(FINGERPRINT.frames[telling].astype(int)).max(axis=(1, 2)) == 127).all()


def test_a_video_without_samples_has_a_fingerprint_that_shows_nothing() -> None:
    nothing = replace(
        WHOLE,
        times=WHOLE.times[:0],
        thumbnails=WHOLE.thumbnails[:0],
        margins=WHOLE.margins[:0],
    )
    found = assemble([nothing])
    assert found.frames.shape == (0, 16, 16)
    assert not found.video_vector.any()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tier": "premium"}, "differ in tier"),
        ({"interval": 0.25}, "differ in tier, interval"),
        ({"width": 320}, "not of one video"),
        ({"height": 360}, "not of one video"),
        ({"algorithm_version": ALGORITHM_VERSION + 1}, f"algorithm version {ALGORITHM_VERSION + 1}"),
        ({"start": 6.5}, r"ends at 6\.0 s and the next starts at 6\.5 s"),
        ({"start": 5.5}, r"ends at 6\.0 s and the next starts at 5\.5 s"),
    ],
    ids=["tier", "interval", "width", "height", "version", "gap", "overlap"],
)
def test_fragments_that_do_not_belong_together_are_refused(change: dict[str, object], said: str) -> None:
    first, second = ranges_of(WHOLE, [12])
    altered = Fragment(**{field.name: getattr(second, field.name) for field in fields(Fragment)} | change)
    for parts in ([first, altered], [altered, first]):
        with pytest.raises(FragmentMismatchError, match=said):
            assemble(parts)


def test_the_same_range_twice_is_refused() -> None:
    with pytest.raises(FragmentMismatchError, match="ends at"):
        assemble([WHOLE, WHOLE])


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_range_that_is_missing_is_a_gap_wherever_it_is(missing: int) -> None:
    parts = ranges_of(WHOLE, [6, 17])
    with pytest.raises(FragmentMismatchError, match=r"the next starts|the ranges go from"):
        assemble(parts[:missing] + parts[missing + 1 :])


def test_no_fragment_is_refused() -> None:
    with pytest.raises(FragmentMismatchError, match="no fragment"):
        assemble([])


def test_a_lone_fragment_of_another_algorithm_is_refused() -> None:
    with pytest.raises(FragmentMismatchError, match="algorithm version"):
        assemble([replace(WHOLE, algorithm_version=0)])
