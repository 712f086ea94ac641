"""Looking up and comparing real videos, through real processes."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import jsonschema

from edge_api.openapi import document
from edge_api.routes import routes
from tests.e2e.system import BUCKET, System
from tests.e2e.test_whole_chain import LOOK, clip, copy_of
from tests.edge_api.kit import settings_with
from tests.processor.clips import write_clip

COMPONENTS = document(settings_with(), routes())["components"]


def answered(system: System, route: str, **parts: Any) -> dict[str, Any]:
    """What the search found. parts: paths are files, texts are fields."""
    files = {name: (part.name, part.read_bytes()) for name, part in parts.items() if isinstance(part, Path)}
    fields = {name: part for name, part in parts.items() if isinstance(part, str)}
    headers = system._token()
    asked = httpx.post(f"{system.url}/api/{route}", files=files, data=fields, headers=headers, timeout=60)
    assert asked.status_code == 202, asked.text
    until = time.monotonic() + 120
    while time.monotonic() < until:
        url = f"{system.url}{asked.json()['status_url']}?wait=20"
        told: dict[str, Any] = httpx.get(url, headers=headers, timeout=60).json()
        if told["status"] != "processing":
            break
    schema = {"$ref": "#/components/schemas/Search", "components": COMPONENTS}
    jsonschema.Draft202012Validator(schema).validate(told)
    assert told["status"] == "completed", told
    return told


def test_a_search_finds_the_original_and_leaves_nothing(system: System, tmp_path: Path) -> None:
    original = system.upload(clip(tmp_path, 921))
    assert system.verdict(original)["status"] == "approved"
    before = system.rows("SELECT COUNT(*) AS n FROM videos")[0]["n"]
    told = answered(system, "search", video=copy_of(tmp_path, 921))
    assert (told["verdict"]["status"], told["verdict"]["duplicate_of"]) == ("duplicate", original), told
    assert told["verdict"]["matches"][0]["segments"]
    same = answered(system, "search", video=tmp_path / "clip-921.mp4")
    assert (same["verdict"]["status"], same["verdict"]["duplicate_of"]) == ("duplicate", original), same
    assert answered(system, "search", video=clip(tmp_path, 922))["verdict"]["status"] == "approved"
    assert system.rows("SELECT COUNT(*) AS n FROM videos")[0]["n"] == before
    assert not [path for path in (system.folder / "s3" / BUCKET / "searches").rglob("*.*") if path.is_file()]


def test_two_files_are_compared(system: System, tmp_path: Path) -> None:
    told = answered(system, "compare", video=clip(tmp_path, 931), reference=copy_of(tmp_path, 931))
    assert told["verdict"]["status"] == "duplicate", told
    assert told["evidence"]["video_score"] > 0.9
    assert [gate["decided"] for gate in told["explanation"]["gates"]][-1] is True
    assert told["explanation"]["changes"]
    assert (told["video"]["width"], told["reference"]["width"]) == (192, 160)


def test_an_unlike_video_of_the_catalogue_tells_its_evidence(system: System, tmp_path: Path) -> None:
    original = system.upload(clip(tmp_path, 321))
    assert system.verdict(original)["status"] == "approved"
    other = write_clip(tmp_path / "other.mp4", replace(LOOK, seed=322))
    told = answered(system, "compare", video=other, reference_id=original)
    assert (told["verdict"]["status"], told["verdict"]["matches"]) == ("approved", [])
    assert told["evidence"]["video_score"] < 0.7
    assert told["explanation"]["gates"][0]["passed"] is False


def test_the_preview_is_a_picture_beside_the_video(system: System, tmp_path: Path) -> None:
    video = system.verdict(system.upload(clip(tmp_path, 331)))
    jpeg = httpx.get(video["preview"]["url"]).content
    assert jpeg.startswith(b"\xff\xd8\xff")
    assert len(jpeg) < 60_000
    assert (video["preview"]["pictures"], video["preview"]["columns"]) == (12, 12)
