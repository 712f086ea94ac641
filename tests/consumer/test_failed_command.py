"""`python -m consumer failed`, with nothing there but the rows: Redis being away loses no retry."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from consumer.__main__ import main
from consumer.cli import DONE, FAILED
from wrangler_compat.d1.migrations import apply

MIGRATIONS = Path(__file__).parents[2] / "migrations"
MANY = 250
"""More than two pages."""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    database = tmp_path / "twinreel.db"
    asyncio.run(apply(database, MIGRATIONS))
    with closing(sqlite3.connect(database)) as opened, opened:
        opened.execute("INSERT INTO users (id, email, created_at) VALUES ('u', 'u@x', '2026')")
        for n in range(MANY):
            video_id = f"{n:032x}"
            opened.execute(
                "INSERT INTO videos (id, r2_key, user_id, status, uploaded_at) VALUES (?, ?, 'u', 'processing', '1')",
                (video_id, f"videos/2026/11/21/{video_id}.mp4"),
            )
            opened.execute(
                "INSERT INTO processing_jobs (id, video_id, status, attempt_count, error_message, created_at, "
                "completed_at) VALUES (?, ?, 'failed', 4, 'It went wrong.', '2026', ?)",
                (video_id, video_id, f"2026-11-21T08:00:00.{n // 7:06d}Z"),
            )
    away = "http://127.0.0.1:1"
    return {
        "R2_ENDPOINT": away, "R2_ACCESS_KEY": "key", "R2_SECRET_KEY": "secret", "CHROMA_URL": away,
        "REDIS_URL": "redis://127.0.0.1:1", "DATABASE_URL": f"sqlite:///{database}",
    }  # fmt: skip


def statuses(environ: dict[str, str]) -> dict[str, int]:
    with closing(sqlite3.connect(environ["DATABASE_URL"].removeprefix("sqlite:///"))) as opened:
        return dict(opened.execute("SELECT status, COUNT(*) FROM processing_jobs GROUP BY status"))


def test_what_failed_is_listed(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["failed", "list", "--limit", "2"], environ) == DONE
    shown = capsys.readouterr().out
    assert shown.startswith(f"{MANY} failed\n")
    assert shown.count("It went wrong.") == 2
    assert main(["failed", "list", "--json"], environ) == DONE
    told = json.loads(capsys.readouterr().out)
    assert (told["total"], len(told["failed"])) == (MANY, 100)


def test_one_and_one_that_has_not_failed(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["failed", "retry", f"{3:032x}", "nobody"], environ) == FAILED
    assert capsys.readouterr().out == "1 sent again, 1 not among the failed\n"
    assert statuses(environ) == {"failed": MANY - 1, "pending": 1}
    assert main(["failed", "retry", f"{3:032x}"], environ) == FAILED


def test_all_of_them(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Some failed at the same moment; none is left out or taken twice."""
    assert main(["failed", "retry", "--all"], environ) == DONE
    assert capsys.readouterr().out == f"{MANY} sent again\n"
    assert statuses(environ) == {"pending": MANY}
