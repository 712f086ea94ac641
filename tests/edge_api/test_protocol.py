"""Connections that take without giving: slow headers, headers without end, bodies nobody wants, too many of all."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from edge_api.protocol import MOST_HEAD_BYTES, bounded_protocol

SECONDS = 0.4
MOST = 20
REQUEST = b"GET /a HTTP/1.1\r\nHost: x\r\n"


async def refuses_bodies(scope: Scope, receive: Receive, send: Send) -> None:
    """POST /read takes the whole body; everything else is answered at once."""
    if scope["path"] == "/read":
        while (await receive()).get("more_body"):
            pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        refuses_bodies,
        http=bounded_protocol(max_connections=MOST, head_seconds=SECONDS),
        lifespan="off",
        log_config=None,
        timeout_keep_alive=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        yield connection


def rest(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    said = b""
    try:
        while more := connection.recv(65536):
            said += more
    except ConnectionResetError:
        pass
    return said


def send_for(connection: socket.socket, data: bytes, *, pause: float, seconds: float = 10) -> None:
    """The same again and again. pause: seconds between two."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        connection.sendall(data)
        time.sleep(pause)


def code_of(answer: bytes) -> str:
    return str(json.loads(answer.partition(b"\r\n\r\n")[2])["code"])


def test_an_ordinary_request_and_another_on_the_same_connection(port: int) -> None:
    with connected(port) as connection:
        for _ in range(2):
            connection.sendall(REQUEST + b"\r\n")
            assert connection.recv(65536).endswith(b"ok")
            time.sleep(SECONDS / 2)


@pytest.mark.parametrize("step", [1, 5])
def test_headers_that_trickle_in_are_not_waited_for(port: int, step: int) -> None:
    with connected(port) as connection:
        head, answer = REQUEST + b"X-Long: " + b"a" * 3000, b""
        connection.settimeout(0.02)
        for at in range(0, len(head), step):
            connection.sendall(head[at : at + step])
            try:
                answer = connection.recv(65536)
                break
            except TimeoutError:
                continue
        assert (answer[:12], code_of(answer)) == (b"HTTP/1.1 408", "REQUEST_TIMEOUT")


def test_the_headers_of_a_second_request_are_not_waited_for_either(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(REQUEST + b"\r\n")
        assert connection.recv(65536).endswith(b"ok")
        connection.sendall(REQUEST)
        assert code_of(rest(connection)) == "REQUEST_TIMEOUT"


def test_a_connection_that_says_nothing_is_closed_without_a_word(port: int) -> None:
    with connected(port) as connection:
        assert rest(connection) == b""


@pytest.mark.parametrize("opening", [b"GET /", REQUEST + b"X-Long: ", REQUEST])
def test_headers_without_end_are_refused(port: int, opening: bytes) -> None:
    more = b"X-Many: aaaa\r\n" if opening.endswith(b"\r\n") else b"a" * 100
    with connected(port) as connection:
        connection.sendall(opening)
        try:
            for _ in range(4 * MOST_HEAD_BYTES // len(more)):
                connection.sendall(more)
        except (BrokenPipeError, ConnectionResetError):
            return
        answer = rest(connection)
        assert not answer or (answer[:12], code_of(answer)) == (b"HTTP/1.1 431", "HEADERS_TOO_LARGE")


@pytest.mark.parametrize("path", [b"/read", b"/at-once"])
def test_trailers_without_end_are_refused(port: int, path: bytes) -> None:
    """The chunked body is complete but for its trailers; where it has been answered, nobody waits for it."""
    with connected(port) as connection:
        connection.sendall(b"POST %b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n" % path)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            send_for(connection, b"X-Many: aaaa\r\n" * 100, pause=0.0)


def test_the_rest_of_a_body_that_has_had_its_answer_may_come_fast(port: int) -> None:
    size = 30_000_000
    with connected(port) as connection:
        connection.sendall(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
        assert connection.recv(65536).endswith(b"ok")
        for _ in range(10):
            connection.sendall(bytes(size // 10))
            time.sleep(SECONDS / 5)
        connection.sendall(REQUEST + b"\r\n")
        assert connection.recv(65536).endswith(b"ok")


def test_the_rest_of_a_body_that_has_had_its_answer_may_not_trickle_in(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        assert connection.recv(65536).endswith(b"ok")
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            send_for(connection, b"a", pause=0.02)


def test_a_body_that_is_awaited_may_trickle_in(port: int) -> None:
    """How long it may take is the application's to say."""
    with connected(port) as connection:
        connection.sendall(b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n")
        for _ in range(8):
            time.sleep(SECONDS / 4)
            connection.sendall(b"a")
        assert connection.recv(65536).endswith(b"ok")


def test_what_is_not_http_gets_an_error_of_the_same_shape(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert code_of(rest(connection)) == "BAD_REQUEST"


def test_too_many_connections_are_told_so_and_the_process_is_known_to_live(port: int) -> None:
    with ExitStack() as open_ones:
        for _ in range(MOST):
            held = open_ones.enter_context(connected(port))
            held.sendall(b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n")
        with connected(port) as further:
            further.sendall(REQUEST + b"\r\n")
            answer = rest(further)
            assert (answer[:12], code_of(answer)) == (b"HTTP/1.1 503", "TOO_BUSY")
            assert b"\r\nretry-after: " in answer
        with connected(port) as further:
            further.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            assert further.recv(65536).endswith(b"ok")
        for _ in range(MOST // 10):
            open_ones.enter_context(connected(port)).sendall(REQUEST)
        with connected(port) as one_more:
            assert rest(one_more) == b""
