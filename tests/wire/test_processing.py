from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.processing import TIERS, ExtractFormatError, ExtractRequest, ExtractResponse, Preview, Tier

SECONDS = st.floats(0, 3600, allow_nan=False)
REQUEST = {"video_url": "http://s3/v.mp4", "video_id": "v"}
RESPONSE: dict[str, Any] = {
    "video_id": "v",
    "video_vector": [0.125] * 64,
    "audio_hash": "00ff00ff",
    "duration": 12.5,
    "frame_count": 25,
    "processing_time_ms": 40,
    "fingerprint": "VkZQAQ==",
    "thumbnail": None,
    "preview": None,
}


@given(
    start=st.none() | SECONDS,
    length=st.none() | st.floats(1, 3600),
    tier=st.sampled_from(TIERS),
    callback=st.none() | st.text(min_size=1),
    whole=st.booleans(),
)
def test_a_request_survives_the_wire(
    start: float | None, length: float | None, tier: Tier, callback: str | None, whole: bool
) -> None:
    stop = None if length is None else (start or 0.0) + length
    request = ExtractRequest("http://s3/v.mp4?a=b", "v", start, stop, tier, callback, whole)
    assert ExtractRequest.from_json(json.loads(json.dumps(request.to_json()))) == request


def test_a_request_says_nothing_of_what_it_does_not_ask() -> None:
    sent = ExtractRequest("http://s3/v.mp4", "v").to_json()
    assert sent == REQUEST | {"tier": "standard", "whole": False}
    assert ExtractRequest.from_json(REQUEST) == ExtractRequest("http://s3/v.mp4", "v")


def test_whole_seconds_may_be_whole_numbers() -> None:
    request = ExtractRequest.from_json(REQUEST | {"start": 0, "stop": 300})
    assert (request.start, request.stop) == (0.0, 300.0)
    assert isinstance(request.stop, float)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"video_url": None}, "video_url is required"),
        ({"video_url": ""}, "video_url is required"),
        ({"video_id": 3}, "video_id is required"),
        ({"start": -1}, "start must be a number of seconds"),
        ({"start": "0"}, "start must be a number of seconds"),
        ({"start": True}, "start must be a number of seconds"),
        ({"stop": float("nan")}, "stop must be a number of seconds"),
        ({"stop": float("inf")}, "stop must be a number of seconds"),
        ({"start": 5, "stop": 5}, "stop must be greater than start"),
        ({"start": 6.5, "stop": 5}, "stop must be greater than start"),
        ({"tier": "gold"}, "tier must be one of economy, standard, premium"),
        ({"tier": ["economy"]}, "tier must be one of"),
        ({"callback_url": 1}, "callback_url must be text"),
        ({"whole": 1}, "whole must be true or false"),
        ({"frame_interval": 2, "colour": 1}, "unknown field: colour, frame_interval"),
    ],
)
def test_a_bad_request_is_refused_by_the_name_of_its_field(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ExtractFormatError, match=said):
        ExtractRequest.from_json(REQUEST | change)


@pytest.mark.parametrize("body", [None, [], "x", 3])
def test_what_is_no_object_is_refused(body: object) -> None:
    with pytest.raises(ExtractFormatError, match="JSON object"):
        ExtractRequest.from_json(body)
    with pytest.raises(ExtractFormatError, match="JSON object"):
        ExtractResponse.from_json(body)


@given(
    vector=st.lists(st.floats(-1, 1, width=32), min_size=64, max_size=64),
    audio_hash=st.none() | st.just("0123abcd"),
    thumbnail=st.none() | st.just("/9j/"),
    preview=st.none() | st.just(Preview(12, 160, 90, jpeg="/9j/")) | st.just(Preview(2, 2, 4, pixels="AAAA")),
)
def test_a_response_survives_the_wire(
    vector: list[float], audio_hash: str | None, thumbnail: str | None, preview: Preview | None
) -> None:
    response = ExtractResponse("v", tuple(vector), audio_hash, 9.75, 20, 31, "VkZQAQ==", thumbnail, preview)
    sent = json.loads(json.dumps(response.to_json()))
    assert isinstance(sent["video_vector"], list)
    assert ExtractResponse.from_json(sent) == response


@pytest.mark.parametrize("name", [name for name in RESPONSE if name not in ("thumbnail", "preview")])
def test_an_answer_without_one_of_its_fields_is_refused(name: str) -> None:
    with pytest.raises(ExtractFormatError, match=f"missing field: {name}"):
        ExtractResponse.from_json({key: value for key, value in RESPONSE.items() if key != name})


def test_an_answer_may_lack_a_thumbnail_and_have_fields_of_a_newer_release() -> None:
    answer = {key: value for key, value in RESPONSE.items() if key not in ("thumbnail", "preview")} | {"colour": "blue"}
    assert ExtractResponse.from_json(answer) == ExtractResponse.from_json(RESPONSE)


@pytest.mark.parametrize(
    "preview",
    [
        7,
        [],
        {},
        {"pictures": 1, "width": 2},
        {"pictures": 0, "width": 2, "height": 2},
        {"pictures": 1.5, "width": 2, "height": 2},
        {"pictures": True, "width": 2, "height": 2},
        {"pictures": 1, "width": 2, "height": 2, "jpeg": 7},
    ],
)
def test_a_preview_of_something_else_is_refused(preview: object) -> None:
    with pytest.raises(ExtractFormatError, match="preview"):
        ExtractResponse.from_json({**RESPONSE, "preview": preview})


@pytest.mark.parametrize("vector", [None, 7, "abc", [1.0, "x"], [None], [[1.0]]])
def test_a_vector_of_something_else_is_refused(vector: object) -> None:
    with pytest.raises(ExtractFormatError, match="video_vector"):
        ExtractResponse.from_json(RESPONSE | {"video_vector": vector})
