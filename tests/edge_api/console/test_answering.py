"""What a search has found, in words."""

from __future__ import annotations

from typing import Any

import pytest

from edge_api.console import answering
from tests.edge_api.test_searches import CHANGE, GATE, OPINION


def asked(kind: str, **verdict: Any) -> dict[str, Any]:
    return {"kind": kind, "status": "completed", "verdict": OPINION | verdict}


@pytest.mark.parametrize(
    ("kind", "verdict", "label", "said"),
    [
        ("search", {}, "New", "The catalogue holds nothing like it."),
        ("compare", {}, "Different", "The two show different things."),
        (
            "search",
            {"similarity_score": 0.78},
            "New",
            "The catalogue holds something that resembles it (78\u00a0%), but",
        ),
        ("compare", {"similarity_score": 0.78}, "Different", "The two resemble each other (78\u00a0%), but too little"),
        ("compare", {"status": "duplicate", "similarity_score": 1}, "Copy", "One is a copy of the other: they are 100"),
        ("search", {"status": "flagged", "reason": "mirrored"}, "Suspect", "The picture is the other's, mirrored."),
        ("compare", {"status": "flagged", "reason": "new one"}, "Suspect", "They match, but not wholly. Uploaded, it"),
        ("search", {"status": "rejected", "message": "It is cut off"}, "Refused", "It is cut off."),
        ("search", {"status": "rejected"}, "Refused", "It would not be accepted."),
    ],
)
def test_an_answer(kind: str, verdict: dict[str, Any], label: str, said: str) -> None:
    search = asked(kind, **verdict)
    assert answering.label_of(search) == label
    assert answering.sentence_of(search).startswith(said)


@pytest.mark.parametrize(
    ("original", "said"),
    [
        (None, "already: they"),
        ({"uploaded_at": "2026-11-01T03:04:05Z", "uploader": None}, "already, uploaded on 1 Nov 2026, 03:04 UTC: they"),
        ({"uploaded_at": "2026-11-01T03:04:05Z", "uploader": "bob"}, "already, uploaded by bob on 1 Nov"),
    ],
)
def test_a_copy_of_what_the_catalogue_holds(original: dict[str, Any] | None, said: str) -> None:
    search = asked("search", status="duplicate", similarity_score=0.98, original_video=original)
    assert said in answering.sentence_of(search)


def test_no_answer_yet_and_never() -> None:
    waiting = {"kind": "search", "status": "processing", "stage": "compare"}
    assert (answering.state_of(waiting), answering.label_of(waiting)) == ("processing", "Looking")
    assert answering.sentence_of(waiting) == "Comparing it with the catalogue: there is no answer yet."
    failed = {"kind": "compare", "status": "failed", "last_error": "The store is gone"}
    assert (answering.state_of(failed), answering.label_of(failed)) == ("failed", "No answer")
    assert answering.sentence_of(failed) == "There is no answer: The store is gone. Ask once more."


def test_gates_in_numbers() -> None:
    assert answering.gate_of(GATE) == "0.5, at least 0.85 is asked"
    assert answering.gate_of({**GATE, "limit": None}) == "0.5"
    assert answering.gate_of({**GATE, "value": None}) == ""


def test_the_nearest_change() -> None:
    said = answering.nearest_change({"changes": [CHANGE, {**CHANGE, "after": 0.1}]})
    assert said == "With SIMILARITY_THRESHOLD at 0.5 instead of 0.85 it would be flagged."
    noted = answering.nearest_change(
        {"changes": [{**CHANGE, "setting": None, "field": "partial_seconds", "is_noted": True}]}
    )
    assert noted == "With partial seconds at 0.5 instead of 0.85 it would be merely noted as similar."
    copied = answering.nearest_change({"changes": [{**CHANGE, "status": "duplicate"}]})
    assert copied is not None
    assert copied.endswith("it would be a duplicate.")
    assert answering.nearest_change({"changes": []}) is None
