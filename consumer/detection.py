"""The pure core as the pipeline calls it: eight functions, which run in Workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from consumer.explanation import Explanation, Side
from consumer.settling import Decide
from consumer.sound_terms import SoundQuestion
from wire.fingerprints import Fingerprint

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


class Why(Protocol):
    """The `why` of a verdict. statuses, evidence: of the settled candidates, by id."""

    def __call__(self, statuses: Mapping[str, str], evidence: Mapping[str, Evidence], /) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Detection:
    """compare takes the upload, and others; it gives evidence on each of these, in their order. explain: what the one
    other amounts to, and why. why: None: verdicts do not say it."""

    index_entries: Callable[[Fingerprint], Sequence[IndexEntry]]
    query_vectors: Callable[[Fingerprint], Sequence[tuple[float, ...]]]
    sound_terms: Callable[[Fingerprint], Sequence[tuple[int, int]]]
    sound_question: Callable[[Fingerprint], SoundQuestion]
    compare: Callable[[Fingerprint, Sequence[Fingerprint]], Sequence[Evidence]]
    decide: Decide
    policy_version: int
    explain: Callable[[Side, Side, Evidence], Explanation]
    why: Why | None = None
