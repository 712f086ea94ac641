"""How many uploads a token may have under way at once: who is refused, when a slot is free again, and without Redis."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.testing import capture_logs

from edge_api.accounts import create_token
from edge_api.env import Env, open_env
from edge_api.openapi import document
from edge_api.routes import api_routes
from edge_api.settings import WORKER_FOLDER, configuration
from edge_api.tus.headers import BODY_TYPE
from tests.edge_api.kit import People, Person, World, mp4, serving, settings_with, until, with_binding
from tests.edge_api.test_limiting import ON, fields, limited
from tests.edge_api.test_server import CLOSING, OPENING
from tests.edge_api.tus.kit import TUS, Tus
from wrangler_compat.errors import SlotsError
from wrangler_compat.slots.redis_leases import open_redis_slots
from wrangler_compat.testing import MemorySlots

AT_ONCE = settings_with(uploads_at_once_per_token=1)
"""That it is not 0 turns them on; how many there are is the binding's to know."""
MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}


def with_slots(env: Env, slots: Any) -> Env:
    return with_binding(env, "upload_slots", slots)


class Body:
    """A video whose first bytes are sent at once, the rest when it is told to go on; unread: nobody asked for any."""

    def __init__(self, data: bytes, *, is_form: bool = True) -> None:
        self.go_on, self.begun = asyncio.Event(), asyncio.Event()
        self.unread = True
        self._data = OPENING + data + CLOSING if is_form else data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.unread = False
        yield self._data[:100]
        yield b""  # Asked for when the first bytes have been taken.
        self.begun.set()
        await self.go_on.wait()
        yield self._data[100:]


Ask = Callable[[World, Person, Body], Coroutine[Any, Any, httpx.Response]]


async def upload(world: World, person: Person, body: Body) -> httpx.Response:
    return await world.client.post("/api/upload", content=body, headers=person.headers | MULTIPART)


async def search(world: World, person: Person, body: Body) -> httpx.Response:
    return await world.client.post("/api/search", content=body, headers=person.headers | MULTIPART)


async def compare(world: World, person: Person, body: Body) -> httpx.Response:
    return await world.client.post("/api/compare", content=body, headers=person.headers | MULTIPART)


async def patch(world: World, person: Person, body: Body) -> httpx.Response:
    tus = Tus(world, person)
    return await tus.patch(await tus.created(len(DATA)), 0, body)


async def creation(world: World, person: Person, body: Body) -> httpx.Response:
    sent = person.headers | TUS | {"Upload-Length": str(len(DATA)), "Content-Type": BODY_TYPE}
    return await world.client.post("/api/tus", content=body, headers=sent)


DATA = mp4(40_000)
WAYS: dict[str, Ask] = {
    "upload": upload,
    "search": search,
    "compare": compare,
    "patch": patch,
    "creation": creation,
}
ANSWERS = {"upload": 200, "search": 202, "compare": 400, "patch": 204, "creation": 201}
"""Two videos are wanted to be compared; a refusal gives the slot back too."""
every_way = pytest.mark.parametrize("way", WAYS)


def body_of(way: str, seed: int = 1) -> Body:
    return Body(mp4(len(DATA), seed=seed), is_form=way not in ("patch", "creation"))


@asynccontextmanager
async def under_way(
    world: World, way: str, person: Person, seed: int = 1
) -> AsyncIterator[asyncio.Task[httpx.Response]]:
    """An upload of which the first bytes have been read; it ends with the block."""
    body = body_of(way, seed)
    answer = asyncio.create_task(WAYS[way](world, person, body))
    try:
        await body.begun.wait()
        yield answer
    finally:
        body.go_on.set()
        await answer


def check_refused(answer: httpx.Response, many: str) -> None:
    told = answer.json()
    assert (answer.status_code, told["code"]) == (429, "TOO_MANY_UPLOADS"), told
    assert int(answer.headers["retry-after"]) == told["retry_after"] >= 1
    assert f"may have {many} under way at once" in told["error"]
    assert "when another has ended" in told["error"]


