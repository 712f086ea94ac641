"""The soak: what counts as growth and as a wrong verdict, its tables, and a few seconds of it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.chaos.outcome import Decided
from benchmarks.soak.__main__ import unexpected
from benchmarks.soak.report import Look, growths, looks_table, verdicts_table
from benchmarks.vitals import Vitals

ROOT = Path(__file__).parents[2]
START = Look(6.0, {"edge_api": Vitals(100_000_000, 30, 1), "consumer": Vitals(300_000_000, 50, 3)})
EMPTY = Look(1.0, dict.fromkeys(START.services, Vitals(0, 0, 1)))
END = Look(60.0, {"edge_api": Vitals(120_000_000, 32, 1), "consumer": Vitals(290_000_000, 50, 3)})
ORIGINAL = Decided("a", 1, "approved", None, verdicts=1, notifications=1, attempts=1)
COPY = Decided("b", 1, "duplicate", "a", verdicts=1, notifications=1, attempts=1)


@pytest.mark.parametrize(
    ("most_bytes", "most_handles", "said"),
    [
        (20e6, 2, []),
        (19e6, 2, ["edge_api has grown by 20 MB"]),
        (20e6, 1, ["edge_api has 32 file handles open, 30 in the middle"]),
    ],
)
def test_growth_is_told(most_bytes: float, most_handles: int, said: list[str]) -> None:
    assert growths([EMPTY, START, END], most_bytes=most_bytes, most_handles=most_handles) == said


def test_the_tables() -> None:
    lines = looks_table([START, END]).splitlines()
    assert "after 0.1 / 1.0 min" in lines[0]
    assert lines[2:] == ["| edge_api | 100 / 120 | 30 / 32 | 1 |", "| consumer | 300 / 290 | 50 / 50 | 3 |"]
    assert verdicts_table([ORIGINAL, COPY, COPY]).splitlines()[2:] == ["| approved | 1 |", "| duplicate | 2 |"]


def test_verdicts_that_were_not_expected_are_told() -> None:
    assert unexpected([ORIGINAL, COPY]) == []
    assert unexpected([ORIGINAL, replace(COPY, status="flagged")]) == [
        "not as expected: b, which shows clip 1, is flagged"
    ]


@pytest.mark.slow
def test_some_seconds_of_it() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", "--minutes", "0.05", "--rate", "60", "--growth", "1000"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "| approved | 1 |\n| duplicate | 2 |" in ran.stdout
    for service in ("edge_api", "consumer", "processor", "redis", "s3", "chroma"):
        assert f"| {service} | " in ran.stdout
    assert "0 jobs wait at the end" in ran.stdout
