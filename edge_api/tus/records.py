"""The row of one resumable upload, and the writes of whoever holds its lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from edge_api.auth import User
from edge_api.deadlines import deadline
from edge_api.env import Env
from edge_api.errors import ApiError
from edge_api.keys import moment_of, new_id, timestamp
from edge_api.settings import Settings
from edge_api.tus import queries
from edge_api.tus.headers import Metadata, metadata_of
from wire.jobs import Priority
from wrangler_compat.d1.types import D1Database, D1PreparedStatement, Row
from wrangler_compat.r2.types import R2UploadedPart

FOLDER = "uploads/"
"""Of the bucket: what is kept of uploads beside their parts."""


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """length, offset, part_bytes: bytes. tail_key: of the object with what follows the last whole part, if any does.
    key, mime_type: known with the first bytes. r2_upload_id: of the multipart upload, once there is a whole part."""

    id: str
    user_id: str
    video_id: str
    length: int
    offset: int
    metadata: str
    priority: Priority
    part_bytes: int
    key: str | None
    mime_type: str | None
    r2_upload_id: str | None
    tail_key: str | None
    expires_at: datetime
    is_finished: bool

    @classmethod
    def from_row(cls, row: Row) -> OpenUpload:
        return cls(
            id=row["id"],
            user_id=row["user_id"],
            video_id=row["video_id"],
            length=row["upload_length"],
            offset=row["upload_offset"],
            metadata=row["upload_metadata"],
            priority=row["priority"],
            part_bytes=row["part_bytes"],
            key=row["r2_key"],
            mime_type=row["mime_type"],
            r2_upload_id=row["r2_upload_id"],
            tail_key=row["tail_key"],
            expires_at=moment_of(row["expires_at"]),
            is_finished=row["finished_at"] is not None,
        )

    @property
    def folder(self) -> str:
        return f"{FOLDER}{self.id}/"

    @property
    def filename(self) -> str | None:
        """As it was sent."""
        return metadata_of({"upload-metadata": self.metadata}).filename

    @property
    def whole_parts(self) -> int:
        return self.offset // self.part_bytes

    @property
    def is_complete(self) -> bool:
        """All its bytes are in the store; it may not be a video yet."""
        return self.offset == self.length


async def create(env: Env, settings: Settings, user: User, length: int, metadata: Metadata) -> OpenUpload:
    """Raises BindingError."""
    now, upload_id = datetime.now(UTC), new_id()
    expires_at = timestamp(now + timedelta(seconds=settings.tus_expire_seconds))
    insert = env.db.prepare(queries.INSERT).bind(
        upload_id,
        user.id,
        new_id(),
        length,
        metadata.sent,
        metadata.priority,
        settings.upload_part_size,
        timestamp(now),
        expires_at,
    )
    async with deadline(settings.binding_timeout_seconds, "DB"):
        await insert.run()
    return await read(env, settings, upload_id)


async def read(env: Env, settings: Settings, upload_id: str) -> OpenUpload:
    """Raises ApiError UPLOAD_NOT_FOUND, BindingError."""
    async with deadline(settings.binding_timeout_seconds, "DB"):
        row = await env.db.prepare(queries.UPLOAD).bind(upload_id).first()
    if row is None:
        raise ApiError("UPLOAD_NOT_FOUND")
    return OpenUpload.from_row(row)


async def owned(env: Env, settings: Settings, upload_id: str, user: User) -> OpenUpload:
    """An upload of this user's that can be gone on with, or is finished. Raises ApiError UPLOAD_NOT_FOUND,
    UPLOAD_EXPIRED, BindingError."""
    found = await read(env, settings, upload_id)
    if found.user_id != user.id:
        raise ApiError("UPLOAD_NOT_FOUND")
    if not found.is_finished and found.expires_at <= datetime.now(UTC):
        raise ApiError("UPLOAD_EXPIRED")
    return found


async def open_bytes(db: D1Database, user_id: str, timeout_seconds: float) -> int:
    """What the user has in the store in uploads that are no videos yet. Raises BindingError."""
    async with deadline(timeout_seconds, "DB"):
        return int(await db.prepare(queries.OPEN_BYTES).bind(user_id).first("bytes"))


@dataclass(frozen=True, slots=True)
class Ledger:
    """Writes to the row of an upload in the name of a lock. Each raises ApiError UPLOAD_LOCKED when that is lost, and
    then nothing was written, and BindingError."""

    db: D1Database
    upload_id: str
    owner: str
    timeout_seconds: float

    async def parts(self) -> list[R2UploadedPart]:
        async with deadline(self.timeout_seconds, "DB"):
            rows = (await self.db.prepare(queries.PARTS).bind(self.upload_id).all()).results
        return [R2UploadedPart(row["part_number"], row["etag"]) for row in rows]

    async def begin_object(self, upload: OpenUpload, key: str, mime_type: str, r2_upload_id: str) -> OpenUpload:
        await self._write([self._bound(queries.BEGIN_OBJECT, key, mime_type, r2_upload_id)])
        return replace(upload, key=key, mime_type=mime_type, r2_upload_id=r2_upload_id)

    async def advance(
        self, upload: OpenUpload, offset: int, parts: Sequence[R2UploadedPart], tail_key: str | None
    ) -> OpenUpload:
        """Everything before offset is in the store: in parts, these new ones included, and in the tail."""
        inserts = [self._bound(queries.INSERT_PART, part.part_number, part.etag) for part in parts]
        await self._write([*inserts, self._bound(queries.ADVANCE, offset, tail_key)])
        return replace(upload, offset=offset, tail_key=tail_key)

    async def reset(self) -> None:
        await self._write([self._bound(sql) for sql in queries.RESET])

    async def give_up(self) -> None:
        """From here on nobody goes on with it, and the sweep removes what is left of it."""
        await self._write([self._bound(queries.GIVE_UP, timestamp())])

    async def remove(self) -> None:
        await self._write([self._bound(sql) for sql in queries.REMOVE])

    def finishing(self, video_id: str) -> list[D1PreparedStatement]:
        """What belongs into the transaction that inserts the video; it fails when the lock is lost."""
        return [
            self._bound(queries.GUARD_FINISH, video_id),
            self._bound(queries.FORGET_PARTS),
            self._bound(queries.FINISH, timestamp()),
        ]

    def _bound(self, sql: str, *values: str | int | None) -> D1PreparedStatement:
        return self.db.prepare(sql).bind(self.upload_id, self.owner, *values)

    async def _write(self, statements: list[D1PreparedStatement]) -> None:
        """The last one changes the row, if it is ours."""
        async with deadline(self.timeout_seconds, "DB"):
            results = await self.db.batch(statements)
        if results[-1].meta.changes == 0:
            raise ApiError("UPLOAD_LOCKED")
