"""The consumer's side in arq's own process: `arq consumer.worker.WorkerSettings` serves several queues by priority.

arq serves one queue a Worker, without priorities, and dies with the first lost connection. So the Worker that the
command line starts is only the front: it owns the signals and the health key, and polls a control queue that stays
empty. Its on_startup starts a Dispatcher, which takes messages from the queues in strict order into a shared number of
slots, and hands each to an arq Worker of its queue (job format, tries, records). If the Dispatcher ends by itself, the
process ends with an error.

A message being delivered carries a claim (arq's in-progress key) of CLAIM_SECONDS that is renewed while its handler
runs, so a killed process's messages come back within that time, however long a handler may take.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import unquote

from arq.connections import ArqRedis, RedisSettings
from arq.constants import in_progress_key_prefix, retry_key_prefix
from arq.worker import Function, Worker, func
from arq.worker import Retry as ArqRetry
from redis.asyncio.retry import Retry as RedisRetry
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from wrangler_compat.errors import ConfigError, QueueError
from wrangler_compat.queues import limits
from wrangler_compat.queues.arq_redis import DELIVER, bury, connect, from_json, now_ms, queue_key, to_json
from wrangler_compat.queues.checks import check_name
from wrangler_compat.queues.delivery import Batch, Dead, DeadLetter, Delivery, Retry, is_exhausted
from wrangler_compat.queues.types import QueueHandler
from wrangler_compat.wrangler_toml import QueueConsumerConfig

Hook = Callable[[dict[str, Any]], Awaitable[None]]

# arq makes the claim itself 10 s long when the job has no time limit of its own.
CLAIM_SECONDS = 10
CLAIM_RENEWAL_SECONDS = 3
# `arq --check` believes in a worker for so long (and a second) after its last sign of life.
HEALTH_INTERVAL_SECONDS = 3
OUTAGE_PAUSE_SECONDS = 0.5
# An hour: a worker that ended would only be started again into the same outage.
OUTAGE_RETRIES = 7200
_PAGE = 100
_DISPATCHER = "wrangler_compat.dispatcher"
_LOST: list[type[Exception]] = [RedisConnectionError, RedisTimeoutError, OSError]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ArqSettings:
    """The attributes of a WorkerSettings class. arq reads the class's own __dict__: name each one there."""

    functions: Sequence[Function]
    queue_name: str
    redis_settings: RedisSettings
    on_startup: Hook
    on_shutdown: Hook
    poll_delay: float
    keep_result: float
    health_check_interval: float
    job_serializer: Callable[[dict[str, Any]], bytes]
    job_deserializer: Callable[[bytes], dict[str, Any]]


def worker_settings(
    consumers: Sequence[QueueConsumerConfig],
    handler: QueueHandler,
    redis_url: str,
    *,
    on_startup: Hook | None = None,
    on_shutdown: Hook | None = None,
    max_concurrency: int = 10,
    job_timeout_seconds: float = 900,
    shutdown_grace_seconds: float = 20,
    poll_delay_seconds: float = 0.2,
) -> ArqSettings:
    """Settings that make arq deliver the queues' messages to the handler, the first queue before the second...

    max_concurrency: messages in delivery at once, over all queues; a consumer's own max_concurrency holds besides.
    on_startup runs before the first message, on_shutdown after the last. Raises ConfigError.
    """
    _check_consumers(consumers, max_concurrency)

    async def start(context: dict[str, Any]) -> None:
        # `arq --check` uses the same settings, and must not be patient.
        context["redis"].set_retry(_patience())
        if on_startup is not None:
            await on_startup(context)
        dispatcher = Dispatcher(
            consumers,
            handler,
            redis_url,
            max_concurrency=max_concurrency,
            job_timeout_seconds=job_timeout_seconds,
            poll_delay_seconds=poll_delay_seconds,
        )
        context[_DISPATCHER] = dispatcher
        dispatcher.start(on_death=lambda: signal.raise_signal(signal.SIGTERM))

    async def stop(context: dict[str, Any]) -> None:
        try:
            if _DISPATCHER in context:
                await context[_DISPATCHER].stop(grace_seconds=shutdown_grace_seconds)
        finally:
            if on_shutdown is not None:
                await on_shutdown(context)

    return ArqSettings(
        functions=[func(_nothing, name="nothing")],
        queue_name=queue_key(f"{consumers[0].queue}:control"),
        redis_settings=_redis_settings(redis_url),
        on_startup=start,
        on_shutdown=stop,
        poll_delay=0.5,
        keep_result=0,
        health_check_interval=HEALTH_INTERVAL_SECONDS,
        job_serializer=to_json,
        job_deserializer=from_json,
    )


