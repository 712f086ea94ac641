"""What does not belong together in the stores, and what mends it. Pure.

Rows, objects and vectors name each other. Each may lose its counterpart: a process dies between two writes, a store is
restored from a backup, somebody deletes by hand. Here is only the judgement; consumer/doctor.py looks and acts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "object_without_row",
    "open_upload",
    "upload_remains",
    "row_without_object",
    "fingerprint_without_row",
    "row_without_fingerprint",
    "vector_without_row",
    "row_without_vector",
    "rendition_without_row",
    "row_without_rendition",
]
Remedy = Literal[
    "delete_object",
    "adopt_object",
    "abort_upload",
    "note_object_gone",
    "reject_video",
    "forget_fingerprint",
    "fingerprint_again",
    "remove_from_index",
    "index_again",
    "delete_rendition",
    "render_again",
    "by_hand",
]

KINDS: Mapping[Kind, str] = {
    "object_without_row": "objects of videos and searches that no row knows",
    "open_upload": "multipart uploads that were never completed or aborted",
    "upload_remains": "pieces of resumable uploads that are finished or gone",
    "row_without_object": "videos whose object is gone",
    "fingerprint_without_row": "kept fingerprints of videos that no row knows",
    "row_without_fingerprint": "videos whose kept fingerprint is gone",
    "vector_without_row": "vectors and index rows of videos that are gone or do not belong in the index",
    "row_without_vector": "approved and flagged videos that the index does not hold",
    "rendition_without_row": "renditions of videos that have none by their rows",
    "row_without_rendition": "videos whose rendition is gone",
}
REMEDIES: Mapping[Remedy, str] = {
    "delete_object": "the object is deleted",
    "adopt_object": "the video gets a row again and is processed",
    "abort_upload": "the upload is aborted",
    "note_object_gone": "the row says that the object is gone; the fingerprint still finds copies",
    "reject_video": "the video is rejected as lost; what was decided by it is decided anew",
    "forget_fingerprint": "the row forgets the fingerprint; it is made again should it be needed",
    "fingerprint_again": "the video is processed again from its object",
    "remove_from_index": "it is taken out of the index",
    "index_again": "the video is put back into the index from its fingerprint",
    "delete_rendition": "the rendition is deleted",
    "render_again": "the row is forgotten; where renditions are on, it is made again",
    "by_hand": "nothing: a moderator decided; `redecide VIDEO_ID --reviewed-too` processes it again",
}
DESTRUCTIVE: Mapping[Kind, str] = {
    "object_without_row": "objects",
    "fingerprint_without_row": "fingerprints",
    "row_without_object": "rows",
}
"""Kinds whose mending cannot be undone, and what they are a part of: see brake()."""

LOST_REASON = "lost"
LOST_MESSAGE = "The file of this video is gone from the store, and nothing of it can be restored; upload it again."

_BRAKE_COUNT = 20
_BRAKE_SHARE = 0.1
_VIDEO_KEY = re.compile(r"videos/\d{4}/\d\d/\d\d/([0-9a-f]{32})\.(mp4|webm|mov)")
_DERIVED_KEYS = (
    re.compile(r"videos/\d{4}/\d\d/\d\d/([0-9a-f]{32})_(?:thumb|preview)\.jpg"),
    re.compile(r"videos/\d{4}/\d\d/\d\d/([0-9a-f]{32})_matrix_[0-9a-f]{32}\.png"),
    re.compile(r"processed/([0-9a-f]{32})/.+"),
    re.compile(r"fingerprints/\d{4}/\d\d/\d\d/([0-9a-f]{32})\.vfp"),
)
_RENDITION_KEY = re.compile(r"processed/([0-9a-f]{32})/720p\.mp4")
_UPLOAD_KEY = re.compile(r"uploads/([0-9a-f]{32})/.+")
_SEARCH_KEY = re.compile(r"searches/([0-9a-f]{32})/(?:video|reference)\.(?:mp4|webm|mov)")
_MIME_TYPES = {"mp4": "video/mp4", "webm": "video/webm", "mov": "video/quicktime"}


@dataclass(frozen=True, slots=True)
class Finding:
    """subject: an object's key, or the id of a video or vector. token: of an open upload, its id."""

    kind: Kind
    subject: str
    remedy: Remedy
    token: str = ""


@dataclass(frozen=True, slots=True)
class RowState:
    """What a video's row says. is_in_hand: a worker has its job."""

    video_id: str
    status: str
    is_remote: bool
    is_object_freed: bool
    names_fingerprint: bool
    is_reviewed: bool
    is_in_hand: bool


def video_of(key: str) -> str | None:
    """The id of the video or the search that an object belongs to; None: not an object of ours, to be left alone."""
    for pattern in (_VIDEO_KEY, *_DERIVED_KEYS, _SEARCH_KEY):
        if (named := pattern.fullmatch(key)) is not None:
            return named[1]
    return None


def rendition_of(key: str) -> str | None:
    """The id of the video whose rendition an object is; None: it is none."""
    named = _RENDITION_KEY.fullmatch(key)
    return None if named is None else named[1]


