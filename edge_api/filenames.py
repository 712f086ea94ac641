"""The name of a file as its uploader knows it: kept to be shown and looked for, never a path or a header. Pure."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote, urlsplit

LONGEST = 255
"""Characters."""

_LONGEST_SUFFIX = 16
_SEPARATORS = re.compile(r"[/\\]")
_DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Bidi_Control of Unicode: with these a name is read otherwise than it is written."""
_LEFT_OUT = re.compile(rf"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_DIRECTIONS}]")


def filename_of(sent: str | None) -> str | None:
    """What is kept of a name: its last segment, composed (NFC), without control characters and those that turn the
    direction of writing, cut to LONGEST before its suffix. None when nothing is left that can be seen."""
    segment = _SEPARATORS.split(sent or "")[-1]
    name = _cut(unicodedata.normalize("NFC", _LEFT_OUT.sub("", segment)).strip())
    return name if any(map(_is_seen, name)) else None


def filename_of_url(url: str) -> str | None:
    """By the last segment of its path. url: one that urlsplit() takes."""
    return filename_of(unquote(urlsplit(url).path.rpartition("/")[2]))


def lowered(text: str) -> str:
    """A name, or a text that is looked for in names: in lower case, composed, each blank as a space."""
    return re.sub(r"\s", " ", unicodedata.normalize("NFC", text.lower()))


def columns_of(filename: str | None) -> tuple[str | None, str | None]:
    """The columns filename and filename_lower."""
    return filename, None if filename is None else lowered(filename)


def _cut(name: str) -> str:
    if len(name) <= LONGEST:
        return name
    stem, dot, suffix = name.rpartition(".")
    ending = dot + suffix if stem and len(suffix) < _LONGEST_SUFFIX else ""
    return (name[: LONGEST - len(ending)] + ending).rstrip()


def _is_seen(letter: str) -> bool:
    """No blank, no mark that wants a letter before it, and no dot: `..` is a place, and no name."""
    return letter != "." and unicodedata.category(letter)[0] in "LNPS"
