"""A project as small as can be, with real servers behind it, for `dev` to start."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.wrangler_compat.dev.processes import MARK, marked, wait_until
from wrangler_compat.servers import free_port

ROOT = Path(__file__).parents[3]

# Answers every path with its environment, /die by dying. Its log is a line of JSON for each request.
APP = """
import http.server, json, os, sys
name, port = sys.argv[1], int(sys.argv[2])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/die":
            os._exit(9)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(dict(os.environ)).encode())
    def log_message(self, *_):
        print(json.dumps({"event": self.path, "service": name, "level": "info", "status": 200}), flush=True)
http.server.ThreadingHTTPServer((os.environ["HOST"], port), Handler).serve_forever()
"""
PROCFILE = """
release: echo migrated $DATABASE_URL
web: python app.py web $PORT
worker: python app.py worker $WORKER_PORT
helper: python app.py helper $PORT
"""
WEB = """
name = "web"
[[r2_buckets]]
binding = "BUCKET"
bucket_name = "things"
[[queues.producers]]
binding = "QUEUE"
queue = "things"
[dev]
process = "web"
port = {port}
check = "test -e app.py"
greet = "echo hello from $DEV_URL keeping $DEV_STATE with $SHARED_SECRET"
secrets = ["SHARED_SECRET"]
[dev.vars]
EASY_MODE = true
EASY_LIMIT = 5
"""
WORKER = """
name = "worker"
[vars]
WORKER_PORT = {port}
HELPER_URL = "http://127.0.0.1:{helper}"
[[services]]
binding = "HELPER"
service = "helper"
[dev]
process = "worker"
port_variable = "WORKER_PORT"
"""


class Project:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = uuid.uuid4().hex
        self.port = free_port()
        self.worker_port, self.helper_port = free_port(), free_port()
        self.state = folder / "state"
        self.output = folder / "output"
        self.write("app.py", APP)
        self.write("Procfile", PROCFILE)
        self.write("web/wrangler.toml", WEB.format(port=self.port))
        self.write("worker/wrangler.toml", WORKER.format(port=self.worker_port, helper=self.helper_port))
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("R2_", "REDIS_", "CHROMA_"))},
            MARK: self.mark,
            "PYTHONPATH": str(ROOT),
        }

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def argv(self, *command: str) -> list[str]:
        return [sys.executable, "-m", "wrangler_compat", "--state", str(self.state), *command]

    def run(self, *command: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.argv(*command),
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    @contextlib.contextmanager
    def starting(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """`dev`, begun; ended with everything it started, whatever happens."""
        with self.output.open("wb") as output:
            process = subprocess.Popen(
                self.argv("dev", *options), cwd=self.folder, env=self.environ, stdout=output, stderr=output
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(60)
            process.kill()
            process.wait()
            for pid in marked(self.mark):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)

    @contextlib.contextmanager
    def started(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        with self.starting(*options) as process:
            self.wait(lambda: "Stop: Ctrl-C" in self.said() or process.poll() is not None)
            assert process.poll() is None, self.said()
            yield process

    def said(self) -> str:
        return self.output.read_text()

    def wait(self, is_so: Callable[[], bool], timeout_seconds: float = 60) -> None:
        wait_until(is_so, timeout_seconds=timeout_seconds, why=self.said)

    def wait_nothing_left(self, timeout_seconds: float = 60) -> None:
        wait_until(lambda: marked(self.mark) == [], timeout_seconds=timeout_seconds, why=lambda: marked(self.mark))
        time.sleep(0.1)
        assert marked(self.mark) == []
