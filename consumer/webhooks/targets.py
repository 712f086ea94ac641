"""Targets of webhooks and their secrets, as rows. A secret is shown when it is made, and never again."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from consumer.clock import Clock, moment
from wire.webhooks import OVERLAP_SECONDS, key_of, new_secret, new_target_id
from wrangler_compat.d1.types import D1Database, D1PreparedStatement, Row

_ADD = "INSERT INTO webhook_targets (id, url, kinds, created_at) VALUES (?1, ?2, ?3, ?4)"
_ADD_SECRET = "INSERT INTO webhook_secrets (id, target_id, secret, created_at) VALUES (?1, ?2, ?3, ?4)"
_EXPIRE = "UPDATE webhook_secrets SET expires_at = ?2 WHERE target_id = ?1 AND expires_at IS NULL"
_FORGET_EXPIRED = "DELETE FROM webhook_secrets WHERE target_id = ?1 AND expires_at <= ?2"
_TARGETS = "SELECT * FROM webhook_targets ORDER BY created_at, id"
_SECRETS = """
SELECT secret FROM webhook_secrets WHERE target_id = ?1 AND (expires_at IS NULL OR expires_at > ?2)
ORDER BY created_at DESC, id
"""
_DISABLE = "UPDATE webhook_targets SET disabled_at = ?2, disabled_reason = ?3 WHERE id = ?1 AND disabled_at IS NULL"
_FAIL_REST = (
    "UPDATE webhook_deliveries SET status = 'failed', last_error = ?2 WHERE target_id = ?1 AND status = 'pending'"
)
_REMOVE = (
    "DELETE FROM webhook_deliveries WHERE target_id = ?1",
    "DELETE FROM webhook_secrets WHERE target_id = ?1",
    "DELETE FROM webhook_targets WHERE id = ?1",
)


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """kinds: those it is told of; empty: all. disabled_reason: why nothing is sent to it any more."""

    id: str
    url: str
    kinds: tuple[str, ...]
    created_at: str
    disabled_reason: str | None

    def is_told_of(self, kind: str) -> bool:
        return self.disabled_reason is None and (not self.kinds or kind in self.kinds)


@dataclass(frozen=True, slots=True)
class Targets:
    db: D1Database
    now: Clock

    async def add(self, url: str, kinds: Sequence[str] = (), secret: str | None = None) -> tuple[str, str]:
        """Id and secret. url: already checked. Raises ValueError when the secret given is none."""
        secret = secret or new_secret()
        key_of(secret)
        target_id, at = new_target_id(), moment(self.now())
        target = self.db.prepare(_ADD).bind(target_id, url, json.dumps(list(kinds)), at)
        await self.db.batch([target, self._secret(target_id, secret, at)])
        return target_id, secret

    async def all(self) -> list[WebhookTarget]:
        return [_read(row) for row in (await self.db.prepare(_TARGETS).all()).results]

    async def one(self, target_id: str) -> WebhookTarget | None:
        return next((target for target in await self.all() if target.id == target_id), None)

    async def secrets(self, target_id: str) -> list[str]:
        """Those that sign now, the newest first."""
        rows = (await self.db.prepare(_SECRETS).bind(target_id, moment(self.now())).all()).results
        return [row["secret"] for row in rows]

    async def rotate(self, target_id: str) -> str:
        """The new secret; the one before it goes on signing for OVERLAP_SECONDS."""
        secret, at = new_secret(), moment(self.now())
        ends = moment(self.now(), plus_seconds=OVERLAP_SECONDS)
        await self.db.batch(
            [
                self.db.prepare(_FORGET_EXPIRED).bind(target_id, at),
                self.db.prepare(_EXPIRE).bind(target_id, ends),
                self._secret(target_id, secret, at),
            ]
        )
        return secret

    async def disable(self, target_id: str, reason: str) -> None:
        """Nothing is sent to it any more; what waits for it has failed."""
        disable = self.db.prepare(_DISABLE).bind(target_id, moment(self.now()), reason)
        await self.db.batch([disable, self.db.prepare(_FAIL_REST).bind(target_id, reason)])

    async def remove(self, target_id: str) -> None:
        """With its secrets, and everything that was or would be sent to it."""
        await self.db.batch([self.db.prepare(sql).bind(target_id) for sql in _REMOVE])

    def _secret(self, target_id: str, secret: str, at: str) -> D1PreparedStatement:
        return self.db.prepare(_ADD_SECRET).bind(uuid.uuid4().hex, target_id, secret, at)


def _read(row: Row) -> WebhookTarget:
    reason = row["disabled_reason"] if row["disabled_at"] is not None else None
    return WebhookTarget(row["id"], row["url"], tuple(json.loads(row["kinds"])), row["created_at"], reason)
