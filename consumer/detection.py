"""The pure core as the pipeline calls it: seven functions, which run in Workers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from consumer.sound_terms import SoundQuestion
from wire.fingerprints import Fingerprint
from wire.verdicts import Verdict

Evidence = Any
"""What compare() measured; only decide() looks into it."""


class IndexEntry(Protocol):
    """vector_id: a hash of the vector, so that equal vectors of several videos are stored once. start: seconds."""

    @property
    def vector_id(self) -> str: ...
    @property
    def vector(self) -> tuple[float, ...]: ...
    @property
    def start(self) -> float: ...


class Decide(Protocol):
    """evidence: (video id, evidence) of each candidate, in any order. approved: those of them that are."""

    def __call__(self, evidence: Sequence[tuple[str, Evidence]], /, *, approved: Collection[str] = ()) -> Verdict: ...


class Explain(Protocol):
    """The `why` of a verdict. statuses, evidence: of the settled candidates, by id."""

    def __call__(self, statuses: Mapping[str, str], evidence: Mapping[str, Evidence], /) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Detection:
    """compare takes the upload, and others; it gives evidence on each of these, in their order. explain: None: verdicts
    do not say why."""

    index_entries: Callable[[Fingerprint], Sequence[IndexEntry]]
    query_vectors: Callable[[Fingerprint], Sequence[tuple[float, ...]]]
    sound_terms: Callable[[Fingerprint], Sequence[tuple[int, int]]]
    sound_question: Callable[[Fingerprint], SoundQuestion]
    compare: Callable[[Fingerprint, Sequence[Fingerprint]], Sequence[Evidence]]
    decide: Decide
    policy_version: int
    explain: Explain | None = None
