from __future__ import annotations

import base64

import pytest

from consumer.webhooks.signing import check_secret, headers, new_secret, signature

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


def test_new_secrets_are_new_and_long() -> None:
    secrets = {new_secret() for _ in range(50)}
    assert len(secrets) == 50
    for secret in secrets:
        check_secret(secret)
        assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "hunter2", SECRET.removeprefix("whsec_"), "whsec_short", "whsec_!!!!"]
)
def test_what_is_no_secret_is_refused_without_being_told(secret: str) -> None:
    with pytest.raises(ValueError, match="a secret is whsec_ and") as refused:
        check_secret(secret)
    assert len(secret) < 8 or secret not in str(refused.value)
