"""The whole benchmark in small: real stores, filled and asked through the consumer's own parts."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.catalogue.__main__ import look_into
from benchmarks.catalogue.deciding import STEPS, Decision, decide
from benchmarks.catalogue.filling import MOST_TRIES, Entry, fill, tried
from benchmarks.catalogue.instance import open_instance
from benchmarks.catalogue.tables import Stored
from benchmarks.catalogue.uploads import UNRELATED, Upload
from tests.benchmarks.reels import SEEDS, reel
from tests.consumer.clips import clip, fingerprint_of
from wire.fingerprints import pack
from wrangler_compat.errors import VectorizeError

ENTRIES = 7


def kept_files(folder: Path) -> tuple[str, ...]:
    """As the quality benchmark keeps fingerprints."""
    files = []
    for seed in SEEDS:
        path = folder / f"{seed}.json"
        answer = {"answer": {"fingerprint": base64.b64encode(pack(reel(seed))).decode()}}
        path.write_text(json.dumps(answer), encoding="utf-8")
        files.append(str(path))
    return tuple(files)


def uploads() -> list[Upload]:
    mirrored = fingerprint_of(clip(1, duration=12.0).then(lambda picture: picture[:, ::-1]))
    only_sound = replace(fingerprint_of(clip(50, duration=12.0)), codes=reel(2).codes, tones=reel(2).tones)
    return [
        Upload("mirrored", "mirrored", "clip-1", mirrored),
        Upload("sound", "new picture", "clip-2", only_sound),
        Upload("stranger", UNRELATED, None, reel(77)),
    ]


@dataclass(frozen=True)
class Done:
    entries: list[Entry]
    stored: Stored
    decisions: list[Decision]
    rows: list[dict[str, Any]]


async def run(folder: Path) -> Done:
    """Broken off once: a part of the entries first, one of them left half done, the rest in another instance."""
    clips = {f"clip-{seed}": reel(seed) for seed in SEEDS}
    files = kept_files(folder)
    async with open_instance(folder / "instance", os.environ) as instance:
        entries = await fill(instance, clips, files, ENTRIES - 2)
        undo = "UPDATE videos SET status = 'processing' WHERE id = 'synthetic-0'"
        await instance.pipeline.db.prepare(undo).run()
    async with open_instance(folder / "instance", os.environ) as instance:
        entries += await fill(instance, clips, files, ENTRIES)
        stored = await look_into(instance, 1.0)
        decisions = [await decide(instance, upload) for upload in uploads()]
        rows = await instance.pipeline.db.prepare("SELECT id, status, indexed_at FROM videos").all()
        return Done(entries, stored, decisions, [dict(row) for row in rows.results])


@pytest.mark.slow
def test_a_catalogue_is_filled_and_asked(tmp_path: Path) -> None:
    done = asyncio.run(run(tmp_path))
    names = {f"clip-{seed}" for seed in SEEDS} | {f"synthetic-{seed}" for seed in range(ENTRIES - len(SEEDS))}
    assert {row["id"] for row in done.rows} == names
    assert {row["status"] for row in done.rows} == {"approved"}
    assert all(row["indexed_at"] for row in done.rows)

    assert len(done.entries) == ENTRIES + 1, "the one left half done is entered again"
    assert sum(entry.making > 0 for entry in done.entries) == ENTRIES + 1 - len(SEEDS)
    assert all(0 < entry.indexing < entry.entering for entry in done.entries)
    assert done.stored.entries == ENTRIES
    assert done.stored.minutes > ENTRIES * 5 / 60
    assert done.stored.kept_bytes > 500 * ENTRIES
    assert done.stored.segments >= done.stored.vectors >= 3 * ENTRIES
    assert done.stored.sound_terms > 50

    mirrored, sound, stranger = done.decisions
    assert mirrored.rank is not None
    assert mirrored.is_right
    assert sound.rank is not None
    assert sound.rows > 0
    assert sound.is_right
    assert not stranger.is_caught
    assert set(sound.seconds) == set(sound.yardsticks) == set(STEPS)
    assert set(mirrored.seconds) < set(STEPS), "it has no sound"
    assert all(spent > 0 for each in done.decisions for spent in each.seconds.values())


@pytest.mark.parametrize("late", [0, 1, MOST_TRIES - 1])
def test_a_step_is_tried_again_when_a_store_is_late(late: int) -> None:
    left = late

    async def step() -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            raise VectorizeError("late", code="VECTORIZE_UNAVAILABLE")

    assert asyncio.run(tried(step)) == late + 1


def test_a_store_that_never_answers_is_given_up() -> None:
    async def step() -> None:
        raise VectorizeError("late", code="VECTORIZE_UNAVAILABLE")

    with pytest.raises(VectorizeError, match="late"):
        asyncio.run(tried(step))
