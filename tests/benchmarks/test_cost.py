from __future__ import annotations

import math

import pytest

from benchmarks.quality.alterations import ALTERATIONS
from benchmarks.quality.copies import planned
from benchmarks.quality.cost import WITH_SOUND, WITHOUT_SOUND, summed
from tests.benchmarks.scenery import FILLERS, SHAPES, clip


def test_the_median_of_the_files_of_the_median_of_their_rounds() -> None:
    cost = summed("ours", [[(0.1, 1.0), (0.3, 3.0), (0.2, 2.0)], [(0.5, 5.0)], [(0.4, 4.0)]])
    assert [cost.cpu, cost.wall] == pytest.approx([0.4, 4.0])
    assert cost.files == 3


def test_files_that_could_not_be_hashed_do_not_count() -> None:
    cost = summed("vPDQ", [[], [(0.2, 0.3)]])
    assert (cost.cpu, cost.files) == (0.2, 1)
    assert math.isnan(summed("none", [[], []]).cpu)


@pytest.mark.parametrize("source", SHAPES, ids=lambda source: source.name)
def test_renditions_are_480p_of_the_whole_clip(source: object) -> None:
    shape = next(each for each in SHAPES if each is source)
    for alteration in (WITH_SOUND, WITHOUT_SOUND):
        copy = planned(shape, alteration, FILLERS)
        assert "crop=854:480" in copy.plan.graph
        assert copy.plan.seconds == shape.seconds
    assert not planned(shape, WITHOUT_SOUND, FILLERS).plan.sounds


def test_renditions_are_no_alterations() -> None:
    assert {WITH_SOUND.name, WITHOUT_SOUND.name}.isdisjoint(each.name for each in ALTERATIONS)
    assert planned(clip("a"), WITH_SOUND, FILLERS).key != planned(clip("a"), WITHOUT_SOUND, FILLERS).key
