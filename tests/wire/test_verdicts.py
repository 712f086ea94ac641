from __future__ import annotations

import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.verdicts import JOB_STATUSES, VIDEO_STATUSES, Match, MatchKind, Segment, Verdict

SHARES = st.floats(0, 1)
SEGMENTS = st.builds(Segment, SHARES, SHARES, SHARES, SHARES, SHARES)


@given(
    match=st.builds(
        Match,
        video_id=st.text(min_size=1),
        kind=st.sampled_from(["video", "partial", "audio"]),
        similarity_score=SHARES,
        video_score=SHARES,
        audio_score=st.none() | SHARES,
        coverage=SHARES,
        ref_coverage=SHARES,
        mirrored=st.booleans(),
        speed=st.floats(0.5, 2),
        pitch_semitones=st.floats(-4, 4),
        area=st.floats(0, 1),
        segments=st.lists(SEGMENTS, max_size=4).map(tuple),
    )
)
def test_a_match_survives_a_row(match: Match) -> None:
    assert Match.from_json(json.loads(json.dumps(match.to_json()))) == match


def test_a_match_shows_what_the_api_promises() -> None:
    kind: MatchKind = "video"
    shown = Match("v", kind, 0.97, 0.97, None, 1.0, 0.5, segments=(Segment(0, 9, 1, 10, 0.97),)).to_json()
    assert set(shown) == {
        "video_id", "kind", "similarity_score", "video_score", "audio_score", "coverage", "ref_coverage", "mirrored",
        "speed", "pitch_semitones", "segments", "area", "audio_segments",
    }  # fmt: skip
    along = {"start": 0, "end": 9, "ref_start": 1, "ref_end": 10}
    assert shown["segments"] == [along | {"score": 0.97, "speed": 1.0, "mirrored": False}]


def test_a_row_of_an_older_release_still_reads() -> None:
    kept = {"video_id": "v", "kind": "audio", "similarity_score": 0.9, "video_score": 0.1, "audio_score": 0.9}
    match = Match.from_json(kept | {"coverage": 0.0, "ref_coverage": 0.0, "since_dropped": 1})
    assert (match.mirrored, match.speed, match.pitch_semitones, match.segments) == (False, 1.0, 0.0, ())


@pytest.mark.parametrize("name", ["video_id", "kind", "video_score"])
def test_a_match_without_what_it_is_about_is_no_match(name: str) -> None:
    shown = Match("v", "video", 1.0, 1.0, None, 1.0, 1.0).to_json()
    del shown[name]
    with pytest.raises(TypeError, match=name):
        Match.from_json(shown)


def test_a_verdict_always_says_which_policy_and_thresholds_made_it() -> None:
    required = {field.name for field in fields(Verdict)[:3]}
    assert required == {"status", "policy_version", "thresholds"}
    with pytest.raises(TypeError):
        Verdict("approved")  # type: ignore[call-arg]


def test_the_statuses_are_those_of_the_schema() -> None:
    assert VIDEO_STATUSES == ("processing", "approved", "duplicate", "rejected", "flagged")
    assert JOB_STATUSES == ("pending", "processing", "completed", "failed")
