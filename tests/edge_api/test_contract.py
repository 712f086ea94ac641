"""Requests made from the OpenAPI document, good and bad, to the gateway behind a real socket: nothing unannounced.

A short run; `python -m benchmarks.contract` makes thousands against a whole system.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import schemathesis
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from benchmarks.contract.__main__ import main, report
from benchmarks.contract.checking import SLOWEST_SECONDS, Fault, Results, Target, check, configuration
from benchmarks.contract.sense import sensible, sensible_headers, video
from edge_api.addresses import check_url
from edge_api.answers import LONGEST_WAIT_SECONDS
from edge_api.boxes import BoxWalk
from edge_api.formats import recognise
from edge_api.openapi import document
from edge_api.routes import routes
from edge_api.tus.headers import length_of, metadata_of
from tests.edge_api.kit import SECRET, World, mp4, public_resolve, settings_with
from tests.edge_api.live import listening, live_gateway
from tests.edge_api.test_openapi import STATES
from tests.edge_api.test_videos import MATCH
from wire.fingerprints import unpack

ID = "0" * 32
HOST = "videos.example"
EXAMPLES = 8
DOCUMENT = document(settings_with(), routes())


def results_of(target: Target, described: Mapping[str, Any], examples: int) -> Results:
    results = Results()
    for _ in check(target, described, results, examples=examples, seed=1):
        pass
    return results


async def decided(world: World) -> None:
    """A video of the admin's in each state, as what the requests find."""
    ids = [await world.uploaded(mp4(seed=seed), world.admin) for seed in range(2 * len(STATES))]
    for video_id, (status, columns) in zip(ids, [*STATES, *STATES], strict=True):
        kept = {name: value for name, value in columns.items() if name not in ("twin", "similar", "evidence")}
        if "twin" in columns:
            kept |= {"duplicate_of": ids[1], "matches": json.dumps([MATCH.to_json()])}
        if status != "processing":
            await world.decide(video_id, status, **kept)


