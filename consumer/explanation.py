"""Why two videos match, or do not: the gates of the policy on one pair, and what would change its verdict. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from itertools import islice
from typing import Any

from consumer.policy import Gate, common_among, decide, judge
from consumer.settling import settle
from consumer.shared_parts import Common
from consumer.similarity.evidence import Evidence
from consumer.thresholds import SETTINGS, Thresholds
from wire.gates import QUESTIONS
from wire.verdicts import Verdict

_MOST_DECIMALS = 6
_MOST_LOOKED_AT, _MOST_CHANGES = 3, 3

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
    return _changes(_pair(evidence), thresholds)


def why(statuses: Mapping[str, str], evidence: Mapping[str, Evidence], thresholds: Thresholds) -> dict[str, Any]:
    """What to keep with the verdict that `settle` makes of these: JSON of numbers, words and null.

    video_id: the candidate that decided, or came nearest; None without candidates. gates: what the policy asked of that
    one; the last decided. changes: the nearest three of those thresholds that would change the verdict.
    """
    verdict = settle(statuses, evidence, partial(decide, thresholds=thresholds))
    likeliest = sorted(
        evidence, key=lambda each: (-max(evidence[each].video_score, evidence[each].audio_score or 0), each)
    )
    named = [each for each in (verdict.duplicate_of, verdict.similar_to) if each is not None]
    looked_at = [*named, *(each for each in likeliest if each not in named)][:_MOST_LOOKED_AT]
    if not looked_at:
        return {"video_id": None, "gates": [], "changes": []}
    case = _Upload(statuses, evidence, tuple(looked_at))
    changes = (
        asdict(change)
        for change in _changes(_Case(case.gates, case.outcome), thresholds)
        if case.is_changed_by(change, thresholds, verdict)
    )
    return {
        "video_id": looked_at[0],
        "gates": [asdict(gate) for gate in case.gates_of(looked_at[0], thresholds, case.common(thresholds))],
        "changes": list(islice(changes, _MOST_CHANGES)),
    }


@dataclass(frozen=True, slots=True)
class _Case:
    """What is asked, and what comes of it, under these thresholds or those."""

    gates: Callable[[Thresholds], Iterable[Gate]]
    outcome: Callable[[Thresholds], Outcome]


def _pair(evidence: Evidence) -> _Case:
    return _Case(lambda limits: judge("", evidence, limits).gates, lambda limits: _outcome(evidence, limits))


@dataclass(frozen=True, slots=True)
class _Upload:
    """An upload among its candidates. looked_at: those in which changes are searched for; all have a say in the end."""

    statuses: Mapping[str, str]
    evidence: Mapping[str, Evidence]
    looked_at: tuple[str, ...]

    def common(self, thresholds: Thresholds) -> Common:
        approved = [found for each, found in self.evidence.items() if self.statuses[each] == "approved"]
        return common_among(approved, thresholds)

    def gates_of(self, video_id: str, thresholds: Thresholds, common: Common) -> tuple[Gate, ...]:
        return judge(video_id, self.evidence[video_id], thresholds, common).gates

    def gates(self, thresholds: Thresholds) -> Iterable[Gate]:
        common = self.common(thresholds)
        return (gate for video_id in self.looked_at for gate in self.gates_of(video_id, thresholds, common))

    def outcome(self, thresholds: Thresholds) -> Outcome:
        return self._outcome_among({each: self.evidence[each] for each in self.looked_at}, thresholds)

    def is_changed_by(self, change: Change, thresholds: Thresholds, before: Verdict) -> bool:
        after = self._outcome_among(self.evidence, replace(thresholds, **{change.field: change.after}))
        return after == (change.status, change.reason, change.is_noted) != _outcome_of(before)

    def _outcome_among(self, among: Mapping[str, Evidence], thresholds: Thresholds) -> Outcome:
        return _outcome_of(settle(self.statuses, among, partial(decide, thresholds=thresholds)))


def _changes(case: _Case, thresholds: Thresholds) -> tuple[Change, ...]:
    status, reason, _ = case.outcome(thresholds)
    found = [_nearest(case, thresholds, field.name) for field in fields(Thresholds)]

    def order(change: Change) -> tuple[bool, float]:
        return (change.status, change.reason) == (status, reason), _size(change)

    return tuple(sorted((each for each in found if each), key=order))


def _size(change: Change) -> float:
    return abs(change.after - change.before) / max(change.before, 1e-9)


def _nearest(case: _Case, thresholds: Thresholds, field: str) -> Change | None:
    before, now = float(getattr(thresholds, field)), case.outcome(thresholds)
    for value in sorted(_borders(case, thresholds, field), key=lambda value: abs(value - before)):
        changed = _with(thresholds, field, value)
        if changed is None:
            continue
        outcome = case.outcome(changed)
        if outcome != now:
            after = _shortest(case, thresholds, field, value, outcome)
            return Change(field, SETTINGS.get(field), before, after, *outcome)
    return None


def _borders(case: _Case, thresholds: Thresholds, field: str) -> set[float]:
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
        for gate in case.gates(replace(thresholds, **{field: limit})):
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


def _shortest(case: _Case, thresholds: Thresholds, field: str, value: float, outcome: Outcome) -> float:
    """The value with as few decimals, two or more, as give the same verdict; a little further off than it had to be."""
    further = math.floor if value < getattr(thresholds, field) else math.ceil
    for decimals in range(2, _MOST_DECIMALS + 1):
        rounded = float(further(value * 10.0**decimals)) / 10.0**decimals
        changed = _with(thresholds, field, rounded)
        if changed is not None and case.outcome(changed) == outcome:
            return rounded
    return value


def _outcome(evidence: Evidence, thresholds: Thresholds) -> Outcome:
    return _outcome_of(decide([("", evidence)], thresholds))


def _outcome_of(verdict: Verdict) -> Outcome:
    return verdict.status, verdict.reason, verdict.similar_to is not None
