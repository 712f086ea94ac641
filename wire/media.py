"""What a video file is made of, as the processor found it and as the row keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

UNKNOWN = "unknown"
"""A codec that has no name here."""


class MediaFormatError(ValueError):
    """What should describe a file does not have the agreed form."""


@dataclass(frozen=True, slots=True)
class Media:
    """container: mp4 (and mov), webm (and mkv), avi. video, audio: the codecs' names as FFmpeg has them; audio is None
    when there is no sound. pixel_format: of the decoded pictures, such as yuv420p10le."""

    container: str
    video: str
    pixel_format: str
    audio: str | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def to_text(self) -> str:
        """As the row keeps it."""
        return json.dumps(self.to_json())

    @classmethod
    def from_json(cls, body: object) -> Media:
        """Raises MediaFormatError."""
        fields: Mapping[str, Any] = cast(Mapping[str, Any], body) if isinstance(body, Mapping) else {}
        known = {name: fields.get(name) for name in cls.__dataclass_fields__}
        if not all(isinstance(value, str) or (name == "audio" and value is None) for name, value in known.items()):
            raise MediaFormatError("media needs container, video and pixel_format as text, and audio as text or null")
        return cls(**cast(dict[str, Any], known))


_PICTURES: Mapping[str, frozenset[str]] = {
    "mp4": frozenset({"h264", "vp9", "av1"}),
    "webm": frozenset({"vp8", "vp9", "av1"}),
}
_SOUNDS: Mapping[str, frozenset[str | None]] = {
    "mp4": frozenset({"aac", "mp3", "opus", None}),
    "webm": frozenset({"opus", "vorbis", None}),
}
_PIXELS = frozenset({"yuv420p", "yuvj420p", "yuva420p"})
"""4:2:0 of 8 bits."""


def plays_in_browsers(media: Media) -> bool:
    """Whether the usual browsers play such a file, all of them and with its sound: what only some play does not."""
    pictures, sounds = _PICTURES.get(media.container, frozenset()), _SOUNDS.get(media.container, frozenset())
    return media.video in pictures and media.audio in sounds and media.pixel_format in _PIXELS
