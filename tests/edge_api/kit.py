"""What the gateway's tests share: settings, people with tokens, small files, a client over an in-memory Env."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from edge_api.accounts import create_token, create_user
from edge_api.app import create_app
from edge_api.env import Env
from edge_api.keys import new_id, timestamp
from edge_api.scopes import Role
from edge_api.settings import Settings, configuration
from wire.jobs import Job
from wrangler_compat.d1.types import D1Database, D1PreparedStatement, D1Value, Row
from wrangler_compat.testing import MemoryQueue, MemoryR2Bucket, MemoryRateLimit, MemorySlots, memory_d1

MIGRATIONS = Path(__file__).parents[2] / "migrations"
SECRET = "a secret of the tests"
PART = 5 * 1024 * 1024
PUBLIC_ADDRESS = "93.184.215.14"


def settings_with(**changes: Any) -> Settings:
    return dataclasses.replace(_quick_settings(), **changes)


@functools.cache
def _quick_settings() -> Settings:
    return dataclasses.replace(
        configuration({"PROCESSOR_SECRET": SECRET}).settings,
        max_file_size=20 * 1024 * 1024,
        upload_part_size=PART,
        event_poll_seconds=0.01,
        requests_per_minute=0,
        uploads_per_minute=0,
        upload_bytes_per_minute=0,
        sign_ins_per_minute=0,
        uploads_at_once_per_token=0,
        binding_timeout_seconds=30.0,
    )


def ftyp(major: str = "isom", *compatible: str) -> bytes:
    brands = major.encode() + (512).to_bytes(4, "big") + b"".join(brand.encode() for brand in compatible)
    return (len(brands) + 8).to_bytes(4, "big") + b"ftyp" + brands


def mp4(size: int = 20_000, seed: int = 1) -> bytes:
    """The boxes of an MP4 with a picture; its samples are noise."""
    head = ftyp("isom", "iso2", "mp41") + moov(b"vide")
    return head + box(b"mdat", random.Random(seed).randbytes(size - len(head) - 8))


def box(kind: bytes, payload: bytes) -> bytes:
    return (len(payload) + 8).to_bytes(4, "big") + kind + payload


def moov(*handlers: bytes) -> bytes:
    """With a track for each handler type."""
    tracks = (box(b"trak", box(b"mdia", box(b"hdlr", bytes(8) + handler + bytes(13)))) for handler in handlers)
    return box(b"moov", b"".join(tracks))


def webm(size: int = 5000, doctype: bytes = b"webm") -> bytes:
    inner = b"\x42\x86\x81\x01" + b"\x42\x82" + bytes([0x80 | len(doctype)]) + doctype + b"\x42\x87\x81\x02"
    return b"\x1a\x45\xdf\xa3" + bytes([0x80 | len(inner)]) + inner + b"\x18\x53\x80\x67" + b"\x00" * size


@dataclass(frozen=True)
class Person:
    id: str
    username: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True)
class People:
    alice: Person
    bob: Person
    moderator: Person
    admin: Person


async def make_person(db: D1Database, username: str, role: Role = "uploader") -> Person:
    user_id = await create_user(db, email=f"{username}@example.org", username=username, role=role)
    return Person(user_id, username, (await create_token(db, user=user_id, name=None, expires=None)).token)


_made: dict[str, Any] = {}


async def make_people(db: D1Database) -> People:
    """Made once a process: in the next database they are the same, with the same tokens."""
    if not _made:
        async with memory_d1(MIGRATIONS) as first:
            people = People(
                await make_person(first, "alice"),
                await make_person(first, "bob"),
                await make_person(first, "moderator", "moderator"),
                await make_person(first, "admin", "admin"),
            )
            tables = ("users", "api_tokens", "audit_log")
            rows = {table: (await first.prepare(f"SELECT * FROM {table}").all()).results for table in tables}
            _made.update(people=people, rows=rows)
    await db.batch([_insertion(db, table, row) for table, rows in _made["rows"].items() for row in rows])
    return cast(People, _made["people"])


def _insertion(db: D1Database, table: str, row: Row) -> D1PreparedStatement:
    places = ", ".join(f"?{number}" for number in range(1, len(row) + 1))
    return db.prepare(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})").bind(*row.values())


@asynccontextmanager
async def memory_env() -> AsyncIterator[Env]:
    async with memory_d1(MIGRATIONS) as db:
        yield Env(
            MemoryR2Bucket(),
            db,
            MemoryQueue("video-high"),
            MemoryQueue("video-normal"),
            MemoryQueue("video-low"),
            request_limiter=MemoryRateLimit(),
            upload_limiter=MemoryRateLimit(),
            byte_limiter=MemoryRateLimit(),
            sign_in_limiter=MemoryRateLimit(),
            upload_slots=MemorySlots(),
        )


def with_binding(env: Env, name: str, binding: Any) -> Env:
    """The Env with one binding replaced by something that only looks like it."""
    return dataclasses.replace(env, **{name: binding})


async def public_resolve(host: str) -> Sequence[str]:
    return [PUBLIC_ADDRESS]


async def processor_is_up(url: str, timeout_seconds: float) -> bool:
    return True


class World:
    """The gateway over an Env, with people in it and a client that talks to it without a socket."""

    def __init__(self, env: Env, client: httpx.AsyncClient, people: People) -> None:
        self.env = env
        self.client = client
        self.people = people
        self.alice, self.bob = people.alice, people.bob
        self.moderator, self.admin = people.moderator, people.admin

    async def upload(self, data: bytes, person: Person | None = None, **fields: str) -> httpx.Response:
        person = person or self.alice
        files = {"video": ("holiday.mp4", data, "video/mp4")}
        return await self.client.post("/api/upload", files=files, data=fields, headers=person.headers)

    async def uploaded(self, data: bytes, person: Person | None = None) -> str:
        """The id of a video that was accepted."""
        answer = await self.upload(data, person)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["video_id"])

    async def get(self, path: str, person: Person | None = None) -> httpx.Response:
        return await self.client.get(path, headers=(person or self.alice).headers)

    async def video(self, video_id: str, person: Person | None = None) -> dict[str, Any]:
        answer = await self.get(f"/api/videos/{video_id}", person)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def rows(self, sql: str, *values: D1Value) -> list[Row]:
        return (await self.env.db.prepare(sql).bind(*values).all()).results

    async def run(self, sql: str, *values: D1Value) -> None:
        await self.env.db.prepare(sql).bind(*values).run()

    async def keys(self) -> list[str]:
        return sorted(entry.key for entry in (await self.env.video_bucket.list()).objects)

    async def nothing_is_left(self) -> bool:
        """No row of a video or job, no object, no open upload, no message."""
        rows = await self.rows("SELECT id FROM videos UNION ALL SELECT id FROM processing_jobs")
        uploads = await self.env.video_bucket.list_multipart_uploads()
        return not rows and not await self.keys() and not uploads and not self.jobs()

    def jobs(self, queue: str = "video_queue") -> list[Job]:
        waiting = getattr(self.env, queue)
        assert isinstance(waiting, MemoryQueue)
        return [Job.from_body(message.body) for message in waiting.messages]

    async def decide(self, video_id: str, status: str, **columns: D1Value) -> None:
        """What the consumer would write."""
        columns = {"status": status, "processed_at": timestamp(), "verdict_id": new_id(), **columns}
        names = ", ".join(f"{name} = ?{number}" for number, name in enumerate(columns, 2))
        await self.run(f"UPDATE videos SET {names} WHERE id = ?1", video_id, *columns.values())
        await self.run(
            "UPDATE processing_jobs SET status = 'completed', progress = 1, completed_at = ?2 WHERE video_id = ?1",
            video_id,
            timestamp(),
        )


@asynccontextmanager
async def serving(
    settings: Settings,
    env: Env,
    people: People,
    *,
    dressed: Callable[[ASGIApp], ASGIApp] = lambda app: app,
    **options: Any,
) -> AsyncIterator[World]:
    """dressed: what stands between the client and the application."""

    @asynccontextmanager
    async def granted() -> AsyncIterator[Env]:
        yield env

    app = create_app(settings, granted, **{"resolve": public_resolve, "ping": processor_is_up, **options})
    async with app.router.lifespan_context(app) as state:

        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            scope["state"] = dict(state or {})
            await app(scope, receive, send)

        transport = httpx.ASGITransport(app=dressed(with_state))
        async with httpx.AsyncClient(transport=transport, base_url="http://twinreel.test") as client:
            yield World(env, client, people)


async def until(condition: Any, seconds: float = 60.0) -> None:
    """Wait for an async condition. Raises AssertionError when it does not come true."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)


async def truth(value: object) -> bool:
    return bool(value)
