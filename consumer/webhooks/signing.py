"""Signatures of the Standard Webhooks specification (standardwebhooks.com). Pure.

Signed is `id.timestamp.body`, with HMAC-SHA256. While one secret replaces another, there is a signature by each.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from wire.webhooks import key_of


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
    return "v1," + base64.b64encode(hmac.digest(key_of(secret), signed, hashlib.sha256)).decode()
