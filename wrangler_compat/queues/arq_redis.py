"""The producer's side over Redis: messages are arq jobs, named by a queue; dead letters are kept beside them.

The consumer's side is arq_worker.py, in arq's own process. Keys in Redis, besides arq's own (arq:job:ID,
arq:in-progress:ID, arq:retry:ID): queue:NAME (a sorted set of message ids by due time in ms), queue:NAME:dead (dead
letter ids by time, under the name of the queue they came from and of the one they went to), queue-dead-letters (a hash,
id to letter) and queue-names (a set).
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix, job_key_prefix
from arq.jobs import serialize_job
from redis.exceptions import AuthenticationError, AuthorizationError, OutOfMemoryError, RedisError, ResponseError

from wrangler_compat.errors import QueueError
from wrangler_compat.queues import limits
from wrangler_compat.queues.checks import check_batch, check_delay, check_name
from wrangler_compat.queues.delivery import DeadLetter
from wrangler_compat.queues.types import QueueInfo, QueueSendRequest

TIMEOUT_SECONDS = 5.0
DELIVER = "deliver"
_LETTERS = "queue-dead-letters"
_NAMES = "queue-names"
# Deliveries under way stay in the sorted set; they are told apart from ready messages among so many, the oldest.
_IN_PROGRESS_SAMPLE = 1000


def to_json(value: Any) -> bytes:
    """arq's serializer. A body was checked before; what arq adds of its own (exceptions) is kept as text."""
    return json.dumps(value, separators=(",", ":"), default=repr).encode()


def from_json(data: bytes) -> Any:
    return json.loads(data)


def queue_key(name: str) -> str:
    return f"queue:{name}"


def dead_key(name: str) -> str:
    return f"queue:{name}:dead"


def now_ms() -> int:
    return int(time.time() * 1000)


def connect(redis_url: str, **options: Any) -> ArqRedis:
    """A client that connects with its first command."""
    client: ArqRedis = ArqRedis.from_url(
        redis_url, socket_connect_timeout=TIMEOUT_SECONDS, socket_timeout=TIMEOUT_SECONDS, **options
    )
    client.job_serializer, client.job_deserializer = to_json, from_json
    return client


