"""Where videos are read from: names, addresses, redirects, names whose addresses change. Real sockets on loopback."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from processor.addresses import Resolve, SourceRules, addresses_of, resolved
from processor.errors import (
    BadRequestError,
    ForbiddenSourceError,
    SourceUnreachableError,
    SourceUnsuitableError,
    TooLargeError,
)
from processor.transport import RangeClient, parsed_url, port_of
from tests.processor.range_server import RangeServer, range_server

CONTENT = b"0123456789" * 10_000
PUBLIC = "93.184.215.14"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "video").write_bytes(CONTENT)
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[RangeServer]:
    with range_server(folder) as running:
        yield running


@pytest.fixture
def other(folder: Path) -> Iterator[RangeServer]:
    with range_server(folder) as running:
        yield running


def own(*servers: RangeServer) -> SourceRules:
    return SourceRules(own=tuple(f"127.0.0.1:{server.port}" for server in servers))


def read(url: str, rules: SourceRules, resolve: Resolve = resolved, max_bytes: int = 1 << 40) -> bytes:
    client = RangeClient(url, deadline=time.monotonic() + 10, rules=rules, resolve=resolve, max_bytes=max_bytes)
    with contextlib.closing(client):
        return client.get(0, 50_000) + client.get(50_000, len(CONTENT))


def test_ones_own_store_is_read(server: RangeServer) -> None:
    assert read(server.url("video"), own(server)) == CONTENT


NAMES_OF_LOOPBACK = ("127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]")


@pytest.mark.parametrize("host", NAMES_OF_LOOPBACK)
def test_no_way_of_writing_a_private_address_leads_there(server: RangeServer, host: str) -> None:
    with pytest.raises(ForbiddenSourceError, match=r"not public.*STORE_HOSTS"):
        read(f"http://{host}:{server.port}/video", SourceRules(own=("s3.example",)))
    assert server.manners.paths == []


PRIVATE = """127.0.0.1 10.0.0.5 192.168.1.1 172.16.0.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255
    ::1 :: fe80::1%eth0 fd00:ec2::254 ::ffff:10.0.0.1 64:ff9b::a9fe:a9fe 2002:7f00:1:: ff02::1 fec0::1"""


@pytest.mark.parametrize("address", PRIVATE.split())
def test_a_name_must_not_lead_into_a_private_network(address: str) -> None:
    with pytest.raises(ForbiddenSourceError):
        addresses_of("video.example", 443, may_be_private=False, resolve=lambda host, port: [PUBLIC, address])
    assert addresses_of("s3.example", 443, may_be_private=True, resolve=lambda host, port: [address]) == [address]


def test_a_name_without_an_address_is_unreachable() -> None:
    def nothing(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(-2, "Name or service not known")

    resolvers: tuple[Resolve, ...] = (nothing, lambda host, port: [])
    for resolve in resolvers:
        with pytest.raises(SourceUnreachableError, match=r"video\.example has no address"):
            addresses_of("video.example", 80, may_be_private=False, resolve=resolve)


class Changing:
    """A resolver that answers otherwise every time, as the name server of an attacker does."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return [self.answers[min(len(self.asked), len(self.answers)) - 1]]


def test_a_name_that_changes_its_address_is_asked_once(server: RangeServer) -> None:
    resolve = Changing("127.0.0.1", "192.0.2.1")
    url = f"http://store.example:{server.port}/video"
    assert read(url, SourceRules(own=("store.example",)), resolve) == CONTENT
    assert resolve.asked == ["store.example"]
    assert len(server.manners.paths) == 2


