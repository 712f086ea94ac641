"""`python -m consumer`: what an operator does by hand. The worker itself is `arq consumer.worker.WorkerSettings`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import pwd
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from consumer import calibrate, explain, redecide
from consumer.assembly import Consumer, assemble, detection_of, open_env
from consumer.calibrate import Calibrator, TooFewVideosError
from consumer.calibration import Calibration
from consumer.cli import DONE, FAILED, INTERRUPTED, UNCONFIRMED, WRONG, Run, add_commands
from consumer.clock import utc_now
from consumer.env import Env
from consumer.explain import Explainer, UnknownVideoError
from consumer.history import History
from consumer.kept import Shelf, UnusableFingerprintError
from consumer.policy import decide
from consumer.rebuild import Rebuild, RedecideError
from consumer.redecide import Redecide
from consumer.settings import Settings, load
from consumer.thresholds import Thresholds, thresholds_of
from consumer.workers import open_workers, processes
from wrangler_compat.config import describe_settings
from wrangler_compat.errors import BindingError, ConfigError
from wrangler_compat.logs import configure_logging

_EXIT_CODES = """exit codes:
  0    done
  1    failed, or a kept fingerprint could not be read; the message says what
  2    an argument or a setting is wrong
  3    redecide: several videos, and no --yes; nothing was done. doctor: something was found and is not mended
  130  interrupted; what was done or measured until then was printed"""

_PAIRS_FOR_EACH_PROCESS = 2
_FAILURES = (
    BindingError,
    BrokenExecutor,
    RedecideError,
    UnknownVideoError,
    UnusableFingerprintError,
    TooFewVideosError,
)


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """The exit code."""
    parser, kept_running = _parser()
    parsed = parser.parse_args(arguments)
    environ = os.environ if environ is None else environ
    commands = {"rebuild": _rebuild, "redecide": _redecide, "explain": _explain, "calibrate": _calibrate}
    try:
        if parsed.command == "settings":
            return _show_settings(environ)
        if parsed.command in kept_running:
            return asyncio.run(_look_after(kept_running[parsed.command], parsed, environ))
        return asyncio.run(commands[parsed.command](parsed, environ))
    except ConfigError as wrong:
        print(f"consumer: {wrong}", file=sys.stderr)
        return WRONG
    except _FAILURES as failed:
        print(f"consumer: {failed}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> tuple[argparse.ArgumentParser, Mapping[str, Run]]:
    """The parser, and what runs those commands that are given a consumer."""
    parser = argparse.ArgumentParser(
        prog="python -m consumer",
        description="Mend and inspect what the consumer keeps. The worker is `arq consumer.worker.WorkerSettings`.",
        epilog=_EXIT_CODES,
        formatter_class=_Wrapped,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add(
        commands,
        "rebuild",
        "put every approved and flagged video back into the index, from the kept fingerprints",
        "Reads fingerprints/ in R2 and writes Vectorize and the segment and sound rows in D1 anew. "
        "Decodes no video. Workers may run meanwhile.",
    )
    explaining = _add(
        commands,
        "explain",
        "why two videos match, or do not",
        "Compares the kept fingerprints of two videos, and prints the evidence, each gate of the policy with value and "
        "threshold, the verdict on this pair, and the nearest change of a threshold that would change it.",
    )
    explaining.add_argument("upload", metavar="UPLOAD", help="id of the later video, which is judged")
    explaining.add_argument("other", metavar="OTHER", help="id of the earlier one, against which it is judged")
    explaining.add_argument("--json", action="store_true", help="print one JSON object instead")
    _add_redecide(commands)
    _add_calibrate(commands)
    _add(commands, "settings", "every setting: its name, value, unit and meaning")
    return parser, add_commands(partial(_add, commands))


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, short: str, long: str = ""
) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=short, description=long or None, epilog=_EXIT_CODES, formatter_class=_Wrapped)


def _add_redecide(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add(
        commands,
        "redecide",
        "decide videos anew from their kept fingerprints, or show what would change",
        "Puts videos back to processing and sends their jobs, oldest first; running workers write the new verdicts, "
        "with their own settings. Videos that a moderator decided are left out and counted.",
    )
    parser.add_argument("video_ids", metavar="VIDEO_ID", nargs="*", help="default: all videos")
    parser.add_argument("--dry-run", action="store_true", help="write nothing; print the verdicts that would change")
    parser.add_argument(
        "--set", metavar="NAME=VALUE", action="append", default=[], help="a threshold to try, with --dry-run"
    )
    parser.add_argument(
        "--search",
        action=argparse.BooleanOptionalAction,
        help="in a dry run, also look for candidates in the index, not only at those of the kept verdicts "
        f"(default: up to {redecide.MOST_SEARCHED} videos)",
    )
    parser.add_argument("--reviewed-too", action="store_true", help="put the decisions of moderators aside, too")
    parser.add_argument("--yes", action="store_true", help="needed to decide more than one video anew")


def _add_calibrate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add(
        commands,
        "calibrate",
        "how often unrelated videos of this catalogue reach each threshold",
        "Compares random pairs of approved videos that no verdict links, and prints how many reach each score, an "
        "upper bound of the true rate, and the most alike. Reads only. Ctrl-C prints what was measured so far.",
    )
    parser.add_argument("--pairs", metavar="N", type=_positive, default=20_000, help="pairs to compare (default 20000)")
    parser.add_argument(
        "--out", metavar="PNG", type=Path, default=Path("calibration.png"), help="the chart (default calibration.png)"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="everything that was measured, as JSON")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of pairs (default 1)")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"must be a number of 1 or more, not {text!r}")
    return int(text)


class _Wrapped(argparse.HelpFormatter):
    """Wraps the description, and leaves the table of exit codes as it is."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if text == _EXIT_CODES else super()._fill_text(text, width, indent)


