"""What `dev` starts: read from the Procfile and each worker's wrangler.toml. Pure.

The [dev] table of a wrangler.toml says: process (which Procfile line this worker is), port (a fixed port of it) or
port_variable (the var with its preferred port), check (a command that must succeed before anything is started), greet
(a command whose output is shown when everything is ready), secrets (names that get a random value, kept over starts),
vars (what every process finds in its environment, unless the caller's environment says otherwise).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wrangler_compat.config import WorkerConfig, load_worker
from wrangler_compat.errors import ConfigError

_KNOWN = {"process", "port", "port_variable", "check", "greet", "secrets", "rebuild", "vars"}
RELEASE = "release"


@dataclass(frozen=True, slots=True)
class App:
    """One Procfile line. port: the preferred one, 0 for any. url_variables: where others look for its address.

    is_public: its port is fixed, its address is the one that is shown. is_service: gets no connections, only requests.
    has_readyz: it answers GET /readyz on its port with 200 when it is ready.
    """

    name: str
    command: str
    port: int = 0
    port_variable: str = "PORT"
    url_variables: tuple[str, ...] = ()
    is_public: bool = False
    is_service: bool = False
    has_readyz: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """apps: in the order in which they are started."""

    release: str | None
    apps: tuple[App, ...]
    checks: tuple[str, ...]
    greets: tuple[str, ...]
    secrets: tuple[str, ...]
    buckets: tuple[str, ...]
    vars: Mapping[str, str] = field(default_factory=dict)


def find_workers(root: Path, environ: Mapping[str, str]) -> list[WorkerConfig]:
    """Every worker of a project: the folder's own wrangler.toml, and those of its subfolders. Raises ConfigError."""
    folders = [path.parent for path in [root / "wrangler.toml", *sorted(root.glob("*/wrangler.toml"))] if path.exists()]
    if not folders:
        raise ConfigError(f"There is no wrangler.toml in {root} or its subfolders; run this in the project's folder.")
    return [load_worker(folder, environ) for folder in folders]


def make_plan(processes: Mapping[str, str], workers: Sequence[WorkerConfig], *, port: int | None = None) -> Plan:
    """port: replaces the fixed one. Raises ConfigError when Procfile and wrangler.toml do not fit together."""
    for worker in workers:
        _check_table(worker, processes)
    # The last line first: what others depend on stands below them, as service after web.
    apps = [_app(name, processes[name], workers, port) for name in reversed(list(processes)) if name != RELEASE]
    return Plan(
        release=processes.get(RELEASE),
        apps=tuple(sorted(apps, key=lambda app: not app.is_service)),
        checks=_gathered(workers, "check"),
        greets=_gathered(workers, "greet"),
        secrets=tuple(dict.fromkeys(name for worker in workers for name in worker.dev.get("secrets", []))),
        buckets=tuple(dict.fromkeys(bucket.bucket_name for worker in workers for bucket in worker.r2_buckets)),
        vars={name: _text(value) for worker in workers for name, value in worker.dev.get("vars", {}).items()},
    )


def _app(name: str, command: str, workers: Sequence[WorkerConfig], port: int | None) -> App:
    for worker in workers:
        if worker.dev.get("process") == name:
            return _worker_app(name, command, worker, port)
    bindings = [(worker, service) for worker in workers for service in worker.services if service.service == name]
    if not bindings:
        return App(name, command)
    variables = tuple(dict.fromkeys(f"{service.binding}_URL" for _, service in bindings))
    declared = str(bindings[0][0].vars.get(variables[0], ""))
    return App(
        name,
        command,
        port=urlsplit(declared).port or 0,
        url_variables=variables,
        is_service=True,
        has_readyz=True,
    )


def _worker_app(name: str, command: str, worker: WorkerConfig, port: int | None) -> App:
    if "port" in worker.dev:
        fixed = worker.dev["port"] if port is None else port
        return App(name, command, port=int(fixed), is_public=True, has_readyz=True)
    variable = worker.dev.get("port_variable")
    if variable is None:
        return App(name, command)
    return App(name, command, port=int(worker.vars[variable]), port_variable=variable, has_readyz=True)


def _check_table(worker: WorkerConfig, processes: Mapping[str, str]) -> None:
    where = f"{worker.path} [dev]"
    for key, value in worker.dev.items():
        if key not in _KNOWN:
            raise ConfigError(f"{where} has an unknown name {key}; known are {', '.join(sorted(_KNOWN))}.")
        if not _is_well_typed(key, value):
            raise ConfigError(f"{where} {key} = {value!r} has the wrong type.")
    process = worker.dev.get("process")
    if process is not None and process not in processes:
        raise ConfigError(f"{where} process = {process!r} is no line of the Procfile ({', '.join(processes)}).")
    variable = worker.dev.get("port_variable")
    if variable is not None and not isinstance(worker.vars.get(variable), int):
        raise ConfigError(f"{where} port_variable = {variable!r} is no whole number in [vars].")


def _is_well_typed(key: str, value: Any) -> bool:
    if key == "port":
        return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65_536
    if key == "vars":
        return isinstance(value, dict) and all(isinstance(given, str | int | float) for given in value.values())
    if key == "secrets":
        return isinstance(value, list) and all(isinstance(name, str) and name for name in value)
    return isinstance(value, str) and bool(value)


def _text(value: object) -> str:
    """As an environment variable says it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _gathered(workers: Sequence[WorkerConfig], key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(worker.dev[key] for worker in workers if key in worker.dev))
