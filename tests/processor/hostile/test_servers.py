"""Sources that never end, through the real service."""

from __future__ import annotations

from typing import Any

import pytest

from tests.processor.hostile.endless import Endless, clusters, endless_server
from tests.processor.hostile.service import MEMORY, guarded, resident_peak

STILL, GROWING = clusters(0), clusters(10_000)
HUGE = 1 << 62

CASES: dict[str, tuple[Endless, dict[str, Any], tuple[int, str]]] = {
    "says it has 2^62 bytes": (Endless(HUGE, STILL), {}, (422, "TOO_LARGE")),
    "pictures for ever": (Endless(1 << 32, GROWING), {}, (422, "TOO_LONG")),
    "pictures for ever at one time": (Endless(1 << 32, STILL), {"extract_cpu_seconds": 2.0}, (422, "TOO_DEMANDING")),
    "bytes after the range": (Endless(1 << 20, STILL, never_ends=True), {}, (502, "SOURCE_UNSUITABLE")),
    "a byte now and then": (Endless(1 << 20, STILL, pause=0.05), {"extract_timeout": 2.0}, (504, "TIMED_OUT")),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_source_without_end_has_one(case: str) -> None:
    file, settings, expected = CASES[case]
    with endless_server(file) as server:
        async with guarded(**settings) as service:
            status, body = await service.answer(f"{server.url}/endless.webm")
            peak = resident_peak(service.pid)
            assert (status, body["code"]) == expected, body
            assert await service.is_up()
    assert not server.has_given_up, "it had enough by itself"
    assert peak <= MEMORY


def test_the_endless_file_is_the_same_however_it_is_cut() -> None:
    whole = GROWING(0, 3000)
    assert len(whole) == 3000
    for cut in (1, 77, 199, 1000, 2999):
        assert GROWING(0, cut) + GROWING(cut, 3000) == whole
