"""queues create, list, info; queues dead-letters list, resend, purge."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from wrangler_compat.commands.context import Commands, Context, command, positive, subcommands, waiting
from wrangler_compat.queues.arq_queue import ArqQueue, open_arq_queue

_COLUMNS = ("name", "ready", "delayed", "dead_letters")


def add(commands: Commands) -> None:
    queues = command(commands, "queues", "manage queues", example="queues list\nqueues dead-letters resend video-dead")
    verbs = subcommands(queues)
    create = command(verbs, "create", "make a queue known", example="queues create video-high", run=waiting(_create))
    create.add_argument("name")
    listing = command(
        verbs,
        "list",
        "list the queues that are declared, were created or were sent to, with what is in them",
        example="queues list",
        run=waiting(_list),
    )
    listing.add_argument("--json", action="store_true", help="as JSON")
    info = command(verbs, "info", "what is in a queue", example="queues info video-normal --json", run=waiting(_info))
    info.add_argument("name")
    info.add_argument("--json", action="store_true", help="as JSON")
    _add_dead_letters(verbs)


def _add_dead_letters(verbs: Commands) -> None:
    parser = command(
        verbs,
        "dead-letters",
        "look after messages that used up their deliveries",
        example="queues dead-letters list video-dead",
    )
    actions = subcommands(parser)
    help_of = {
        "list": "show the oldest dead letters",
        "resend": "send the oldest dead letters again, to the queues they came from",
        "purge": "forget the oldest dead letters",
    }
    runs = {"list": _dead_list, "resend": _dead_resend, "purge": _dead_purge}
    for action, help in help_of.items():
        example = f"queues dead-letters {action} video-dead --limit 10"
        one = command(actions, action, help, example=example, run=waiting(runs[action]))
        one.add_argument("name", help="a dead-letter queue, or the queue that the messages came from")
        one.add_argument("--limit", type=positive, default=100, help="how many (default: %(default)s)")
        if action == "list":
            one.add_argument("--json", action="store_true", help="as JSON, bodies included")


async def _create(options: argparse.Namespace, context: Context) -> None:
    async with _opened(options.name, context) as queue:
        await queue.create()
    context.line(f"Created queue {options.name}.")


async def _list(options: argparse.Namespace, context: Context) -> None:
    declared = _declared(context)
    async with _opened(next(iter(declared), "any"), context) as queue:
        names = sorted({*declared, *await queue.names()})
    rows = []
    for name in names:
        async with _opened(name, context) as queue:
            rows.append(dataclasses.asdict(await queue.info()))
    if options.json:
        context.json(rows)
    else:
        context.table(rows, _COLUMNS)


async def _info(options: argparse.Namespace, context: Context) -> None:
    async with _opened(options.name, context) as queue:
        row = dataclasses.asdict(await queue.info())
    if options.json:
        context.json(row)
    else:
        context.table([row], _COLUMNS)


async def _dead_list(options: argparse.Namespace, context: Context) -> None:
    async with _opened(options.name, context) as queue:
        letters = [dataclasses.asdict(letter) for letter in await queue.dead_letters(limit=options.limit)]
    if options.json:
        context.json(letters)
    else:
        context.table(letters, ("id", "queue", "died_at", "attempts", "reason", "body"))


async def _dead_resend(options: argparse.Namespace, context: Context) -> None:
    async with _opened(options.name, context) as queue:
        sent = await queue.resend_dead_letters(limit=options.limit)
    context.line(f"Sent {len(sent)} again.")


async def _dead_purge(options: argparse.Namespace, context: Context) -> None:
    async with _opened(options.name, context) as queue:
        purged = await queue.purge_dead_letters(limit=options.limit)
    context.line(f"Purged {len(purged)}.")


@asynccontextmanager
async def _opened(name: str, context: Context) -> AsyncIterator[ArqQueue]:
    async with open_arq_queue(context.connections().needed("REDIS_URL", name), name) as queue:
        yield queue


def _declared(context: Context) -> list[str]:
    workers = context.workers()
    producers = [producer.queue for worker in workers for producer in worker.queue_producers]
    consumers = [consumer.queue for worker in workers for consumer in worker.queue_consumers]
    dead = [consumer.dead_letter_queue for worker in workers for consumer in worker.queue_consumers]
    return list(dict.fromkeys([*producers, *consumers, *(name for name in dead if name is not None)]))
