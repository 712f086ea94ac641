"""Two users, every route: who gets what answer. A route without a rule here fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import httpx
import pytest
from starlette.routing import Route

from edge_api.access import Entry, for_everybody
from edge_api.accounts import create_token, revoke_token
from edge_api.auth import new_token
from edge_api.env import Env
from edge_api.errors import ERRORS
from edge_api.index import index_json
from edge_api.keys import thumbnail_key, timestamp
from edge_api.openapi import document
from edge_api.routes import routes
from edge_api.scopes import SCOPES, SCOPES_OF_ROLE, Role, Scope
from tests.edge_api.kit import SECRET, People, World, box, ftyp, moov, mp4, serving, settings_with
from tests.edge_api.test_internal import callback
from tests.edge_api.test_videos import MATCH
from tests.edge_api.tus.kit import TUS

WEBHOOK = "wh_0123456789ab"
OTHER = "f" * 32

Call = tuple[str, str]
Kind = Literal["open", "own", "private", "video", "search", "moderator", "queue", "service", "operator", "admin"]

ADMINS_ONLY = {"alice": "FORBIDDEN", "bob": "FORBIDDEN", "moderator": "FORBIDDEN", "admin": "ok"}

KINDS: Mapping[Kind, Mapping[str, str]] = {
    # Everybody, whatever they show.
    "open": {},
    # A token's own affairs.
    "own": {"bob": "ok", "moderator": "ok", "admin": "ok"},
    # One user's, whoever else asks.
    "private": dict.fromkeys(("bob", "moderator", "admin"), "UPLOAD_NOT_FOUND"),
    # One video: its owner's, and everybody's for those who look after them.
    "video": {"bob": "VIDEO_NOT_FOUND", "moderator": "ok", "admin": "ok"},
    # One search: whoever asked it, and nobody else.
    "search": dict.fromkeys(("bob", "moderator", "admin"), "SEARCH_NOT_FOUND"),
    # One video, settled by those who look after them.
    "moderator": {"alice": "FORBIDDEN", "bob": "VIDEO_NOT_FOUND", "moderator": "ok", "admin": "ok"},
    # What moderators share.
    "queue": {"alice": "FORBIDDEN", "bob": "FORBIDDEN", "moderator": "ok", "admin": "ok"},
    # The services of this installation alone: no token is taken.
    "service": dict.fromkeys(
        ("nobody", "alice", "bob", "moderator", "admin", "unknown", "expired", "revoked", "lacking", "only"),
        "INVALID_SECRET",
    )
    | {"service": "ok", "impostor": "INVALID_SECRET"},
    # What concerns everybody.
    "admin": ADMINS_ONLY,
    # The services, and admins.
    "operator": ADMINS_ONLY
    | {
        "service": "ok",
        "impostor": "INVALID_SECRET",
    },
}
"""What differs from the usual answers below."""

USUAL = {
    "nobody": "UNAUTHORIZED",
    "service": "UNAUTHORIZED",
    "impostor": "UNAUTHORIZED",
    "unknown": "INVALID_TOKEN",
    "expired": "INVALID_TOKEN",
    "revoked": "INVALID_TOKEN",
    "alice": "ok",
    "lacking": "MISSING_SCOPE",
    "only": "ok",
}
ORIGIN = "http://twinreel.test"
CALLERS = (*USUAL, "bob", "moderator", "admin")


@dataclass(frozen=True)
class Rule:
    """scope: what a token must carry. role: the least one that has it. success: the status of a call that may."""

    kind: Kind
    scope: Scope | None = None
    role: Role = "uploader"
    success: int = 200
    json: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def answer(self, caller: str) -> str:
        if self.kind == "open" or (caller == "lacking" and self.kind == "own" and self.scope is None):
            return "ok"
        return KINDS[self.kind].get(caller) or USUAL[caller]


RULES: Mapping[Call, Rule] = {
    ("GET", "/"): Rule("open"),
    ("GET", "/openapi.json"): Rule("open"),
    ("GET", "/livez"): Rule("open"),
    ("GET", "/readyz"): Rule("open"),
    ("GET", "/metrics"): Rule("open"),
    ("POST", "/api/upload"): Rule("own", "fingerprint:write"),
    ("OPTIONS", "/api/tus"): Rule("own", "fingerprint:write", success=204),
    ("POST", "/api/tus"): Rule("own", "fingerprint:write", success=201, headers={**TUS, "Upload-Length": "5000"}),
    ("HEAD", "/api/tus/{upload_id}"): Rule("private", "fingerprint:write", headers=TUS),
    ("PATCH", "/api/tus/{upload_id}"): Rule(
        "private",
        "fingerprint:write",
        success=204,
        headers={**TUS, "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"},
    ),
    ("DELETE", "/api/tus/{upload_id}"): Rule("private", "fingerprint:write", success=204, headers=TUS),
    ("POST", "/api/fingerprints"): Rule(
        "own", "fingerprint:write", success=202, json={"video_url": "https://example.org/a.mp4"}
    ),
    ("POST", "/api/search"): Rule("own", "fingerprint:read", success=202),
    ("POST", "/api/compare"): Rule("own", "fingerprint:read", success=202),
    ("GET", "/api/searches/{search_id}"): Rule("search", "fingerprint:read"),
    ("DELETE", "/api/searches/{search_id}"): Rule("search", "fingerprint:read"),
    ("GET", "/api/videos"): Rule("own", "fingerprint:read"),
    ("GET", "/api/videos/{video_id}"): Rule("video", "fingerprint:read"),
    ("GET", "/api/videos/{video_id}/events"): Rule("video", "fingerprint:read"),
    ("DELETE", "/api/videos/{video_id}"): Rule("video", "fingerprint:delete"),
    ("POST", "/api/videos/{video_id}/review"): Rule("moderator", "review", "moderator", json={"decision": "approve"}),
    ("POST", "/api/videos/{video_id}/review/undo"): Rule("moderator", "review", "moderator"),
    ("POST", "/api/videos/{video_id}/claim"): Rule("moderator", "review", "moderator"),
    ("DELETE", "/api/videos/{video_id}/claim"): Rule("moderator", "review", "moderator"),
    ("GET", "/api/videos/{video_id}/never-compared"): Rule("moderator", "review", "moderator"),
    ("PUT", "/api/videos/{video_id}/never-compared/{other_id}"): Rule("moderator", "review", "moderator"),
    ("DELETE", "/api/videos/{video_id}/never-compared/{other_id}"): Rule("moderator", "review", "moderator"),
    ("GET", "/api/review"): Rule("queue", "review", "moderator"),
    ("POST", "/api/review/next"): Rule("queue", "review", "moderator"),
    ("GET", "/api/review/stats"): Rule("queue", "review", "moderator"),
    ("GET", "/api/webhooks"): Rule("admin", "admin", "admin"),
    ("POST", "/api/webhooks"): Rule("admin", "admin", "admin", success=201, json={"url": "https://example.org/hook"}),
    ("DELETE", "/api/webhooks/{webhook_id}"): Rule("admin", "admin", "admin"),
    ("POST", "/api/webhooks/{webhook_id}/rotate"): Rule("admin", "admin", "admin"),
    ("GET", "/api/webhooks/{webhook_id}/deliveries"): Rule("admin", "admin", "admin"),
    ("GET", "/api/stats"): Rule("admin", "admin", "admin"),
    ("GET", "/api/stats/costs"): Rule("admin", "admin", "admin"),
    ("POST", "/internal/fingerprint-complete"): Rule("service"),
    ("GET", "/internal/failed"): Rule("operator", "admin", "admin"),
    ("POST", "/internal/retry"): Rule("operator", "admin", "admin"),
}


CONSOLE: Mapping[Call, Rule] = {
    ("GET", "/static/{version}/{name}"): Rule("open"),
    ("GET", "/sign-in"): Rule("open"),
    ("POST", "/sign-in"): Rule("open", success=303),
    ("POST", "/sign-out"): Rule("own", success=303),
    ("GET", "/me"): Rule("own"),
    ("GET", "/videos"): Rule("own", "fingerprint:read"),
    ("POST", "/videos/delete"): Rule("own", "fingerprint:delete"),
    ("GET", "/videos/{video_id}"): Rule("video", "fingerprint:read"),
    ("GET", "/upload"): Rule("own", "fingerprint:write"),
    ("GET", "/try"): Rule("own", "fingerprint:read"),
    ("GET", "/try/{search_id}"): Rule("search", "fingerprint:read"),
    ("GET", "/dashboard"): Rule("admin", "admin", "admin"),
    ("GET", "/dashboard/live"): Rule("admin", "admin", "admin"),
    ("POST", "/dashboard/retry"): Rule("admin", "admin", "admin", success=303),
    ("GET", "/webhooks"): Rule("admin", "admin", "admin"),
    ("POST", "/webhooks"): Rule("admin", "admin", "admin"),
    ("GET", "/webhooks/{webhook_id}"): Rule("admin", "admin", "admin"),
    ("POST", "/webhooks/{webhook_id}/delete"): Rule("admin", "admin", "admin", success=303),
    ("POST", "/webhooks/{webhook_id}/rotate"): Rule("admin", "admin", "admin"),
    ("GET", "/review"): Rule("queue", "review", "moderator"),
    ("POST", "/review/next"): Rule("queue", "review", "moderator", success=303),
    ("POST", "/review/{video_id}/decide"): Rule("moderator", "review", "moderator", success=303),
    ("POST", "/review/{video_id}/undo"): Rule("moderator", "review", "moderator", success=303),
    ("POST", "/review/{video_id}/never/{other_id}"): Rule("moderator", "review", "moderator", success=303),
    ("POST", "/review/{video_id}/again/{other_id}"): Rule("moderator", "review", "moderator", success=303),
    ("POST", "/review/{video_id}/leave"): Rule("moderator", "review", "moderator", success=303),
}
"""The pages. A token is taken there too, and a program that asks is answered as by the API."""

ALL = {**RULES, **CONSOLE}


def calls(of: Iterable[Route]) -> set[Call]:
    """Without the HEAD that every GET brings along."""
    known = [(route.path, set(route.methods or ())) for route in of]
    return {
        (method, path) for path, methods in known for method in (methods - {"HEAD"} if "GET" in methods else methods)
    }


def unruled(of: Iterable[Route]) -> set[Call]:
    return calls(of) ^ set(ALL)


def test_every_route_has_a_rule_and_every_rule_a_route() -> None:
    assert unruled(routes()) == set()


def test_a_new_route_without_a_rule_fails() -> None:
    assert unruled([*routes(), for_everybody("GET", "/new", index_json)]) == {("GET", "/new")}
    assert unruled([*routes(), Route("/livez", index_json, methods=["DELETE"])]) == {("DELETE", "/livez")}


def test_every_route_is_built_from_the_table() -> None:
    assert all(isinstance(route, Entry) for route in routes())


@pytest.mark.parametrize("call", RULES, ids=" ".join)
def test_the_document_tells_the_rule(call: Call) -> None:
    rule, (method, path) = RULES[call], call
    operation = document(settings_with(), routes())["paths"][path][method.lower()]
    expected: list[dict[str, list[str]]] = [{"internal": []}] if rule.kind in ("service", "operator") else []
    if rule.scope:
        expected.append({"token": [rule.scope]})
    assert operation.get("security", []) == expected
    assert ("403" in operation["responses"]) == (rule.scope is not None)


async def headers_of(world: World, rule: Rule, caller: str) -> dict[str, str]:
    if caller in ("nobody", "service", "impostor"):
        secret = {"service": SECRET, "impostor": SECRET + "x"}.get(caller)
        return {} if secret is None else {"Authorization": f"Internal-Secret {secret}"}
    if caller == "unknown":
        return {"Authorization": f"Bearer {new_token()}"}
    if caller in ("alice", "bob", "moderator", "admin"):
        return dict(getattr(world, caller).headers)
    user = {"uploader": "alice", "moderator": "moderator", "admin": "admin"}[rule.role]
    scopes: Iterable[str] = ()
    if caller == "lacking":
        scopes = SCOPES_OF_ROLE[rule.role] - {rule.scope}
    elif caller == "only":
        # Whoever settles others' videos sees them by the same scope.
        scopes = [rule.scope or "fingerprint:read"]
    issued = await create_token(world.env.db, user=user, name=None, expires=None, scopes=scopes)
    if caller == "expired":
        past = timestamp(datetime.now(UTC) - timedelta(seconds=1))
        await world.run("UPDATE api_tokens SET expires_at = ?1 WHERE id = ?2", past, issued.id)
    if caller == "revoked":
        await revoke_token(world.env.db, issued.id)
    return {"Authorization": f"Bearer {issued.token}"}


async def ask(world: World, call: Call, video_id: str, headers: Mapping[str, str]) -> httpx.Response:
    (method, path), rule = call, ALL[call]
    options: dict[str, Any] = {"json": rule.json} if rule.json else {}
    if path in ("/api/upload", "/api/search"):
        options = {"files": {"video": ("a.mp4", mp4(seed=99), "video/mp4")}}
    elif path == "/api/compare":
        options = {"files": {name: ("a.mp4", mp4(seed=99), "video/mp4") for name in ("video", "reference")}}
    elif path == "/internal/retry":
        options = {"json": {"video_id": video_id}}
    elif path == "/internal/fingerprint-complete":
        options = {"json": callback(video_id)}
    elif path == "/sign-in" and method == "POST":
        options, headers = {"data": {"token": world.alice.token}}, {**headers, "Origin": ORIGIN}
    elif path in ("/videos/delete", "/dashboard/retry"):
        options = {"data": {"video_id": video_id}}
    elif call == ("POST", "/webhooks"):
        options = {"data": {"url": "https://example.org/hook"}}
    elif path == "/webhooks/{webhook_id}/delete":
        options = {"data": {"confirmed": "yes"}}
    elif path.startswith("/review/"):
        options = {"data": {"decision": "approve"}}
    if "{other_id}" in path:
        others = await world.rows("SELECT id FROM videos WHERE id <> ?1", video_id)
        path = path.replace("{other_id}", others[0]["id"] if others else OTHER)
    path = path.replace("{version}", "any").replace("{name}", "main.js")
    for name in ("{video_id}", "{upload_id}", "{search_id}"):
        path = path.replace(name, video_id)
    path = path.replace("{webhook_id}", WEBHOOK)
    return await world.client.request(method, path, headers={**rule.headers, **headers}, **options)


async def prepared(world: World, call: Call) -> str:
    """Alice's video, upload or search, in a state in which the call succeeds."""
    if "{upload_id}" in call[1]:
        created = await ask(world, ("POST", "/api/tus"), "", world.alice.headers)
        return created.headers["location"].rpartition("/")[2]
    if "{search_id}" in call[1]:
        asked = await ask(world, ("POST", "/api/search"), "", world.alice.headers)
        return str(asked.json()["search_id"])
    video_id = await world.uploaded(mp4(seed=1), world.alice)
    if "{video_id}" in call[1]:
        await world.decide(video_id, "flagged", reason="mirrored", similarity_score=0.9)
    if call[1].endswith("/undo"):
        await ask(world, ("POST", "/api/videos/{video_id}/review"), video_id, world.moderator.headers)
    if "{other_id}" in call[1]:
        await world.uploaded(mp4(seed=2), world.alice)
    if "{webhook_id}" in call[1]:
        at = timestamp()
        await world.run(
            "INSERT INTO webhook_targets VALUES (?1, 'https://a.example/', '[]', ?2, NULL, NULL)", WEBHOOK, at
        )
    return video_id


