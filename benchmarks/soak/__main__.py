"""Hours of steady work: `python -m benchmarks.soak --minutes 60 --rate 20`.

Starts the whole of Twinreel as processes on loopback, uploads clips at a steady rate, and prints what each service
takes at the start, in the middle and at the end: resident memory and file handles. Each clip comes three times on the
average, as itself, in another size and codec, and with other bytes, so that one is approved and the others are
duplicates. At the end the queue has to be empty, every upload has to have one verdict, and no service may have grown by
more than --growth from the middle to the end. Exit code 1 when that is not so.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path
from random import Random

from benchmarks.chaos.__main__ import fresh, wait_for_verdicts
from benchmarks.chaos.clips import planned, synthesised
from benchmarks.chaos.outcome import Decided, losses
from benchmarks.chaos.storm import PROCESSES, Clients
from benchmarks.soak.report import Look, growths, looks_table, verdicts_table
from benchmarks.vitals import Vitals, vitals
from tests.e2e.system import System, running_system

UPLOADS_PER_CLIP = 3


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--minutes", type=float, default=60.0, help="(default: %(default)g)")
    made.add_argument("--rate", type=float, default=20.0, help="uploads a minute (default: %(default)g)")
    made.add_argument("--clients", type=int, default=4, help="(default: %(default)s)")
    made.add_argument(
        "--warm", type=float, default=0.1, help="part of the time before the start (default: %(default)g)"
    )
    made.add_argument("--growth", type=float, default=50.0, help="MB of memory (default: %(default)g)")
    made.add_argument("--more-handles", type=int, default=30, help="file handles, likewise (default: %(default)s)")
    made.add_argument("--patience", type=float, default=900.0, help="for the last verdict, seconds")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--work", type=Path, help="keep clips, logs and data here (default: a folder that is removed)")
    return made


def main() -> int:
    options = parser().parse_args()
    if options.work is not None:
        return run(options, options.work)
    with tempfile.TemporaryDirectory(prefix="twinreel-soak-") as folder:
        return run(options, Path(folder))


def run(options: argparse.Namespace, work: Path) -> int:
    uploads, seconds = max(1, round(options.minutes * options.rate)), options.minutes * 60
    count = -(-uploads // UPLOADS_PER_CLIP)
    print(f"making {count} clips", flush=True)
    sources = synthesised(work / "clips", count)
    plan = planned(sources, uploads, seconds, work / "uploads", Random(options.seed))
    print(f"{uploads} uploads in {options.minutes:g} minutes by {options.clients} clients", flush=True)
    with running_system(fresh(work / "system")) as system:
        watch = Watch(system, [options.warm * seconds, seconds / 2])
        clients = Clients(system)
        watching = threading.Thread(target=watch.run)
        watching.start()
        clients.run(plan, options.clients)
        watching.join()
        videos, waited = wait_for_verdicts(system, plan, options.patience)
        watch.look()
        left = waiting_in(system)
    print(f"\n{looks_table(watch.looks)}\n\n{verdicts_table(videos)}\n")
    print(f"{len(clients.accepted)} uploads accepted, {clients.refused} tries not answered or 503")
    print(f"{waited:.0f} s from the last upload to the last verdict; {left} jobs wait at the end")
    print("\n".join(unexpected(videos)) or "every verdict is the one expected")
    wrong = losses(clients.accepted, videos)
    wrong += growths(watch.looks, most_bytes=options.growth * 1e6, most_handles=options.more_handles)
    wrong += [f"{left} jobs wait at the end"] if left else []
    print("\n".join(wrong) if wrong else "every upload has its verdict, and nothing has grown")
    return 1 if wrong else 0


def unexpected(videos: list[Decided]) -> list[str]:
    """Of each clip one is approved, and all others are duplicates; what is not so, in sentences. Of hundreds of made
    clips some may resemble each other, so this is told and not judged."""
    others = [video for video in videos if video.status not in ("approved", "duplicate")]
    return [f"not as expected: {video.video_id}, which shows clip {video.clip}, is {video.status}" for video in others]


def waiting_in(system: System) -> int:
    (found,) = system.rows("SELECT COUNT(*) AS n FROM processing_jobs WHERE status IN ('pending', 'processing')")
    return int(found["n"])


class Watch:
    """Looks at every service at these moments, seconds after the beginning; prints what it sees."""

    def __init__(self, system: System, moments: list[float]) -> None:
        self.looks: list[Look] = []
        self._system, self._moments = system, moments
        self._begun = time.monotonic()

    def run(self) -> None:
        for moment in self._moments:
            time.sleep(max(0.0, self._begun + moment - time.monotonic()))
            self.look()

    def look(self) -> None:
        seen = {name: self._vitals(name) for name in PROCESSES}
        self.looks.append(Look(time.monotonic() - self._begun, seen))
        total = sum(each.resident for each in seen.values()) / 1e6
        print(f"{self.looks[-1].at:7.0f} s  {total:.0f} MB, {waiting_in(self._system)} jobs wait", flush=True)

    def _vitals(self, name: str) -> Vitals:
        running = self._system.processes[name].running
        assert running is not None
        return vitals(running.pid)


if __name__ == "__main__":
    sys.exit(main())
