"""What a worker keeps does not grow with the videos that it has decided.

Copies of a few originals, each with a sound of its own, leave the catalogue as it is; whatever there is one more of for
each of them stays for good.
"""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from consumer.assembly import Consumer
from tests.consumer.fingerprints import make_fingerprint
from tests.consumer.stores import with_real_stores
from tests.consumer.world import World
from tests.services import S3Server
from wrangler_compat.d1.types import D1Database, D1ExecResult, D1PreparedStatement, D1Result

_ORIGINALS = 3
_UPLOADS = 15
_ROUNDS = 3
"""In the first ones bounded caches are filled: the HTTP clients remember the last hundred addresses."""

_MOST_TIMERS = 200
"""A loop forgets cancelled timers when these are more than half, and more than a hundred, of all."""


@pytest.mark.slow
async def test_no_object_stays_for_each_upload(
    world: World, s3_server: S3Server, chroma_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tasks, answers, arrays, errors with their tracebacks: of no type are there as many more as there were uploads.

    pytest keeps what is logged, so nothing is.
    """
    world = await with_real_stores(world, s3_server, chroma_url, "memory")
    monkeypatch.setattr(logging.root, "disabled", True)
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)
    consumer = await world.consumer()
    before, after = Counter[type](), Counter[type]()
    for n in range(_ROUNDS):
        await _decide_copies(world, consumer, range(n * _UPLOADS, (n + 1) * _UPLOADS))
        before, after = after, await _objects()
    assert {kind: count - before[kind] for kind, count in after.items() if count - before[kind] >= _UPLOADS} == {}
    counts = await world.rows("SELECT status, COUNT(*) AS n FROM videos GROUP BY status ORDER BY status")
    assert [(row["status"], row["n"]) for row in counts] == [
        ("approved", _ORIGINALS),
        ("duplicate", _ROUNDS * _UPLOADS - _ORIGINALS),
    ]


async def test_every_upload_is_decided_by_the_same_statements(world: World) -> None:
    """The driver keeps the last statements compiled, by their text: what belongs to one video has to be bound to it."""
    told = Told(world.db)
    world = dataclasses.replace(world, env=dataclasses.replace(world.env, db=told))
    consumer = await world.consumer()
    await _decide_copies(world, consumer, range(2 * _ORIGINALS))
    known = set(told.texts)
    await _decide_copies(world, consumer, range(2 * _ORIGINALS, 4 * _ORIGINALS))
    assert told.texts - known == set()
    assert len(max(told.texts, key=len)) < 10_000


@dataclass
class Told:
    """A D1Database that remembers the text of each statement."""

    db: D1Database
    texts: set[str] = field(default_factory=set)

    def prepare(self, sql: str) -> D1PreparedStatement:
        self.texts.add(sql)
        return self.db.prepare(sql)

    async def batch(self, statements: Sequence[D1PreparedStatement]) -> list[D1Result]:
        return await self.db.batch(statements)

    async def exec(self, sql: str) -> D1ExecResult:
        return await self.db.exec(sql)

    async def ping(self) -> None:
        await self.db.ping()


async def _decide_copies(world: World, consumer: Consumer, which: range) -> None:
    """The first ones are the originals. The double of the processor forgets what it was asked."""
    fake = world.processor
    for n in which:
        terms = make_fingerprint(1000 + n).codes // 4 * 4
        await world.decided(consumer, fingerprint=dataclasses.replace(make_fingerprint(n % _ORIGINALS), codes=terms))
        for noted in (fake.videos, fake.asked, fake.merged, fake.request_ids):
            noted.clear()


async def _objects() -> Counter[type]:
    """How many there are of each type: all that the collector knows, and whatever these refer to. Without numbers, of
    which the answer itself is made."""
    loop = asyncio.get_running_loop()
    for _ in range(_MOST_TIMERS):
        loop.call_later(3600, gc.collect).cancel()
    await asyncio.sleep(0)
    gc.collect()
    objects = gc.get_objects()
    seen = set(map(id, objects))
    for each in objects:
        for held in gc.get_referents(each):
            if id(held) not in seen:
                seen.add(id(held))
                objects.append(held)
    return Counter(type(each) for each in objects if not isinstance(each, int | float))
