from __future__ import annotations

import dataclasses

import pytest

from consumer.assembly import Consumer
from consumer.queries import MOST_SHARERS
from consumer.records import Candidate
from consumer.sound_terms import sound_question, sound_terms
from tests.consumer.fingerprints import blank_fingerprint, make_fingerprint
from tests.consumer.indexed import find, indexed
from tests.consumer.sounds import heard_in, melody
from tests.consumer.world import Entry, World


async def test_a_video_does_not_propose_itself(world: World, consumer: Consumer) -> None:
    claim = await indexed(world, consumer, make_fingerprint(1))
    assert (await find(consumer, claim.video, make_fingerprint(1))).candidates == ()


async def test_the_later_sees_the_earlier_and_not_the_other_way_round(world: World, consumer: Consumer) -> None:
    earlier = await indexed(world, consumer, make_fingerprint(1))
    later = await indexed(world, consumer, make_fingerprint(1, noise=0.1))
    seen = await find(consumer, later.video, make_fingerprint(1))
    assert [candidate.video_id for candidate in seen.candidates] == [earlier.video.id]
    assert not seen.candidates[0].is_settled
    assert (await find(consumer, earlier.video, make_fingerprint(1))).candidates == ()


async def test_of_the_same_instant_the_lower_id_is_the_earlier(world: World, consumer: Consumer) -> None:
    at = "2026-11-21T02:13:05.000000Z"
    one = await indexed(world, consumer, make_fingerprint(1), uploaded_at=at)
    other = await indexed(world, consumer, make_fingerprint(1), uploaded_at=at)
    seen = [len((await find(consumer, claim.video, make_fingerprint(1))).candidates) for claim in (one, other)]
    assert seen == [0, 1]
    assert one.video.order < other.video.order


@pytest.mark.parametrize("status", ["rejected", "duplicate"])
async def test_only_what_stands_is_a_candidate(world: World, consumer: Consumer, status: str) -> None:
    await indexed(world, consumer, make_fingerprint(1))
    asking = await indexed(world, consumer, make_fingerprint(1))
    assert len((await find(consumer, asking.video, make_fingerprint(1))).candidates) == 1
    await world.db.prepare("UPDATE videos SET status = ?1 WHERE id <> ?2").bind(status, asking.video.id).run()
    assert (await find(consumer, asking.video, make_fingerprint(1))).candidates == ()


async def test_sound_alone_proposes_a_video(world: World, consumer: Consumer) -> None:
    heard = await indexed(world, consumer, make_fingerprint(1))
    other_picture = dataclasses.replace(make_fingerprint(2), codes=make_fingerprint(1).codes)
    asking = await indexed(world, consumer, other_picture)
    found = await find(consumer, asking.video, other_picture)
    assert found.candidates == (
        Candidate(
            heard.video.id,
            "processing",
            f"fingerprints/2026/11/21/{heard.video.id}.vfp",
            heard.video.uploaded_at,
        ),
    )


async def test_a_sound_that_everybody_has_is_kept_of_the_first_and_proposes_nobody(
    world: World, consumer: Consumer
) -> None:
    jingle = make_fingerprint(1).codes
    for seed in range(2, MOST_SHARERS + 6):
        await indexed(world, consumer, dataclasses.replace(make_fingerprint(seed), codes=jingle))
    counts = await world.rows("SELECT COUNT(*) AS n FROM sound_terms GROUP BY term")
    assert {row["n"] for row in counts} == {MOST_SHARERS}
    other_picture = dataclasses.replace(make_fingerprint(1000), codes=jingle)
    asking = await indexed(world, consumer, other_picture)
    assert (await find(consumer, asking.video, other_picture)).candidates == ()


async def test_sound_at_another_pitch_alone_proposes_a_video(world: World) -> None:
    detection = dataclasses.replace(world.detection, sound_terms=sound_terms, sound_question=sound_question)
    consumer = await world.consumer(detection=detection)
    heard = await indexed(world, consumer, heard_in(melody(1, 12.0)))
    await indexed(world, consumer, heard_in(melody(2, 12.0)))
    altered = heard_in(melody(1, 12.0, semitones=2.0, tempo=0.9))
    asking = await indexed(world, consumer, altered)
    found = await find(consumer, asking.video, altered)
    assert [candidate.video_id for candidate in found.candidates] == [heard.video.id]


async def test_a_segment_alone_proposes_a_video(world: World) -> None:
    """The whole videos have nothing in common, but one query vector is one of the reference's entries."""
    part = Entry("part", tuple(float(n == 3) for n in range(64)), 7.0)
    detection = dataclasses.replace(
        world.detection, index_entries=lambda fp: [part], query_vectors=lambda fp: [part.vector]
    )
    consumer = await world.consumer(detection=detection)
    reference = await indexed(world, consumer, make_fingerprint(1, codes=0))
    asking = await indexed(world, consumer, make_fingerprint(2, codes=0))
    found = await find(consumer, asking.video, make_fingerprint(2, codes=0))
    assert [candidate.video_id for candidate in found.candidates] == [reference.video.id]


