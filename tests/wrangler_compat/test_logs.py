from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from wrangler_compat.errors import ConfigError
from wrangler_compat.logs import configure_logging, uvicorn_log_config


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_one_json_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("edge_api")
    structlog.get_logger("uploads").info("upload accepted", size_bytes=3, title="Grüße\nzwei")
    (line,) = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "upload accepted",
        "level": "info",
        "logger": "uploads",
        "service": "edge_api",
        "size_bytes": 3,
        "title": "Grüße\nzwei",
    }


def test_an_exception_is_told_without_the_variables_of_its_frames(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(token: str) -> None:
        raise ValueError(f"no such user; the token has {len(token)} letters")

    configure_logging("edge_api")
    try:
        fail("hush-" + "hush")
    except ValueError:
        structlog.get_logger("auth").exception("unexpected failure")
    printed = capsys.readouterr().out
    assert "no such user" in printed
    assert '"name": "fail"' in printed
    assert "hush-hush" not in printed


def test_the_libraries_speak_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("uvicorn.error", "arq.worker"):
        logging.getLogger(name).addHandler(logging.StreamHandler())
        logging.getLogger(name).propagate = False
    configure_logging("consumer")
    logging.getLogger("uvicorn.error").info("Started %s", "well", extra={"color_message": "\x1b[1m"})
    logging.getLogger("arq.worker").warning("slow", extra={"job_id": "j1"})
    first, second = lines(capsys)
    assert (first["event"], first["service"], first["level"]) == ("Started well", "consumer", "info")
    assert "color_message" not in first
    assert (second["event"], second["job_id"], second["level"]) == ("slow", "j1", "warning")


def test_exceptions_are_data(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("consumer")
    try:
        raise ValueError("no good")
    except ValueError:
        structlog.get_logger().exception("job failed")
        logging.getLogger("arq").exception("job failed")
    for line in lines(capsys):
        assert line["exception"][0]["exc_value"] == "no good"


async def test_context_stays_with_its_task(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("edge_api")

    async def request(request_id: str) -> None:
        structlog.contextvars.bind_contextvars(request_id=request_id)
        await asyncio.sleep(0)
        structlog.get_logger().info("mine")
        logging.getLogger("arq").info("theirs")

    await asyncio.gather(request("r1"), request("r2"))
    assert sorted((line["request_id"], line["event"]) for line in lines(capsys)) == [
        ("r1", "mine"),
        ("r1", "theirs"),
        ("r2", "mine"),
        ("r2", "theirs"),
    ]


def test_levels(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("edge_api", "warning")
    structlog.get_logger().info("not said")
    structlog.get_logger().warning("said")
    assert [line["event"] for line in lines(capsys)] == ["said"]
    configure_logging("edge_api", "debug")
    logging.getLogger("httpx").info("every request")
    assert lines(capsys) == []
    with pytest.raises(ConfigError, match="log level must be one of"):
        configure_logging("edge_api", "loud")


def test_what_cannot_be_json_is_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("edge_api")
    structlog.get_logger().info("odd", value={1, 2}.__class__, path=b"x")
    (line,) = lines(capsys)
    assert line["value"] == "<class 'set'>"


def test_uvicorn_leaves_logging_alone(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("edge_api")
    logging.config.dictConfig(uvicorn_log_config())
    logging.getLogger("uvicorn.error").info("still json")
    assert [line["event"] for line in lines(capsys)] == ["still json"]
