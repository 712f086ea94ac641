"""The real servers, each started once a session when a test first asks for it."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from wrangler_compat.connections import Connections
from wrangler_compat.r2.s3 import create_s3_bucket
from wrangler_compat.servers import (
    Program,
    chroma_program,
    free_port,
    redis_program,
    running,
    s3_connections,
    s3_program,
)

ACCESS_KEY = "twinreel-test-access-key"
SECRET_KEY = "twinreel-test-secret-key-0123456789"


@dataclass(frozen=True)
class S3Server:
    """folder: where the server keeps its buckets. It remembers listings: make buckets by make_bucket()."""

    program: Program
    access_key: str
    secret_key: str
    folder: Path

    @property
    def endpoint(self) -> str:
        return self.program.url

    def make_bucket(self) -> str:
        """A new, empty bucket; its name."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        made = create_s3_bucket(
            self.endpoint, name, access_key=self.access_key, secret_key=self.secret_key, sidecar=True
        )
        # In a thread, for the caller may be in a running loop.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, made).result()
        return name

    def connections(self, bucket: str) -> Connections:
        """What a worker is given to reach one bucket; metadata outlives a restart."""
        return s3_connections(self.program, self.access_key, self.secret_key, bucket)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    folder = tmp_path_factory.mktemp("s3")
    data = folder / "data"
    data.mkdir()
    program = s3_program(data, free_port(), ACCESS_KEY, SECRET_KEY)
    with running(program, folder / "log", os.environ):
        yield S3Server(program, ACCESS_KEY, SECRET_KEY, data)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Redis for the session: name your queues uniquely."""
    folder = tmp_path_factory.mktemp("redis")
    with running(redis_program(folder, free_port()), folder / "log", os.environ) as program:
        yield program.url


@pytest.fixture(scope="session")
def chroma_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Chroma for the session: name your indexes uniquely."""
    folder = tmp_path_factory.mktemp("chroma")
    with running(chroma_program(folder / "data", free_port()), folder / "log", os.environ) as program:
        yield program.url


@pytest.fixture
def unique_name() -> str:
    """A name that no other test uses: for a bucket, a queue, an index."""
    return f"test-{uuid.uuid4().hex[:12]}"
