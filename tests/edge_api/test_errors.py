"""One shape for every error of every route."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from edge_api.errors import ERRORS
from edge_api.routes import api_routes
from tests.edge_api.kit import World, mp4
from tests.edge_api.test_internal import INTERNAL

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
NO_JSON = {"/api/upload", "/api/search", "/api/compare", "/api/tus", "/api/webhooks/{webhook_id}/rotate"}
NO_JSON |= {"/api/review/next", "/api/videos/{video_id}/review/undo", "/api/videos/{video_id}/claim"}
NOT_FOUND = {f"{what}NOT_FOUND" for what in ("", "VIDEO_", "UPLOAD_", "SEARCH_", "WEBHOOK_")}
OPEN = {"/", "/openapi.json", "/livez", "/readyz", "/metrics"}


def calls() -> list[tuple[str, str]]:
    """Each route of the public API with each of its methods."""
    return [(method, route.path) for route in api_routes() for method in sorted(route.told_methods)]


def closed() -> list[tuple[str, str]]:
    """Those that need a token, and whose refusals have a body."""
    return [(method, path) for method, path in calls() if path not in OPEN and method != "HEAD"]


def path_with(path: str, named: str = "0" * 32) -> str:
    return re.sub(r"\{\w+\}", named, path.replace("{other_id}", "f" * 32))


def check_shape(answer: httpx.Response) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert list(body)[:3] == ["error", "code", "request_id"]
    assert body["request_id"] == answer.headers["x-request-id"]
    assert ERRORS[body["code"]].status == answer.status_code
    assert re.fullmatch(r"[A-Z].*[.]", body["error"]), "a sentence"
    assert answer.headers["content-type"] == "application/json"
    return body


@pytest.mark.parametrize(("method", "path"), closed())
async def test_no_token(world: World, method: str, path: str) -> None:
    body = check_shape(await world.client.request(method, path_with(path)))
    assert body["code"] == ("INVALID_SECRET" if path.endswith("complete") else "UNAUTHORIZED")


@pytest.mark.parametrize(("method", "path"), closed())
async def test_bad_token(world: World, method: str, path: str) -> None:
    headers = {"Authorization": "Bearer twr_wrong"}
    body = check_shape(await world.client.request(method, path_with(path), headers=headers))
    assert body["code"] == ("INVALID_SECRET" if path.endswith("complete") else "INVALID_TOKEN")


@pytest.mark.parametrize(("method", "path"), [call for call in closed() if "{" in call[1]])
@pytest.mark.parametrize("video_id", ["0" * 32, "nonsense", "%2e%2e"])
async def test_bad_id(world: World, method: str, path: str, video_id: str) -> None:
    answer = await world.client.request(
        method,
        path_with(path, video_id),
        headers={**world.admin.headers, "Tus-Resumable": "1.0.0"},
        json={"decision": "approve"},
    )
    assert check_shape(answer)["code"] in NOT_FOUND


@pytest.mark.parametrize("path", sorted({path for _, path in calls()}))
async def test_wrong_method(world: World, path: str) -> None:
    known = {method for method, route in calls() if route == path}
    for method in (method for method in METHODS if method not in known):
        answer = await world.client.request(method, path_with(path), headers=world.alice.headers)
        assert check_shape(answer)["code"] == "METHOD_NOT_ALLOWED"
        assert set(answer.headers["allow"].split(", ")) == known | ({"HEAD"} if "GET" in known else set())


@pytest.mark.parametrize("path", ["/nowhere", "/api", "/api/videos/", "/api//videos", "/internal", "/livez/x"])
async def test_nothing_there(world: World, path: str) -> None:
    assert check_shape(await world.client.get(path))["code"] == "NOT_FOUND"


@pytest.mark.parametrize("path", [path for method, path in closed() if method == "POST" and path not in NO_JSON])
@pytest.mark.parametrize(
    ("content", "content_type", "code"),
    [
        (b"x", "text/plain", "UNSUPPORTED_MEDIA_TYPE"),
        (b"{", "application/json", "INVALID_JSON"),
        (b"\xff", "application/json", "INVALID_JSON"),
        (b"7", "application/json; charset=utf-8", "INVALID_JSON"),
    ],
)
async def test_bad_bodies(world: World, path: str, content: bytes, content_type: str, code: str) -> None:
    video_id = await world.uploaded(mp4())
    headers = INTERNAL if path.startswith("/internal") else world.admin.headers
    headers = {**headers, "Content-Type": content_type}
    answer = await world.client.post(path_with(path, video_id), content=content, headers=headers)
    assert check_shape(answer)["code"] == code


def test_every_route_is_walked() -> None:
    assert all(isinstance(route, Route) for route in api_routes())
    assert len(closed()) == 34


@pytest.mark.parametrize(("code", "kind"), ERRORS.items())
def test_the_table(code: str, kind: Any) -> None:
    assert re.fullmatch(r"[A-Z][A-Z_]+", code)
    assert 400 <= kind.status < 600
    assert re.fullmatch(r"[A-Z].*[.]", kind.sentence)
