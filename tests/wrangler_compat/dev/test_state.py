"""The state folder: secrets kept and private, one run at a time, leftovers of killed ones ended."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.wrangler_compat.dev.processes import wait_until
from wrangler_compat import state as state_module
from wrangler_compat.errors import ConfigError
from wrangler_compat.state import State


@pytest.fixture
def state(tmp_path: Path) -> State:
    made = State(tmp_path / "deep" / "state")
    made.make()
    return made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folders_are_private(state: State) -> None:
    assert mode(state.folder) == 0o700
    for folder in (state.logs, state.redis, state.s3, state.chroma):
        assert folder.is_dir()
        assert mode(folder) == 0o700


def test_secrets_are_random_private_and_kept(state: State) -> None:
    first = state.secrets(["R2_ACCESS_KEY", "R2_SECRET_KEY"])
    assert len(first["R2_ACCESS_KEY"]) == 20
    assert len(first["R2_SECRET_KEY"]) == 40
    assert mode(state.folder / "secrets.json") == 0o600
    again = State(state.folder).secrets(["R2_ACCESS_KEY", "R2_SECRET_KEY", "PROCESSOR_SECRET"])
    assert {name: again[name] for name in first} == dict(first)
    assert State(state.folder).secrets(["PROCESSOR_SECRET"])["PROCESSOR_SECRET"] == again["PROCESSOR_SECRET"]
    assert len(set(again.values())) == 3


def test_a_damaged_file_of_secrets_is_not_replaced(state: State) -> None:
    (state.folder / "secrets.json").write_text("{")
    with pytest.raises(ConfigError, match="remove it, or restore it"):
        state.secrets(["X"])
    assert (state.folder / "secrets.json").read_text() == "{"


def test_connections_are_published_while_it_runs(state: State) -> None:
    assert state.published() == {}
    with state.locked():
        state.publish({"REDIS_URL": "redis://127.0.0.1:1/0"})
        assert mode(state.folder / "connections.json") == 0o600
        assert State(state.folder).published() == {"REDIS_URL": "redis://127.0.0.1:1/0"}
        state.unpublish()
        state.unpublish()
        assert state.published() == {}


def test_what_a_killed_run_published_counts_for_nothing(state: State) -> None:
    with state.locked():
        state.publish({"REDIS_URL": "redis://127.0.0.1:1/0"})
    assert (state.folder / "connections.json").exists()
    assert state.published() == {}


def test_one_run_at_a_time(state: State) -> None:
    refused = pytest.raises(ConfigError, match=rf"used by another run \(process {os.getpid()}\).*--state DIR")
    with state.locked(), refused, State(state.folder).locked():
        pass
    with State(state.folder).locked():
        pass


def test_a_killed_run_gets_time_to_be_cleared_away(state: State) -> None:
    script = (
        "import fcntl, sys, time; f = open(sys.argv[1], 'a'); fcntl.flock(f, 2); print('up', flush=True); time.sleep(1)"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, str(state.folder / "lock")], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    with holder.stdout as output:
        assert output.readline() == b"up\n"
        # Written by a process that is no more.
        dead = subprocess.Popen([sys.executable, "-c", ""])
        dead.wait()
        (state.folder / "lock").write_text(str(dead.pid))
        with state.locked():
            assert holder.wait(60) == 0


def test_a_lock_that_is_never_given_back(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "_TAKEOVER_SECONDS", 0.3)
    with State(state.folder).locked():
        (state.folder / "lock").write_text("")
        with pytest.raises(ConfigError, match="process unknown"), state.locked():
            pass


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)


def test_what_a_killed_run_left_is_ended_by_the_next(state: State) -> None:
    left = sleeper()
    state.note_children([left.pid])
    state.publish({"REDIS_URL": "old"})
    with State(state.folder).locked():
        assert left.wait(60) == -15
        assert state.published() == {}


def test_a_stranger_with_the_same_number_is_left_alone(state: State) -> None:
    stranger = sleeper()
    try:
        (state.folder / "children.json").write_text(json.dumps({str(stranger.pid): "1"}))
        with state.locked():
            pass
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_children_that_have_ended_are_no_trouble(state: State) -> None:
    gone = sleeper()
    state.note_children([gone.pid])
    gone.kill()
    gone.wait()
    with state.locked():
        wait_until(lambda: True)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        State(tmp_path / "file" / "state").make()
