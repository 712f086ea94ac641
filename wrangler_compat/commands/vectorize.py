"""vectorize create, info, rebuild."""

from __future__ import annotations

import argparse
import dataclasses
import os
import subprocess
import sys
from pathlib import Path

from wrangler_compat import procfile
from wrangler_compat.commands.context import Commands, Context, command, positive, subcommands, waiting
from wrangler_compat.errors import ConfigError
from wrangler_compat.vectorize.chroma import describe_chroma_index, open_chroma_index


def add(commands: Commands) -> None:
    vectorize = command(
        commands, "vectorize", "manage vector indexes", example="vectorize info video-fingerprints\nvectorize rebuild"
    )
    verbs = subcommands(vectorize)
    create = command(
        verbs,
        "create",
        "make an index, unless it is there",
        example="vectorize create video-fingerprints --dimensions 64 --metric cosine",
        run=waiting(_create),
    )
    create.add_argument("name")
    create.add_argument("--dimensions", type=positive, default=None, help="(default: what wrangler.toml says, else 64)")
    create.add_argument("--metric", default="cosine", help="(default: %(default)s)")
    info = command(
        verbs,
        "info",
        "what an index is and holds",
        example="vectorize info video-fingerprints --json",
        run=waiting(_info),
    )
    info.add_argument("name")
    info.add_argument("--json", action="store_true", help="as JSON")
    command(
        verbs,
        "rebuild",
        "fill the indexes anew, by the [dev] rebuild command of the worker that writes them",
        example="vectorize rebuild",
        run=_rebuild,
    )


async def _create(options: argparse.Namespace, context: Context) -> None:
    declared = [index for worker in context.workers() for index in worker.vectorize if index.index_name == options.name]
    dimensions = options.dimensions or (declared[0].dimensions if declared else 64)
    url = context.connections().needed("CHROMA_URL", options.name)
    async with open_chroma_index(url, options.name, dimensions=dimensions, metric=options.metric) as index:
        await index.ping()
    context.line(f"The index {options.name} is there: {dimensions} dimensions, {options.metric}.")


async def _info(options: argparse.Namespace, context: Context) -> None:
    url = context.connections().needed("CHROMA_URL", options.name)
    row = dataclasses.asdict(await describe_chroma_index(url, options.name))
    if options.json:
        context.json(row)
    else:
        context.table([row])


def _rebuild(_options: argparse.Namespace, context: Context) -> int:
    commands = [worker.dev["rebuild"] for worker in context.workers() if "rebuild" in worker.dev]
    if not commands:
        raise ConfigError(
            'No wrangler.toml says how: add rebuild = "command" to the [dev] table of the worker that can.'
        )
    environ = dict(context.connected_environ())
    environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environ.get("PATH", os.defpath)])
    for text in commands:
        context.err.write(f"Running {text}\n")
        context.err.flush()
        ended = subprocess.run(procfile.argv(text), cwd=context.root, env=environ, check=False)
        if ended.returncode != 0:
            context.err.write(f"error: {text} ended with code {ended.returncode}.\n")
            return 1
    return 0
