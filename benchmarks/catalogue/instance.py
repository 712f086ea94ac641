"""An instance in a folder of its own: the servers that `wrangler_compat dev` starts, and a consumer over them."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.quality.workers import ROOT
from consumer.assembly import Consumer, assemble, detection_of, open_env
from consumer.pipeline import Pipeline
from consumer.settings import load
from wrangler_compat.d1.migrations import apply
from wrangler_compat.servers import (
    chroma_program,
    free_port,
    make_bucket,
    redis_program,
    running,
    s3_connections,
    s3_program,
)

BUCKET = "twinreel-videos"
USER = "benchmark"

_LEASE_SECONDS = 600
"""Nobody renews a lease here."""

_START_SECONDS = 300.0
"""A busy machine, or a full folder, keeps Chroma from answering for a while."""

_ADD_USER = "INSERT INTO users (id, email, created_at) VALUES (?1, ?1, '2026') ON CONFLICT DO NOTHING"


@dataclass(frozen=True, slots=True)
class Instance:
    """database: D1's file. chroma, s3: the folders of those stores."""

    consumer: Consumer
    database: Path
    chroma: Path
    s3: Path

    @property
    def pipeline(self) -> Pipeline:
        return self.consumer.pipeline


@contextlib.asynccontextmanager
async def open_instance(folder: Path, environ: Mapping[str, str]) -> AsyncIterator[Instance]:
    """A fresh one in an empty folder, else the one that was left there. environ: of the servers. Raises ProgramError.

    Everything is stopped on leaving; the folder stays.
    """
    s3_folder, chroma_folder, redis_folder = (folder / name for name in ("s3", "chroma", "redis"))
    redis_folder.mkdir(parents=True, exist_ok=True)
    make_bucket(s3_folder, BUCKET)
    keys = secrets.token_hex(16), secrets.token_hex(32)
    database = folder / "twinreel.db"
    with contextlib.ExitStack() as servers:

        def start(name: str) -> str:
            program = programs[name]
            log = folder / f"{name}.log"
            servers.enter_context(running(program, log, environ, timeout_seconds=_START_SECONDS))
            return program.url

        programs = {
            "s3": s3_program(s3_folder, free_port(), *keys),
            "chroma": chroma_program(chroma_folder, free_port()),
            "redis": redis_program(redis_folder, free_port()),
        }
        urls = {name: start(name) for name in programs}
        connections = s3_connections(programs["s3"], *keys, BUCKET).to_environ()
        connections |= {
            "CHROMA_URL": urls["chroma"],
            "REDIS_URL": urls["redis"],
            "DATABASE_URL": f"sqlite:///{database}",
            "LEASE_SECONDS": str(_LEASE_SECONDS),
        }
        await apply(database, ROOT / "migrations")
        config, settings, known = load(connections)
        detection = detection_of(settings)
        async with open_env(config, settings, known) as env, assemble(env, settings, detection) as consumer:
            add_user = env.db.prepare(_ADD_USER)
            await add_user.bind(USER).run()
            yield Instance(consumer, database, chroma_folder, s3_folder)


def bytes_in(folder: Path, suffix: str = "") -> int:
    """Of all files in it whose names end so."""
    return sum(path.stat().st_size for path in folder.rglob(f"*{suffix}") if path.is_file())
