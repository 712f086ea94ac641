"""A database that has been in use for a month: so many videos of two owners, their jobs, verdicts, reviews, webhooks.

The rows are copies of real ones, under ids and at moments of their own. What the gateway never reads (vectors, terms of
sound, detections) is left out.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Literal

from benchmarks.pages.models import Models, Row
from edge_api.filenames import columns_of
from edge_api.keys import new_id, timestamp
from wire.webhooks import new_target_id

Kind = Literal["approved", "similar", "duplicate", "flagged", "refused", "reviewed", "processing", "failed"]
SHARES: Mapping[Kind, int] = {
    "approved": 32,
    "similar": 3,
    "duplicate": 6,
    "flagged": 3,
    "refused": 2,
    "reviewed": 2,
    "processing": 1,
    "failed": 1,
}
"""Of each FEWEST videos."""
FEWEST = sum(SHARES.values())

SPAN = timedelta(days=30)
REASONS = ("mirrored", "partial_match", "duration_mismatch", "video_match_audio_mismatch", "audio_match")
REFUSALS = ("undecodable", "too_long", "no_video_stream")
MOST_MATCHES = 5
SITE = "https://videos.example.org/holiday"
"""Where every tenth video was found, whose address the search reads."""

_TOLD = ("approved", "rejected", "flagged")
_VERDICT = ("duplicate_of", "similar_to", "reason", "confidence")
_DECIDED_ONLY = ("verdict_id", "processed_at", "thumbnail_key", "preview_key", "preview_layout", "matrices")


@dataclass(frozen=True, slots=True)
class Owners:
    """Ids of users; one in seven videos is the second one's."""

    first: str
    second: str
    moderator: str


@dataclass
class Filled:
    """ids: of videos of the first owner, by kind; the flagged ones with most matches first. Newest first otherwise."""

    ids: dict[Kind, list[str]]
    webhook_id: str
    kinds: Counter[Kind]
    rows: dict[str, list[Row]] = field(repr=False)


def filled(models: Models, owners: Owners, count: int, now: datetime | None = None) -> Filled:
    """The rows of so many videos, FEWEST at least, up to now; the same each time, but for ids. Raises ValueError."""
    if count < FEWEST:
        raise ValueError(f"At least {FEWEST} videos are needed, for there to be some of every kind.")
    return _Filling(models, owners, now or datetime.now(UTC)).run(count)


def write(path: Path, rows: Mapping[str, list[Row]]) -> None:
    """Into a migrated database, in one transaction."""
    with contextlib.closing(sqlite3.connect(path, timeout=30)) as database, database:
        for table, some in rows.items():
            # Rows of one table may have different columns: what one does not name has its default.
            for row in some:
                marks = ", ".join("?" for _ in row)
                database.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))


