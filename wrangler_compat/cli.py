"""`python -m wrangler_compat`: wrangler's commands for the self-hosted bindings."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, TextIO

from wrangler_compat.commands import d1, dev, queues, r2, tail, vectorize
from wrangler_compat.commands.context import Context, subcommands
from wrangler_compat.errors import BindingError, ConfigError
from wrangler_compat.state import DEFAULT_FOLDER, State

_ABOUT = """\
Wrangler's commands for the self-hosted bindings.

Each command finds its servers by the environment (REDIS_URL, R2_ENDPOINT, R2_ACCESS_KEY, R2_SECRET_KEY, CHROMA_URL,
DATABASE_URL); what is not set there is taken from the `dev` that runs on the same state folder."""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m wrangler_compat", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument(
        "--root", type=Path, default=Path(), metavar="DIR", help="the project's folder (default: this one)"
    )
    made.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help=f"the state folder of dev (default: {DEFAULT_FOLDER} in the project's)",
    )
    commands = subcommands(made)
    for module in (dev, d1, r2, queues, vectorize, tail):
        module.add(commands)
    return made


def main(
    arguments: Sequence[str] | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    out: TextIO | None = None,
    err: TextIO | None = None,
    raw: BinaryIO | None = None,
    source: BinaryIO | None = None,
) -> int:
    """The exit code: 0; 1 after a sentence on standard error; 2 for a wrong command line; 130 for Ctrl-C."""
    options = parser().parse_args(arguments)
    root = options.root.resolve()
    environ = os.environ if environ is None else environ
    state = options.state or Path(environ.get("WRANGLER_STATE") or root / DEFAULT_FOLDER)
    context = Context(
        root=root,
        state=State(state),
        environ=environ,
        out=out or sys.stdout,
        err=err or sys.stderr,
        raw=raw or sys.stdout.buffer,
        source=source or sys.stdin.buffer,
    )
    try:
        return int(options.run(options, context))
    except (BindingError, ConfigError) as error:
        context.err.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read the output has seen enough. Python would complain once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
