"""dev: everything on one machine."""

from __future__ import annotations

import argparse

from wrangler_compat.commands.context import Commands, Context, command
from wrangler_compat.dev import DevOptions, run_dev


def add(commands: Commands) -> None:
    dev = command(
        commands,
        "dev",
        "start Redis, an S3 server, Chroma and the Procfile on loopback, until Ctrl-C",
        example="dev\ndev --port 8788\nREDIS_URL=redis://192.168.1.5:6379/0 dev",
        run=_run,
    )
    dev.add_argument("--port", type=_port, help="of the public process (default: what its wrangler.toml says)")


def _run(options: argparse.Namespace, context: Context) -> int:
    return run_dev(DevOptions(root=context.root, state=context.state.folder, port=options.port), context.environ)


def _port(text: str) -> int:
    value = int(text)
    if not 0 < value < 65_536:
        raise argparse.ArgumentTypeError("must be from 1 to 65535")
    return value