def allowed(callers: Iterable[str]) -> list[tuple[Call, str]]:
    return [(call, caller) for call, rule in ALL.items() for caller in callers if rule.answer(caller) == "ok"]


def refused(call: Call, callers: Iterable[str]) -> list[str]:
    return [caller for caller in callers if ALL[call].answer(caller) != "ok"]


@pytest.mark.parametrize(
    ("call", "caller"), allowed(CALLERS), ids=lambda each: each if isinstance(each, str) else " ".join(each)
)
async def test_matrix_of_those_who_may(world: World, call: Call, caller: str) -> None:
    rule = ALL[call]
    video_id = await prepared(world, call)
    answer = await ask(world, call, video_id, await headers_of(world, rule, caller))
    assert answer.status_code == rule.success, answer.text


@pytest.mark.parametrize("call", [call for call in ALL if refused(call, CALLERS)], ids=" ".join)
async def test_matrix_of_those_who_may_not(world: World, call: Call) -> None:
    """One after the other, for a refusal changes nothing."""
    rule = ALL[call]
    video_id = await prepared(world, call)
    callers = {caller: await headers_of(world, rule, caller) for caller in refused(call, CALLERS)}
    before = await state(world)
    for caller, headers in callers.items():
        answer, expected = await ask(world, call, video_id, headers), rule.answer(caller)
        assert answer.status_code == ERRORS[expected].status, caller
        # The answer to a HEAD has no body.
        assert call[0] == "HEAD" or answer.json()["code"] == expected, caller
        assert await state(world) == before, f"a refusal changes nothing: {caller}"


