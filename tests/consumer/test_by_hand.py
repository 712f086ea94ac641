"""`python -m consumer`: arguments, exit codes, and what goes where.

The commands themselves are tested beside their code, and against a running system in tests/e2e/test_by_hand.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from consumer.__main__ import main
from consumer.cli import FAILED, WRONG

DOCS = Path(__file__).parents[2] / "docs"
COMMANDS = ("rebuild", "webhooks", "failed", "doctor", "explain", "redecide", "calibrate", "settings")


def environ(folder: Path) -> dict[str, str]:
    """Connections that nothing answers at, but for a database without tables."""
    away = "http://127.0.0.1:1"
    return {
        "R2_ENDPOINT": away, "R2_ACCESS_KEY": "key", "R2_SECRET_KEY": "secret", "CHROMA_URL": away,
        "REDIS_URL": "redis://127.0.0.1:1", "DATABASE_URL": f"sqlite:///{folder / 'empty.db'}",
    }  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_its_exit_codes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert f"usage: python -m consumer {command}" in shown
    assert "exit codes:\n  0    done\n  1    failed" in shown
    assert "  130  interrupted" in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_stands_in_the_documentation(command: str) -> None:
    section = (DOCS / "architecture.md").read_text().split("## By hand")[1]
    assert f"    python -m consumer {command} " in section


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["explain", "a"],
        ["calibrate", "--pairs", "0"],
        ["calibrate", "--pairs", "many"],
        ["redecide", "--set"],
        ["doctor", "--older-than", "soon"],
        ["failed"],
        ["failed", "forget"],
        ["doctor", "--older-than", "-1"],
        ["explain", "a", "b", "--out", "c"],
    ],
)
def test_arguments_that_make_no_sense_are_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == WRONG
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["redecide", "--set", "SIMILARITY_THRESHOLD=0.8"], "--set goes with --dry-run"),
        (["redecide", "--dry-run", "--set", "TOP_K=3"], "NAME is one of DUPLICATE_THRESHOLD"),
        (["redecide", "--dry-run", "--set", "SIMILARITY_THRESHOLD=0.99"], "the thresholds must rise"),
        (["calibrate", "--out", "/nowhere/at/all.png"], "/nowhere/at/all.png cannot be written"),
        (["failed", "retry"], "failed retry wants the ids of videos, or --all"),
        (["failed", "purge", "a", "--all"], "failed purge wants the ids of videos, or --all"),
        (["doctor", "--yes"], "--yes and --adopt go with --fix"),
        (["doctor", "--adopt", "somebody"], "--yes and --adopt go with --fix"),
        (["calibrate", "--json", "/"], "/ cannot be written"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_exit_code_2(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments, environ(tmp_path)) == WRONG
    shown = capsys.readouterr()
    assert shown.err.startswith("consumer: ")
    assert said in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    "arguments", [["explain", "a", "b"], ["redecide"], ["redecide", "a"], ["redecide", "--dry-run"]]
)
def test_a_binding_that_fails_is_a_sentence_and_exit_code_1(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no table in this database."""
    assert main(arguments, environ(tmp_path)) == FAILED
    shown = capsys.readouterr()
    assert "consumer: D1_ERROR: no such table" in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    "arguments", [["explain", "a", "b"], ["redecide", "--dry-run"], ["calibrate"], ["rebuild"], ["doctor"]]
)
def test_a_missing_connection_is_exit_code_2(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments, {}) == WRONG
    assert "set it in the environment" in capsys.readouterr().err
