"""One delivery of one message, and what becomes of the message afterwards. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

from wrangler_compat.queues.checks import check_delay
from wrangler_compat.wrangler_toml import QueueConsumerConfig

# Between a failed delivery and the next one, when the consumer does not say: 2 s, 4 s, 8 s ... 5 min.
BACKOFF_BASE_SECONDS = 2.0
BACKOFF_LIMIT_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Retry:
    """The message comes back after delay_seconds."""

    delay_seconds: float


@dataclass(frozen=True, slots=True)
class Ack:
    """The message is done."""


@dataclass(frozen=True, slots=True)
class Dead:
    """The message has used up its deliveries. It goes to the dead-letter queue if there is one."""

    reason: str


Outcome = Ack | Retry | Dead


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """queue: where the message came from. died_at: ISO 8601 UTC."""

    id: str
    queue: str
    dead_letter_queue: str
    reason: str
    attempts: int
    body: Any
    died_at: str


class Delivery:
    """A Message. The first call to ack() or retry() counts, later ones are ignored, as on Cloudflare."""

    def __init__(self, id: str, timestamp: datetime, body: Any, attempts: int) -> None:
        self._id = id
        self._timestamp = timestamp
        self._body = body
        self._attempts = attempts
        self._decision: Ack | Retry | None = None
        self._asked_for_delay = False

    @property
    def id(self) -> str:
        return self._id

    @property
    def timestamp(self) -> datetime:
        return self._timestamp

    @property
    def body(self) -> Any:
        return self._body

    @property
    def attempts(self) -> int:
        return self._attempts

    def ack(self) -> None:
        self._decision = self._decision or Ack()

    def retry(self, *, delay_seconds: float | None = None) -> None:
        delay = check_delay(delay_seconds)
        if self._decision is None:
            self._decision = Retry(delay)
            self._asked_for_delay = delay_seconds is not None

    def outcome(self, error: BaseException | None, consumer: QueueConsumerConfig, random: Random) -> Outcome:
        """What becomes of the message. error: what the handler raised; it counts unless the message was acked."""
        decision = self._decision
        if decision is None:
            decision = Ack() if error is None else Retry(backoff_seconds(self._attempts, consumer, random))
        elif isinstance(decision, Retry) and not self._asked_for_delay:
            decision = Retry(consumer.retry_delay or 0.0)
        if isinstance(decision, Ack) or self._attempts <= consumer.max_retries:
            return decision
        return Dead(_reason(error))


class Batch:
    """A MessageBatch. What was said of one message before counts more than what is said of all."""

    def __init__(self, queue: str, messages: Sequence[Delivery]) -> None:
        self._queue = queue
        self._messages = tuple(messages)

    @property
    def queue(self) -> str:
        return self._queue

    @property
    def messages(self) -> Sequence[Delivery]:
        return self._messages

    def ack_all(self) -> None:
        for message in self._messages:
            message.ack()

    def retry_all(self, *, delay_seconds: float | None = None) -> None:
        for message in self._messages:
            message.retry(delay_seconds=delay_seconds)


def backoff_seconds(attempts: int, consumer: QueueConsumerConfig, random: Random) -> float:
    """The wait after the given delivery (1 is the first) failed: doubled each time, between half and all of it."""
    base = consumer.retry_delay or BACKOFF_BASE_SECONDS
    longest = min(max(BACKOFF_LIMIT_SECONDS, base), base * 2.0 ** min(attempts - 1, 30))
    return longest * (0.5 + 0.5 * random.random())


def is_exhausted(attempts: int, consumer: QueueConsumerConfig) -> bool:
    """Whether this delivery is one too many: earlier ones ended without an outcome, with their process."""
    return attempts > consumer.max_retries + 1


def _reason(error: BaseException | None) -> str:
    return "retried too often" if error is None else f"{type(error).__name__}: {error}"[:1000]