def upload_of(key: str) -> str | None:
    """The id of the resumable upload that a piece belongs to; None: no such piece."""
    named = _UPLOAD_KEY.fullmatch(key)
    return None if named is None else named[1]


def mime_type_of(key: str) -> str | None:
    """Of a video's own object; None for every other."""
    named = _VIDEO_KEY.fullmatch(key)
    return None if named is None else _MIME_TYPES[named[2]]


def judge_object(key: str, *, adopts: bool) -> Finding | None:
    """An object, old enough, whose video neither has a row nor is being purged.

    adopts: such videos are given rows again; what was derived from them is then no orphan.
    """
    if video_of(key) is None:
        return None
    is_video = mime_type_of(key) is not None
    if adopts and _SEARCH_KEY.fullmatch(key) is None:
        return Finding("object_without_row", key, "adopt_object") if is_video else None
    return Finding(
        "fingerprint_without_row" if key.startswith("fingerprints/") else "object_without_row", key, "delete_object"
    )


def judge_missing_object(row: RowState, *, has_fingerprint: bool) -> Finding | None:
    """A row whose object is not there. has_fingerprint: the kept fingerprint it names is, and can be used."""
    if row.is_remote or row.is_in_hand:
        return None
    if row.is_object_freed and (row.status != "processing" or has_fingerprint):
        return None
    is_needed = row.status in ("processing", "approved", "flagged") and not has_fingerprint
    return Finding("row_without_object", row.video_id, "reject_video" if is_needed else "note_object_gone")


def judge_missing_fingerprint(row: RowState, *, has_object: bool) -> Finding | None:
    """A row whose kept fingerprint is not there. While a video is processed, that is made anew without ado."""
    if not row.names_fingerprint or row.is_in_hand or row.status == "processing":
        return None
    if row.status in ("duplicate", "rejected"):
        return Finding("row_without_fingerprint", row.video_id, "forget_fingerprint")
    if not (has_object or row.is_remote):
        return Finding("row_without_fingerprint", row.video_id, "reject_video")
    return Finding("row_without_fingerprint", row.video_id, "by_hand" if row.is_reviewed else "fingerprint_again")


def belongs_in_index(status: str | None) -> bool:
    """status: of the video; None when it has no row. One that is being processed may be in the index already."""
    return status in ("processing", "approved", "flagged")


@dataclass(slots=True)
class Report:
    """Counts by kind. examined: what was looked at, by sort. examples: the first few of each kind."""

    found: Counter[Kind] = field(default_factory=Counter)
    mended: Counter[Kind] = field(default_factory=Counter)
    remedies: Counter[tuple[Kind, Remedy]] = field(default_factory=Counter)
    examined: Counter[str] = field(default_factory=Counter)
    examples: dict[Kind, list[str]] = field(default_factory=dict)

    def note(self, finding: Finding, *, most_examples: int = 5) -> None:
        self.found[finding.kind] += 1
        self.remedies[finding.kind, finding.remedy] += 1
        examples = self.examples.setdefault(finding.kind, [])
        if len(examples) < most_examples:
            examples.append(finding.subject)

    @property
    def left(self) -> int:
        """Found and not mended."""
        return self.found.total() - self.mended.total()

    def to_json(self) -> dict[str, Any]:
        return {
            "found": {kind: self.found[kind] for kind in KINDS},
            "mended": {kind: self.mended[kind] for kind in KINDS},
            "examined": dict(sorted(self.examined.items())),
            "examples": {kind: self.examples[kind] for kind in KINDS if kind in self.examples},
        }


def brake(report: Report) -> str | None:
    """Why not to mend without being told twice: so much is missing that it is rather a wrong bucket or database."""
    for kind, sort in DESTRUCTIVE.items():
        count, of = report.found[kind] - report.remedies[kind, "adopt_object"], report.examined[sort]
        if count > _BRAKE_COUNT and count > of * _BRAKE_SHARE:
            return (
                f"{count} of {of} {sort} are {KINDS[kind]}. Is this the right bucket and the right database? After "
                "the restore of a backup read docs/operations.md; --yes goes on all the same."
            )
    return None


def table(report: Report, *, mends: bool) -> str:
    """For people. mends: whether it tells what was done, or what would be."""
    rows = [("kind", "found", "mended" if mends else "", "what is done" if mends else "what --fix does")]
    for kind in KINDS:
        remedies = [remedy for (of, remedy), count in report.remedies.items() if of == kind and count]
        told = "; ".join(f"{report.remedies[kind, remedy]} x {REMEDIES[remedy]}" for remedy in remedies)
        rows.append((kind, str(report.found[kind]), str(report.mended[kind]) if mends else "", told))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        f"{kind.ljust(widths[0])}  {found.rjust(widths[1])}  {mended.rjust(widths[2])}  {told}".rstrip()
        for kind, found, mended, told in rows
    ]
    for kind, examples in report.examples.items():
        lines += [f"  {kind}: {', '.join(examples)}"]
    looked = ", ".join(f"{count} {sort}" for sort, count in sorted(report.examined.items()))
    return "\n".join([*lines, f"looked at {looked or 'nothing'}"])
