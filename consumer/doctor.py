"""Looks for what the stores hold without its counterpart, and mends it: consumer/checkup.py judges, this acts.

Nothing in flight is touched. What is younger than the grace age is not judged; a video whose job is in hand is not;
each finding is looked at once more right before it is mended, and each change names what it relies on.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from consumer import checkup, doctor_queries, inventory
from consumer.catalogue import owners_of
from consumer.checkup import Finding, Report, RowState
from consumer.clock import moment
from consumer.kept import Shelf, UnusableFingerprintError
from consumer.rebuild import Rebuild, RedecideError
from consumer.records import Video
from consumer.rendition_check import RenditionCheck
from consumer.verdict_rows import VerdictRows
from wire.fingerprints import ALGORITHM_VERSION
from wire.jobs import Priority
from wire.verdicts import Verdict
from wrangler_compat.d1.types import D1Database, Row
from wrangler_compat.errors import QueueError, R2Error
from wrangler_compat.queues.types import Queue
from wrangler_compat.r2.types import R2Bucket, R2Object

_RENDITIONS = "processed/"
_FOLDERS = ("videos/", _RENDITIONS, "searches/")
_FINGERPRINTS = "fingerprints/"
_UPLOADS = "uploads/"
_AT_ONCE = 500
_DELETED_AT_ONCE = 1000

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Doctor:
    """grace_seconds: younger objects, uploads and rows are left alone. adopter: the id of the user who is given the
    videos whose rows are gone; None: their objects are deleted."""

    rebuild: Rebuild
    shelf: Shelf
    rows: VerdictRows
    queues: Mapping[Priority, Queue]
    policy_version: int
    grace_seconds: float
    adopter: str | None = None

    @property
    def db(self) -> D1Database:
        return self.rebuild.db

    @property
    def bucket(self) -> R2Bucket:
        return self.rebuild.bucket

    @property
    def renditions(self) -> RenditionCheck:
        return RenditionCheck(self.db, self.bucket)

    async def examine(self) -> Report:
        """Look, and change nothing. Raises BindingError."""
        report = Report()
        async for findings in self._findings(report):
            for finding in findings:
                report.note(finding)
        return report

    async def mend(self) -> Report:
        """Look, and mend what is found. Raises BindingError; what was mended until then is. Again: nothing is left."""
        report = Report()
        async for findings in self._findings(report):
            for finding in findings:
                report.note(finding)
            await self._mend(findings, report)
        return report

    async def user(self, name: str) -> str | None:
        """The id of the user with this id, email or name."""
        found = await self.db.prepare(doctor_queries.USER).bind(name).first("id")
        return None if found is None else str(found)

    # looking: batches of findings of one kind

    async def _findings(self, report: Report) -> AsyncIterator[list[Finding]]:
        for folder in _FOLDERS:
            async for stretch in inventory.stretches(self.bucket, folder):
                report.examined["objects"] += len(stretch.objects)
                yield await self._unknown(stretch)
                async for row in self._without_object(stretch, doctor_queries.ROWS_BY_KEY):
                    yield await self._missing_object(row["id"], report)
                if folder == _RENDITIONS:
                    yield await self.renditions.strays(self._old(stretch))
                    async for row in self._without_object(stretch, doctor_queries.ROWS_BY_RENDITION):
                        yield await self.renditions.missing(row["id"])
        yield await self._open_uploads(report)
        async for stretch in inventory.stretches(self.bucket, _UPLOADS):
            yield await self._upload_remains(stretch)
        async for stretch in inventory.stretches(self.bucket, _FINGERPRINTS):
            report.examined["fingerprints"] += len(stretch.objects)
            yield await self._unknown(stretch)
            async for row in self._without_object(stretch, doctor_queries.ROWS_BY_FINGERPRINT):
                yield await self._missing_fingerprint(row["id"])
        report.examined["rows"] = int(await self.db.prepare("SELECT COUNT(*) AS n FROM videos").first("n"))
        async for findings in self._stray_vectors(report):
            yield findings
        async for findings in self._missing_vectors(report):
            yield findings

    async def _unknown(self, stretch: inventory.Stretch) -> list[Finding]:
        """Objects whose videos nobody knows."""
        videos = {key: video_id for key in self._old(stretch) if (video_id := checkup.video_of(key)) is not None}
        known = await inventory.known_among(self.db, list(set(videos.values())))
        unknown = (key for key, video_id in videos.items() if video_id not in known)
        judged = (checkup.judge_object(key, adopts=self.adopter is not None) for key in unknown)
        return [finding for finding in judged if finding is not None]

    def _old(self, stretch: inventory.Stretch) -> list[str]:
        return [found.key for found in stretch.older_than(self.rebuild.now() - timedelta(seconds=self.grace_seconds))]

    async def _without_object(self, stretch: inventory.Stretch, sql: str) -> AsyncIterator[Row]:
        there = {found.key for found in stretch.objects}
        async for row in inventory.rows_named(self.db, sql, stretch, self._before):
            if row["object_key"] not in there:
                yield row

    @property
    def _before(self) -> str:
        return moment(self.rebuild.now(), plus_seconds=-self.grace_seconds)

    async def _missing_object(self, video_id: str, report: Report) -> list[Finding]:
        row = await self._row(video_id)
        if row is None or await self.bucket.head(row["r2_key"]) is not None:
            return []
        video = Video.from_row(row)
        has_fingerprint = video.has_current_fingerprint and await self._is_there(video.fingerprint_key)
        return _some(checkup.judge_missing_object(_state(row), has_fingerprint=has_fingerprint))

    async def _missing_fingerprint(self, video_id: str) -> list[Finding]:
        row = await self._row(video_id)
        if row is None or await self._is_there(row["fingerprint_id"]):
            return []
        has_object = row["object_deleted_at"] is None and await self._is_there(row["r2_key"])
        return _some(checkup.judge_missing_fingerprint(_state(row), has_object=has_object))

    async def _open_uploads(self, report: Report) -> list[Finding]:
        listed = await self.bucket.list_multipart_uploads()
        uploads = [upload for upload in listed if checkup.video_of(upload.key) is not None]
        report.examined["open uploads"] = len(uploads)
        before = self.rebuild.now() - timedelta(seconds=self.grace_seconds)
        old = [upload for upload in uploads if upload.initiated is not None and upload.initiated < before]
        resumable = await inventory.resumable_parts_among(self.db, [upload.upload_id for upload in old])
        return [
            Finding("open_upload", upload.key, "abort_upload", token=upload.upload_id)
            for upload in old
            if upload.upload_id not in resumable
        ]

    async def _upload_remains(self, stretch: inventory.Stretch) -> list[Finding]:
        old = stretch.older_than(self.rebuild.now() - timedelta(seconds=self.grace_seconds))
        pieces = {found.key: upload_id for found in old if (upload_id := checkup.upload_of(found.key)) is not None}
        known = await inventory.resumable_among(self.db, sorted(set(pieces.values())))
        unknown = (key for key, upload_id in pieces.items() if upload_id not in known)
        return [Finding("upload_remains", key, "delete_object") for key in unknown]

    async def _stray_vectors(self, report: Report) -> AsyncIterator[list[Finding]]:
        """Vectors are written after the rows that own them: one without is not on its way in."""
        async for ids in inventory.in_chunks(self.rebuild.catalogue.videos.list_ids(), _AT_ONCE):
            report.examined["vectors"] += len(ids)
            statuses = await inventory.statuses_of(self.db, ids)
            yield [_stray(each) for each in ids if not checkup.belongs_in_index(statuses.get(each))]
        async for ids in inventory.in_chunks(self.rebuild.catalogue.segments.list_ids(), _AT_ONCE):
            report.examined["segment vectors"] += len(ids)
            owners = await owners_of(self.db, set(ids))
            yield [_stray(each, of="segment") for each in ids if each not in owners]
        for table in ("segment_vectors", "sound_terms"):
            async for rows in inventory.rows_after(self.db, doctor_queries.ownerless(table), "video_id"):
                yield [_stray(row["video_id"]) for row in rows]

    async def _missing_vectors(self, report: Report) -> AsyncIterator[list[Finding]]:
        catalogue = self.rebuild.catalogue
        owned = int(await self.db.prepare(doctor_queries.DISTINCT_SEGMENTS).first("n"))
        # Without strays, as many vectors as the rows name are those that they name.
        count = (await catalogue.segments.describe()).vector_count
        looks_closer = count != owned or report.found["vector_without_row"] > 0
        pages = inventory.rows_after(self.db, doctor_queries.STANDING, "id", ALGORITHM_VERSION, self._before)
        async for rows in pages:
            ids = [row["id"] for row in rows]
            there = {vector.id for vector in await catalogue.videos.get_by_ids(ids)}
            missing = [row for row in rows if row["indexed_at"] is None or row["id"] not in there]
            if looks_closer:
                ragged = await catalogue.without_segments(set(ids) - {row["id"] for row in missing})
                missing += [row for row in rows if row["id"] in ragged]
            found = [Finding("row_without_vector", row["id"], "index_again") for row in missing]
            yield [finding for finding in found if await self._has_vectors(finding.subject)]

    async def _has_vectors(self, video_id: str) -> bool:
        """Whether there is something to put into the index: a black video has nothing, and one that cannot be read."""
        row = await self._row(video_id)
        if row is None or row["status"] not in ("approved", "flagged"):
            return False
        if row["indexed_at"] is None:
            return True
        try:
            fingerprint = await self.shelf.read(row["fingerprint_id"])
        except UnusableFingerprintError:
            return False
        return bool(fingerprint.video_vector.any())

    # mending

    async def _mend(self, findings: Sequence[Finding], report: Report) -> None:
        doomed = [finding for finding in findings if finding.remedy == "delete_object"]
        await self._delete(doomed, report)
        for finding in findings:
            if finding.remedy != "delete_object" and await self._mend_one(finding):
                report.mended[finding.kind] += 1
                _log.info("mended", kind=finding.kind, subject=finding.subject, remedy=finding.remedy)

    async def _delete(self, findings: Sequence[Finding], report: Report) -> None:
        keys = {
            key: str(checkup.video_of(key) or checkup.upload_of(key)) for key in (each.subject for each in findings)
        }
        owners = list(set(keys.values()))
        known = await inventory.known_among(self.db, owners) | await inventory.resumable_among(self.db, owners)
        doomed = [finding for finding in findings if keys[finding.subject] not in known]
        for at in range(0, len(doomed), _DELETED_AT_ONCE):
            some = doomed[at : at + _DELETED_AT_ONCE]
            await self.bucket.delete([finding.subject for finding in some])
            for finding in some:
                report.mended[finding.kind] += 1
                _log.info("mended", kind=finding.kind, subject=finding.subject, remedy=finding.remedy)

    async def _mend_one(self, finding: Finding) -> bool:
        """False: it was no longer so, or cannot be mended from here."""
        subject = finding.subject
        match finding.remedy:
            case "delete_rendition" | "render_again":
                return await self.renditions.mend(finding)
            case "adopt_object":
                return await self._adopt(subject)
            case "abort_upload":
                return await self._abort(finding)
            case "remove_from_index":
                return await self._remove_from_index(subject, is_segment=finding.token == "segment")
            case "index_again":
                return await self.rebuild.put_back(subject)
            case "note_object_gone" | "reject_video" if finding.kind == "row_without_object":
                return finding in await self._missing_object(subject, Report()) and await self._settle(finding)
            case "by_hand":
                return False
            case _:
                return finding in await self._missing_fingerprint(subject) and await self._settle(finding)

    async def _settle(self, finding: Finding) -> bool:
        video_id = finding.subject
        match finding.remedy:
            case "note_object_gone":
                return await self._changes(doctor_queries.NOTE_OBJECT_GONE, video_id, moment(self.rebuild.now()))
            case "forget_fingerprint":
                row = await self._row(video_id)
                return row is not None and await self._changes(
                    doctor_queries.FORGET_FINGERPRINT, video_id, row["fingerprint_id"]
                )
            case "fingerprint_again":
                return await self._process_again(video_id)
            case _:
                verdict = Verdict("rejected", self.policy_version, thresholds={}, reason=checkup.LOST_REASON)
                is_lost = await self.rows.write_lost(video_id, verdict, checkup.LOST_MESSAGE)
                if is_lost:
                    await self.rebuild.catalogue.remove(video_id)
                    await self._changes(doctor_queries.NOTE_OBJECT_GONE, video_id, moment(self.rebuild.now()))
                    await self._changes(doctor_queries.FORGET_LOST_FINGERPRINT, video_id)
                return is_lost

    async def _process_again(self, video_id: str) -> bool:
        try:
            priority, job = await self.rebuild.reopen(video_id)
        except RedecideError:
            return False
        try:
            await self.queues[priority].send(job.to_body())
        except QueueError as unsent:
            _log.warning("wake_up_left_to_sweep", video_id=video_id, error=unsent.message)
        return True

    async def _remove_from_index(self, subject: str, *, is_segment: bool) -> bool:
        catalogue = self.rebuild.catalogue
        if is_segment:
            await catalogue.delete_unowned({subject})
            return True
        if checkup.belongs_in_index((await inventory.statuses_of(self.db, [subject])).get(subject)):
            return False
        await catalogue.remove(subject)
        return True

    async def _abort(self, finding: Finding) -> bool:
        if await inventory.resumable_parts_among(self.db, [finding.token]):
            return False
        try:
            await self.bucket.resume_multipart_upload(finding.subject, finding.token).abort()
        except R2Error as error:
            if error.retryable:
                raise
            return False
        return True

    async def _adopt(self, key: str) -> bool:
        """A row and a job for a video whose rows are gone."""
        video_id = str(checkup.video_of(key))
        body = await self.bucket.get(key)
        if body is None or isinstance(body, R2Object):
            return False
        digest = hashlib.sha256()
        async for chunk in body:
            digest.update(chunk)
        stored, at = body.object, moment(body.object.uploaded)
        video = self.db.prepare(doctor_queries.ADOPT_VIDEO).bind(
            video_id, key, self.adopter, at, stored.size, checkup.mime_type_of(key), digest.hexdigest()
        )
        job = self.db.prepare(doctor_queries.ADOPT_JOB).bind(video_id, uuid.uuid4().hex, at)
        adopted, _ = await self.db.batch([video, job])
        return adopted.meta.changes > 0

    # rows

    async def _row(self, video_id: str) -> Row | None:
        row: Row | None = await self.db.prepare(doctor_queries.ROW).bind(video_id).first()
        return row

    async def _is_there(self, key: str | None) -> bool:
        return key is not None and await self.bucket.head(key) is not None

    async def _changes(self, sql: str, *values: str) -> bool:
        return (await self.db.prepare(sql).bind(*values).run()).meta.changes > 0


def _state(row: Row) -> RowState:
    return RowState(
        video_id=row["id"],
        status=row["status"],
        is_remote=row["source_url"] is not None,
        is_object_freed=row["object_deleted_at"] is not None,
        names_fingerprint=row["fingerprint_id"] is not None,
        is_reviewed=str(row["decided_by"] or "").startswith("user:"),
        is_in_hand=row["job_status"] == "processing",
    )


def _stray(subject: str, *, of: str = "") -> Finding:
    return Finding("vector_without_row", subject, "remove_from_index", token=of)


def _some(finding: Finding | None) -> list[Finding]:
    return [] if finding is None else [finding]