def check_worker_settings(cls: type[Any]) -> None:
    """Refuse a WorkerSettings class that arq would read differently than it looks. Raises ConfigError.

    arq passes over inherited attributes, misspelt ones and those it does not know, without a word.
    """
    own = {name for name in vars(cls) if not name.startswith("_")}
    needed = {field.name for field in dataclasses.fields(ArqSettings)}
    inherited = {name for base in cls.__mro__[1:-1] for name in vars(base) if not name.startswith("_")}
    if missing := sorted(needed - own):
        where = " (inherited ones do not count)" if inherited & set(missing) else ""
        raise ConfigError(f"{cls.__name__} needs attributes of its own{where}: {', '.join(missing)}.")
    known = set(Worker.__init__.__annotations__)
    if unknown := sorted((own | inherited) - known):
        raise ConfigError(f"{cls.__name__} has attributes that arq does not know: {', '.join(unknown)}.")
    if ignored := sorted(inherited - own):
        raise ConfigError(f"{cls.__name__} inherits attributes, and arq ignores them: {', '.join(ignored)}.")


class _Lane:
    """One queue: its consumer's configuration, the arq Worker that keeps its jobs' records, the deliveries running."""

    def __init__(
        self, consumer: QueueConsumerConfig, handler: QueueHandler, redis: ArqRedis, job_timeout_seconds: float
    ) -> None:
        self.consumer = consumer
        self.key = queue_key(consumer.queue)
        self.running: dict[str, asyncio.Task[None]] = {}
        self._handler = handler
        self._redis = redis
        self._timeout_seconds = job_timeout_seconds
        self._random = random.Random()
        self._worker = Worker(
            # No time limit of arq's: it would make the claim as long. Tries are counted here.
            functions=[func(self._deliver, name=DELIVER, max_tries=2**31)],
            queue_name=self.key,
            redis_pool=redis,
            handle_signals=False,
            job_timeout=None,  # type: ignore[arg-type]
            keep_result=0,
            job_serializer=to_json,
            job_deserializer=from_json,
        )

    async def run(self, id: str, score: int) -> None:
        await self._worker.run_job(id, score)

    async def _deliver(self, ctx: dict[Any, Any], body: Any) -> None:
        delivery = Delivery(ctx["job_id"], ctx["enqueue_time"].astimezone(UTC), body, ctx["job_try"])
        error: Exception | None = None
        if is_exhausted(delivery.attempts, self.consumer):
            await self._bury(delivery, "its process died in each attempt")
            return
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._handler(Batch(self.consumer.queue, [delivery]))
        except asyncio.CancelledError:
            # The process stops: not the message's fault, so the attempt does not count.
            await asyncio.shield(self._redis.decr(retry_key_prefix + delivery.id))
            raise
        except Exception as raised:
            error = raised
            logger.warning("message failed", exc_info=raised, extra=self._about(delivery))
        match delivery.outcome(error, self.consumer, self._random):
            case Retry(delay_seconds):
                raise ArqRetry(defer=delay_seconds)
            case Dead(reason):
                await self._bury(delivery, reason)

    async def _bury(self, delivery: Delivery, reason: str) -> None:
        name = self.consumer.dead_letter_queue
        if name is None:
            logger.error("message dropped: no dead-letter queue", extra={**self._about(delivery), "reason": reason})
            return
        logger.error("message dead", extra={**self._about(delivery), "reason": reason, "dead_letter_queue": name})
        letter = DeadLetter(
            id=delivery.id,
            queue=self.consumer.queue,
            dead_letter_queue=name,
            reason=reason,
            attempts=delivery.attempts,
            body=delivery.body,
            died_at=datetime.now(UTC).isoformat(),
        )
        await bury(self._redis, letter)

    def _about(self, delivery: Delivery) -> dict[str, Any]:
        return {"queue": self.consumer.queue, "message_id": delivery.id, "attempts": delivery.attempts}


