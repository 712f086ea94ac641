"""What the steps of the pipeline hand to one another. Each is immutable; a step returns a new one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from wire.fingerprints import ALGORITHM_VERSION, Fingerprint
from wire.jobs import JobKind, Priority, priority_of
from wire.media import Media
from wire.processing import Tier
from wire.verdicts import Verdict

WorkKind = JobKind | Literal["render"]
"""What a worker may have in hand: what messages ask for, and renditions, for which there are none."""

_DATED_KEY = re.compile(r"^(?:videos|fingerprints)/(\d{4}/\d\d/\d\d)/")


@dataclass(frozen=True, slots=True)
class Video:
    """The row of an uploaded video as it was when its job was claimed. matrices: keys, by the other video's id."""

    id: str
    r2_key: str
    user_id: str
    uploaded_at: str
    priority: Priority
    tier: Tier
    request_id: str
    source_url: str | None
    range_start: float | None
    range_stop: float | None
    fingerprint_key: str | None
    algorithm_version: int | None
    thumbnail_key: str | None
    indexed_at: str | None
    matrices: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Video:
        return cls(
            id=row["id"],
            r2_key=row["r2_key"],
            user_id=row["user_id"],
            uploaded_at=row["uploaded_at"],
            priority=priority_of(row["priority"]),
            tier=row["tier"],
            request_id=row["request_id"] or "",
            source_url=row["source_url"],
            range_start=row["range_start"],
            range_stop=row["range_stop"],
            fingerprint_key=row["fingerprint_id"],
            algorithm_version=row["algorithm_version"],
            thumbnail_key=row["thumbnail_key"],
            indexed_at=row["indexed_at"],
            matrices=json.loads(row.get("matrices") or "{}"),
        )

    @property
    def has_current_fingerprint(self) -> bool:
        return self.fingerprint_key is not None and self.algorithm_version == ALGORITHM_VERSION

    @property
    def order(self) -> tuple[str, str]:
        """Of two alike, the one with the lower order came first and stays."""
        return self.uploaded_at, self.id


def folder_of(video_id: str, r2_key: str, uploaded_at: str) -> str:
    """`YYYY/MM/DD` under which the objects of a video lie."""
    dated = _DATED_KEY.match(r2_key)
    return dated[1] if dated else uploaded_at[:10].replace("-", "/")


def fingerprint_key(video: Video) -> str:
    return f"fingerprints/{folder_of(video.id, video.r2_key, video.uploaded_at)}/{video.id}.vfp"


def thumbnail_key(video: Video) -> str:
    return f"videos/{folder_of(video.id, video.r2_key, video.uploaded_at)}/{video.id}_thumb.jpg"


def rendition_key(video_id: str) -> str:
    return f"processed/{video_id}/720p.mp4"


def preview_key(video: Video) -> str:
    return f"videos/{folder_of(video.id, video.r2_key, video.uploaded_at)}/{video.id}_preview.jpg"


def matrices_prefix(folder: str, video_id: str) -> str:
    """With which the keys of its pictures of likeness begin, and no others."""
    return f"videos/{folder}/{video_id}_matrix_"


def matrix_key(video: Video, other_id: str) -> str:
    folder = folder_of(video.id, video.r2_key, video.uploaded_at)
    return f"{matrices_prefix(folder, video.id)}{other_id}.png"


@dataclass(frozen=True, slots=True)
class Claim:
    """A lease on a video's job. owner: unlike any other claim's. attempt: 1 on the first try. kind: what is to be done.

    worker_deaths: how often a worker died of it until now. outage_since: since when it waits for a service, a moment.
    interruptions: attempts that something else cut short.
    """

    video: Video
    owner: str
    attempt: int
    worker_deaths: int = 0
    outage_since: str | None = None
    interruptions: int = 0
    kind: WorkKind = "decide"

    @property
    def own_attempt(self) -> int:
        """1 on the first try, and on those that only follow interruptions."""
        return self.attempt - self.interruptions


@dataclass(frozen=True, slots=True)
class Source:
    """Where the processor reads the video: a URL that needs no credentials, and the part of it that is the video."""

    url: str
    start: float | None = None
    stop: float | None = None


@dataclass(frozen=True, slots=True)
class PreviewStrip:
    """jpeg: so many pictures side by side, each of this size in pixels."""

    jpeg: bytes
    pictures: int
    width: int
    height: int

    @property
    def layout(self) -> str:
        """As the row keeps it."""
        return json.dumps({"pictures": self.pictures, "width": self.width, "height": self.height})


@dataclass(frozen=True, slots=True)
class Extracted:
    """What the processor made of the video. thumbnail: a JPEG. media: None when it does not tell."""

    fingerprint: Fingerprint
    thumbnail: bytes | None
    preview: PreviewStrip | None = None
    media: Media | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A fingerprint that lies in R2 and whose row names it."""

    fingerprint: Fingerprint
    key: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A video that the index proposed and that may count against this one.

    is_settled: its verdict is written. False: it came earlier and is still on its way.
    """

    video_id: str
    status: str
    fingerprint_key: str
    uploaded_at: str

    @property
    def is_settled(self) -> bool:
        return self.status != "processing"


@dataclass(frozen=True, slots=True)
class Found:
    """The candidates, best first, and the version of the catalogue they were found in."""

    version: int
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Opinion:
    """A verdict that is not yet written. leans_on: the earlier video, still on its way, that it depends on."""

    verdict: Verdict
    version: int
    leans_on: str | None
