"""Targets of webhooks and their secrets."""

from __future__ import annotations

import base64

import pytest

from wire.webhooks import TargetRefusedError, key_of, new_secret, new_target_id, target_of

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_a_target_is_taken_apart() -> None:
    url = target_of("https://Hooks.Example.org./in?a=1&b=2", ()).url
    assert (url.host, url.port, url.path, url.is_tls) == ("hooks.example.org", 443, "/in?a=1&b=2", True)
    assert url.authority == "hooks.example.org"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "ftp://example.org/",
        "file:///etc/passwd",
        "http://example.org/",
        "https://",
        "https://user:pass@example.org/",
        "https://example.org/#fragment",
        "https://example.org/a b",
        "https://example.org/\r\nX: y",
        "https://exämple.org/",
        "https://example.org\\@localhost/",
        "https://[::1/",
        "https://example.org:99999/",
        "https://example.org/" + "x" * 2048,
    ],
)
def test_what_is_no_target(url: str) -> None:
    with pytest.raises(TargetRefusedError):
        target_of(url, ())


def test_a_private_address_is_for_hosts_of_the_setting() -> None:
    target = target_of("https://example.org/", ())
    target.check(["1.1.1.1", "2606:4700::1"])
    with pytest.raises(TargetRefusedError, match=r"example\.org is in a private network"):
        target.check(["1.1.1.1", "169.254.169.254"])
    target_of("http://hooks.internal/", ("Hooks.Internal",)).check(["10.0.0.1"])
    with pytest.raises(TargetRefusedError, match="WEBHOOK_ALLOWED_HOSTS"):
        target_of("http://hooks.internal/", ("other.internal",))


def test_ids_are_new() -> None:
    assert new_target_id() != new_target_id()
    assert new_target_id().startswith("wh_")


def test_new_secrets_are_new_and_long() -> None:
    secrets = {new_secret() for _ in range(50)}
    assert len(secrets) == 50
    for secret in secrets:
        key_of(secret)
        assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "hunter2", SECRET.removeprefix("whsec_"), "whsec_short", "whsec_!!!!"]
)
def test_what_is_no_secret_is_refused_without_being_told(secret: str) -> None:
    with pytest.raises(ValueError, match="a secret is whsec_ and") as refused:
        key_of(secret)
    assert len(secret) < 8 or secret not in str(refused.value)
