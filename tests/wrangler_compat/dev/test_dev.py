"""`dev` for real: real servers, tiny applications, real signals, and nothing left running."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import stat
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.wrangler_compat.dev.processes import marked
from tests.wrangler_compat.dev.project import Project
from wrangler_compat.servers import free_port


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def ask(port: int, path: str = "/environ") -> Any:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        f"http://127.0.0.1:{port}{path}", timeout=5
    ) as response:
        return json.loads(response.read())


def test_everything_starts_serves_and_stops(project: Project) -> None:
    project.environ["EASY_LIMIT"] = "7"
    with project.started() as process:
        said = project.said()
        assert "Starting redis, s3, chroma, helper, worker, web." in said
        environ = ask(project.port)
        assert f"hello from http://127.0.0.1:{project.port} keeping {project.state}" in said
        assert environ["SHARED_SECRET"] in said
        assert environ["HOST"] == "127.0.0.1"
        for port in (project.port, project.worker_port, project.helper_port):
            found = ask(port)
            assert (found["EASY_MODE"], found["EASY_LIMIT"]) == ("true", "7"), "the caller's environment goes first"
        assert environ["HELPER_URL"] == f"http://127.0.0.1:{project.helper_port}"
        assert environ["R2_METADATA"] == "sidecar"
        assert ask(project.worker_port)["REDIS_URL"] == environ["REDIS_URL"]
        helper = ask(project.helper_port)
        assert not {"REDIS_URL", "R2_SECRET_KEY", "DATABASE_URL", "CHROMA_URL"} & set(helper)
        assert f"migrated {environ['DATABASE_URL']}" in (project.state / "logs" / "release.log").read_text()
        check_listeners(project)
        check_commands(project)
        check_second_run(project)
        check_child_death(project)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    project.wait_nothing_left()
    assert not (project.state / "connections.json").exists()
    check_data_is_found_again(project, environ)


def check_listeners(project: Project) -> None:
    """Only on loopback."""
    inodes = set()
    for pid in marked(project.mark):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                inodes.add(os.readlink(descriptor))
            except OSError:
                continue
    addresses = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                addresses.add(fields[1].partition(":")[0])
    assert addresses == {"0100007F"}


def check_commands(project: Project) -> None:
    """They find the running servers by the state folder."""
    assert project.run("r2", "object", "put", "things/a/b.txt", "--file", "Procfile").returncode == 0
    got = project.run("r2", "object", "get", "things/a/b.txt", "--pipe")
    assert got.stdout == (project.folder / "Procfile").read_text()
    assert "things" in project.run("queues", "list").stdout
    assert project.run("vectorize", "create", "some-index", "--dimensions", "3").returncode == 0
    tailed = project.run("tail", "--no-follow", "--json", "--service", "helper", "--status", "2xx")
    assert json.loads(tailed.stdout.splitlines()[-1])["event"] == "/environ"


def check_second_run(project: Project) -> None:
    second = project.run("dev", "--port", str(free_port()))
    assert second.returncode == 1
    assert "is used by another run" in second.stderr


def check_child_death(project: Project) -> None:
    with pytest.raises((urllib.error.URLError, ConnectionError, json.JSONDecodeError, OSError)):
        ask(project.worker_port, "/die")
    project.wait(lambda: "worker ended with code 9; starting it again" in project.said())

    def is_back() -> bool:
        try:
            return "HOST" in ask(project.worker_port)
        except OSError:
            return False

    project.wait(is_back)


def check_data_is_found_again(project: Project, before: dict[str, str]) -> None:
    with project.started() as process:
        after = ask(project.port)
        assert after["SHARED_SECRET"] == before["SHARED_SECRET"]
        assert after["R2_ACCESS_KEY"] == before["R2_ACCESS_KEY"]
        assert project.run("r2", "object", "get", "things/a/b.txt", "--pipe").returncode == 0
        assert json.loads(project.run("vectorize", "info", "some-index", "--json").stdout)["dimensions"] == 3
        os.kill(process.pid, signal.SIGKILL)
        process.wait(60)
        project.wait_nothing_left()
    # And the next start is not hindered by what the killed one left.
    with project.started() as process:
        process.terminate()
        assert process.wait(60) == 0
    project.wait_nothing_left()
    secrets = project.state / "secrets.json"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert before["R2_SECRET_KEY"] not in project.said()


def test_a_taken_port_is_a_sentence(project: Project) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", project.port))
        holder.listen()
        ended = project.run("dev")
    assert ended.returncode == 1
    assert f"Port {project.port}, which web is to listen on, is taken by process {os.getpid()}" in ended.stderr
    assert "--port" in ended.stderr
    assert marked(project.mark) == []


def test_a_child_that_keeps_dying_ends_everything(project: Project) -> None:
    project.write("Procfile", "web: python app.py web $PORT\nworker: echo the library is missing; exit 3\n")
    with project.starting() as process:
        assert process.wait(60) == 1
        assert "worker ended 3 times within 30 s, the last time with code 3" in project.said()
        assert "the library is missing" in project.said()
    project.wait_nothing_left()


def test_a_release_that_fails_ends_everything(project: Project) -> None:
    project.write("Procfile", "release: echo bad migration; exit 4\nweb: python app.py web $PORT\n")
    project.write("worker/wrangler.toml", 'name = "worker"\n')
    with project.starting() as process:
        assert process.wait(60) == 1
        assert "release ended with code 4. It said last:\nbad migration" in project.said()
    project.wait_nothing_left()


def test_a_check_that_fails_comes_before_everything(project: Project) -> None:
    (project.folder / "app.py").unlink()
    ended = project.run("dev")
    assert ended.returncode == 1
    assert "A check before the start failed" in ended.stderr
    assert "redis" not in " ".join(path.name for path in project.state.glob("logs/*"))


def test_other_ports_are_taken_when_theirs_are(project: Project) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", project.helper_port))
        holder.listen()
        with project.started() as process:
            environ = ask(project.port)
            assert environ["HELPER_URL"] != f"http://127.0.0.1:{project.helper_port}"
            process.terminate()
            assert process.wait(60) == 0
    project.wait_nothing_left()


def test_no_procfile(tmp_path: Path) -> None:
    project = Project(tmp_path)
    (tmp_path / "Procfile").unlink()
    ended = project.run("dev")
    assert ended.returncode == 1
    assert "There is no" in ended.stderr


def test_services_of_the_environment_are_not_started_again(project: Project) -> None:
    database = project.folder / "own.db"
    sqlite3.connect(database).close()
    project.environ |= {
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "CHROMA_URL": "http://127.0.0.1:1",
        "DATABASE_URL": f"sqlite:///{database}",
    }
    with project.started() as process:
        assert "Starting s3, helper, worker, web." in project.said()
        environ = ask(project.port)
        assert environ["REDIS_URL"] == "redis://127.0.0.1:1/0"
        assert environ["DATABASE_URL"] == f"sqlite:///{database}"
        process.send_signal(signal.SIGHUP)
        assert process.wait(60) == 0
    project.wait_nothing_left()