@asynccontextmanager
async def answering(doing: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> AsyncIterator[None]:
    """Within: Redis has so long to answer, and what it raises becomes a QueueError."""
    try:
        async with asyncio.timeout(timeout_seconds):
            yield
    except (AuthenticationError, AuthorizationError) as error:
        raise QueueError(f"Redis refused the login while {doing}: {error}.", code="QUEUE_FORBIDDEN") from error
    except OutOfMemoryError as error:
        raise QueueError(f"Redis is full while {doing}: {error}.", code="QUEUE_STORAGE_FULL", retryable=True) from error
    except ResponseError as error:
        raise QueueError(f"Redis refused {doing}: {error}.", code="QUEUE_REFUSED") from error
    except (RedisError, OSError, TimeoutError) as error:
        raise QueueError(
            f"Redis did not answer while {doing}: {error or type(error).__name__}.",
            code="QUEUE_UNAVAILABLE",
            retryable=True,
        ) from error


class ArqQueue:
    """A Queue, and (ours) its dead letters. Open it with open_arq_queue()."""

    def __init__(self, redis: ArqRedis, name: str, delivery_delay: float | None) -> None:
        check_name(name)
        self.name = name
        # redis-py types its commands for the sync and the async client at once; neither can be awaited.
        self._redis: Any = redis
        self._delivery_delay = delivery_delay

    async def send(self, body: Any, *, delay_seconds: float | None = None) -> None:
        await self.send_batch([QueueSendRequest(body, delay_seconds)])

    async def send_batch(self, messages: Sequence[QueueSendRequest]) -> None:
        """All in one transaction."""
        check_batch(messages)
        async with answering(f"sending to {self.name}"), self._redis.pipeline(transaction=True) as pipe:
            pipe.sadd(_NAMES, self.name)
            for message in messages:
                delay = self._delivery_delay if message.delay_seconds is None else message.delay_seconds
                _enqueue(pipe, self.name, message.body, check_delay(delay))
            await pipe.execute()

    async def create(self) -> None:
        """Make the queue known to names(); sending to it does so too."""
        async with answering(f"creating {self.name}"):
            await self._redis.sadd(_NAMES, self.name)

    async def info(self) -> QueueInfo:
        async with answering(f"asking about {self.name}"):
            due, now = queue_key(self.name), now_ms()
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.zcard(due)
                pipe.zcount(due, "-inf", now)
                pipe.zcard(dead_key(self.name))
                pipe.zrangebyscore(due, "-inf", now, start=0, num=_IN_PROGRESS_SAMPLE)
                total, ready, dead, ids = await pipe.execute()
            claims = await self._redis.mget([in_progress_key_prefix + id.decode() for id in ids]) if ids else []
            in_progress = sum(claim is not None for claim in claims)
        return QueueInfo(self.name, ready=ready - in_progress, delayed=total - ready, dead_letters=dead)

    async def ping(self) -> None:
        async with answering("answering a ping"):
            await self._redis.ping()

    async def dead_letters(self, *, limit: int = 100) -> list[DeadLetter]:
        """Those that came from this queue, or went to it as a dead-letter queue; oldest first."""
        async with answering(f"listing dead letters of {self.name}"):
            ids = await self._redis.zrange(dead_key(self.name), 0, limit - 1)
            texts = await self._redis.hmget(_LETTERS, [id.decode() for id in ids]) if ids else []
        return [DeadLetter(**json.loads(text)) for text in texts if text is not None]

    async def resend_dead_letters(self, *, limit: int = 100) -> list[str]:
        """Send the oldest ones again, to the queues they came from, with attempts counted anew; their old ids."""
        letters = await self.dead_letters(limit=limit)
        async with answering(f"sending dead letters of {self.name}"), self._redis.pipeline(transaction=True) as pipe:
            for letter in letters:
                _enqueue(pipe, letter.queue, letter.body, 0.0)
                _forget(pipe, letter)
            await pipe.execute()
        return [letter.id for letter in letters]

    async def purge_dead_letters(self, *, limit: int = 100) -> list[str]:
        """Forget the oldest ones; their ids."""
        letters = await self.dead_letters(limit=limit)
        async with answering(f"purging dead letters of {self.name}"), self._redis.pipeline(transaction=True) as pipe:
            for letter in letters:
                _forget(pipe, letter)
            await pipe.execute()
        return [letter.id for letter in letters]

    async def names(self) -> list[str]:
        """Every queue of this Redis that was created or sent to."""
        async with answering("listing queues"):
            return sorted(name.decode() for name in await self._redis.smembers(_NAMES))


async def bury(redis: ArqRedis, letter: DeadLetter) -> None:
    """Keep a dead letter. A second time changes nothing."""
    async with answering(f"writing a dead letter of {letter.queue}"), redis.pipeline(transaction=True) as pipe:
        pipe.hset(_LETTERS, letter.id, to_json(dataclasses.asdict(letter)).decode())
        for name in (letter.queue, letter.dead_letter_queue):
            pipe.zadd(dead_key(name), {letter.id: now_ms()}, nx=True)
        await pipe.execute()


@asynccontextmanager
async def open_arq_queue(
    redis_url: str, queue_name: str, *, delivery_delay: float | None = None
) -> AsyncIterator[ArqQueue]:
    """delivery_delay: seconds, for messages sent without a delay of their own."""
    redis = connect(redis_url)
    try:
        yield ArqQueue(redis, queue_name, delivery_delay)
    finally:
        await redis.aclose()


def _enqueue(pipe: Any, queue: str, body: Any, delay_seconds: float) -> None:
    # As arq's enqueue_job(), without its look whether the id is taken: these are new.
    id, now, delay_ms = uuid.uuid4().hex, now_ms(), int(delay_seconds * 1000)
    job = serialize_job(DELIVER, (body,), {}, None, now, serializer=to_json)
    pipe.psetex(job_key_prefix + id, delay_ms + limits.RETENTION_SECONDS * 1000, job)
    pipe.zadd(queue_key(queue), {id: now + delay_ms})


def _forget(pipe: Any, letter: DeadLetter) -> None:
    pipe.hdel(_LETTERS, letter.id)
    pipe.zrem(dead_key(letter.queue), letter.id)
    pipe.zrem(dead_key(letter.dead_letter_queue), letter.id)