class Dispatcher:
    """Takes messages from queues in strict order into a limited number of slots. start(), then stop()."""

    def __init__(
        self,
        consumers: Sequence[QueueConsumerConfig],
        handler: QueueHandler,
        redis_url: str,
        *,
        max_concurrency: int = 10,
        job_timeout_seconds: float = 900,
        poll_delay_seconds: float = 0.2,
    ) -> None:
        self._redis = connect(redis_url, retry=_patience(retries=4), retry_on_error=list(_LOST))
        self._lanes = [_Lane(consumer, handler, self._redis, job_timeout_seconds) for consumer in consumers]
        self._max_concurrency = max_concurrency
        self._poll_delay_seconds = poll_delay_seconds
        self._wake = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self, *, on_death: Callable[[], object] | None = None) -> None:
        """on_death: called when the dispatcher ends without having been stopped; stop() then raises why."""

        def done(task: asyncio.Task[None]) -> None:
            if not self._stopping:
                logger.critical("dispatcher died", exc_info=None if task.cancelled() else task.exception())
                if on_death is not None:
                    on_death()

        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(done)

    async def stop(self, *, grace_seconds: float = 0) -> None:
        """Take no more messages, let deliveries finish for so long, give the others back. Raises what it died of."""
        self._stopping = True
        self._wake.set()
        try:
            if self._task is not None:
                await self._task
        finally:
            await self._drain(grace_seconds)
            with contextlib.suppress(RedisError, OSError):
                await self._redis.aclose()

    async def _drain(self, grace_seconds: float) -> None:
        renewal = asyncio.create_task(self._renew_claims())
        tasks = [task for lane in self._lanes for task in lane.running.values()]
        if tasks:
            logger.info("waiting for deliveries to finish", extra={"deliveries": len(tasks)})
            _, late = await asyncio.wait(tasks, timeout=grace_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        renewal.cancel()
        await asyncio.gather(renewal, return_exceptions=True)

    async def _run(self) -> None:
        renewal = asyncio.create_task(self._renew_claims())
        is_lost = False
        try:
            while not self._stopping:
                self._wake.clear()
                try:
                    await self._fill()
                except (RedisError, QueueError, OSError, TimeoutError) as error:
                    if not is_lost:
                        logger.warning("Redis does not answer, trying again", extra={"error": str(error)})
                    is_lost = True
                else:
                    if is_lost:
                        logger.info("Redis answers again")
                    is_lost = False
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._poll_delay_seconds)
        finally:
            renewal.cancel()
            await asyncio.gather(renewal, return_exceptions=True)

    async def _fill(self) -> None:
        for lane in self._lanes:
            if self._free(lane) <= 0:
                continue
            async for id in self._ready(lane):
                await self._claim(lane, id)
                if self._free(lane) <= 0 or self._stopping:
                    break

    def _free(self, lane: _Lane) -> int:
        own = lane.consumer.max_concurrency or self._max_concurrency
        taken = sum(len(other.running) for other in self._lanes)
        return min(own - len(lane.running), self._max_concurrency - taken)

    async def _ready(self, lane: _Lane) -> AsyncIterator[str]:
        """Ids of due messages that nobody has claimed, oldest first."""
        now, start = now_ms(), 0
        while True:
            found = await self._redis.zrangebyscore(lane.key, "-inf", now, start=start, num=_PAGE)
            ids = [id.decode() for id in found]
            claims = await self._redis.mget([in_progress_key_prefix + id for id in ids]) if ids else []
            for id, claim in zip(ids, claims, strict=True):
                if claim is None and id not in lane.running:
                    yield id
            if len(ids) < _PAGE:
                return
            start += _PAGE

    async def _claim(self, lane: _Lane, id: str) -> None:
        """Start the delivery, unless somebody else was faster."""
        key = in_progress_key_prefix + id
        if not await self._redis.set(key, b"1", nx=True, px=int(CLAIM_SECONDS * 1000)):
            return
        score = await self._redis.zscore(lane.key, id)
        if score is None or score > now_ms():
            # Delivered, or put off, by another process since we looked.
            await self._redis.delete(key)
            return
        task = asyncio.create_task(lane.run(id, int(score)))
        lane.running[id] = task
        task.add_done_callback(lambda task: self._finished(lane, id, task))

    def _finished(self, lane: _Lane, id: str, task: asyncio.Task[None]) -> None:
        del lane.running[id]
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            # The claim runs out, and the message is delivered again.
            logger.warning("delivery not recorded", exc_info=error, extra={"message_id": id})

    async def _renew_claims(self) -> None:
        while True:
            await asyncio.sleep(CLAIM_RENEWAL_SECONDS)
            try:
                async with self._redis.pipeline(transaction=False) as pipe:
                    for id in [id for lane in self._lanes for id in lane.running]:
                        # Only if it is still there: a delivery that has just ended has taken its claim away.
                        pipe.set(in_progress_key_prefix + id, b"1", xx=True, px=int(CLAIM_SECONDS * 1000))
                    await pipe.execute()
            except (RedisError, OSError, TimeoutError) as error:
                logger.warning("claims not renewed", extra={"error": str(error)})


