from __future__ import annotations

import asyncio
import json

import redis

from tests.wrangler_compat.commands.run import Project
from wrangler_compat.queues.arq_queue import open_arq_queue
from wrangler_compat.queues.arq_redis import bury, connect
from wrangler_compat.queues.delivery import DeadLetter


def send(redis_url: str, name: str, **options: float) -> None:
    async def sending() -> None:
        async with open_arq_queue(redis_url, name) as queue:
            await queue.send({"n": 1}, **options)

    asyncio.run(sending())


def make_dead(redis_url: str, name: str, count: int) -> None:
    async def burying() -> None:
        connected = connect(redis_url)
        for number in range(count):
            letter = DeadLetter(
                f"{name}-{number}", name, f"{name}-dead", "ValueError: no", 4, {"n": number}, "2026-11-21"
            )
            await bury(connected, letter)
            await asyncio.sleep(0.002)
        await connected.aclose()

    asyncio.run(burying())


def test_list_shows_declared_created_and_sent_to(with_redis: Project, redis_url: str, unique_name: str) -> None:
    assert with_redis.run("queues", "create", f"{unique_name}-made").out == f"Created queue {unique_name}-made.\n"
    send(redis_url, f"{unique_name}-sent", delay_seconds=60)
    rows = {row["name"]: row for row in json.loads(with_redis.run("queues", "list", "--json").out)}
    assert {unique_name, f"{unique_name}-dead", f"{unique_name}-made", f"{unique_name}-sent"} <= set(rows)
    assert rows[f"{unique_name}-sent"] == {"name": f"{unique_name}-sent", "ready": 0, "delayed": 1, "dead_letters": 0}
    table = with_redis.run("queues", "list").out.splitlines()
    assert table[0].split() == ["name", "ready", "delayed", "dead_letters"]


def test_list_copes_with_very_many_queues(with_redis: Project, redis_url: str, unique_name: str) -> None:
    """As many connections at once would not be granted."""
    names = {f"{unique_name}-{n}" for n in range(1200)}
    known = redis.Redis.from_url(redis_url)
    try:
        known.sadd("queue-names", *names)
        listed = with_redis.run("queues", "list", "--json")
        assert (listed.code, listed.err) == (0, "")
        assert names <= {row["name"] for row in json.loads(listed.out)}
    finally:
        known.srem("queue-names", *names)
        known.close()


def test_info(with_redis: Project, redis_url: str, unique_name: str) -> None:
    send(redis_url, unique_name)
    assert with_redis.run("queues", "info", unique_name).out.splitlines()[1].split() == [unique_name, "1", "0", "0"]
    assert json.loads(with_redis.run("queues", "info", unique_name, "--json").out)["ready"] == 1


def test_a_bad_name(with_redis: Project) -> None:
    ended = with_redis.run("queues", "create", "No Good")
    assert ended.code == 1
    assert "small letters" in ended.err


def test_dead_letters(with_redis: Project, redis_url: str, unique_name: str) -> None:
    make_dead(redis_url, unique_name, 4)
    dead = f"{unique_name}-dead"
    shown = with_redis.run("queues", "dead-letters", "list", dead, "--limit", "2").out.splitlines()
    assert [line.split()[0] for line in shown] == ["id", f"{unique_name}-0", f"{unique_name}-1"]
    assert "ValueError: no" in shown[1]
    letters = json.loads(with_redis.run("queues", "dead-letters", "list", dead, "--json").out)
    assert [letter["body"] for letter in letters] == [{"n": number} for number in range(4)]
    assert with_redis.run("queues", "dead-letters", "resend", dead, "--limit", "3").out == "Sent 3 again.\n"
    assert json.loads(with_redis.run("queues", "info", unique_name, "--json").out) == {
        "name": unique_name,
        "ready": 3,
        "delayed": 0,
        "dead_letters": 1,
    }
    assert with_redis.run("queues", "dead-letters", "purge", dead).out == "Purged 1.\n"
    assert with_redis.run("queues", "dead-letters", "list", dead).out.split() == [
        "id",
        "queue",
        "died_at",
        "attempts",
        "reason",
        "body",
    ]