async def state(world: World) -> Any:
    tables = ["videos", "processing_jobs", "verdicts", "notifications", "audit_log", "catalogue"]
    tables += ["webhook_targets", "webhook_secrets", "tus_uploads", "searches", "reviews"]
    statements = [f"SELECT * FROM {table} ORDER BY id" for table in tables]
    statements += [f"SELECT * FROM {table}" for table in ("review_claims", "parted_pairs", "purges")]
    found = await world.env.db.batch([world.env.db.prepare(sql) for sql in statements])
    return [each.results for each in found], await world.keys(), len(world.jobs())


@pytest.mark.parametrize(
    "call", [call for call in ALL if "{video_id}" in call[1] or "{upload_id}" in call[1]], ids=" ".join
)
async def test_anothers_video_and_none_are_told_apart_by_nothing(world: World, call: Call) -> None:
    """By no token, whatever its scopes; one after the other, for none of them changes anything."""
    rule, video_id = ALL[call], await prepared(world, call)
    for scopes in [(), *((scope,) for scope in sorted(SCOPES_OF_ROLE["uploader"]))]:
        issued = await create_token(world.env.db, user="bob", name=None, expires=None, scopes=scopes)
        headers = {"Authorization": f"Bearer {issued.token}"}
        before = await state(world)
        theirs = await ask(world, call, video_id, headers)
        nobodys = await ask(world, call, "0" * 32, headers)
        assert await state(world) == before, scopes
        is_refused_unseen = scopes and rule.role == "uploader" and rule.scope not in scopes
        assert theirs.status_code == nobodys.status_code == (403 if is_refused_unseen else 404), scopes
        if call[0] == "HEAD":
            assert theirs.content == nobodys.content == b""
        else:
            assert {**theirs.json(), "request_id": ""} == {**nobodys.json(), "request_id": ""}, scopes
        changing = {"x-request-id", "content-length"}
        assert [(k, v) for k, v in theirs.headers.items() if k not in changing] == [
            (k, v) for k, v in nobodys.headers.items() if k not in changing
        ], scopes


