"""Each bundled server really starts, answers and stops; each way to fail is a sentence."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.services import S3Server
from wrangler_compat.servers import Program, ProgramError, free_port, redis_program, running, s3_program
from wrangler_compat.servers.program import find, is_taken, last_words
from wrangler_compat.servers.s3 import make_bucket, sweep


def test_the_s3_server_keeps_its_secret_out_of_argv(tmp_path: Path) -> None:
    program = s3_program(tmp_path, 1234, "an-access-key-of-length", "the-secret")
    assert "the-secret" not in " ".join(program.argv)
    assert "the-secret" not in repr(program)
    assert program.environ["RCLONE_AUTH_KEY"] == '"an-access-key-of-length,the-secret"'


def test_the_s3_server_answers(s3_server: S3Server) -> None:
    assert s3_server.endpoint.startswith("http://127.0.0.1:")
    assert is_taken(int(s3_server.endpoint.rpartition(":")[2]))


def test_redis_answers_and_is_gone_afterwards(tmp_path: Path) -> None:
    program = redis_program(tmp_path, free_port())
    with running(program, tmp_path / "log", os.environ):
        assert program.is_ready()
    assert not program.is_ready()
    assert not is_taken(program.port)


def test_redis_fixture(redis_url: str) -> None:
    port = int(redis_url.split(":")[2].split("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"PING\r\n")
        assert connection.recv(16) == b"+PONG\r\n"


def test_chroma_fixture(chroma_url: str) -> None:
    with urllib.request.urlopen(f"{chroma_url}/api/v2/heartbeat", timeout=5) as response:
        assert response.status == 200


def test_a_program_that_ends_at_once_says_why(tmp_path: Path) -> None:
    argv = (sys.executable, "-c", "import sys; sys.exit('no room at the inn')")
    program = Program("broken", argv, 1, "nowhere", is_ready=lambda: False)
    with (
        pytest.raises(ProgramError, match="broken ended with code 1 before it was ready: no room at the inn"),
        running(program, tmp_path / "log", os.environ),
    ):
        pass


def test_a_program_that_never_answers_is_stopped(tmp_path: Path) -> None:
    argv = (sys.executable, "-c", "import time; time.sleep(60)")
    program = Program("mute", argv, 1, "http://127.0.0.1:1", is_ready=lambda: False)
    with (
        pytest.raises(ProgramError, match=r"mute did not answer at http://127.0.0.1:1 within 0.2 s: it wrote nothing"),
        running(program, tmp_path / "log", os.environ, timeout_seconds=0.2),
    ):
        pass


def test_a_missing_program_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProgramError, match=r"Install it with"):
        find(["no-such-program"], missing="It is not there. Install it with pip.")


def test_find_looks_in_the_extra_folders(tmp_path: Path) -> None:
    program = tmp_path / "only-here"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert find(["only-here"], missing="", extra=[tmp_path]) == str(program)


def test_sweep_removes_what_a_killed_server_left(tmp_path: Path) -> None:
    make_bucket(tmp_path, "bucket")
    (tmp_path / "bucket" / "kept").write_text("kept")
    (tmp_path / "bucket" / ".rclone_temp_multipart_1").write_text("half")
    waiting = tmp_path / "bucket-metadata" / "uploads" / "ab" / "cd.json"
    waiting.parent.mkdir(parents=True)
    waiting.write_text("{}")
    kept = tmp_path / "bucket-metadata" / "objects" / "ab" / "cd.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}")
    assert sweep(tmp_path) == 2
    assert [path.name for path in (tmp_path / "bucket").iterdir()] == ["kept"]
    assert kept.exists()
    assert not waiting.exists()


def test_free_ports_can_be_listened_on() -> None:
    port = free_port()
    assert not is_taken(port)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen()
        assert is_taken(port)


def test_last_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("\n".join(str(number) for number in range(10)))
    assert last_words(log, lines=2) == "8 / 9"
    assert "nothing" in last_words(tmp_path / "absent")


def test_a_stubborn_program_is_killed() -> None:
    from wrangler_compat.servers.program import stop

    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as output:
        assert output.readline() == b"up\n"
        stop(process, grace_seconds=0.2)
    assert process.returncode == -9
