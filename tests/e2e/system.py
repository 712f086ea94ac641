"""The whole of Twinreel as processes on loopback, in a folder of its own; any of them can be killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.services import ACCESS_KEY, SECRET_KEY
from wrangler_compat.d1.migrations import apply
from wrangler_compat.servers import chroma_program, free_port, redis_program, s3_program
from wrangler_compat.servers.program import Program, last_words

ROOT = Path(__file__).parents[2]
BUCKET = "twinreel-videos"
MAX_DURATION = 700
RANGE_SECONDS = 60
HANG_SECONDS = 300.0
"""After so long what is waited for will not come. Nothing is measured by it: machines are busy at times."""


@dataclass
class Process:
    """One program; start() returns when it is ready."""

    program: Program
    log: Path
    environ: Mapping[str, str]
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.running = subprocess.Popen(
                self.program.argv,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**self.environ, **self.program.environ},
            )
        running = self.running

        def is_ready() -> bool:
            assert running.poll() is None, f"{self.program.name} ended at once: {last_words(self.log, lines=20)}"
            return self.program.is_ready()

        eventually(is_ready, f"{self.program.name} is ready")

    def kill(self) -> None:
        """kill -9."""
        assert self.running is not None
        self.running.kill()
        self.running.wait()

    def stop(self, seconds: float = HANG_SECONDS) -> int:
        """SIGTERM; the exit code."""
        assert self.running is not None
        self.running.send_signal(signal.SIGTERM)
        return self.running.wait(seconds)

    def end(self) -> None:
        if self.running is not None and self.running.poll() is None:
            self.running.terminate()
            try:
                self.running.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()


@dataclass
class System:
    folder: Path
    environ: dict[str, str]
    processes: dict[str, Process]
    url: str
    token: str = ""
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60))

    def post_upload(self, clip: Path, **fields: str) -> httpx.Response:
        with clip.open("rb") as file:
            return self.http.post(
                f"{self.url}/api/upload", headers=self._token(), files={"video": (clip.name, file)}, data=fields
            )

    def upload(self, clip: Path, **fields: str) -> str:
        answer = self.post_upload(clip, **fields)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["video_id"])

    def video(self, video_id: str) -> dict[str, Any]:
        answer = self.http.get(f"{self.url}/api/videos/{video_id}", headers=self._token())
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def delete(self, video_id: str) -> None:
        answer = self.http.delete(f"{self.url}/api/videos/{video_id}", headers=self._token())
        assert answer.status_code == 200, answer.text

    def verdict(self, video_id: str) -> dict[str, Any]:
        """The video once it is decided."""
        found: dict[str, Any] = {}

        def is_decided() -> bool:
            found.update(self.video(video_id))
            return str(found["status"]) != "processing"

        eventually(is_decided, f"a verdict on {video_id}: {found}")
        return self.video(video_id)

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        with contextlib.closing(sqlite3.connect(self.folder / "twinreel.db", timeout=10)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(sql, values)]

    def execute(self, sql: str, *values: Any) -> None:
        with contextlib.closing(sqlite3.connect(self.folder / "twinreel.db", timeout=10)) as database, database:
            database.execute(sql, values)

    def count(self, table: str, video_id: str) -> int:
        return int(self.rows(f"SELECT COUNT(*) AS n FROM {table} WHERE video_id = ?", video_id)[0]["n"])

    def wait_for_stage(self, video_id: str, stage: str) -> None:
        """Returns when the job is in this stage, and before it is decided."""

        def is_there() -> bool:
            (job,) = self.rows("SELECT status, stage FROM processing_jobs WHERE video_id = ?", video_id)
            assert job["status"] in ("pending", "processing"), f"too late: {job}"
            return bool(job["stage"] == stage)

        eventually(is_there, f"{video_id} in {stage}", pause=0.005)

    def forget_all_messages(self) -> None:
        """Redis loses everything."""
        port = self.processes["redis"].program.port
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"FLUSHALL\r\n")
            assert connection.recv(64).startswith(b"+OK")

    def run(self, *argv: str, seconds: float = HANG_SECONDS) -> subprocess.CompletedProcess[str]:
        """A command of ours in the system's environment."""
        return subprocess.run(
            [sys.executable, "-m", *argv],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def metrics(self, name: str) -> str:
        return httpx.get(f"{self.processes[name].program.url}/metrics", timeout=5).text

    def _token(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def eventually(happens: Callable[[], bool], what: str, *, seconds: float = HANG_SECONDS, pause: float = 0.1) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(pause)


def answers(url: str) -> Callable[[], bool]:
    def ask() -> bool:
        try:
            return httpx.get(url, timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    return ask


def service(name: str, argv: tuple[str, ...], port: int, ready: str, **environ: str) -> Program:
    url = f"http://127.0.0.1:{port}"
    return Program(name, argv, port, url, answers(f"{url}{ready}"), environ)


@contextlib.contextmanager
def running_system(folder: Path, **settings: str) -> Iterator[System]:
    """Everything started and ready; everything ended on leaving. settings: what the environment holds beside."""
    (folder / "s3" / BUCKET).mkdir(parents=True)
    (folder / "redis").mkdir()
    redis = redis_program(folder / "redis", free_port())
    s3 = s3_program(folder / "s3", free_port(), ACCESS_KEY, SECRET_KEY)
    chroma = chroma_program(folder / "chroma", free_port())
    ports = {name: free_port() for name in ("processor", "consumer", "edge_api")}
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "R2_ENDPOINT": s3.url,
        "R2_ACCESS_KEY": ACCESS_KEY,
        "R2_SECRET_KEY": SECRET_KEY,
        "R2_METADATA": "sidecar",
        "DATABASE_URL": f"sqlite:///{folder / 'twinreel.db'}",
        "REDIS_URL": redis.url,
        "CHROMA_URL": chroma.url,
        "PROCESSOR_URL": f"http://127.0.0.1:{ports['processor']}",
        "PROCESSOR_SECRET": "end-to-end-secret",
        "REQUESTS_PER_MINUTE": "0",
        "UPLOADS_PER_MINUTE": "0",
        "UPLOAD_BYTES_PER_MINUTE": "0",
        "UPLOADS_AT_ONCE_PER_TOKEN": "0",
        "MAX_DURATION": str(MAX_DURATION),
        "WEBHOOK_ALLOWED_HOSTS": "localhost",
        # Shorter than the defaults, so that long videos and waits for the dead do not take minutes.
        "RANGE_SECONDS": str(RANGE_SECONDS),
        "LEASE_SECONDS": "6",
        "HEARTBEAT_SECONDS": "2",
        "SWEEP_SECONDS": "2",
        "PENDING_GRACE_SECONDS": "3",
        **settings,
    }
    python, arq = sys.executable, str(Path(sys.executable).parent / "arq")
    programs = {
        "redis": redis,
        "s3": s3,
        "chroma": chroma,
        "processor": service(
            "processor", (python, "-m", "processor"), ports["processor"], "/livez", PORT=str(ports["processor"])
        ),
        "consumer": service(
            "consumer",
            (arq, "consumer.worker.WorkerSettings"),
            ports["consumer"],
            "/livez",
            METRICS_PORT=str(ports["consumer"]),
        ),
        "edge_api": service(
            "edge_api",
            (python, "-m", "edge_api", "serve", "--share-port", "--port", str(ports["edge_api"])),
            ports["edge_api"],
            "/livez",
        ),
    }
    processes = {
        name: Process(program, folder / f"{name}.log", os.environ if name in ("redis", "s3", "chroma") else environ)
        for name, program in programs.items()
    }
    system = System(folder, environ, processes, programs["edge_api"].url)
    try:
        for name in ("redis", "s3", "chroma"):
            processes[name].start()
        asyncio.run(apply(folder / "twinreel.db", ROOT / "migrations"))
        for name in ("processor", "consumer", "edge_api"):
            processes[name].start()
        made = system.run("edge_api", "users", "create", "--email", "e2e@example.org", "--username", "e2e")
        assert made.returncode == 0, made.stderr
        token = system.run("edge_api", "tokens", "create", "--user", "e2e")
        assert token.returncode == 0, token.stderr
        system.token = token.stdout.split()[-1]
        yield system
    finally:
        for name in reversed(processes):
            processes[name].end()
        system.http.close()
