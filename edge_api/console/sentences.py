"""What a video's JSON says, in one plain sentence. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge_api.console.formatting import moment, percent

STAGES: Mapping[str | None, str] = {
    None: "Waiting for its turn",
    "fingerprint": "Looking at picture and sound",
    "index": "Adding it to the catalogue's index",
    "compare": "Comparing it with the catalogue",
}
"""What a job's stage means."""

KINDS: Mapping[str, str] = {"video": "Whole video", "partial": "A part", "audio": "Sound only"}
"""What a match's kind means."""

LABELS: Mapping[str, str] = {
    "processing": "Processing",
    "approved": "Approved",
    "duplicate": "Duplicate",
    "flagged": "Flagged",
    "rejected": "Rejected",
    "failed": "Failed",
}


@dataclass(frozen=True, slots=True)
class Alteration:
    """One way in which an upload differs from what it matches: a word and its explanation."""

    label: str
    meaning: str


_FIELDS = (
    *(
        "filename",
        "uploader",
        "source_url",
        "processed_at",
        "duration",
        "progress",
        "stage",
        "failed",
        "last_error",
        "attempts",
    ),
    *(
        "r2_url",
        "playback_url",
        "rendition",
        "thumbnail",
        "similar_to",
        "similarity_score",
        "duplicate_of",
        "confidence",
        "original_video",
    ),
    *("reason", "message", "matches", "why"),
)


def whole(video: Mapping[str, Any]) -> dict[str, Any]:
    """With every field that a video's JSON may have: None where its status has none, as templates want it."""
    return dict.fromkeys(_FIELDS) | dict(video)


def state_of(video: Mapping[str, Any]) -> str:
    """The status, and `failed` for one whose job has given up."""
    return "failed" if video.get("failed") else str(video["status"])


def verdict(video: Mapping[str, Any]) -> str:
    match state_of(video):
        case "failed":
            return f"Twinreel has given up on this video: {_ended(video.get('last_error') or 'nobody knows why')}"
        case "processing":
            return f"{stage(video.get('stage'))}: the verdict is not made yet."
        case "approved" if video.get("similar_to"):
            score = percent(video.get("similarity_score"))
            return f"This video is new: it resembles another one ({score}), but too little to be a copy of it."
        case "approved":
            return "This video is new: nothing in the catalogue matches it."
        case "duplicate":
            return _duplicate(video)
        case _:
            return _ended(video.get("message") or "")


def not_played(video: Mapping[str, Any] | None, *, sees_all: bool = False) -> str:
    """Why there is no player, when there is none. video: None when the API shows this user none; sees_all: it would, if
    there were one."""
    if video is None:
        return "It is not there any more." if sees_all else "It is somebody else's, or gone; a moderator may play it."
    if video.get("source_url"):
        return "It lies elsewhere and is not played here."
    if video["status"] == "processing":
        return "It can be played once it is decided."
    if video.get("reason") == "infected":
        return "Its file is dangerous and given to nobody."
    if video.get("r2_url"):
        return _unplayable(video.get("rendition"))
    return "Its file is not kept any more."


def _unplayable(rendition: Mapping[str, Any] | None) -> str:
    """Of a file that browsers do not play."""
    match None if rendition is None else rendition["status"]:
        case "wanted":
            return "Browsers cannot play this file; one that they can play is being made."
        case "failed":
            return "Browsers cannot play this file, and none that they can play could be made of it."
        case _:
            return "Browsers cannot play this file."


def reasons(video: Mapping[str, Any]) -> list[str]:
    """Why the verdict is what it is, in sentences; none when nobody said."""
    why = video.get("why")
    if not why:
        return []
    if why["decided_by"] == "moderator":
        return ["A moderator decided this."]
    if why["decided_by"] == "content_sha256":
        return ["The file has the same bytes as the other one, so nothing had to be compared."]
    if not why["gates"]:
        return []
    last = why["gates"][-1]
    answer = "yes" if last["passed"] else "no"
    said = [f"What decided: is it so that {_bare(last['question'])}? {answer.capitalize()}{_measured(last)}."]
    if why["changes"]:
        nearest = why["changes"][0]
        name = nearest["setting"] or f"the policy's {nearest['field'].replace('_', ' ')}"
        said.append(
            f"What would have changed it: with {name} at {nearest['after']:g} instead of {nearest['before']:g} "
            f"it would be {_outcome(nearest)}."
        )
    else:
        said.append("No other value of a single threshold would have changed it.")
    return said


def _bare(question: str) -> str:
    """Without what its value is."""
    return question.partition(" (")[0]


def _measured(gate: Mapping[str, Any]) -> str:
    if gate["limit"] is None:
        return ""
    value = "nothing was measured" if gate["value"] is None else f"it is {gate['value']:.3g}"
    return f": {value}, and {gate['bound']} {gate['limit']:g} is asked for"


def _outcome(change: Mapping[str, Any]) -> str:
    if change["reason"]:
        return f"{change['status']} ({change['reason'].replace('_', ' ')})"
    if change["status"] == "duplicate":
        return "a duplicate"
    return "approved, and noted as similar" if change["is_noted"] else str(change["status"])


def stage(word: str | None) -> str:
    return STAGES.get(word, "Working on it")


def alterations(match: Mapping[str, Any]) -> list[Alteration]:
    found = []
    if match.get("mirrored"):
        found.append(Alteration("mirrored", "left and right are swapped"))
    speed = match.get("speed", 1.0)
    if speed < 0:
        found.append(Alteration("backwards", "it plays backwards"))
    if abs(abs(speed) - 1) >= 0.005:
        found.append(Alteration(f"speed \u00d7{abs(speed):.3g}", "how much faster it plays than the other video"))
    pitch = match.get("pitch_semitones", 0.0)
    if abs(pitch) >= 0.05:
        found.append(Alteration(f"pitch {pitch:+.1f}", "how many semitones higher it sounds"))
    if match.get("area", 1.0) < 0.995:
        found.append(Alteration(f"{percent(match['area'])} of the picture", "only this share of the picture agrees"))
    return found


def _duplicate(video: Mapping[str, Any]) -> str:
    original = video.get("original_video") or {}
    by = f" by {original['uploader']}" if original.get("uploader") else ""
    at = f" on {moment(original['uploaded_at'])}" if original.get("uploaded_at") else ""
    of_whom = f"one that was uploaded{by}{at}" if by or at else "another one"
    return f"This video is a copy of {of_whom}; they are {percent(video.get('similarity_score'))} alike."


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."