SECRETS_OF_ALICE = ["alices-thumbnail", "alices-fingerprint", "alices.example", "4321987", "4242.5", "alices-request"]


async def copied(world: World, status: str) -> tuple[str, str]:
    """Alice's video, with marks in every column that is hers, and bob's, whose verdict refers to it."""
    original = await world.uploaded(mp4(seed=1), world.alice)
    await world.decide(
        original,
        "approved",
        thumbnail_key=thumbnail_key("alices-thumbnail", "videos/x"),
        fingerprint_id="alices-fingerprint",
        source_url="https://alices.example/secret?token=1",
        file_size=4321987,
        duration_seconds=4242.5,
        request_id="alices-request",
    )
    copy = await world.uploaded(ftyp() + moov(b"vide") + box(b"mdat", b"other" * 400), world.bob)
    kept = [{**MATCH.to_json(), "video_id": original, "r2_key": "alices-fingerprint", "uploader_email": "alice@"}]
    columns = {"similar_to": original} if status == "approved" else {"duplicate_of": original}
    await world.decide(
        copy,
        status,
        similarity_score=0.97,
        confidence="high" if status == "duplicate" else None,
        reason="mirrored" if status == "flagged" else None,
        matches=json.dumps(kept),
        **columns,
    )
    return original, copy


