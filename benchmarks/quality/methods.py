"""Our pure core and its peers: how each is run, how its answers are compared, and what its authors call alike."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.quality.scores import code_scores, recipe_scores, videohash_scores, vpdq_scores
from benchmarks.quality.workers import ROOT, SAMPLE_SECONDS, MissingMethodError, Team, Worker, command_of

Compare = Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, float]]


@dataclass(frozen=True, slots=True)
class Peer:
    """title: in the tables. compare: the scores of a copy's answer and an original's, by the name of the way of
    scoring; the way that serves the peer best is taken. threshold: from which its authors take two for the same, by
    that way, or None when they leave it open. samples: as often as we do. hears: compares sound.
    """

    name: str
    title: str
    home: Literal["here", "peers"]
    compare: Compare
    own: tuple[str, float] | None
    samples: bool = False
    hears: bool = False


PEERS = (
    Peer("vpdq", "vPDQ", "peers", vpdq_scores, ("larger", 0.8), samples=True),
    Peer("videohash2", "videohash2", "peers", videohash_scores, ("equal bits", 1 - math.ceil(0.15 * 64) / 64)),
    Peer("recipe", "recipe", "here", recipe_scores, ("cosine", 0.85), samples=True),
    Peer("fpcalc", "fpcalc", "here", code_scores, None, hears=True),
)
"""vPDQ: the example of its README, 80 % of a video's frames; of either video here. videohash2: its is_similar. The
recipe: the similarity threshold of its design."""


@dataclass(frozen=True, slots=True)
class Present:
    """A peer that can be run. python: its interpreter. version: what it says of itself."""

    peer: Peer
    python: str
    version: str

    @property
    def key(self) -> str:
        often = f"-{SAMPLE_SECONDS:g}s" if self.peer.samples else ""
        return f"{self.peer.name}-{self.version}{often}"


def present(names: Sequence[str], peers_python: Path) -> tuple[list[Present], list[str]]:
    """Those of these peers that run, and a sentence for each that does not."""
    found: list[Present] = []
    missing: list[str] = []
    for peer in PEERS:
        if peer.name not in names:
            continue
        python = sys.executable if peer.home == "here" else str(peers_python)
        worker = Worker(command_of(peer.name, python), patience=60.0)
        try:
            worker.start()
            found.append(Present(peer, python, worker.version))
        except MissingMethodError as reason:
            missing.append(f"{peer.title} is left out: {reason}")
        finally:
            worker.close()
    return found, missing


def source_digest(folders: Sequence[str]) -> str:
    """Eight hex digits over the Python files of these folders or files of the project."""
    seen = hashlib.sha256()
    for folder in folders:
        path = ROOT / folder
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            seen.update(file.read_bytes())
    return seen.hexdigest()[:8]


def fingerprint_key(algorithm_version: int) -> str:
    """Changes with whatever may change a fingerprint."""
    return f"ours-v{algorithm_version}-{source_digest(['processor', 'wire/fingerprints.py'])}"


def verdict_key(algorithm_version: int) -> str:
    """Changes with whatever may change a verdict on fingerprints."""
    judges = source_digest(["consumer/similarity", "consumer/policy.py", "wire/verdicts.py"])
    return f"{fingerprint_key(algorithm_version)}-{judges}"


@dataclass(frozen=True, slots=True)
class Shelf:
    """Answers kept in a folder, a file each; an answer that is there is not asked for again."""

    folder: Path

    def path(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    def answer(self, key: str, team: Team, request: dict[str, Any]) -> dict[str, Any]:
        """As the worker gave it. What cannot be answered is kept too, except when the worker died."""
        path = self.path(key)
        if path.exists():
            kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return kept
        answer = team.ask(request)
        if "died" not in answer:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_text(json.dumps(answer), encoding="utf-8")
            part.rename(path)
        return answer
