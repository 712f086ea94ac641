"""`python -m consumer redecide` on many videos: what a dry run shows, and what is really done."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Collection, Sequence
from dataclasses import replace

import pytest

from consumer.assembly import Consumer
from consumer.history import History, Past, Selection
from consumer.kept import Shelf
from consumer.rebuild import Rebuild, RedecideError
from consumer.records import Video
from consumer.redecide import (
    DryRun,
    Redecide,
    Sent,
    chosen_among,
    confirmation_text,
    dry_run_text,
    sent_text,
    thresholds_with,
)
from consumer.replay import Replayed
from consumer.thresholds import Thresholds
from tests.consumer.fingerprints import make_fingerprint
from tests.consumer.moderation import review
from tests.consumer.world import DETECTION, Likeness, World, decide
from wire.jobs import Job
from wire.verdicts import Verdict
from wrangler_compat.errors import QueueError

THRESHOLDS = Thresholds()
NO_CHANGES = (
    "Dry run with the thresholds of the settings; from the candidates of the kept verdicts. Nothing is written."
)


def strict(evidence: Sequence[tuple[str, Likeness]], *, approved: Collection[str] = ()) -> Verdict:
    """The double of the policy, to which nothing below 0.99 is alike."""
    return decide([pair for pair in evidence if pair[1].score >= 0.99])


def redecide(world: World, consumer: Consumer, *, searches: bool | None = None) -> Redecide:
    return Redecide(
        history=History(world.db),
        search=consumer.search,
        shelf=Shelf(world.bucket, consumer.search.workers),
        detection=DETECTION,
        queues=world.env.queues,
        now=world.clock,
        errors=io.StringIO(),
        searches=searches,
    )


async def run(command: Redecide, *video_ids: str, reviewed_too: bool = False) -> DryRun:
    selection, others = await chosen_among(command.history, video_ids, reviewed_too=reviewed_too)
    return await command.dry_run(selection, others, THRESHOLDS, THRESHOLDS)


def changes(found: DryRun) -> dict[str, str]:
    return {each.before.video.id: each.change for each in found.replayed if each.change}


async def everything(world: World) -> list[list[dict[str, object]]]:
    tables = ("videos", "processing_jobs", "verdicts", "duplicate_detections", "notifications", "audit_log")
    return [await world.rows(f"SELECT * FROM {table} ORDER BY id") for table in (*tables, "catalogue")]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([], THRESHOLDS),
        (["SIMILARITY_THRESHOLD=0.8"], Thresholds(similarity=0.8)),
        (["similarity=0.8", "coverage=0.5"], Thresholds(similarity=0.8, coverage=0.5)),
        (["MIN_SIMILARITY=0.9", "SIMILARITY_THRESHOLD=0.92"], Thresholds(minimum=0.9, similarity=0.92)),
    ],
)
def test_thresholds_are_set_by_the_name_of_the_setting_or_of_the_field(
    changes: list[str], expected: Thresholds
) -> None:
    assert thresholds_with(THRESHOLDS, changes) == expected


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("SIMILARITY_TRESHOLD=0.8", "NAME is one of DUPLICATE_THRESHOLD, SIMILARITY_THRESHOLD, .*audio_variety"),
        ("SIMILARITY_THRESHOLD", "takes NAME=VALUE"),
        ("SIMILARITY_THRESHOLD=high", "takes a number, not 'high'"),
        ("SIMILARITY_THRESHOLD=0.99", "must rise"),
        ("MAX_JOBS=3", "not 'MAX_JOBS=3'"),
    ],
)
def test_what_is_no_threshold_is_refused_with_a_sentence(change: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        thresholds_with(THRESHOLDS, [change])


async def test_without_a_change_nothing_changes_and_nothing_is_written(world: World, consumer: Consumer) -> None:
    for seed in (1, 2, 1, 3, 1):
        await world.decided(consumer, seed)
    before = await everything(world)
    for searches in (True, False):
        found = await run(redecide(world, consumer, searches=searches))
        assert changes(found) == {}
        assert (len(found.replayed), found.searched, found.is_whole) == (5, searches, True)
    assert await everything(world) == before
    assert [queue.bodies for queue in world.queues.values()] == [[], [], []]


async def test_other_thresholds_are_tried(world: World, consumer: Consumer) -> None:
    near = make_fingerprint(1, noise=0.2)
    original = await world.decided(consumer, 1)
    copy = await world.decided(consumer, fingerprint=near)
    assert (await world.video(copy))["status"] == "duplicate"
    command = replace(redecide(world, consumer, searches=False), detection=replace(DETECTION, decide=strict))
    assert changes(await run(command)) == {copy: "duplicate -> approved"}
    assert changes(await run(command, original)) == {}
    assert changes(await run(command, copy)) == {copy: "duplicate -> approved"}


async def test_a_fresh_search_finds_what_no_verdict_named(world: World, consumer: Consumer) -> None:
    """The original was not in the catalogue while its copy was decided."""
    original = await world.decided(consumer, 1)
    await world.rows("UPDATE videos SET status = 'rejected' WHERE id = ?1", original)
    await consumer.catalogue.remove(original)
    copy = await world.decided(consumer, 1)
    await world.rows("UPDATE videos SET status = 'approved' WHERE id = ?1", original)
    await Rebuild(world.db, world.bucket, consumer.catalogue, world.clock).index()
    assert changes(await run(redecide(world, consumer, searches=False))) == {}
    assert changes(await run(redecide(world, consumer))) == {copy: "approved -> duplicate"}


async def test_a_dry_run_foretells_what_deciding_anew_then_writes(world: World, consumer: Consumer) -> None:
    """A copy that was approved while its original was away; copies of the copy; one that nothing resembles."""
    original, other = await world.decided(consumer, 1), await world.decided(consumer, 2)
    await world.rows("UPDATE videos SET status = 'rejected' WHERE id = ?1", original)
    copies = [await world.decided(consumer, 1) for _ in range(3)]
    await world.rows("UPDATE videos SET status = 'approved' WHERE id = ?1", original)
    assert [(await world.video(each))["status"] for each in copies] == ["approved", "duplicate", "duplicate"]

    command = redecide(world, consumer, searches=True)
    foretold = await run(command)
    assert changes(foretold) == {
        copies[0]: "approved -> duplicate",
        copies[1]: "duplicate, of another video",
        copies[2]: "duplicate, of another video",
    }
    selection, _ = await chosen_among(command.history, [], reviewed_too=False)
    assert await command.send(selection, reviewed_too=False) == Sent(5, 5, {})
    for past in selection.chosen:
        await consumer.jobs.run(Job(past.video.id))
    for each in foretold.replayed:
        video = await world.video(each.before.video.id)
        assert each.verdict is not None
        assert (video["status"], video["duplicate_of"]) == (each.verdict.status, each.verdict.duplicate_of)
    assert (await world.video(other))["status"] == "approved"


async def test_what_a_moderator_decided_is_left_out_and_counted(world: World, consumer: Consumer) -> None:
    original, copy = await world.decided(consumer, 1), await world.decided(consumer, 1)
    await review(world, copy)
    command = redecide(world, consumer, searches=False)
    found = await run(command)
    assert [each.before.video.id for each in found.replayed] == [original]
    assert found.left_out == {"decided by a moderator": 1}
    assert changes(await run(command, reviewed_too=True)) == {copy: "approved -> duplicate"}
    selection, _ = await chosen_among(command.history, [], reviewed_too=False)
    assert (await command.send(selection, reviewed_too=False)).reopened == 1
    assert (await world.video(copy))["status"] == "approved"


async def test_ids_that_are_named_must_be_known(world: World, consumer: Consumer) -> None:
    video_id = await world.decided(consumer, 1)
    with pytest.raises(RedecideError, match="There is no video nobody"):
        await run(redecide(world, consumer), video_id, "nobody")


async def test_a_fingerprint_that_is_gone_is_counted(world: World, consumer: Consumer) -> None:
    await world.decided(consumer, 1)
    copy = await world.decided(consumer, 1)
    await world.bucket.delete((await world.video(copy))["fingerprint_id"])
    found = await run(redecide(world, consumer))
    assert (found.unreadable, changes(found), found.is_whole) == (1, {}, True)
    assert "fingerprint gone or damaged  1" in dry_run_text(found)


async def test_an_interrupted_dry_run_shows_what_it_has(world: World, consumer: Consumer) -> None:
    for _ in range(6):
        await world.decided(consumer, 1)
    interrupts = iter([os.getpid()])

    def interrupted(evidence: Sequence[tuple[str, Likeness]], *, approved: Collection[str] = ()) -> Verdict:
        for process in interrupts:
            os.kill(process, signal.SIGINT)
        return decide(evidence)

    command = replace(redecide(world, consumer), detection=replace(DETECTION, decide=interrupted))
    found = await run(command)
    assert 1 <= len(found.replayed) < 6
    assert not found.is_whole
    assert dry_run_text(found).endswith("Interrupted: only these were judged.")


async def test_jobs_are_sent_to_their_queues(world: World, consumer: Consumer) -> None:
    ids = [await world.decided(consumer, seed, priority="low" if seed == 2 else "normal") for seed in range(3)]
    command = redecide(world, consumer)
    selection, _ = await chosen_among(command.history, [], reviewed_too=False)
    assert await command.send(selection, reviewed_too=False) == Sent(3, 3, {})
    assert (await world.queues["low"].info()).ready == 1
    assert (await world.queues["normal"].info()).ready == 2
    assert {(await world.video(each))["status"] for each in ids} == {"processing"}


class BrokenQueue:
    async def send(self, body: object, *, delay_seconds: float | None = None) -> None:
        raise QueueError("redis is away", code="AWAY", retryable=True)


async def test_without_a_queue_the_rows_are_put_back_and_left_to_the_sweep(world: World, consumer: Consumer) -> None:
    video_id = await world.decided(consumer, 1)
    command = replace(redecide(world, consumer), queues={"normal": BrokenQueue()})  # type: ignore[dict-item]
    selection, _ = await chosen_among(command.history, [], reviewed_too=False)
    sent = await command.send(selection, reviewed_too=False)
    assert sent == Sent(1, 0, {})
    assert "The queue took 0 jobs; the sweep of a running worker sends the others." in sent_text(sent)
    assert (await world.job(video_id))["status"] == "pending"


def past(name: str, status: str, reason: str | None = None, duplicate_of: str | None = None) -> Past:
    video = Video(name, "", "u", name, "normal", "standard", "", None, None, None, f"{name}.vfp", 1, None, None)
    return Past(video, status, reason, duplicate_of, None, None, "policy", frozenset())


def dry_run(*replayed: Replayed, tried: Thresholds = THRESHOLDS, is_whole: bool = True) -> DryRun:
    return DryRun(THRESHOLDS, tried, replayed, {"decided by a moderator": 3}, searched=False, is_whole=is_whole)


def test_the_table_has_what_would_change_and_the_totals() -> None:
    shown = dry_run_text(
        dry_run(
            Replayed(past("aa", "approved"), Verdict("flagged", 1, {}, "mirrored", None, "b", None, 0.9123)),
            Replayed(
                past("ccc", "flagged", "rotated", "b"), Verdict("approved", 1, {}, similar_to="b", similarity_score=0.8)
            ),
            Replayed(past("d", "flagged", "rotated", "b"), Verdict("approved", 1, {})),
            Replayed(past("e", "duplicate", None, "b"), Verdict("duplicate", 1, {}, duplicate_of="b")),
            Replayed(past("f", "duplicate", None, "b"), None),
            tried=Thresholds(similarity=0.8, coverage=0.5),
        )
    )
    assert shown.splitlines() == [
        "Dry run with SIMILARITY_THRESHOLD 0.85 -> 0.8, coverage 0.75 -> 0.5; "
        "from the candidates of the kept verdicts. Nothing is written.",
        "",
        "VIDEO  OLD                NEW                 SCORE   AGAINST",
        "aa     approved           flagged (mirrored)  0.9123  b",
        "ccc    flagged (rotated)  approved            0.8000  b",
        "d      flagged (rotated)  approved",
        "",
        "flagged -> approved               2",
        "approved -> flagged               1",
        "unchanged                         1",
        "fingerprint gone or damaged       1",
        "left out: decided by a moderator  3",
    ]


def test_without_changes_there_are_only_totals() -> None:
    shown = dry_run_text(dry_run(Replayed(past("a", "approved"), Verdict("approved", 1, {})), is_whole=False))
    assert shown.splitlines() == [
        NO_CHANGES,
        "",
        "unchanged                         1",
        "left out: decided by a moderator  3",
        "Interrupted: only these were judged.",
    ]
    assert "and of a fresh search" in dry_run_text(replace(dry_run(), searched=True))


def test_before_many_are_decided_anew_it_is_said_what_that_means() -> None:
    shown = confirmation_text(Selection((past("a", "approved"), past("b", "approved")), {"being processed": 1}))
    assert shown.splitlines() == [
        "2 videos would go back to processing until a running worker has decided them anew.",
        "1 left out: being processed",
        "Nothing was done. `--dry-run` shows what would change; `--yes` does it.",
    ]
    assert sent_text(Sent(2, 2, {"being processed": 1})).splitlines() == [
        "2 videos are being decided anew, oldest first.",
        "1 left out: being processed",
    ]
