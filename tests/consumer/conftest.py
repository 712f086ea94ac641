from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from consumer.assembly import Consumer
from tests.consumer.world import World, open_world


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as world:
        yield world


@pytest.fixture
async def consumer(world: World) -> Consumer:
    return await world.consumer()
