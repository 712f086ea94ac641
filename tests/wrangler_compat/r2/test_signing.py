"""Links are, byte for byte, those that the vendor's SDK makes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from hypothesis import given
from hypothesis import strategies as st

from wrangler_compat.r2.signing import Signer

KEYS = ("videos/2026/11/21/0a.mp4", "a b/ü.mp4", "+&=?#%/~._-", "a//b", "/a", "a/", "\N{MOVIE CAMERA}", "../x")
ENDPOINTS = (
    "http://127.0.0.1:9000",
    "https://0a1b.r2.cloudflarestorage.com",
    "http://store.test:80",
    "https://store.test:443/",
    "https://store.test:8443/behind/a/proxy",
    "http://[::1]:9000",
)
ACCESS_KEY, SECRET_KEY = "an-access-key/with+signs", "a secret / of = the + tests"


async def vendors(endpoint: str, region: str, method: str, key: str, seconds: int) -> str:
    config = AioConfig(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    async with get_session().create_client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=config,
    ) as client:
        operation = {"GET": "get_object", "PUT": "put_object"}[method]
        named = {"Bucket": "the-bucket", "Key": key}
        url: str = await client.generate_presigned_url(operation, Params=named, ExpiresIn=seconds)
        return url


def moment_of(url: str) -> datetime:
    (at,) = parse_qs(urlsplit(url).query)["X-Amz-Date"]
    return datetime.strptime(at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_as_the_sdk_signs_for_every_kind_of_store(endpoint: str, method: Literal["GET", "PUT"]) -> None:
    url = await vendors(endpoint, "auto", method, KEYS[0], 60)
    signer = Signer(endpoint, ACCESS_KEY, SECRET_KEY, "auto")
    assert signer.link(method, "the-bucket", KEYS[0], 60, moment_of(url)) == url


@pytest.mark.parametrize("key", KEYS)
async def test_as_the_sdk_signs_every_key(key: str) -> None:
    url = await vendors(ENDPOINTS[0], "eu-central-1", "GET", key, 7 * 86_400)
    signer = Signer(ENDPOINTS[0], ACCESS_KEY, SECRET_KEY, "eu-central-1")
    assert signer.link("GET", "the-bucket", key, 7 * 86_400, moment_of(url)) == url


@given(st.text(min_size=1, max_size=40).filter(lambda key: key.isprintable()))
def test_nothing_of_a_key_gets_into_the_query(key: str) -> None:
    parts = urlsplit(Signer(ENDPOINTS[0], ACCESS_KEY, SECRET_KEY, "auto").link("GET", "b", key, 60))
    assert (parts.fragment, len(parse_qs(parts.query, strict_parsing=True))) == ("", 6)


def test_a_link_is_of_its_moment() -> None:
    signer = Signer(ENDPOINTS[0], ACCESS_KEY, SECRET_KEY, "auto")
    before, at = datetime.now(UTC).replace(microsecond=0), moment_of(signer.link("GET", "b", "k", 60))
    assert before <= at <= datetime.now(UTC)


def test_each_day_has_its_own_key() -> None:
    signer, today = Signer(ENDPOINTS[0], ACCESS_KEY, SECRET_KEY, "auto"), datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC)
    days = [today, today + timedelta(seconds=1), today]
    links = [signer.link("GET", "b", "k", 60, day) for day in days]
    assert links == [
        Signer(ENDPOINTS[0], ACCESS_KEY, SECRET_KEY, "auto").link("GET", "b", "k", 60, day) for day in days
    ]
    assert links[0] != links[1]
