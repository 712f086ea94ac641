"""What the policy makes of intros, end cards, title sequences and music that videos have in common."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.policy import decide
from consumer.similarity import Evidence
from consumer.thresholds import Thresholds
from tests.consumer.evidences import evidence
from wire.verdicts import Verdict

THRESHOLDS = Thresholds()


def alone(found: Evidence) -> Verdict:
    """The only candidate."""
    return decide([("video-0", found)], THRESHOLDS)


@pytest.mark.parametrize(
    ("where", "seconds", "status"),
    [
        ({"start": 0.0, "ref_start": 0.0}, 5.9, "approved"),
        ({"start": 0.0, "ref_start": 0.0}, 6.0, "flagged"),
        ({"start": 95.0, "ref_start": 115.0, "ref_duration": 120.0}, 5.0, "approved"),
        ({"start": 95.0, "ref_start": 50.0}, 5.0, "flagged"),
        ({"start": 0.0, "ref_start": 50.0}, 5.0, "flagged"),
        ({"start": 0.0, "ref_start": 0.0, "mirrored": True}, 5.0, "flagged"),
        ({"start": 0.0, "ref_start": 0.0, "speed": 1.05}, 5.0, "approved"),
        ({"start": 0.0, "ref_start": 0.0, "speed": 1.25}, 5.0, "flagged"),
        ({"start": 0.0, "ref_start": 0.0, "duration": 9.0}, 5.0, "flagged"),
    ],
)
def test_an_intro_or_end_card_of_both_is_only_noted(where: dict[str, Any], seconds: float, status: str) -> None:
    found = alone(evidence(0.99, coverage=0.3, ref_coverage=0.3, longest=seconds, **where))
    assert found.status == status
    assert found.similar_to == ("video-0" if status == "approved" else None)


def test_the_sound_of_an_intro_of_both_accuses_nobody() -> None:
    """Nor does its picture, which is not asked then; longer, or elsewhere, it does."""
    intro = {"video": 0.1, "audio": 1.0, "start": 0.0}
    assert alone(evidence(**intro, ref_start=0.0, audio_seconds=5.5)).status == "approved"  # type: ignore[arg-type]
    assert alone(evidence(**intro, ref_start=0.0, audio_seconds=6.5)).reason == "audio_match"  # type: ignore[arg-type]
    assert alone(evidence(**intro, ref_start=9.0, audio_seconds=5.5)).reason == "audio_match"  # type: ignore[arg-type]


def partly(**changes: Any) -> Evidence:
    """Twelve seconds of the upload from its tenth on, somewhere in another."""
    found: dict[str, Any] = {"coverage": 0.12, "ref_coverage": 0.12, "longest": 12.0, "start": 10.0, "ref_start": 40.0}
    return evidence(**{"video": 0.99, **found, **changes})


def among(*found: Evidence, approved: int) -> Verdict:
    """The first so many are approved videos, the others are not."""
    pairs = [(f"video-{n}", each) for n, each in enumerate(found)]
    return decide(pairs, THRESHOLDS, approved=[video_id for video_id, _ in pairs[:approved]])


def test_what_three_approved_videos_show_accuses_nobody() -> None:
    titles = [partly(ref_start=ref_start) for ref_start in (20.0, 40.0, 60.0)]
    found = among(*titles, approved=3)
    assert (found.status, found.similar_to, found.similarity_score) == ("approved", "video-0", 0.8499)
    assert len(found.matches) == 3
    assert among(*titles, approved=2).reason == "partial_match"
    assert among(*titles[:2], approved=2).reason == "partial_match"


def test_neither_does_a_flagged_one_that_shows_the_same() -> None:
    assert among(*[partly()] * 4, approved=3).status == "approved"


@pytest.mark.parametrize(
    ("more", "status"),
    [
        (partly(longest=14.9), "approved"),
        (partly(longest=15.0), "flagged"),
        (partly(start=2.0, longest=12.0), "flagged"),
        (evidence(0.99, coverage=1.0, start=0.0), "duplicate"),
        (partly(coverage=0.6, longest=60.0), "flagged"),
    ],
)
def test_a_match_has_to_be_more_than_the_shared_part(more: Evidence, status: str) -> None:
    found = among(partly(), partly(), partly(), more, approved=4)
    assert found.status == status
    assert status == "approved" or found.duplicate_of == "video-3"


def music(**changes: Any) -> Evidence:
    """The same track under other pictures, all along."""
    return evidence(**{"video": 0.1, "audio": 1.0, "audio_seconds": 90.0, **changes})


def test_music_that_three_approved_videos_have_under_other_pictures_accuses_nobody() -> None:
    assert among(*[music()] * 3, approved=3).status == "approved"
    assert among(*[music()] * 3, approved=2).reason == "audio_match"
    assert among(music(), music(), music(video=0.9), approved=3).status == "duplicate"
    assert among(music(), music(), music(audio_seconds=4.0), approved=3).status == "flagged"


def test_sound_that_is_more_than_the_music_still_accuses() -> None:
    found = among(*[music(audio_seconds=20.0)] * 3, music(audio_seconds=60.0), approved=4)
    assert (found.reason, found.duplicate_of) == ("audio_match", "video-3")


def test_approved_copies_of_the_whole_are_no_witnesses_of_a_shared_part() -> None:
    """Whatever a moderator let stand."""
    assert among(*[evidence(0.99)] * 4, approved=4).status == "duplicate"
    assert (
        among(*[evidence(0.99, ref_coverage=0.6, ref_duration=60.0, longest=55.0)] * 4, approved=4).status == "flagged"
    )
