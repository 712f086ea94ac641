"""Verdicts in words, beside what was to be expected. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.demo.plan import Item

_ROLES = {
    "admin": "everything, the dashboard too",
    "moderator": "the flagged videos of everybody, to settle them",
    "uploader": "whose videos these are",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """item and its verdict. other: the item that it is said to be like, as far as that is one of the demo's."""

    item: Item
    video: Mapping[str, Any]
    other: Item | None

    @property
    def status(self) -> str:
        return "failed" if self.video.get("failed") else str(self.video["status"])

    @property
    def is_expected(self) -> bool:
        """The right status; and what is told of a copy is that it is of what it was made from."""
        if self.status not in self.item.expected:
            return False
        return self.item.is_original or (self.other is not None and bool({*self.other.of} & {*self.item.of}))


def outcome(item: Item, video: Mapping[str, Any], items: Sequence[Item], known: Mapping[str, str]) -> Outcome:
    """known: ids by name."""
    names = {video_id: name for name, video_id in known.items()}
    named = names.get(video.get("duplicate_of") or "")
    return Outcome(item, video, next((each for each in items if each.name == named), None))


def line(told: Outcome, place: int, total: int) -> str:
    surprise = "as expected" if told.is_expected else f"NOT as expected ({' or '.join(sorted(told.item.expected))})"
    what = "" if told.item.is_original else f" It is {', '.join(told.item.of)}: {told.item.what}."
    return f"{place:>2}/{total}  {told.item.name:<18} {told.status:<10} {surprise}. {sentence(told)}{what}"


def sentence(told: Outcome) -> str:
    video, other = told.video, told.other.name if told.other else "another video"
    match told.status:
        case "approved":
            return "Nothing matches it."
        case "duplicate":
            return f"A copy of {other}, {percent(video.get('similarity_score'))} alike."
        case "flagged":
            return f"For a moderator, beside {other}: {video.get('message') or video.get('reason')}"
        case "failed":
            return f"Twinreel gave up: {video.get('last_error')}"
        case _:
            return str(video.get("message") or video.get("reason"))


def percent(score: float | None) -> str:
    return "perhaps" if score is None else f"{100 if score == 1 else min(99, round(100 * score))} %"


def summary(told: Sequence[Outcome], seconds: float) -> str:
    counts = Counter(each.status for each in told)
    right = sum(each.is_expected for each in told)
    said = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    return f"{len(told)} videos in {seconds:.0f} s: {said}. {right} of {len(told)} as expected."


def farewell(url: str, tokens: Mapping[str, str], folder: str) -> str:
    lines = ["", f"The console: {url}/", "Sign in there with one of these tokens:"]
    lines += [f"  {role:<10} {tokens[role]}   {about}" for role, about in _ROLES.items() if role in tokens]
    return "\n".join([*lines, f"All of it is in {folder}; remove that folder, and the demo begins anew."])
