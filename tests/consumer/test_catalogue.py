from __future__ import annotations

import asyncio
import dataclasses

import numpy as np
import pytest

from consumer.assembly import Consumer
from consumer.catalogue import Catalogue, audio_hash
from consumer.records import Claim, Kept
from tests.consumer.fingerprints import blank_fingerprint, make_fingerprint
from tests.consumer.indexed import find, indexed
from tests.consumer.world import Entry, World
from wire.fingerprints import Fingerprint
from wrangler_compat.errors import D1ConstraintError


async def test_indexing_makes_the_version_grow(world: World, consumer: Consumer) -> None:
    before = await world.version()
    await indexed(world, consumer, make_fingerprint(1))
    assert await world.version() == before + 1


async def test_indexing_again_changes_nothing_but_the_version(world: World, consumer: Consumer) -> None:
    claim = await indexed(world, consumer, make_fingerprint(1))
    tables = ("segment_vectors", "sound_terms")
    before = [await world.rows(f"SELECT * FROM {table}") for table in tables]
    await consumer.catalogue.index(claim, Kept(make_fingerprint(1), "k"))
    assert [await world.rows(f"SELECT * FROM {table}") for table in tables] == before
    assert (await world.segments.describe()).vector_count == 1


async def test_indexing_anew_takes_out_what_is_no_longer_so(world: World, consumer: Consumer) -> None:
    claim = await indexed(world, consumer, make_fingerprint(1))
    await consumer.catalogue.index(claim, Kept(make_fingerprint(2), "k"))
    assert (await world.segments.describe()).vector_count == 1
    assert len(await world.rows("SELECT DISTINCT vector_id FROM segment_vectors")) == 1


async def test_without_the_lease_nothing_is_indexed(world: World, consumer: Consumer) -> None:
    video_id = await world.upload(1)
    claim = await consumer.jobs.leases.claim(video_id, "w")
    assert claim is not None
    stranger = dataclasses.replace(claim, owner="stranger")
    with pytest.raises(D1ConstraintError):
        await consumer.catalogue.index(stranger, Kept(make_fingerprint(1), "k"))
    assert await world.rows("SELECT * FROM segment_vectors") == []
    assert (await world.segments.describe()).vector_count == 0
    assert await world.version() == 0


async def test_thousands_of_rows_are_written_within_d1s_limits(world: World, consumer: Consumer) -> None:
    random = np.random.default_rng(1)

    def many(fingerprint: Fingerprint) -> list[Entry]:
        vectors = random.normal(size=(1500, 64))
        return [Entry(f"{n:04d}", tuple(vector.tolist()), float(n)) for n, vector in enumerate(vectors)]

    detection = dataclasses.replace(
        world.detection, index_entries=many, query_vectors=lambda fp: [entry.vector for entry in many(fp)[:200]]
    )
    large = await world.consumer(detection=detection)
    fingerprint = make_fingerprint(1, duration=3590.0, codes=29_000)
    claim = await indexed(world, large, fingerprint)
    assert len(await world.rows("SELECT vector_id FROM segment_vectors")) == 1500
    assert len(await world.rows("SELECT term FROM sound_terms")) > 5000
    asking = dataclasses.replace(claim.video, id="another")
    found = await find(large, asking, fingerprint)
    assert [candidate.video_id for candidate in found.candidates] == [claim.video.id]
    await large.catalogue.remove(claim.video.id)
    assert await world.rows("SELECT vector_id FROM segment_vectors") == []
    assert (await world.segments.describe()).vector_count == 0


async def test_removing_one_of_two_owners_keeps_the_vector_for_the_other(world: World, consumer: Consumer) -> None:
    first = await indexed(world, consumer, make_fingerprint(1))
    second = await indexed(world, consumer, make_fingerprint(1))
    await consumer.catalogue.remove(first.video.id)
    assert (await world.segments.describe()).vector_count == 1
    await consumer.catalogue.remove(second.video.id)
    assert (await world.segments.describe()).vector_count == 0


async def test_removing_both_owners_at_once_leaves_nothing(world: World, consumer: Consumer) -> None:
    claims = [await indexed(world, consumer, make_fingerprint(1)) for _ in range(4)]
    await asyncio.gather(*(consumer.catalogue.remove(claim.video.id) for claim in claims))
    assert (await world.segments.describe()).vector_count == 0
    assert await world.rows("SELECT * FROM segment_vectors") == []


async def test_a_vector_deleted_while_another_video_came_to_share_it_is_put_back(
    world: World, consumer: Consumer
) -> None:
    first = await indexed(world, consumer, make_fingerprint(1))
    late: list[Claim] = []

    class Racing:
        def __getattr__(self, name: str) -> object:
            return getattr(world.segments, name)

        async def delete_by_ids(self, ids: list[str]) -> object:
            late.append(await indexed(world, consumer, make_fingerprint(1)))
            return await world.segments.delete_by_ids(ids)

    racing: Catalogue = dataclasses.replace(consumer.catalogue, segments=Racing())  # type: ignore[arg-type]
    await racing.remove(first.video.id)
    assert (await world.segments.describe()).vector_count == 1
    assert {row["video_id"] for row in await world.rows("SELECT video_id FROM segment_vectors")} == {late[0].video.id}


def test_the_audio_hash_is_the_bitwise_majority() -> None:
    codes = np.array([0b111, 0b110, 0b100], np.uint32)
    assert audio_hash(dataclasses.replace(make_fingerprint(1), codes=codes)) == "00000006"
    assert audio_hash(blank_fingerprint()) == ""
    ones = np.full(5, 0xFFFFFFFF, np.uint32)
    assert audio_hash(dataclasses.replace(make_fingerprint(1), codes=ones)) == "ffffffff"
