"""Videos that a browser can play, made here and uploaded."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import httpx

from tests.browser.gateway import Gateway
from tests.edge_api.kit import Person
from tests.edge_api.test_videos import MATCH
from tests.processor.clips import Look, write_clip
from wire.verdicts import Segment

RANGES = (Segment(0.4, 3.0, 0.4, 3.0, 0.97), Segment(3.2, 4.8, 3.2, 4.8, 0.93))


def uploaded(gateway: Gateway, person: Person, path: Path) -> str:
    with path.open("rb") as clip:
        answer = httpx.post(
            f"{gateway.url}/api/upload",
            files={"video": (path.name, clip, "video/mp4")},
            headers={"Authorization": f"Bearer {person.token}"},
        )
    return str(answer.json()["video_id"])


def flagged_clips(gateway: Gateway, folder: Path) -> tuple[str, str]:
    """The original, and a flagged one: the same pictures, encoded otherwise."""
    people = gateway.people
    look = Look(width=320, height=180, seconds=5.0, gop=10, audio=None, mux_options=(("movflags", "faststart"),))
    files = [
        write_clip(folder / f"{crf}.mp4", replace(look, options=(("crf", str(crf)), ("preset", "ultrafast"))))
        for crf in (20, 30)
    ]
    original, copy = (
        uploaded(gateway, person, path) for person, path in zip((people.bob, people.alice), files, strict=True)
    )
    evidence = [{**replace(MATCH, segments=RANGES).to_json(), "video_id": original}]
    gateway.decide(original, "approved")
    gateway.decide(
        copy,
        "flagged",
        reason="partial_match",
        duplicate_of=original,
        similarity_score=0.9,
        matches=json.dumps(evidence),
    )
    return original, copy