async def test_a_crowd_of_later_twins_does_not_hide_the_one_that_counts(world: World) -> None:
    consumer = await world.consumer(top_k=3)
    asking = await indexed(world, consumer, make_fingerprint(1), uploaded_at="2026-02-01T00:00:00.000000Z")
    earlier = await indexed(world, consumer, make_fingerprint(1, noise=0.3), uploaded_at="2026-01-01T00:00:00.000000Z")
    for n in range(20):
        await indexed(world, consumer, make_fingerprint(1, noise=n / 1000), uploaded_at="2026-03-01T00:00:00.000000Z")
    found = await find(consumer, asking.video, make_fingerprint(1))
    assert [candidate.video_id for candidate in found.candidates] == [earlier.video.id]


async def test_at_most_so_many_are_compared(world: World) -> None:
    consumer = await world.consumer(max_candidates=4)
    for n in range(10):
        await indexed(world, consumer, make_fingerprint(1, noise=n / 20))
    asking = await indexed(world, consumer, make_fingerprint(1))
    assert len((await find(consumer, asking.video, make_fingerprint(1))).candidates) == 4


async def test_a_video_with_nothing_to_compare_is_indexed_without_vectors(world: World, consumer: Consumer) -> None:
    claim = await indexed(world, consumer, blank_fingerprint())
    assert (await world.vectorize.describe()).vector_count == 0
    assert (await world.video(claim.video.id))["indexed_at"] is not None
    assert (await find(consumer, claim.video, blank_fingerprint())).candidates == ()


async def test_finding_again_is_cheap_when_nothing_that_matters_has_changed(world: World, consumer: Consumer) -> None:
    earlier = await indexed(world, consumer, make_fingerprint(1))
    asking = await indexed(world, consumer, make_fingerprint(1))
    fingerprint = make_fingerprint(1)
    found = await consumer.search.find(asking.video, fingerprint)
    await indexed(world, consumer, make_fingerprint(1), uploaded_at="2099-01-01T00:00:00.000000Z")
    deaf = dataclasses.replace(consumer.search, videos=None, segments=None)  # type: ignore[arg-type]
    again = await deaf.find_again(asking.video, fingerprint, found)
    assert again.version == await world.version() > found.version
    assert again.candidates == found.candidates
    assert [candidate.video_id for candidate in again.candidates] == [earlier.video.id]


async def test_finding_again_sees_what_came_went_and_was_decided(world: World, consumer: Consumer) -> None:
    first, second = [await indexed(world, consumer, make_fingerprint(1)) for _ in range(2)]
    asking = await indexed(world, consumer, make_fingerprint(1))
    fingerprint = make_fingerprint(1)
    found = await consumer.search.find(asking.video, fingerprint)

    late = await indexed(world, consumer, make_fingerprint(1), uploaded_at="2020-01-01T00:00:00.000000Z")
    found = await consumer.search.find_again(asking.video, fingerprint, found)
    assert {candidate.video_id for candidate in found.candidates} == {
        first.video.id,
        second.video.id,
        late.video.id,
    }
    await world.db.prepare("UPDATE videos SET status = 'approved' WHERE id = ?1").bind(first.video.id).run()
    await world.db.prepare("UPDATE videos SET status = 'duplicate' WHERE id = ?1").bind(second.video.id).run()
    found = await consumer.search.find_again(asking.video, fingerprint, found)
    assert {candidate.video_id: candidate.status for candidate in found.candidates} == {
        first.video.id: "approved",
        late.video.id: "processing",
    }


async def test_a_later_video_that_was_approved_meanwhile_is_seen(world: World, consumer: Consumer) -> None:
    asking = await indexed(world, consumer, make_fingerprint(1))
    fingerprint = make_fingerprint(1)
    found = await consumer.search.find(asking.video, fingerprint)
    assert found.candidates == ()
    later = await world.decided(consumer, 1)
    await world.db.prepare("UPDATE videos SET status = 'approved' WHERE id = ?1").bind(later).run()
    bump = "UPDATE catalogue SET version = version + 1"
    note = "UPDATE videos SET catalogue_version = (SELECT version FROM catalogue) WHERE id = ?1"
    await world.db.batch([world.db.prepare(bump), world.db.prepare(note).bind(later)])
    found = await consumer.search.find_again(asking.video, fingerprint, found)
    assert [candidate.video_id for candidate in found.candidates] == [later]