@pytest.mark.parametrize("status", ["approved", "duplicate", "flagged"])
async def test_a_verdict_tells_no_more_of_the_other_video_than_it_must(world: World, status: str) -> None:
    original, copy = await copied(world, status)
    (row,) = await world.rows("SELECT r2_key, content_sha256, verdict_id FROM videos WHERE id = ?1", original)
    shown = await world.video(copy, world.bob)
    told = [
        json.dumps(shown),
        (await world.get("/api/videos", world.bob)).text,
        (await world.get(f"/api/videos/{copy}/events", world.bob)).text,
    ]
    for text in told:
        assert not [mark for mark in (*SECRETS_OF_ALICE, *row.values(), "alice@") if str(mark) in text]
    if status == "duplicate":
        assert shown["original_video"].keys() == {"id", "uploaded_at", "uploader"}
        assert shown["original_video"]["id"] == shown["duplicate_of"] == original
        assert shown["original_video"]["uploader"] == "alice"
    assert [match["video_id"] for match in shown["matches"]] == [original]
    assert all(match.keys() == {*MATCH.to_json(), "matrix_url"} for match in shown["matches"])
    assert [match["matrix_url"] for match in shown["matches"]] == [None]
    assert (await world.get(f"/api/videos/{original}", world.bob)).status_code == 404


