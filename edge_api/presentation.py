"""A video's row as its JSON. Fields by status, as docs/api.md lists them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from edge_api.auth import User
from edge_api.env import Env
from edge_api.keys import moment_of, timestamp
from wire.gates import QUESTIONS
from wire.verdicts import Match, Segment
from wrangler_compat.d1.types import Row

REASONS: Mapping[str, str] = {
    "video_match_audio_mismatch": "The picture matches another video, the sound does not; a moderator will look at it.",
    "no_audio_to_confirm": "The picture is like another video's and there is no sound to tell; a moderator will look.",
    "duration_mismatch": "It matches another video of a different length; a moderator will look at it.",
    "mirrored": "It looks like another video mirrored; a moderator will look at it.",
    "rotated": "It looks like another video turned on its side; a moderator will look at it.",
    "derivative_work": "It looks like another video at another speed; a moderator will look at it.",
    "partial_match": "A part of it matches another video; a moderator will look at it.",
    "audio_match": "The sound matches another video, the picture does not; a moderator will look at it.",
    "rejected_by_moderator": "A moderator has rejected this video.",
    "undecodable": "The file cannot be decoded as a video; it may be damaged or cut off.",
    "no_video_stream": "The file has no picture.",
    "too_long": "The video is longer than this service accepts.",
    "truncated": "The file ends before the video does; upload it again in full.",
    "too_large": "The video has more bytes than this service looks at.",
    "bad_dimensions": "The picture is too large or too small to be looked at.",
    "empty_range": "The video has nothing between the given start and stop.",
    "too_demanding": "Looking at this video takes more time or memory than a video is given; re-encode it.",
    "infected": "The file holds something that a virus scanner knows; it is not accepted.",
    "no_reference": "The video to compare with is gone, or its fingerprint cannot be compared.",
    "mismatched_fragments": "The video changed while it was being looked at; submit it again.",
}
"""Reasons by the word that the row keeps. Unknown words are shown with the job's own sentence."""

_DANGEROUS = frozenset({"infected"})
"""Reasons of a rejection for which there is no link to the file."""

_MATCH = tuple(Match.__dataclass_fields__)
_SEGMENT = tuple(Segment.__dataclass_fields__)

DEFAULT_SECONDS = 10.0
"""Expected from upload to verdict while nothing has been measured."""


