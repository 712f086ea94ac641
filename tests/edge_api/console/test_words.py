"""Sizes, lengths, moments and verdicts in words."""

from __future__ import annotations

from typing import Any

import pytest

from edge_api.console import formatting, sentences
from edge_api.presentation import REASONS
from wire.verdicts import VIDEO_STATUSES

NONE = "\u2013"


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (None, NONE),
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (99_950, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (2 * 1024**3, "2.1 GB"),
        (10**16, "10000 TB"),
    ],
)
def test_sizes(count: int | None, said: str) -> None:
    assert formatting.size(count) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, NONE),
        (0, "0:00"),
        (7.4, "0:07"),
        (59.6, "1:00"),
        (754, "12:34"),
        (3723, "1:02:03"),
        (360000, "100:00:00"),
    ],
)
def test_lengths(seconds: float | None, said: str) -> None:
    assert formatting.length(seconds) == said


def test_moments() -> None:
    assert formatting.moment("2026-11-01T03:04:05.678901Z") == "1 Nov 2026, 03:04 UTC"
    assert formatting.moment(None) == NONE


@pytest.mark.parametrize(
    ("share", "said"), [(None, NONE), (0, "0"), (0.974, "97"), (0.9951, "99"), (0.99999, "99"), (1.0, "100")]
)
def test_percents(share: float | None, said: str) -> None:
    assert formatting.percent(share) == (NONE if share is None else f"{said}\u00a0%")


def test_numbers_and_spans() -> None:
    assert formatting.number(1234567) == "1\u202f234\u202f567"
    spans = [formatting.span(seconds) for seconds in (604800, 86400, 43200, 3600, 90, 60, 5)]
    assert spans == ["7 days", "1 day", "12 hours", "1 hour", "2 minutes", "1 minute", "5 seconds"]


VIDEOS: list[tuple[dict[str, Any], str]] = [
    ({"status": "processing", "stage": None}, "Waiting for its turn: the verdict is not made yet."),
    ({"status": "processing", "stage": "index"}, "Adding it to the catalogue's index: the verdict is not made yet."),
    ({"status": "processing", "stage": "dance"}, "Working on it: the verdict is not made yet."),
    (
        {"status": "processing", "failed": True, "last_error": "It took too long"},
        "Twinreel has given up on this video: It took too long.",
    ),
    ({"status": "processing", "failed": True}, "Twinreel has given up on this video: nobody knows why."),
    ({"status": "approved"}, "This video is new: nothing in the catalogue matches it."),
    (
        {"status": "approved", "similar_to": "x", "similarity_score": 0.75},
        "This video is new: it resembles another one (75\u00a0%), but too little to be a copy of it.",
    ),
    (
        {
            "status": "duplicate",
            "similarity_score": 0.97,
            "original_video": {"uploader": "alice", "uploaded_at": "2026-11-01T03:04:05.678901Z"},
        },
        "This video is a copy of one that was uploaded by alice on 1 Nov 2026, 03:04 UTC; they are 97\u00a0% alike.",
    ),
    (
        {"status": "duplicate", "similarity_score": 1.0, "original_video": {"uploader": None, "uploaded_at": None}},
        "This video is a copy of another one; they are 100\u00a0% alike.",
    ),
    ({"status": "flagged", "message": REASONS["mirrored"]}, REASONS["mirrored"]),
    ({"status": "rejected", "message": "It is broken"}, "It is broken."),
]


@pytest.mark.parametrize(("video", "said"), VIDEOS)
def test_verdicts(video: dict[str, Any], said: str) -> None:
    assert sentences.verdict(sentences.whole(video)) == said
    assert said.endswith(".")
    assert sentences.state_of(video) in sentences.LABELS


def test_every_status_has_a_label() -> None:
    assert {*VIDEO_STATUSES, "failed"} == set(sentences.LABELS)


