"""Commands that look after what is running: each is given a consumer, prints to stdout, and returns an exit code."""

from __future__ import annotations

import argparse
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from consumer.assembly import Consumer
from consumer.checkup import brake, table
from consumer.rounds import note
from wrangler_compat.errors import ConfigError

DONE, FAILED, WRONG, UNCONFIRMED, INTERRUPTED = 0, 1, 2, 3, 130

Add = Callable[[str, str, str], argparse.ArgumentParser]
"""Makes a subcommand of its name, its line of help and its description."""

Run = Callable[[argparse.Namespace, Consumer], Awaitable[int]]


def add_commands(add: Add) -> Mapping[str, Run]:
    """What runs each of the commands added."""
    _add_doctor(add)
    return {"doctor": _doctor}


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


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 10**9:
        raise argparse.ArgumentTypeError(f"must be a number of seconds, not {text!r}")
    return seconds
