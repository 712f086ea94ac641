from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from edge_api.env import Env
from tests.edge_api.kit import People, World, make_people, memory_env, serving, settings_with


@pytest.fixture
async def env() -> AsyncIterator[Env]:
    async with memory_env() as opened:
        yield opened


@pytest.fixture
async def people(env: Env) -> People:
    return await make_people(env.db)


@pytest.fixture
async def world(env: Env, people: People) -> AsyncIterator[World]:
    async with serving(settings_with(), env, people) as served:
        yield served
