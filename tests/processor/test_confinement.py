"""What a worker takes from itself, tried for real in processes of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from processor.confinement import OUT_OF_MEMORY_EXIT, cpu_seconds_used, peak_memory, watch_memory
from processor.settings import worker_environ

CONFINED = """
import os, resource, sys
from processor.confinement import confine
confine(1 << 30)
"""


def run(code: str, *words: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        env=worker_environ(),
        timeout=seconds,
        check=False,
    )


def test_nothing_can_be_written(tmp_path: Path) -> None:
    said = run(
        CONFINED
        + """
try:
    open(sys.argv[1], "wb", buffering=0).write(b"x")
except OSError as refused:
    print(refused.strerror)
""",
        str(tmp_path / "out"),
    )
    assert said.stdout.strip() == "File too large"
    assert (tmp_path / "out").read_bytes() == b""


def test_of_a_rendition_no_more_than_one_may_have_can_be_written(tmp_path: Path) -> None:
    said = run(
        """
import sys
from processor.confinement import confine
confine(1 << 30, written_bytes=1000)
with open(sys.argv[1], "wb", buffering=0) as file:
    print(file.write(bytes(1500)))
    try:
        file.write(b"x")
    except OSError as refused:
        print(refused.strerror)
""",
        str(tmp_path / "out"),
    )
    assert said.stdout.splitlines() == ["1000", "File too large"]
    assert len((tmp_path / "out").read_bytes()) == 1000


@pytest.mark.parametrize("kind", ["RLIMIT_FSIZE", "RLIMIT_CORE", "RLIMIT_NOFILE"])
def test_no_limit_can_be_raised_again(kind: str) -> None:
    """The hard limit is the soft one."""
    said = run(
        CONFINED
        + f"""
soft, hard = resource.getrlimit(resource.{kind})
print(soft == hard, soft in (0, 64))
"""
    )
    assert said.stdout.split() == ["True", "True"]


def test_no_core_is_dumped(tmp_path: Path) -> None:
    said = run(f"import os; os.chdir({str(tmp_path)!r})" + CONFINED + "os.abort()")
    assert said.returncode == -signal.SIGABRT
    assert list(tmp_path.iterdir()) == []


def test_a_spinning_job_ends_at_its_processor_time() -> None:
    said = run("from processor.confinement import grant_cpu\ngrant_cpu(0.2)\nwhile True: pass")
    assert said.returncode == -signal.SIGXCPU


def test_processor_time_is_granted_anew() -> None:
    said = run(
        """
import resource
from processor.confinement import cpu_seconds_used, grant_cpu
grant_cpu(2)
first, hard = resource.getrlimit(resource.RLIMIT_CPU)
while cpu_seconds_used() < 1.2: pass
grant_cpu(2)
second, _ = resource.getrlimit(resource.RLIMIT_CPU)
print(second > first, hard == resource.RLIM_INFINITY)
"""
    )
    assert said.stdout.split() == ["True", "True"]


def test_the_watch_ends_a_process_that_grew_too_large() -> None:
    said = run(
        """
import time
from processor.confinement import peak_memory, watch_memory
watch_memory(peak_memory() + (64 << 20))
time.sleep(0.3)
print("small is fine", flush=True)
held = bytearray(b"x" * (128 << 20))
time.sleep(20)
print("not reached")
"""
    )
    assert (said.returncode, said.stdout.split("\n")[0]) == (OUT_OF_MEMORY_EXIT, "small is fine")
    assert "not reached" not in said.stdout


def test_the_watch_says_why_it_leaves() -> None:
    left = threading.Event()
    codes: list[int] = []

    def leave(code: int) -> None:
        codes.append(code)
        left.set()

    watch_memory(peak_memory() - 1, leave).join(5)
    assert left.is_set()
    assert codes == [OUT_OF_MEMORY_EXIT]


def test_what_is_used_is_told_in_seconds_and_bytes() -> None:
    before = cpu_seconds_used()
    sum(range(2_000_000))
    assert before < cpu_seconds_used() < before + 10
    assert 1 << 20 < peak_memory() < 1 << 36


def test_the_peak_of_a_process_is_its_own_and_not_its_parents() -> None:
    held = bytearray(b"x" * (256 << 20))
    said = run("from processor.confinement import peak_memory\nprint(peak_memory())")
    assert int(said.stdout) < 128 << 20 < len(held)
    said = run("from processor.confinement import peak_memory\nx = bytearray(b'x' * (64 << 20))\nprint(peak_memory())")
    assert int(said.stdout) > 64 << 20


def test_no_program_gains_privileges() -> None:
    """Linux tells it in /proc; elsewhere there is nothing to give up."""
    said = run(
        CONFINED
        + """
status = "/proc/self/status"
lines = open(status).read().splitlines() if os.path.exists(status) else ["NoNewPrivs:\\t1"]
print([line.split()[1] for line in lines if line.startswith("NoNewPrivs")])
"""
    )
    assert said.stdout.strip() == "['1']"
