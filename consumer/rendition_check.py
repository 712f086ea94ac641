"""What the doctor looks at where renditions are concerned: objects that no row knows, and rows whose object is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consumer import checkup, doctor_queries, inventory
from consumer.checkup import Finding
from consumer.records import rendition_key
from wrangler_compat.d1.types import D1Database
from wrangler_compat.r2.types import R2Bucket


@dataclass(frozen=True, slots=True)
class RenditionCheck:
    db: D1Database
    bucket: R2Bucket

    async def strays(self, keys: Sequence[str]) -> list[Finding]:
        """Of these objects the renditions of videos that have none, or whose rendition has failed. What belongs to no
        video, or to one that is being purged, is not judged here."""
        owners = {key: video_id for key in keys if (video_id := checkup.rendition_of(key)) is not None}
        ids = sorted(set(owners.values()))
        if not ids:
            return []
        known = await inventory.statuses_of(self.db, ids)
        wanted = await inventory.renditions_among(self.db, ids)
        return [
            Finding("rendition_without_row", key, "delete_rendition")
            for key, video_id in owners.items()
            if video_id in known and video_id not in wanted
        ]

    async def missing(self, video_id: str) -> list[Finding]:
        """A row that says made, and there is nothing."""
        status = await self.db.prepare(doctor_queries.RENDITION_STATUS).bind(video_id).first("status")
        if status != "completed" or await self.bucket.head(rendition_key(video_id)) is not None:
            return []
        return [Finding("row_without_rendition", video_id, "render_again")]

    async def mend(self, finding: Finding) -> bool:
        """False: it was no longer so."""
        if finding.remedy == "delete_rendition":
            if finding not in await self.strays([finding.subject]):
                return False
            await self.bucket.delete(finding.subject)
            return True
        if finding not in await self.missing(finding.subject):
            return False
        forgotten = self.db.prepare(doctor_queries.FORGET_MADE_RENDITION).bind(finding.subject)
        return (await forgotten.run()).meta.changes > 0