async def _nothing(ctx: dict[Any, Any]) -> None:
    """arq insists on a function for each Worker; nobody sends this one."""


def _patience(retries: int = OUTAGE_RETRIES) -> RedisRetry:
    return RedisRetry(ConstantBackoff(OUTAGE_PAUSE_SECONDS), retries, supported_errors=cast(Any, tuple(_LOST)))


def _redis_settings(redis_url: str) -> RedisSettings:
    settings = RedisSettings.from_dsn(redis_url)
    return dataclasses.replace(
        settings,
        username=unquote(settings.username) if settings.username else None,
        password=unquote(settings.password) if settings.password else None,
        retry_on_error=list(_LOST),
        retry=_patience(retries=1),
    )


def _check_consumers(consumers: Sequence[QueueConsumerConfig], max_concurrency: int) -> None:
    names = [consumer.queue for consumer in consumers]
    if not names:
        raise ConfigError("A worker needs at least one [[queues.consumers]] in its wrangler.toml.")
    if max_concurrency < 1:
        raise ConfigError(f"max_concurrency must be 1 or more, not {max_concurrency}.")
    for consumer in consumers:
        _check_name(consumer.queue)
        if not 0 <= consumer.max_retries <= limits.MAX_RETRIES:
            raise ConfigError(f"max_retries of {consumer.queue} must be from 0 to {limits.MAX_RETRIES}.")
        if names.count(consumer.queue) > 1:
            raise ConfigError(f"[[queues.consumers]] has {consumer.queue} twice; a queue has one consumer.")
        if consumer.dead_letter_queue == consumer.queue:
            raise ConfigError(f"{consumer.queue} is its own dead_letter_queue; name another one.")


def _check_name(name: str) -> None:
    try:
        check_name(name)
    except QueueError as error:
        raise ConfigError(f"[[queues.consumers]]: {error}") from error
