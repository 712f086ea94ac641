from __future__ import annotations

import io
import time
from collections.abc import Iterator

import pytest

from processor.addresses import SourceRules
from processor.errors import BadRequestError, ForbiddenSourceError, TargetUnreachableError, TimedOutError
from processor.transport import ATTEMPTS, LOOPBACK, put_file
from tests.processor.put_server import PutServer, put_server

CONTENT = bytes(range(256)) * 20_000


@pytest.fixture
def store() -> Iterator[PutServer]:
    with put_server() as running:
        yield running


def put(url: str, *, rules: SourceRules = LOOPBACK, seconds: float = 60.0, size: int = len(CONTENT)) -> list[float]:
    told: list[float] = []
    deadline = time.monotonic() + seconds
    put_file(url, io.BytesIO(CONTENT), size, content_type="video/mp4", deadline=deadline, rules=rules, tell=told.append)
    return told


def test_a_file_arrives_whole_and_with_its_type(store: PutServer) -> None:
    told = put(f"{store.url}/a.mp4?signature=s")
    assert store.shelf.taken == {"/a.mp4?signature=s": CONTENT}
    (headers,) = store.shelf.headers
    assert (headers["Content-Type"], headers["Content-Length"]) == ("video/mp4", str(len(CONTENT)))
    assert headers["Host"] == f"127.0.0.1:{store.port}"
    assert "Transfer-Encoding" not in headers
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_passing_failure_is_tried_again(store: PutServer) -> None:
    store.shelf.fail_next = ATTEMPTS - 1
    put(f"{store.url}/a.mp4")
    assert store.shelf.taken == {"/a.mp4": CONTENT}


def test_a_store_that_goes_on_failing(store: PutServer) -> None:
    store.shelf.fail_next = ATTEMPTS
    with pytest.raises(TargetUnreachableError, match="503"):
        put(f"{store.url}/a.mp4")
    assert store.shelf.asked == ATTEMPTS


@pytest.mark.parametrize("status", [302, 403, 404])
def test_what_no_retry_mends_is_asked_once_and_no_redirect_is_followed(store: PutServer, status: int) -> None:
    store.shelf.status = status
    with pytest.raises(TargetUnreachableError, match=str(status)):
        put(f"{store.url}/a.mp4")
    assert store.shelf.asked == 1


def test_a_store_that_is_not_there(store: PutServer) -> None:
    with pytest.raises(TargetUnreachableError, match="cannot be reached"):
        put("http://127.0.0.1:1/a.mp4")


def test_only_what_the_settings_allow_is_written_to(store: PutServer) -> None:
    for rules in (SourceRules(("s3.example",)), SourceRules((), ("s3.example",))):
        with pytest.raises(ForbiddenSourceError):
            put(f"{store.url}/a.mp4", rules=rules)
    with pytest.raises(BadRequestError):
        put("file:///tmp/a.mp4")
    assert store.shelf.asked == 0


def test_after_the_deadline_nothing_more_is_sent(store: PutServer) -> None:
    with pytest.raises(TimedOutError):
        put(f"{store.url}/a.mp4", seconds=-1.0)
    assert store.shelf.taken == {}


def test_a_file_that_is_shorter_than_it_was(store: PutServer) -> None:
    with pytest.raises(TargetUnreachableError, match="shorter"):
        put(f"{store.url}/a.mp4", size=len(CONTENT) + 1)
    assert store.shelf.taken == {}
