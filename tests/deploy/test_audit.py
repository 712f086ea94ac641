"""The audit of the lock files, by the real pip-audit, of an advisory service on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.deploy.audit import LOCKS, Audit, Known, main, read
from tests.deploy.files import ROOT
from wrangler_compat.servers import free_port

ADVISORY = {
    "id": "PYSEC-2099-1",
    "summary": "It does harm.",
    "affected": [
        {
            "package": {"name": "left", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}],
        }
    ],
}


@contextmanager
def advisories(*bad: str) -> Iterator[str]:
    """A service that speaks OSV's protocol and warns of these packages; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps({"vulns": [ADVISORY]} if asked["package"]["name"] in bad else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "some.lock"
    path.write_text("".join(f"{name}==1.5 --hash=sha256:{'0' * 64}\n" for name in ("left", "right")))
    return path


def test_nothing_is_known(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with advisories() as url:
        assert main([str(lock), "--service", "osv", "--osv-url", url]) == 0
    assert capsys.readouterr().out == "some.lock:\n2 packages audited; no vulnerability of them is known.\n"


def test_something_is_known(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with advisories("left") as url:
        assert main([str(lock), "--service", "osv", "--osv-url", url]) == 1
    assert capsys.readouterr().out == "some.lock:\nleft 1.5: PYSEC-2099-1, fixed in 2.0\n"


def test_the_service_cannot_be_asked(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    assert main([str(lock), "--service", "osv", "--osv-url", url]) == 2
    assert "cannot be asked from here, nothing was audited" in capsys.readouterr().out


def test_the_real_locks_can_be_audited(capsys: pytest.CaptureFixture[str]) -> None:
    with advisories() as url:
        assert main(["--service", "osv", "--osv-url", url]) == 0
    out = capsys.readouterr().out
    for name in LOCKS:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert f"{name}:\n" in out
        assert text.count("--hash=sha256:") > 100
    assert all(int(line.split()[0]) > 80 for line in out.splitlines() if "audited" in line)


def test_a_package_that_the_service_does_not_know_is_not_called_fine() -> None:
    told = {
        "dependencies": [
            {"name": "left", "version": "1.5", "vulns": []},
            {"name": "right", "skip_reason": "Dependency not found on PyPI and could not be audited: right (1.5)"},
        ]
    }
    audit = read(told)
    assert audit.status == 2
    assert str(audit).startswith("1 of 2 packages were not audited, for example: Dependency not found")
    assert Audit(0, (), ()).status == 2
    assert str(Known("left", "1.5", "X", ())) == "left 1.5: X, not fixed"


def test_make_audits_and_make_test_does_not() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "\naudit: setup\n\t$(BIN)/python -m tests.deploy.audit\n" in makefile
    assert "audit" not in makefile.partition("\ntest:")[2].partition("\n\n")[0]
