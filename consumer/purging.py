"""What is left of a deleted video goes: vectors, and objects that were written while it was being deleted."""

from __future__ import annotations

import json
from dataclasses import dataclass

from consumer import queries
from consumer.catalogue import Catalogue
from consumer.records import folder_of, matrices_prefix, rendition_key
from wrangler_compat.d1.types import D1Database, Row
from wrangler_compat.r2.types import R2Bucket


@dataclass(frozen=True, slots=True)
class Purging:
    db: D1Database
    bucket: R2Bucket
    catalogue: Catalogue

    async def purge(self, video_id: str) -> bool:
        """Do what the purges row of this video asks. The row stays, for finish(). False when there is none."""
        row = await self.db.prepare(queries.PURGE).bind(video_id).first()
        if row is None:
            return False
        await self._remove(row)
        return True

    async def finish(self, created_before: str) -> int:
        """Purge again what was deleted before this moment, and drop the rows; how many.

        Once more, since a worker that had the video in hand may have written after the first time. The moment must
        be so long ago that every lease of then has run out.
        """
        rows = (await self.db.prepare(queries.PURGES).bind(created_before).all()).results
        for row in rows:
            await self._remove(row)
            await self.db.prepare(queries.PURGED).bind(row["video_id"]).run()
        return len(rows)

    async def _remove(self, row: Row) -> None:
        video_id = str(row["video_id"])
        await self.catalogue.remove(video_id)
        keys = {rendition_key(video_id), *(str(key) for key in json.loads(row["r2_keys"]))}
        named = [key for key in keys if not key.startswith("processed/")]
        for folder in {folder_of(video_id, key, str(row["created_at"])) for key in named}:
            shown = {f"videos/{folder}/{video_id}_{kind}.jpg" for kind in ("thumb", "preview")}
            keys |= {f"fingerprints/{folder}/{video_id}.vfp", *shown}
            # Their number and names depend on what it was like: whoever was at it may have written others since.
            drawn = await self.bucket.list(prefix=matrices_prefix(folder, video_id))
            keys |= {found.key for found in drawn.objects}
        await self.bucket.delete(sorted(keys))
