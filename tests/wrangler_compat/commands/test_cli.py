"""The tree of commands: each has help with an example that parses, each failure is a sentence."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wrangler_compat.commands.run import Project
from wrangler_compat.cli import parser

ROOT = Path(__file__).parents[3]


def leaves(
    found: argparse.ArgumentParser, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    yield path, found
    for action in found._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                yield from leaves(child, (*path, name))


EVERY = list(leaves(parser()))


def test_the_commands_of_the_documentation_are_there() -> None:
    paths = {" ".join(path) for path, _ in EVERY}
    assert {
        "dev",
        "d1 migrations create",
        "d1 migrations list",
        "d1 migrations apply",
        "d1 execute",
        "r2 bucket create",
        "r2 object get",
        "r2 object put",
        "r2 object delete",
        "queues create",
        "queues list",
        "queues info",
        "queues dead-letters list",
        "queues dead-letters resend",
        "queues dead-letters purge",
        "vectorize create",
        "vectorize info",
        "vectorize rebuild",
        "tail",
    } <= paths


@pytest.mark.parametrize(("path", "found"), EVERY[1:], ids=[" ".join(path) for path, _ in EVERY[1:]])
def test_every_command_has_help_with_examples_that_parse(path: tuple[str, ...], found: argparse.ArgumentParser) -> None:
    text = found.format_help()
    assert found.description
    examples = re.findall(r"^  python -m wrangler_compat (.+)$", text, re.MULTILINE)
    assert examples
    for example in examples:
        words = shlex.split(example.split(" < ")[0])
        while "=" in words[0]:
            words.pop(0)
        assert parser().parse_args(words).run is not None


def test_help_from_the_command_line() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "wrangler_compat", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "REDIS_URL" in ended.stdout


@pytest.mark.parametrize(
    "arguments", [[], ["d1"], ["nonsense"], ["queues", "dead-letters", "list", "q", "--limit", "0"]]
)
def test_a_wrong_command_line(project: Project, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        project.run(*arguments)
    assert raised.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["r2", "object", "get", "things/a"], "R2_ENDPOINT"),
        (["r2", "bucket", "create", "things"], "R2_ENDPOINT"),
        (["queues", "info", "q"], "REDIS_URL"),
        (["queues", "list"], "REDIS_URL"),
        (["vectorize", "info", "index"], "CHROMA_URL"),
        (["vectorize", "create", "index"], "CHROMA_URL"),
    ],
)
def test_what_is_not_set_is_named(project: Project, arguments: list[str], name: str) -> None:
    ended = project.run(*arguments)
    assert ended.code == 1
    assert ended.err.startswith("error: ")
    assert name in ended.err


def test_no_project(tmp_path: Path) -> None:
    ended = Project(tmp_path).run("d1", "migrations", "list")
    assert (ended.code, ended.out) == (1, "")
    assert "no wrangler.toml" in ended.err


def test_an_unreachable_server_is_a_sentence(project: Project) -> None:
    project.environ["CHROMA_URL"] = "http://127.0.0.1:1"
    ended = project.run("vectorize", "info", "some-index")
    assert ended.code == 1
    assert "Chroma did not answer at http://127.0.0.1:1" in ended.err


def test_a_reader_that_has_seen_enough() -> None:
    line = f"{sys.executable} -m wrangler_compat tail --stdin --json | head -n 1"
    ended = subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=ROOT,
        input=b'{"event":"x"}\n' * 20_000,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert ended.stdout == b'{"event":"x"}\n'
    assert b"Traceback" not in ended.stderr
    assert b"Exception ignored" not in ended.stderr
