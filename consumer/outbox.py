"""The outbox: notifications leave from rows that were written with the verdict, each at least once."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from consumer import queries
from consumer.clock import Clock, moment
from consumer.metrics import Metrics
from wrangler_compat.d1.types import D1Database

_TAKEN_SECONDS = 30.0
"""For so long a notification is left to the worker that took it."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Notification:
    id: str
    video_id: str
    kind: str
    payload: Mapping[str, Any]
    created_at: str


Deliver = Callable[[Notification], Awaitable[None]]


async def log_notification(notification: Notification) -> None:
    """Deliver into the structured log."""
    _log.info(
        "notification",
        notification_id=notification.id,
        kind=notification.kind,
        created_at=notification.created_at,
        **{"video_id": notification.video_id} | dict(notification.payload),
    )


@dataclass(frozen=True, slots=True)
class Outbox:
    db: D1Database
    now: Clock
    metrics: Metrics
    deliver: Deliver = log_notification

    async def relay(self) -> int:
        """Deliver what is due and not taken by another worker; how many. What fails is due again after a while."""
        rows = (await self.db.prepare(queries.UNSENT).bind(moment(self.now())).all()).results
        sent = 0
        for row in rows:
            taken = self.db.prepare(queries.TAKE_NOTIFICATION).bind(
                row["id"], row["attempts"], moment(self.now(), plus_seconds=_TAKEN_SECONDS)
            )
            if (await taken.run()).meta.changes == 0:
                continue
            notification = Notification(
                row["id"], row["video_id"], row["kind"], json.loads(row["payload"]), row["created_at"]
            )
            try:
                await self.deliver(notification)
            except Exception:
                _log.exception("notification_not_delivered", notification_id=notification.id)
                continue
            await self.db.prepare(queries.SENT).bind(notification.id, moment(self.now())).run()
            self.metrics.notifications.labels(kind=notification.kind).inc()
            sent += 1
        return sent