class _Filling:
    def __init__(self, models: Models, owners: Owners, now: datetime) -> None:
        self.models, self.owners, self.now = models, owners, now
        self.dice = Random(1)
        self.webhook_id = new_target_id()
        self.originals = [models.models["approved"].video["id"]]
        self.done = Filled({kind: [] for kind in SHARES}, self.webhook_id, Counter(), {})
        self.matches: dict[str, int] = {}

    def run(self, count: int) -> Filled:
        self._add(
            "webhook_targets",
            {
                "id": self.webhook_id,
                "url": "https://hooks.example.org/twinreel",
                "kinds": "[]",
                "created_at": timestamp(self.now),
            },
        )
        order = [kind for kind, share in SHARES.items() for _ in range(share)]
        self.dice.shuffle(order)
        # The oldest first, so that what a copy is a copy of is there before it.
        for age in reversed(range(count)):
            self._video(order[age % FEWEST], self.now - SPAN * (age / count))
        for ids in self.done.ids.values():
            ids.reverse()
        self.done.ids["flagged"].sort(key=lambda video_id: -self.matches[video_id])
        return self.done

    def _video(self, kind: Kind, at: datetime) -> None:
        status = {"similar": "approved", "refused": "rejected", "failed": "processing"}.get(kind, kind)
        if kind == "reviewed":
            status = self.dice.choice(("approved", "rejected"))
        model = self.models.models["flagged" if kind in ("flagged", "reviewed") else _model(status)]
        ended = timestamp(at + timedelta(seconds=self.dice.uniform(1, 40)))
        video_id, owner = new_id(), self.owners.second if self.dice.random() < 1 / 7 else self.owners.first
        video = model.video | {
            "id": video_id,
            "user_id": owner,
            "status": status,
            "uploaded_at": timestamp(at),
            "processed_at": ended,
            **dict(zip(("filename", "filename_lower"), columns_of(f"Clip {video_id[:12]}.mp4"), strict=True)),
            "content_sha256": f"{self.dice.getrandbits(256):064x}",
            "file_size": self.dice.randrange(10**5, 10**9),
            "verdict_id": new_id(),
            "source_url": f"{SITE}/{self.dice.randrange(10**6)}.mp4" if self.dice.random() < 0.1 else None,
            **self._opinion(kind, status, model.video),
        }
        if status == "processing":
            video |= dict.fromkeys(_DECIDED_ONLY)
        self._add("videos", video)
        self._add("processing_jobs", self._job(kind, model.job, video_id, at, ended))
        if status != "processing":
            self._verdicts(kind, video, model.verdict, ended)
            self._told(video)
        self.done.kinds[kind] += 1
        if owner == self.owners.first:
            self.done.ids[kind].append(video_id)
        if kind == "approved":
            self.originals.append(video_id)

    def _opinion(self, kind: Kind, status: str, model: Row) -> Row:
        """The columns of the verdict in force."""
        others = self.dice.sample(self.originals[-500:], min(self.dice.randint(1, MOST_MATCHES), len(self.originals)))
        score = round(self.dice.uniform(0.7, 0.99), 4)
        nothing: Row = dict.fromkeys((*_VERDICT, "similarity_score", "matches"))
        match kind:
            case "similar":
                return nothing | {"similar_to": others[0], "similarity_score": score}
            case "duplicate":
                told = {"duplicate_of": others[0], "similarity_score": score, "confidence": "high"}
                return nothing | told | {"matches": _evidence(model, others[:1])}
            case "flagged":
                told = {"duplicate_of": others[0], "similarity_score": score, "reason": self.dice.choice(REASONS)}
                return nothing | told | {"matches": _evidence(model, others)}
            case "reviewed":
                told = {"reason": "rejected_by_moderator"} if status == "rejected" else {"similar_to": others[0]}
                return nothing | told | {"similarity_score": score, "matches": _evidence(model, others)}
            case "refused":
                return nothing | {"reason": self.dice.choice(REFUSALS)}
            case _:
                return nothing

    def _job(self, kind: Kind, model: Row, video_id: str, at: datetime, ended: str) -> Row:
        begun = timestamp(at + timedelta(seconds=0.5))
        job = model | {"id": new_id(), "video_id": video_id, "created_at": timestamp(at)}
        if kind == "failed":
            return job | {
                "status": "failed",
                "attempt_count": 4,
                "error_message": "The processor did not answer.",
                "started_at": begun,
                "completed_at": ended,
            }
        if kind == "processing":
            # Every other one has been tried in vain before.
            said = "The processor did not answer." if self.done.kinds[kind] % 2 else None
            return job | {
                "status": "pending",
                "attempt_count": int(said is not None),
                "error_message": said,
                "started_at": begun if said else None,
                "completed_at": None,
                "stage": None,
                "progress": 0,
            }
        return job | {"started_at": begun, "completed_at": ended}

    def _verdicts(self, kind: Kind, video: Row, model: Row, at: str) -> None:
        """The one in force; of a video that a moderator has settled the policy's too, and the review."""
        opinion = {name: video[name] for name in ("status", *_VERDICT, "similarity_score")} | {
            "matches": video["matches"] or "[]"
        }
        verdict = model | opinion | {"id": video["verdict_id"], "video_id": video["id"], "decided_at": at}
        if verdict["why"] and video["duplicate_of"]:
            verdict["why"] = json.dumps({**json.loads(verdict["why"]), "video_id": video["duplicate_of"]})
        if kind != "reviewed":
            self._add("verdicts", verdict)
            return
        flagged = {"status": "flagged", "reason": self.dice.choice(REASONS), "id": new_id()}
        self._add("verdicts", verdict | flagged)
        self._add("verdicts", verdict | {"decided_by": f"user:{self.owners.moderator}", "why": None})
        self._add(
            "reviews",
            {
                "id": video["verdict_id"],
                "video_id": video["id"],
                "user_id": self.owners.moderator,
                "decision": "approve" if video["status"] == "approved" else "reject",
                "reason": flagged["reason"],
                "reviewed_at": at,
                "undo_until": at,
            },
        )
        was = {"status": "flagged", "reason": flagged["reason"], "verdict_id": flagged["id"]}
        keys = {"review_id": video["verdict_id"], "video_id": video["id"], "part": "settled"}
        self._add("review_changes", keys | was | {"matches": video["matches"]})

    def _told(self, video: Row) -> None:
        """The notification and its delivery; one in fifty of those has failed."""
        status, at = video["status"], video["processed_at"]
        kind = f"video.{status}" if status in _TOLD else "video.duplicate_detected"
        payload = json.dumps({"video_id": video["id"], "status": status})
        notification = {"id": new_id(), "video_id": video["id"], "kind": kind, "payload": payload}
        self._add("notifications", notification | {"created_at": at, "sent_at": at, "attempts": 1})
        failed = self.dice.random() < 0.02
        self._add(
            "webhook_deliveries",
            {
                "id": new_id(),
                "target_id": self.webhook_id,
                "notification_id": notification["id"],
                "video_id": video["id"],
                "kind": kind,
                "body": payload,
                "told_at": at,
                "status": "failed" if failed else "sent",
                "attempts": 9 if failed else 1,
                "next_attempt_at": at,
                "give_up_at": at,
                "sent_at": None if failed else at,
                "last_error": "The target answered 500." if failed else None,
            },
        )
        if video["matches"]:
            self.matches[video["id"]] = len(json.loads(video["matches"]))

    def _add(self, table: str, row: Row) -> None:
        self.done.rows.setdefault(table, []).append(row)


def _model(status: str) -> str:
    return "duplicate" if status == "duplicate" else "approved"


def _evidence(model: Row, others: list[str]) -> str:
    """The model's evidence, against each of these videos; JSON."""
    kept: list[dict[str, Any]] = json.loads(model["matches"])
    return json.dumps([{**kept[number % len(kept)], "video_id": other} for number, other in enumerate(others)])
