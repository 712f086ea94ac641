"""The demo's own Twinreel: what `make run` starts, in a folder of its own, and who may use it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from wrangler_compat import ports
from wrangler_compat.connections import CONNECTION_NAMES
from wrangler_compat.state import State

ROOT = Path(__file__).parents[2]
PREFERRED_PORT = 8787
READY_SECONDS = 120.0
STOP_SECONDS = 60.0
USERS: Mapping[str, str] = {"uploader": "demo-uploader", "moderator": "demo-moderator"}
"""Role -> user name."""

_OURS_TO_SAY = {*CONNECTION_NAMES, "TWINREEL_TOKEN_FILE", "WRANGLER_STATE", "PROCESSOR_URL", "PORT", "HOST"}
_READY = re.compile(r"^Twinreel is ready at (\S+)$", re.MULTILINE)


class DemoError(Exception):
    """The message is a sentence that says what to do."""


@dataclass
class Memory:
    """What a second run has to know. tokens: by role. videos: ids by the name of what was uploaded."""

    url: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    videos: dict[str, str] = field(default_factory=dict)

    def keep(self, folder: Path) -> None:
        """Where its owner alone can read it, all or nothing. Raises OSError."""
        draft = folder / ".demo.json.part"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(asdict(self), file, indent=1)
        draft.replace(folder / "demo.json")


def remembered(folder: Path) -> Memory:
    """Raises DemoError."""
    path = folder / "demo.json"
    try:
        return Memory(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Memory()
    except (OSError, ValueError, TypeError) as error:
        raise DemoError(f"{path} cannot be read ({error}). Remove {folder}, and the demo begins anew.") from error


@dataclass
class Instance:
    """environ: of the commands that it runs. process: None when another run of the demo has started it."""

    folder: Path
    environ: Mapping[str, str]
    memory: Memory
    process: subprocess.Popen[bytes] | None

    @property
    def log(self) -> Path:
        return self.folder / "demo.log"

    def wait_ready(self) -> None:
        """Until it answers. Raises DemoError."""
        if self.process is None:
            return
        until = time.monotonic() + READY_SECONDS
        while (found := _READY.search(self.log.read_text(encoding="utf-8", errors="replace"))) is None:
            if self.process.poll() is not None:
                raise DemoError(f"Twinreel did not start. Its last words:\n{last_lines(self.log)}")
            if time.monotonic() > until:
                raise DemoError(f"Twinreel was not ready after {READY_SECONDS:.0f} s; see {self.log}, and try again.")
            time.sleep(0.2)
        self.memory.url = found[1]
        self.memory.tokens["admin"] = (self.folder / "token").read_text(encoding="ascii").strip()
        for role, name in USERS.items():
            if role not in self.memory.tokens:
                self.memory.tokens[role] = self._token(role, name)
        self.memory.keep(self.folder)

    def check(self) -> None:
        """Raises DemoError when it has ended."""
        if self.process is not None and self.process.poll() is not None:
            raise DemoError(f"Twinreel has ended by itself. Its last words:\n{last_lines(self.log)}")

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _token(self, role: str, name: str) -> str:
        """Of a user who is made unless they are there. Raises DemoError."""
        self._run("users", "create", "--email", f"{name}@localhost", "--username", name, "--role", role, may_fail=True)
        return self._run("tokens", "create", "--user", name, "--name", "demo")

    def _run(self, *arguments: str, may_fail: bool = False) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "edge_api", *arguments],
            cwd=ROOT,
            env={**bare(self.environ), "ENVIRONMENT": "development", **State(self.folder).published()},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0 and not may_fail:
            raise DemoError(f"python -m edge_api {' '.join(arguments)} failed: {done.stderr.strip()}")
        return done.stdout.strip()


@contextlib.contextmanager
def opened(folder: Path, environ: Mapping[str, str], port: int | None) -> Iterator[Instance]:
    """The one that runs in the folder, else one that is started now and stopped on leaving. port: None for 8787, or any
    when that is taken. Raises DemoError."""
    folder = folder.resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DemoError(
            f"The folder {folder} cannot be made ({error.strerror}); name another: --folder DIR."
        ) from error
    memory = remembered(folder)
    if State(folder).published():
        if not memory.url:
            raise DemoError(
                f"Something that the demo did not start runs in {folder}; stop it, or name another: --folder."
            )
        yield Instance(folder, environ, memory, None)
        return
    instance = Instance(folder, environ, memory, None)
    instance.process = _started(instance.log, folder, environ, port or ports.choose(PREFERRED_PORT))
    try:
        yield instance
    finally:
        instance.stop()


def bare(environ: Mapping[str, str]) -> dict[str, str]:
    """Without what would lead the demo to servers and folders that are not its own."""
    return {name: value for name, value in environ.items() if name not in _OURS_TO_SAY}


def last_lines(log: Path, count: int = 12) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])


def _started(log: Path, folder: Path, environ: Mapping[str, str], port: int) -> subprocess.Popen[bytes]:
    """In a session of its own: Ctrl-C reaches the demo alone, which then stops it."""
    command: Sequence[str] = ("-m", "wrangler_compat", "--state", str(folder), "dev", "--port", str(port))
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=bare(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
