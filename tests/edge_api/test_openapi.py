"""The OpenAPI document is valid, names every route, and describes what is really answered."""

from __future__ import annotations

import json
from typing import Any

import httpx
import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from edge_api.errors import ERRORS
from edge_api.openapi import document
from edge_api.routes import routes
from tests.edge_api.kit import World, mp4, settings_with
from tests.edge_api.test_errors import calls
from tests.edge_api.test_internal import INTERNAL, callback
from tests.edge_api.test_videos import MATCH, PREVIEW

DOCUMENT = document(settings_with(), routes())


def check(answer: httpx.Response, path: str) -> None:
    """The answer is one of those that the document announces."""
    operation = DOCUMENT["paths"][path][answer.request.method.lower()]
    announced = operation["responses"].get(str(answer.status_code))
    assert announced, f"{answer.status_code} of {path} is not in the document: {answer.text}"
    content = announced["content"]
    kind = answer.headers["content-type"].partition(";")[0]
    assert kind in content
    if kind == "application/json":
        validate(answer.json(), content[kind]["schema"])


def validate(value: Any, schema: dict[str, Any]) -> None:
    root = {**schema, "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(root).validate(value)


def test_it_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_it_names_every_route_and_no_other() -> None:
    named = {
        (method.upper(), path)
        for path, operations in DOCUMENT["paths"].items()
        for method in operations
        if method != "parameters"
    }
    assert named == set(calls())


def test_it_names_every_error_code() -> None:
    assert DOCUMENT["components"]["schemas"]["Error"]["properties"]["code"]["enum"] == sorted(ERRORS)


async def test_it_is_served(world: World) -> None:
    answer = await world.client.get("/openapi.json")
    assert answer.json() == json.loads(json.dumps(DOCUMENT))


async def test_open_routes(world: World) -> None:
    for path in ("/", "/openapi.json", "/livez", "/readyz", "/metrics"):
        check(await world.client.get(path), path)
    assert (await world.client.get("/")).json()["openapi"] == "/openapi.json"


async def test_uploads(world: World) -> None:
    check(await world.upload(mp4()), "/api/upload")
    check(await world.upload(mp4()), "/api/upload")
    check(await world.upload(b"x" * 5000), "/api/upload")
    check(await world.upload(b""), "/api/upload")
    check(await world.upload(mp4(21 * 1024 * 1024)), "/api/upload")
    check(await world.client.post("/api/upload", headers=world.alice.headers), "/api/upload")
    check(await world.client.post("/api/upload"), "/api/upload")


async def test_fingerprints(world: World) -> None:
    for body in ({"video_url": "https://example.org/a.mp4", "start": 1.5}, {"video_url": "file:///x"}, {}):
        path = "/api/fingerprints"
        check(await world.client.post(path, json=body, headers=world.alice.headers), path)


STATES: list[tuple[str, dict[str, Any]]] = [
    ("processing", {}),
    ("approved", {"duration": 3, "thumbnail_key": "x", **PREVIEW}),
    ("approved", {"similarity_score": 0.75, "similar": True}),
    ("duplicate", {"similarity_score": 0.97, "confidence": "very_high", "twin": True, "evidence": True}),
    ("flagged", {"similarity_score": 0.9, "reason": "mirrored", "twin": True, "evidence": True}),
    ("flagged", {"reason": "audio_match"}),
    ("rejected", {"reason": "undecodable"}),
]


@pytest.mark.parametrize(("status", "columns"), STATES)
async def test_videos_in_every_state(world: World, status: str, columns: dict[str, Any]) -> None:
    other, video_id = await world.uploaded(mp4(seed=1)), await world.uploaded(mp4(seed=2))
    columns = dict(columns)
    if columns.pop("twin", False):
        columns["duplicate_of"] = other
    if columns.pop("similar", False):
        columns["similar_to"] = other
    if columns.pop("evidence", False):
        columns["matches"] = json.dumps([MATCH.to_json()])
    if status != "processing":
        await world.decide(video_id, status, **columns)
    for person in (world.alice, world.moderator):
        answer = await world.get(f"/api/videos/{video_id}", person)
        check(answer, "/api/videos/{video_id}")
        assert answer.json()["status"] == status
        check(await world.get("/api/videos", person), "/api/videos")
    check(await world.get("/api/videos?limit=x"), "/api/videos")
    check(await world.get(f"/api/videos/{'0' * 32}"), "/api/videos/{video_id}")
    if status != "processing":
        check(await world.get(f"/api/videos/{video_id}/events"), "/api/videos/{video_id}/events")
    reviewed = await world.client.post(
        f"/api/videos/{video_id}/review", json={"decision": "approve"}, headers=world.moderator.headers
    )
    check(reviewed, "/api/videos/{video_id}/review")
    deleted = await world.client.delete(f"/api/videos/{video_id}", headers=world.alice.headers)
    check(deleted, "/api/videos/{video_id}")


@pytest.mark.parametrize("failed", [False, True])
async def test_a_video_whose_attempts_failed(world: World, failed: bool) -> None:
    video_id = await world.uploaded(mp4())
    status = "failed" if failed else "pending"
    await world.run("UPDATE processing_jobs SET status = ?1, attempt_count = 2, error_message = 'x'", status)
    check(await world.get(f"/api/videos/{video_id}"), "/api/videos/{video_id}")


async def test_internal(world: World) -> None:
    video_id = await world.uploaded(mp4())
    requests: list[tuple[str, dict[str, Any]]] = [
        ("/internal/fingerprint-complete", callback(video_id)),
        ("/internal/fingerprint-complete", {}),
        ("/internal/fingerprint-complete", callback("0" * 32)),
        ("/internal/retry", {"video_id": video_id}),
        ("/internal/retry", {"video_id": "0" * 32}),
        ("/internal/retry", {}),
    ]
    for path, body in requests:
        check(await world.client.post(path, json=body, headers=INTERNAL), path)
    await world.run("UPDATE processing_jobs SET status = 'failed', error_message = 'x', completed_at = created_at")
    for query in ("", "?limit=0"):
        check(await world.client.get(f"/internal/failed{query}", headers=INTERNAL), "/internal/failed")
    await world.decide(video_id, "approved")
    path = "/internal/retry"
    check(await world.client.post(path, json={"video_id": video_id}, headers=world.admin.headers), path)
    check(await world.client.post(path, json={"video_id": video_id}, headers=world.alice.headers), path)


def test_requests_of_the_tests_fit_their_schemas() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    validate(callback("0" * 32), schemas["ExtractResponse"])
    validate({"video_url": "https://example.org", "priority": "low", "stop": 3}, schemas["FingerprintRequest"])
    validate({"decision": "reject", "note": "x"}, schemas["ReviewRequest"])
    with pytest.raises(jsonschema.ValidationError):
        validate({"decision": "perhaps"}, schemas["ReviewRequest"])
