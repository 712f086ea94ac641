"""The benchmark of slow clients: what it calls a fault, and its tables. A run: tests/edge_api/test_server.py."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.slow_clients.__main__ import account_table, latency_table, percentile, vitals_table
from benchmarks.slow_clients.clients import Answer
from benchmarks.slow_clients.others import Served
from benchmarks.slow_clients.run import Account, Outcome
from benchmarks.vitals import Vitals, descendants, vitals

SERVED = Served([0.1, 0.3], [0.01, 0.01], Counter({"upload 200": 2, "status 200": 2}))
FINE = Outcome(
    alone=SERVED,
    beside=SERVED,
    slow=[Answer(200, "processing")] * 3,
    vitals=[Vitals(100_000_000, 20, 1), Vitals(110_000_000, 50, 1), Vitals(110_000_000, 21, 1)],
    accounts=[Account(5, 5, 0), Account(12, 12, 0)],
)


def test_a_run_in_which_everybody_is_served() -> None:
    assert FINE.faults() == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"beside": Served([0.1], [], Counter({"upload 503": 1}))}, "others were answered: 1 x upload 503"),
        ({"slow": [Answer(408, "UPLOAD_TOO_SLOW")]}, "1 slow uploads were answered 408 UPLOAD_TOO_SLOW"),
        ({"accounts": [Account(5, 5, 0), Account(12, 13, 0)]}, "7 uploads were accepted, and there are 8 more objects"),
        ({"accounts": [Account(5, 5, 0), Account(11, 12, 0)]}, "there are 6 more rows"),
        ({"accounts": [Account(5, 5, 0), Account(12, 12, 2)]}, "2 multipart uploads are open"),
        ({"vitals": [Vitals(1, 20, 1), Vitals(1, 20, 1), Vitals(1, 60, 1)]}, "60 file handles are open, 20 were"),
        ({"vitals": [Vitals(0, 1, 1), Vitals(0, 1, 1), Vitals(99_000_000, 1, 1)]}, "memory has grown by 99 MB"),
    ],
)
def test_what_must_not_be_is_told(changes: dict[str, object], said: str) -> None:
    assert any(said in fault for fault in replace(FINE, **changes).faults())  # type: ignore[arg-type]


def test_the_tables() -> None:
    slower = replace(FINE, beside=Served([0.2, 0.6], [0.01, 0.02], SERVED.answers))
    rows = latency_table(slower).splitlines()
    assert rows[2] == "| upload p50 | 100 | 200 | 2.00 |"
    assert rows[6] == "| status p95 | 10 | 20 | 2.00 |"
    assert vitals_table(FINE).splitlines()[2:] == [
        "| resident memory, MB | 100.0 | 110.0 | 110.0 |",
        "| file handles | 20 | 50 | 21 |",
    ]
    assert account_table(FINE).splitlines()[2] == "| rows | 5 | 12 |"
    assert "- | -" in account_table(replace(FINE, accounts=[]))


def test_percentiles() -> None:
    assert [percentile(range(1, 101), percent) for percent in (50, 95, 100)] == [50, 95, 100]
    with pytest.raises(ValueError, match="nobody"):
        percentile([], 50)


def test_the_vitals_of_a_process_and_its_children(tmp_path: Path) -> None:
    told = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with subprocess.Popen([sys.executable, "-c", told], stdin=subprocess.PIPE) as process:
        try:
            while len(descendants(process.pid)) < 2:
                assert process.poll() is None
            found = vitals(process.pid)
            assert found.processes == 2
            assert found.handles >= 6
            assert 2_000_000 < found.resident < 10**9
        finally:
            process.communicate(b"\n")
    before = vitals(os.getpid()).handles
    with (tmp_path / "open").open("wb"):
        assert vitals(os.getpid()).handles == before + 1
