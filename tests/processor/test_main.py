"""`python -m processor`, as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from processor.settings import ONE_THREAD

HANG_SECONDS = 300.0

_WHILE_IT_WORKS = """
import asyncio, sys
import uvicorn, uvloop
from processor.__main__ import main

async def starts_others_while_it_calculates():
    import numpy
    at_work = True
    matrix = numpy.ones((300, 300))
    def calculate():
        while at_work:
            matrix @ matrix
    calculating = [asyncio.create_task(asyncio.to_thread(calculate)) for _ in range(2)]
    for _ in range(10):
        await (await asyncio.create_subprocess_exec(sys.executable, "-S", "-c", "")).wait()
    at_work = False
    await asyncio.gather(*calculating)

uvicorn.Server.run = lambda server, sockets: uvloop.run(starts_others_while_it_calculates())
sys.argv = ["processor"]
main()
print("went on")
"""


@pytest.fixture
def environ() -> dict[str, str]:
    """As an operator's: nothing is said of threads."""
    return {name: value for name, value in os.environ.items() if name not in ONE_THREAD} | {"PORT": "0"}


def test_it_starts_workers_while_it_calculates(environ: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _WHILE_IT_WORKS],
        env=environ,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert ended.stdout == "went on\n", ended.stderr
