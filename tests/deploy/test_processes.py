"""The Procfile's commands, as honcho reads them and as they run: each program starts from a bare environment."""

from __future__ import annotations

import http.client
import re
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.deploy import files
from tests.deploy.files import ROOT

WAIT_SECONDS = 60.0
BIN = Path(sys.executable).parent


def environment(**settings: str) -> dict[str, str]:
    # A `dev` that runs in this checkout is none of our business.
    return {"PATH": f"{BIN}:/usr/bin:/bin", "WRANGLER_STATE": "/nonexistent", **settings}


def run(command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=ROOT,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )


def test_honcho_finds_the_process_types() -> None:
    done = run("honcho check")
    assert done.returncode == 0, done.stderr
    assert all(name in done.stderr for name in files.procfile())


def test_honcho_exports_what_we_read(tmp_path: Path) -> None:
    done = run(f"honcho export --app twinreel --concurrency worker=1 systemd {tmp_path}")
    assert done.returncode == 0, done.stderr
    units = "\n".join(path.read_text() for path in tmp_path.rglob("*.service"))
    for command in files.procfile().values():
        assert re.split(r" --host|HOST=\S+", command)[-1 if "env " in command else 0].strip() in units


@pytest.mark.parametrize("process_type", ["web", "processor", "release"])
def test_each_program_explains_itself_without_any_setting(process_type: str) -> None:
    done = run(f"{files.procfile()[process_type]} --help")
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout


def test_the_worker_can_be_loaded_by_arq() -> None:
    module, _, name = files.program(files.procfile()["worker"])[1].rpartition(".")
    connections = {"REDIS_URL": "redis://127.0.0.1:1/0", "R2_ENDPOINT": "http://127.0.0.1:1"}
    done = run(f"python -c 'import {module}; print({module}.{name}.functions)'", **connections)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("process_type", ["web", "worker", "release"])
def test_without_its_services_a_process_says_what_to_set(process_type: str) -> None:
    done = run(files.procfile()[process_type], PORT="0")
    assert done.returncode != 0
    assert re.search(r"needs \w+; set it in the environment|[A-Z]+_URL", done.stderr + done.stdout)


def test_release_migrates_and_may_be_repeated(tmp_path: Path) -> None:
    database = tmp_path / "twinreel.db"
    for _ in range(2):
        done = run(files.procfile()["release"], DATABASE_URL=f"sqlite:///{database}")
        assert done.returncode == 0, done.stderr
    with closing(sqlite3.connect(database)) as connection:
        applied = [name for (name,) in connection.execute("SELECT name FROM d1_migrations ORDER BY id")]
    assert applied == sorted(path.name for path in (ROOT / "migrations").glob("*.sql"))


def test_the_processor_answers_on_both_networks_when_told_so() -> None:
    """Fly.io's private network is IPv6, the probes of most platforms are IPv4."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = files.procfile()["processor"]
    process = subprocess.Popen(
        ["/bin/sh", "-c", f"exec {command}"],
        cwd=ROOT,
        env=environment(HOST="::", PORT=str(port), SLOTS="1"),
        stdout=subprocess.DEVNULL,
    )
    try:
        hosts = ["127.0.0.1", *(["::1"] if has_ipv6() else [])]
        assert [ready(host, port, process) for host in hosts] == [200] * len(hosts)
        process.terminate()
        assert process.wait(WAIT_SECONDS) in (0, -15)
    finally:
        process.kill()
        process.wait()


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def ready(host: str, port: int, process: subprocess.Popen[bytes]) -> int:
    limit = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < limit:
        assert process.poll() is None
        connection = http.client.HTTPConnection(host, port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise AssertionError(f"no answer at {host}:{port}")
