"""The processor's HTTP contract: what the consumer asks of it and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast, get_args

from wire.media import Media, MediaFormatError

Tier = Literal["economy", "standard", "premium"]
TIERS: tuple[Tier, ...] = get_args(Tier)


_MAY_BE_MISSING = ("thumbnail", "preview", "media")


class ExtractFormatError(ValueError):
    """A request to, or an answer of, the processor does not have the agreed form. The message names the field."""


@dataclass(frozen=True, slots=True)
class ExtractRequest:
    """`POST /extract-fingerprint`.

    start, stop: seconds; with either given, the answer's `fingerprint` holds a Fragment to be merged by
    `POST /merge-fingerprints`, unless `whole` says that the range is all there is of this video.
    callback_url: answer 202 at once and post the ExtractResponse there.
    """

    video_url: str
    video_id: str
    start: float | None = None
    stop: float | None = None
    tier: Tier = "standard"
    callback_url: str | None = None
    whole: bool = False

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, body: object) -> ExtractRequest:
        """Raises ExtractFormatError."""
        if not isinstance(body, Mapping):
            raise ExtractFormatError("the body must be a JSON object")
        fields = cast(Mapping[str, Any], body)
        unknown = sorted(set(fields) - set(cls.__dataclass_fields__))
        if unknown:
            raise ExtractFormatError(f"unknown field: {', '.join(unknown)}")
        for name in ("video_url", "video_id"):
            if not isinstance(fields.get(name), str) or not fields[name]:
                raise ExtractFormatError(f"{name} is required and must be text")
        start, stop = _seconds(fields, "start"), _seconds(fields, "stop")
        if start is not None and stop is not None and stop <= start:
            raise ExtractFormatError("stop must be greater than start")
        tier = fields.get("tier", "standard")
        if tier not in TIERS:
            raise ExtractFormatError(f"tier must be one of {', '.join(TIERS)}")
        callback_url = fields.get("callback_url")
        if callback_url is not None and not isinstance(callback_url, str):
            raise ExtractFormatError("callback_url must be text")
        whole = fields.get("whole", False)
        if not isinstance(whole, bool):
            raise ExtractFormatError("whole must be true or false")
        return cls(fields["video_url"], fields["video_id"], start, stop, tier, callback_url, whole)


def _seconds(fields: Mapping[str, Any], name: str) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e7:
        raise ExtractFormatError(f"{name} must be a number of seconds, 0 or more")
    return float(value)


@dataclass(frozen=True, slots=True)
class Preview:
    """Small pictures from all over the video, side by side in order of time. width, height: of each, pixels.

    jpeg: base64 of them as one JPEG. pixels: of a range, base64 of uint8 [height, pictures * width, 3] instead;
    `POST /merge-fingerprints` joins those of all ranges.
    """

    pictures: int
    width: int
    height: int
    jpeg: str | None = None
    pixels: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, body: object) -> Preview:
        """Raises ExtractFormatError."""
        fields: Mapping[str, Any] = cast(Mapping[str, Any], body) if isinstance(body, Mapping) else {}
        numbers = [fields.get(name) for name in ("pictures", "width", "height")]
        texts = [fields.get(name) for name in ("jpeg", "pixels")]
        is_numbered = all(type(number) is int and number > 0 for number in numbers)
        if not is_numbered or not all(text is None or isinstance(text, str) for text in texts):
            raise ExtractFormatError("a preview needs whole numbers of pictures, width and height, and base64 text")
        known: dict[str, Any] = {name: fields.get(name) for name in cls.__dataclass_fields__}
        return cls(**known)


@dataclass(frozen=True, slots=True)
class ExtractResponse:
    """The processor's answer.

    video_vector: 64 numbers, L2 norm 1 (all zero when no frame had anything to compare).
    audio_hash: 8 hex digits, the bitwise majority over the Chromaprint codes; None without usable sound.
    duration: seconds of the whole video. frame_count: frames sampled.
    fingerprint: base64 of wire.fingerprints.pack(...) (a Fingerprint) or pack_fragment(...) (a range).
    thumbnail: base64 of a JPEG, or None (ranges after the first have none). preview: None when there is no picture.
    media: of the file, whichever range of it was looked at; None: not told, as of merged ranges.
    """

    video_id: str
    video_vector: tuple[float, ...]
    audio_hash: str | None
    duration: float
    frame_count: int
    processing_time_ms: int
    fingerprint: str
    thumbnail: str | None = None
    preview: Preview | None = None
    media: Media | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"video_vector": list(self.video_vector)}

    @classmethod
    def from_json(cls, body: object) -> ExtractResponse:
        """Raises ExtractFormatError."""
        if not isinstance(body, Mapping):
            raise ExtractFormatError("the answer must be a JSON object")
        fields = cast(Mapping[str, Any], body)
        missing = [n for n in cls.__dataclass_fields__ if n not in fields and n not in _MAY_BE_MISSING]
        if missing:
            raise ExtractFormatError(f"missing field: {', '.join(missing)}")
        known = {name: fields[name] for name in cls.__dataclass_fields__ if name in fields}
        try:
            vector = tuple(float(number) for number in fields["video_vector"])
        except (TypeError, ValueError) as broken:
            raise ExtractFormatError("video_vector must be a list of numbers") from broken
        preview, media = fields.get("preview"), fields.get("media")
        try:
            described = None if media is None else Media.from_json(media)
        except MediaFormatError as broken:
            raise ExtractFormatError(str(broken)) from broken
        shown = None if preview is None else Preview.from_json(preview)
        return cls(**known | {"video_vector": vector, "preview": shown, "media": described})
