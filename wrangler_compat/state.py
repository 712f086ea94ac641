"""The state folder of `dev`: data of the bundled servers, logs, generated secrets, and who uses it now."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import string
import subprocess
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from wrangler_compat.errors import ConfigError
from wrangler_compat.watchdog import end

DEFAULT_FOLDER = ".twinreel"
_TAKEOVER_SECONDS = 20.0


class State:
    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    @property
    def logs(self) -> Path:
        return self._made("logs")

    @property
    def redis(self) -> Path:
        return self._made("redis")

    @property
    def s3(self) -> Path:
        return self._made("s3")

    @property
    def chroma(self) -> Path:
        return self._made("chroma")

    @property
    def database(self) -> Path:
        return self.folder / "d1.sqlite"

    def make(self) -> None:
        """Raises ConfigError."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"The state folder {self.folder} cannot be made: {error.strerror}.") from error

    def secrets(self, names: Collection[str]) -> Mapping[str, str]:
        """A random value for each name, the same on every start. R2_ACCESS_KEY gets 20 characters, as S3 wants."""
        kept = self._read("secrets.json")
        missing = [name for name in names if name not in kept]
        if missing:
            kept.update({name: _random(20 if name == "R2_ACCESS_KEY" else 40) for name in missing})
            self._write("secrets.json", kept)
        return {name: kept[name] for name in names}

    def publish(self, environ: Mapping[str, str]) -> None:
        """Let the other commands find the running servers."""
        self._write("connections.json", dict(environ))

    def unpublish(self) -> None:
        (self.folder / "connections.json").unlink(missing_ok=True)

    def published(self) -> Mapping[str, str]:
        """The connections of the `dev` that runs here; none when none runs."""
        return self._read("connections.json") if self._is_locked() else {}

    @contextlib.contextmanager
    def locked(self) -> Iterator[int]:
        """Within: this process alone uses the folder. The descriptor of the lock can be handed to a child.

        Raises ConfigError when another run has it. One that was killed gets the time to be cleared away.
        """
        with (self.folder / "lock").open("a+") as file:
            deadline = time.monotonic() + _TAKEOVER_SECONDS
            while not _try_lock(file.fileno()):
                file.seek(0)
                holder = file.read().strip()
                if _is_running(holder) or time.monotonic() > deadline:
                    raise ConfigError(
                        f"The state folder {self.folder} is used by another run (process {holder or 'unknown'}). "
                        "Stop that one, or start this one with another folder: --state DIR."
                    )
                time.sleep(0.2)
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            self._end_leftovers()
            yield file.fileno()
            file.truncate(0)

    def note_children(self, groups: Iterable[int]) -> None:
        """Remember the process groups that run, for the next start in case that nobody ends them."""
        self._write("children.json", {str(group): _started(group) for group in groups})

    def _end_leftovers(self) -> None:
        """End what a killed run, whose watchdog was killed too, has left behind."""
        noted = self._read("children.json")
        end({int(group) for group, started in noted.items() if started and _started(int(group)) == started}, 5.0)
        self.unpublish()

    def _is_locked(self) -> bool:
        try:
            with (self.folder / "lock").open("rb") as file:
                return not _try_lock(file.fileno(), fcntl.LOCK_SH)
        except FileNotFoundError:
            return False

    def _made(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def _read(self, name: str) -> dict[str, str]:
        try:
            found = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise ConfigError(f"{self.folder / name} cannot be read ({error}); remove it, or restore it.") from error
        return dict(found)

    def _write(self, name: str, content: Mapping[str, str]) -> None:
        """All or nothing, and never readable by others."""
        fresh = self.folder / f".{name}.{os.getpid()}"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(dict(content), file, indent=1)
        fresh.replace(self.folder / name)


def _try_lock(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_running(pid: str) -> bool:
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _started(pid: int) -> str:
    """When the process began, in some unit: tells it from a later one of the same number. Empty: not running."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:
            return stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
        except OSError:
            return ""
    found = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def _random(length: int) -> str:
    return "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(length))
