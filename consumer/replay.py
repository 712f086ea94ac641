"""Verdicts made again without being written: what other thresholds would make of the videos that are there.

As when all of them were decided anew at once, oldest first: a video is judged against those that came earlier and
stand by then, be it as they were left or as they were just judged. Those it is compared with are its kin: the videos
that any verdict has linked with it, directly or through others.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from consumer.detection import Detection, Evidence
from consumer.history import Past
from consumer.kept import Shelf, UnusableFingerprintError
from consumer.progress import side_by_side
from consumer.queries import chunks
from consumer.settling import is_certain, settle
from consumer.similarity.code_matching import is_sound
from consumer.workers import Workers
from wire.fingerprints import Fingerprint
from wire.verdicts import Verdict

_FAMILIES_AT_ONCE = 4
_COMPARED_AT_ONCE = 4

_STANDING = ("approved", "flagged")


@dataclass(frozen=True, slots=True)
class Replayed:
    """verdict: the one that would be written now; None when the fingerprint cannot be read."""

    before: Past
    verdict: Verdict | None

    @property
    def change(self) -> str | None:
        """The kind of change; None when nothing would change."""
        before, after = self.before, self.verdict
        if after is None:
            return None
        if before.status != after.status:
            return f"{before.status} -> {after.status}"
        if before.reason != after.reason:
            return f"{after.status} for another reason"
        if before.duplicate_of != after.duplicate_of:
            return f"{after.status}, of another video"
        if before.similar_to != after.similar_to:
            return (
                f"{after.status}, similar to another video" if after.similar_to else f"{after.status}, similar to none"
            )
        return None


def families(chosen: Iterable[str], links: Iterable[tuple[str, str]]) -> list[frozenset[str]]:
    """The videos that are linked with one another, directly or through others; one alone is a family too."""
    root: dict[str, str] = {video_id: video_id for video_id in chosen}

    def find(video_id: str) -> str:
        while root.setdefault(video_id, video_id) != video_id:
            root[video_id] = video_id = root[root[video_id]]
        return video_id

    for one, other in links:
        root[find(one)] = find(other)
    members: dict[str, set[str]] = defaultdict(set)
    for video_id in list(root):
        members[find(video_id)].add(video_id)
    return [frozenset(members[name]) for name in sorted(members)]


@dataclass(frozen=True, slots=True)
class Replay:
    """detection: its decide() has the thresholds to try. most_candidates: compared exactly for each video."""

    shelf: Shelf
    workers: Workers
    detection: Detection
    most_candidates: int

    async def run(self, kinship: Kinship, *, note: Callable[[Replayed], None], stop: asyncio.Event) -> None:
        """Judge the chosen ones, each as soon as its elders are; tell each to `note`. When `stop` is set, what is at
        hand is finished and the rest is left."""
        waiting = iter(kinship.independent())

        async def judge_in_turn() -> None:
            for some in waiting:
                for past in some:
                    if stop.is_set():
                        return
                    verdict = await self._judge(past, kinship)
                    kinship.statuses[past.video.id] = past.status if verdict is None else verdict.status
                    note(Replayed(past, verdict))
                    await asyncio.sleep(0)

        await side_by_side(_FAMILIES_AT_ONCE, judge_in_turn)

    async def _judge(self, past: Past, kinship: Kinship) -> Verdict | None:
        candidates = kinship.candidates(past)[: self.most_candidates]
        evidence: dict[str, Evidence] = {}
        verdict = settle(kinship.statuses, evidence, self.detection.decide)
        try:
            own = await self.shelf.read(past.video.fingerprint_key or "") if candidates else None
        except UnusableFingerprintError:
            return None
        for some in chunks(candidates, _COMPARED_AT_ONCE):
            if own is None or is_certain(verdict, has_sound=is_sound(own.codes)):
                break
            evidence |= await self._measure(own, some)
            verdict = settle(kinship.statuses, evidence, self.detection.decide)
        return verdict

    async def _measure(self, own: Fingerprint, candidates: Sequence[Past]) -> dict[str, Evidence]:
        """By video; one whose fingerprint cannot be used has none."""
        there: dict[str, Fingerprint] = {}
        for candidate in candidates:
            with suppress(UnusableFingerprintError):
                there[candidate.video.id] = await self.shelf.read(candidate.video.fingerprint_key or "")
        measured = await self.workers.run(self.detection.compare, own, list(there.values()))
        return dict(zip(there, measured, strict=True))


class Kinship:
    """Who is compared with whom, and how everybody stands by now.

    chosen: to be judged again. others: keep their verdicts. links: pairs of ids that verdicts have linked. found: by
    video, those that the index proposes now. parted: pairs that are never compared. statuses: of the chosen ones that
    are not yet judged, `processing`.
    """

    def __init__(
        self,
        chosen: Sequence[Past],
        others: Iterable[Past],
        links: Iterable[tuple[str, str]],
        found: Mapping[str, Sequence[str]],
        parted: Iterable[tuple[str, str]] = (),
    ) -> None:
        self._again = {past.video.id for past in chosen}
        self._known = {past.video.id: past for past in sorted([*others, *chosen], key=lambda past: past.video.order)}
        self._found = found
        self._parted = frozenset(parted)
        self._linked: dict[str, set[str]] = defaultdict(set)
        self._family: dict[str, frozenset[str]] = {}
        for one, other in links:
            self._linked[one].add(other)
            self._linked[other].add(one)
        for family in families(self._known, self._links()):
            self._family |= dict.fromkeys(family, family)
        self.statuses = {
            each: "processing" if each in self._again else self._known[each].status for each in self._known
        }

    def _links(self) -> list[tuple[str, str]]:
        """Those between videos that are there."""
        return [(one, other) for one in self._known for other in self._linked[one] if other in self._known]

    def independent(self) -> list[list[Past]]:
        """The chosen ones in groups that have nothing to do with one another; in each, the oldest first."""
        proposed = [(one, other) for one, others in self._found.items() for other in others if other in self._known]
        groups = families(self._known, [*self._links(), *proposed])
        chosen = [[self._known[each] for each in group & self._again] for group in groups]
        return [sorted(group, key=lambda past: past.video.order) for group in chosen if group]

    def candidates(self, past: Past) -> list[Past]:
        """Those that stand by now and can be compared. The linked ones first, then those found, then further kin; else
        the approved ones before the flagged, and the oldest first."""
        linked = self._linked[past.video.id]
        found = {video_id: place for place, video_id in enumerate(self._found.get(past.video.id, ()))}
        kin = (self._family[past.video.id] | set(found)) - {past.video.id}
        known = [self._known[each] for each in kin if each in self._known and not self._is_parted(past.video.id, each)]

        def order(other: Past) -> tuple[bool, int, bool, tuple[str, str]]:
            video_id = other.video.id
            place = found.get(video_id, len(found))
            return video_id not in linked, place, self.statuses[video_id] != "approved", other.video.order

        standing = [each for each in known if self.statuses[each.video.id] in _STANDING and each.can_be_compared]
        return sorted(standing, key=order)

    def _is_parted(self, one: str, other: str) -> bool:
        return (min(one, other), max(one, other)) in self._parted
