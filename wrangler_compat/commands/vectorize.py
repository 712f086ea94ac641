"""vectorize create, info, recall, rebuild."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import os
import subprocess
import sys
from pathlib import Path

from wrangler_compat import procfile
from wrangler_compat.commands.context import Commands, Context, command, positive, subcommands, waiting
from wrangler_compat.errors import ConfigError
from wrangler_compat.vectorize.chroma import describe_chroma_index, open_chroma_index
from wrangler_compat.vectorize.recall import Recall, measure_recall


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
    recall = command(
        verbs,
        "recall",
        "how many of the nearest vectors an index finds, measured against exact search",
        example="vectorize recall video-segments\nvectorize recall video-segments --samples 1000 --least 0.95",
        run=_recall,
    )
    recall.add_argument("name")
    recall.add_argument("--samples", type=positive, default=200, help="stored vectors to ask with (default: 200)")
    recall.add_argument("--top-k", type=positive, default=10, help="neighbours of each, up to 99 (default: 10)")
    recall.add_argument("--seed", type=int, default=0, help="which vectors are drawn (default: 0)")
    recall.add_argument("--least", type=float, default=0.0, help="exit with 1 when the recall is lower")
    recall.add_argument("--json", action="store_true", help="as JSON")
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


def _recall(options: argparse.Namespace, context: Context) -> int:
    found = asyncio.run(_measured(options, context))
    if options.json:
        context.json(dataclasses.asdict(found))
    else:
        context.line(
            f"recall@{found.top_k} {found.recall:.4f}, lowest {found.lowest:.2f}: {found.samples} of {found.vectors} "
            f"vectors asked, {found.query_ms:.1f} ms each"
        )
    if found.recall < options.least:
        context.err.write(f"error: the recall is lower than {options.least:g}; see docs/cloudflare.md, Recall.\n")
        return 1
    return 0


async def _measured(options: argparse.Namespace, context: Context) -> Recall:
    url = context.connections().needed("CHROMA_URL", options.name)
    about = await describe_chroma_index(url, options.name)
    async with open_chroma_index(url, about.name, dimensions=about.dimensions, metric=about.metric) as index:
        return await measure_recall(index, samples=options.samples, top_k=options.top_k, seed=options.seed)


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
