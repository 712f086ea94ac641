"""Which environment names each process type knows and needs, asked of the services themselves."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import consumer.settings
import edge_api.settings
import processor.settings
from tests.deploy.files import ROOT
from wrangler_compat.config import WorkerConfig, describe_settings, load_worker
from wrangler_compat.connections import CONNECTION_NAMES, Connections

FOREIGN = {
    "ANONYMIZED_TELEMETRY": "Chroma",
    "RCLONE_AUTH_KEY": "rclone",
    "PYTHONDONTWRITEBYTECODE": "Python",
    "PYTHONUNBUFFERED": "Python",
    "PATH": "the shell",
    "RAILWAY_RUN_UID": "Railway",
}
"""Names that other programs read, and which."""

FOLDERS: Mapping[str, Path] = {"web": ROOT / "edge_api", "worker": ROOT / "consumer"}
LISTENING = {"HOST", "PORT"}
"""Read by the web line of the Procfile."""


def names(process_type: str) -> set[str]:
    """Every environment name that means something to a process type."""
    if process_type == "web":
        return (
            {about.name for about in describe_settings(edge_api.settings.Settings)} | set(CONNECTION_NAMES) | LISTENING
        )
    if process_type == "worker":
        return {about.name for about in describe_settings(consumer.settings.Settings)} | set(CONNECTION_NAMES)
    if process_type == "processor":
        return {name for name, _, _ in processor.settings.describe()}
    return {"DATABASE_URL"}


def needed(process_type: str) -> set[str]:
    """The names without a default: what its bindings cannot do without."""
    if process_type == "processor":
        return set()
    if process_type == "release":
        return {"DATABASE_URL"}
    worker = load_worker(FOLDERS[process_type], {})
    needs = set()
    if worker.r2_buckets:
        needs |= {"R2_ENDPOINT", "R2_ACCESS_KEY", "R2_SECRET_KEY"}
    if worker.d1_databases:
        needs.add("DATABASE_URL")
    if worker.queue_producers or worker.queue_consumers:
        needs.add("REDIS_URL")
    if worker.vectorize:
        needs.add("CHROMA_URL")
    return needs | {f"{service.binding}_URL" for service in worker.services}


def check(process_type: str, environ: Mapping[str, str]) -> Connections | None:
    """Starts nothing, but reads and checks the environment exactly as the process would on its start."""
    if process_type == "web":
        return edge_api.settings.configuration(environ).connections
    if process_type == "worker":
        return consumer.settings.load(environ)[2]
    if process_type == "processor":
        processor.settings.settings_from(environ)
    return None


def shutdown_grace_seconds() -> float:
    grace = _worker().vars["SHUTDOWN_GRACE_SECONDS"]
    assert isinstance(grace, float | int)
    return float(grace)


def metrics_port() -> int:
    port = _worker().vars["METRICS_PORT"]
    assert isinstance(port, int)
    return port


def processor_port() -> int:
    return next(int(default) for name, default, _ in processor.settings.describe() if name == "PORT")


def connection_defaults() -> dict[str, str]:
    defaults = {field.name.upper(): field.default for field in dataclasses.fields(Connections)}
    return {name: str(defaults[name]) for name in CONNECTION_NAMES}


def _worker() -> WorkerConfig:
    return load_worker(FOLDERS["worker"], {})
