"""RemoteFile over RangeClient, against a real server."""

from __future__ import annotations

import io
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from processor.errors import (
    BadRequestError,
    SourceUnreachableError,
    SourceUnsuitableError,
    TimedOutError,
    TooDemandingError,
)
from processor.source import BLOCK_BYTES, KEPT_BLOCKS, MAX_AHEAD_BLOCKS, RemoteFile
from processor.transport import RangeClient, check_url, post_json
from tests.processor.range_server import RangeServer, range_server

SIZE = 5 * 1024 * 1024 + 1234
CONTENT = random.Random(1).randbytes(SIZE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "video").write_bytes(CONTENT)
    (folder / "empty").write_bytes(b"")
    return folder


@pytest.fixture
def files(folder: Path) -> Iterator[RangeServer]:
    with range_server(folder) as running:
        yield running


def opened(files: RangeServer, name: str = "video", seconds: float = 20) -> tuple[RangeClient, RemoteFile]:
    client = RangeClient(files.url(name), deadline=time.monotonic() + seconds)
    return client, RemoteFile(client)


def test_the_whole_file_comes_through_unchanged(files: RangeServer) -> None:
    client, file = opened(files)
    with file:
        assert file.read() == CONTENT
        assert file.read(10) == b""
    assert client.size == SIZE
    assert client.bytes_read == SIZE


def test_random_reads_equal_slices(files: RangeServer) -> None:
    dice = random.Random(2)
    _, file = opened(files)
    with io.BufferedReader(file) as whole_reads:
        for _ in range(60):
            at, length = dice.randrange(SIZE + 10), dice.randrange(200_000)
            whole_reads.seek(at)
            assert whole_reads.read(length) == CONTENT[at : at + length]


def test_a_read_fetches_no_more_than_one_block_at_a_jump(files: RangeServer) -> None:
    client, file = opened(files)
    with file:
        file.seek(5 * BLOCK_BYTES - 10)
        assert file.read(50_000) == CONTENT[5 * BLOCK_BYTES - 10 : 5 * BLOCK_BYTES]
        assert client.requests == 2
        assert file.read(50_000) == CONTENT[5 * BLOCK_BYTES : 5 * BLOCK_BYTES + 50_000]


def test_seeks_from_all_three_ends(files: RangeServer) -> None:
    _, file = opened(files)
    with file:
        assert file.seek(-4, io.SEEK_END) == SIZE - 4
        assert file.read() == CONTENT[-4:]
        assert file.seek(10) == 10
        assert file.seek(5, io.SEEK_CUR) == file.tell() == 15
        with pytest.raises(ValueError, match="negative"):
            file.seek(-1)
        assert file.readable()
        assert file.seekable()


def test_readinto_fills_a_buffer(files: RangeServer) -> None:
    _, file = opened(files)
    with file:
        buffer = bytearray(100)
        assert file.readinto(buffer) == 100
        assert buffer == CONTENT[:100]


def test_read_ahead_grows_on_sequential_reading_up_to_a_bound(files: RangeServer) -> None:
    _, file = opened(files)
    with file:
        while file.read(30_000):
            pass
    lengths = [stop - start for start, stop in files.manners.ranges]
    assert lengths[0] == lengths[1] == BLOCK_BYTES
    assert lengths[2] == 2 * BLOCK_BYTES
    assert max(lengths) == MAX_AHEAD_BLOCKS * BLOCK_BYTES
    assert len(lengths) < 12


def test_jumping_about_reads_only_what_is_asked_for(files: RangeServer) -> None:
    client, file = opened(files)
    with file:
        for at in (0, 4_000_000, 1_000_000, 3_000_000):
            file.seek(at)
            file.read(100)
    assert client.bytes_read <= 4 * BLOCK_BYTES
    assert client.requests == 4


def test_two_runs_side_by_side_both_grow(files: RangeServer) -> None:
    client, file = opened(files)
    with file:
        for step in range(0, 1_500_000, 50_000):
            for run in (0, 3_000_000):
                file.seek(run + step)
                got = file.read(50_000)
                got += file.read(50_000 - len(got))
                assert got == CONTENT[run + step : run + step + 50_000]
    assert client.requests < 20


