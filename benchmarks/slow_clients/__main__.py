"""Others are served while a hundred clients crawl: `python -m benchmarks.slow_clients [--slow 100] [--seconds 60]`.

Starts the whole of Twinreel as processes on loopback, or asks the gateway at --url with --token. Slow clients upload at
1 kB/s, others hang up in mid upload, and meanwhile ordinary clients upload small videos and ask for their status, as
they do before and after that. Printed: their latency beside the same without slow clients in the same run; the
gateway's resident memory and file handles, from a moment when it has worked already; rows, objects and open multipart
uploads before and after. Exit code 1 when somebody was not served, when something is left behind, or when memory has
grown.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.slow_clients.clients import Target
from benchmarks.slow_clients.run import Account, Outcome, Plan, carried_out
from tests.e2e.system import BUCKET, System, running_system
from tests.processor.clips import Look, write_clip
from wrangler_compat.r2.s3 import open_s3_bucket

LOOK = Look(width=96, height=54, seconds=3.0, fps=8, audio=None, seed=7700)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--slow", type=int, default=100, help="clients that crawl (default: %(default)s)")
    made.add_argument("--rate", type=float, default=1000.0, help="of each, bytes a second (default: %(default)g)")
    made.add_argument("--hang-ups", type=int, default=50, help="clients that go in mid upload (default: %(default)s)")
    made.add_argument("--others", type=int, default=4, help="ordinary clients (default: %(default)s)")
    made.add_argument("--seconds", type=float, default=60.0, help="that the slow ones take (default: %(default)g)")
    made.add_argument("--url", help="of a gateway that runs already; its rate limits count (default: start one)")
    made.add_argument("--token", help="that may upload there")
    made.add_argument("--pid", type=int, help="of that gateway, if it runs on this machine: memory and file handles")
    return made


def main() -> int:
    options = parser().parse_args()
    if bool(options.url) != bool(options.token):
        print("error: --url and --token go together", file=sys.stderr)
        return 2
    plan = Plan(options.slow, options.rate, options.hang_ups, options.others, options.seconds)
    with tempfile.TemporaryDirectory(prefix="twinreel-slow-") as name:
        folder = Path(name)
        clip = write_clip(folder / "small.mp4", LOOK).read_bytes()
        if options.url:
            target = Target(options.url, options.token)
            outcome = asyncio.run(carried_out(plan, target, clip, pid=options.pid, say=say))
        else:
            (folder / "system").mkdir()
            with running_system(folder / "system") as system:
                outcome = run_against(system, plan, clip)
    print(f"\n{latency_table(outcome)}\n\n{vitals_table(outcome)}\n\n{account_table(outcome)}\n")
    answers = Counter(f"{answer.status} {answer.code}" for answer in outcome.slow)
    print(f"slow uploads were answered: {', '.join(f'{count} x {what}' for what, count in answers.items())}")
    wrong = outcome.faults()
    print("\n".join(wrong) if wrong else "everybody was served and nothing is left behind")
    return 1 if wrong else 0


def run_against(system: System, plan: Plan, clip: bytes) -> Outcome:
    running = system.processes["edge_api"].running
    assert running is not None

    async def account() -> Account:
        return await kept_by(system)

    target = Target(system.url, system.token)
    return asyncio.run(carried_out(plan, target, clip, pid=running.pid, account=account, say=say))


async def kept_by(system: System) -> Account:
    environ = system.environ
    (found,) = system.rows("SELECT COUNT(*) AS n FROM videos")
    async with open_s3_bucket(
        environ["R2_ENDPOINT"], BUCKET, access_key=environ["R2_ACCESS_KEY"], secret_key=environ["R2_SECRET_KEY"]
    ) as bucket:
        uploads = await bucket.list_multipart_uploads()
    objects = sum(1 for _ in (system.folder / "s3" / BUCKET / "videos").rglob("*.mp4"))
    return Account(found["n"], objects, len(uploads))


def latency_table(outcome: Outcome) -> str:
    lines = ["| the others | without slow clients, ms | beside them, ms | ratio |", "|---|---|---|---|"]
    for name, alone, beside in (
        ("upload", outcome.alone.uploads, outcome.beside.uploads),
        ("status", outcome.alone.asked, outcome.beside.asked),
    ):
        for percent in (50, 95):
            first, second = percentile(alone, percent), percentile(beside, percent)
            lines.append(f"| {name} p{percent} | {first * 1e3:.0f} | {second * 1e3:.0f} | {second / first:.2f} |")
        lines.append(f"| {name}: number | {len(alone)} | {len(beside)} | |")
    return "\n".join(lines)


def vitals_table(outcome: Outcome) -> str:
    lines = ["| gateway | start | middle | end |", "|---|---|---|---|"]
    seen = outcome.vitals
    lines.append(
        f"| resident memory, MB | {' | '.join(f'{each.resident / 1e6:.1f}' for each in seen) or '- | - | -'} |"
    )
    lines.append(f"| file handles | {' | '.join(str(each.handles) for each in seen) or '- | - | -'} |")
    return "\n".join(lines)


def account_table(outcome: Outcome) -> str:
    lines = [f"| kept, of {outcome.accepted} uploads accepted | before | after |", "|---|---|---|"]
    for name, words in (("rows", "rows"), ("objects", "objects"), ("open_uploads", "open multipart uploads")):
        counts = [str(getattr(account, name)) for account in outcome.accounts] or ["-", "-"]
        lines.append(f"| {words} | {' | '.join(counts)} |")
    return "\n".join(lines)


def percentile(values: Sequence[float], percent: int) -> float:
    """By the nearest rank. Raises ValueError when there is none."""
    if not values:
        raise ValueError("nobody was answered")
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
