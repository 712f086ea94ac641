"""Rate limits: what a token may ask and upload, what every answer says of it, and what happens without Redis."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import tomllib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import structlog
from structlog.testing import capture_logs

from edge_api.accounts import create_token
from edge_api.env import Env, open_env
from edge_api.limiting import SILENCE_SECONDS
from edge_api.settings import WORKER_FOLDER, configuration
from tests.edge_api.kit import SECRET, People, Person, World, mp4, serving, settings_with, with_binding
from wrangler_compat.errors import RateLimitError
from wrangler_compat.ratelimit.redis_window import open_redis_rate_limit
from wrangler_compat.testing import MemoryRateLimit


def limited(env: Env, *, requests: int = 100, uploads: int = 60, size: int = 10**9) -> Env:
    """Their clock stands still."""

    def now() -> int:
        return 1_763_750_000_123

    return dataclasses.replace(
        env,
        request_limiter=MemoryRateLimit(requests, now=now),
        upload_limiter=MemoryRateLimit(uploads, now=now),
        byte_limiter=MemoryRateLimit(size, now=now),
    )


ON = {"requests_per_minute": 1, "uploads_per_minute": 1, "upload_bytes_per_minute": 1}
"""The numbers are those of the limiters; that they are not 0 turns the limits on."""


async def test_the_hundred_and_first_request_is_told_to_wait(env: Env, people: People) -> None:
    async with serving(settings_with(**ON), limited(env), people) as world:
        answers = [await world.get("/api/videos") for _ in range(101)]
    assert {answer.status_code for answer in answers[:100]} == {200}
    refused = answers[100]
    assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
    assert 60 <= int(refused.headers["retry-after"]) == refused.json()["retry_after"] <= 61
    assert "100 requests in 60 seconds" in refused.json()["error"]


async def test_every_answer_says_what_is_left(env: Env, people: People) -> None:
    async with serving(settings_with(**ON), limited(env, requests=3), people) as world:
        answers = [await world.get("/api/videos/none") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [404, 404, 404, 429]
        for left, answer in zip([2, 1, 0, 0], answers, strict=True):
            assert fields(answer, "ratelimit-policy") == {"requests": {"q": 3, "w": 60}}
            assert fields(answer, "ratelimit") == {"requests": {"r": left, "t": 60}}


def fields(answer: httpx.Response, name: str) -> dict[str, dict[str, Any]]:
    """The members of a structured list (RFC 9651) of strings, with their parameters: whole numbers and strings."""
    found: dict[str, dict[str, Any]] = {}
    for member in answer.headers[name].split(", "):
        parts = re.fullmatch(r'"([a-z-]+)"((?:;[a-z]+=(?:\d{1,15}|"[a-z-]+"))+)', member)
        assert parts, member
        given = [part.split("=") for part in parts[2].removeprefix(";").split(";")]
        found[parts[1]] = {key: value.strip('"') if '"' in value else int(value) for key, value in given}
    return found


async def test_uploads_and_bytes_are_counted_apart(env: Env, people: People) -> None:
    async with serving(settings_with(**ON), limited(env, requests=1, uploads=2, size=100_000), people) as world:
        first = await world.upload(mp4(30_000, seed=1))
        assert first.status_code == 200
        assert fields(first, "ratelimit-policy") == {
            "uploads": {"q": 2, "w": 60},
            "upload-bytes": {"q": 100_000, "qu": "content-bytes", "w": 60},
        }
        assert 69_000 < fields(first, "ratelimit")["upload-bytes"]["r"] < 70_000
        too_much = await world.upload(mp4(75_000, seed=2))
        assert (too_much.status_code, too_much.json()["code"]) == (429, "RATE_LIMITED")
        assert "may upload 100000 bytes" in too_much.json()["error"]
        assert "may begin 2 uploads" in (await world.upload(mp4(100, seed=3))).json()["error"]
        assert len(await world.keys()) == 1
        assert (await world.get("/api/videos")).status_code == 200, "uploads did not use up the requests"


async def test_bytes_that_nobody_announced_are_counted_as_they_come(env: Env, people: People) -> None:
    data = mp4(18 * 1024 * 1024)
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
        for at in range(0, len(data), 65536):
            sent = at
            yield data[at : at + 65536]
        yield b"\r\n--x--\r\n"

    async with serving(settings_with(**ON), limited(env, size=8 * 1024 * 1024), people) as world:
        headers = {**world.alice.headers, "Content-Type": "multipart/form-data; boundary=x"}
        answer = await world.client.post("/api/upload", content=body(), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (429, "RATE_LIMITED")
        assert sent < 11 * 1024 * 1024
        assert await world.nothing_is_left()


async def test_each_token_has_its_own(env: Env, people: People) -> None:
    async with serving(settings_with(**ON), limited(env, requests=1), people) as world:
        second = await create_token(env.db, user="alice", name=None, expires=None)
        for person in (world.alice, world.bob, Person("", "alice", second.token)):
            assert (await world.get("/api/videos", person)).status_code == 200
            assert (await world.get("/api/videos", person)).status_code == 429


async def test_who_is_refused_is_counted_too(env: Env, people: People) -> None:
    async with serving(settings_with(**ON), limited(env, requests=2), people) as world:
        retry = [
            (await world.client.post("/internal/retry", json={}, headers=world.alice.headers)).status_code
            for _ in range(3)
        ]
    assert retry == [403, 403, 429]


async def test_services_and_open_routes_are_not_limited(env: Env, people: People) -> None:
    async with serving(settings_with(**ON), limited(env, requests=1), people) as world:
        internal = {"Authorization": f"Internal-Secret {SECRET}"}
        for _ in range(5):
            assert (await world.client.post("/internal/retry", json={}, headers=internal)).status_code == 400
            answer = await world.client.get("/livez")
            assert answer.status_code == 200
            assert "ratelimit" not in answer.headers


async def test_zero_is_no_limit(env: Env, people: People) -> None:
    async with serving(settings_with(), limited(env, requests=1), people) as world:
        answers = [await world.get("/api/videos") for _ in range(5)]
    assert {answer.status_code for answer in answers} == {200}
    assert "ratelimit" not in answers[0].headers


class Broken:
    def __init__(self) -> None:
        self.asked = 0

    async def limit(self, *, key: str, cost: int = 1) -> Any:
        self.asked += 1
        raise RateLimitError("Redis did not answer.", code="RATELIMIT_UNAVAILABLE", retryable=True)

    async def ping(self) -> None:
        return None


async def test_without_redis_everybody_passes_with_a_warning(env: Env, people: People) -> None:
    broken = Broken()
    served = serving(settings_with(**ON), with_binding(env, "request_limiter", broken), people)
    structlog.reset_defaults()
    with capture_logs() as logs:
        async with served as world:
            await _everybody_passes(world)
    assert broken.asked == 1, f"it is left alone for {SILENCE_SECONDS} s"
    assert [entry["log_level"] for entry in logs if entry["event"] == "rate limits not asked"] == ["warning"]


async def _everybody_passes(world: World) -> None:
    """And Prometheus hears of it once."""
    answers = [await world.get("/api/videos") for _ in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    assert "twinreel_rate_limit_failures_total 1.0" in (await world.client.get("/metrics")).text


async def test_a_redis_that_is_down_is_asked_once(env: Env, people: People) -> None:
    async with (
        open_redis_rate_limit("redis://127.0.0.1:9", "n", limit=1, period=60) as limiter,
        serving(settings_with(**ON), with_binding(env, "request_limiter", limiter), people) as world,
    ):
        await _everybody_passes(world)


async def test_several_gateways_share_one_count(env: Env, people: People, redis_url: str, unique_name: str) -> None:
    async with AsyncExitStack() as opened:
        worlds: list[World] = []
        for _ in range(3):
            limiter = await opened.enter_async_context(
                open_redis_rate_limit(redis_url, unique_name, limit=40, period=60)
            )
            patient = settings_with(**ON, binding_timeout_seconds=30.0)
            served = serving(patient, with_binding(env, "request_limiter", limiter), people)
            worlds.append(await opened.enter_async_context(served))
        statuses: list[int] = []
        for _ in range(10):
            answers = await asyncio.gather(*(world.get("/api/videos") for world in worlds for _ in range(2)))
            statuses += [answer.status_code for answer in answers]
    assert (statuses.count(200), statuses.count(429)) == (40, 20)


async def test_what_is_refused_is_counted_for_prometheus(env: Env, people: People) -> None:
    async with serving(settings_with(**ON), limited(env, requests=1), people) as world:
        for _ in range(3):
            await world.get("/api/videos")
        assert 'twinreel_rate_limited_total{policy="requests"} 2.0' in (await world.client.get("/metrics")).text


def test_the_declared_limits_are_the_defaults_of_the_settings() -> None:
    worker = tomllib.loads((WORKER_FOLDER / "wrangler.toml").read_text(encoding="utf-8"))
    declared = {entry["name"]: entry["simple"] for entry in worker["ratelimits"]}
    settings = configuration({}).settings
    assert {name: simple["limit"] for name, simple in declared.items()} == {
        "REQUEST_LIMITER": settings.requests_per_minute,
        "UPLOAD_LIMITER": settings.uploads_per_minute,
        "BYTE_LIMITER": settings.upload_bytes_per_minute,
        "SIGN_IN_LIMITER": settings.sign_ins_per_minute,
    }
    assert settings.requests_per_minute == 100
    assert {simple["period"] for simple in declared.values()} == {60}


def test_make_run_is_generous() -> None:
    given = tomllib.loads((WORKER_FOLDER / "wrangler.toml").read_text(encoding="utf-8"))["dev"]["vars"]
    settings = configuration({name: str(value) for name, value in given.items()}).settings
    # Four connections that do nothing else, on one machine, stay far below.
    assert min(settings.requests_per_minute, settings.uploads_per_minute) >= 600_000
    assert settings.upload_bytes_per_minute >= 60 * 10**9


async def test_the_environment_sets_the_limits_of_the_bindings(redis_url: str, tmp_path: Any) -> None:
    environ = {
        "REDIS_URL": redis_url,
        "DATABASE_URL": f"sqlite:///{tmp_path}/x.db",
        "R2_ENDPOINT": "http://127.0.0.1:9",
        "R2_ACCESS_KEY": "k",
        "R2_SECRET_KEY": "s",
        "REQUESTS_PER_MINUTE": "7",
        "UPLOADS_PER_MINUTE": "0",
    }
    async with open_env(configuration(environ))() as env:
        assert (await env.request_limiter.limit(key=str(tmp_path))).limit == 7
        assert (await env.upload_limiter.limit(key=str(tmp_path))).limit == 60
