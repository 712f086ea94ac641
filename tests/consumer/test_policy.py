"""The table of the policy, row by row, and what must hold between its rows."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from itertools import permutations
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.policy import POLICY_VERSION, Gate, Opinion, decide, judge, opinion_of
from consumer.similarity import Evidence
from consumer.thresholds import Thresholds
from tests.consumer.evidences import evidence
from wire.verdicts import MatchKind, Segment, Verdict

THRESHOLDS = Thresholds()


def verdict(*found: Evidence) -> Verdict:
    return decide([(f"video-{n}", each) for n, each in enumerate(found)], THRESHOLDS)


Summary = tuple[str, str | None, str | None, float | None]


def summary(of: Verdict) -> Summary:
    return of.status, of.confidence, of.reason, of.similarity_score


@pytest.mark.parametrize(
    ("video", "audio", "expected"),
    [
        (1.0, None, ("duplicate", "high", None, 1.0)),
        (1.0, 0.0, ("duplicate", "high", None, 1.0)),
        (0.95, None, ("duplicate", "high", None, 0.95)),
        (0.95, 0.7999, ("duplicate", "high", None, 0.95)),
        (0.95, 1.0, ("duplicate", "high", None, 0.95)),
        (0.9499, 0.80, ("duplicate", "very_high", None, 0.8749)),
        (0.9499, 1.0, ("duplicate", "very_high", None, 0.9749)),
        (0.9499, 0.7999, ("flagged", None, "video_match_audio_mismatch", 0.9499)),
        (0.9499, None, ("flagged", None, "no_audio_to_confirm", 0.9499)),
        (0.85, 0.80, ("duplicate", "very_high", None, 0.825)),
        (0.85, 0.7999, ("flagged", None, "video_match_audio_mismatch", 0.85)),
        (0.85, 0.0, ("flagged", None, "video_match_audio_mismatch", 0.85)),
        (0.85, None, ("flagged", None, "no_audio_to_confirm", 0.85)),
        (0.8499, None, ("approved", None, None, 0.8499)),
        (0.8499, 0.7999, ("approved", None, None, 0.8499)),
        (0.70, None, ("approved", None, None, 0.70)),
        (0.6999, None, ("approved", None, None, None)),
        (0.0, 0.7999, ("approved", None, None, None)),
        (0.0, None, ("approved", None, None, None)),
    ],
)
def test_the_rows_of_the_table(video: float, audio: float | None, expected: Summary) -> None:
    found = verdict(evidence(video, audio, audio_seconds=0.0 if audio is None else 3.0))
    assert summary(found)[:3] == expected[:3]
    assert found.similarity_score == (None if expected[3] is None else pytest.approx(expected[3], abs=1e-4))
    named = found.duplicate_of or found.similar_to
    assert named == (None if expected[3] is None else "video-0")
    assert (found.similar_to is not None) == (expected[0] == "approved" and expected[3] is not None)
    assert len(found.matches) == (0 if expected[3] is None else 1)


@pytest.mark.parametrize(
    ("duration", "ref_duration", "flagged"),
    [(100, 100, False), (80, 100, False), (100, 80, False), (79.9, 100, True), (100, 79.9, True), (10, 100, True)],
)
def test_lengths_may_differ_by_a_fifth_of_the_longer(duration: float, ref_duration: float, flagged: bool) -> None:
    """A trimmed copy is all covered, whichever of the two is the longer."""
    found = verdict(evidence(0.99, 1.0, 1.0, 0.8, duration=duration, ref_duration=ref_duration, audio_seconds=60))
    assert found.status == ("flagged" if flagged else "duplicate")
    assert found.reason == ("duration_mismatch" if flagged else None)
    assert found.duplicate_of == "video-0"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mirrored": True}, "mirrored"),
        ({"mirrored": True, "audio": 0.7999}, "mirrored"),
        ({"mirrored": True, "audio": 0.80}, None),
        ({"quarter_turns": 1}, "rotated"),
        ({"quarter_turns": 2, "audio": 0.7999}, "rotated"),
        ({"quarter_turns": 3, "audio": 0.80}, None),
        ({"speed": 1.031}, "derivative_work"),
        ({"speed": 0.969}, "derivative_work"),
        ({"speed": 1.25, "audio": 1.0}, "derivative_work"),
        ({"speed": 1.029}, None),
        ({"speed": 0.971}, None),
        ({"coverage": 0.7499}, "partial_match"),
        ({"coverage": 0.7499, "audio": 1.0}, "partial_match"),
        ({"coverage": 0.2}, "partial_match"),
        ({"coverage": 0.75}, None),
        ({"ref_coverage": 0.7499}, "partial_match"),
        ({"ref_coverage": 0.75}, None),
        ({"area": 0.3999}, "partial_match"),
        ({"area": 0.3999, "audio": 0.7999}, "partial_match"),
        ({"area": 0.3999, "audio": 0.80}, None),
        ({"area": 0.4}, None),
        ({"coverage": 0.3, "mirrored": True}, "partial_match"),
        ({"coverage": 0.3, "speed": 1.2}, "derivative_work"),
    ],
)
@pytest.mark.parametrize("video", [0.85, 0.9499, 0.95, 1.0])
def test_special_cases_are_flagged_however_high_the_score(
    video: float, changes: dict[str, float], reason: str | None
) -> None:
    found = verdict(evidence(video, **{"audio": None, **changes}))  # type: ignore[arg-type]
    if reason is None and video < 0.95 and changes.get("audio") is None:
        reason = "no_audio_to_confirm"
    assert found.status == ("duplicate" if reason is None else "flagged")
    assert found.reason == reason
    assert found.duplicate_of == "video-0"


@pytest.mark.parametrize("video", [0.70, 0.8499])
def test_special_cases_below_the_suspects_are_only_noted(video: float) -> None:
    found = verdict(evidence(video, mirrored=True, speed=1.2, coverage=0.2))
    assert (found.status, found.similar_to) == ("approved", "video-0")


def test_a_matched_part_too_short_to_mean_anything_is_only_noted() -> None:
    short, enough = (verdict(evidence(0.99, coverage=0.05, longest=seconds)) for seconds in (2.9, 3.0))
    assert (short.status, short.similar_to) == ("approved", "video-0")
    assert (enough.status, enough.reason) == ("flagged", "partial_match")
    assert enough.matches[0].kind == "partial"
    assert enough.matches[0].segments == (Segment(0, 3.0, 5, 8.0, 0.99),)


def test_a_likeness_that_is_only_noted_scores_less_than_a_suspect() -> None:
    noted = verdict(evidence(0.99, coverage=0.05, longest=2.0))
    assert noted.similarity_score == noted.matches[0].similarity_score == 0.8499
    assert noted.matches[0].video_score == 0.99


def test_a_short_video_that_matches_as_a_whole_is_a_duplicate() -> None:
    assert verdict(evidence(0.96, duration=2.5, ref_duration=2.5)).status == "duplicate"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "flagged"),
        ({"audio": 0.80}, "flagged"),
        ({"audio": 0.7999}, "approved"),
        ({"audio_seconds": 5.0}, "flagged"),
        ({"audio_seconds": 4.99}, "approved"),
        ({"audio_variety": 0.3}, "flagged"),
        ({"audio_variety": 0.29}, "approved"),
        ({"video": 0.6999}, "flagged"),
        ({"video": 0.8499}, "flagged"),
    ],
)
def test_sound_alone_never_makes_more_than_a_suspect(changes: dict[str, float], status: str) -> None:
    found = verdict(evidence(**{"video": 0.1, "audio": 1.0, "audio_seconds": 60.0, **changes}))  # type: ignore[arg-type]
    assert found.status == status
    if status == "flagged":
        assert found.reason == "audio_match"
        assert found.similarity_score == pytest.approx(changes.get("audio", 1.0))
        assert found.matches[0].kind == "audio"
        assert found.matches[0].segments[0].end == changes.get("audio_seconds", 60.0)


def test_a_moment_of_picture_does_not_hide_that_the_sound_matches() -> None:
    found = verdict(evidence(0.9, 1.0, coverage=0.02, longest=2.0, audio_seconds=60.0))
    assert (found.status, found.reason) == ("flagged", "audio_match")


@pytest.mark.parametrize("found", [[], [evidence()], [evidence(), evidence(0.3, 0.2, audio_seconds=4.0)]])
def test_without_evidence_a_video_is_approved(found: list[Evidence]) -> None:
    decided = verdict(*found)
    assert summary(decided) == ("approved", None, None, None)
    assert (decided.duplicate_of, decided.similar_to, decided.matches) == (None, None, ())


def test_nothing_to_compare_is_never_a_duplicate() -> None:
    """Black and silent: no samples, no sound."""
    blank = evidence(0.0, None, coverage=0.0, ref_coverage=0.0)
    assert verdict(blank, blank).status == "approved"


def test_the_strongest_opinion_decides_and_matches_come_best_first() -> None:
    similar, flagged, duplicate, better = evidence(0.8), evidence(0.94), evidence(0.96), evidence(0.97)
    found = verdict(similar, flagged, duplicate, better, evidence(0.2))
    assert (found.status, found.duplicate_of, found.similarity_score) == ("duplicate", "video-3", 0.97)
    assert [match.video_id for match in found.matches] == ["video-3", "video-2", "video-1", "video-0"]


def test_a_duplicate_outranks_a_suspect_of_a_higher_score() -> None:
    suspect, duplicate = evidence(0.999, speed=1.2), evidence(0.951)
    found = verdict(suspect, duplicate)
    assert (found.status, found.duplicate_of, found.similarity_score) == ("duplicate", "video-1", 0.951)


def test_of_equals_the_first_by_id_is_named() -> None:
    assert verdict(evidence(0.97), evidence(0.97)).duplicate_of == "video-0"


def test_other_thresholds_draw_the_lines_elsewhere() -> None:
    strict = Thresholds(duplicate=0.99, similarity=0.9, minimum=0.8, audio=0.9)
    rows = [(0.989, 0.9, "duplicate"), (0.989, 0.89, "flagged"), (0.89, 1.0, "approved"), (0.99, None, "duplicate")]
    for video, audio, status in rows:
        assert decide([("v", evidence(video, audio, audio_seconds=1.0))], strict).status == status


SHARE = st.floats(0, 1)
EVIDENCE = st.builds(
    evidence,
    video=SHARE | st.sampled_from([0.6999, 0.70, 0.8499, 0.85, 0.9499, 0.95, 1.0]),
    audio=st.none() | SHARE | st.sampled_from([0.7999, 0.80]),
    coverage=SHARE | st.just(1.0),
    ref_coverage=SHARE | st.just(1.0),
    area=SHARE | st.just(1.0),
    duration=st.floats(1, 200) | st.just(100.0),
    ref_duration=st.just(100.0),
    mirrored=st.booleans(),
    quarter_turns=st.integers(0, 3),
    speed=st.sampled_from([1.0, 1.02, 0.9, 1.25]),
    audio_seconds=st.floats(0, 100),
    audio_variety=SHARE,
    longest=st.none() | st.floats(0, 10),
    ref_start=st.sampled_from([0.0, 5.0]),
)
CANDIDATES = st.lists(EVIDENCE, max_size=4).map(lambda found: [(f"v{n}", each) for n, each in enumerate(found)])


@settings(max_examples=80, deadline=None)
@given(CANDIDATES)
def test_the_order_of_candidates_never_matters(candidates: list[tuple[str, Evidence]]) -> None:
    assert len({repr(decide(order, THRESHOLDS)) for order in permutations(candidates)}) == 1


STANDING = {"approved": 0, "flagged": 1, "duplicate": 2}


@settings(max_examples=400, deadline=None)
@given(found=EVIDENCE, more=SHARE, sound=st.booleans())
def test_more_agreement_never_clears_a_video(found: Evidence, more: float, sound: bool) -> None:
    """Other things equal: a duplicate or a suspect never becomes approved for matching better."""
    before = verdict(found)
    if sound and found.audio_score is not None:
        higher = replace(found, audio_score=found.audio_score + more * (1 - found.audio_score))
    else:
        higher = replace(found, video_score=found.video_score + more * (1 - found.video_score))
    after = verdict(higher)
    if before.status != "approved":
        assert after.status != "approved"
    if before.status == "duplicate":
        assert after.status == "duplicate"


@settings(max_examples=80, deadline=None)
@given(CANDIDATES, EVIDENCE)
def test_one_more_candidate_never_clears_a_video(candidates: list[tuple[str, Evidence]], extra: Evidence) -> None:
    """But what several approved ones have in common; see above."""
    before = decide(candidates, THRESHOLDS)
    after = decide([*candidates, ("v9", extra)], THRESHOLDS)
    assert STANDING[after.status] >= STANDING[before.status]


@settings(max_examples=80, deadline=None)
@given(CANDIDATES)
def test_every_verdict_says_what_made_it_and_is_whole(candidates: list[tuple[str, Evidence]]) -> None:
    found = decide(candidates, THRESHOLDS)
    assert found.policy_version == POLICY_VERSION
    assert found.thresholds == asdict(THRESHOLDS)
    assert all(isinstance(value, float) for value in found.thresholds.values())
    assert (found.reason is not None) == (found.status == "flagged")
    assert (found.confidence is not None) == (found.status == "duplicate")
    assert (found.duplicate_of is not None) == (found.status in ("duplicate", "flagged"))
    assert found.similarity_score is None or 0.0 <= found.similarity_score <= 1.0
    if found.matches:
        assert found.matches[0].video_id == (found.duplicate_of or found.similar_to)


@settings(max_examples=80, deadline=None)
@given(EVIDENCE)
def test_a_match_shows_what_was_measured(found: Evidence) -> None:
    opinion = opinion_of("v", found, THRESHOLDS)
    assert isinstance(opinion, Opinion)
    match = opinion.match
    assert (match.video_id, match.mirrored, match.speed) == ("v", found.mirrored, found.speed)
    assert match.video_score == pytest.approx(found.video_score, abs=1e-4)
    assert (match.audio_score is None) == (found.audio_score is None)
    assert match.segments == (found.audio_segments if match.kind == "audio" else found.segments)
    assert match.similarity_score == opinion.score


def test_what_lies_faintly_over_a_shared_intro_makes_it_no_more_than_an_intro() -> None:
    intro, rest = Segment(0, 3.5, 0, 3.5, 1.0), Segment(0, 11, 0.2, 9, 0.84, speed=0.8)
    measured = evidence(1.0, None, 1.0, 0.82, duration=11.0, ref_duration=11.0)
    assert verdict(replace(measured, segments=(intro, rest))).status == "approved"
    assert verdict(replace(measured, segments=(intro, replace(rest, score=0.85)))).status != "approved"


def asked(found: Evidence, thresholds: Thresholds = THRESHOLDS) -> list[tuple[str, bool]]:
    return [(gate.name, gate.passed) for gate in judge("v", found, thresholds).gates]


TO_THE_TABLE = [(name, True) for name in ("alike", "whole", "same_speed", "upload_covered", "same_length")]
TO_THE_TABLE += [(name, True) for name in ("other_covered", "fills_picture", "not_mirrored", "not_turned")]

LASTING = [("alike", True), ("whole", False), ("lasting", True)]


@pytest.mark.parametrize(
    ("found", "gates"),
    [
        (evidence(0.95), [*TO_THE_TABLE, ("sure", True)]),
        (evidence(0.9), [*TO_THE_TABLE, ("sure", False), ("has_sound", False)]),
        (evidence(0.9, 0.5), [*TO_THE_TABLE, ("sure", False), ("has_sound", True), ("sound_confirms", False)]),
        (evidence(0.9, 0.8), [*TO_THE_TABLE, ("sure", False), ("has_sound", True), ("sound_confirms", True)]),
        (evidence(0.9, speed=1.2), [*TO_THE_TABLE[:2], ("same_speed", False)]),
        (evidence(0.9, duration=70), [*TO_THE_TABLE[:4], ("same_length", False)]),
        (
            evidence(0.9, mirrored=True),
            [*TO_THE_TABLE[:7], ("not_mirrored", False), ("sound_confirms", False)],
        ),
        (
            evidence(0.96, 0.9, quarter_turns=2),
            [*TO_THE_TABLE[:8], ("not_turned", False), ("sound_confirms", True), ("sure", True)],
        ),
        (
            evidence(0.9, coverage=0.1, longest=2.0),
            [("alike", True), ("whole", False), ("lasting", False), ("sounds_alike", False), ("similar", True)],
        ),
        (
            evidence(0.9, coverage=0.1, longest=4.0, ref_start=0.0),
            [*LASTING, ("more_than_intro", False), ("sounds_alike", False), ("similar", True)],
        ),
        (
            evidence(0.9, coverage=0.1, longest=7.0, ref_start=0.0),
            [*LASTING, ("more_than_intro", True), ("same_speed", True), ("upload_covered", False)],
        ),
        (evidence(0.2, 0.9), [("alike", False), ("sounds_alike", True), ("sounds_long", False), ("similar", False)]),
        (
            evidence(0.2, 0.9, audio_seconds=9),
            [("alike", False), ("sounds_alike", True), ("sounds_long", True), ("sounds_varied", True)],
        ),
    ],
)
def test_the_questions_are_asked_in_the_order_of_the_table(found: Evidence, gates: list[tuple[str, bool]]) -> None:
    assert asked(found) == gates


def test_a_gate_says_what_was_measured_and_held_against_what() -> None:
    gates = {gate.name: gate for gate in judge("v", evidence(0.9, duration=90, speed=1.25), THRESHOLDS).gates}
    assert gates["alike"] == Gate("alike", True, 0.9, "at least", "similarity", 0.85)
    assert gates["same_speed"] == Gate("same_speed", False, 0.25, "at most", "speed_tolerance", 0.03)
    gates = {gate.name: gate for gate in judge("v", evidence(0.9, duration=90), THRESHOLDS).gates}
    assert gates["same_length"] == Gate("same_length", True, 0.1, "at most", "duration_tolerance", 0.2)
    assert gates["not_mirrored"] == Gate("not_mirrored", True)


def test_sound_that_is_not_there_confirms_nothing_even_when_nothing_is_asked_of_it() -> None:
    gates = judge("v", evidence(0.9, mirrored=True), replace(THRESHOLDS, audio=0.0)).gates
    assert gates[-1] == Gate("sound_confirms", False, None, "at least", "audio", 0.0)


@settings(max_examples=200, deadline=None)
@given(EVIDENCE)
def test_the_answers_follow_from_what_each_gate_shows(found: Evidence) -> None:
    judged = judge("v", found, THRESHOLDS)
    assert judged.opinion == opinion_of("v", found, THRESHOLDS)
    assert judged.gates[0].name == "alike"
    for gate in judged.gates:
        if gate.threshold is None or gate.limit is None:
            assert (gate.value, gate.bound, gate.threshold, gate.limit) == (None, None, None, None)
            continue
        assert gate.limit == getattr(THRESHOLDS, gate.threshold)
        if gate.value is None or abs(gate.value - gate.limit) < 1e-12:
            continue
        assert gate.passed == ((gate.value > gate.limit) == (gate.bound == "at least"))


REPOSITORY = Path(__file__).parents[2]
DOCUMENT = (REPOSITORY / "docs" / "policy.md").read_text()


def test_every_reason_is_documented() -> None:
    """Those of the policy's code, and those with which the consumer refuses a video."""
    policy = (REPOSITORY / "consumer" / "policy.py").read_text()
    extraction = (REPOSITORY / "consumer" / "extraction.py").read_text()
    reasons = set(re.findall(r'(?:return|found,) "([a-z_]+)"', policy)) - set(get_args(MatchKind))
    reasons |= set(re.findall(r'Refused\(\s*"([a-z_]+)"', extraction))
    assert {"mirrored", "no_audio_to_confirm", "audio_match", "too_long"} <= reasons
    assert [reason for reason in sorted(reasons) if f"| `{reason}` |" not in DOCUMENT] == []


def test_every_refusal_of_the_processor_is_documented() -> None:
    """A 422 of the processor becomes a rejection; its code in lower case is the reason."""
    table = (REPOSITORY / "processor" / "errors.py").read_text()
    codes = re.findall(r'code, status, retryable = "([A-Z_]+)", 422, False', table)
    assert len(codes) >= 5
    assert [code.lower() for code in codes if f"| `{code.lower()}` |" not in DOCUMENT] == []


def test_the_document_is_of_this_version() -> None:
    assert f"Policy version {POLICY_VERSION}" in DOCUMENT
