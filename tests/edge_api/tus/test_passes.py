"""Looks at the bytes of a file: what they tell does not depend on how the bytes were cut."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import AsyncIterator

import pytest

from edge_api.boxes import MOVIE_BYTES
from edge_api.tus.passes import Look, Looks
from tests.edge_api.kit import box, ftyp, mp4


async def looked(data: bytes, *cuts: int) -> Look:
    look = Look()
    for start, stop in itertools.pairwise((0, *cuts, len(data))):
        await look.at(data[start:stop])
    await look.settle()
    return look


@pytest.mark.parametrize("cuts", [(), (1,), (10, 10, 500), tuple(range(100, 20_000, 977))])
async def test_a_look(cuts: tuple[int, ...]) -> None:
    look = await looked(mp4(), *cuts)
    assert look.size == len(mp4())
    assert await look.sha256() == hashlib.sha256(mp4()).hexdigest()
    assert look.boxes.fault() is None
    assert (await looked(mp4()[:5000], *(cut for cut in cuts if cut < 5000))).boxes.fault() == "truncated"


async def test_a_whole_object() -> None:
    data = mp4(9_000_000)
    chance = random.Random(3)

    async def chunks() -> AsyncIterator[bytes]:
        at = 0
        while at < len(data):
            step = chance.randrange(1, 3_000_000)
            yield data[at : at + step]
            at += step

    look = Look()
    await look.at_all(chunks())
    assert (look.size, await look.sha256()) == (len(data), hashlib.sha256(data).hexdigest())


async def test_a_look_is_gone_on_with_where_it_ended() -> None:
    looks, look = Looks(), await looked(mp4())
    looks.keep("a", look)
    assert looks.take("b", look.size) is None
    assert looks.take("a", look.size) is look
    assert looks.take("a", look.size) is None, "it goes on with one request only"


@pytest.mark.parametrize("size", [0, 19_999, 20_001])
async def test_a_look_that_ended_elsewhere_is_of_no_use(size: int) -> None:
    looks = Looks()
    looks.keep("a", await looked(mp4()))
    assert looks.take("a", size) is None
    assert looks.take("a", len(mp4())) is None


async def test_the_latest_are_kept() -> None:
    looks, look = Looks(most=2), await looked(b"x")
    for name in ("a", "b", "a", "c"):
        looks.keep(name, look)
    assert [looks.take(name, 1) is not None for name in ("a", "b", "c")] == [True, False, True]


async def test_what_they_hold_is_bounded() -> None:
    looks = Looks()
    large = await looked(ftyp() + box(b"moov", bytes(MOVIE_BYTES - 100)))
    looks.keep("a", large)
    looks.keep("b", await looked(ftyp() + box(b"moov", bytes(200))))
    assert looks.take("a", large.size) is None
