"""What a producer may send, checked before anything is sent. Pure. All raise QueueError, never retryable."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

from wrangler_compat.errors import QueueError
from wrangler_compat.queues import limits
from wrangler_compat.queues.types import QueueSendRequest


def check_name(name: str) -> None:
    if not re.fullmatch(limits.NAME_PATTERN, name):
        raise QueueError(
            f"A queue's name is 1 to 63 small letters, digits and dashes, not {name!r} ({limits.NAMES_PAGE}).",
            code="QUEUE_NAME_INVALID",
        )


def encode_body(body: Any) -> bytes:
    """The body as JSON. NaN and what JSON cannot say are refused, and so is more than 128 kB."""
    try:
        encoded = json.dumps(body, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise QueueError(f"A message body must be a JSON value: {error}.", code="QUEUE_BODY_INVALID") from error
    if len(encoded) > limits.MAX_BODY_BYTES:
        raise QueueError(
            f"A message body may have {limits.MAX_BODY_BYTES} bytes, this one has {len(encoded)}; "
            "put the data into R2 and send its key.",
            code="QUEUE_BODY_TOO_LARGE",
        )
    return encoded


def check_delay(delay_seconds: float | None) -> float:
    """The delay, 0 when none."""
    if delay_seconds is None:
        return 0.0
    if not math.isfinite(delay_seconds) or not 0 <= delay_seconds <= limits.MAX_DELAY_SECONDS:
        raise QueueError(
            f"delay_seconds must be from 0 to {limits.MAX_DELAY_SECONDS}, not {delay_seconds!r}.",
            code="QUEUE_DELAY_INVALID",
        )
    return float(delay_seconds)


def check_batch(messages: Sequence[QueueSendRequest]) -> None:
    """Bodies, delays, count and size of one send_batch()."""
    if not 1 <= len(messages) <= limits.MAX_BATCH_MESSAGES:
        raise QueueError(
            f"A batch has 1 to {limits.MAX_BATCH_MESSAGES} messages, not {len(messages)}.",
            code="QUEUE_BATCH_TOO_LARGE" if messages else "QUEUE_BATCH_EMPTY",
        )
    for message in messages:
        check_delay(message.delay_seconds)
    size = sum(len(encode_body(message.body)) for message in messages)
    if size > limits.MAX_BATCH_BYTES:
        raise QueueError(
            f"A batch may have {limits.MAX_BATCH_BYTES} bytes, this one has {size}; send it in parts.",
            code="QUEUE_BATCH_TOO_LARGE",
        )
