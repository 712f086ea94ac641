"""`python -m consumer explain`: what it loads, what it says, and what it cannot explain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from consumer.assembly import Consumer
from consumer.explain import Explainer, UnknownVideoError, text, to_json
from consumer.explanation import Explanation, Side, explain
from consumer.history import History
from consumer.kept import Shelf, UnusableFingerprintError
from consumer.similarity import Evidence
from consumer.thresholds import Thresholds
from consumer.workers import open_workers
from tests.consumer.clips import clip, fingerprint_of, mirrored
from tests.consumer.evidences import evidence
from tests.consumer.world import World
from wire.verdicts import Segment

UPLOAD = Side("a" * 32, "2026-11-22T00:00:00Z", "flagged", 62.5, 1280, 720)
OTHER = Side("b" * 32, "2026-11-21T00:00:00Z", "approved", 60.0, 640, 480)


@pytest.fixture
def explainer(world: World) -> Iterator[Explainer]:
    with open_workers(partial(ThreadPoolExecutor, 1)) as workers:
        yield Explainer(History(world.db), Shelf(world.bucket, workers), workers, Thresholds())


def explained(found: Evidence, upload: Side = UPLOAD) -> Explanation:
    return explain(upload, OTHER, found, Thresholds())


def said(found: Evidence) -> str:
    return text(explained(found))


async def test_two_kept_fingerprints_are_compared_by_the_core(
    world: World, consumer: Consumer, explainer: Explainer
) -> None:
    original = await world.decided(consumer, fingerprint=fingerprint_of(clip(1)))
    copy = await world.decided(consumer, fingerprint=fingerprint_of(mirrored(clip(1))))
    found = await explainer.explain(copy, original)
    assert (found.upload.video_id, found.other.video_id) == (copy, original)
    assert (found.upload.duration, found.upload.width, found.upload.height) == (16.0, 640, 360)
    assert found.evidence.mirrored
    assert (found.verdict.status, found.verdict.reason) == ("flagged", "mirrored")
    assert [gate.name for gate in found.gates][-2:] == ["not_mirrored", "sound_confirms"]
    assert "view    mirrored, not turned, speed 1" in text(found)


async def test_the_verdict_is_that_of_the_present_thresholds(
    world: World, consumer: Consumer, explainer: Explainer
) -> None:
    """Of two days on one set, which are a little alike."""
    days = (clip(1), clip(2, set_seed=1))
    ids = [await world.decided(consumer, fingerprint=fingerprint_of(day)) for day in days]
    assert (await explainer.explain(ids[1], ids[0])).verdict.status == "approved"
    lower = replace(explainer, thresholds=Thresholds(minimum=1e-9, similarity=1e-9, partial_seconds=0.0))
    assert (await lower.explain(ids[1], ids[0])).verdict.status == "flagged"


async def test_what_cannot_be_explained_is_a_sentence(world: World, consumer: Consumer, explainer: Explainer) -> None:
    video_id, other = await world.decided(consumer, 1), await world.decided(consumer, 2)
    waiting = await world.upload(3)
    with pytest.raises(UnknownVideoError, match="There is no video nobody"):
        await explainer.explain(video_id, "nobody")
    with pytest.raises(UnknownVideoError, match="two different videos"):
        await explainer.explain(video_id, video_id)
    with pytest.raises(UnusableFingerprintError, match=f"No fingerprint of {waiting} is kept: it is still being"):
        await explainer.explain(waiting, video_id)
    key = (await world.video(other))["fingerprint_id"]
    await world.bucket.put(key, b"garbage")
    with pytest.raises(UnusableFingerprintError, match=r"cannot be read: not a fingerprint"):
        await explainer.explain(video_id, other)
    await world.bucket.delete(key)
    with pytest.raises(UnusableFingerprintError, match="gone from the bucket"):
        await explainer.explain(video_id, other)
    await world.rows("UPDATE videos SET algorithm_version = 99 WHERE id = ?1", other)
    with pytest.raises(UnusableFingerprintError, match="made by algorithm version 99; only those of version"):
        await explainer.explain(video_id, other)


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"status": "rejected", "reason": "too_long"}, "rejected (too_long) before there was one"),
        ({"status": "approved"}, "its row names none"),
    ],
)
async def test_why_no_fingerprint_is_kept(
    world: World, consumer: Consumer, explainer: Explainer, columns: dict[str, Any], why: str
) -> None:
    video_id = await world.decided(consumer, 1)
    bare = await world.upload(**columns)
    with pytest.raises(UnusableFingerprintError) as refused:
        await explainer.explain(bare, video_id)
    assert why in str(refused.value)


async def test_of_equal_bytes_the_one_that_was_processed_is_named(
    world: World, consumer: Consumer, explainer: Explainer
) -> None:
    video_id = await world.decided(consumer, 1)
    equal = await world.upload(status="duplicate", duplicate_of=video_id, verdict_id="v")
    await world.rows(
        "INSERT INTO verdicts (id, video_id, status, matches, policy_version, thresholds, decided_by, decided_at) "
        "VALUES ('v', ?1, 'duplicate', '[]', 0, '{}', 'content_sha256', '2026')",
        equal,
    )
    with pytest.raises(UnusableFingerprintError, match=f"same bytes as {video_id}.*explain that one"):
        await explainer.explain(equal, video_id)


def test_both_videos_are_introduced() -> None:
    lines = said(evidence(0.9)).splitlines()
    assert lines[0] == f"upload  {UPLOAD.video_id}  62.5 s, 1280x720, uploaded 2026-11-22T00:00:00Z, flagged"
    assert lines[1] == f"other   {OTHER.video_id}  60.0 s, 640x480, uploaded 2026-11-21T00:00:00Z, approved"
    assert "came first" not in said(evidence(0.9))


def test_the_order_of_the_two_is_pointed_out_when_it_is_not_that_of_the_policy() -> None:
    earlier = replace(UPLOAD, uploaded_at="2026-11-20T00:00:00Z")
    assert "the first of the two came first" in text(explained(evidence(0.9), earlier))


def test_the_picture_is_told_with_ranges_and_view() -> None:
    pieces = (
        Segment(1.5, 20.25, 0.0, 18.75, 0.9731, 1.0, False),
        Segment(30.0, 40.0, 100.0, 112.5, 0.81, 1.25, True),
    )
    found = replace(
        evidence(0.9731, coverage=0.46, ref_coverage=0.3), segments=pieces, still=0.91, moving=-0.02, area=0.5,
        quarter_turns=1, mirrored=True,
    )  # fmt: skip
    shown = said(found)
    assert "Picture: video_score 0.9731" in shown
    assert "still    0.910" in shown
    assert "moving  -0.020" in shown
    assert "area     50.0%" in shown
    assert "covers   46.0%   of the upload, 30.0% of the other" in shown
    assert "view    mirrored, turned by 90 degrees, speed 1" in shown
    assert "   1.50 -   20.25 s of the upload =    0.00 -   18.75 s of the other   score 0.9731, speed 1\n" in shown
    assert "score 0.8100, speed 1.25, mirrored" in shown


def test_the_sound_is_told_or_that_there_is_none() -> None:
    assert "Sound: one of the two has none to compare" in said(evidence(0.9))
    shown = said(replace(evidence(0.9, 0.85, audio_seconds=12.0), pitch_semitones=-2.0))
    assert "Sound: audio_score 0.8500" in shown
    assert "pitch    -2.00" in shown
    assert "   0.00 -   12.00 s of the upload =    5.00 -   17.00 s of the other   score 0.8500" in shown


def test_a_pair_without_anything_in_common_says_so() -> None:
    shown = said(evidence(0.0, 0.0, coverage=0.0, ref_coverage=0.0))
    assert "no stretch of picture is alike enough" in shown
    assert "Verdict on this pair: approved\n" in shown
    assert shown.endswith("No change of a single threshold would give another verdict.")


def test_the_gates_are_numbered_and_the_last_one_decided() -> None:
    gates = [line for line in said(evidence(0.96, speed=1.25)).splitlines() if line[2:4].strip().isdigit()]
    assert len(gates) == 3
    assert "alike enough for a suspect" in gates[0]
    assert "yes  0.9600, at least SIMILARITY_THRESHOLD 0.85" in gates[0]
    assert gates[2].endswith("no   0.2500, at most speed_tolerance 0.03   <- decided")
    assert [gate.endswith("decided") for gate in gates] == [False, False, True]
    assert "sound confirms it (score)                          no   not measured, at least" in said(
        evidence(0.96, mirrored=True)
    )


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (evidence(0.96), "duplicate, score 0.9600, confidence high"),
        (evidence(0.9, 0.9), "duplicate, score 0.9000, confidence very_high"),
        (evidence(0.9), "flagged (no_audio_to_confirm), score 0.9000"),
        (evidence(0.75), "approved, noted as similar, score 0.7500"),
    ],
)
def test_the_verdict_is_told(found: Evidence, verdict: str) -> None:
    assert f"Verdict on this pair: {verdict}\n" in said(found)


def test_the_nearest_change_is_told() -> None:
    shown = said(evidence(0.8349)).splitlines()
    at = shown.index("Nearest change of a single threshold that would give another verdict:")
    assert shown[at + 1] == "  SIMILARITY_THRESHOLD 0.85 -> 0.83 would make it flagged (no_audio_to_confirm)"
    assert shown[at + 2].startswith("  or MIN_SIMILARITY 0.7 -> 0.84 would make it approved")
    other = said(evidence(0.97, speed=1.25))
    assert "  speed_tolerance (has no setting) 0.03 -> 0.25 would make it duplicate" in other


def test_json_says_the_same() -> None:
    found = explained(evidence(0.8349, 0.3, audio_seconds=4.0))
    told = json.loads(to_json(found))
    assert (told["upload"]["video_id"], told["other"]["duration"]) == (UPLOAD.video_id, 60.0)
    assert told["evidence"]["video_score"] == 0.8349
    assert told["evidence"]["segments"][0]["end"] == 100.0
    assert [gate["name"] for gate in told["gates"]] == ["alike", "sounds_alike", "similar"]
    assert [gate["decided"] for gate in told["gates"]] == [False, False, True]
    assert told["gates"][0]["threshold"] == "similarity"
    assert "alike enough for a suspect" in told["gates"][0]["question"]
    assert told["verdict"]["status"] == "approved"
    assert told["changes"][0]["setting"] == "SIMILARITY_THRESHOLD"
    assert told["thresholds"]["similarity"] == 0.85
