"""From the outbox to the targets: each notification to each target at least once, in order for each video.

A delivery is a row. It is tried until the target says 2xx, with growing pauses, until a day has passed; then it has
failed, and those of the same video that came after it go on. Any worker may send any of them.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import structlog

from consumer.clock import Clock, moment
from consumer.metrics import Metrics
from consumer.outbox import Notification, log_notification
from consumer.retries import backoff_seconds
from consumer.webhooks import signing
from consumer.webhooks.sending import Answer, Sender, SendError
from consumer.webhooks.targets import Targets, WebhookTarget
from wrangler_compat.d1.types import D1Database, Row
from wrangler_compat.errors import BindingError

_BASE_SECONDS, _LONGEST_PAUSE_SECONDS = 5.0, 3600.0
_TAKEN_MARGIN_SECONDS = 30.0
_AT_ONCE = 50

# The same notification for the same target again: nothing, but that a replay makes it due once more.
_ADD = """
INSERT INTO webhook_deliveries (id, target_id, notification_id, video_id, kind, body, told_at, status, next_attempt_at,
                                give_up_at)
SELECT ?1, webhook_targets.id, ?3, ?4, ?5, ?6, ?7, 'pending', ?8, ?9 FROM webhook_targets WHERE webhook_targets.id = ?2
ON CONFLICT (target_id, notification_id) DO {conflict}
"""
_ENQUEUE = _ADD.format(conflict="NOTHING")
_REPLAY = _ADD.format(
    conflict="""UPDATE
SET status = 'pending', attempts = 0, next_attempt_at = excluded.next_attempt_at, give_up_at = excluded.give_up_at,
    sent_at = NULL, last_error = NULL"""
)
_DUE = f"""
SELECT * FROM webhook_deliveries AS due
WHERE target_id = ?1 AND status = 'pending' AND next_attempt_at <= ?2
  AND NOT EXISTS (SELECT 1 FROM webhook_deliveries AS earlier
                  WHERE earlier.video_id = due.video_id AND earlier.target_id = due.target_id
                    AND earlier.status = 'pending'
                    AND (earlier.told_at < due.told_at
                         OR (earlier.told_at = due.told_at AND earlier.notification_id < due.notification_id)))
  AND NOT EXISTS (SELECT 1 FROM notifications
                  WHERE notifications.video_id = due.video_id AND notifications.sent_at IS NULL
                    AND notifications.created_at < due.told_at)
ORDER BY told_at LIMIT {_AT_ONCE}
"""
_TAKE = """
UPDATE webhook_deliveries SET attempts = attempts + 1, next_attempt_at = ?3
WHERE id = ?1 AND attempts = ?2 AND status = 'pending'
"""
_SENT = "UPDATE webhook_deliveries SET status = 'sent', sent_at = ?2, last_error = NULL WHERE id = ?1"
_AGAIN = "UPDATE webhook_deliveries SET next_attempt_at = ?2, last_error = ?3 WHERE id = ?1 AND status = 'pending'"
_FAILED = "UPDATE webhook_deliveries SET status = 'failed', last_error = ?2 WHERE id = ?1 AND status = 'pending'"
_NOTIFICATIONS = """
SELECT id, video_id, kind, payload, created_at FROM notifications
WHERE created_at >= ?1 AND (?2 = '' OR video_id = ?2) AND sent_at IS NOT NULL
  AND (created_at > ?3 OR (created_at = ?3 AND id > ?4))
