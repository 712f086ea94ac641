"""Nothing lost while everything is killed: `python -m benchmarks.chaos [--uploads 300] [--kills 60] [--clips 30]`.

Starts the whole of Twinreel as processes on loopback, twice. In the calm run the uploads are simply made. In the storm
the same uploads are made while each process is killed with -9 at random, and Redis loses all it holds; each is started
again after a moment, as a supervisor would. At the end every upload that was accepted has to have one verdict, the
same as in calm; and after `python -m consumer doctor --fix` there is no orphan. Exit code 1 when that is not so.

With --rolling the services are restarted in turn with SIGTERM instead, as an upgrade does: a new gateway and a new
worker before the old one is stopped, the processor one after another. Then no attempt may be counted either.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from random import Random

from benchmarks.chaos.clips import of_folder, planned, synthesised
from benchmarks.chaos.outcome import Decided, attempts_table, differences, faults, kills_table
from benchmarks.chaos.rolling import ROLLED, Roller, counted
from benchmarks.chaos.storm import Clients, Killer, Upload
from tests.e2e.system import System, eventually, running_system

_STATEMENT = """
SELECT videos.id, videos.content_sha256, videos.status, videos.duplicate_of, processing_jobs.attempt_count,
       processing_jobs.status AS job_status, processing_jobs.error_message,
       (SELECT COUNT(*) FROM verdicts WHERE verdicts.video_id = videos.id) AS verdicts,
       (SELECT COUNT(*) FROM notifications WHERE notifications.video_id = videos.id) AS notifications
FROM videos JOIN processing_jobs ON processing_jobs.video_id = videos.id
"""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--uploads", type=int, default=300)
    made.add_argument("--kills", type=int, default=60, help="wipes of Redis included (default: %(default)s)")
    made.add_argument("--wipes", type=int, default=2, help="of Redis (default: %(default)s)")
    made.add_argument("--rolling", type=int, metavar="N", help="restart every service N times with SIGTERM; no kills")
    made.add_argument("--clips", type=int, default=30, help="different ones (default: %(default)s)")
    made.add_argument("--folder", type=Path, help="take the clips from here instead of making them")
    made.add_argument("--clients", type=int, default=8)
    made.add_argument("--pause", type=float, default=3.0, help="between kills, seconds (default: %(default)g)")
    made.add_argument("--patience", type=float, default=900.0, help="for the last verdict, seconds")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--work", type=Path, help="keep clips, logs and data here (default: a folder that is removed)")
    return made


def main() -> int:
    options = parser().parse_args()
    if options.work is not None:
        return run(options, options.work)
    with tempfile.TemporaryDirectory(prefix="twinreel-chaos-") as folder:
        return run(options, Path(folder))


def run(options: argparse.Namespace, work: Path) -> int:
    sources = of_folder(options.folder, options.clips) if options.folder else synthesised(work / "clips", options.clips)
    seconds = options.pause * (options.rolling * len(ROLLED) if options.rolling else options.kills)
    plan = planned(sources, options.uploads, seconds, work / "uploads", Random(options.seed))
    hurried = [Upload(upload.clip, upload.file, at=0.0) for upload in plan]
    print(f"calm: {len(plan)} uploads of {len(sources)} clips by {options.clients} clients", flush=True)
    with running_system(fresh(work / "calm")) as system:
        calm = Clients(system)
        calm.run(hurried, options.clients)
        videos_in_calm, _ = wait_for_verdicts(system, plan, options.patience)
    wrong = [f"calm: {fault}" for fault in faults(calm.accepted, videos_in_calm)]
    print(
        f"storm: the same, with {options.rolling or options.kills} {'rounds' if options.rolling else 'kills'}",
        flush=True,
    )
    with running_system(fresh(work / "storm")) as system:
        clients = Clients(system)
        killer: Killer | Roller
        if options.rolling:
            killer = Roller(system, options.rolling, options.pause)
        else:
            killer = Killer(system, Random(options.seed), options.kills, options.wipes, options.pause)
        begun = time.monotonic()
        killing = threading.Thread(target=killer.run)
        killing.start()
        clients.run(plan, options.clients)
        killing.join()
        stormy = time.monotonic() - begun
        videos, waited = wait_for_verdicts(system, plan, options.patience)
        wrong += faults(clients.accepted, videos) + differences(videos_in_calm, videos)
        if options.rolling:
            wrong += counted(system)
        elif len(killer.done) < options.kills:
            wrong.append(f"only {len(killer.done)} kills of {options.kills}")
        found, left = doctored(system)
        wrong += [f"after the doctor: {count} {kind}" for kind, count in left.items()]
    print(f"\n{kills_table(killer.done)}\n\n{attempts_table(videos)}\n")
    print(
        f"{len(clients.accepted)} uploads accepted, {len(videos)} videos; "
        f"{clients.refused} tries answered with 503, {clients.unanswered} not answered"
    )
    print(f"{stormy:.0f} s of storm, {waited:.0f} s from its end to the last verdict")
    print(f"the doctor found {found or 'nothing'}, and left {left or 'nothing'}")
    print("\n".join(wrong) if wrong else "every accepted upload has one verdict, the same as in calm")
    return 1 if wrong else 0


def fresh(folder: Path) -> Path:
    """Raises FileExistsError: a run begins with nothing."""
    folder.mkdir(parents=True)
    return folder


def wait_for_verdicts(system: System, plan: list[Upload], patience: float) -> tuple[list[Decided], float]:
    """The videos when none is undecided any more, or patience has run out; and how long that took, seconds."""
    begun = time.monotonic()
    undecided = "SELECT COUNT(*) AS n FROM videos WHERE status = 'processing'"
    try:
        eventually(lambda: system.rows(undecided)[0]["n"] == 0, "all verdicts", seconds=patience, pause=1.0)
    except AssertionError:
        for row in system.rows(f"{_STATEMENT} WHERE videos.status = 'processing'"):
            print(f"undecided: {row['id']} {row['job_status']} {row['error_message']}")
    waited = time.monotonic() - begun
    untold = "SELECT COUNT(*) AS n FROM notifications WHERE sent_at IS NULL"
    eventually(lambda: system.rows(untold)[0]["n"] == 0, "all notifications", seconds=120)
    clips = {hashed(upload.file): upload.clip for upload in plan}
    videos = [
        Decided(
            video_id=row["id"],
            clip=clips[row["content_sha256"]],
            status=row["status"],
            duplicate_of=row["duplicate_of"],
            verdicts=row["verdicts"],
            notifications=row["notifications"],
            attempts=row["attempt_count"],
        )
        for row in system.rows(_STATEMENT)
    ]
    return videos, waited


def doctored(system: System) -> tuple[dict[str, int], dict[str, int]]:
    """What the doctor found, and what was left after it mended. All is at rest, so nothing is too young."""
    told = []
    for fix in (["--fix", "--yes"], []):
        ran = system.run("consumer", "doctor", "--json", "--older-than", "0", *fix, seconds=300)
        if ran.returncode not in (0, 3):
            raise RuntimeError(f"the doctor failed: {ran.stderr}")
        told.append({kind: count for kind, count in json.loads(ran.stdout)["found"].items() if count})
    return told[0], told[1]


def hashed(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
