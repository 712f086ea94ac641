from __future__ import annotations

from pathlib import Path

import pytest

from tests.services import S3Server
from tests.wrangler_compat.commands.run import WRANGLER, Project


@pytest.fixture
def project(tmp_path: Path, unique_name: str) -> Project:
    """A worker with one binding of each kind, and a database file; no server yet."""
    made = Project(tmp_path, {"DATABASE_URL": f"sqlite:///{tmp_path / 'things.db'}"})
    made.write("worker/wrangler.toml", WRANGLER.format(queue=unique_name))
    made.write("migrations/0001_initial.sql", "CREATE TABLE things (id TEXT PRIMARY KEY, size INTEGER, data BLOB);")
    return made


@pytest.fixture
def with_s3(project: Project, s3_server: S3Server) -> Project:
    project.environ |= {
        "R2_ENDPOINT": s3_server.endpoint,
        "R2_ACCESS_KEY": s3_server.access_key,
        "R2_SECRET_KEY": s3_server.secret_key,
    }
    return project


@pytest.fixture
def with_redis(project: Project, redis_url: str) -> Project:
    project.environ["REDIS_URL"] = redis_url
    return project


@pytest.fixture
def with_chroma(project: Project, chroma_url: str) -> Project:
    project.environ["CHROMA_URL"] = chroma_url
    return project
