"""Signatures of the Standard Webhooks specification (standardwebhooks.com). Pure.

Signed is `id.timestamp.body`, with HMAC-SHA256. While one secret replaces another, there is a signature by each.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"
_NEW_BYTES = 32
_LEAST_BYTES, _MOST_BYTES = 24, 64


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(_NEW_BYTES)).decode()


def check_secret(secret: str) -> None:
    """Raises ValueError with a sentence, which does not hold the secret."""
    _key(secret)


def headers(webhook_id: str, timestamp: int, body: bytes, signed_by: Sequence[str]) -> dict[str, str]:
    """timestamp: Unix seconds, of this attempt. signed_by: secrets, the newest first."""
    signatures = [signature(webhook_id, timestamp, body, secret) for secret in signed_by]
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def signature(webhook_id: str, timestamp: int, body: bytes, secret: str) -> str:
    """`v1,` and the base64 of the digest. Raises ValueError when the secret is none."""
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not _LEAST_BYTES <= len(key) <= _MOST_BYTES:
        raise ValueError(f"a secret is {PREFIX} and the base64 of {_LEAST_BYTES} to {_MOST_BYTES} bytes")
    return key
