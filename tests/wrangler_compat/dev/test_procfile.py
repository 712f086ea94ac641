from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from wrangler_compat import procfile
from wrangler_compat.errors import ConfigError

ROOT = Path(__file__).parents[3]
PATH = Path("Procfile")


def test_lines_keep_their_order() -> None:
    text = "# comment\n\nrelease: migrate DB\nweb:  serve --port $PORT\n  worker-2: arq x.Y\n"
    found = procfile.parse(text, PATH)
    assert list(found.items()) == [("release", "migrate DB"), ("web", "serve --port $PORT"), ("worker-2", "arq x.Y")]


@pytest.mark.parametrize("line", ["web", "web:", "web: ", "we b: serve", ": serve"])
def test_a_line_that_is_none(line: str) -> None:
    with pytest.raises(ConfigError, match="Procfile line 2 is not `name: command`"):
        procfile.parse(f"ok: yes\n{line}", PATH)


def test_a_name_twice() -> None:
    with pytest.raises(ConfigError, match="second web"):
        procfile.parse("web: a\nweb: b", PATH)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no"):
        procfile.read(tmp_path / "Procfile")


def test_the_projects_own() -> None:
    found = procfile.read(ROOT / "Procfile")
    assert set(found) == {"release", "web", "worker", "processor"}
    assert found["worker"] == "arq consumer.worker.WorkerSettings"
    # together.sh and dev put `exec` in front, which takes no assignments.
    assert not any(procfile.is_shell_work(command) for command in found.values())
    assert not any("=" in command.split()[0] for command in found.values())


@pytest.mark.parametrize(
    ("command", "shell_work"),
    [("serve --port ${PORT:-80}", False), ("a && b", True), ("a; b", True), ("a | b", True), ("a > b", True)],
)
def test_a_single_program_replaces_its_shell(command: str, shell_work: bool) -> None:
    assert procfile.is_shell_work(command) == shell_work
    assert procfile.argv(command)[-1].startswith("exec ") != shell_work


@pytest.mark.parametrize("command", ["A=1 B=$X env", "A='1' B=$X env", 'A="1" B=2 env'])
def test_assignments_in_front(command: str) -> None:
    ended = subprocess.run(procfile.argv(command), env={"X": "2"}, capture_output=True, text=True, check=True)
    assert {"A=1", "B=2"} <= set(ended.stdout.split())


def test_variables_are_the_shells() -> None:
    ended = subprocess.run(
        procfile.argv("echo ${HOST:-0.0.0.0} $PORT"), env={"PORT": "7"}, capture_output=True, text=True, check=True
    )
    assert ended.stdout == "0.0.0.0 7\n"
