"""Signing in and out: cookies, refusals, where one is sent, and how often one may try."""

from __future__ import annotations

import dataclasses
from http.cookies import SimpleCookie
from typing import Any

import pytest

from edge_api.accounts import create_token, revoke_token
from edge_api.console.sign_in import is_local
from edge_api.env import Env
from tests.edge_api.console.visits import HTML, ORIGIN, Markup, Visit, visit_by
from tests.edge_api.kit import People, World, serving, settings_with
from wrangler_compat.testing import MemoryRateLimit

FORM = {**HTML, "Origin": ORIGIN}


async def try_to(world: World, token: str, base: str = "", **fields: str) -> Any:
    world.client.cookies.clear()
    headers = {**FORM, "Origin": base or ORIGIN}
    return await world.client.post(f"{base}/sign-in", data={"token": token, **fields}, headers=headers)


async def test_the_cookie(world: World) -> None:
    answer = await try_to(world, f"  {world.alice.token}\n")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    (morsel,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert (morsel.key, morsel["path"], morsel["samesite"], morsel["domain"]) == ("twinreel", "/", "lax", "")
    assert (morsel["httponly"], morsel["secure"], morsel["max-age"]) == (True, "", "604800")
    (row,) = await world.rows("SELECT * FROM console_sessions")
    assert morsel.value not in row.values(), "D1 keeps its hash alone"
    assert world.alice.token not in row.values()


async def test_the_cookie_over_tls(world: World) -> None:
    answer = await try_to(world, world.alice.token, "https://twinreel.test")
    (morsel,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert (morsel.key, morsel["secure"], morsel["path"]) == ("__Host-twinreel", True, "/")
    plain = {**HTML, "Cookie": f"twinreel={morsel.value}"}
    world.client.cookies.clear()
    refused = await world.client.get("https://twinreel.test/me", headers=plain)
    assert refused.status_code == 303, "without the prefix it may have been set by another host"
    prefixed = {**HTML, "Cookie": f"__Host-twinreel={morsel.value}"}
    assert (await world.client.get("https://twinreel.test/me", headers=prefixed)).status_code == 200


@pytest.mark.parametrize("token", ["", "twr_wrong", "x" * 100_000, "nonsense\x00", "'; --"])
async def test_a_wrong_token(world: World, token: str) -> None:
    answer = await try_to(world, token)
    if len(token) > 64 * 1024:
        assert answer.status_code == 413
        return
    assert answer.status_code == 401
    assert "This token is unknown, expired or revoked" in answer.text
    assert "set-cookie" not in answer.headers
    assert not await world.rows("SELECT * FROM console_sessions")


async def test_a_revoked_token(world: World) -> None:
    issued = await create_token(world.env.db, user="alice", name=None, expires=None)
    await revoke_token(world.env.db, issued.id)
    assert (await try_to(world, issued.token)).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://twinreel.test.evil.example"},
        {"Origin": "http://twinreel.test:8080"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_no_other_site_signs_anybody_in(world: World, headers: dict[str, str]) -> None:
    answer = await world.client.post("/sign-in", data={"token": world.alice.token}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "CROSS_SITE")
    assert "set-cookie" not in answer.headers


async def test_one_comes_back_to_where_one_wanted_to_be(world: World) -> None:
    sent = await world.client.get("/videos?status=flagged&q=a", headers=HTML)
    assert sent.headers["location"] == "/sign-in?next=%2Fvideos%3Fstatus%3Dflagged%26q%3Da"
    page = Markup((await world.client.get(sent.headers["location"], headers=HTML)).text)
    (wanted,) = [field["value"] for field in page.named("input") if field.get("name") == "next"]
    assert wanted == "/videos?status=flagged&q=a"
    assert (await try_to(world, world.alice.token, next=wanted)).headers["location"] == wanted


ELSEWHERE = [
    *("https://evil.example", "//evil.example", "/\\evil.example", "\\/evil.example", "javascript:alert(1)"),
    *("/a\\b", "/a\nb", "/\t/evil.example", "videos", "", "/" + "x" * 600, "/é"),
]


@pytest.mark.parametrize("wanted", ELSEWHERE)
async def test_one_is_never_sent_elsewhere(world: World, alice: Visit, wanted: str) -> None:
    assert not is_local(wanted)
    assert (await try_to(world, world.alice.token, next=wanted)).headers["location"] == "/"
    world.client.cookies.clear()
    answer = await world.client.get("/sign-in", params={"next": wanted}, headers=alice.headers)
    assert answer.headers["location"] == "/videos"


def test_local_addresses() -> None:
    assert all(map(is_local, ["/", "/videos", "/videos/0a?b=c&d=%2F%2F#x"]))


async def test_signing_out(world: World, alice: Visit) -> None:
    answer = await alice.post("/sign-out", {})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?why=out")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert not await world.rows("SELECT * FROM console_sessions")
    again = await alice.get("/me")
    assert again.headers["location"] == "/sign-in?next=%2Fme&why=ended"
    assert "Your session has ended." in (await world.client.get(again.headers["location"], headers=HTML)).text


async def test_each_signs_out_for_themselves(world: World, alice: Visit, bob: Visit) -> None:
    await alice.post("/sign-out", {})
    assert (await bob.get("/me")).status_code == 200


CHANGES = [
    "UPDATE api_tokens SET revoked_at = '2026-01-01T00:00:00.000000Z'",
    "UPDATE api_tokens SET expires_at = '2026-01-01T00:00:00.000000Z'",
    "UPDATE console_sessions SET expires_at = '2026-01-01T00:00:00.000000Z'",
    "DELETE FROM api_tokens",
    "DELETE FROM console_sessions",
]


@pytest.mark.parametrize("change", CHANGES)
async def test_the_session_ends(world: World, alice: Visit, change: str) -> None:
    assert (await alice.get("/me")).status_code == 200
    await world.run(change)
    assert (await alice.get("/me")).headers["location"] == "/sign-in?next=%2Fme&why=ended"
    for method in ("GET", "DELETE"):
        refused = await world.client.request(method, f"/api/videos/{'0' * 32}", headers=alice.headers)
        assert (refused.status_code, refused.json()["code"]) == (401, "SESSION_ENDED")


async def test_less_scope_holds_at_once(world: World, alice: Visit) -> None:
    await world.run("UPDATE api_tokens SET scopes = 'fingerprint:write'")
    assert (await alice.get("/videos")).status_code == 403
    page = Markup((await alice.get("/upload")).text)
    assert [link["href"] for link in page.named("a") if link.get("aria-current")] == ["/upload"]
    assert "Library" not in page.text


async def test_sessions_that_ran_out_are_swept_away(world: World, alice: Visit, bob: Visit) -> None:
    await world.run("UPDATE console_sessions SET expires_at = '2026-01-01T00:00:00.000000Z'")
    await visit_by(world, world.alice)
    assert len(await world.rows("SELECT * FROM console_sessions")) == 1


async def test_a_cookie_beside_other_credentials_counts_for_nothing(world: World, alice: Visit) -> None:
    for given in ("Bearer twr_wrong", "Internal-Secret wrong", "Basic eA=="):
        answer = await world.client.get("/api/videos", headers={**alice.headers, "Authorization": given})
        assert answer.status_code == 401


@pytest.mark.parametrize("cookie", ["twinreel=", "twinreel=x", f"twinreel={'x' * 5000}", "twinreel=%00; a=b"])
async def test_cookies_that_are_none(world: World, cookie: str) -> None:
    answer = await world.client.get("/me", headers={**HTML, "Cookie": cookie})
    assert answer.status_code == 303


async def test_how_often_one_may_try(env: Env, people: People) -> None:
    limited = dataclasses.replace(env, sign_in_limiter=MemoryRateLimit(3))
    async with serving(settings_with(sign_ins_per_minute=3), limited, people) as world:
        assert [(await try_to(world, "twr_wrong")).status_code for _ in range(3)] == [401] * 3
        refused = await try_to(world, world.alice.token)
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 60
        assert "You may try to sign in 3 times in 60 seconds" in refused.text
        assert "set-cookie" not in refused.headers


async def test_what_the_start_is_for_whom(world: World, alice: Visit) -> None:
    for program in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}):
        answer = await world.client.get("/", headers=program)
        assert answer.json()["name"] == "Twinreel"
    signed_out = await world.client.get("/", headers=HTML)
    assert (signed_out.status_code, "Your token" in signed_out.text) == (200, True)
    assert "Accept" in signed_out.headers["vary"]
    assert (await alice.get("/")).headers["location"] == "/videos"
