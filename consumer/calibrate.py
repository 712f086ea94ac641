"""`python -m consumer calibrate`: measures pairs of the operator's own videos, and says what calibration.py finds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import asdict, dataclass
from random import Random
from typing import TextIO

from consumer.calibration import Calibration, Measured, Rate, calibration, measured, sample_pairs
from consumer.history import History
from consumer.kept import Shelf, UnusableFingerprintError
from consumer.progress import interruptible, progress, side_by_side
from consumer.similarity import compare
from consumer.thresholds import SETTINGS, Thresholds
from consumer.workers import Workers
from wrangler_compat.errors import BindingError

_SHOWN_EVERY = 5
"""Hundredths of the score from one row of the table to the next."""


class TooFewVideosError(Exception):
    """There are no two unrelated videos to compare. The message says so."""


@dataclass(frozen=True, slots=True)
class Calibrator:
    """at_once: pairs in hand at a time. errors: where progress is shown."""

    history: History
    shelf: Shelf
    workers: Workers
    thresholds: Thresholds
    at_once: int
    errors: TextIO

    async def run(self, pairs: int, seed: int) -> Calibration:
        """Measures so many random pairs of approved videos that no verdict links. Ctrl-C ends it early, with what was
        measured so far. Raises TooFewVideosError."""
        videos = await self.history.videos()
        keys = {
            past.video.id: past.video.fingerprint_key or ""
            for past in videos
            if past.status == "approved" and past.can_be_compared
        }
        chosen = sample_pairs(list(keys), await self.history.links(videos), pairs, Random(seed))
        if not chosen:
            raise TooFewVideosError(
                f"There is no pair to compare: {len(keys)} approved videos have a fingerprint of this version, and "
                "pairs that a verdict links are left out."
            )
        found: list[Measured] = []
        waiting = iter(chosen)
        unusable = 0
        with interruptible() as stop, progress("comparing", len(chosen), self.errors) as shown:

            async def measure_pairs() -> None:
                nonlocal unusable
                for pair in waiting:
                    if stop.is_set():
                        return
                    one = await self._measure(pair, keys[pair[0]], keys[pair[1]])
                    if one is None:
                        unusable += 1
                    else:
                        found.append(one)
                    shown.step()

            await side_by_side(self.at_once, measure_pairs)
        return calibration(
            found, videos=len(keys), asked=len(chosen), unusable=unusable, seed=seed, settings=self.thresholds
        )

    async def _measure(self, pair: tuple[str, str], key: str, other_key: str) -> Measured | None:
        """None when a fingerprint cannot be read, now or ever, or comparing them ended the process."""
        try:
            upload, other = await self.shelf.read(key), await self.shelf.read(other_key)
            return measured(pair, await self.workers.run(compare, upload, other), self.thresholds)
        except (UnusableFingerprintError, BrokenExecutor):
            return None
        except BindingError as failed:
            # A moment without R2 does not cost what was measured in an hour.
            if not failed.retryable:
                raise
            return None


def to_json(found: Calibration) -> str:
    return json.dumps(asdict(found) | {"is_whole": found.is_whole}, indent=2) + "\n"


def text(found: Calibration) -> str:
    """For people, in lines."""
    return "\n".join(_lines(found))


def _lines(found: Calibration) -> Iterator[str]:
    yield f"{found.pairs} pairs of {found.videos} approved videos, none linked by a verdict; seed {found.seed}."
    if found.unusable:
        yield f"{found.unusable} pairs were left out: a fingerprint could not be read, or comparing failed."
    if not found.is_whole:
        yield f"Interrupted: {found.asked} pairs were asked for."
    yield ""
    yield from _table("PICTURE", found.picture, found.settings, ("minimum", "similarity", "duplicate"))
    yield from _table("SOUND", found.sound, found.settings, ("audio",))
    yield "PAIRS: at or above that score. AT MOST: what the true rate stays under, with 95 % confidence."
    yield "What the present thresholds make of these pairs:"
    for verdict, count in found.verdicts.items():
        yield f"  {count:>7}  {verdict}"
    yield "The most alike; look whether they are copies after all (python -m consumer explain UPLOAD OTHER):"
    yield from _highest(found.highest)


def _table(name: str, rates: Sequence[Rate], settings: Thresholds, marked: Sequence[str]) -> Iterator[str]:
    yield f"{name:>9}  {'PAIRS':>7}  {'RATE':>8}  {'AT MOST':>8}"
    for rate in rates:
        marks = [SETTINGS[field] for field in marked if getattr(settings, field) == rate.threshold]
        if marks or _is_shown(rate):
            share, at_most = _percent(rate.share), _percent(rate.at_most)
            arrow = f"  <- {', '.join(marks)}" if marks else ""
            yield f"{rate.threshold:>9.4g}  {rate.hits:>7}  {share:>8}  {at_most:>8}{arrow}"
    yield ""


def _highest(highest: Sequence[Measured]) -> Iterator[str]:
    for each in highest:
        yield f"  {each.upload} {each.other}  picture {each.video_score:.4f}  sound {each.sound_score:.4f}"


def _is_shown(rate: Rate) -> bool:
    hundredths = rate.threshold * 100
    return abs(hundredths - round(hundredths)) < 1e-6 and round(hundredths) % _SHOWN_EVERY == 0


def _percent(share: float) -> str:
    return "0 %" if share == 0 else f"{share * 100:.3g} %"