@asynccontextmanager
async def _env(environ: Mapping[str, str]) -> AsyncIterator[tuple[Env, Settings]]:
    config, settings, connections = load(environ)
    with contextlib.redirect_stdout(sys.stderr):
        # The answer goes to stdout, and the log beside it.
        configure_logging("consumer", settings.log_level)
    async with open_env(config, settings, connections) as env:
        yield env, settings


@asynccontextmanager
async def _consumer(environ: Mapping[str, str]) -> AsyncIterator[Consumer]:
    async with _env(environ) as (env, settings), assemble(env, settings, detection_of(settings)) as made:
        yield made


async def _look_after(run: Run, parsed: argparse.Namespace, environ: Mapping[str, str]) -> int:
    async with _consumer(environ) as consumer:
        return await run(parsed, consumer)


async def _rebuild(_: argparse.Namespace, environ: Mapping[str, str]) -> int:
    async with _consumer(environ) as consumer:
        done = await _mending(consumer).index()
    print(f"{done.indexed} videos indexed, {done.left_out} left out, {done.unreadable} fingerprints unreadable")
    return FAILED if done.unreadable else DONE


def _mending(consumer: Consumer) -> Rebuild:
    return Rebuild(consumer.env.db, consumer.env.video_bucket, consumer.catalogue, utc_now, _actor())


def _actor() -> str:
    """Who runs this command, for the audit log."""
    try:
        return f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"cli:{os.getuid()}"


async def _explain(parsed: argparse.Namespace, environ: Mapping[str, str]) -> int:
    async with _env(environ) as (env, settings):
        with open_workers(partial(ThreadPoolExecutor, 1)) as workers:
            shelf = Shelf(env.video_bucket, workers)
            explainer = Explainer(History(env.db), shelf, workers, thresholds_of(settings))
            found = await explainer.explain(parsed.upload, parsed.other)
    print(explain.to_json(found) if parsed.json else explain.text(found))
    return DONE


