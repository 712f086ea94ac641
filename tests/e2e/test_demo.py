"""`make demo`, the small one: from nothing to verdicts as expected, and everything stopped again."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.demo.plan import plan
from tests.repository import ROOT
from wrangler_compat import ports
from wrangler_compat.servers import free_port
from wrangler_compat.state import State


@pytest.mark.slow
def test_the_small_demo(tmp_path: Path) -> None:
    folder, port = tmp_path / "demo", free_port()
    command = ("-m", "benchmarks.demo", "--small", "--exit", "--folder", str(folder), "--port", str(port))
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        # A store of somebody else's must not get the demo's videos.
        env={**os.environ, "R2_ENDPOINT": "http://127.0.0.1:1", "DATABASE_URL": f"sqlite:///{tmp_path}/other.db"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    items = plan(small=True)
    assert f"{len(items)} of {len(items)} as expected." in done.stdout
    kept = json.loads((folder / "demo.json").read_text())
    assert set(kept["tokens"]) == {"admin", "uploader", "moderator"}
    assert not any(token in done.stdout for token in kept["tokens"].values()), "shown to who may sign in now only"
    with closing(sqlite3.connect(State(folder).database)) as database:
        decided = dict(database.execute("SELECT id, status FROM videos"))
        roles = dict(database.execute("SELECT username, role FROM users"))
    assert all(decided[kept["videos"][item.name]] in item.expected for item in items)
    assert roles == {"admin": "admin", "demo-uploader": "uploader", "demo-moderator": "moderator"}
    assert ports.is_free(port)
    assert not State(folder).published()
    assert not (tmp_path / "other.db").exists()
