"""The seam between R2's behaviour and the S3 client (s3.py), the only file that knows the vendor's SDK."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from wrangler_compat.r2 import codes


class S3Calls(Protocol):
    """S3's operations by their names in snake_case, with S3's parameters and answers. Failures raise R2Error."""

    async def call(
        self, operation: str, *, timeout_seconds: float | None = None, **parameters: Any
    ) -> dict[str, Any]: ...
    async def read(self, body: Any, size: int) -> bytes: ...
    def presign(self, method: Literal["GET", "PUT"], bucket: str, key: str, expires_seconds: int) -> str: ...


async def delete_all(client: S3Calls, bucket: str, keys: Sequence[str]) -> None:
    """Raises R2Error naming the keys that were not deleted; keys that are not there are no failure."""
    if len(keys) == 1:
        await client.call("delete_object", Bucket=bucket, Key=keys[0])
        return
    listed = [{"Key": key} for key in dict.fromkeys(keys)]
    answer = await client.call("delete_objects", Bucket=bucket, Delete={"Objects": listed, "Quiet": True})
    refused = [error for error in answer.get("Errors", []) if error.get("Code") not in {"NoSuchKey", "NotFound"}]
    if refused:
        names = ", ".join(f"{error.get('Key')}: {error.get('Message') or error.get('Code')}" for error in refused[:5])
        raise codes.code_of(str(refused[0].get("Code")), 0).error(f"{len(refused)} not deleted: {names}")