ORDER BY created_at, id LIMIT 200
"""
_IS_FAILED = "SELECT 1 FROM webhook_deliveries WHERE target_id = ?1 AND notification_id = ?2 AND status = 'failed'"
_LISTED = """
SELECT * FROM webhook_deliveries
WHERE (?1 = '' OR target_id = ?1) AND (?2 = '' OR status = ?2) ORDER BY told_at DESC LIMIT ?3
"""
_BACKLOG = "SELECT status, COUNT(*) AS n FROM webhook_deliveries GROUP BY status"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Webhooks:
    """give_up_seconds: how long a delivery is tried. poll_seconds: between two looks for what is due."""

    db: D1Database
    targets: Targets
    sender: Sender
    metrics: Metrics
    now: Clock
    random: Random
    give_up_seconds: float
    poll_seconds: float = 1.0
    _sending: dict[str, asyncio.Task[int]] = field(default_factory=dict)

    async def tell(self, notification: Notification) -> None:
        """Take a notification over from the outbox: into the log, and a delivery for each target that wants it."""
        await log_notification(notification)
        for target in await self.targets.all():
            if target.is_told_of(notification.kind):
                await self._enqueue(_ENQUEUE, target, notification)

    async def run_forever(self) -> None:
        """A slow target keeps none of the others waiting."""
        try:
            while True:
                await self._start_sending()
                await asyncio.sleep(self.poll_seconds)
        finally:
            for task in self._sending.values():
                task.cancel()
            await asyncio.gather(*self._sending.values(), return_exceptions=True)

    async def _start_sending(self) -> None:
        try:
            for target in await self.targets.all():
                running = self._sending.get(target.id)
                if target.disabled_reason is None and (running is None or running.done()):
                    self._sending[target.id] = asyncio.create_task(self._send_and_log(target))
            for row in (await self.db.prepare(_BACKLOG).all()).results:
                self.metrics.webhook_deliveries.labels(status=row["status"]).set(row["n"])
        except BindingError as error:
            _log.warning("webhooks_wait", error=error.message)

    async def _send_and_log(self, target: WebhookTarget) -> int:
        try:
            return await self.send_due(target)
        except BindingError as error:
            _log.warning("webhooks_wait", target=target.id, error=error.message)
        except Exception:
            _log.exception("webhooks_failed", target=target.id)
        return 0

    async def send_due(self, target: WebhookTarget) -> int:
        """Send what is due to this target, until nothing is or the target does not answer; how many it took."""
        sent = 0
        while rows := (await self.db.prepare(_DUE).bind(target.id, moment(self.now())).all()).results:
            for row in rows:
                if not await self._take(row):
                    continue
                if not await self._deliver(target, row):
                    return sent
                sent += 1
        return sent

    async def _take(self, row: Row) -> bool:
        """Ours for a while; of two workers one gets it."""
        until = moment(self.now(), plus_seconds=self.sender.timeout_seconds + _TAKEN_MARGIN_SECONDS)
        return (await self.db.prepare(_TAKE).bind(row["id"], row["attempts"], until).run()).meta.changes > 0

    async def _deliver(self, target: WebhookTarget, row: Row) -> bool:
        """Whether the target took it. What comes next is written down either way."""
        try:
            answer = await self._post(target, row["notification_id"], row["body"])
        except SendError as error:
            await self._not_sent(row, str(error), retry_after=None)
            return False
        if answer.is_success:
            await self.db.prepare(_SENT).bind(row["id"], moment(self.now())).run()
            _log.info("webhook_sent", target=target.id, delivery=row["id"], kind=row["kind"], status=answer.status)
            return True
        await self._not_sent(row, str(answer), retry_after=answer.retry_after)
        if answer.status == 410:
            await self.targets.disable(target.id, "the target answered 410: it is gone for good")
        return False

    async def _post(self, target: WebhookTarget, webhook_id: str, text: str) -> Answer:
        body, secrets = text.encode(), await self.targets.secrets(target.id)
        signed = signing.headers(webhook_id, int(self.now().timestamp()), body, secrets)
        return await self.sender.post(target.url, signed, body)

    async def _not_sent(self, row: Row, why: str, *, retry_after: float | None) -> None:
        attempt, at = row["attempts"] + 1, moment(self.now())
        if at >= row["give_up_at"]:
            await self.db.prepare(_FAILED).bind(row["id"], why).run()
            _log.error("webhook_failed", delivery=row["id"], target=row["target_id"], attempts=attempt, error=why)
            return
        pause = backoff_seconds(attempt, base=_BASE_SECONDS, limit=_LONGEST_PAUSE_SECONDS, random=self.random)
        # The last try is when the time is up, not an hour later.
        due = min(moment(self.now(), plus_seconds=max(pause, retry_after or 0.0)), row["give_up_at"])
        await self.db.prepare(_AGAIN).bind(row["id"], due, why).run()
        _log.warning("webhook_retried", delivery=row["id"], target=row["target_id"], attempt=attempt, error=why)

    async def _enqueue(self, sql: str, target: WebhookTarget, notification: Notification) -> bool:
        now = self.now()
        body = json.dumps(
            {"type": notification.kind, "timestamp": notification.created_at, "data": dict(notification.payload)}
        )
        statement = self.db.prepare(sql).bind(
            f"dl_{uuid.uuid4().hex}",
            target.id,
            notification.id,
            notification.video_id,
            notification.kind,
            body,
            notification.created_at,
            moment(now),
            moment(now, plus_seconds=self.give_up_seconds),
        )
        return (await statement.run()).meta.changes > 0

    # by hand

    async def replay(self, target: WebhookTarget, *, since: str = "", video_id: str = "", failed: bool = False) -> int:
        """Send again what was told since a moment, or of one video, or what failed; how many. The ids stay."""
        replayed, at = 0, ("", "")
        while rows := (await self.db.prepare(_NOTIFICATIONS).bind(since, video_id, *at).all()).results:
            for row in rows:
                payload: Mapping[str, Any] = json.loads(row["payload"])
                told = Notification(row["id"], row["video_id"], row["kind"], payload, row["created_at"])
                if not target.is_told_of(told.kind) or (failed and not await self._has_failed(target, told.id)):
                    continue
                replayed += await self._enqueue(_REPLAY, target, told)
            at = (rows[-1]["created_at"], rows[-1]["id"])
        return replayed

    async def _has_failed(self, target: WebhookTarget, notification_id: str) -> bool:
        return await self.db.prepare(_IS_FAILED).bind(target.id, notification_id).first() is not None

    async def test(self, target: WebhookTarget) -> Answer:
        """Send a `webhook.test` at once, past all queues. Raises SendError."""
        told = {"type": "webhook.test", "timestamp": moment(self.now()), "data": {"target": target.id}}
        return await self._post(target, f"test_{uuid.uuid4().hex}", json.dumps(told))

    async def listed(self, target_id: str = "", status: str = "", limit: int = 50) -> list[Row]:
        """Deliveries, the latest first."""
        return (await self.db.prepare(_LISTED).bind(target_id, status, limit).all()).results
