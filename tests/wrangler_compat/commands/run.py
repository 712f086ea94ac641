"""The command line as a function: what it printed, what it said, its exit code."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wrangler_compat.cli import main

WRANGLER = """
name = "one"
[[d1_databases]]
binding = "DB"
database_name = "things"
migrations_dir = "../migrations"
[[r2_buckets]]
binding = "BUCKET"
bucket_name = "things"
[[queues.producers]]
binding = "QUEUE"
queue = "{queue}"
[[queues.consumers]]
queue = "{queue}"
dead_letter_queue = "{queue}-dead"
[[vectorize]]
binding = "INDEX"
index_name = "{queue}-index"
dimensions = 3
"""


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str
    raw: bytes


@dataclass
class Project:
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run(self, *arguments: str, source: bytes = b"", environ: Mapping[str, str] | None = None) -> Ended:
        out, err, raw = io.StringIO(), io.StringIO(), io.BytesIO()
        code = main(
            ["--root", str(self.folder), *arguments],
            self.environ if environ is None else environ,
            out=out,
            err=err,
            raw=raw,
            source=io.BytesIO(source),
        )
        return Ended(code, out.getvalue(), err.getvalue(), raw.getvalue())
