"""The benchmark of pages: what it fills a database with, that it asks for every page, its tables, and a run of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from benchmarks.pages.__main__ import bare_server
from benchmarks.pages.asking import OPEN, Ask, Who, asks
from benchmarks.pages.filling import FEWEST, SHARES, Filled, Owners, filled, write
from benchmarks.pages.loading import Loaded, Seen, imports, loaded
from benchmarks.pages.measuring import Cost, Measured, Served, in_turns, measured, percentile, processor_seconds
from benchmarks.pages.models import Model, Models, Row, UnexpectedError
from benchmarks.pages.report import bare_line, costs_table, loads_table, targets
from benchmarks.pages.visitors import visiting
from edge_api.access import Entry
from edge_api.console.assets import FOLDER
from edge_api.keys import new_id
from edge_api.routes import routes
from tests.browser.gateway import running_gateway
from tests.edge_api.kit import Person
from tests.edge_api.test_searches import OPINION
from tests.services import S3Server
from wire.verdicts import Match, Segment
from wrangler_compat.d1.migrations import apply

ROOT = Path(__file__).parents[2]
MOMENT = "2026-11-21T02:00:00.000000Z"
OWNERS = Owners("first", "second", "moderator")
MATCH = Match("", "video", 0.9, 0.9, 0.8, 1.0, 1.0, segments=(Segment(0, 5, 0, 5, 0.9),))
LEFT_OUT = {
    "/static/{version}/{name}": "loaded with the first page",
    "/api/videos/{video_id}/events": "a stream that lasts",
}


def decided(status: str) -> Model:
    """Rows as a consumer leaves them, of the columns that matter here."""
    video_id = new_id()
    evidence = None if status == "approved" else json.dumps([MATCH.to_json() | {"video_id": new_id()}])
    video: Row = {"id": video_id, "r2_key": "videos/a.mp4", "user_id": "first", "status": status, "uploaded_at": MOMENT}
    verdict: Row = {"id": new_id(), "video_id": video_id, "status": status, "matches": evidence or "[]", "why": None}
    verdict |= {"policy_version": 3, "thresholds": "{}", "decided_by": "policy", "decided_at": MOMENT}
    job: Row = {"id": new_id(), "video_id": video_id, "status": "completed", "created_at": MOMENT, "attempt_count": 1}
    return Model(video | {"matches": evidence, "thumbnail_key": "videos/a_thumb.jpg"}, job, verdict)


MODELS = Models({status: decided(status) for status in ("approved", "duplicate", "flagged")}, new_id())


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """With a hundred videos."""
    path = tmp_path / "twinreel.db"
    asyncio.run(apply(path, ROOT / "migrations"))
    people = [{"id": each, "email": each, "created_at": MOMENT} for each in ("first", "second", "moderator")]
    models = [model.video | {"matches": None} for model in MODELS.models.values()]
    rows = filled(MODELS, OWNERS, 2 * FEWEST).rows
    write(path, {"users": people, **rows, "videos": [*models, *rows["videos"]]})
    with contextlib.closing(sqlite3.connect(path)) as opened:
        yield opened


def test_there_are_videos_of_every_kind(database: sqlite3.Connection) -> None:
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    sql = "SELECT status, COUNT(*) FROM videos JOIN processing_jobs ON video_id = videos.id GROUP BY status"
    found = dict(database.execute(sql.replace("status", "videos.status")).fetchall())
    assert found["flagged"] == 2 * SHARES["flagged"]
    assert found["duplicate"] == 2 * SHARES["duplicate"]
    assert found["processing"] == 2 * (SHARES["processing"] + SHARES["failed"])
    assert sum(found.values()) == 2 * FEWEST
    jobs = dict(database.execute("SELECT status, COUNT(*) FROM processing_jobs GROUP BY status").fetchall())
    assert (jobs["pending"], jobs["failed"]) == (2 * SHARES["processing"], 2 * SHARES["failed"])
    owners = {row[0] for row in database.execute("SELECT DISTINCT user_id FROM videos")}
    assert owners == {"first", "second"}


def test_verdicts_have_their_evidence_and_reviews_their_history(database: sqlite3.Connection) -> None:
    flagged = database.execute(
        "SELECT duplicate_of, reason, matches FROM videos WHERE verdict_id IS NOT NULL AND status = 'flagged'"
    )
    for suspect, reason, matches in flagged.fetchall():
        evidence = [Match.from_json(each) for each in json.loads(matches)]
        assert reason
        assert evidence[0].video_id == suspect
        assert evidence[0].segments == MATCH.segments
    sql = "SELECT COUNT(*) FROM videos LEFT JOIN verdicts ON verdicts.id = videos.verdict_id WHERE verdicts.id IS NULL"
    # The three models' own verdicts are not written here.
    assert database.execute(f"{sql} AND videos.status <> 'processing'").fetchone() == (3,)
    reviews = database.execute(
        "SELECT decision, videos.status FROM reviews JOIN videos ON videos.verdict_id = reviews.id"
    ).fetchall()
    assert len(reviews) == 2 * SHARES["reviewed"]
    assert set(reviews) <= {("approve", "approved"), ("reject", "rejected")}
    changes = database.execute("SELECT COUNT(*) FROM review_changes WHERE status = 'flagged'").fetchone()
    assert changes == (len(reviews),)


def test_too_few_videos_are_refused() -> None:
    with pytest.raises(ValueError, match=str(FEWEST)):
        filled(MODELS, OWNERS, FEWEST - 1)


def found_asks() -> tuple[Filled, list[Ask]]:
    found = filled(MODELS, OWNERS, 2 * FEWEST)
    return found, asks(found, MODELS.search_id, "second")


@pytest.mark.parametrize("entry", [each for each in routes() if "GET" in each.told_methods], ids=lambda each: each.path)
def test_every_page_and_every_answer_is_asked_for(entry: Entry) -> None:
    """Pages by a browser."""
    asked = [ask for ask in found_asks()[1] if ask.method == "GET" and entry.path_regex.match(ask.path.split("?")[0])]
    assert bool(asked) != (entry.path in LEFT_OUT)
    if asked and entry.access.is_page:
        assert all(ask.as_page for ask in asked)


def test_the_queue_moves_on_each_time() -> None:
    moving = [ask for ask in found_asks()[1] if OPEN in ask.path or OPEN in (ask.fields or {}).values()]
    assert [(ask.method, ask.as_page) for ask in moving] == [("POST", True), ("POST", True), ("POST", False)]


def test_the_last_pages_are_not_empty() -> None:
    found, every = found_asks()
    offsets = {(ask.who, int(at[1])) for ask in every if (at := re.search(r"offset=(\d+)", ask.path))}
    own = sum(map(len, found.ids.values()))
    assert offsets == {("moderator", 80), ("uploader", (own - 1) // 20 * 20)}


@pytest.mark.parametrize("script", sorted(FOLDER.glob("*.js")), ids=lambda path: path.name)
def test_what_a_script_loads_is_found(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert len(imports(text)) == len(re.findall(r"\bimport\b", text))
    assert all((FOLDER / name).exists() for name in imports(text))


def measure(processor: float | None, wall: float, path: str = "/videos") -> Measured:
    bare = Cost([0.001] * 4, None if processor is None else 0.002)
    return Measured(Ask("uploader", path), Cost([wall] * 4, processor), bare, 40_000)


LIBRARY = Loaded(requests=6, size=45_000, pictures=20, picture_size=180_000, seconds=[0.1, 0.2])


def test_the_tables() -> None:
    row = costs_table([measure(0.04, 0.02)]).splitlines()[2]
    assert row == "| /videos | uploader | 10.0 | 20 | 20.0 | 20.0 | 20.0 | 20.0 | 40.0 |"
    assert "0.50 ms of processor time, 1.00 ms on the wall" in bare_line([measure(0.04, 0.02)])
    unknown = costs_table([measure(None, 0.02)]).splitlines()[2]
    assert unknown.startswith("| /videos | uploader | - | - | 20.0 |")
    assert "processor" not in bare_line([measure(None, 0.02)])
    alone = loads_table({"library": LIBRARY}, {}).splitlines()[2]
    assert alone == "| library | 6 | 45.0 | 20 | 180.0 | 100 | 200 | - | - | - | - | - |"
    seen = loads_table({"library": LIBRARY}, {"library": Seen(26, 230_000, [0.3], [0.5])}).splitlines()[2]
    assert seen.endswith("| 26 | 230.0 | 300 | 300 | 500 |")


@pytest.mark.parametrize(
    ("processor", "load", "seen", "met"),
    [
        (0.04, LIBRARY, None, [True, True, True]),
        (0.2, LIBRARY, None, [True, True, False]),
        (0.04, replace(LIBRARY, requests=11), None, [False, True, True]),
        (0.04, replace(LIBRARY, size=100_001), None, [False, True, True]),
        (0.04, replace(LIBRARY, seconds=[0.1, 1.0]), None, [True, False, True]),
        (0.04, replace(LIBRARY, seconds=[0.1, 1.0]), Seen(26, 1, [0.9], [2.0]), [True, True, True]),
        (0.04, LIBRARY, Seen(26, 1, [1.1], [1.2]), [True, False, True]),
        (None, LIBRARY, None, [True, True, True]),
    ],
)
def test_targets(processor: float | None, load: Loaded, seen: Seen | None, met: list[bool]) -> None:
    views = {"library": seen} if seen else {}
    found = targets([measure(0.001, 0.2, "/me"), measure(processor, 0.04)], {"library": load}, views)
    assert [target.is_met for target in found] == met
    assert [str(target).startswith("NOT") for target in found] == [not each for each in met]


def test_without_processor_time_the_wall_counts() -> None:
    assert targets([measure(None, 0.05)], {}, {})[0].is_met is False


def test_percentiles() -> None:
    assert [percentile([3.0, 1.0, 2.0], percent) for percent in (1, 50, 95)] == [1, 2, 3]


def test_the_processor_time_of_another_process() -> None:
    told = "import time\nwhile time.process_time() < 0.2: pass\nprint('done', flush=True)\ninput()"
    with subprocess.Popen(
        [sys.executable, "-c", told], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
        found = processor_seconds(process.pid)
        process.communicate("\n")
    if sys.platform == "darwin":
        assert found is None
        return
    assert found is not None
    assert found >= 0.2
    with pytest.raises(OSError, match="no process"):
        processor_seconds(process.pid)


def test_every_page_and_every_answer_can_be_had(s3_server: S3Server, redis_url: str, tmp_path: Path) -> None:
    """Of a gateway with few videos, each once."""
    search = {"id": MODELS.search_id, "kind": "search", "r2_key": "searches/x/video.mp4", "status": "completed"}
    search |= {"created_at": MOMENT, "completed_at": MOMENT, "answer": json.dumps({"verdict": OPINION})}
    without_pictures = {
        status: replace(model, video=model.video | {"thumbnail_key": None}) for status, model in MODELS.models.items()
    }
    with running_gateway(tmp_path, s3_server, redis_url) as gateway, bare_server(tmp_path) as bare:
        alice, bob, moderator = gateway.people.alice, gateway.people.bob, gateway.people.moderator
        found = filled(Models(without_pictures, MODELS.search_id), Owners(alice.id, bob.id, moderator.id), FEWEST)
        models = [model.video | {"user_id": bob.id, "matches": None} for model in without_pictures.values()]
        rows = {**found.rows, "videos": [*models, *found.rows["videos"]], "searches": [search | {"user_id": alice.id}]}
        write(gateway.database, rows)
        served, people = Served(os.getpid(), gateway.url), gateway.people
        named: dict[Who, Person] = {"uploader": alice, "moderator": moderator, "admin": people.admin}
        with visiting(gateway.url, gateway.database, named) as visitors:
            every = asks(found, MODELS.search_id, bob.username)
            with httpx.Client(base_url=bare.url, trust_env=False) as plain:
                asked = [in_turns(visitors, plain, ask, 1) for ask in every]
            library_cost = measured(visitors, served, bare, Ask("uploader", "/videos"), 3)
            library = loaded(gateway.url, visitors.all["uploader"].cookies, "/", 2)
            opened = gateway.rows("SELECT COUNT(*) AS n FROM review_claims")
            with pytest.raises(UnexpectedError, match="404"):
                visitors.ask(Ask("uploader", f"/videos/{new_id()}"), "")
    assert all(size > 0 for ask, (_, _, size) in zip(every, asked, strict=True) if ask.status == 200)
    assert (len(library_cost.cost.wall), len(library_cost.bare.wall)) == (3, 3)
    assert (library_cost.cost.processor is None) == (sys.platform == "darwin")
    assert opened == [{"n": 1}]
    # The redirect, the page, its styles, two scripts, the icon.
    assert (library.requests, library.pictures, len(library.seconds)) == (7, 0, 2)
    assert library.size > 30_000


@pytest.mark.slow
def test_a_run_of_it() -> None:
    """With few videos; how long anything took is not asked."""
    argv = ["-m", "benchmarks.pages", "--videos", str(FEWEST), "--requests", "1", "--no-browser"]
    ran = subprocess.run(
        [sys.executable, *argv],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    assert ran.stderr == ""
    for words in ("/videos | uploader", "/review?order=oldest | moderator", "/dashboard/live | admin"):
        assert f"| {words} | " in ran.stdout
    assert "| /api/stats/costs | admin, API |" in ran.stdout
    assert "; beside 18 thumbnails of " in ran.stdout
    assert len(re.findall(r"^(?:met    |NOT met)  ", ran.stdout, re.MULTILINE)) == 5
