"""The index as the catalogue grows: `python -m benchmarks.catalogue FOLDER [--entries 10000] [--out docs/quality.md]`.

FOLDER holds clips no two of which show the same. An instance (SQLite, Chroma and S3 as `wrangler_compat dev` has
them) is filled through the consumer's own parts with most of the clips and with synthetic videos mixed of them;
then altered copies of some clips, and clips that it does not hold, are decided by the consumer's own steps.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import platform
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.catalogue.deciding import Decision, decide
from benchmarks.catalogue.filling import Entry, fill
from benchmarks.catalogue.instance import Instance, bytes_in, open_instance
from benchmarks.catalogue.tables import (
    MARKERS,
    Stored,
    amiss_lines,
    asked_line,
    recall_table,
    stored_table,
    time_table,
)
from benchmarks.catalogue.uploads import Prepared, prepare
from benchmarks.quality.clips import ClipError
from benchmarks.quality.copies import CopyError
from benchmarks.quality.tables import NoMarkersError, between_markers
from benchmarks.quality.workers import MissingMethodError, Progress
from consumer.policy import POLICY_VERSION
from wire.fingerprints import ALGORITHM_VERSION
from wrangler_compat.errors import VectorizeError
from wrangler_compat.servers import ProgramError


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("folder", type=Path, help="of clips")
    made.add_argument("--entries", type=int, default=10_000, help="what to fill it with (default: %(default)s)")
    made.add_argument("--sources", type=int, default=6, help="clips to make altered copies of (default: %(default)s)")
    made.add_argument(
        "--strangers", type=int, default=10, help="clips that are not entered (default: %(default)s, and the fillers)"
    )
    made.add_argument(
        "--work", type=Path, default=Path(".twinreel/catalogue"), help="copies are kept here (%(default)s)"
    )
    made.add_argument(
        "--instance", type=Path, help="keep the stores in this folder, and go on with those there (default: fresh ones)"
    )
    made.add_argument("--out", type=Path, help="a page to set the tables into, between its markers")
    return made


async def measure(prepared: Prepared, entries: int, folder: Path) -> tuple[list[Entry], Stored, list[Decision]]:
    """folder: of the instance."""
    async with open_instance(folder, os.environ) as instance:
        began = time.perf_counter()
        entered = await fill(instance, prepared.clips, prepared.files, entries)
        stored = await look_into(instance, time.perf_counter() - began)
        # The first one waits for processes to start and pages to be read.
        await decide(instance, prepared.uploads[0])
        progress = Progress("decisions", len(prepared.uploads))
        decisions = []
        for upload in prepared.uploads:
            decisions.append(await decide(instance, upload))
            progress.at(len(decisions))
        return entered, stored, decisions


async def look_into(instance: Instance, wall: float) -> Stored:
    async def number(sql: str) -> float:
        return float(await instance.pipeline.db.prepare(f"SELECT {sql} AS n").first("n"))

    return Stored(
        entries=int(await number("(SELECT COUNT(*) FROM videos)")),
        minutes=await number("(SELECT SUM(duration_seconds) FROM videos)") / 60,
        segments=int(await number("(SELECT COUNT(*) FROM segment_vectors)")),
        vectors=(await instance.pipeline.search.segments.describe()).vector_count,
        sound_terms=int(await number("(SELECT COUNT(*) FROM sound_terms)")),
        kept_bytes=bytes_in(instance.s3, ".vfp"),
        database_bytes=instance.database.stat().st_size,
        chroma_bytes=bytes_in(instance.chroma),
        wall=wall,
    )


def report(entries: Sequence[Entry], stored: Stored, decisions: Sequence[Decision], options: argparse.Namespace) -> str:
    sections = [
        heading(options),
        stored_table(entries, stored),
        recall_table(decisions),
        amiss_lines(decisions),
        time_table(decisions),
        asked_line(decisions),
    ]
    return "\n\n".join(sections)


def heading(options: argparse.Namespace) -> str:
    return (
        f"`{command(options)}`, {time.strftime('%Y-%m-%d')}, {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, algorithm version {ALGORITHM_VERSION}, policy version {POLICY_VERSION}. All "
        "servers run on the same machine."
    )


def command(options: argparse.Namespace) -> str:
    """What makes these tables, without the folders of one machine."""
    defaults = parser().parse_args(["FOLDER"])
    words = ["python", "-m", "benchmarks.catalogue", "FOLDER"]
    for name in ("entries", "sources", "strangers"):
        if getattr(options, name) != getattr(defaults, name):
            words += [f"--{name}", str(getattr(options, name))]
    return shlex.join(words)


def run(options: argparse.Namespace) -> None:
    prepared = prepare(options.folder, options.work, options.sources, options.strangers)
    with contextlib.ExitStack() as rooms:
        folder = options.instance or Path(rooms.enter_context(tempfile.TemporaryDirectory(prefix="catalogue-")))
        found = asyncio.run(measure(prepared, options.entries, folder.absolute()))
    text = report(*found, options)
    print(text)
    if options.out is not None:
        page = between_markers(options.out.read_text(encoding="utf-8"), text, MARKERS)
        options.out.write_text(page, encoding="utf-8")


def main() -> None:
    # Told to stop, it stops its servers: Chroma's folder is one server's only.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        run(parser().parse_args())
    except (ClipError, CopyError, MissingMethodError, NoMarkersError, ProgramError, VectorizeError) as failure:
        raise SystemExit(str(failure)) from failure


if __name__ == "__main__":
    main()
