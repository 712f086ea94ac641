"""Why a pair got its verdict, and what would change it: checked against the policy itself."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.explanation import Change, Side, changes_of, explain, why
from consumer.policy import decide, judge
from consumer.settling import settle
from consumer.similarity import Evidence
from consumer.thresholds import SETTINGS, Thresholds
from tests.consumer.evidences import evidence
from wire.gates import QUESTIONS

THRESHOLDS = Thresholds()
SHARES = {"duplicate", "similarity", "minimum", "audio", "duration_tolerance", "coverage", "audio_variety"}

SCORE = st.floats(0, 1) | st.sampled_from([0.7, 0.8, 0.85, 0.95, 1.0])
EVIDENCE = st.builds(
    evidence,
    video=SCORE,
    audio=st.none() | SCORE,
    coverage=SCORE,
    ref_coverage=SCORE,
    duration=st.floats(1, 200) | st.just(100.0),
    mirrored=st.booleans(),
    quarter_turns=st.integers(0, 3),
    speed=st.sampled_from([1.0, 1.02, 0.9, 1.25]),
    audio_seconds=st.floats(0, 100),
    audio_variety=SCORE,
    longest=st.none() | st.floats(0, 10),
)


def outcome(found: Evidence, thresholds: Thresholds) -> tuple[str, str | None, bool]:
    verdict = decide([("v", found)], thresholds)
    return verdict.status, verdict.reason, verdict.similar_to is not None


def with_change(change: Change) -> Thresholds:
    return replace(THRESHOLDS, **{change.field: change.after})


def change_of(field: str, found: Evidence, thresholds: Thresholds = THRESHOLDS) -> Change | None:
    return next((change for change in changes_of(found, thresholds) if change.field == field), None)


@pytest.mark.parametrize(
    ("found", "field", "after", "then"),
    [
        (evidence(0.8349), "similarity", 0.83, ("flagged", "no_audio_to_confirm")),
        (evidence(0.84, 0.9), "similarity", 0.84, ("duplicate", None)),
        (evidence(0.93), "duplicate", 0.93, ("duplicate", None)),
        (evidence(0.96), "duplicate", 0.97, ("flagged", "no_audio_to_confirm")),
        (evidence(0.9, 0.7), "audio", 0.7, ("duplicate", None)),
        (evidence(0.9, 0.8), "audio", 0.81, ("flagged", "video_match_audio_mismatch")),
        (evidence(0.97, coverage=0.6), "coverage", 0.6, ("duplicate", None)),
        (evidence(0.97, ref_coverage=0.9), "coverage", 0.91, ("flagged", "partial_match")),
        (evidence(0.97, duration=70), "duration_tolerance", 0.3, ("duplicate", None)),
        (evidence(0.97, speed=1.25), "speed_tolerance", 0.25, ("duplicate", None)),
        (evidence(0.97, speed=1.015), "speed_tolerance", 0.01, ("flagged", "derivative_work")),
        (evidence(0.97, coverage=0.1, longest=2.5), "partial_seconds", 2.5, ("flagged", "partial_match")),
        (evidence(0.1, 0.9, audio_seconds=4.5), "audio_seconds", 4.5, ("flagged", "audio_match")),
        (evidence(0.1, 0.9, audio_seconds=9, audio_variety=0.2), "audio_variety", 0.2, ("flagged", "audio_match")),
    ],
)
def test_the_smallest_change_of_a_threshold_that_changes_the_verdict(
    found: Evidence, field: str, after: float, then: tuple[str, str | None]
) -> None:
    change = change_of(field, found)
    assert change is not None
    assert change.after == pytest.approx(after)
    assert (change.status, change.reason) == then
    assert (change.before, change.setting) == (getattr(THRESHOLDS, field), SETTINGS.get(field))


@settings(max_examples=150, deadline=None)
@given(EVIDENCE)
def test_each_change_gives_the_verdict_that_it_says(found: Evidence) -> None:
    before = outcome(found, THRESHOLDS)
    for change in changes_of(found, THRESHOLDS):
        with_change(change).check()
        assert outcome(found, with_change(change)) == (change.status, change.reason, change.is_noted) != before


@settings(max_examples=150, deadline=None)
@given(EVIDENCE, st.sampled_from([field.name for field in fields(Thresholds)]), st.floats(0, 1))
def test_nothing_nearer_changes_the_verdict(found: Evidence, field: str, share: float) -> None:
    """Wherever the threshold is put, between its value and the change that was found: the verdict stays."""
    before = float(getattr(THRESHOLDS, field))
    change = change_of(field, found)
    reach = abs(change.after - before) if change else (1.0 if field in SHARES else 200.0)
    for value in (before - share * reach, before + share * reach):
        moved = replace(THRESHOLDS, **{field: value})
        # The change was rounded away from the border, to two decimals at least.
        if value < 0 or (change is not None and abs(value - change.after) <= 0.0101) or not is_sound(moved):
            continue
        assert outcome(found, moved) == outcome(found, THRESHOLDS)


def is_sound(thresholds: Thresholds) -> bool:
    try:
        thresholds.check()
    except ValueError:
        return False
    return True


def test_a_change_may_not_contradict_the_other_thresholds() -> None:
    """0.6 would do for SIMILARITY_THRESHOLD, but MIN_SIMILARITY is 0.7."""
    found = evidence(0.6)
    assert change_of("similarity", found) is None
    lower = change_of("similarity", found, replace(THRESHOLDS, minimum=0.5))
    assert lower is not None
    assert (lower.after, lower.status) == (0.6, "flagged")


def test_nothing_to_compare_is_nothing_that_a_threshold_could_change() -> None:
    assert changes_of(evidence(0.0, coverage=0.0, ref_coverage=0.0), THRESHOLDS) == ()


def test_changes_of_the_verdict_come_before_changes_of_what_is_noted_and_small_ones_before_large_ones() -> None:
    fields_of_changes = [change.field for change in changes_of(evidence(0.84, 0.75, audio_seconds=60), THRESHOLDS)]
    assert fields_of_changes == ["similarity", "audio", "minimum"]


def test_an_explanation_is_of_the_policy() -> None:
    found = evidence(0.9, 0.5)
    upload, other = (Side(name, "2026-11-21T02:13:05Z", "approved", 100.0, 640, 480) for name in ("a", "b"))
    explained = explain(upload, other, found, THRESHOLDS)
    assert explained.verdict == decide([("b", found)], THRESHOLDS)
    assert explained.gates == judge("b", found, THRESHOLDS).gates
    assert explained.changes == changes_of(found, THRESHOLDS)
    assert (explained.upload, explained.other, explained.evidence) == (upload, other, found)


@settings(max_examples=200, deadline=None)
@given(EVIDENCE)
def test_every_gate_has_a_question(found: Evidence) -> None:
    assert {gate.name for gate in judge("v", found, THRESHOLDS).gates} <= set(QUESTIONS)


# --- why, kept with a verdict ---------------------------------------------------------------------------------------


def settled(
    found: dict[str, Evidence], statuses: dict[str, str], thresholds: Thresholds
) -> tuple[str, str | None, bool]:
    verdict = settle(statuses, found, partial(decide, thresholds=thresholds))
    return verdict.status, verdict.reason, verdict.similar_to is not None


def test_nothing_was_compared() -> None:
    assert why({}, {}, THRESHOLDS) == {"video_id": None, "gates": [], "changes": []}


def test_of_one_candidate_it_is_its_explanation() -> None:
    found = evidence(0.9, 0.7)
    told = why({"v": "approved"}, {"v": found}, THRESHOLDS)
    assert told["video_id"] == "v"
    assert told["gates"][-1]["name"] == "sound_confirms"
    first = changes_of(found, THRESHOLDS)[0]
    assert (told["changes"][0]["field"], told["changes"][0]["after"]) == (first.field, first.after)
    assert json.loads(json.dumps(told)) == told


def test_the_candidate_that_decided_is_explained() -> None:
    found = {"near": evidence(0.84), "copy": evidence(0.97), "far": evidence(0.1)}
    assert why(dict.fromkeys(found, "approved"), found, THRESHOLDS)["video_id"] == "copy"
    del found["copy"]
    assert why(dict.fromkeys(found, "approved"), found, THRESHOLDS)["video_id"] == "near"


@settings(max_examples=60, deadline=None)
@given(st.lists(EVIDENCE, min_size=1, max_size=7), st.lists(st.sampled_from(["approved", "flagged"]), min_size=7))
def test_each_change_gives_the_verdict_on_the_upload_that_it_says(several: list[Evidence], states: list[str]) -> None:
    found = {str(n): each for n, each in enumerate(several)}
    statuses = dict(zip(found, states, strict=False))
    told = why(statuses, found, THRESHOLDS)
    before = settled(found, statuses, THRESHOLDS)
    for change in told["changes"]:
        after = settled(found, statuses, replace(THRESHOLDS, **{change["field"]: change["after"]}))
        assert after == (change["status"], change["reason"], change["is_noted"]) != before