def test_a_public_name_that_turns_private_is_connected_to_where_it_was_judged(server: RangeServer) -> None:
    """The connection goes to the public address; the private server that the name means now is never asked."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(206, headers={"Content-Range": "bytes 0-9/10"}, stream=httpx.ByteStream(b"x" * 10))

    resolve = Changing(PUBLIC, "127.0.0.1")
    url = f"https://rebind.example:{server.port}/video?sign=1"
    client = RangeClient(
        url,
        deadline=time.monotonic() + 10,
        rules=SourceRules(own=()),
        resolve=resolve,
        transport=httpx.MockTransport(answer),
    )
    assert client.get(0, 10) == client.get(0, 10) == b"x" * 10
    assert resolve.asked == ["rebind.example"]
    for request in asked:
        assert str(request.url) == f"https://{PUBLIC}:{server.port}/video?sign=1"
        assert request.headers["host"] == f"rebind.example:{server.port}"
        assert request.extensions["sni_hostname"] == "rebind.example"
    assert server.manners.paths == []


def test_a_private_name_that_was_public_a_moment_ago_is_refused(server: RangeServer) -> None:
    resolve = Changing("127.0.0.1", PUBLIC)
    with pytest.raises(ForbiddenSourceError):
        read(f"http://rebind.example:{server.port}/video", SourceRules(own=()), resolve)
    assert server.manners.paths == []


def test_another_address_is_tried_when_one_does_not_answer(server: RangeServer) -> None:
    url, rules = f"http://store.example:{server.port}/video", SourceRules(own=("store.example",))
    assert read(url, rules, lambda host, port: ["127.0.0.1", "::1"]) == CONTENT
    with socket.socket() as silent:
        silent.bind(("127.0.0.2", 0))
        assert read(url, rules, lambda host, port: ["127.0.0.2", "127.0.0.1"]) == CONTENT


def test_a_redirect_between_ones_own_stores_is_followed(server: RangeServer, other: RangeServer) -> None:
    server.manners.redirect_to = other.url("video")
    assert read(server.url("moved"), own(server, other)) == CONTENT
    assert server.manners.paths == ["/moved"], "the second range is asked for where the first was found"
    assert len(other.manners.paths) == 2


def test_a_relative_redirect(server: RangeServer, other: RangeServer) -> None:
    server.manners.redirect_to = "video"
    with pytest.raises(SourceUnsuitableError, match="more than 5 times"):
        read(server.url("folder/moved"), own(server))
    assert server.manners.paths[:3] == ["/folder/moved", "/folder/video", "/folder/video"]


def test_a_redirect_from_ones_own_store_to_another_private_server_is_refused(
    server: RangeServer, other: RangeServer
) -> None:
    server.manners.redirect_to = other.url("video")
    with pytest.raises(ForbiddenSourceError):
        read(server.url("moved"), own(server))
    assert other.manners.paths == []


def test_a_redirect_from_a_stranger_to_ones_own_store_is_refused(server: RangeServer) -> None:
    """The listing says that the store's address may be private, not that strangers may point there."""

    def redirecting(request: httpx.Request) -> httpx.Response:
        assert request.url.host == PUBLIC, "nothing may be sent to the store"
        return httpx.Response(302, headers={"Location": server.url("video")})

    client = RangeClient(
        "http://stranger.example/video",
        deadline=time.monotonic() + 10,
        rules=own(server),
        resolve=lambda host, port: [PUBLIC] if host == "stranger.example" else resolved(host, port),
        transport=httpx.MockTransport(redirecting),
    )
    with pytest.raises(ForbiddenSourceError):
        client.get(0, 10)
    assert server.manners.paths == []


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://host/x", "gopher://127.0.0.1:6379/_INFO"])
def test_a_redirect_to_another_protocol_is_refused(server: RangeServer, target: str) -> None:
    server.manners.redirect_to = target
    with pytest.raises(SourceUnsuitableError, match="no http URL"):
        read(server.url("video"), own(server))


def test_a_redirect_to_the_metadata_of_a_cloud_is_refused(server: RangeServer) -> None:
    server.manners.redirect_to = "http://169.254.169.254/latest/meta-data/"
    with pytest.raises(ForbiddenSourceError, match=r"169\.254\.169\.254"):
        read(server.url("video"), own(server))


def test_a_redirect_out_of_the_only_hosts_is_refused(server: RangeServer, other: RangeServer) -> None:
    server.manners.redirect_to = other.url("video")
    with pytest.raises(ForbiddenSourceError, match="SOURCE_HOSTS"):
        read(server.url("video"), SourceRules(only=(f"127.0.0.1:{server.port}",)))
    assert other.manners.paths == []


def test_the_only_hosts_are_ones_own(server: RangeServer) -> None:
    assert read(server.url("video"), SourceRules(only=("127.0.0.1",), own=())) == CONTENT
    with pytest.raises(ForbiddenSourceError, match="SOURCE_HOSTS"):
        read("http://video.example/a.mp4", SourceRules(only=("127.0.0.1",)), lambda host, port: [PUBLIC])


def test_a_host_may_be_listed_with_its_port(server: RangeServer, other: RangeServer) -> None:
    def owns(rules: SourceRules, text: str) -> bool:
        url = parsed_url(text)
        return rules.owns(url.host, port_of(url))

    assert owns(own(server), server.url("x"))
    assert not owns(own(server), other.url("x"))
    assert owns(SourceRules(own=("S3.Example",)), "https://s3.example./x")
    assert owns(SourceRules(own=("s3.example:443",)), "https://s3.example/x")
    assert not owns(SourceRules(own=("s3.example:443",)), "http://s3.example/x")
    assert owns(SourceRules(own=("[::1]:9000",)), "http://[::1]:9000/x")
    assert owns(SourceRules(), "http://[::1]:9000/x")


def test_a_file_larger_than_allowed_is_left_alone(server: RangeServer) -> None:
    with pytest.raises(TooLargeError, match="100000 bytes, more than the 99999"):
        read(server.url("video"), own(server), max_bytes=99_999)
    assert server.manners.ranges == [(0, 50_000)]


@pytest.mark.parametrize("url", ["", "http://", "//host/x", "file:///x", "http://host:port/", "ht\ntp://x"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(BadRequestError):
        parsed_url(url)