@every_way
async def test_one_too_many_is_refused_before_its_body_is_read(env: Env, people: People, way: str) -> None:
    slots = MemorySlots(2)
    async with (
        serving(AT_ONCE, with_slots(env, slots), people) as world,
        under_way(world, "upload", world.alice, 2),
        under_way(world, "patch", world.alice, 3),
    ):
        before = await world.rows("SELECT id FROM tus_uploads")
        body = body_of(way)
        body.go_on.set()
        check_refused(await WAYS[way](world, world.alice, body), "2 uploads")
        assert body.unread
        assert len(slots.holders(only_key(slots))) == 2
        if way == "creation":
            assert await world.rows("SELECT id FROM tus_uploads") == before, "nothing was begun"
        assert 'twinreel_rate_limited_total{policy="uploads-at-once"} 1.0' in (await world.client.get("/metrics")).text


def only_key(slots: MemorySlots) -> str:
    """The one token that has any."""
    (key,) = slots.keys()
    return key


@every_way
async def test_each_way_holds_a_slot_until_it_is_answered(env: Env, people: People, way: str) -> None:
    slots = MemorySlots(1)
    async with serving(AT_ONCE, with_slots(env, slots), people) as world:
        async with under_way(world, way, world.alice, 2) as answer:
            check_refused(await world.upload(DATA), "1 upload")
        assert (await answer).status_code == ANSWERS[way]
        assert not slots.keys()
        assert (await world.upload(DATA)).status_code == 200, "and is given back before the answer"


async def test_one_after_another_are_never_too_many(env: Env, people: People) -> None:
    """Four clients, each of which sends the next video as soon as it has its answer."""
    async with serving(AT_ONCE, with_slots(env, MemorySlots(4)), people) as world:

        async def client(number: int) -> list[int]:
            return [(await world.upload(mp4(3000, seed=10 * number + at))).status_code for at in range(10)]

        answers = await asyncio.gather(*(client(number) for number in range(4)))
    assert {status for statuses in answers for status in statuses} == {200}


async def test_each_token_has_its_own(env: Env, people: People) -> None:
    second = Person("", "alice", (await create_token(env.db, user="alice", name=None, expires=None)).token)
    async with (
        serving(AT_ONCE, with_slots(env, MemorySlots(1)), people) as world,
        under_way(world, "upload", world.alice),
        under_way(world, "upload", second, 2),
    ):
        check_refused(await world.upload(DATA, second), "1 upload")
        assert (await world.upload(mp4(seed=3), world.bob)).status_code == 200


async def test_what_brings_no_video_needs_none(env: Env, people: People) -> None:
    async with (
        serving(AT_ONCE, with_slots(env, MemorySlots(1)), people) as world,
        under_way(world, "upload", world.alice),
    ):
        tus = Tus(world)
        url = await tus.created(100)
        assert await tus.offset(url) == 0
        assert (await tus.delete(url)).status_code == 204
        body, headers = {"video_url": "https://videos.example.org/a.mp4"}, world.alice.headers
        for path in ("/api/search", "/api/fingerprints"):
            assert (await world.client.post(path, json=body, headers=headers)).status_code == 202
        assert (await world.client.post("/api/upload", json={}, headers=headers)).status_code == 415


async def test_who_waits_for_a_slot_uses_up_nothing_else(env: Env, people: People) -> None:
    settings = settings_with(**ON, uploads_at_once_per_token=1)
    granted = with_slots(limited(env, uploads=2, size=100_000), MemorySlots(1))
    async with serving(settings, granted, people) as world:
        async with under_way(world, "upload", world.alice):
            for _ in range(5):
                check_refused(await world.upload(DATA), "1 upload")
        assert (await world.upload(mp4(seed=2))).status_code == 200
        assert (await world.upload(mp4(seed=3))).json()["code"] == "RATE_LIMITED"


async def test_every_answer_says_what_is_left(env: Env, people: People) -> None:
    settings = settings_with(uploads_per_minute=1, uploads_at_once_per_token=1)
    granted = with_slots(limited(env, uploads=9), MemorySlots(2))
    async with serving(settings, granted, people) as world, under_way(world, "upload", world.alice):
        answer = await world.upload(mp4(seed=2))
    assert fields(answer, "ratelimit-policy") == {
        "uploads-at-once": {"q": 2, "qu": "concurrent-requests"},
        "uploads": {"q": 9, "w": 60},
    }
    assert fields(answer, "ratelimit") == {"uploads-at-once": {"r": 0}, "uploads": {"r": 7, "t": 60}}