@pytest.mark.parametrize(
    ("match", "labels"),
    [
        ({}, []),
        ({"speed": 1.0, "pitch_semitones": 0.0, "area": 1.0, "mirrored": False}, []),
        ({"mirrored": True, "speed": 1.25}, ["mirrored", "speed \u00d71.25"]),
        ({"speed": -1.0}, ["backwards"]),
        ({"speed": -2.0}, ["backwards", "speed \u00d72"]),
        ({"pitch_semitones": -1.96}, ["pitch -2.0"]),
        ({"area": 0.25}, ["25\u00a0% of the picture"]),
    ],
)
def test_alterations(match: dict[str, Any], labels: list[str]) -> None:
    assert [way.label for way in sentences.alterations(match)] == labels
    assert all(way.meaning for way in sentences.alterations(match))


def test_days() -> None:
    assert [formatting.day(text) for text in ("2026-11-01", "2026-01-31")] == ["1 Nov", "31 Jan"]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "\u2013"),
        (0.0, "0.00\u00a0s"),
        (0.254, "0.25\u00a0s"),
        (1.0, "1.0\u00a0s"),
        (59.94, "59.9\u00a0s"),
        (60.0, "1:00"),
        (3725.0, "1:02:05"),
    ],
)
def test_seconds_that_something_took(count: float | None, text: str) -> None:
    assert formatting.seconds(count) == text


@pytest.mark.parametrize(
    ("video", "sees_all", "said"),
    [
        (None, False, "somebody else's, or gone"),
        (None, True, "not there any more"),
        ({"status": "approved", "source_url": "https://example.org/a"}, True, "elsewhere"),
        ({"status": "processing"}, True, "once it is decided"),
        ({"status": "rejected", "reason": "infected"}, True, "dangerous"),
        ({"status": "duplicate"}, True, "not kept any more"),
        ({"status": "approved", "r2_url": "u", "rendition": None}, True, "cannot play this file."),
        ({"status": "approved", "r2_url": "u", "rendition": {"status": "wanted"}}, True, "is being made"),
        ({"status": "approved", "r2_url": "u", "rendition": {"status": "failed"}}, True, "none that they can play"),
    ],
)
def test_why_there_is_no_player(video: dict[str, Any] | None, sees_all: bool, said: str) -> None:
    assert said in sentences.not_played(video, sees_all=sees_all)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0:00.00"), (7.256, "0:07.26"), (59.999, "1:00.00"), (3723.5, "1:02:03.50")]
)
def test_places_within_a_video(seconds: float, said: str) -> None:
    assert formatting.clock(seconds) == said


def test_why_in_words() -> None:
    assert sentences.reasons({"why": None}) == []
    assert sentences.reasons({"why": {"decided_by": "moderator"}}) == ["A moderator decided this."]
    assert "same bytes" in sentences.reasons({"why": {"decided_by": "content_sha256"}})[0]
    assert sentences.reasons({"why": {"decided_by": "policy", "gates": []}}) == []
    gate = {"question": "the picture alone is sure enough (score)", "passed": False, "value": 0.91, "bound": "at least"}
    change = {"setting": "DUPLICATE_THRESHOLD", "field": "duplicate", "before": 0.95, "after": 0.91, "is_noted": False}
    why = {
        "decided_by": "policy",
        "gates": [gate | {"limit": 0.95}],
        "changes": [change | {"status": "duplicate", "reason": None}],
    }
    assert sentences.reasons({"why": why}) == [
        "What decided: is it so that the picture alone is sure enough? No: it is 0.91, and at least 0.95 is asked for.",
        "What would have changed it: with DUPLICATE_THRESHOLD at 0.91 instead of 0.95 it would be a duplicate.",
    ]
    for then, said in (
        ({"status": "flagged", "reason": "partial_match"}, "flagged (partial match)."),
        ({"status": "approved", "reason": None, "is_noted": True}, "approved, and noted as similar."),
        ({"status": "approved", "reason": None}, "approved."),
    ):
        nearest = change | {"setting": None, "field": "speed_tolerance"} | then
        told = sentences.reasons({"why": why | {"changes": [nearest]}})[1]
        assert "the policy's speed tolerance" in told
        assert told.endswith(said)
    plain = {"question": "both have sound to compare", "passed": True, "value": None, "bound": None, "limit": None}
    assert sentences.reasons({"why": why | {"gates": [plain], "changes": []}}) == [
        "What decided: is it so that both have sound to compare? Yes.",
        "No other value of a single threshold would have changed it.",
    ]
