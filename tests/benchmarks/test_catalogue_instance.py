"""The whole benchmark in small: real stores, filled and asked through the consumer's own parts."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from dataclasses import replace
from pathlib import Path

from benchmarks.catalogue.__main__ import look_into
from benchmarks.catalogue.deciding import STEPS, Decision, decide
from benchmarks.catalogue.filling import Entry, fill
from benchmarks.catalogue.instance import bytes_in, fresh_instance
from benchmarks.catalogue.tables import Stored
from benchmarks.catalogue.uploads import UNRELATED, Upload
from tests.benchmarks.reels import SEEDS, reel
from tests.consumer.clips import clip, fingerprint_of
from wire.fingerprints import pack

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


async def run(folder: Path) -> tuple[list[Entry], Stored, list[Decision], list[dict[str, object]]]:
    async with fresh_instance(folder / "instance", os.environ) as instance:
        clips = {f"clip-{seed}": reel(seed) for seed in SEEDS}
        entries = await fill(instance, clips, kept_files(folder), ENTRIES)
        stored = await look_into(instance, 1.0)
        decisions = [await decide(instance, upload) for upload in uploads()]
        rows = await instance.pipeline.db.prepare("SELECT id, status, indexed_at FROM videos").all()
        assert bytes_in(instance.s3) == sum(entry.kept_bytes for entry in entries)
        return entries, stored, decisions, [dict(row) for row in rows.results]


def test_a_catalogue_is_filled_and_asked(tmp_path: Path) -> None:
    entries, stored, decisions, rows = asyncio.run(run(tmp_path))
    names = {f"clip-{seed}" for seed in SEEDS} | {f"synthetic-{seed}" for seed in range(ENTRIES - len(SEEDS))}
    assert {row["id"] for row in rows} == names
    assert {row["status"] for row in rows} == {"approved"}
    assert all(row["indexed_at"] for row in rows)

    assert len(entries) == ENTRIES
    assert sorted(entry.making > 0 for entry in entries) == [False] * len(SEEDS) + [True] * (ENTRIES - len(SEEDS))
    assert all(0 < entry.indexing < entry.entering and entry.kept_bytes > 500 for entry in entries)
    assert stored.segments >= stored.vectors >= 3 * ENTRIES
    assert stored.sound_terms > 50

    mirrored, sound, stranger = decisions
    assert mirrored.rank is not None
    assert mirrored.is_right
    assert sound.rank is not None
    assert sound.rows > 0
    assert sound.is_right
    assert not stranger.is_caught
    assert set(sound.seconds) == set(sound.yardsticks) == set(STEPS)
    assert set(mirrored.seconds) < set(STEPS), "it has no sound"
    assert all(spent > 0 for each in decisions for spent in each.seconds.values())