def test_kept_blocks_are_bounded(files: RangeServer) -> None:
    _, file = opened(files)
    with file:
        file.read()
        assert len(file._blocks) <= KEPT_BLOCKS


def test_a_passing_failure_is_tried_again(files: RangeServer) -> None:
    files.manners.fail_next = 2
    _, file = opened(files)
    with file:
        assert file.read(10) == CONTENT[:10]


def test_a_lasting_failure_is_told(files: RangeServer) -> None:
    files.manners.fail_next = 10
    with pytest.raises(SourceUnreachableError, match="503"):
        opened(files)


def test_a_body_cut_short_is_told(files: RangeServer) -> None:
    files.manners.cut = 10
    with pytest.raises(SourceUnreachableError):
        opened(files)


def test_200_with_content_range_is_as_good_as_206(files: RangeServer) -> None:
    files.manners.status = 200
    _, file = opened(files)
    with file:
        assert file.read(60_000) == CONTENT[:60_000]


def test_a_server_without_ranges_is_refused(files: RangeServer) -> None:
    files.manners.has_ranges = False
    with pytest.raises(SourceUnsuitableError, match="Range"):
        opened(files)


def test_a_redirect_to_itself_ends(files: RangeServer) -> None:
    files.manners.redirect_to = files.url("elsewhere")
    with pytest.raises(SourceUnsuitableError, match="redirects more than 5 times"):
        opened(files)
    assert files.manners.paths == ["/video"] + ["/elsewhere"] * 5


def test_a_missing_video_is_told(files: RangeServer) -> None:
    with pytest.raises(SourceUnreachableError, match="404"):
        opened(files, "gone")


def test_an_empty_file_is_empty(files: RangeServer) -> None:
    client, file = opened(files, "empty")
    with file:
        assert file.read() == b""
    assert client.size == 0


def test_a_file_that_changes_its_size_is_told(files: RangeServer, folder: Path) -> None:
    (folder / "growing").write_bytes(CONTENT[:200_000])
    _, file = opened(files, "growing")
    with file:
        (folder / "growing").write_bytes(CONTENT[:300_000])
        file.seek(150_000)
        with pytest.raises(SourceUnreachableError, match="changed its size"):
            file.read(10)


def test_the_deadline_ends_reading(files: RangeServer) -> None:
    _, file = opened(files, seconds=0.4)
    files.manners.delay = 0.3
    file.seek(1_000_000)
    with file, pytest.raises((TimedOutError, SourceUnreachableError)):
        file.read()


def test_nobody_listening_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    client = RangeClient(f"http://127.0.0.1:{port}/x", deadline=time.monotonic() + 5)
    with pytest.raises(SourceUnreachableError, match="ConnectError"):
        RemoteFile(client)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://host/x", "concat:a|b", "http://", "video.mp4", "http://[::"]
)
def test_only_http_urls(url: str) -> None:
    with pytest.raises(BadRequestError):
        check_url(url)


def test_hosts_can_be_limited() -> None:
    check_url("https://s3.example/x", ("s3.example",))
    with pytest.raises(BadRequestError, match=r"169\.254\.169\.254"):
        check_url("http://169.254.169.254/x", ("s3.example",))


async def test_posting_to_nobody_is_a_connection_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(ConnectionError, match="no answer"):
        await post_json(f"http://127.0.0.1:{port}/x", b"{}", {}, 2)


def test_a_file_is_not_read_over_and_over(files: RangeServer) -> None:
    client = RangeClient(files.url("video"), deadline=time.monotonic() + 60)

    def circle() -> None:
        for _ in range(100):
            client.get(0, SIZE)

    with pytest.raises(TooDemandingError, match="in circles"):
        circle()
    client.close()
    allowed = (64 << 20) + 8 * SIZE
    assert allowed < client.bytes_read <= allowed + SIZE