def test_every_answer_is_announced() -> None:
    with live_gateway(settings_with(event_stream_seconds=0.1), decided) as live:
        target = Target(live.url, live.people.admin.token, SECRET, HOST)
        results = results_of(target, httpx.get(f"{live.url}/openapi.json").json(), EXAMPLES)
    assert not results.faults, "\n\n".join(map(str, results.faults.values()))
    called = {(method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item} - {
        ("PARAMETERS", path) for path in DOCUMENT["paths"]
    }
    assert set(results.statuses) == {" ".join(operation) for operation in called}
    assert results.cases > 20 * len(called)
    assert len(results.checks) > 12, results.checks
    for operation in ("POST /api/upload", "GET /api/videos/{video_id}", "POST /internal/fingerprint-complete"):
        assert results.statuses[operation][200], f"{operation} was never done well"


def wrong(method: str, path: str, answer: Response) -> Starlette:
    async def endpoint(request: Any) -> Response:
        return answer

    return Starlette(routes=[Route(path, endpoint, methods=[method])])


DESCRIBED = {
    "openapi": "3.1.0",
    "info": {"title": "x", "version": "1"},
    "paths": {
        "/n": {
            "get": {
                "parameters": [{"name": "n", "in": "query", "required": True, "schema": {"type": "integer"}}],
                "responses": {
                    "200": {
                        "description": "x",
                        "content": {"application/json": {"schema": {"type": "object", "required": ["n"]}}},
                    },
                    "400": {"description": "x"},
                    "405": {"description": "x"},
                },
            }
        }
    },
}


@pytest.mark.parametrize(
    ("answer", "checks"),
    [
        (JSONResponse({}, 500), {"not_a_server_error", "status_code_conformance"}),
        (JSONResponse({"n": 1}, 202), {"status_code_conformance", "negative_data_rejection"}),
        (JSONResponse({}), {"response_schema_conformance", "negative_data_rejection"}),
        (Response("n", media_type="text/plain"), {"content_type_conformance", "negative_data_rejection"}),
        (JSONResponse({"n": 1}, 400), {"positive_data_acceptance"}),
    ],
)
def test_faults_are_found(answer: Response, checks: set[str]) -> None:
    @asynccontextmanager
    async def opened() -> AsyncIterator[ASGIApp]:
        yield wrong("GET", "/n", answer)

    with listening(opened) as url:
        results = results_of(Target(url, "x", None, HOST), DESCRIBED, 3)
    assert {fault.check for fault in results.faults.values()} >= checks
    assert all(fault.operation == "GET /n" for fault in results.faults.values())
    assert results.faults_of("GET /n") == results.often.total() > 0


def test_who_asks_to_wait_is_let_wait() -> None:
    target = Target("http://127.0.0.1:9", "t", SECRET, HOST)
    schema = schemathesis.openapi.from_dict(DOCUMENT, config=configuration(target, DOCUMENT, 1, 1))
    for name, seconds in (("/api/searches/{search_id}", LONGEST_WAIT_SECONDS), ("/api/videos/{video_id}", 0)):
        operation, project = schema[name]["GET"], schema.config
        checks = project.checks_config_for(operation=operation)
        assert checks.max_response_time.limit == SLOWEST_SECONDS + seconds
        assert "412" in checks.negative_data_rejection.expected_statuses
        assert project.request_timeout_for(operation=operation) == 2 * SLOWEST_SECONDS + seconds


def test_the_report() -> None:
    results = Results(statuses={"GET /a": Counter({200: 7, 500: 1}), "POST /b": Counter({404: 2, None: 1})})
    fault = Fault("GET /a", "not_a_server_error", "Server error", "It said 500.", "curl /a")
    results.add(fault)
    results.add(fault)
    results.checks["not_a_server_error"] = 11
    lines = report(results, 4, 61.4).splitlines()
    assert lines[0] == "11 requests, 11 checks of 1 kinds, seed 4, 61 s, 2 faults"
    assert lines[2:] == [
        "| operation | cases | 200 | 404 | 500 | none | faults |",
        "|---|---:|---:|---:|---:|---:|---:|",
        "| GET /a | 8 | 7 |  | 1 |  | 2 |",
        "| POST /b | 3 |  | 2 |  | 1 | 0 |",
        "",
        "GET /a: not_a_server_error: Server error, 2 times",
        "It said 500.",
        "curl /a",
    ]


def test_the_command_asks_a_system_that_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["contract", "--cases", "1", "--url", "http://127.0.0.1:1"])
    monkeypatch.delenv("TWINREEL_TOKEN", raising=False)
    assert main() == 2
    assert "TWINREEL_TOKEN" in capsys.readouterr().err

    @asynccontextmanager
    async def opened() -> AsyncIterator[ASGIApp]:
        app = wrong("GET", "/n", JSONResponse({"n": 1}, 500))
        app.add_route("/openapi.json", lambda request: JSONResponse(DESCRIBED), methods=["GET"])
        yield app

    with listening(opened) as url:
        monkeypatch.setenv("TWINREEL_TOKEN", "twr_x")
        monkeypatch.setattr("sys.argv", ["contract", "--cases", "1", "--url", f"{url}/"])
        assert main() == 1
    assert "GET /n: not_a_server_error" in capsys.readouterr().out


async def test_what_is_made_sensible_is_taken() -> None:
    assert video(1) != video(2)
    kind = recognise(video(1)[:64])
    assert kind is not None
    assert kind.name == "mp4"
    boxes = BoxWalk()
    boxes.feed(memoryview(video(1)))
    assert boxes.fault() is None
    asked = sensible("POST /api/fingerprints", {"video_url": "http:// \\", "start": 5.0, "stop": 2.0}, HOST)
    await check_url(asked["video_url"], (HOST,), public_resolve)
    assert asked["start"] < asked["stop"] <= asked["start"] + 11
    complete = sensible("POST /internal/fingerprint-complete", {"video_id": ID, "fingerprint": "?"}, HOST)
    assert complete["video_id"] == ID
    assert unpack(base64.b64decode(complete["fingerprint"])).duration == 1.0
    found = sensible("POST /api/search", {"video_url": "http:// \\"}, HOST)
    await check_url(found["video_url"], (HOST,), public_resolve)
    file = video(1)
    assert sensible("POST /api/compare", {"video": file}, HOST) == {"video": file, "reference_id": ID}
    both = {"video": file, "reference": file, "reference_id": "1" * 32}
    assert sensible("POST /api/compare", both, HOST) == {"video": file, "reference_id": ID}
    assert sensible("POST /api/compare", {"video": file, "reference": file}, HOST) == {"video": file, "reference": file}
    assert sensible("DELETE /x", {"a": 1}, HOST) == {"a": 1}
    sent = {"Upload-Length": "3", "Upload-Checksum": "md5 ?", "Upload-Metadata": "?", "Upload-Offset": "7"}
    headers = sensible_headers(sent)
    assert length_of(Headers(headers)) > len(video(1))
    assert metadata_of(Headers(headers)).filename == "a.mp4"
    assert (headers["Upload-Offset"], "Upload-Checksum" in headers) == ("7", False)
