"""How many uploads a token may have under way at once, over all gateways; a further one is refused before its body is
read.

A slot is a lease in Redis that is renewed while the upload goes on: those of a gateway that was killed run out by
themselves. It is given back before the answer is sent, so that whoever has it may send the next one at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.datastructures import Headers

from edge_api.env import Env
from edge_api.errors import RETRY_AFTER_SECONDS, ApiError
from edge_api.form import is_form
from edge_api.keys import new_id
from edge_api.limiting import Asking, tell
from edge_api.metrics import Metrics
from edge_api.settings import Settings
from edge_api.tus.headers import BODY_TYPE
from wrangler_compat.slots.types import SlotOutcome

POLICY = "uploads-at-once"
_BEATS = 3
"""Renewals in one lease."""


class UploadSlots:
    """Of one application. When the slots cannot be asked, everybody passes, as with the rate limits."""

    def __init__(self, env: Env, settings: Settings, metrics: Metrics, asking: Asking) -> None:
        self._slots, self._metrics, self._asking = env.upload_slots, metrics, asking
        self._is_on = settings.uploads_at_once_per_token > 0

    @asynccontextmanager
    async def held(self, scope: MutableMapping[str, Any], key: str) -> AsyncIterator[None]:
        """Until the block ends, however it does. scope: of the request; one that brings no video needs no slot. Raises
        ApiError TOO_MANY_UPLOADS."""
        if not self._is_on or not brings_video(Headers(scope=scope).get("content-type")):
            yield
            return
        holder, has_ended = new_id(), asyncio.Event()
        outcome = await self._asking.ask(lambda: self._slots.take(key=key, holder=holder))
        if outcome is not None:
            tell(scope, POLICY, *_told(outcome))
            if not outcome.success:
                self._metrics.limited.labels(POLICY).inc()
                raise _refusal(outcome)
        keeping = asyncio.create_task(self._keep(key, holder, has_ended))
        try:
            yield
        finally:
            has_ended.set()
            await asyncio.shield(asyncio.ensure_future(self._end(key, holder, keeping)))

    async def _keep(self, key: str, holder: str, has_ended: asyncio.Event) -> None:
        """A renewal under way is not cut off: it could reach Redis after the slot was given back."""
        while True:
            try:
                async with asyncio.timeout(self._slots.lease_seconds / _BEATS):
                    await has_ended.wait()
            except TimeoutError:
                await self._asking.ask(lambda: self._slots.keep(key=key, holder=holder))
            else:
                return

    async def _end(self, key: str, holder: str, keeping: asyncio.Task[None]) -> None:
        await keeping
        # Where Redis is left alone at the moment, because it did not answer, the lease runs out.
        await self._asking.ask(lambda: self._slots.give_back(key=key, holder=holder))


def brings_video(content_type: str | None) -> bool:
    """Whether such a body is streamed to the store; any other is refused, or small."""
    return content_type == BODY_TYPE or is_form(content_type)


def _told(outcome: SlotOutcome) -> tuple[str, str]:
    return f'q={outcome.limit};qu="concurrent-requests"', f"r={max(0, outcome.limit - outcome.taken)}"


def _refusal(outcome: SlotOutcome) -> ApiError:
    wait = RETRY_AFTER_SECONDS
    uploads = "1 upload" if outcome.limit == 1 else f"{outcome.limit} uploads"
    sentence = (
        f"This token may have {uploads} under way at once; send this one when another has ended, in {wait} seconds."
    )
    return ApiError("TOO_MANY_UPLOADS", sentence, retry_after=wait)
