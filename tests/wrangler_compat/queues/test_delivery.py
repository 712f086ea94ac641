"""What becomes of a message: a table, and the properties of the backoff."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrangler_compat.errors import QueueError
from wrangler_compat.queues.delivery import (
    BACKOFF_LIMIT_SECONDS,
    Ack,
    Batch,
    Dead,
    Delivery,
    Retry,
    backoff_seconds,
    is_exhausted,
)
from wrangler_compat.wrangler_toml import QueueConsumerConfig

CONSUMER = QueueConsumerConfig(queue="q", max_retries=3, dead_letter_queue="dead")
PATIENT = QueueConsumerConfig(queue="q", max_retries=3, retry_delay=7)


def delivery(attempts: int = 1) -> Delivery:
    return Delivery("id", datetime.now(UTC), {"a": 1}, attempts)


def test_a_handler_that_returns_acks() -> None:
    assert delivery().outcome(None, CONSUMER, Random(1)) == Ack()


def test_an_ack_outlives_an_error() -> None:
    message = delivery(4)
    message.ack()
    assert message.outcome(ValueError("late"), CONSUMER, Random(1)) == Ack()


def test_the_first_word_counts() -> None:
    message = delivery()
    message.ack()
    message.retry(delay_seconds=3)
    assert message.outcome(None, CONSUMER, Random(1)) == Ack()
    message = delivery()
    message.retry(delay_seconds=3)
    message.ack()
    message.retry(delay_seconds=9)
    assert message.outcome(None, CONSUMER, Random(1)) == Retry(3.0)


def test_a_retry_without_a_delay_takes_the_consumers() -> None:
    message = delivery()
    message.retry()
    assert message.outcome(None, PATIENT, Random(1)) == Retry(7)
    assert message.outcome(None, CONSUMER, Random(1)) == Retry(0.0)


def test_a_retry_with_delay_zero_is_at_once() -> None:
    message = delivery()
    message.retry(delay_seconds=0)
    assert message.outcome(None, PATIENT, Random(1)) == Retry(0.0)


def test_a_bad_delay_is_refused_and_does_not_count() -> None:
    message = delivery()
    with pytest.raises(QueueError):
        message.retry(delay_seconds=-1)
    assert message.outcome(None, CONSUMER, Random(1)) == Ack()


@pytest.mark.parametrize(("attempts", "dead"), [(1, False), (3, False), (4, True), (5, True)])
def test_one_delivery_and_max_retries_more(attempts: int, dead: bool) -> None:
    outcome = delivery(attempts).outcome(ValueError("no"), CONSUMER, Random(1))
    assert isinstance(outcome, Dead) == dead


def test_the_reason_names_the_error() -> None:
    assert delivery(4).outcome(ValueError("no"), CONSUMER, Random(1)) == Dead("ValueError: no")
    message = delivery(4)
    message.retry(delay_seconds=1)
    assert message.outcome(None, CONSUMER, Random(1)) == Dead("retried too often")


def test_a_delivery_too_many() -> None:
    assert [is_exhausted(attempts, CONSUMER) for attempts in (1, 4, 5)] == [False, False, True]


def test_of_one_message_before_of_all() -> None:
    first, second = delivery(), delivery()
    first.retry(delay_seconds=5)
    batch = Batch("q", [first, second])
    batch.ack_all()
    assert batch.queue == "q"
    assert [message.outcome(None, CONSUMER, Random(1)) for message in batch.messages] == [Retry(5.0), Ack()]


def test_retry_all() -> None:
    batch = Batch("q", [delivery(), delivery()])
    batch.retry_all(delay_seconds=2)
    assert [message.outcome(None, CONSUMER, Random(1)) for message in batch.messages] == [Retry(2.0)] * 2


@given(st.integers(1, 100), st.integers())
def test_backoff_doubles_between_half_and_all(attempts: int, seed: int) -> None:
    longest = min(BACKOFF_LIMIT_SECONDS, 2.0 * 2.0 ** (attempts - 1))
    assert longest / 2 <= backoff_seconds(attempts, CONSUMER, Random(seed)) <= longest


def test_backoff_starts_from_the_consumers_delay() -> None:
    assert 3.5 <= backoff_seconds(1, PATIENT, Random(1)) <= 7
    slow = QueueConsumerConfig(queue="q", retry_delay=1000)
    assert 500 <= backoff_seconds(9, slow, Random(1)) <= 1000


def test_messages_that_failed_together_do_not_come_back_together() -> None:
    random = Random(5)
    assert len({backoff_seconds(3, CONSUMER, random) for _ in range(20)}) == 20
