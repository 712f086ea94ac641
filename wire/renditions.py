"""How the consumer asks the processor for a rendition, and what that answers.

`POST /make-rendition` answers with lines of JSON, one object a line, while it works: {"progress": 0..1}, and last
either {"rendition": {...}} or {"error": "...", "code": "...", "retryable": ...}.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

CONTENT_TYPE = "video/mp4"
"""Of a rendition, when it is put into the store."""


class RenditionFormatError(ValueError):
    """A request for, or the answer with, a rendition does not have the agreed form. The message names the field."""


@dataclass(frozen=True, slots=True)
class RenditionRequest:
    """video_url: where the video is read. rendition_url: where the rendition is put, by one PUT, when it is whole."""

    video_url: str
    video_id: str
    rendition_url: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, body: object) -> RenditionRequest:
        """Raises RenditionFormatError."""
        fields: Mapping[str, Any] = cast(Mapping[str, Any], body) if isinstance(body, Mapping) else {}
        unknown = sorted(set(fields) - set(cls.__dataclass_fields__))
        if unknown:
            raise RenditionFormatError(f"unknown field: {', '.join(unknown)}")
        for name in cls.__dataclass_fields__:
            if not isinstance(fields.get(name), str) or not fields[name]:
                raise RenditionFormatError(f"{name} is required and must be text")
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Rendition:
    """What was made. width, height: pixels, as shown. duration: seconds of the video. size_bytes: of the object."""

    video_id: str
    width: int
    height: int
    duration: float
    size_bytes: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, body: object) -> Rendition:
        """Raises RenditionFormatError."""
        fields: Mapping[str, Any] = cast(Mapping[str, Any], body) if isinstance(body, Mapping) else {}
        whole = [fields.get(name) for name in ("width", "height", "size_bytes")]
        duration = fields.get("duration")
        is_numbered = all(type(number) is int and number > 0 for number in whole) and type(duration) in (int, float)
        if not isinstance(fields.get("video_id"), str) or not is_numbered:
            raise RenditionFormatError("a rendition needs video_id, and width, height, duration and size_bytes")
        return cls(**{name: fields[name] for name in cls.__dataclass_fields__})
