"""How often a token may ask, and how much it may upload. Every answer says how much of that is left.

The header fields are those of draft-ietf-httpapi-ratelimit-headers-10, "RateLimit header fields for HTTP":
RateLimit-Policy names the limits (q: quota, w: window in seconds, qu: its unit), RateLimit what is left of them (r) and
for how many seconds (t). What may be under way at once (upload_slots.py) has no window.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Literal, TypeVar

import structlog

from edge_api.env import Env
from edge_api.errors import ApiError
from edge_api.metrics import Metrics
from edge_api.settings import Settings
from wrangler_compat.errors import BindingError
from wrangler_compat.ratelimit.types import RateLimit, RateLimitOutcome

log = structlog.get_logger("edge_api")

T = TypeVar("T")

Policy = Literal["requests", "uploads", "upload-bytes", "sign-ins"]

SILENCE_SECONDS = 5.0
"""How long the limits are not asked after they did not answer: requests must not wait for Redis one after another."""

_SEEN = "twinreel.rate_limits"
_UNITS: Mapping[str, str] = {"upload-bytes": ';qu="content-bytes"'}
_REFUSALS: Mapping[Policy, str] = {
    "requests": "This token may make {limit} requests in {period} seconds; try again in {wait}.",
    "uploads": "This token may begin {limit} uploads in {period} seconds; try again in {wait}.",
    "upload-bytes": "This token may upload {limit} bytes in {period} seconds; try again in {wait}.",
    "sign-ins": "You may try to sign in {limit} times in {period} seconds; try again in {wait}.",
}


class Asking:
    """Of one application: asks the limits. When they do not answer, everybody passes: they guard the service, not the
    data."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._silent_until = 0.0

    async def ask(self, call: Callable[[], Awaitable[T]]) -> T | None:
        """None: there was no answer, or none a moment ago."""
        if time.monotonic() < self._silent_until:
            return None
        try:
            return await call()
        except BindingError as error:
            self._silent_until = time.monotonic() + SILENCE_SECONDS
            self._metrics.unlimited.inc()
            log.warning("rate limits not asked", code=error.code, message=error.message, seconds=SILENCE_SECONDS)
            return None


class Limiting:
    """Of one application."""

    def __init__(self, env: Env, settings: Settings, metrics: Metrics, asking: Asking) -> None:
        self._metrics, self._asking = metrics, asking
        asked: Mapping[Policy, tuple[RateLimit, int]] = {
            "requests": (env.request_limiter, settings.requests_per_minute),
            "uploads": (env.upload_limiter, settings.uploads_per_minute),
            "upload-bytes": (env.byte_limiter, settings.upload_bytes_per_minute),
            "sign-ins": (env.sign_in_limiter, settings.sign_ins_per_minute),
        }
        self._limiters = {policy: limiter for policy, (limiter, limit) in asked.items() if limit > 0}

    async def count(self, scope: MutableMapping[str, Any], policy: Policy, key: str, cost: int = 1) -> None:
        """Raises ApiError RATE_LIMITED. scope: of the request, whose answer will say what is left."""
        limiter = self._limiters.get(policy)
        if limiter is None:
            return
        outcome = await self._asking.ask(lambda: limiter.limit(key=key, cost=cost))
        if outcome is None:
            return
        tell(
            scope,
            policy,
            f"q={outcome.limit}{_UNITS.get(policy, '')};w={outcome.period}",
            f"r={outcome.remaining};t={math.ceil(outcome.reset_seconds)}",
        )
        if not outcome.success:
            self._metrics.limited.labels(policy).inc()
            raise _refusal(policy, outcome)


def tell(scope: MutableMapping[str, Any], policy: str, quota: str, left: str) -> None:
    """The answer to this request will say so; quota, left: parameters of a structured field."""
    scope.setdefault(_SEEN, {})[policy] = (quota, left)


def rate_limit_headers(scope: Mapping[str, Any]) -> dict[str, str]:
    """What the answer to this request says; nothing where nothing was counted."""
    seen: Mapping[str, tuple[str, str]] = scope.get(_SEEN, {})
    if not seen:
        return {}
    policies = [f'"{name}";{quota}' for name, (quota, _) in seen.items()]
    left = [f'"{name}";{remaining}' for name, (_, remaining) in seen.items()]
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(left)}


def _refusal(policy: Policy, outcome: RateLimitOutcome) -> ApiError:
    seconds = max(1, math.ceil(outcome.retry_after_seconds))
    wait = f"{seconds} second{'s' if seconds > 1 else ''}"
    sentence = _REFUSALS[policy].format(limit=outcome.limit, period=outcome.period, wait=wait)
    return ApiError("RATE_LIMITED", sentence, retry_after=seconds)
