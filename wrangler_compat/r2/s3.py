"""An S3 client that speaks R2's errors: the only importer of aiobotocore and botocore.

Every call has a deadline of its own around everything, retries included: read_timeout alone did not end a PUT that
waited for "100 Continue" (hence no Expect header, either).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal, Protocol

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore import exceptions as vendor

from wrangler_compat.errors import R2Error
from wrangler_compat.r2 import codes
from wrangler_compat.r2.bucket import S3Bucket
from wrangler_compat.r2.sidecar import bucket_for
from wrangler_compat.r2.signing import Signer

# A connection that could not be made or broke: the same call may succeed later.
_BROKEN = (vendor.ConnectionError, vendor.HTTPClientError, vendor.IncompleteReadError, aiohttp.ClientError, OSError)
_TIMED_OUT = (vendor.ConnectTimeoutError, vendor.ReadTimeoutError, TimeoutError)
_UNAUTHORIZED = (vendor.NoCredentialsError, vendor.PartialCredentialsError, vendor.CredentialRetrievalError)
VENDOR_ERRORS = (vendor.ClientError, vendor.BotoCoreError, aiohttp.ClientError, OSError, TimeoutError, ValueError)


@asynccontextmanager
async def open_s3_bucket(
    endpoint: str,
    bucket: str,
    *,
    access_key: str,
    secret_key: str,
    region: str = "auto",
    sidecar: bool = False,
    timeout_seconds: float = 60,
) -> AsyncIterator[S3Bucket]:
    """An R2Bucket; the store is reached with the first call. Raises R2Error when the endpoint cannot be one.

    sidecar: keep metadata in a second bucket, for stores that forget it. timeout_seconds: of one call, or of one
    chunk of a body.
    """
    async with open_s3_client(endpoint, access_key, secret_key, region, timeout_seconds) as client:
        yield S3Bucket(client, bucket, bucket_for(bucket) if sidecar else None)


async def create_s3_bucket(
    endpoint: str, bucket: str, *, access_key: str, secret_key: str, region: str = "auto", sidecar: bool = False
) -> None:
    """Make a bucket. Raises R2Error 10073 when it is there."""
    async with open_s3_client(endpoint, access_key, secret_key, region, 30) as client:
        await client.call("create_bucket", Bucket=bucket)
        if sidecar:
            await client.call("create_bucket", Bucket=bucket_for(bucket))


@asynccontextmanager
async def open_s3_client(
    endpoint: str, access_key: str, secret_key: str, region: str, timeout_seconds: float
) -> AsyncIterator[S3Client]:
    config = AioConfig(
        # Without these, range GETs fail their checksum and R2 refuses puts.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        connect_timeout=min(5.0, timeout_seconds),
        read_timeout=timeout_seconds,
        retries={"total_max_attempts": 3, "mode": "standard"},
        max_pool_connections=50,
    )
    try:
        context = get_session().create_client(
            "s3",
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=config,
        )
        client = await context.__aenter__()
    except VENDOR_ERRORS as error:
        raise r2_error(error) from error
    try:
        client.meta.events.register_last("before-call.s3", _drop_expect)
        yield S3Client(client, Signer(endpoint, access_key, secret_key, region), timeout_seconds)
    finally:
        await context.__aexit__(None, None, None)


class _Body(Protocol):
    async def read(self, amt: int | None = None) -> bytes: ...


class S3Client:
    """S3's operations by their names in snake_case, with S3's parameters and answers. Failures raise R2Error."""

    def __init__(self, client: Any, signer: Signer, timeout_seconds: float) -> None:
        self._client, self._signer = client, signer
        self._timeout_seconds = timeout_seconds

    async def call(self, operation: str, *, timeout_seconds: float | None = None, **parameters: Any) -> dict[str, Any]:
        """timeout_seconds: when not that of the client."""
        given = {name: value for name, value in parameters.items() if value is not None}
        try:
            async with asyncio.timeout(timeout_seconds or self._timeout_seconds):
                answer: dict[str, Any] = await getattr(self._client, operation)(**given)
                return answer
        except VENDOR_ERRORS as error:
            raise r2_error(error) from error

    async def read(self, body: _Body, size: int) -> bytes:
        """The next bytes of an answer's Body; none at its end."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await body.read(size)
        except VENDOR_ERRORS as error:
            raise r2_error(error) from error

    def presign(self, method: Literal["GET", "PUT"], bucket: str, key: str, expires_seconds: int) -> str:
        return self._signer.link(method, bucket, key, expires_seconds)


def _drop_expect(params: dict[str, Any], **_kwargs: Any) -> None:
    params["headers"].pop("Expect", None)


def r2_error(error: BaseException) -> R2Error:
    """The R2Error for an exception that aiobotocore, botocore or aiohttp raised."""
    if isinstance(error, vendor.ClientError):
        answer: Mapping[str, Any] = error.response
        status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
        name = str(answer.get("Error", {}).get("Code") or "")
        message = str(answer.get("Error", {}).get("Message") or "")
        return codes.code_of(name, status).error(f"{error.operation_name}: {message or name or status}")
    if isinstance(error, _TIMED_OUT):
        return codes.TIMED_OUT.error(str(error))
    if isinstance(error, _BROKEN):
        return codes.UNREACHABLE.error(str(error) or type(error).__name__)
    if isinstance(error, _UNAUTHORIZED):
        return codes.UNAUTHORIZED.error(str(error))
    return codes.INVALID_ARGUMENT.error(str(error) or type(error).__name__)
