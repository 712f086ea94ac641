"""The OpenAPI document against the gateway: `python -m benchmarks.contract [--cases N] [--seed N] [--url URL ...]`.

Starts a whole system of its own, unless --url names one that runs, and sends it requests that schemathesis makes from
the document, good ones and bad ones, until so many are answered. Each answer must be one that the document announces,
good requests must be taken and bad ones refused, and none may be a 5xx. Prints what was answered and every kind of
fault; ends with status 1 when there was one. The system that --url names must be one for trials: videos are uploaded,
reviewed and deleted there, and its rate limits must be off.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx

from benchmarks.contract.checking import Results, Target, check
from tests.e2e.system import System, running_system
from tests.processor.clips import Look, write_clip, write_webm

URL_HOST = "videos.example"
_EXAMPLES_AT_ONCE = 60
_TO_REVIEW = 6
_TOLD_EVERY_SECONDS = 10.0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.contract",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--cases", type=int, default=5000, help="how many requests at least (default: %(default)s)")
    made.add_argument("--seed", type=int, default=1, help="another seed makes other requests (default: %(default)s)")
    made.add_argument("--url", help="of a running system; its admin's token is taken from TWINREEL_TOKEN")
    made.add_argument(
        "--url-host",
        default=URL_HOST,
        help="a host of its ALLOWED_URL_HOSTS and WEBHOOK_ALLOWED_HOSTS (default: %(default)s)",
    )
    return made


def main() -> int:
    asked = parser().parse_args()
    if asked.url is None:
        with tempfile.TemporaryDirectory(prefix="twinreel-contract-") as folder, system_of_its_own(Path(folder)) as own:
            return run(own, asked.cases, asked.seed)
    token = os.environ.get("TWINREEL_TOKEN")
    if not token:
        print("With --url, set TWINREEL_TOKEN to an admin's token, and PROCESSOR_SECRET if you can.", file=sys.stderr)
        return 2
    return run(
        Target(asked.url.rstrip("/"), token, os.environ.get("PROCESSOR_SECRET"), asked.url_host),
        asked.cases,
        asked.seed,
    )


@contextmanager
def system_of_its_own(folder: Path) -> Iterator[Target]:
    with running_system(folder, ALLOWED_URL_HOSTS=URL_HOST, WEBHOOK_ALLOWED_HOSTS=URL_HOST) as system:
        made = system.run(
            "edge_api", "users", "create", "--email", "a@example.org", "--username", "a", "--role", "admin"
        )
        token = system.run("edge_api", "tokens", "create", "--user", "a")
        if made.returncode or token.returncode:
            raise SystemExit(made.stderr + token.stderr)
        system.token = token.stdout.split()[-1]
        _decide_some(system, folder)
        yield Target(system.url, system.token, system.environ["PROCESSOR_SECRET"], URL_HOST)


def _decide_some(system: System, folder: Path) -> None:
    """Videos with verdicts, so that requests find some: originals, a copy, and what is trimmed, to be reviewed."""
    look = Look(seconds=8.0, fps=12, seed=8000)
    clips = [write_clip(folder / "clip.mp4", look), write_webm(folder / "copy.webm", replace(look, width=160))]
    for seed in range(8001, 8001 + _TO_REVIEW):
        clips.append(write_clip(folder / f"whole-{seed}.mp4", replace(look, seed=seed)))
        clips.append(write_clip(folder / f"trimmed-{seed}.mp4", replace(look, seed=seed, seconds=5.0)))
    for clip in clips:
        status = system.verdict(system.upload(clip))["status"]
        print(f"{clip.name} is {status}", file=sys.stderr, flush=True)


def run(target: Target, cases: int, seed: int) -> int:
    """The exit status."""
    answer = httpx.get(f"{target.url}/openapi.json", timeout=10)
    answer.raise_for_status()
    results, begun = Results(), time.monotonic()
    told, number = begun, seed
    while results.cases < cases:
        before = results.cases
        for _ in check(target, answer.json(), results, examples=_EXAMPLES_AT_ONCE, seed=number):
            if time.monotonic() - told > _TOLD_EVERY_SECONDS:
                told = time.monotonic()
                print(f"{results.cases} of {cases}, {len(results.faults)} kinds of fault", file=sys.stderr, flush=True)
        if results.cases == before:
            print("No request could be made.", file=sys.stderr)
            break
        number += 1
    print(report(results, seed, time.monotonic() - begun))
    return 1 if results.faults or not results.cases else 0


def report(results: Results, seed: int, seconds: float) -> str:
    """A table in Markdown, and after it each kind of fault with a request that shows it."""
    statuses = sorted({status for answers in results.statuses.values() for status in answers}, key=str)
    lines = [
        f"{results.cases} requests, {results.checks.total()} checks of {len(results.checks)} kinds, seed {seed}, "
        f"{seconds:.0f} s, {results.often.total()} faults",
        "",
        f"| operation | cases | {' | '.join('none' if s is None else str(s) for s in statuses)} | faults |",
        "|---|" + "---:|" * (len(statuses) + 2),
    ]
    for operation, answers in sorted(results.statuses.items()):
        counts = " | ".join(str(answers[status] or "") for status in statuses)
        lines.append(f"| {operation} | {answers.total()} | {counts} | {results.faults_of(operation)} |")
    for key, fault in results.faults.items():
        lines += ["", f"{fault.operation}: {fault.check}: {fault.title}, {results.often[key]} times", fault.message]
        lines += [fault.request] if fault.request else []
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
