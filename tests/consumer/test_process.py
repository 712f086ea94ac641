from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from consumer.process import Process, arq_settings
from consumer.settings import load
from wrangler_compat.d1.migrations import apply
from wrangler_compat.errors import ConfigError

ROOT = Path(__file__).parents[2]
MIGRATIONS = ROOT / "migrations"
NOBODY = "127.0.0.1:1"


def environ_of(folder: Path, **more: str) -> dict[str, str]:
    """Every service is named, and none of them is there."""
    return {
        "R2_ENDPOINT": f"http://{NOBODY}",
        "R2_ACCESS_KEY": "an-access-key-of-16",
        "R2_SECRET_KEY": "a-secret-key",
        "DATABASE_URL": f"sqlite:///{folder / 'twinreel.db'}",
        "REDIS_URL": f"redis://{NOBODY}/0",
        "CHROMA_URL": f"http://{NOBODY}",
        "PROCESSOR_URL": f"http://{NOBODY}",
        "METRICS_PORT": "0",
    } | more


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def test_a_worker_starts_while_everything_else_is_down_and_says_so(tmp_path: Path) -> None:
    await apply(tmp_path / "twinreel.db", MIGRATIONS)
    port = free_port()
    process = Process(*load(environ_of(tmp_path, METRICS_PORT=str(port))))
    await process.start({})
    try:
        async with httpx.AsyncClient(timeout=10) as http:
            assert (await http.get(f"http://127.0.0.1:{port}/livez")).status_code == 200
            ready = await http.get(f"http://127.0.0.1:{port}/readyz")
    finally:
        await process.stop({})
    bindings = ready.json()["bindings"]
    assert ready.status_code == 503
    assert bindings["DB"]["ok"] is True
    down = {name for name, answer in bindings.items() if not answer["ok"]}
    assert down == set(bindings) - {"DB"}
    async with httpx.AsyncClient() as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(f"http://127.0.0.1:{port}/livez")


async def test_a_port_that_is_taken_is_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = Process(*load(environ_of(tmp_path, METRICS_PORT=str(taken.getsockname()[1]))))
        with pytest.raises(ConfigError, match="METRICS_PORT"):
            await process.start({})
        await process.stop({})


def test_what_arq_is_told_is_what_the_settings_say(tmp_path: Path) -> None:
    settings = arq_settings(environ_of(tmp_path, REDIS_URL="redis://redis.internal:6380/3"))
    assert (settings.redis_settings.host, settings.redis_settings.port) == ("redis.internal", 6380)
    assert settings.redis_settings.database == 3
    assert settings.keep_result == 0


def test_thresholds_are_checked_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="contradict"):
        arq_settings(environ_of(tmp_path, MIN_SIMILARITY="0.0"))


def test_arq_sees_every_attribute_of_worker_settings(tmp_path: Path) -> None:
    code = (
        "from consumer.worker import WorkerSettings\n"
        "from wrangler_compat.queues.arq_queue import check_worker_settings\n"
        "check_worker_settings(WorkerSettings)\n"
    )
    environ = environ_of(tmp_path) | {"PATH": os.environ["PATH"]}
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_a_worker_with_a_bad_setting_says_so_and_ends(tmp_path: Path) -> None:
    environ = environ_of(tmp_path, TOP_K="0") | {"PATH": os.environ["PATH"]}
    ended = subprocess.run(
        [sys.executable, "-c", "import consumer.worker"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("consumer: TOP_K must be")


def test_a_worker_whose_port_is_taken_says_so_and_ends(tmp_path: Path, redis_url: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        more = {"METRICS_PORT": str(taken.getsockname()[1]), "REDIS_URL": redis_url, "PATH": os.environ["PATH"]}
        ended = subprocess.run(
            [str(Path(sys.executable).parent / "arq"), "consumer.worker.WorkerSettings"],
            cwd=ROOT,
            env=environ_of(tmp_path) | more,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 1
    assert "set METRICS_PORT to a free one" in ended.stderr
    assert "Traceback" not in ended.stderr + ended.stdout
