"""Ids, timestamps and the names of objects in R2."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime

_ID = re.compile(r"[0-9a-f]{32}")


def new_id() -> str:
    return uuid.uuid4().hex


def is_id(text: object) -> bool:
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def timestamp(moment: datetime | None = None) -> str:
    """ISO 8601, UTC, microseconds, Z: text order is time order."""
    moment = datetime.now(UTC) if moment is None else moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment_of(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def video_key(video_id: str, uploaded_at: str, extension: str) -> str:
    """videos/YYYY/MM/DD/{video_id}.{extension}"""
    return f"videos/{uploaded_at[:10].replace('-', '/')}/{video_id}.{extension}"


def search_key(search_id: str, name: str, extension: str) -> str:
    """searches/{search_id}/video.{extension}, or reference.{extension}"""
    return f"searches/{search_id}/{name}.{extension}"


def thumbnail_key(video_id: str, r2_key: str) -> str:
    """Beside the video."""
    return f"{r2_key.rpartition('/')[0]}/{video_id}_thumb.jpg"


def preview_key(video_id: str, r2_key: str) -> str:
    """Beside the video."""
    return f"{r2_key.rpartition('/')[0]}/{video_id}_preview.jpg"


def fingerprint_key(video_id: str, r2_key: str) -> str:
    """fingerprints/YYYY/MM/DD/{video_id}.vfp, of the same day as the video's key."""
    return f"fingerprints/{r2_key.partition('/')[2].rpartition('/')[0]}/{video_id}.vfp"


def processed_key(video_id: str) -> str:
    return f"processed/{video_id}/720p.mp4"
