"""A queue in memory: the same checks and message semantics as the real one, for tests."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from wrangler_compat.queues.checks import check_batch, check_delay, check_name, encode_body
from wrangler_compat.queues.delivery import Ack, Batch, Dead, DeadLetter, Delivery, Retry
from wrangler_compat.queues.types import QueueHandler, QueueInfo, QueueSendRequest
from wrangler_compat.wrangler_toml import QueueConsumerConfig


@dataclass(slots=True)
class MemoryMessage:
    """attempts: deliveries so far. due_at: when it can be delivered next."""

    id: str
    body: Any
    sent_at: datetime
    due_at: datetime
    attempts: int = 0


class MemoryQueue:
    """A Queue with its consumer's side: messages are those not settled yet, dead_letters those given up."""

    def __init__(
        self,
        name: str = "memory",
        *,
        consumer: QueueConsumerConfig | None = None,
        delivery_delay: float | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Random | None = None,
    ) -> None:
        check_name(name)
        self.name = name
        self.messages: list[MemoryMessage] = []
        self.dead_letters: list[DeadLetter] = []
        self._consumer = consumer or QueueConsumerConfig(queue=name)
        self._delivery_delay = delivery_delay
        self._now = now
        self._random = random or Random()

    @property
    def bodies(self) -> list[Any]:
        return [message.body for message in self.messages]

    async def send(self, body: Any, *, delay_seconds: float | None = None) -> None:
        await self.send_batch([QueueSendRequest(body, delay_seconds)])

    async def send_batch(self, messages: Sequence[QueueSendRequest]) -> None:
        check_batch(messages)
        sent_at = self._now()
        for message in messages:
            delay = self._delivery_delay if message.delay_seconds is None else message.delay_seconds
            due_at = sent_at + timedelta(seconds=check_delay(delay))
            body = json.loads(encode_body(message.body))
            self.messages.append(MemoryMessage(uuid.uuid4().hex, body, sent_at, due_at))

    async def info(self) -> QueueInfo:
        ready = len(self._due())
        return QueueInfo(self.name, ready, len(self.messages) - ready, len(self.dead_letters))

    async def ping(self) -> None:
        return None

    async def deliver(self, handler: QueueHandler) -> int:
        """Deliver every message that is due now, each once and alone in its batch; how many."""
        due = self._due()
        for message in due:
            await self._deliver(message, handler)
        return len(due)

    async def _deliver(self, message: MemoryMessage, handler: QueueHandler) -> None:
        message.attempts += 1
        delivery = Delivery(message.id, message.sent_at, message.body, message.attempts)
        error: Exception | None = None
        try:
            await handler(Batch(self.name, [delivery]))
        except Exception as raised:
            error = raised
        match delivery.outcome(error, self._consumer, self._random):
            case Retry(delay_seconds):
                message.due_at = self._now() + timedelta(seconds=delay_seconds)
            case Dead(reason):
                self.messages.remove(message)
                self._bury(message, reason)
            case Ack():
                self.messages.remove(message)

    def _bury(self, message: MemoryMessage, reason: str) -> None:
        name = self._consumer.dead_letter_queue
        if name is not None:
            died_at = self._now().isoformat()
            self.dead_letters.append(
                DeadLetter(message.id, self.name, name, reason, message.attempts, message.body, died_at)
            )

    def _due(self) -> list[MemoryMessage]:
        return [message for message in self.messages if message.due_at <= self._now()]