def expected_seconds(recent: list[Row]) -> float:
    """The mean over recent (uploaded_at, processed_at), without the slowest tenth."""
    times = sorted((moment_of(row["processed_at"]) - moment_of(row["uploaded_at"])).total_seconds() for row in recent)
    times = times[: max(1, len(times) * 9 // 10)]
    return sum(times) / len(times) if times else DEFAULT_SECONDS


async def video_json(
    row: Row,
    user: User,
    env: Env,
    *,
    link_seconds: int,
    expected: float,
    with_matches: bool = True,
    with_file: bool = True,
    sees: Collection[str] = (),
) -> dict[str, Any]:
    """expected: seconds from upload to verdict. with_matches: the evidence too. with_file: the links to the video's own
    bytes and to its preview too; links are the dearest part of a list. sees: ids of the other videos that this user may
    see as well."""
    body: dict[str, Any] = {
        "video_id": row["id"],
        "status": row["status"],
        "uploaded_at": row["uploaded_at"],
        "filename": row["filename"],
        "file_size": row["file_size"],
        "mime_type": row["mime_type"],
    }
    if row["source_url"] is not None:
        body["source_url"] = row["source_url"]
    if row["user_id"] != user.id:
        body["uploader"] = row["username"]
    if row["status"] == "processing":
        return body | _processing(row, expected)
    body |= {"processed_at": row["processed_at"], "duration": _duration(row)}
    body |= await _links(row, env, link_seconds, with_file)
    match row["status"]:
        case "approved":
            body |= _approved(row)
        case "duplicate":
            body |= _duplicate(row)
        case "flagged":
            body |= _flagged(row)
        case _:
            body |= {"reason": row["reason"], "message": _sentence(row)}
    if with_matches and row["status"] in ("duplicate", "flagged", "approved") and row["matches"]:
        links = await _matrix_links(row, env, link_seconds, sees)
        told = [match_json(match) for match in json.loads(row["matches"])]
        body["matches"] = [match | {"matrix_url": links.get(match["video_id"])} for match in told]
    elif with_matches and row["status"] in ("duplicate", "flagged"):
        body["matches"] = []
    if with_matches and row["decided_by"] is not None:
        body["why"] = _why(row, {match["video_id"] for match in body.get("matches", ())})
    return body


def _why(row: Row, named: Collection[str]) -> dict[str, Any]:
    """named: the videos that the evidence names; no other is named here."""
    decided_by = "moderator" if row["decided_by"].startswith("user:") else row["decided_by"]
    told: dict[str, Any] = {"decided_by": decided_by, "policy_version": row["policy_version"]}
    if row["why"] is None or decided_by != "policy":
        return told | {"video_id": None, "gates": [], "changes": []}
    kept = json.loads(row["why"])
    video_id = kept["video_id"] if kept["video_id"] in named else None
    gates = [gate | {"question": QUESTIONS.get(gate["name"], gate["name"])} for gate in kept["gates"]]
    return told | {"video_id": video_id, "gates": gates, "changes": kept["changes"]}


def match_json(kept: Mapping[str, Any]) -> dict[str, Any]:
    """What the evidence may say of another's video: its id and the measurements, whatever else a row may hold."""
    segments = {
        name: [{field: part[field] for field in _SEGMENT if field in part} for part in kept.get(name, ())]
        for name in ("segments", "audio_segments")
    }
    return {name: kept[name] for name in _MATCH if name in kept} | segments


def _processing(row: Row, expected: float) -> dict[str, Any]:
    job: dict[str, Any] = {"progress": row["progress"] or 0.0, "stage": row["stage"]}
    if row["job_status"] == "failed":
        job |= {"estimated_completion": None, "failed": True}
    else:
        job["estimated_completion"] = _estimate(row, expected)
    if row["error_message"]:
        job |= {"last_error": row["error_message"], "attempts": row["attempt_count"]}
    return job


def _estimate(row: Row, expected: float) -> str:
    """When the verdict is to be expected; never in the past."""
    now = datetime.now(UTC)
    left = expected * (1 - min(1.0, row["progress"] or 0.0))
    due = moment_of(row["uploaded_at"]) + timedelta(seconds=expected)
    return timestamp(max(due, now + timedelta(seconds=max(1.0, left) if due < now else 0)))


async def _links(row: Row, env: Env, link_seconds: int, with_file: bool) -> dict[str, Any]:
    """To what is kept of the video; the file of one that a scanner knows is given to nobody."""
    body: dict[str, Any] = {"r2_url": None, "playback_url": None, "thumbnail": None, "preview": None}
    is_kept = row["source_url"] is None and row["object_deleted_at"] is None and row["reason"] not in _DANGEROUS
    body["rendition"] = _rendition(row) if is_kept else None
    if with_file and is_kept:
        body["r2_url"] = await env.video_bucket.presigned_url(row["r2_key"], expires_seconds=link_seconds)
        body["playback_url"] = body["r2_url"] if row["plays"] != 0 else None
        if row["rendition_status"] == "completed":
            key = row["rendition_key"]
            body["playback_url"] = await env.video_bucket.presigned_url(key, expires_seconds=link_seconds)
    if row["thumbnail_key"] is not None:
        body["thumbnail"] = await env.video_bucket.presigned_url(row["thumbnail_key"], expires_seconds=link_seconds)
    if with_file and row["preview_key"] is not None:
        layout = json.loads(row["preview_layout"])
        url = await env.video_bucket.presigned_url(row["preview_key"], expires_seconds=link_seconds)
        body["preview"] = {"url": url, "columns": layout["pictures"], **layout}
    return body


def matrices_of(row: Row) -> dict[str, str]:
    """Keys of the pictures of likeness, by the id of the other video."""
    return dict(json.loads(row["matrices"] or "{}"))


async def _matrix_links(row: Row, env: Env, link_seconds: int, sees: Collection[str]) -> dict[str, str]:
    """By the other video's id. Each moment of that one can be asked by it what it is like, so that it shows something
    of it: only to who may see both."""
    return {
        other: await env.video_bucket.presigned_url(key, expires_seconds=link_seconds)
        for other, key in matrices_of(row).items()
        if other in sees
    }


def _rendition(row: Row) -> dict[str, Any] | None:
    """What is, or is to be, played in place of the file; None where nothing is wanted."""
    match row["rendition_status"]:
        case None:
            return None
        case "completed":
            return {"status": "made"}
        case "failed":
            return {"status": "failed", "reason": row["rendition_error"] or "Nobody knows why."}
        case _:
            return {"status": "wanted", "progress": row["rendition_progress"]}


def _approved(row: Row) -> dict[str, Any]:
    if row["similar_to"] is None:
        return {}
    return {"similar_to": row["similar_to"], "similarity_score": row["similarity_score"]}


def _duplicate(row: Row) -> dict[str, Any]:
    return {
        "duplicate_of": row["duplicate_of"],
        "similarity_score": row["similarity_score"],
        "confidence": row["confidence"],
        "original_video": {
            "id": row["duplicate_of"],
            "uploaded_at": row["original_uploaded_at"],
            "uploader": row["original_uploader"],
        },
    }


def _flagged(row: Row) -> dict[str, Any]:
    return {
        "reason": row["reason"],
        "message": _sentence(row),
        "duplicate_of": row["duplicate_of"],
        "similarity_score": row["similarity_score"],
    }


def _duration(row: Row) -> float | None:
    """Seconds; None while nobody has measured it."""
    exact, whole = row["duration_seconds"], row["duration"]
    found = whole if exact is None else exact
    return None if found is None else float(found)


def _sentence(row: Row) -> str:
    return REASONS.get(row["reason"]) or row["error_message"] or "This video was not accepted."
