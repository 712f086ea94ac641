"""Targets of webhooks: where they may be, their kinds, their secrets. Pure: consumer sends, edge_api takes new ones."""

from __future__ import annotations

import base64
import binascii
import secrets
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from wire.addresses import HttpUrl, UrlError, http_url, is_public

KINDS = ("video.approved", "video.duplicate_detected", "video.flagged", "video.rejected")
DELIVERY_STATUSES = ("pending", "sent", "failed")
OVERLAP_SECONDS = 24 * 3600.0
"""For so long after a rotation the secret before it signs too."""

SECRET_PREFIX = "whsec_"
_NEW_BYTES = 32
_LEAST_BYTES, _MOST_BYTES = 24, 64


class TargetRefusedError(Exception):
    """The URL must not be sent to. The message is a sentence."""


@dataclass(frozen=True, slots=True)
class Target:
    """is_allowed: named by WEBHOOK_ALLOWED_HOSTS, whatever its address."""

    url: HttpUrl
    is_allowed: bool

    def check(self, addresses: Sequence[str]) -> None:
        """Raises TargetRefusedError when one of the addresses that the host has is private."""
        if not self.is_allowed and not all(map(is_public, addresses)):
            raise TargetRefusedError(
                f"{self.url.host} is in a private network, which webhooks are not sent to; WEBHOOK_ALLOWED_HOSTS names "
                "those that may be."
            )


def target_of(text: str, allowed_hosts: Collection[str]) -> Target:
    """https to any host; http to those of allowed_hosts. Raises TargetRefusedError."""
    try:
        url = http_url(text)
    except UrlError as error:
        raise TargetRefusedError(f"A target {error}.") from error
    if not text.isascii() or url.fragment:
        raise TargetRefusedError("A target is written in ASCII, without a fragment.")
    is_allowed = url.host in {each.lower() for each in allowed_hosts}
    if not url.is_tls and not is_allowed:
        raise TargetRefusedError("A target begins with https://; http:// is for hosts in WEBHOOK_ALLOWED_HOSTS.")
    return Target(url, is_allowed)


def new_target_id() -> str:
    return f"wh_{uuid.uuid4().hex[:12]}"


def new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_NEW_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """The bytes that sign. Raises ValueError with a sentence, which does not hold the secret."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(SECRET_PREFIX) or not _LEAST_BYTES <= len(key) <= _MOST_BYTES:
        raise ValueError(f"a secret is {SECRET_PREFIX} and the base64 of {_LEAST_BYTES} to {_MOST_BYTES} bytes")
    return key
