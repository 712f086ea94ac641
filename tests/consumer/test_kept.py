from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest

from consumer.kept import Shelf, UnusableFingerprintError, check_version
from consumer.workers import Workers, open_workers
from tests.consumer.fingerprints import make_fingerprint
from wire.fingerprints import ALGORITHM_VERSION, pack
from wrangler_compat.testing import MemoryR2Bucket

ARRAYS_BYTES = 20 * (256 + 4 + 4) + 80 * 4
"""Of make_fingerprint(): 20 samples and 80 codes."""


@pytest.fixture
def workers() -> Iterator[Workers]:
    with open_workers(partial(ThreadPoolExecutor, 1)) as workers:
        yield workers


@pytest.fixture
async def bucket() -> MemoryR2Bucket:
    bucket = MemoryR2Bucket()
    for seed in range(3):
        await bucket.put(f"{seed}.vfp", pack(make_fingerprint(seed)))
    return bucket


async def test_what_was_kept_is_read(bucket: MemoryR2Bucket, workers: Workers) -> None:
    read = await Shelf(bucket, workers).read("1.vfp")
    assert pack(read) == pack(make_fingerprint(1))


async def test_what_was_read_is_remembered(bucket: MemoryR2Bucket, workers: Workers) -> None:
    shelf = Shelf(bucket, workers)
    read = await shelf.read("1.vfp")
    await bucket.delete("1.vfp")
    assert await shelf.read("1.vfp") is read


async def test_no_more_is_remembered_than_there_is_room_for(bucket: MemoryR2Bucket, workers: Workers) -> None:
    """Room for two: the one that was not asked for longest is forgotten."""
    shelf = Shelf(bucket, workers, most_bytes=2 * ARRAYS_BYTES)
    for name in ("0", "1", "0", "2"):
        await shelf.read(f"{name}.vfp")
    for name in ("0", "1", "2"):
        await bucket.delete(f"{name}.vfp")
    await shelf.read("0.vfp")
    await shelf.read("2.vfp")
    with pytest.raises(UnusableFingerprintError, match=r"1\.vfp is gone"):
        await shelf.read("1.vfp")


async def test_one_that_is_larger_than_the_room_is_read_all_the_same(bucket: MemoryR2Bucket, workers: Workers) -> None:
    shelf = Shelf(bucket, workers, most_bytes=1)
    assert (await shelf.read("0.vfp")).duration == (await shelf.read("1.vfp")).duration == 10.0


async def test_a_damaged_one_and_one_of_another_version_are_refused(bucket: MemoryR2Bucket, workers: Workers) -> None:
    shelf = Shelf(bucket, workers)
    await bucket.put("damaged.vfp", pack(make_fingerprint(1))[:-1])
    with pytest.raises(UnusableFingerprintError, match=r"damaged\.vfp cannot be read: .*checksum"):
        await shelf.read("damaged.vfp")
    await bucket.put("other.vfp", pack(replace(make_fingerprint(1), algorithm_version=ALGORITHM_VERSION + 1)))
    for _ in range(2):
        with pytest.raises(UnusableFingerprintError, match=r"other\.vfp was made by algorithm version"):
            await shelf.read("other.vfp")


def test_the_version_is_checked() -> None:
    check_version("x", ALGORITHM_VERSION)
    with pytest.raises(UnusableFingerprintError, match="version None"):
        check_version("x", None)
