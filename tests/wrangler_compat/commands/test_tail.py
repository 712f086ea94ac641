"""Lines read, filtered and made readable; logs followed through growth and rotation."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.wrangler_compat.commands.run import Project
from tests.wrangler_compat.dev.processes import wait_until
from wrangler_compat.log_lines import LogFilter, pretty, read

ROOT = Path(__file__).parents[3]


def line(second: int = 0, **fields: Any) -> str:
    return json.dumps({"timestamp": f"2026-11-21T02:13:{second:02d}.123456Z", "level": "info", "event": "x", **fields})


def matches(text: str, **wanted: Any) -> bool:
    return LogFilter(**wanted).matches(read(text, "web"))


def test_an_empty_filter_takes_everything() -> None:
    assert matches(line())
    assert matches("no JSON at all")
    assert matches('["a list"]')


def test_by_service_or_log() -> None:
    text = line(service="edge_api")
    assert matches(text, services=frozenset({"edge_api"}))
    assert matches(text, services=frozenset({"web"}))
    assert not matches(text, services=frozenset({"worker"}))
    assert matches("plain", services=frozenset({"web"}))


@pytest.mark.parametrize(("level", "wanted", "taken"), [("error", "warning", True), ("info", "warning", False)])
def test_by_level(level: str, wanted: str, taken: bool) -> None:
    assert matches(line(level=level), level=wanted) == taken
    assert matches(line(level=level.upper()), level=wanted) == taken


@pytest.mark.parametrize(
    ("status", "wanted", "taken"),
    [
        (404, "404", True),
        (404, "4xx", True),
        (500, "4xx", False),
        ("duplicate", "duplicate", True),
        ("4", "4xx", False),
        (None, "4xx", False),
    ],
)
def test_by_status(status: Any, wanted: str, taken: bool) -> None:
    assert matches(line(status=status), status=wanted) == taken


def test_by_field() -> None:
    assert matches(line(video_id="v1", n=3), fields={"video_id": "v1", "n": "3"})
    assert not matches(line(video_id="v1"), fields={"video_id": "v2"})
    assert not matches("plain", fields={"video_id": "v1"})


def test_pretty() -> None:
    text = line(service="edge_api", video_id="v1", note="two words", empty="", n=3, logger="x.y")
    assert pretty(read(text, "web")) == ('02:13:00.123 edge_api   info     x video_id=v1 note="two words" empty="" n=3')
    assert pretty(read("plain words", "redis")) == "             redis               plain words"


def test_pretty_exceptions() -> None:
    frames = [{"filename": "a.py", "lineno": number, "name": "f"} for number in range(5)]
    raised = [{"exc_type": "ValueError", "exc_value": "no", "frames": frames}]
    assert pretty(read(line(exception=raised), "web")).splitlines()[1:] == [
        "    ValueError: no",
        "      a.py:2 in f",
        "      a.py:3 in f",
        "      a.py:4 in f",
    ]
    assert pretty(read(line(exception="Traceback\nValueError"), "web")).endswith("\n    Traceback\n    ValueError")


@pytest.fixture
def logs(project: Project) -> Path:
    folder = project.folder / ".twinreel" / "logs"
    folder.mkdir(parents=True)
    return folder


def test_earlier_lines_of_all_logs_by_time(project: Project, logs: Path) -> None:
    (logs / "web.log").write_text("".join(line(second, event=f"web{second}") + "\n" for second in (1, 3, 5)))
    (logs / "worker.log").write_text("".join(line(second, event=f"worker{second}") + "\n" for second in (2, 4)))
    ended = project.run("tail", "--no-follow", "--json", "--lines", "4")
    assert [json.loads(text)["event"] for text in ended.out.splitlines()] == ["worker2", "web3", "worker4", "web5"]
    assert project.run("tail", "--no-follow", "--lines", "0").out == ""
    ended = project.run("tail", "--no-follow", "--service", "worker")
    assert [text.split()[3] for text in ended.out.splitlines()] == ["worker2", "worker4"]


def test_filters_by_option(project: Project, logs: Path) -> None:
    (logs / "web.log").write_text(
        f"{line(1, video_id='v', request_id='r', status=200)}\n{line(2, video_id='w', level='error', status=503)}\n"
    )
    for options in (["--video", "w"], ["--status", "5xx"], ["--level", "warning"], ["--field", "video_id=w"]):
        ended = project.run("tail", "--no-follow", "--json", *options)
        assert [json.loads(text)["video_id"] for text in ended.out.splitlines()] == ["w"]
    assert len(project.run("tail", "--no-follow", "--request", "r").out.splitlines()) == 1
    assert "NAME=VALUE" in project.run("tail", "--no-follow", "--field", "video").err


def test_standard_input(project: Project) -> None:
    source = f"{line(video_id='v')}\nplain\n{line(video_id='w')}\n".encode() + b"\xff\n"
    ended = project.run("tail", "--stdin", "--json", "--video", "w", source=source)
    assert [json.loads(text)["video_id"] for text in ended.out.splitlines()] == ["w"]


def test_no_logs(project: Project) -> None:
    ended = project.run("tail", "--no-follow")
    assert ended.code == 1
    assert "start `dev` first" in ended.err


@contextmanager
def following(folder: Path, output: Path) -> Iterator[None]:
    argv = [sys.executable, "-m", "wrangler_compat", "--root", str(folder), "tail", "--json", "--lines", "0"]
    with output.open("wb") as file:
        process = subprocess.Popen(argv, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.send_signal(2)
        assert process.wait(60) == 130


def test_following_through_growth_and_rotation(project: Project, logs: Path) -> None:
    log, output = logs / "web.log", project.folder / "output"
    log.write_text(line(event="old") + "\n")

    def seen() -> list[str]:
        return [json.loads(text)["event"] for text in output.read_text().splitlines()]

    def append(path: Path, text: str) -> None:
        with path.open("a") as file:
            file.write(text)

    with following(project.folder, output):
        # Once it shows a log that was not there before, it has passed over the old lines.
        def is_following() -> bool:
            append(logs / "new.log", line(event="begin") + "\n")
            return bool(seen())

        wait_until(is_following)
        append(log, line(event="one") + "\n" + line(event="tw")[:20])
        wait_until(lambda: "one" in seen())
        append(log, line(event="tw")[20:] + "\n")
        wait_until(lambda: "tw" in seen())
        append(log, line(event="last before") + "\n")
        log.replace(logs / "web.log.1")
        log.write_text(line(event="first after") + "\n")
        wait_until(lambda: "first after" in seen())
    events = [event for event in seen() if event != "begin"]
    assert events == ["one", "tw", "last before", "first after"]
