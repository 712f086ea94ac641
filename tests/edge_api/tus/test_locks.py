"""One request at a time writes to an upload; who has lost its lock writes nothing more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge_api.env import Env
from edge_api.errors import ApiError
from edge_api.keys import timestamp
from edge_api.settings import configuration
from edge_api.tus import queries
from edge_api.tus.locks import MARGIN, POLL_SECONDS, locked
from edge_api.tus.records import Ledger, read
from tests.edge_api.kit import PART, People, World, mp4, serving, settings_with, until, with_binding
from tests.edge_api.tus.kit import Tus, check_refused
from tests.edge_api.tus.test_protocol import check_stored
from wrangler_compat.errors import D1Error

LEASE = 1.6
"""Seconds. A process that stands still for two fifths of it loses its lock."""
SETTINGS = settings_with(tus_lock_seconds=LEASE)


@pytest.fixture
async def world(env: Env, people: People) -> AsyncIterator[World]:
    async with serving(SETTINGS, env, people) as served:
        yield served


class Slow:
    """A body of which the client sends a little now and then, until it is told to send the rest."""

    def __init__(self, data: bytes, sent: int, *, is_silent: bool = False) -> None:
        self.rest = asyncio.Event()
        self.begun = asyncio.Event()
        self._data, self._sent, self._is_silent = data, sent, is_silent

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._data[: self._sent]
        self.begun.set()
        while not self.rest.is_set():
            if not self._is_silent:
                yield self._data[self._sent : self._sent + 1]
                self._sent += 1
            await asyncio.sleep(0.02)
        yield self._data[self._sent :]


async def test_a_second_patch_is_refused_while_the_first_goes_on(world: World) -> None:
    tus, data = Tus(world), mp4(2 * PART)
    url, body = await tus.created(len(data)), Slow(data, PART)
    first = asyncio.create_task(tus.patch(url, 0, body))
    await body.begun.wait()
    async with asyncio.timeout(60):
        check_refused(await tus.patch(url, 0, data), "UPLOAD_LOCKED")
        check_refused(await tus.delete(url), "UPLOAD_LOCKED")
    body.rest.set()
    await check_stored(world, data, (await first).headers["x-video-id"])


async def test_a_silent_one_gives_way_and_keeps_what_it_had(world: World) -> None:
    tus, data = Tus(world), mp4(2 * PART)
    url, body = await tus.created(len(data)), Slow(data, PART + 7, is_silent=True)
    first = asyncio.create_task(tus.patch(url, 0, body))
    await body.begun.wait()
    second = await tus.patch(url, 0, data)
    check_refused(second, "OFFSET_MISMATCH")
    assert second.headers["upload-offset"] == str(PART + 7)
    check_refused(await first, "UPLOAD_LOCKED")
    await check_stored(world, data, (await tus.patch(url, PART + 7, data[PART + 7 :])).headers["x-video-id"])


async def test_the_lock_of_the_dead_is_taken_over(world: World) -> None:
    tus, data = Tus(world), mp4()
    url = await tus.created(len(data))
    ends = timestamp(datetime.now(UTC) + timedelta(seconds=LEASE))
    await world.run("UPDATE tus_uploads SET lock_owner = 'dead', lock_until = ?1", ends)
    assert (await tus.patch(url, 0, data)).status_code == 204
    assert timestamp() > ends, "not before its lease ran out"


class Refused:
    """A D1 that counts the attempts to lock, and does something after so many were refused."""

    def __init__(self, db: Any, many: int, then: Callable[[], Awaitable[None]]) -> None:
        self.attempts = 0
        self._db, self._many, self._then = db, many, then

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    def prepare(self, sql: str) -> Any:
        self.attempts += sql == queries.LOCK
        statement = self._db.prepare(sql)
        return _Followed(statement, self) if sql == queries.WANT_LOCK else statement

    async def was_refused(self) -> None:
        if self.attempts == self._many:
            await self._then()


class _Followed:
    """The statement that tells of a refused attempt."""

    def __init__(self, statement: Any, database: Refused) -> None:
        self._statement, self._database = statement, database

    def bind(self, *values: Any) -> _Followed:
        return _Followed(self._statement.bind(*values), self._database)

    async def run(self) -> Any:
        told = await self._statement.run()
        await self._database.was_refused()
        return told


async def test_the_lock_of_the_dead_is_taken_at_the_first_attempt_after_its_lease(env: Env, people: People) -> None:
    """A lease that is not renewed is no sign of life, however often one asks."""
    patient = settings_with(tus_lock_seconds=3600)
    async with serving(patient, env, people) as world:
        upload_id = (await Tus(world).created(100)).rpartition("/")[2]
        ends = timestamp(datetime.now(UTC) + timedelta(seconds=patient.tus_lock_seconds))
        await world.run("UPDATE tus_uploads SET lock_owner = 'dead', lock_until = ?1", ends)

        async def runs_out() -> None:
            await world.run("UPDATE tus_uploads SET lock_until = '2026-01-01T00:00:00.000000Z'")

        database = Refused(env.db, 5, runs_out)
        async with asyncio.timeout(300), locked(with_binding(env, "db", database), patient, upload_id) as lock:
            assert database.attempts == 6
            assert await world.rows("SELECT lock_owner FROM tus_uploads") == [{"lock_owner": lock.owner}]


async def test_a_killed_gateway_locks_for_ten_seconds_at_most(world: World) -> None:
    """Whatever the moment of its death: no lease is longer than the setting, and who waits asks five times a second."""
    assert configuration({}).settings.tus_lock_seconds + POLL_SECONDS < 10
    upload_id = (await Tus(world).created(100)).rpartition("/")[2]
    ends = set[str]()

    async def is_renewed() -> bool:
        (row,) = await world.rows("SELECT lock_until FROM tus_uploads")
        assert row["lock_until"] <= timestamp(datetime.now(UTC) + timedelta(seconds=LEASE))
        ends.add(row["lock_until"])
        return len(ends) == 4

    async with locked(world.env, SETTINGS, upload_id):
        await until(is_renewed)


async def test_who_lost_the_lock_writes_nothing_more(world: World) -> None:
    """Somebody has taken it over, as after a long pause of this process."""
    tus, data = Tus(world), mp4(3 * PART)
    url, body = await tus.created(len(data)), Slow(data, PART + 7)
    first = asyncio.create_task(tus.patch(url, 0, body))
    await body.begun.wait()
    await asyncio.sleep(LEASE)
    await world.run("UPDATE tus_uploads SET lock_owner = 'another', lock_until = '9999'")
    (before,) = await world.rows("SELECT * FROM tus_uploads")
    check_refused(await first, "UPLOAD_LOCKED")
    assert await world.rows("SELECT * FROM tus_uploads") == [before]
    assert await world.rows("SELECT * FROM videos") == []
    await world.run("UPDATE tus_uploads SET lock_owner = NULL")
    offset = await tus.offset(url)
    await check_stored(world, data, (await tus.patch(url, offset, data[offset:])).headers["x-video-id"])


async def test_every_write_of_the_loser_is_refused(world: World) -> None:
    upload_id = (await Tus(world).created(100)).rpartition("/")[2]
    upload = await read(world.env, SETTINGS, upload_id)
    loser = Ledger(world.env.db, upload_id, "loser", 1.0)
    await world.run("UPDATE tus_uploads SET lock_owner = 'winner'")
    before = await world.rows("SELECT * FROM tus_uploads")
    for write in (
        loser.advance(upload, 50, [], "uploads/x"),
        loser.begin_object(upload, "k", "video/mp4", "u"),
        loser.reset(),
        loser.give_up(),
        loser.remove(),
    ):
        with pytest.raises(ApiError, match="UPLOAD_LOCKED"):
            await write
    assert await world.rows("SELECT * FROM tus_uploads") == before


class Forgetful:
    """A D1 that does not answer a heartbeat."""

    def __init__(self, db: Any) -> None:
        self._db = db

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    async def batch(self, statements: Any) -> Any:
        raise D1Error("no answer", retryable=True)


async def test_a_lock_that_cannot_be_renewed_is_let_go_in_time(env: Env, people: People) -> None:
    """Before anybody else may have it, who goes by the row."""
    clock = asyncio.get_running_loop().time
    async with serving(SETTINGS, env, people) as world:
        upload_id = (await Tus(world).created(100)).rpartition("/")[2]
        broken = with_binding(env, "db", Forgetful(env.db))
        held, row_ends = LEASE * (1 - MARGIN), timestamp(datetime.now(UTC) + timedelta(seconds=LEASE))
        before = clock()

        async def hold() -> None:
            async with locked(broken, SETTINGS, upload_id) as lock:
                assert lock.ends_at is not None
                assert before + held <= lock.ends_at <= clock() + held
                assert await world.rows("SELECT 1 FROM tus_uploads WHERE lock_until >= ?1", row_ends)
                await asyncio.Event().wait()

        with pytest.raises(ApiError, match="UPLOAD_LOCKED"):
            await asyncio.wait_for(hold(), 300)


async def test_it_is_renewed_as_long_as_it_takes(world: World) -> None:
    upload_id = (await Tus(world).created(100)).rpartition("/")[2]
    async with locked(world.env, SETTINGS, upload_id):
        (first,) = await world.rows("SELECT lock_until FROM tus_uploads")

        async def is_renewed_beyond() -> bool:
            return bool(timestamp() > first["lock_until"])

        await until(is_renewed_beyond)
        with pytest.raises(ApiError, match="UPLOAD_LOCKED"):
            async with locked(world.env, SETTINGS, upload_id, waits=False):
                raise AssertionError("two have it")
    async with locked(world.env, SETTINGS, upload_id, waits=False):
        pass
    assert await world.rows("SELECT lock_owner, lock_until, lock_wanted_at FROM tus_uploads") == [
        {"lock_owner": None, "lock_until": None, "lock_wanted_at": None}
    ]


async def test_many_at_once_make_one_video(env: Env, people: People) -> None:
    data = mp4(PART + 100)
    async with serving(SETTINGS, env, people) as world, serving(SETTINGS, env, people) as other:
        url = await Tus(world).created(len(data))
        answers = await asyncio.gather(*(Tus(each).patch(url, 0, data) for each in (world, other) * 3))
        assert sorted({answer.status_code for answer in answers}) in ([204, 409], [204, 409, 423])
        assert [answer.status_code for answer in answers].count(204) == 1
        await check_stored(world, data, (await Tus(world).head(url)).headers["x-video-id"])
