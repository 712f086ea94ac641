from __future__ import annotations

import pytest

from tests.edge_api.console.visits import Visit, visit_by
from tests.edge_api.kit import World


@pytest.fixture
async def alice(world: World) -> Visit:
    return await visit_by(world, world.alice)


@pytest.fixture
async def bob(world: World) -> Visit:
    return await visit_by(world, world.bob)


@pytest.fixture
async def admin(world: World) -> Visit:
    return await visit_by(world, world.admin)


@pytest.fixture
async def moderator(world: World) -> Visit:
    return await visit_by(world, world.moderator)
