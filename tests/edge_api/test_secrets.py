"""Secrets never show: in logs, errors, metrics, process lists. Those that everybody knows do not start."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from consumer.settings import load
from edge_api.auth import new_token
from edge_api.settings import configuration
from processor.settings import SettingsError, settings_from
from tests.edge_api.kit import MIGRATIONS, make_person, mp4
from wrangler_compat.d1 import migrations
from wrangler_compat.d1.sqlite import open_sqlite
from wrangler_compat.errors import ConfigError
from wrangler_compat.servers import free_port

PROCESSOR_SECRET = "hush-processor-0f3a91"
R2_SECRET = "hush-store-77ab02"
REDIS_PASSWORD = "hush-redis-5c1d44"
WRONG = new_token()


@dataclass(frozen=True)
class Running:
    process: subprocess.Popen[bytes]
    url: str
    log: Path
    token: str


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[Running]:
    """A gateway at its most talkative, none of whose services answers."""
    database, port, log = tmp_path / "twinreel.db", free_port(), tmp_path / "log"

    async def prepare() -> str:
        await migrations.apply(database, MIGRATIONS)
        async with open_sqlite(database) as db:
            return (await make_person(db, "alice")).token

    token = asyncio.run(prepare())
    environ = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{database}",
        "R2_ENDPOINT": "http://127.0.0.1:9",
        "R2_ACCESS_KEY": "access-key-of-a-test",
        "R2_SECRET_KEY": R2_SECRET,
        "REDIS_URL": f"redis://user:{REDIS_PASSWORD}@127.0.0.1:9/0",
        "PROCESSOR_SECRET": PROCESSOR_SECRET,
        "LOG_LEVEL": "debug",
        "TRANSFER_TIMEOUT_SECONDS": "3",
    }
    argv = [sys.executable, "-m", "edge_api", "serve", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(argv, env=environ, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 60
        while not is_alive(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield Running(process, f"http://127.0.0.1:{port}", log, token)
    finally:
        process.terminate()
        process.wait(60)


def is_alive(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/livez", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def test_nothing_that_is_printed_or_answered_holds_one(broken: Running) -> None:
    bearer = {"Authorization": f"Bearer {broken.token}"}
    internal = {"Authorization": f"Internal-Secret {PROCESSOR_SECRET}"}
    told: list[str] = []
    with httpx.Client(base_url=broken.url, timeout=30) as client:
        for path, headers in (
            ("/api/videos", bearer),
            ("/api/videos", {"Authorization": f"Bearer {WRONG}"}),
            (f"/api/videos?token={broken.token}", {}),
            (f"/api/videos/{'0' * 32}", bearer),
            ("/readyz", {}),
            ("/metrics", {}),
            ("/openapi.json", {}),
        ):
            told.append(client.get(path, headers=headers).text)
        upload = client.post("/api/upload", files={"video": ("a.mp4", mp4(), "video/mp4")}, headers=bearer)
        assert upload.status_code == 503
        told.append(upload.text)
        bodies = ({"video_id": "0" * 32}, {"video_id": 7}, None)
        told.extend(client.post("/internal/retry", json=body, headers=internal).text for body in bodies)
        wrong = {"Authorization": f"Internal-Secret {PROCESSOR_SECRET[:-1]}"}
        told.append(client.post("/internal/retry", json={}, headers=wrong).text)
        told.append(client.get("/metrics").text)
    command = Path(f"/proc/{broken.process.pid}/cmdline")
    if command.exists():
        told.append(command.read_text())
    else:
        listed = subprocess.run(["ps", "-o", "args=", "-p", str(broken.process.pid)], capture_output=True, text=True)
        told.append(listed.stdout)
    told.append(broken.log.read_text())
    assert "rate limits not asked" in told[-1]
    assert "serve" in told[-2]
    for secret in (PROCESSOR_SECRET, PROCESSOR_SECRET[:-1], R2_SECRET, REDIS_PASSWORD, broken.token, WRONG):
        assert not [text for text in told if secret in text]


KNOWN = ["changeme1", "password123", "minioadmin", "secret-secret", "aaaaaaaaaaaa"]


@pytest.mark.parametrize("known", KNOWN)
@pytest.mark.parametrize("name", ["PROCESSOR_SECRET", "R2_SECRET_KEY"])
def test_known_secrets_do_not_start_outside_development(name: str, known: str) -> None:
    for start in (configuration, load):
        with pytest.raises(ConfigError, match=f"{name} has a value that everybody knows") as refused:
            start({name: known})
        assert known not in str(refused.value)
        start({name: known, "ENVIRONMENT": "development"})
        start({name: "a3f5c0de91"})


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]:9000"])
def test_a_store_that_no_stranger_can_reach_may_have_any_key(endpoint: str) -> None:
    for start in (configuration, load):
        start({"R2_ENDPOINT": endpoint, "R2_SECRET_KEY": "minioadmin"})
        with pytest.raises(ConfigError):
            start({"R2_ENDPOINT": "http://minio:9000", "R2_SECRET_KEY": "minioadmin"})


@pytest.mark.parametrize("known", KNOWN)
def test_nor_does_the_processor(known: str) -> None:
    with pytest.raises(SettingsError, match="PROCESSOR_SECRET has a value that everybody knows"):
        settings_from({"PROCESSOR_SECRET": known})
    settings_from({"PROCESSOR_SECRET": known, "ENVIRONMENT": "development"})


@pytest.mark.parametrize("module", ["edge_api.main:app", "consumer.settings:load"])
def test_the_programs_end_with_a_sentence(module: str, tmp_path: Path) -> None:
    """As uvicorn and arq load them."""
    name, _, function = module.partition(":")
    program = f"from {name} import {function}; {function}()"
    environ = {**os.environ, "PROCESSOR_SECRET": "change-me-now", "DATABASE_URL": f"sqlite:///{tmp_path}/x.db"}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "openssl rand" in done.stderr
    assert "change-me-now" not in done.stderr


def test_serve_ends_with_a_sentence(tmp_path: Path) -> None:
    environ = {**os.environ, "PROCESSOR_SECRET": "change-me-now", "DATABASE_URL": f"sqlite:///{tmp_path}/x.db"}
    argv = [sys.executable, "-m", "edge_api", "serve", "--port", str(free_port())]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("error: PROCESSOR_SECRET has a value that everybody knows")
