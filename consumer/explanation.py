"""Why two videos match, or do not: the gates of the policy on one pair, and what would change its verdict. Pure."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from consumer.policy import Gate, decide, judge
from consumer.similarity.evidence import Evidence
from consumer.thresholds import SETTINGS, Thresholds
from wire.verdicts import Verdict

QUESTIONS = {
    "alike": "the picture is alike enough for a suspect (score)",
    "whole": "the match covers both videos (share)",
    "lasting": "a stretch that matches lasts (seconds)",
    "more_than_intro": "it is more than an intro or an end card of both (seconds)",
    "uncommon": "it is more than what many videos show (seconds)",
    "same_speed": "the speed is the same (share by which it differs)",
    "upload_covered": "enough of the upload matches (share)",
    "same_length": "the lengths are the same (share by which they differ)",
    "other_covered": "enough of the other video is shown (share)",
    "fills_picture": "it fills enough of the upload's picture (share)",
    "not_mirrored": "the picture is not mirrored",
    "not_turned": "the picture is not turned",
    "sure": "the picture alone is sure enough (score)",
    "has_sound": "both have sound to compare",
    "sound_confirms": "the sound confirms it (score)",
    "sounds_alike": "the sound alone is alike (score)",
    "sounds_long": "it is alike for long enough (seconds)",
    "sounds_varied": "what is alike is varied enough (share)",
    "similar": "the picture is alike enough to be noted (score)",
}
"""What each gate of the policy asks, by its name; in brackets what its value is."""

_MOST_DECIMALS = 6

Outcome = tuple[str, str | None, bool]
"""Status, reason, and whether a likeness is noted."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two videos. status: of its row. duration: seconds. width, height: pixels, bars included."""

    video_id: str
    uploaded_at: str
    status: str
    duration: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one threshold that changes the verdict; the smallest of that threshold.

    field: of Thresholds. setting: its name in the environment; None when it has none. status, reason: of the verdict
    then. is_noted: it would be approved, and similar_to noted.
    """

    field: str
    setting: str | None
    before: float
    after: float
    status: str
    reason: str | None
    is_noted: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """gates: in the order in which the policy asked; the last one decided. changes: the nearest first."""

    upload: Side
    other: Side
    evidence: Evidence
    thresholds: Thresholds
    gates: tuple[Gate, ...]
    verdict: Verdict
    changes: tuple[Change, ...]


def explain(upload: Side, other: Side, evidence: Evidence, thresholds: Thresholds) -> Explanation:
    """evidence: what compare() says of the upload against the other."""
    return Explanation(
        upload=upload,
        other=other,
        evidence=evidence,
        thresholds=thresholds,
        gates=judge(other.video_id, evidence, thresholds).gates,
        verdict=decide([(other.video_id, evidence)], thresholds),
        changes=changes_of(evidence, thresholds),
    )


def told(explanation: Explanation) -> dict[str, Any]:
    """The explanation as it is written in JSON; numbers may be numpy's."""
    said: dict[str, Any] = asdict(explanation) | {"verdict": asdict(explanation.verdict)}
    for n, gate in enumerate(said["gates"]):
        gate |= {"question": QUESTIONS[gate["name"]], "decided": n == len(said["gates"]) - 1}
    return said


def changes_of(evidence: Evidence, thresholds: Thresholds) -> tuple[Change, ...]:
    """Of each threshold the smallest change that changes the verdict, if one does without contradicting the others.

    Those that change the status or the reason come before those that only note a likeness, or no longer do; then the
    smallest in proportion to the threshold.
    """
    status, reason, _ = _outcome(evidence, thresholds)
    found = [_nearest(evidence, thresholds, field.name) for field in fields(Thresholds)]

    def order(change: Change) -> tuple[bool, float]:
        return (change.status, change.reason) == (status, reason), _size(change)

    return tuple(sorted((each for each in found if each), key=order))


def _size(change: Change) -> float:
    return abs(change.after - change.before) / max(change.before, 1e-9)


def _nearest(evidence: Evidence, thresholds: Thresholds, field: str) -> Change | None:
    before, now = float(getattr(thresholds, field)), _outcome(evidence, thresholds)
    for value in sorted(_borders(evidence, thresholds, field), key=lambda value: abs(value - before)):
        changed = _with(thresholds, field, value)
        if changed is None:
            continue
        outcome = _outcome(evidence, changed)
        if outcome != now:
            after = _shortest(evidence, thresholds, field, value, outcome)
            return Change(field, SETTINGS.get(field), before, after, *outcome)
    return None


def _borders(evidence: Evidence, thresholds: Thresholds, field: str) -> set[float]:
    """Every value of the threshold, and the next number on either side, at which a gate's answer may change.

    Which gates are asked depends on the threshold, so each border is tried for what is asked there, until no new one
    comes up. The ends of the scale are tried for the same reason.
    """
    known: set[float] = set()
    untried = {0.0, 1.0, 1e9, float(getattr(thresholds, field))}
    tried: set[float] = set()
    while untried:
        limit = untried.pop()
        tried.add(limit)
        gates = judge("", evidence, replace(thresholds, **{field: limit})).gates
        for gate in gates:
            if gate.threshold == field and gate.value is not None:
                around = {gate.value, math.nextafter(gate.value, -math.inf), math.nextafter(gate.value, math.inf)}
                known |= around
                untried |= around - tried
    return known


def _with(thresholds: Thresholds, field: str, value: float) -> Thresholds | None:
    """None when they would contradict each other."""
    changed = replace(thresholds, **{field: value})
    try:
        changed.check()
    except ValueError:
        return None
    return changed if value >= 0 else None


def _shortest(evidence: Evidence, thresholds: Thresholds, field: str, value: float, outcome: Outcome) -> float:
    """The value with as few decimals, two or more, as give the same verdict; a little further off than it had to be."""
    further = math.floor if value < getattr(thresholds, field) else math.ceil
    for decimals in range(2, _MOST_DECIMALS + 1):
        rounded = float(further(value * 10.0**decimals)) / 10.0**decimals
        changed = _with(thresholds, field, rounded)
        if changed is not None and _outcome(evidence, changed) == outcome:
            return rounded
    return value


def _outcome(evidence: Evidence, thresholds: Thresholds) -> Outcome:
    verdict = decide([("", evidence)], thresholds)
    return verdict.status, verdict.reason, verdict.similar_to is not None