async def _redecide(parsed: argparse.Namespace, environ: Mapping[str, str]) -> int:
    if parsed.set and not parsed.dry_run:
        raise ConfigError("--set goes with --dry-run: the workers that decide anew have settings of their own.")
    video_ids = list(dict.fromkeys(parsed.video_ids))
    async with _consumer(environ) as consumer:
        if not parsed.dry_run and len(video_ids) == 1:
            return await _redecide_one(consumer, video_ids[0], parsed.reviewed_too)
        before = thresholds_of(consumer.settings)
        tried = _tried(before, parsed.set)
        command = Redecide(
            history=History(consumer.env.db, actor=_actor()),
            search=consumer.search,
            shelf=Shelf(consumer.env.video_bucket, consumer.search.workers),
            detection=replace(detection_of(consumer.settings), decide=partial(decide, thresholds=tried)),
            queues=consumer.env.queues,
            now=utc_now,
            errors=sys.stderr,
            searches=parsed.search,
        )
        selection, others = await redecide.chosen_among(command.history, video_ids, reviewed_too=parsed.reviewed_too)
        if parsed.dry_run:
            run = await command.dry_run(selection, others, before, tried)
            print(redecide.dry_run_text(run))
            return INTERRUPTED if not run.is_whole else FAILED if run.unreadable else DONE
        if not parsed.yes:
            print(redecide.confirmation_text(selection))
            return UNCONFIRMED
        print(redecide.sent_text(await command.send(selection, reviewed_too=parsed.reviewed_too)))
    return DONE


def _tried(before: Thresholds, changes: Sequence[str]) -> Thresholds:
    try:
        return redecide.thresholds_with(before, changes)
    except ValueError as wrong:
        raise ConfigError(f"{wrong}.") from wrong


async def _redecide_one(consumer: Consumer, video_id: str, reviewed_too: bool) -> int:
    priority, job = await _mending(consumer).reopen(video_id, reviewed_too=reviewed_too)
    await consumer.env.queues[priority].send(job.to_body())
    print(f"{video_id} is being decided anew")
    return DONE


async def _calibrate(parsed: argparse.Namespace, environ: Mapping[str, str]) -> int:
    for path in filter(None, (parsed.out, parsed.json)):
        if not os.access(path.parent, os.W_OK) or path.is_dir():
            raise ConfigError(f"{path} cannot be written: its folder does not exist or is not ours to write to.")
    async with _env(environ) as (env, settings):
        # The workers that decide on uploads come first.
        os.nice(10)
        with open_workers(processes(settings.compare_workers)) as workers:
            calibrator = Calibrator(
                history=History(env.db),
                shelf=Shelf(env.video_bucket, workers),
                workers=workers,
                thresholds=thresholds_of(settings),
                at_once=settings.compare_workers * _PAIRS_FOR_EACH_PROCESS,
                errors=sys.stderr,
            )
            found = await calibrator.run(parsed.pairs, parsed.seed)
    print(calibrate.text(found))
    if parsed.json is not None:
        parsed.json.write_text(calibrate.to_json(found), encoding="utf-8")
    _draw(found, parsed.out)
    print(f"The curve: {parsed.out}")
    return DONE if found.is_whole else INTERRUPTED


def _draw(found: Calibration, path: Path) -> None:
    """Imports what draws only now: it costs a second and 30 MB, and tells of its fonts while it is imported."""
    logging.getLogger("matplotlib").setLevel(logging.WARNING)
    from consumer.charts import draw

    draw(found, path)


def _show_settings(environ: Mapping[str, str]) -> int:
    _, settings, _ = load(environ)
    for about in describe_settings(Settings):
        value = getattr(settings, about.name.lower())
        shown = ("set" if value else "not set") if about.secret else value
        unit = f" {about.unit}" if about.unit and value is not None else ""
        print(f"{about.name} = {shown}{unit}\n    {about.description}")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