async def test_links_are_given_for_ones_own_video_only(world: World) -> None:
    original, copy = await copied(world, "duplicate")
    await world.run("UPDATE videos SET source_url = NULL")
    assert original in (await world.video(original, world.alice))["r2_url"]
    shown = await world.video(copy, world.bob)
    assert copy in shown["r2_url"]
    assert original not in shown["r2_url"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE api_tokens SET revoked_at = '2026-01-01T00:00:00.000000Z'",
        "UPDATE api_tokens SET expires_at = '2026-01-01T00:00:00.000000Z'",
        "UPDATE api_tokens SET scopes = 'fingerprint:write'",
        "DELETE FROM api_tokens",
    ],
)
async def test_a_stream_ends_with_its_token(env: Env, people: People, change: str) -> None:
    async with serving(settings_with(event_heartbeat_seconds=0.05, event_stream_seconds=20), env, people) as world:
        video_id = await world.uploaded(mp4(), world.alice)
        watching = asyncio.create_task(world.get(f"/api/videos/{video_id}/events", world.alice))
        await asyncio.sleep(0.2)
        assert not watching.done()
        await world.run(change)
        async with asyncio.timeout(60):
            answer = await watching
        assert answer.text.count("event: ") == 1
        assert ": still here" in answer.text


async def test_a_stream_tells_nothing_of_a_video_that_changed_hands(env: Env, people: People) -> None:
    async with serving(settings_with(event_stream_seconds=20), env, people) as world:
        video_id = await world.uploaded(mp4(), world.alice)
        watching = asyncio.create_task(world.get(f"/api/videos/{video_id}/events", world.alice))
        await asyncio.sleep(0.2)
        await world.run("UPDATE videos SET user_id = ?1", world.bob.id)
        async with asyncio.timeout(60):
            answer = await watching
        assert answer.text.rstrip().endswith('event: deleted\ndata: {"video_id":"' + video_id + '"}')


async def test_lists_hold_ones_own(world: World) -> None:
    mine = {await world.uploaded(mp4(seed=seed), world.bob) for seed in (1, 2)}
    theirs = await world.uploaded(mp4(seed=3), world.alice)
    listed = (await world.get("/api/videos?limit=100", world.bob)).json()
    assert ({video["video_id"] for video in listed["videos"]}, listed["total"]) == (mine, 2)
    assert theirs not in json.dumps(listed)


def test_the_matrix_walks_every_scope() -> None:
    assert {rule.scope for rule in RULES.values()} - {None} == set(SCOPES)
