"""`python -m consumer webhooks`: what is printed, exit codes, and that a secret is shown once."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from consumer.__main__ import main
from consumer.cli import DONE, FAILED, WRONG
from tests.consumer.webhooks.receiver import Receiver, answering, receiving
from wrangler_compat.d1.migrations import apply

MIGRATIONS = Path(__file__).parents[3] / "migrations"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Only the database is there."""
    asyncio.run(apply(tmp_path / "twinreel.db", MIGRATIONS))
    away = "http://127.0.0.1:1"
    return {
        "R2_ENDPOINT": away, "R2_ACCESS_KEY": "key", "R2_SECRET_KEY": "secret", "CHROMA_URL": away,
        "REDIS_URL": "redis://127.0.0.1:1", "DATABASE_URL": f"sqlite:///{tmp_path / 'twinreel.db'}",
        "WEBHOOK_ALLOWED_HOSTS": "localhost",
    }  # fmt: skip


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """In a loop of its own: the command has one, too."""
    started, loop = threading.Event(), asyncio.new_event_loop()
    there: list[Receiver] = []
    ended = asyncio.Event()

    async def serve() -> None:
        async with receiving() as receiver:
            there.append(receiver)
            started.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    started.wait(60)
    yield there[0]
    loop.call_soon_threadsafe(ended.set)
    thread.join(5)
    loop.close()


def run(environ: dict[str, str], *arguments: str) -> int:
    return main(["webhooks", *arguments], environ)


def added(environ: dict[str, str], capsys: pytest.CaptureFixture[str], url: str) -> tuple[str, str]:
    assert run(environ, "add", url) == DONE
    target_id, secret, _ = capsys.readouterr().out.splitlines()
    return target_id, secret


def test_a_target_from_beginning_to_end(
    environ: dict[str, str], receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    target_id, secret = added(environ, capsys, receiver.url)
    assert secret.startswith("whsec_")
    assert run(environ, "list") == DONE
    shown = capsys.readouterr().out
    assert shown == f"{target_id}  {receiver.url}  all kinds\n"
    assert run(environ, "list", "--json") == DONE
    assert json.loads(capsys.readouterr().out) == [
        {"id": target_id, "url": receiver.url, "kinds": [], "disabled": None}
    ]
    assert run(environ, "test", target_id) == DONE
    assert capsys.readouterr().out == f"{receiver.url} answered 204\n"
    receiver.behaviours = [answering(500, b"broken")]
    assert run(environ, "test", target_id) == FAILED
    assert "answered 500: broken" in capsys.readouterr().out
    assert run(environ, "rotate", target_id) == DONE
    rotated = capsys.readouterr().out
    assert rotated.startswith("whsec_")
    assert secret not in rotated
    assert run(environ, "remove", target_id) == DONE
    capsys.readouterr()
    assert run(environ, "list") == DONE
    assert capsys.readouterr().out == ""


def test_what_was_sent_is_listed_and_replayed(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    target_id, _ = added(environ, capsys, "http://localhost:9/hook")
    with closing(sqlite3.connect(environ["DATABASE_URL"].removeprefix("sqlite:///"))) as database, database:
        database.execute(
            "INSERT INTO notifications (id, video_id, kind, payload, created_at, sent_at) "
            "VALUES ('n', 'v', 'video.approved', '{}', '2026-11-21T08:00:00.000000Z', 'then')"
        )
    assert run(environ, "replay", target_id, "--since", "2026-11-21T09:00+00:00") == DONE
    assert capsys.readouterr().out.startswith("0 are sent again")
    assert run(environ, "replay", target_id, "--since", "2026-11-21T08:00Z") == DONE
    assert capsys.readouterr().out.startswith("1 are sent again")
    assert run(environ, "deliveries", target_id) == DONE
    assert "pending  0 attempts" in capsys.readouterr().out
    assert run(environ, "deliveries", "--status", "failed", "--json") == DONE
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "http://example.org/"), "begins with https://"),
        (("add", "https://127.0.0.1/"), "private network"),
        (("add", "https://nowhere.invalid/"), "cannot be a target"),
        (("remove", "wh_nobody"), "There is no target wh_nobody"),
        (("rotate", "wh_nobody"), "There is no target wh_nobody"),
        (("test", "wh_nobody"), "There is no target wh_nobody"),
        (("replay", "wh_nobody"), "replay wants --since"),
        (("replay", "wh_nobody", "--failed"), "There is no target wh_nobody"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    environ: dict[str, str], arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(environ, *arguments) == WRONG
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.out == ""


@pytest.mark.parametrize("time", ["yesterday", "2026-11-21T08:00"])
def test_a_moment_needs_its_zone(environ: dict[str, str], time: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(environ, "replay", "x", "--since", time)
    assert "must be a moment with its zone" in capsys.readouterr().err
