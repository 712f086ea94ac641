"""The verdict of settled candidates; the pipeline makes the same."""

from __future__ import annotations

from itertools import product

import pytest

from consumer.assembly import Consumer
from consumer.records import Candidate, Found
from consumer.settling import accounts_for_all, is_certain, settle
from tests.consumer.world import Likeness, decide
from wire.verdicts import Match, Verdict


def alike(score: float) -> Likeness:
    return Likeness(score, is_same_sound=True)


@pytest.mark.parametrize(
    ("statuses", "scores", "expected"),
    [
        (("approved", "approved"), (0.96, 0.97), ("duplicate", "b")),
        (("approved", "flagged"), (0.96, 0.97), ("duplicate", "a")),
        (("approved", "flagged"), (0.90, 0.97), ("duplicate", "b")),
        (("approved", "flagged"), (0.90, 0.94), ("flagged", "a")),
        (("approved", "flagged"), (0.20, 0.90), ("flagged", "b")),
        (("flagged", "flagged"), (0.20, 0.30), ("approved", None)),
    ],
)
def test_approved_candidates_count_before_flagged_ones(
    statuses: tuple[str, str], scores: tuple[float, float], expected: tuple[str, str | None]
) -> None:
    evidence = {"a": alike(scores[0]), "b": alike(scores[1])}
    verdict = settle(dict(zip("ab", statuses, strict=True)), evidence, decide)
    assert (verdict.status, verdict.duplicate_of) == expected


def test_one_that_could_not_be_compared_has_no_say() -> None:
    verdict = settle({"a": "approved", "b": "approved"}, {"b": alike(0.96)}, decide)
    assert (verdict.status, verdict.duplicate_of) == ("duplicate", "b")
    assert settle({"a": "approved"}, {}, decide).status == "approved"


async def test_the_pipeline_makes_the_same_verdict(consumer: Consumer) -> None:
    """Of every two candidates, however they stand and however alike they are."""
    scores = (0.5, 0.75, 0.9, 0.94, 0.96, 0.97)
    for first, second, one, two in product(("approved", "flagged"), ("approved", "flagged"), scores, scores):
        found = Found(1, (Candidate("a", first, "a.vfp", "1"), Candidate("b", second, "b.vfp", "2")))
        evidence = {"a": alike(one), "b": alike(two)}
        opinion = await consumer.pipeline._opinion(found, evidence)
        assert opinion.verdict == settle({"a": first, "b": second}, evidence, decide)


def duplicate(audio: float | None, area: float, *, status: str = "duplicate", coverage: float = 1.0) -> Verdict:
    match = Match("a", "video", 0.97, 0.97, audio, coverage, 1.0, area=area)
    thresholds = {"audio": 0.8, "coverage": 0.75}
    return Verdict("duplicate" if status == "duplicate" else "flagged", 1, thresholds, matches=(match,))


@pytest.mark.parametrize(
    ("verdict", "has_sound", "certain"),
    [
        (duplicate(0.9, 1.0), True, True),
        (duplicate(None, 0.85), False, True),
        (duplicate(None, 0.85), True, False),
        (duplicate(0.79, 1.0), True, False),
        (duplicate(0.9, 0.84), True, False),
        (duplicate(0.9, 1.0, status="flagged"), True, False),
        (Verdict("approved", 1, {}), False, False),
        (Verdict("duplicate", 1, {}), False, False),
    ],
)
def test_a_duplicate_is_certain_when_all_of_it_is_accounted_for(
    verdict: Verdict, has_sound: bool, certain: bool
) -> None:
    assert is_certain(verdict, has_sound=has_sound) == certain


@pytest.mark.parametrize(
    ("status", "audio", "area", "coverage", "accounted"),
    [
        ("flagged", 0.9, 1.0, 1.0, True),
        ("duplicate", 0.9, 1.0, 1.0, True),
        ("flagged", None, 0.85, 0.75, True),
        ("flagged", 0.79, 1.0, 1.0, False),
        ("flagged", 0.9, 0.84, 1.0, False),
        ("flagged", 0.9, 1.0, 0.74, False),
    ],
)
def test_a_match_accounts_for_all_when_nothing_of_the_upload_is_left(
    status: str, audio: float | None, area: float, coverage: float, accounted: bool
) -> None:
    verdict = duplicate(audio, area, status=status, coverage=coverage)
    assert accounts_for_all(verdict, has_sound=audio is not None) == accounted


def test_a_silent_match_leaves_the_sound_of_the_upload_unaccounted_for() -> None:
    assert not accounts_for_all(duplicate(None, 1.0), has_sound=True)


def test_what_is_approved_accounts_for_nothing() -> None:
    assert not accounts_for_all(Verdict("approved", 1, {"audio": 0.8, "coverage": 0.75}), has_sound=False)
