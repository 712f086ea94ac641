"""JSON bodies that do not come to an end."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from edge_api.bodies import json_object
from edge_api.errors import ApiError

SCOPE = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-type", b"application/json")]}


@pytest.mark.parametrize("pause", [0.01, 60.0])
async def test_a_body_that_trickles_in_or_never_comes_is_not_waited_for(pause: float) -> None:
    async def receive() -> Message:
        await asyncio.sleep(pause)
        return {"type": "http.request", "body": b" ", "more_body": True}

    with pytest.raises(ApiError) as raised:
        await json_object(Request(SCOPE, receive), within_seconds=0.1)
    assert (raised.value.code, raised.value.kind.status) == ("REQUEST_TIMEOUT", 408)
