"""How much a user may keep: so many videos, so many bytes of them. Objects that were freed count no longer."""

from __future__ import annotations

from dataclasses import dataclass

from edge_api import queries
from edge_api.auth import User
from edge_api.deadlines import deadline
from edge_api.errors import ApiError
from edge_api.settings import Settings
from wrangler_compat.d1.types import D1Database, D1PreparedStatement


@dataclass(frozen=True, slots=True)
class Quota:
    """videos, size (bytes): the most that may be kept; 0: no limit."""

    user_id: str
    videos: int
    size: int

    @property
    def is_set(self) -> bool:
        return self.videos > 0 or self.size > 0

    def guard(self, db: D1Database) -> D1PreparedStatement:
        """The last statement of a transaction that adds a video: it violates NOT NULL when that is one too many."""
        return db.prepare(queries.GUARD_QUOTA).bind(self.user_id, self.videos, self.size)

    async def room(self, db: D1Database, timeout_seconds: float, *, wanted_bytes: int = 0) -> int | None:
        """Bytes that one video more may have; None: any number. Raises ApiError QUOTA_EXCEEDED, BindingError."""
        if not self.is_set:
            return None
        async with deadline(timeout_seconds, "DB"):
            used = await db.prepare(queries.USAGE_OF_USER).bind(self.user_id).first()
        assert used is not None
        if self.videos and used["videos"] >= self.videos:
            raise ApiError(
                "QUOTA_EXCEEDED",
                f"You keep {used['videos']} videos of the {self.videos} that you may; delete some, or ask an admin.",
                quota=self.videos,
                used=used["videos"],
            )
        if not self.size:
            return None
        if used["bytes"] + max(1, wanted_bytes) > self.size:
            raise self.too_large(used["bytes"])
        return self.size - int(used["bytes"])

    def too_large(self, used: int) -> ApiError:
        """used: bytes kept before the video that is too much."""
        return ApiError(
            "QUOTA_EXCEEDED",
            f"You keep {used} bytes of the {self.size} that you may, and this video is too much; "
            "delete some, or ask an admin.",
            quota=self.size,
            used=used,
        )


def quota_of(user: User, settings: Settings) -> Quota:
    """The user's own, else what the settings say."""
    videos = settings.quota_videos if user.quota_videos is None else user.quota_videos
    size = settings.quota_bytes if user.quota_bytes is None else user.quota_bytes
    return Quota(user.id, videos, size)
