"""The verdict that the settled candidates of a video make, and when further ones cannot change it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from wire.verdicts import Verdict

_WHOLE_AREA = 0.85


class Decide(Protocol):
    """evidence: (video id, evidence) of each candidate, in any order. approved: those of them that are."""

    def __call__(self, evidence: Sequence[tuple[str, Any]], /, *, approved: Collection[str] = ()) -> Verdict: ...


def settle(
    statuses: Mapping[str, str],
    evidence: Mapping[str, Any],
    decide: Decide,
) -> Verdict:
    """What approved candidates say counts first; flagged ones count where those say nothing, or where only these make
    a duplicate.

    statuses, evidence: by the id of the candidate; one without evidence has no say.
    """
    approved = {each for each in evidence if statuses[each] == "approved"}
    verdict = decide([(each, found) for each, found in evidence.items() if each in approved], approved=approved)
    if verdict.status == "duplicate":
        return verdict
    wider = decide(list(evidence.items()), approved=approved)
    return wider if verdict.status == "approved" or wider.status == "duplicate" else verdict


def is_certain(verdict: Verdict, *, has_sound: bool) -> bool:
    """A duplicate with nothing left to account for: no other candidate can change that. has_sound: of the upload."""
    return verdict.status == "duplicate" and accounts_for_all(verdict, has_sound=has_sound)


def accounts_for_all(verdict: Verdict, *, has_sound: bool) -> bool:
    """The best match explains the whole upload: what it shows from beginning to end, all of the picture, and the sound.
    Else the rest may be that of another video. The upload may still be the duplicate of a flagged one.

    has_sound: of the upload; a match without a sound of its own leaves that unexplained.
    """
    if verdict.status not in ("duplicate", "flagged") or not verdict.matches:
        return False
    best = verdict.matches[0]
    audio = best.audio_score
    sounds = not has_sound if audio is None else audio >= verdict.thresholds.get("audio", 0.0)
    return sounds and best.area >= _WHOLE_AREA and best.coverage >= verdict.thresholds.get("coverage", 0.0)
