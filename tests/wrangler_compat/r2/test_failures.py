"""Every exception class of botocore, aiobotocore and aiohttp becomes an R2Error, truthfully retryable or not."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import aiohttp.client_exceptions
import botocore.exceptions as vendor
import pytest
from aiobotocore.response import AioReadTimeoutError

from tests.wrangler_compat.r2.looking import refused
from wrangler_compat.errors import ConfigError, R2Error
from wrangler_compat.r2 import codes
from wrangler_compat.r2.s3 import VENDOR_ERRORS, open_s3_bucket, r2_error


def instance(cls: type[Exception]) -> Exception:
    error = cls.__new__(cls)
    Exception.__init__(error, "the reason")
    return error


BOTOCORE = {
    name: cls
    for name, cls in vars(vendor).items()
    if isinstance(cls, type) and issubclass(cls, Exception) and issubclass(cls, vendor.BotoCoreError)
}
AIOHTTP = {
    name: cls
    for name, cls in vars(aiohttp.client_exceptions).items()
    if isinstance(cls, type) and issubclass(cls, aiohttp.ClientError) and "Certificate" not in name
}
RETRYABLE = {
    "ConnectionError",
    "EndpointConnectionError",
    "ConnectionClosedError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyConnectionError",
    "SSLError",
    "HTTPClientError",
    "ResponseStreamingError",
    "IncompleteReadError",
}


@pytest.mark.parametrize("name", BOTOCORE)
def test_every_class_of_botocore_is_caught_and_mapped(name: str) -> None:
    error = instance(BOTOCORE[name])
    assert isinstance(error, VENDOR_ERRORS)
    assert r2_error(error).retryable == (name in RETRYABLE)


def test_the_names_that_are_retryable_exist() -> None:
    assert set(BOTOCORE) >= RETRYABLE


@pytest.mark.parametrize("error", [AioReadTimeoutError(endpoint_url="x")])
def test_aiobotocores_own(error: Exception) -> None:
    assert isinstance(error, VENDOR_ERRORS)
    assert isinstance(r2_error(error), R2Error)


@pytest.mark.parametrize("name", AIOHTTP)
def test_every_class_of_aiohttp_is_caught(name: str) -> None:
    assert issubclass(AIOHTTP[name], VENDOR_ERRORS)


@pytest.mark.parametrize(
    "error",
    [
        aiohttp.ClientPayloadError("cut off"),
        aiohttp.ServerDisconnectedError(),
        aiohttp.ServerTimeoutError(),
        ConnectionResetError("reset"),
        TimeoutError(),
    ],
)
def test_a_broken_connection_is_retryable(error: Exception) -> None:
    mapped = r2_error(error)
    assert mapped.retryable
    assert mapped.code == codes.UNREACHABLE.code


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("NoSuchKey", 404, codes.NO_SUCH_KEY),
        ("404", 404, codes.NO_SUCH_KEY),
        ("NoSuchBucket", 404, codes.NO_SUCH_BUCKET),
        ("NoSuchUpload", 404, codes.NO_SUCH_UPLOAD),
        ("InvalidRange", 416, codes.INVALID_RANGE),
        ("PreconditionFailed", 412, codes.PRECONDITION_FAILED),
        ("AccessDenied", 403, codes.ACCESS_DENIED),
        ("SignatureDoesNotMatch", 403, codes.SIGNATURE_DOES_NOT_MATCH),
        ("InvalidAccessKeyId", 403, codes.UNAUTHORIZED),
        ("EntityTooSmall", 400, codes.ENTITY_TOO_SMALL),
        ("SlowDown", 503, codes.SLOW_DOWN),
        ("SomethingNew", 429, codes.SLOW_DOWN),
        ("SomethingNew", 500, codes.INTERNAL_ERROR),
        ("SomethingNew", 503, codes.UNREACHABLE),
        ("SomethingNew", 507, codes.INTERNAL_ERROR),
        ("SomethingNew", 400, codes.INVALID_ARGUMENT),
        ("", 0, codes.INVALID_ARGUMENT),
    ],
)
def test_an_answer_of_the_store(name: str, status: int, code: codes.R2Code) -> None:
    answer = {"Error": {"Code": name, "Message": "words"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    mapped = r2_error(vendor.ClientError(answer, "PutObject"))  # type: ignore[arg-type]
    assert mapped.code == code.code
    assert mapped.retryable == code.retryable
    assert mapped.message.startswith(code.message)
    assert mapped.message.endswith(f"({code.number})")


def test_an_answer_without_words() -> None:
    assert r2_error(vendor.ClientError({}, "PutObject")).code == codes.INVALID_ARGUMENT.code


def test_the_codes_are_data() -> None:
    assert len(codes.ALL) > 15
    assert all(code.message.endswith((".", "satisfiable")) for code in codes.ALL)
    assert [code.name for code in codes.ALL if code.retryable] == [
        "InternalError",
        "TooManyRequests",
        "ServiceUnavailable",
        "ServiceUnavailable",
        "IncompleteBody",
    ]


async def test_a_store_that_is_not_there() -> None:
    async with open_s3_bucket("http://127.0.0.1:9", "videos", access_key="k", secret_key="s") as bucket:
        with refused(codes.UNREACHABLE):
            await bucket.ping()


async def test_a_store_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        endpoint = f"http://127.0.0.1:{mute.getsockname()[1]}"
        async with open_s3_bucket(endpoint, "videos", access_key="k", secret_key="s", timeout_seconds=0.3) as bucket:
            async with asyncio.timeout(60):
                with refused(codes.TIMED_OUT) as caught:
                    await bucket.put("a", b"x" * 10_000_000)
    assert caught.value.retryable


async def test_a_store_that_stops_in_the_middle_of_a_body() -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\nETag: "e"\r\n'
        date = "Last-Modified: Sat, 21 Nov 2026 02:13:05 GMT\r\n\r\n"
        writer.write(f"{head}{date}".encode() + b"x" * 50)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(half, "127.0.0.1", 0)
    async with server:
        endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with open_s3_bucket(endpoint, "videos", access_key="k", secret_key="s", timeout_seconds=60) as bucket:
            body = await bucket.get("a")
            assert body is not None
            with refused(codes.UNREACHABLE):
                await body.bytes()  # type: ignore[union-attr]


@pytest.mark.parametrize("endpoint", ["not a url", "http://"])
async def test_an_endpoint_that_cannot_be_one(endpoint: str) -> None:
    with pytest.raises((R2Error, ConfigError)):
        async with open_s3_bucket(endpoint, "videos", access_key="k", secret_key="s") as bucket:
            await bucket.ping()
