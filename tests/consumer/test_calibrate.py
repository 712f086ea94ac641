"""`python -m consumer calibrate`: which pairs it measures, what it prints, and the curve it draws."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from consumer.assembly import Consumer
from consumer.calibrate import Calibrator, TooFewVideosError, text, to_json
from consumer.calibration import Calibration, Measured, calibration
from consumer.charts import draw
from consumer.history import History
from consumer.kept import Shelf
from consumer.thresholds import Thresholds
from consumer.workers import open_workers
from tests.consumer.clips import clip, fingerprint_of
from tests.consumer.fingerprints import make_fingerprint
from tests.consumer.moderation import review
from tests.consumer.world import World
from wire.fingerprints import pack
from wrangler_compat.errors import R2Error
from wrangler_compat.testing import MemoryR2Bucket


@pytest.fixture
def calibrator(world: World) -> Iterator[Calibrator]:
    with open_workers(partial(ThreadPoolExecutor, 2)) as workers:
        yield Calibrator(History(world.db), Shelf(world.bucket, workers), workers, Thresholds(), 2, io.StringIO())


def sample(*, pairs: int = 2000, asked: int | None = None, unusable: int = 0) -> Calibration:
    """Scores that fall off as those of unrelated videos do."""
    random = Random(3)
    found = [
        Measured(f"u{n:04}", f"o{n:04}", min(random.expovariate(6.0), 1.0), random.random() * 0.6, 0, None)
        for n in range(pairs)
    ]
    return calibration(
        found, videos=70, asked=asked or pairs + unusable, unusable=unusable, seed=5, settings=Thresholds()
    )


async def test_pairs_of_approved_videos_are_compared_by_the_core(
    world: World, consumer: Consumer, calibrator: Calibrator
) -> None:
    ids = [await world.decided(consumer, fingerprint=fingerprint_of(clip(seed, duration=8.0))) for seed in (1, 2, 3)]
    found = await calibrator.run(20, seed=1)
    assert {(each.upload, each.other) for each in found.highest} == {
        (ids[1], ids[0]), (ids[2], ids[0]), (ids[2], ids[1])
    }  # fmt: skip
    assert (found.videos, found.asked, found.pairs, found.unusable, found.is_whole) == (3, 3, 3, 0, True)
    assert all(0.0 <= each.video_score < 0.7 for each in found.highest)
    assert found.verdicts == {"approved": 3}


async def test_copies_and_what_is_not_approved_are_left_out(
    world: World, consumer: Consumer, calibrator: Calibrator
) -> None:
    original, other = [await world.decided(consumer, fingerprint=fingerprint_of(clip(seed))) for seed in (1, 2)]
    copy, cleared = [await world.decided(consumer, fingerprint=fingerprint_of(clip(1))) for _ in range(2)]
    await review(world, cleared)
    assert (await world.video(copy))["status"] == "duplicate"
    found = await calibrator.run(20, seed=1)
    assert {(each.upload, each.other) for each in found.highest} == {(other, original), (cleared, other)}


async def test_two_videos_that_a_verdict_links_are_too_few(
    world: World, consumer: Consumer, calibrator: Calibrator
) -> None:
    with pytest.raises(TooFewVideosError, match="0 approved videos"):
        await calibrator.run(20, seed=1)
    one, two = [await world.decided(consumer, seed) for seed in (1, 2)]
    await world.rows("UPDATE videos SET similar_to = ?2 WHERE id = ?1", two, one)
    with pytest.raises(TooFewVideosError, match="2 approved videos"):
        await calibrator.run(20, seed=1)


async def test_a_fingerprint_that_is_gone_is_counted(world: World, consumer: Consumer, calibrator: Calibrator) -> None:
    ids = [await world.decided(consumer, seed) for seed in (1, 2, 3)]
    await world.bucket.delete((await world.video(ids[0]))["fingerprint_id"])
    found = await calibrator.run(20, seed=1)
    assert (found.pairs, found.unusable, found.is_whole) == (1, 2, True)
    assert "2 pairs were left out: a fingerprint could not be read" in text(found)


class FlakyBucket(MemoryR2Bucket):
    """Has every second thing that it is asked for."""

    def __init__(self, *, retryable: bool) -> None:
        super().__init__()
        self._turns = cycle((True, False))
        self._retryable = retryable

    async def get(self, key: str, **options: Any) -> Any:
        if next(self._turns):
            return await super().get(key, **options)
        raise R2Error("the store is away", code="AWAY", retryable=self._retryable)


async def test_a_moment_without_the_store_costs_the_pair_at_hand(
    world: World, consumer: Consumer, calibrator: Calibrator
) -> None:
    ids = [await world.decided(consumer, seed) for seed in (1, 2, 3, 4)]

    async def calibrated(*, retryable: bool) -> Calibration:
        bucket = FlakyBucket(retryable=retryable)
        for seed, video_id in enumerate(ids):
            key = (await world.video(video_id))["fingerprint_id"]
            await bucket.put(key, pack(make_fingerprint(seed)))
        return await replace(calibrator, shelf=Shelf(bucket, calibrator.workers), at_once=1).run(20, seed=1)

    found = await calibrated(retryable=True)
    assert found.pairs + found.unusable == 6
    assert found.unusable >= 1
    with pytest.raises(R2Error, match="the store is away"):
        await calibrated(retryable=False)


async def test_an_interrupted_calibration_gives_what_it_measured(
    world: World, consumer: Consumer, calibrator: Calibrator
) -> None:
    for seed in range(8):
        await world.decided(consumer, seed)

    class Interrupted(io.StringIO):
        """The terminal, when the first progress is shown."""

        def isatty(self) -> bool:
            return True

        def write(self, said: str) -> int:
            if "comparing" in said and not self.getvalue():
                os.kill(os.getpid(), signal.SIGINT)
            return super().write(said)

    stream = Interrupted()
    interrupted = Calibrator(calibrator.history, calibrator.shelf, calibrator.workers, calibrator.thresholds, 1, stream)
    found = await interrupted.run(28, seed=1)
    assert 0 < found.pairs < found.asked == 28
    assert not found.is_whole
    assert "Interrupted: 28 pairs were asked for." in text(found)
    assert "comparing" in stream.getvalue()


def test_the_table_marks_the_present_settings() -> None:
    lines = text(sample()).splitlines()
    assert lines[0] == "2000 pairs of 70 approved videos, none linked by a verdict; seed 5."
    marked = [line.split() for line in lines if "<-" in line]
    assert [(line[0], line[-1]) for line in marked] == [
        ("0.7", "MIN_SIMILARITY"),
        ("0.85", "SIMILARITY_THRESHOLD"),
        ("0.95", "DUPLICATE_THRESHOLD"),
        ("0.8", "AUDIO_THRESHOLD"),
    ]
    first = next(line.split() for line in lines if line.strip().startswith("0.5 "))
    assert first[1] == str(sample().picture[0].hits)
    assert len([line for line in lines if line.startswith("  u")]) == 10
    assert not any("Interrupted" in line for line in lines)


def test_settings_between_the_rows_have_rows_of_their_own() -> None:
    found = calibration([], videos=2, asked=0, unusable=0, seed=1, settings=Thresholds(similarity=0.8125, audio=0.42))
    shown = text(found)
    assert "   0.8125        0       0 %     100 %  <- SIMILARITY_THRESHOLD" in shown
    assert "     0.42        0       0 %     100 %  <- AUDIO_THRESHOLD" in shown
    assert "     0.81  " not in shown


def test_equal_settings_share_a_row() -> None:
    equal = Thresholds(minimum=0.9, similarity=0.9, duplicate=0.9)
    shown = text(calibration([], videos=2, asked=0, unusable=0, seed=1, settings=equal))
    assert "<- MIN_SIMILARITY, SIMILARITY_THRESHOLD, DUPLICATE_THRESHOLD" in shown


def test_json_has_all_that_was_measured() -> None:
    found = sample(asked=2500)
    told = json.loads(to_json(found))
    assert (told["pairs"], told["asked"], told["videos"], told["seed"], told["is_whole"]) == (2000, 2500, 70, 5, False)
    assert told["picture"][0] == {
        "threshold": 0.5, "hits": found.picture[0].hits, "share": found.picture[0].share,
        "at_most": found.picture[0].at_most,
    }  # fmt: skip
    assert len(told["sound"]) == 51
    assert told["settings"]["similarity"] == 0.85
    assert told["highest"][0]["upload"] == found.highest[0].upload


@pytest.mark.parametrize(
    "found", [sample(), calibration([], videos=2, asked=1, unusable=1, seed=1, settings=Thresholds())]
)
def test_the_curve_is_drawn(found: Calibration, tmp_path: Path) -> None:
    draw(found, tmp_path / "curve.png")
    picture = imread(tmp_path / "curve.png")
    assert picture.shape[:2] == (660, 1080)
    ink = float(np.mean(picture[..., :3].min(axis=-1) < 0.9))
    assert 0.005 < ink < 0.3


def test_more_hits_move_the_curve(tmp_path: Path) -> None:
    few, many = sample(pairs=300), sample(pairs=3000)
    draw(few, tmp_path / "few.png")
    draw(many, tmp_path / "many.png")
    draw(few, tmp_path / "again.png")
    pictures = [imread(tmp_path / f"{name}.png") for name in ("few", "many", "again")]
    assert np.array_equal(pictures[0], pictures[2])
    assert not np.array_equal(pictures[0], pictures[1])


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        draw(sample(), tmp_path / "missing" / "curve.png")


@pytest.mark.parametrize("module", ["consumer.process", "consumer.__main__"])
def test_who_draws_nothing_does_not_pay_for_drawing(module: str) -> None:
    program = f"import sys, {module}; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0