async def test_zero_is_no_limit(env: Env, people: People) -> None:
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(serving(settings_with(), with_slots(env, MemorySlots(1)), people))
        for seed in range(5):
            await stack.enter_async_context(under_way(world, "upload", world.alice, seed))
        answer = await world.upload(mp4(seed=9))
    assert answer.status_code == 200
    assert "ratelimit" not in answer.headers


async def test_refusals_give_the_slot_back(env: Env, people: People) -> None:
    slots = MemorySlots(1)
    async with serving(AT_ONCE, with_slots(env, slots), people) as world:
        for data in (b"no video at all", b""):
            assert (await world.upload(data)).status_code == 400
            assert not slots.keys()


def hung_up(app: ASGIApp) -> ASGIApp:
    """The client is gone when the first bytes of a body have been read."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        count = 0

        async def receive_some() -> Message:
            nonlocal count
            count += 1
            return await receive() if count == 1 else {"type": "http.disconnect"}

        await app(scope, receive_some, send)

    return wrapped


@every_way
async def test_who_hangs_up_gives_the_slot_back(env: Env, people: People, way: str) -> None:
    slots = MemorySlots(1)
    async with serving(AT_ONCE, with_slots(env, slots), people, dressed=hung_up) as world:
        for _ in range(2):
            body = body_of(way)
            assert (await WAYS[way](world, world.alice, body)).json()["code"] == "UPLOAD_INCOMPLETE"
            assert not body.unread
            assert not slots.keys()


@every_way
async def test_who_is_cut_off_gives_the_slot_back(env: Env, people: People, way: str) -> None:
    """The gateway stops and its grace is over."""
    slots = MemorySlots(1)
    async with (
        serving(AT_ONCE, with_slots(env, slots), people) as world,
        under_way(world, way, world.alice) as answer,
    ):
        answer.cancel()
        assert (await answer).json()["code"] == "UNAVAILABLE"
        assert not slots.keys()


class Short(MemorySlots):
    """Its clock stands still, its leases are renewed all the time. keep() does as it is told."""

    def __init__(self, failure: Exception | None = None) -> None:
        super().__init__(1, now=lambda: 0)
        self.kept, self.failure = 0, failure

    @property
    def lease_seconds(self) -> Any:
        return 0.03

    async def keep(self, *, key: str, holder: str) -> None:
        assert self.failure or self.holders(key) == {holder}
        self.kept += 1
        if self.failure is not None:
            raise self.failure


async def test_it_is_renewed_as_long_as_the_upload_goes_on(env: Env, people: People) -> None:
    slots = Short()
    async with serving(AT_ONCE, with_slots(env, slots), people) as world:
        async with under_way(world, "upload", world.alice) as answer:

            async def is_kept() -> bool:
                return slots.kept >= 3

            await until(is_kept)
        assert (await answer).status_code == 200
        assert not slots.keys()


UNAVAILABLE = SlotsError("Redis did not answer.", code="SLOTS_UNAVAILABLE", retryable=True)


async def test_a_redis_that_goes_away_stops_no_upload(env: Env, people: People) -> None:
    slots = Short(UNAVAILABLE)
    async with serving(AT_ONCE, with_slots(env, slots), people) as world:
        async with under_way(world, "upload", world.alice) as answer:

            async def was_asked() -> bool:
                return slots.kept > 0

            await until(was_asked)
            assert (await world.upload(mp4(seed=2))).status_code == 200, "nor the next"
        assert (await answer).status_code == 200


class Broken(MemorySlots):
    async def take(self, *, key: str, holder: str) -> Any:
        raise UNAVAILABLE


async def test_without_redis_everybody_passes_with_a_warning(env: Env, people: People) -> None:
    structlog.reset_defaults()
    with capture_logs() as logs:
        async with serving(AT_ONCE, with_slots(env, Broken()), people) as world:
            async with under_way(world, "upload", world.alice):
                assert (await world.upload(mp4(seed=2))).status_code == 200
            assert "twinreel_rate_limit_failures_total 1.0" in (await world.client.get("/metrics")).text
    assert [entry["log_level"] for entry in logs if entry["event"] == "rate limits not asked"] == ["warning"]


async def test_who_began_without_redis_is_counted_when_it_is_back(env: Env, people: People) -> None:
    """The upload keeps what it has not, and so has it."""
    slots = MemorySlots(1)

    class Late(Short):
        async def take(self, *, key: str, holder: str) -> Any:
            return await slots.take(key=key, holder=holder)

        async def keep(self, *, key: str, holder: str) -> None:
            self.kept += 1
            await slots.keep(key=key, holder=holder)

    late = Late()
    async with serving(AT_ONCE, with_slots(env, late), people) as world, under_way(world, "upload", world.alice):
        key = only_key(slots)
        (holder,) = slots.holders(key)
        await slots.give_back(key=key, holder=holder)

        async def is_back() -> bool:
            return slots.holders(key) == {holder}

        await until(is_back)


async def test_several_gateways_share_one_count(env: Env, people: People, redis_url: str, unique_name: str) -> None:
    async with AsyncExitStack() as stack:
        worlds: list[World] = []
        for _ in range(2):
            slots = await stack.enter_async_context(
                open_redis_slots(redis_url, unique_name, limit=2, lease=600, timeout_seconds=300)
            )
            worlds.append(await stack.enter_async_context(serving(AT_ONCE, with_slots(env, slots), people)))
        one, other = worlds
        async with under_way(one, "upload", one.alice):
            async with under_way(other, "patch", one.alice, 2):
                for world in worlds:
                    check_refused(await world.upload(DATA), "2 uploads")
            assert (await one.upload(mp4(seed=3))).status_code == 200
        assert not await slots._redis.keys(f"slots:{unique_name}:*")


def test_every_route_that_takes_a_video_takes_a_slot() -> None:
    entries = api_routes()
    told = document(settings_with(), entries)["paths"]
    streamed = {"multipart/form-data", BODY_TYPE}
    for entry in entries:
        for method in entry.told_methods:
            operation = told[entry.path][method.lower()]
            takes_video = bool(streamed & set(operation.get("requestBody", {}).get("content", {})))
            assert entry.access.takes_slot == takes_video, f"{method} {entry.path}"
            assert ("TOO_MANY_UPLOADS" in operation["responses"].get("429", {}).get("description", "")) == takes_video


def test_the_declared_slots_are_the_default_of_the_setting() -> None:
    worker = tomllib.loads((WORKER_FOLDER / "wrangler.toml").read_text(encoding="utf-8"))
    (declared,) = worker["slots"]
    settings = configuration({}).settings
    assert declared["limit"] == settings.uploads_at_once_per_token == 8
    assert settings.uploads_at_once_per_token < settings.uploads_at_once, "one token does not take every turn"


def test_make_run_is_generous() -> None:
    given = tomllib.loads((WORKER_FOLDER / "wrangler.toml").read_text(encoding="utf-8"))["dev"]["vars"]
    settings = configuration({name: str(value) for name, value in given.items()}).settings
    assert settings.uploads_at_once_per_token >= settings.max_connections


@pytest.mark.parametrize(("given", "limit"), [("3", 3), ("0", 8)])
async def test_the_environment_sets_how_many(redis_url: str, tmp_path: Any, given: str, limit: int) -> None:
    environ = {
        "REDIS_URL": redis_url,
        "DATABASE_URL": f"sqlite:///{tmp_path}/x.db",
        "R2_ENDPOINT": "http://127.0.0.1:9",
        "R2_ACCESS_KEY": "k",
        "R2_SECRET_KEY": "s",
        "UPLOADS_AT_ONCE_PER_TOKEN": given,
    }
    async with open_env(configuration(environ))() as env:
        assert (await env.upload_slots.take(key=str(tmp_path), holder="h")).limit == limit
