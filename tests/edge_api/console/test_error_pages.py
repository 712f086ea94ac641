"""Errors are pages for those who look, and JSON for programs and for the API, whoever asks."""

from __future__ import annotations

from typing import Any

import pytest

from edge_api.env import Env
from edge_api.scopes import SCOPES_OF_ROLE
from tests.edge_api.console.visits import HTML, Markup, Visit
from tests.edge_api.kit import People, World, serving, settings_with, with_binding
from wrangler_compat.errors import BindingError


async def test_nothing_there(world: World, alice: Visit) -> None:
    for path in ("/nowhere", f"/videos/{'0' * 32}", "/static/x/y.js", "/videos/x/y"):
        answer = await alice.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert answer.headers["x-request-id"] in answer.text
        assert {"/", "/videos", "/me"} <= {link["href"] for link in Markup(answer.text).named("a")}
    signed_out = await world.client.get("/nowhere", headers=HTML)
    assert (signed_out.status_code, "Sign out" in signed_out.text) == (404, False)


async def test_not_for_you(world: World, alice: Visit) -> None:
    for scope, path in (("fingerprint:read", "/videos"), ("fingerprint:write", "/upload")):
        rest = " ".join(sorted(SCOPES_OF_ROLE["uploader"] - {scope}))
        await world.run("UPDATE api_tokens SET scopes = ?1", rest)
        answer = await alice.get(path)
        assert answer.status_code == 403
        assert f"This token lacks the scope {scope}" in Markup(answer.text).text


async def test_the_wrong_method(world: World, alice: Visit) -> None:
    answer = await world.client.put("/videos", headers=alice.headers)
    assert (answer.status_code, answer.headers["content-type"]) == (405, "text/html; charset=utf-8")
    assert "GET" in answer.headers["allow"]


async def test_too_fast(env: Env, people: People) -> None:
    settings = settings_with(requests_per_minute=1)
    async with serving(settings, env, people) as world:
        headers = {**HTML, **world.alice.headers}
        answers = [await world.client.get("/me", headers=headers) for _ in range(101)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "try again in" in Markup(answers[-1].text).text


class Broken:
    """A database that fails in its own way."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def prepare(self, sql: str) -> Any:
        raise self.error


@pytest.mark.parametrize(
    ("error", "status"),
    [(BindingError("away", code="X", retryable=True), 503), (RuntimeError("a secret"), 500)],
)
async def test_something_broken(env: Env, people: People, error: Exception, status: int) -> None:
    async with serving(settings_with(), with_binding(env, "db", Broken(error)), people) as world:
        answer = await world.client.get("/videos", headers={**HTML, **world.alice.headers})
        assert answer.status_code == status
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "a secret" not in answer.text
        assert answer.headers["x-request-id"] in answer.text
        assert "unsafe" not in answer.headers["content-security-policy"]
        as_json = await world.client.get("/videos", headers=world.alice.headers)
        assert (as_json.status_code, as_json.headers["content-type"]) == (status, "application/json")


@pytest.mark.parametrize("path", ["/api/videos", "/api/nowhere", "/internal/failed", "/internal/x"])
async def test_the_api_answers_json_whoever_asks(world: World, path: str) -> None:
    answer = await world.client.get(path, headers=HTML)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["code"] in ("UNAUTHORIZED", "NOT_FOUND")


@pytest.mark.parametrize("accept", ["*/*", "application/json", "image/png", ""])
async def test_programs_are_answered_json(world: World, accept: str) -> None:
    for path, code in (("/nowhere", "NOT_FOUND"), ("/videos", "UNAUTHORIZED"), ("/me", "UNAUTHORIZED")):
        answer = await world.client.get(path, headers={"Accept": accept})
        assert answer.json()["code"] == code


async def test_a_form_is_not_sent_again_after_signing_in(world: World) -> None:
    answer = await world.client.post("/videos/delete", data={"video_id": "x"}, headers=HTML)
    assert answer.headers["location"] == "/sign-in"
