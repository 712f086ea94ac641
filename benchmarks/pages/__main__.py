"""What the console's pages cost in a full library: `python -m benchmarks.pages [--videos 10000] [--requests 30]`.

Starts the whole of Twinreel as processes on loopback, lets it decide three videos, and fills its database with copies
of their rows: videos of two owners in every status, jobs, verdicts, reviews, webhooks. Then every page of the console,
and what the API reads, is asked over HTTP by whom it is for. Printed for each: processor time of the gateway's process
(none where the system does not tell it, as on macOS) and time on the wall, both also as a ratio to a bare Starlette
route under uvicorn that is asked in turns with it; then the first page with all that it loads. Exit code 1 when a page
takes 50 ms of processor time or more (of time on the wall, where there is no other), 2 when it could not be measured.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.pages import models
from benchmarks.pages.asking import Who, asks
from benchmarks.pages.filling import FEWEST, Filled, Owners, filled, write
from benchmarks.pages.loading import Loaded, Seen, loaded, seen
from benchmarks.pages.measuring import Measured, Served, measured
from benchmarks.pages.models import Models, UnexpectedError
from benchmarks.pages.report import (
    MOST_SERVER_SECONDS,
    bare_line,
    costs_table,
    loads_table,
    targets,
)
from benchmarks.pages.visitors import Visitors, make_people, visiting
from tests.e2e.system import Process, System, running_system, service
from tests.edge_api.kit import Person
from wrangler_compat.servers import free_port

SECOND_OWNER = "second"
LIMITS = {"REQUESTS_PER_MINUTE": "1000000", "SIGN_INS_PER_MINUTE": "1000"}
"""Counted as ever, and never reached."""
FIRST_PAGES: Mapping[str, tuple[Who, str]] = {
    "signed out: sign in": ("nobody", "/"),
    "signed in: the library": ("uploader", "/"),
}


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--videos", type=int, default=10_000, help=f"{FEWEST} at least (default: %(default)s)")
    made.add_argument("--requests", type=int, default=30, help="of each page (default: %(default)s)")
    made.add_argument(
        "--browser",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="load the first page in Chromium too (default: yes)",
    )
    return made


def main() -> int:
    options = parser().parse_args()
    if options.videos < FEWEST or options.requests < 1:
        print(f"error: --videos must be {FEWEST} or more, --requests 1 or more", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="twinreel-pages-") as name:
        folder = Path(name)
        (folder / "system").mkdir()
        try:
            with running_system(folder / "system", **LIMITS) as system, bare_server(folder) as bare:
                return _run(system, bare, folder, options)
        except UnexpectedError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2


def _run(system: System, bare: Served, folder: Path, options: argparse.Namespace) -> int:
    made = models.made(system, folder)
    # It would take the jobs of videos that are not there in hand.
    system.processes["consumer"].stop()
    database = system.folder / "twinreel.db"
    (row,) = system.rows("SELECT id FROM users WHERE username = 'e2e'")
    people: dict[Who, Person] = {"uploader": Person(row["id"], "e2e", system.token)}
    created = make_people(database, reviewer="moderator", operator="admin", second="uploader")
    people |= {"moderator": created["reviewer"], "admin": created["operator"]}
    found = _fill(database, made, Owners(row["id"], created["second"].id, people["moderator"].id), options.videos)
    running = system.processes["edge_api"].running
    assert running is not None
    gateway = Served(running.pid, system.url)
    with visiting(system.url, database, people) as visitors:
        costs = _measure(visitors, gateway, bare, found, made, options)
        loads, views = _load(visitors, system.url, options)
    _say(f"\n{costs_table(costs)}\n\n{bare_line(costs)}\n\n{loads_table(loads, views)}\n")
    _say("\n".join(map(str, targets(costs, loads, views))))
    return 1 if any(each.server_seconds >= MOST_SERVER_SECONDS for each in costs) else 0


def _fill(database: Path, made: Models, owners: Owners, videos: int) -> Filled:
    found = filled(made, owners, videos)
    write(database, found.rows)
    of_kinds = ", ".join(f"{count} {kind}" for kind, count in found.kinds.items())
    _say(f"{videos} videos beside those three: {of_kinds}; {database.stat().st_size / 1e6:.0f} MB of database")
    return found


def _measure(
    visitors: Visitors, gateway: Served, bare: Served, found: Filled, made: Models, options: argparse.Namespace
) -> list[Measured]:
    every = asks(found, made.search_id, SECOND_OWNER)
    _say(f"{len(every)} pages and answers, {options.requests} times each")
    return [measured(visitors, gateway, bare, ask, options.requests) for ask in every]


def _load(visitors: Visitors, url: str, options: argparse.Namespace) -> tuple[dict[str, Loaded], dict[str, Seen]]:
    loads, views = {}, {}
    for name, (who, path) in FIRST_PAGES.items():
        cookies = visitors.all[who].cookies
        loads[name] = loaded(url, cookies, path, options.requests)
        if options.browser:
            # What it says when there is none.
            with contextlib.suppress(AssertionError):
                views[name] = seen(url, cookies, path, options.requests)
    if options.browser and not views:
        _say("no Chromium was found: the first page is loaded over HTTP alone")
    return loads, views


@contextlib.contextmanager
def bare_server(folder: Path) -> Iterator[Served]:
    """The yardstick, running."""
    port = free_port()
    argv = (sys.executable, "-m", "uvicorn", "benchmarks.pages.bare:app", "--no-access-log", "--log-level", "warning")
    program = service("bare", (*argv, "--port", str(port)), port, "/")
    process = Process(program, folder / "bare.log", {"PATH": "", "HOME": str(folder)})
    try:
        process.start()
        assert process.running is not None
        yield Served(process.running.pid, program.url)
    finally:
        process.end()


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
