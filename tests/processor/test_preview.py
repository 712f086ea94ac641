"""The hover preview: pictures from all over the video, whichever way its ranges were cut."""

from __future__ import annotations

import base64
import io
import itertools
from dataclasses import replace

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from processor.errors import MismatchedFragmentsError
from processor.extract import merge
from processor.preview import join
from tests.processor.clips import Look, picture
from tests.processor.conftest import MakeClip
from tests.processor.test_extract import answer
from wire.processing import ExtractFormatError, ExtractResponse, Preview, Tier

LOOK = Look(width=320, height=180, seconds=12.0, fps=12, audio=None)


def strip(preview: Preview | None) -> NDArray[np.float64]:
    """The luma of each picture: [n, h, w]."""
    assert preview is not None
    assert preview.jpeg is not None
    data = base64.b64decode(preview.jpeg)
    assert len(data) < 60_000
    with av.open(io.BytesIO(data), "r") as image:
        luma = next(image.decode(video=0)).to_ndarray(format="gray")
    assert luma.shape == (preview.height, preview.pictures * preview.width)
    return np.stack(np.split(luma.astype(np.float64), preview.pictures, axis=1))


def shown(look: Look, second: float, height: int, width: int) -> NDArray[np.float64]:
    """What the clip shows at this time, averaged over blocks."""
    whole = picture(look, int(second * look.fps)).astype(np.float64)
    return np.asarray(whole.reshape(height, look.height // height, width, look.width // width).mean(axis=(1, 3)))


def test_twelve_pictures_from_all_over_the_video(make_clip: MakeClip) -> None:
    preview = answer(make_clip("twelve.mp4", LOOK)).preview
    assert preview is not None
    assert (preview.pictures, preview.width, preview.height, preview.pixels) == (12, 160, 90, None)
    for n, tile in enumerate(strip(preview)):
        expected = [shown(LOOK, second, 90, 160) for second in np.arange(12) + 0.5]
        differences = [np.abs(tile - each).mean() for each in expected]
        assert differences[n] < 12
        assert differences[n] == min(differences), "it shows its own time best"


def previews(make_clip: MakeClip, edges: list[float]) -> list[ExtractResponse]:
    clip = make_clip("twelve.mp4", LOOK)
    return [answer(clip, start, stop) for start, stop in itertools.pairwise(edges)]


@pytest.mark.parametrize("edges", [[0, 300], [0, 4, 8, 300], [0, 0.4, 5.1, 300], [0, 11.9, 300]])
def test_ranges_give_the_strip_of_the_whole(make_clip: MakeClip, edges: list[float]) -> None:
    parts = previews(make_clip, edges)
    packed = [base64.b64decode(part.fingerprint) for part in parts]
    found = [part.preview for part in parts if part.preview is not None]
    merged = merge("v", packed, None, 8, found)
    assert merged.preview == answer(make_clip("twelve.mp4", LOOK)).preview


def test_a_range_without_a_wanted_picture_has_none(make_clip: MakeClip) -> None:
    (_, end) = previews(make_clip, [0, 11.9, 300])
    assert end.preview is None


@pytest.mark.parametrize(("tier", "count"), [("economy", 3), ("standard", 12), ("premium", 12)])
def test_every_tier_has_one(make_clip: MakeClip, tier: Tier, count: int) -> None:
    """Economy has keyframes only, here one in four seconds and at each cut."""
    assert len(strip(answer(make_clip("twelve.mp4", LOOK), tier=tier).preview)) >= count


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        ({"width": 108, "height": 192}, (68, 120)),
        ({"width": 640, "height": 120}, (160, 30)),
        ({"width": 64, "height": 36}, (64, 36)),
        ({"rotation": 90, "width": 192, "height": 108}, (68, 120)),
    ],
)
def test_pictures_have_the_shape_of_the_video(
    make_clip: MakeClip, changes: dict[str, int], size: tuple[int, int]
) -> None:
    look = replace(LOOK, seconds=2.0, **changes)  # type: ignore[arg-type]
    preview = answer(make_clip(f"{'-'.join(map(str, changes.values()))}.mp4", look)).preview
    assert preview is not None
    assert (preview.width, preview.height) == size
    strip(preview)


def test_a_very_short_video_has_fewer(make_clip: MakeClip) -> None:
    preview = answer(make_clip("short.mp4", replace(LOOK, seconds=1.0))).preview
    assert preview is not None
    assert preview.pictures == 2, "as many as there are samples at half a second each"


def pixels(pictures: int, width: int = 2, height: int = 4) -> Preview:
    data = np.full(pictures * width * height * 3, 128, np.uint8).tobytes()
    return Preview(pictures, width, height, pixels=base64.b64encode(data).decode())


def test_joining() -> None:
    assert join([]) is None
    assert join([Preview(3, 4, 4, jpeg="as it is")]) == Preview(3, 4, 4, jpeg="as it is")
    joined = join([pixels(2), pixels(1)])
    assert joined is not None
    assert (joined.pictures, joined.width, joined.height) == (3, 2, 4)
    assert np.abs(strip(joined) - 128).max() <= 2


@pytest.mark.parametrize(
    "parts",
    [
        [pixels(1), pixels(1, width=4)],
        [pixels(7), pixels(6)],
        [pixels(1, width=162), pixels(1, width=162)],
        [replace(pixels(2), pixels="AAAA"), pixels(1)],
        [replace(pixels(2), pixels="!"), pixels(1)],
        [replace(pixels(1), pixels=None)],
    ],
)
def test_what_does_not_fit_together(make_clip: MakeClip, parts: list[Preview]) -> None:
    with pytest.raises(ExtractFormatError):
        join(parts)
    (whole,) = previews(make_clip, [0, 300])
    with pytest.raises(MismatchedFragmentsError):
        merge("v", [base64.b64decode(whole.fingerprint)], None, 8, parts)


def test_noise_stays_small() -> None:
    random = np.random.default_rng(1)
    noisy = random.integers(0, 255, 6 * 160 * 90 * 3, dtype=np.uint8).tobytes()
    half = Preview(6, 160, 90, pixels=base64.b64encode(noisy).decode())
    assert len(strip(join([half, half]))) == 12
