"""Real rows to make many of: clips that a whole system has taken in and decided, and a search that it has answered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.e2e.system import System, eventually
from tests.processor.clips import Look, write_clip

Row = dict[str, Any]

LOOK = Look(width=320, height=180, seconds=10.0, fps=6, seed=4100)
COPIES = {"duplicate": replace(LOOK, width=240, height=136), "flagged": replace(LOOK, seconds=6.0)}
"""What becomes of it -> a copy that it becomes of."""

_SECONDS = 120.0


class UnexpectedError(Exception):
    """The system decided otherwise, or not at all. The message is a sentence."""


@dataclass(frozen=True, slots=True)
class Model:
    """One decided video: its rows of videos, processing_jobs and verdicts."""

    video: Row
    job: Row
    verdict: Row


@dataclass(frozen=True, slots=True)
class Models:
    """models: by status. search_id: of an answered search of the user who has the system's own token."""

    models: dict[str, Model]
    search_id: str


def made(system: System, folder: Path) -> Models:
    """Uploads three clips and asks for one. Raises UnexpectedError."""
    clip = write_clip(folder / "approved.mp4", LOOK)
    models = {"approved": _decided(system, clip, "approved")}
    for status, look in COPIES.items():
        models[status] = _decided(system, write_clip(folder / f"{status}.mp4", look), status)
    return Models(models, _answered_search(system, folder / "flagged.mp4"))


def _decided(system: System, clip: Path, status: str) -> Model:
    video_id = system.upload(clip)
    found = system.verdict(video_id)["status"]
    if found != status:
        raise UnexpectedError(
            f"The clip that was to be {status} is {found}: there is nothing to fill the database with."
        )
    (video,) = system.rows("SELECT * FROM videos WHERE id = ?", video_id)
    (job,) = system.rows("SELECT * FROM processing_jobs WHERE video_id = ?", video_id)
    (verdict,) = system.rows("SELECT * FROM verdicts WHERE id = ?", video["verdict_id"])
    return Model(video, job, verdict)


def _answered_search(system: System, clip: Path) -> str:
    token = {"Authorization": f"Bearer {system.token}"}
    with clip.open("rb") as file:
        asked = system.http.post(f"{system.url}/api/search", headers=token, files={"video": (clip.name, file)})
    if asked.status_code != 202:
        raise UnexpectedError(f"The search was answered {asked.status_code}: {asked.text}")
    search_id = str(asked.json()["search_id"])

    def is_answered() -> bool:
        (row,) = system.rows("SELECT status FROM searches WHERE id = ?", search_id)
        return bool(row["status"] == "completed")

    eventually(is_answered, "an answer to the search", seconds=_SECONDS)
    return search_id
