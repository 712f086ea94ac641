"""Sizes, lengths, moments and shares as people read them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_api.keys import moment_of

UNKNOWN = "\u2013"
_SIZES = ("bytes", "kB", "MB", "GB", "TB")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def size(count: int | None) -> str:
    """1.5 MB, in steps of 1000; a dash when it is not known."""
    if count is None:
        return UNKNOWN
    amount, unit = float(count), 0
    while amount >= 999.5 and unit < len(_SIZES) - 1:
        amount, unit = amount / 1000, unit + 1
    if unit == 0:
        return "1 byte" if count == 1 else f"{count} bytes"
    return f"{amount:.0f} {_SIZES[unit]}" if amount >= 99.95 else f"{amount:.1f} {_SIZES[unit]}"


def length(seconds: float | None) -> str:
    """0:07, 12:34 or 1:02:03; a dash when it is not known."""
    if seconds is None:
        return UNKNOWN
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def clock(seconds: float) -> str:
    """0:07.25: a place within a video."""
    whole = int(seconds * 100 + 0.5)
    return f"{length(whole // 100)}.{whole % 100:02}"


def moment(text: str | None) -> str:
    """21 Nov 2026, 22:05 UTC. Scripts make it the reader's own time."""
    if text is None:
        return UNKNOWN
    at = moment_of(text)
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}, {at.hour:02}:{at.minute:02} UTC"


def day(text: str) -> str:
    """21 Nov, of 2026-11-21."""
    return f"{int(text[8:10])} {_MONTHS[int(text[5:7]) - 1]}"


def seconds(count: float | None) -> str:
    """0.25 s, 12.3 s, 2:05; a dash when it is not known."""
    if count is None:
        return UNKNOWN
    if count >= 60:
        return length(count)
    return f"{count:.2f}\u00a0s" if count < 1 else f"{count:.1f}\u00a0s"


def percent(share: float | None) -> str:
    """97 %, unbroken; never 100 % of what is not whole."""
    if share is None:
        return UNKNOWN
    whole = round(share * 100)
    return f"{99 if whole == 100 and share < 1 else whole}\u00a0%"


def short_id(video_id: str) -> str:
    """Enough of an id to tell videos apart and to search for."""
    return video_id[:8]


def name_of(video: Mapping[str, Any]) -> str:
    """The file's name; enough of the id of one that nobody named."""
    return video["filename"] or short_id(video["video_id"])


def number(count: int) -> str:
    """12 345."""
    return f"{count:,}".replace(",", "\u202f")


def span(seconds: float) -> str:
    """7 days, 12 hours, 5 minutes: the largest unit that fits."""
    for unit, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= unit:
            count = round(seconds / unit)
            return f"{count} {name}{'s' if count > 1 else ''}"
    return f"{seconds:g} seconds"
