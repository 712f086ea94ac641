"""`python -m consumer`: what an operator does by hand. The worker itself is `arq consumer.worker.WorkerSettings`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from consumer.assembly import Consumer, assemble, detection_of, open_env
from consumer.clock import utc_now
from consumer.rebuild import Rebuild, RedecideError
from consumer.settings import Settings, load
from wrangler_compat.config import describe_settings
from wrangler_compat.errors import BindingError, ConfigError
from wrangler_compat.logs import configure_logging


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """The exit code."""
    parsed = _parser().parse_args(arguments)
    try:
        if parsed.command == "settings":
            return _show_settings(environ)
        if parsed.command == "rebuild":
            return asyncio.run(_rebuild(environ))
        return asyncio.run(_redecide(parsed.video_id, environ))
    except ConfigError as wrong:
        print(f"consumer: {wrong}", file=sys.stderr)
        return 2
    except (BindingError, RedecideError) as failed:
        print(f"consumer: {failed}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m consumer",
        description="Mend and inspect what the consumer keeps. The worker is `arq consumer.worker.WorkerSettings`.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser(
        "rebuild",
        help="put every approved and flagged video back into the index, from the kept fingerprints",
        description="Reads fingerprints/ in R2 and writes Vectorize and the segment and sound rows in D1 anew. "
        "Decodes no video. Workers may run meanwhile.",
    )
    redecide = commands.add_parser(
        "redecide",
        help="decide one video anew, from its kept fingerprint",
        description="Puts the video back to processing and sends its job; a running worker writes the new verdict.",
    )
    redecide.add_argument("video_id", metavar="VIDEO_ID")
    commands.add_parser("settings", help="every setting: its name, value, unit and meaning")
    return parser


@asynccontextmanager
async def _consumer(environ: Mapping[str, str] | None) -> AsyncIterator[Consumer]:
    config, settings, connections = load() if environ is None else load(environ)
    configure_logging("consumer", settings.log_level)
    async with open_env(config, settings, connections) as env, assemble(env, settings, detection_of(settings)) as made:
        yield made


async def _rebuild(environ: Mapping[str, str] | None) -> int:
    async with _consumer(environ) as consumer:
        done = await _mending(consumer).index()
    print(f"{done.indexed} videos indexed, {done.left_out} left out, {done.unreadable} fingerprints unreadable")
    return 1 if done.unreadable else 0


async def _redecide(video_id: str, environ: Mapping[str, str] | None) -> int:
    async with _consumer(environ) as consumer:
        priority, job = await _mending(consumer).reopen(video_id)
        await consumer.env.queues[priority].send(job.to_body())
    print(f"{video_id} is being decided anew")
    return 0


def _mending(consumer: Consumer) -> Rebuild:
    return Rebuild(consumer.env.db, consumer.env.video_bucket, consumer.catalogue, utc_now)


def _show_settings(environ: Mapping[str, str] | None) -> int:
    _, settings, _ = load() if environ is None else load(environ)
    for about in describe_settings(Settings):
        value = getattr(settings, about.name.lower())
        shown = ("set" if value else "not set") if about.secret else value
        unit = f" {about.unit}" if about.unit and value is not None else ""
        print(f"{about.name} = {shown}{unit}\n    {about.description}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
