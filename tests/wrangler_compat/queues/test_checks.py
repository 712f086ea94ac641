"""Cloudflare's limits, at the limit and one beyond it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrangler_compat.errors import QueueError
from wrangler_compat.queues import limits
from wrangler_compat.queues.checks import check_batch, check_delay, check_name, encode_body
from wrangler_compat.queues.types import QueueSendRequest


def code_of(call: Any, *arguments: Any) -> str:
    with pytest.raises(QueueError) as raised:
        call(*arguments)
    assert not raised.value.retryable
    return raised.value.code


@pytest.mark.parametrize("name", ["a", "video-high", "q" * 63, "9"])
def test_good_names(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", ["", "-a", "a-", "Video", "a b", "a:b", "q" * 64, "ä", "a\n"])
def test_bad_names(name: str) -> None:
    assert code_of(check_name, name) == "QUEUE_NAME_INVALID"


@pytest.mark.parametrize("body", [None, True, 0, 1.5, "text", [1, [2]], {"video_id": "x", "n": None}])
def test_json_values_are_bodies(body: Any) -> None:
    assert encode_body(body)


@pytest.mark.parametrize("body", [b"bytes", {1, 2}, object(), math.nan, [math.inf]])
def test_other_values_are_not(body: Any) -> None:
    assert code_of(encode_body, body) == "QUEUE_BODY_INVALID"


def test_a_body_that_contains_itself_is_refused() -> None:
    body: list[Any] = []
    body.append(body)
    assert code_of(encode_body, body) == "QUEUE_BODY_INVALID"


def test_a_body_at_the_limit_and_beyond() -> None:
    assert len(encode_body("x" * (limits.MAX_BODY_BYTES - 2))) == 128_000
    assert code_of(encode_body, "x" * (limits.MAX_BODY_BYTES - 1)) == "QUEUE_BODY_TOO_LARGE"


@pytest.mark.parametrize(("delay", "checked"), [(None, 0.0), (0, 0.0), (0.5, 0.5), (86_400, 86_400.0)])
def test_good_delays(delay: float | None, checked: float) -> None:
    assert check_delay(delay) == checked


@pytest.mark.parametrize("delay", [-0.1, 86_400.1, math.nan, math.inf])
def test_bad_delays(delay: float) -> None:
    assert code_of(check_delay, delay) == "QUEUE_DELAY_INVALID"


def test_batches_by_count() -> None:
    check_batch([QueueSendRequest(1)] * limits.MAX_BATCH_MESSAGES)
    assert code_of(check_batch, [QueueSendRequest(1)] * 101) == "QUEUE_BATCH_TOO_LARGE"
    assert code_of(check_batch, []) == "QUEUE_BATCH_EMPTY"


def test_batches_by_bytes() -> None:
    check_batch([QueueSendRequest("x" * 127_998)] * 2)
    assert code_of(check_batch, [QueueSendRequest("x" * 127_998)] * 2 + [QueueSendRequest(1)]) == (
        "QUEUE_BATCH_TOO_LARGE"
    )


def test_one_bad_message_spoils_the_batch() -> None:
    assert code_of(check_batch, [QueueSendRequest(1), QueueSendRequest(1, -1)]) == "QUEUE_DELAY_INVALID"
    assert code_of(check_batch, [QueueSendRequest(1), QueueSendRequest(b"")]) == "QUEUE_BODY_INVALID"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_whatever_json_can_say_is_encoded_compactly(body: Any) -> None:
    assert b": " not in encode_body({"a": 1, "b": body})[:6]
