"""deploy/together.sh, run over small Procfiles: start together, end together, tell the truth about how."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY

WAIT_SECONDS = 60.0
FOREVER = "sleep 300"
Together = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def together(tmp_path: Path) -> Together:
    (tmp_path / "deploy").mkdir()
    script = shutil.copy(DEPLOY / "together.sh", tmp_path / "deploy" / "together.sh")

    def start(procfile: str, *types: str) -> subprocess.Popen[str]:
        (tmp_path / "Procfile").write_text(procfile)
        return subprocess.Popen(
            [script, *types],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PORT": "81"},
        )

    return start


def wait_for(path: Path) -> str:
    limit = time.monotonic() + WAIT_SECONDS
    while not (path.exists() and path.read_text().strip()):
        assert time.monotonic() < limit, f"{path.name} was not written"
        time.sleep(0.02)
    return path.read_text().strip()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_release_ends_before_the_others_start(together: Together, tmp_path: Path) -> None:
    procfile = f"release: sleep 0.3; echo done > {tmp_path}/released\nweb: cat {tmp_path}/released\n"
    process = together(procfile, "release", "web")
    out, _ = process.communicate(timeout=WAIT_SECONDS)
    assert out.strip() == "done"


def test_nothing_starts_when_release_fails(together: Together, tmp_path: Path) -> None:
    process = together(f"release: exit 3\nweb: touch {tmp_path}/started\n", "release", "web")
    _, err = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 1
    assert "release ended with code 3" in err
    assert not (tmp_path / "started").exists()


def test_when_one_ends_the_other_is_stopped_and_the_code_is_its(together: Together, tmp_path: Path) -> None:
    worker = f"""bash -c 'sleep 0.2; until [ -s {tmp_path}/web ]; do sleep 0.05; done; exit 7'"""
    process = together(f"web: bash -c 'echo $$ > {tmp_path}/web; exec {FOREVER}'\nworker: {worker}\n", "web", "worker")
    process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 7
    assert not is_alive(int(wait_for(tmp_path / "web")))


def test_an_end_that_nobody_asked_for_is_a_failure(together: Together) -> None:
    process = together(f"web: true\nworker: {FOREVER}\n", "web", "worker")
    process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 1


@pytest.mark.parametrize("signal_sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_all_of_them_finish(together: Together, tmp_path: Path, signal_sent: signal.Signals) -> None:
    def patient(name: str) -> str:
        finish = f'trap "sleep 0.3; echo finished > {tmp_path}/{name}.end; exit 0" TERM'
        return f"{name}: bash -c '{finish}; echo up > {tmp_path}/{name}; while true; do sleep 0.05; done'\n"

    process = together(patient("web") + patient("worker"), "web", "worker")
    wait_for(tmp_path / "web")
    wait_for(tmp_path / "worker")
    process.send_signal(signal_sent)
    process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 0
    assert (tmp_path / "web.end").read_text() == (tmp_path / "worker.end").read_text() == "finished\n"


def test_commands_see_the_environment(together: Together) -> None:
    process = together("web: echo --port ${PORT:-80} --host ${HOSTNAME_UNSET:-0.0.0.0}\n", "web")
    out, _ = process.communicate(timeout=WAIT_SECONDS)
    assert out == "--port 81 --host 0.0.0.0\n"


@pytest.mark.parametrize(
    ("types", "sentence"), [((), "name the process types"), (("web", "wroker"), "no process type 'wroker'")]
)
def test_a_wrong_call_is_told_what_is_wrong(together: Together, types: tuple[str, ...], sentence: str) -> None:
    process = together(f"web: {FOREVER}\n", *types)
    _, err = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 2
    assert sentence in err


def test_it_may_be_executed() -> None:
    assert os.access(DEPLOY / "together.sh", os.X_OK)
