"""What a search or a comparison has found, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_api.console.formatting import moment, percent
from edge_api.console.sentences import stage

LABELS: Mapping[str, Mapping[str, str]] = {
    "search": {"approved": "New", "duplicate": "Copy", "flagged": "Suspect", "rejected": "Refused"},
    "compare": {"approved": "Different", "duplicate": "Copy", "flagged": "Suspect", "rejected": "Refused"},
}
"""What the statuses of a verdict mean where nothing was uploaded, by the kind of the question."""

_FINDINGS: Mapping[str | None, str] = {
    "video_match_audio_mismatch": "The pictures match, the sound is another one.",
    "no_audio_to_confirm": "The pictures are alike, though not surely the same, and there is no sound that could tell.",
    "duration_mismatch": "They match, but one is more than a fifth shorter.",
    "mirrored": "The picture is the other's, mirrored.",
    "rotated": "The picture is the other's, turned.",
    "derivative_work": "It is the other one at another speed.",
    "partial_match": "Only a part of the two matches.",
    "audio_match": "The sound is the same, the pictures are not.",
}

_AS: Mapping[str, str] = {"duplicate": "a duplicate"}


def state_of(search: Mapping[str, Any]) -> str:
    """processing, failed, or what the verdict would be."""
    return str(search["verdict"]["status"] if search["status"] == "completed" else search["status"])


def label_of(search: Mapping[str, Any]) -> str:
    state = state_of(search)
    return LABELS[search["kind"]].get(state, {"processing": "Looking", "failed": "No answer"}.get(state, state))


def sentence_of(search: Mapping[str, Any]) -> str:
    if search["status"] == "processing":
        return f"{stage(search.get('stage'))}: there is no answer yet."
    if search["status"] == "failed":
        return f"There is no answer: {_ended(search.get('last_error') or 'nobody knows why')} Ask once more."
    verdict = search["verdict"]
    is_search, score = search["kind"] == "search", verdict["similarity_score"]
    match verdict["status"]:
        case "approved" if score is not None:
            where = "The catalogue holds something that resembles it" if is_search else "The two resemble each other"
            return f"{where} ({percent(score)}), but too little for a copy."
        case "approved":
            return "The catalogue holds nothing like it." if is_search else "The two show different things."
        case "duplicate":
            held = f"The catalogue holds it already{_since(verdict)}" if is_search else "One is a copy of the other"
            return f"{held}: they are {percent(score)} alike."
        case "flagged":
            found = _FINDINGS.get(verdict["reason"], "They match, but not wholly.")
            return f"{found} Uploaded, it would wait for a moderator."
        case _:
            return _ended(verdict.get("message") or "It would not be accepted.")


def nearest_change(explanation: Mapping[str, Any]) -> str | None:
    """The smallest change of a threshold that would change the answer; None when no single one does."""
    for change in explanation["changes"]:
        name = change["setting"] or change["field"].replace("_", " ")
        then = "merely noted as similar" if change["is_noted"] else _AS.get(change["status"], change["status"])
        return f"With {name} at {change['after']:g} instead of {change['before']:g} it would be {then}."
    return None


def gate_of(gate: Mapping[str, Any]) -> str:
    """What was measured, and what was asked for: 0.98, at least 0.85; empty for a mere yes or no."""
    if gate["value"] is None:
        return ""
    asked = "" if gate["limit"] is None else f", {gate['bound']} {gate['limit']:g} is asked"
    return f"{gate['value']:.3g}{asked}"


def _since(verdict: Mapping[str, Any]) -> str:
    original = verdict.get("original_video") or {}
    by = f" by {original['uploader']}" if original.get("uploader") else ""
    return f", uploaded{by} on {moment(original['uploaded_at'])}" if original.get("uploaded_at") else ""


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."
