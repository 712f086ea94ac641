from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.jobs import JOB_KINDS, PRIORITIES, Job, JobFormatError, JobKind, priority_of


@given(video_id=st.text(min_size=1), kind=st.sampled_from(JOB_KINDS), request_id=st.text())
def test_a_job_survives_the_queue(video_id: str, kind: JobKind, request_id: str) -> None:
    job = Job(video_id, kind, request_id)
    assert Job.from_body(json.loads(json.dumps(job.to_body()))) == job


def test_a_body_with_a_video_id_alone_is_to_be_decided() -> None:
    assert Job.from_body({"video_id": "v"}) == Job("v", "decide", "")


def test_what_a_newer_release_adds_to_a_job_is_left_aside() -> None:
    assert Job.from_body({"video_id": "v", "colour": "blue"}) == Job("v")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (None, "an object, not NoneType"),
        ("v", "an object, not str"),
        ([], "an object, not list"),
        ({}, "needs a video_id"),
        ({"video_id": ""}, "needs a video_id"),
        ({"video_id": 7}, "needs a video_id"),
        ({"video_id": "v", "kind": "dance"}, "unknown kind of job: 'dance'"),
        ({"video_id": "v", "kind": None}, "unknown kind of job: None"),
        ({"video_id": "v", "kind": ["purge"]}, "unknown kind of job"),
    ],
)
def test_what_is_no_job_is_refused(body: object, said: str) -> None:
    with pytest.raises(JobFormatError, match=said):
        Job.from_body(body)


@pytest.mark.parametrize("text", PRIORITIES)
def test_priorities_are_themselves(text: str) -> None:
    assert priority_of(text) == text


@pytest.mark.parametrize("text", [None, ""])
def test_no_priority_is_normal(text: str | None) -> None:
    assert priority_of(text) == "normal"


@pytest.mark.parametrize("text", ["urgent", "HIGH", " high", "0"])
def test_another_priority_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(JobFormatError, match="high, normal, low"):
        priority_of(text)
