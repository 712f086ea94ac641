"""One request at a time writes to an upload, whichever process it reaches: a lease in D1, kept by a heartbeat.

Who holds the lock stops by itself, with everything that is on its way to R2, before the lease can run out unrenewed;
who takes it over waits until it has. What the loser would still write to D1 names an owner that is no more, what it
may have written to R2 are whole parts, the same bytes for everybody, or objects that no row names.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import structlog

from edge_api.deadlines import deadline
from edge_api.env import Env
from edge_api.errors import ApiError
from edge_api.keys import new_id, timestamp
from edge_api.settings import Settings
from edge_api.streams import Patience
from edge_api.tus import queries
from wrangler_compat.errors import BindingError

log = structlog.get_logger("edge_api")

POLL_SECONDS = 0.2
"""Between two attempts of a request that waits for the lock."""
_BEATS = 3
"""Heartbeats in one lease."""
MARGIN = 0.25
"""Share of a lease by which its holder stops before others may take it: for clocks that do not agree, for what is on
its way."""


class Lock:
    """Held. patience: of the request that reads; given up when another one wants the lock and nothing arrives.
    on_beat: what is done with every heartbeat; it raises ApiError UPLOAD_LOCKED when the lock is lost, BindingError."""

    def __init__(self, env: Env, settings: Settings, upload_id: str, owner: str) -> None:
        self.owner = owner
        self.patience: Patience | None = None
        self.on_beat: Callable[[], Awaitable[None]] | None = None
        self._env, self._settings, self._upload_id = env, settings, upload_id
        self._lease = settings.tus_lock_seconds
        self._scope = asyncio.timeout(None)

    @property
    def is_lost(self) -> bool:
        return self._scope.expired()

    @property
    def ends_at(self) -> float | None:
        """When it is let go, by the loop's clock, unless it is renewed before; None: it is not kept yet."""
        return self._scope.when()

    @asynccontextmanager
    async def kept(self, claimed_at: float) -> AsyncIterator[None]:
        """Renew it meanwhile. claimed_at: by the loop's clock. Raises ApiError UPLOAD_LOCKED when it is lost."""
        try:
            async with self._scope:
                self._hold_from(claimed_at)
                beating = asyncio.create_task(self._beat())
                try:
                    yield
                finally:
                    beating.cancel()
                    await asyncio.wait([beating])
        except TimeoutError:
            if not self.is_lost:
                raise
            log.warning("lock lost", upload_id=self._upload_id)
            raise ApiError("UPLOAD_LOCKED") from None

    def _hold_from(self, renewed_at: float) -> None:
        if not self.is_lost:
            self._scope.reschedule(renewed_at + self._lease * (1 - MARGIN))

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._lease / _BEATS)
            before = loop.time()
            try:
                is_wanted = await self._renew()
                self._hold_from(before)
                if self.on_beat is not None:
                    await self.on_beat()
            except BindingError as error:
                log.warning("heartbeat failed", upload_id=self._upload_id, code=error.code, message=error.message)
                continue
            except ApiError:
                self._scope.reschedule(loop.time())
                return
            if is_wanted and self.patience is not None and loop.time() - self.patience.since > self._lease / _BEATS:
                self.patience.give_up()

    async def _renew(self) -> bool:
        """Whether somebody wants it. Raises ApiError UPLOAD_LOCKED when it is lost, BindingError."""
        prepare = self._env.db.prepare
        async with deadline(min(self._lease / _BEATS, self._settings.binding_timeout_seconds), "DB"):
            renewed, state = await self._env.db.batch(
                [
                    prepare(queries.RENEW_LOCK).bind(self._upload_id, self.owner, _until(self._lease)),
                    prepare(queries.LOCK_STATE).bind(self._upload_id),
                ]
            )
        if not renewed.meta.changes:
            raise ApiError("UPLOAD_LOCKED")
        return state.results[0]["lock_wanted_at"] is not None

    async def release(self) -> None:
        """Never raises: a lock that is not given back runs out."""
        try:
            async with deadline(self._settings.binding_timeout_seconds, "DB"):
                await self._env.db.prepare(queries.UNLOCK).bind(self._upload_id, self.owner).run()
        except BindingError as error:
            log.warning("lock not released", upload_id=self._upload_id, code=error.code, message=error.message)


@asynccontextmanager
async def locked(env: Env, settings: Settings, upload_id: str, *, waits: bool = True) -> AsyncIterator[Lock]:
    """The lock, as soon as its holder gives it back, or is seen to be dead. Raises ApiError UPLOAD_LOCKED when the
    holder is alive and goes on, BindingError. waits: False raises at once."""
    lock = Lock(env, settings, upload_id, new_id())
    claimed_at = await _claim(env, settings, upload_id, lock.owner, waits)
    try:
        async with lock.kept(claimed_at):
            yield lock
    finally:
        await asyncio.shield(asyncio.ensure_future(lock.release()))


async def _claim(env: Env, settings: Settings, upload_id: str, owner: str, waits: bool) -> float:
    """When it was claimed, by the loop's clock. A holder that renews its lease twice while it is asked is alive."""
    clock: Callable[[], float] = asyncio.get_running_loop().time
    give_up_at, seen = clock() + 2 * settings.tus_lock_seconds, set[str]()
    while True:
        before, now = clock(), timestamp()
        async with deadline(settings.binding_timeout_seconds, "DB"):
            claim = env.db.prepare(queries.LOCK).bind(upload_id, owner, _until(settings.tus_lock_seconds), now)
            if (await claim.run()).meta.changes:
                return before
            state = await env.db.prepare(queries.LOCK_STATE).bind(upload_id).first()
            if state is None:
                raise ApiError("UPLOAD_NOT_FOUND")
            await env.db.prepare(queries.WANT_LOCK).bind(upload_id, now).run()
        seen.add(f"{state['lock_owner']} {state['lock_until']}")
        if not waits or len(seen) > _BEATS or clock() > give_up_at:
            raise ApiError("UPLOAD_LOCKED")
        await asyncio.sleep(POLL_SECONDS)


def _until(seconds: float) -> str:
    return timestamp(datetime.now(UTC) + timedelta(seconds=seconds))
