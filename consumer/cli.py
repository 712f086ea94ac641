"""Commands that look after what is running: each is given a consumer, prints to stdout, and returns an exit code."""

from __future__ import annotations

import argparse
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace

from consumer import failed_jobs
from consumer.assembly import Consumer
from consumer.checkup import brake, table
from consumer.failed_jobs import FailedJob, FailedJobs
from consumer.rounds import note
from consumer.webhooks import cli as webhooks
from wrangler_compat.errors import ConfigError

DONE, FAILED, WRONG, UNCONFIRMED, INTERRUPTED = 0, 1, 2, 3, 130

Add = Callable[[str, str, str], argparse.ArgumentParser]
"""Makes a subcommand of its name, its line of help and its description."""

Run = Callable[[argparse.Namespace, Consumer], Awaitable[int]]


def add_commands(add: Add) -> Mapping[str, Run]:
    """What runs each of the commands added."""
    _add_doctor(add)
    _add_failed(add)
    webhooks.add_arguments(
        add(
            "webhooks",
            "where notifications are sent, signed; and what became of them",
            "Targets are told of verdicts after the Standard Webhooks specification. See docs/operations.md.",
        )
    )
    return {"doctor": _doctor, "failed": _failed, "webhooks": _webhooks}


async def _webhooks(parsed: argparse.Namespace, consumer: Consumer) -> int:
    return await webhooks.run(parsed, consumer.webhooks)


def _add_doctor(add: Add) -> None:
    parser = add(
        "doctor",
        "find rows, objects and vectors without their counterparts, and mend them",
        "Walks the bucket, the rows and the index side by side, and prints what it finds of each kind. Workers may run "
        "meanwhile: what is young or in hand is left alone. Without --fix nothing is changed.",
    )
    parser.add_argument("--fix", action="store_true", help="mend what is found")
    parser.add_argument("--yes", action="store_true", help="with --fix: also when very much is missing")
    parser.add_argument(
        "--adopt",
        metavar="USER",
        help="with --fix: videos whose rows are gone are given to this user (id, email or name) and processed, "
        "instead of being deleted; for after the restore of a backup",
    )
    parser.add_argument(
        "--older-than",
        metavar="SECONDS",
        type=_seconds,
        help="leave alone what is younger (default: DOCTOR_GRACE_SECONDS)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


async def _doctor(parsed: argparse.Namespace, consumer: Consumer) -> int:
    if (parsed.yes or parsed.adopt is not None) and not parsed.fix:
        raise ConfigError("--yes and --adopt go with --fix.")
    rounds, doctor = consumer.rounds, consumer.rounds.doctor
    if parsed.older_than is not None:
        doctor = replace(doctor, grace_seconds=parsed.older_than)
    if parsed.adopt is not None:
        adopter = await doctor.user(parsed.adopt)
        if adopter is None:
            raise ConfigError(f"There is no user {parsed.adopt}; `python -m edge_api users list` names them.")
        doctor = replace(doctor, adopter=adopter)
    report = await doctor.examine()
    stop = brake(report) if parsed.fix and not parsed.yes else None
    is_mending = parsed.fix and stop is None and report.found.total() > 0
    if is_mending:
        report = await doctor.mend()
    await note(consumer.env.db, report, rounds.now)
    if parsed.json:
        print(json.dumps({**report.to_json(), "stopped": stop}, indent=2))
    else:
        print(table(report, mends=is_mending))
        if stop is not None:
            print(f"Nothing was mended: {stop}")
    return UNCONFIRMED if report.left else DONE


def _add_failed(add: Add) -> None:
    parser = add(
        "failed",
        "the jobs that failed for good: list them, run them again, or give them up",
        "A job fails for good when its attempts are used up, or when workers died of it (quarantined). list shows the "
        "reason of each. retry runs it again from the beginning. purge gives up: the video is rejected with that "
        "reason, and its file is deleted.",
    )
    parser.add_argument("action", choices=("list", "retry", "purge"))
    parser.add_argument("video_ids", metavar="VIDEO_ID", nargs="*", help="for retry and purge")
    parser.add_argument("--all", action="store_true", help="retry or purge all of them")
    parser.add_argument("--limit", metavar="N", type=int, default=100, help="list: the oldest so many (default 100)")
    parser.add_argument("--json", action="store_true", help="list: print one JSON object instead")


async def _failed(parsed: argparse.Namespace, consumer: Consumer) -> int:
    failed = consumer.failed_jobs
    if parsed.action == "list":
        page, total = await failed.page(limit=max(1, parsed.limit)), await failed.count()
        told = {"failed": [each.to_json() for each in page], "total": total}
        print(json.dumps(told, indent=2) if parsed.json else failed_jobs.text(page, total))
        return DONE
    if bool(parsed.video_ids) == parsed.all:
        raise ConfigError(f"failed {parsed.action} wants the ids of videos, or --all.")
    act = failed.retry if parsed.action == "retry" else failed.purge
    done, left_out = 0, 0
    async for job in _chosen(failed, parsed):
        if job is not None and await act(job):
            done += 1
        else:
            left_out += 1
    what = "sent again" if parsed.action == "retry" else "given up"
    print(f"{done} {what}" + (f", {left_out} not among the failed" if left_out else ""))
    return FAILED if left_out else DONE


async def _chosen(failed: FailedJobs, parsed: argparse.Namespace) -> AsyncIterator[FailedJob | None]:
    """Those that were named, None for each that has not failed; or all of this moment."""
    for video_id in dict.fromkeys(parsed.video_ids):
        yield await failed.one(video_id)
    page = await failed.page() if parsed.all else []
    while page:
        for job in page:
            yield job
        page = await failed.page(after=page[-1])


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 10**9:
        raise argparse.ArgumentTypeError(f"must be a number of seconds, not {text!r}")
    return seconds
