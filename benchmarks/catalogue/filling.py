"""Entries: each goes the way of an upload from its rows to an approving verdict, but for the decoding and the search.

The rows are those that edge_api writes; the lease, the kept fingerprint, the index and the verdict's rows are made by
the consumer's own parts. A synthetic film resembles nothing, so nobody looks for what it might resemble.
"""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass

from benchmarks.catalogue.entries import synthetic_from
from benchmarks.catalogue.instance import USER, Instance
from benchmarks.quality.workers import Progress
from consumer import queries
from consumer.clock import moment, utc_now
from consumer.records import Claim, Kept, fingerprint_key
from wire.fingerprints import Fingerprint, pack
from wire.verdicts import Verdict
from wrangler_compat.errors import VectorizeError

AT_ONCE = 16
"""Entries on their way at a time: the stores wait for one another less, and Chroma takes what several bring at once."""

MOST_TRIES = 5
"""Of the index step, as a job is tried again when a store does not answer in time."""

_ADD_VIDEO = "INSERT INTO videos (id, r2_key, user_id, status, uploaded_at) VALUES (?1, ?2, ?3, 'processing', ?4)"
_ADD_JOB = "INSERT INTO processing_jobs (id, video_id, status, created_at) VALUES (?1, ?1, 'pending', ?2)"
_ENTERED = "SELECT id FROM videos WHERE status = 'approved'"
_BROKEN_OFF = (
    "DELETE FROM processing_jobs WHERE video_id IN (SELECT id FROM videos WHERE status = 'processing')",
    "DELETE FROM videos WHERE status = 'processing'",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """What one took. making: processor seconds to make the fingerprint, 0 for a real clip's. indexing: wall seconds in
    the consumer's index step; entering: of all. tries: of the index step."""

    making: float
    indexing: float
    entering: float
    tries: int = 1


async def fill(instance: Instance, clips: dict[str, Fingerprint], files: tuple[str, ...], count: int) -> list[Entry]:
    """Enters the clips under their names, and synthetic videos until there are `count` entries.

    Those that an earlier run entered stay and are not among the answers; what it left half done is done again.
    """
    db = instance.pipeline.db
    await db.batch([db.prepare(sql) for sql in _BROKEN_OFF])
    known = {row["id"] for row in (await db.prepare(_ENTERED).all()).results}
    seeds = range(max(0, count - len(clips)))
    missing = [seed for seed in seeds if _name_of(seed) not in known]
    real = [name for name in clips if name not in known]
    progress = Progress("entries", len(real) + len(missing))
    entries: list[Entry] = []

    approving = asyncio.Lock()

    async def mixed(seed: int) -> Entry:
        fingerprint, spent = await instance.pipeline.workers.run(synthetic_from, seed, files)
        return await enter(instance, _name_of(seed), fingerprint, approving, spent)

    work = itertools.chain((enter(instance, name, clips[name], approving) for name in real), map(mixed, missing))
    async for entry in _at_once(work):
        entries.append(entry)
        progress.at(len(entries))
    return entries


async def enter(
    instance: Instance, name: str, fingerprint: Fingerprint, approving: asyncio.Lock, making: float = 0.0
) -> Entry:
    """As the only video of its kind: approved, one at a time: every verdict is another catalogue for the next."""
    began = time.perf_counter()
    pipeline = instance.pipeline
    claim = await _claimed(instance, name)
    kept = Kept(fingerprint, fingerprint_key(claim.video))
    await pipeline.bucket.put(kept.key, pack(fingerprint))
    length = float(fingerprint.duration)
    row = (claim.video.id, kept.key, fingerprint.algorithm_version, round(length), length, None, None, None)
    guard = pipeline.db.prepare(queries.GUARD_LEASE).bind(claim.owner, claim.video.id)
    await pipeline.db.batch([guard, pipeline.db.prepare(queries.KEPT).bind(*row)])
    indexing = time.perf_counter()
    tries = await tried(lambda: pipeline.catalogue.index(claim, kept))
    indexed = time.perf_counter()
    async with approving:
        await _approve(instance, claim)
    return Entry(making, indexed - indexing, time.perf_counter() - began, tries)


async def tried(step: Callable[[], Awaitable[None]]) -> int:
    """Does it until the stores answer, and says how often it was done. Raises VectorizeError after MOST_TRIES."""
    for tries in itertools.count(1):
        try:
            await step()
        except VectorizeError:
            if tries == MOST_TRIES:
                raise
        else:
            return tries
    raise AssertionError("counting does not end")


def _name_of(seed: int) -> str:
    return f"synthetic-{seed}"


async def _claimed(instance: Instance, name: str) -> Claim:
    db, at = instance.pipeline.db, moment(utc_now())
    video = db.prepare(_ADD_VIDEO).bind(name, f"videos/{at[:10].replace('-', '/')}/{name}.mp4", USER, at)
    await db.batch([video, db.prepare(_ADD_JOB).bind(name, at)])
    claim = await instance.pipeline.leases.claim(name, f"benchmark/{uuid.uuid4().hex}")
    if claim is None:
        raise AssertionError(f"nobody else claims {name}")
    return claim


async def _approve(instance: Instance, claim: Claim) -> None:
    """Written against the catalogue as it is now, again when another entry was faster."""
    pipeline = instance.pipeline
    verdict = Verdict("approved", pipeline.detection.policy_version, thresholds={})
    written = False
    while not written:
        version = int(await pipeline.db.prepare(queries.VERSION).first("version"))
        written = await pipeline.rows.write(claim, verdict, version=version)


async def _at_once(work: Iterator[Coroutine[None, None, Entry]]) -> AsyncIterator[Entry]:
    """What they give, in the order they end; AT_ONCE of them run at a time. Each is made when its turn comes."""
    running = {asyncio.create_task(one) for one in itertools.islice(work, AT_ONCE)}
    while running:
        done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        running |= {asyncio.create_task(one) for one in itertools.islice(work, len(done))}
        for task in done:
            yield task.result()
