"""What every command is given: the project, where its bindings are, where to write."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from wrangler_compat.config import WorkerConfig
from wrangler_compat.connections import Connections, connections_from
from wrangler_compat.plan import find_workers
from wrangler_compat.state import State


@dataclass(frozen=True, slots=True)
class Context:
    """root: the project's folder. raw: standard output, for an object's bytes."""

    root: Path
    state: State
    environ: Mapping[str, str]
    out: TextIO
    err: TextIO
    raw: BinaryIO
    source: BinaryIO

    def workers(self) -> list[WorkerConfig]:
        return find_workers(self.root, self.environ)

    def connected_environ(self) -> Mapping[str, str]:
        """The environment; what it leaves open is taken from the `dev` that runs on the state folder."""
        return {**self.state.published(), **{name: value for name, value in self.environ.items() if value}}

    def connections(self) -> Connections:
        return connections_from(self.connected_environ())

    def line(self, text: str = "") -> None:
        self.out.write(f"{text}\n")

    def json(self, value: Any) -> None:
        self.line(json.dumps(value, indent=2, ensure_ascii=False, default=_as_json))

    def table(self, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> None:
        """Aligned columns; by default those of the first row."""
        names = list(columns if columns is not None else (rows[0] if rows else ()))
        cells = [names, *([_as_text(row.get(name)) for name in names] for row in rows)]
        widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
        for row in cells:
            self.line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


Run = Callable[[argparse.Namespace, Context], int]
Commands = Any
"""argparse's object for subcommands, whose class is private."""


def waiting(run: Callable[[argparse.Namespace, Context], Awaitable[None]]) -> Run:
    """A command that waits for bindings, as one that can be called."""

    def call(options: argparse.Namespace, context: Context) -> int:
        async def awaited() -> None:
            await run(options, context)

        asyncio.run(awaited())
        return 0

    return call


def command(
    commands: Commands, name: str, help: str, *, example: str, run: Run | None = None
) -> argparse.ArgumentParser:
    """A subcommand whose --help ends with examples, one a line."""
    lines = "\n".join(f"  python -m wrangler_compat {line}" for line in example.splitlines())
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help,
        description=f"{help[0].upper()}{help[1:]}.",
        epilog=f"For example:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if run is not None:
        parser.set_defaults(run=run)
    return parser


def subcommands(parser: argparse.ArgumentParser) -> Commands:
    return parser.add_subparsers(required=True, metavar="COMMAND")


def positive(text: str) -> int:
    """An argument that counts something."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def _as_json(value: Any) -> Any:
    return list(value) if isinstance(value, bytes) else repr(value)


def _as_text(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"x'{value[:32].hex()}{'...' if len(value) > 32 else ''}'"
    return str(value).replace("\n", "\\n")
