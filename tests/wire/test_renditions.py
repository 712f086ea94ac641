from __future__ import annotations

from typing import Any

import pytest

from wire.media import Media, MediaFormatError
from wire.renditions import Rendition, RenditionFormatError, RenditionRequest

REQUEST = RenditionRequest("http://s3/v.mp4?s", "v-1", "http://s3/r.mp4?s")
RENDITION = Rendition("v-1", 1280, 720, 12.5, 1_000_000)
MEDIA = Media("mp4", "hevc", "yuv420p10le", "aac")


def test_what_is_written_is_read() -> None:
    assert RenditionRequest.from_json(REQUEST.to_json()) == REQUEST
    assert Rendition.from_json(RENDITION.to_json()) == RENDITION
    assert Media.from_json(MEDIA.to_json()) == MEDIA
    assert Media.from_json(MEDIA.to_json() | {"audio": None}).audio is None


@pytest.mark.parametrize("change", [{"video_url": ""}, {"video_id": None}, {"rendition_url": 1}, {"colour": "red"}])
def test_requests_that_are_none(change: dict[str, Any]) -> None:
    with pytest.raises(RenditionFormatError, match=next(iter(change))):
        RenditionRequest.from_json(REQUEST.to_json() | change)


@pytest.mark.parametrize(
    "change", [{"width": 0}, {"height": "720"}, {"duration": None}, {"size_bytes": True}, {"video_id": 7}]
)
def test_renditions_that_are_none(change: dict[str, Any]) -> None:
    with pytest.raises(RenditionFormatError):
        Rendition.from_json(RENDITION.to_json() | change)


def test_what_is_no_object() -> None:
    bodies: list[object] = [None, [], "text", 7]
    for body in bodies:
        with pytest.raises(RenditionFormatError):
            Rendition.from_json(body)
        with pytest.raises(RenditionFormatError):
            RenditionRequest.from_json(body)
        with pytest.raises(MediaFormatError):
            Media.from_json(body)


@pytest.mark.parametrize("change", [{"container": None}, {"video": 1}, {"audio": 2}, {"pixel_format": None}])
def test_media_that_is_none(change: dict[str, Any]) -> None:
    with pytest.raises(MediaFormatError):
        Media.from_json(MEDIA.to_json() | change)
