from __future__ import annotations

import pytest

from tests.wrangler_compat.r2.contract import R2Contract
from wrangler_compat.testing import MemoryR2Bucket


class TestMemory(R2Contract):
    @pytest.fixture
    def bucket(self) -> MemoryR2Bucket:
        return MemoryR2Bucket()
