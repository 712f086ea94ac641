"""Links that the store takes for as long as they say: AWS Signature Version 4 in the query of an address. Pure.

The vendor's SDK makes the same links, each in half a millisecond and more of its processor: a list of a hundred videos
has three hundred.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNRESERVED = "-_.~"


class Signer:
    """Signs for one store, which names buckets in the path of its addresses. endpoint: its URL."""

    def __init__(self, endpoint: str, access_key: str, secret_key: str, region: str) -> None:
        parts = urlsplit(endpoint)
        self._origin, self._root = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
        self._host = _host(parts.scheme, parts.netloc)
        self._access_key, self._secret_key, self._region = access_key, secret_key, region
        self._key_of_day = ("", b"")

    def link(
        self, method: Literal["GET", "PUT"], bucket: str, key: str, expires_seconds: int, now: datetime | None = None
    ) -> str:
        """To one object, for one method, from now on for so long."""
        at = (datetime.now(UTC) if now is None else now.astimezone(UTC)).strftime("%Y%m%dT%H%M%SZ")
        path = f"{self._root}/{_quoted(bucket)}/{_quoted(key, keep='/')}"
        scope = f"{at[:8]}/{self._region}/s3/aws4_request"
        # In the order of their names, as the signature wants them.
        query = (
            f"X-Amz-Algorithm={_ALGORITHM}&X-Amz-Credential={_quoted(f'{self._access_key}/{scope}')}"
            f"&X-Amz-Date={at}&X-Amz-Expires={expires_seconds}&X-Amz-SignedHeaders=host"
        )
        request = f"{method}\n{path}\n{query}\nhost:{self._host}\n\nhost\nUNSIGNED-PAYLOAD"
        told = f"{_ALGORITHM}\n{at}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        signature = hmac.digest(self._signing_key(at[:8]), told.encode(), "sha256").hex()
        return f"{self._origin}{path}?{query}&X-Amz-Signature={signature}"

    def _signing_key(self, day: str) -> bytes:
        """The same for all links of a day."""
        known, found = self._key_of_day
        if known != day:
            found = f"AWS4{self._secret_key}".encode()
            for part in (day, self._region, "s3", "aws4_request"):
                found = hmac.digest(found, part.encode(), "sha256")
            self._key_of_day = (day, found)
        return found


def _host(scheme: str, netloc: str) -> str:
    """As clients send it: without the port that they would have taken anyway."""
    host, _, port = netloc.rpartition(":")
    return host if host and port == str(_DEFAULT_PORTS.get(scheme)) else netloc


def _quoted(text: str, keep: str = "") -> str:
    return quote(text, safe=_UNRESERVED + keep)
