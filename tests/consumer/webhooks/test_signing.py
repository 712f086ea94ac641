from __future__ import annotations

import pytest

from consumer.webhooks.signing import headers, signature
from wire.webhooks import new_secret

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_signature_of_the_specifications_own_example() -> None:
    """The vector that the reference libraries are tested with."""
    assert (
        signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', SECRET)
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_the_headers_carry_a_signature_by_each_secret() -> None:
    other = new_secret()
    sent = headers("id", 7, b"{}", [other, SECRET])
    assert sent["webhook-id"] == "id"
    assert sent["webhook-timestamp"] == "7"
    assert sent["webhook-signature"].split(" ") == [signature("id", 7, b"{}", each) for each in (other, SECRET)]


@pytest.mark.parametrize(("webhook_id", "timestamp", "body"), [("x", 7, b"{}"), ("id", 8, b"{}"), ("id", 7, b"[]")])
def test_everything_is_signed(webhook_id: str, timestamp: int, body: bytes) -> None:
    assert signature(webhook_id, timestamp, body, SECRET) != signature("id", 7, b"{}", SECRET)
