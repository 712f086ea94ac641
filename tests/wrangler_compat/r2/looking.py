"""How the tests of R2 buckets look into one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from wrangler_compat.errors import R2Error
from wrangler_compat.r2 import codes, limits
from wrangler_compat.r2.types import (
    R2Bucket,
    R2Object,
    R2ObjectBody,
    R2Range,
)

PART = limits.MIN_PART_BYTES


def refused(code: codes.R2Code) -> pytest.RaisesExc[R2Error]:
    """pytest.raises for one of R2's codes."""
    return pytest.RaisesExc(R2Error, check=lambda error: error.code == code.code)


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def read(bucket: R2Bucket, key: str) -> bytes:
    return await (await body_of(bucket, key)).bytes()


async def body_of(bucket: R2Bucket, key: str, wanted: R2Range | None = None) -> R2ObjectBody:
    body = await bucket.get(key, range=wanted)
    assert body is not None
    assert not isinstance(body, R2Object)
    return body


async def keys(bucket: R2Bucket, prefix: str = "") -> list[str]:
    return [found.key for found in (await bucket.list(prefix=prefix)).objects]
