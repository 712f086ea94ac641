"""The gateway's settings, each defined once: checked on start, listed by --help, documented in docs/api.md."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wrangler_compat.config import WorkerConfig, load_worker, setting, settings_from
from wrangler_compat.connections import CONNECTION_NAMES, Connections, connections_from
from wrangler_compat.errors import ConfigError

WORKER_FOLDER = Path(__file__).parent
FORMAT_NAMES = ("mp4", "webm", "mov")
SMALLEST_PART_BYTES = 5 * 1024 * 1024
"""R2 and S3 refuse smaller parts, the last one excepted."""
MOST_PARTS = 10_000
"""Of one multipart upload."""


@dataclass(frozen=True)
class Settings:
    processor_url: str = setting("Where the processor answers; /readyz reports on it.")
    max_file_size: int = setting("Largest video accepted.", unit="bytes", minimum=1)
    allowed_formats: tuple[str, ...] = setting("Containers accepted.", choices=FORMAT_NAMES, minimum=1)
    max_duration: int = setting("Longest range that POST /api/fingerprints accepts.", unit="seconds", minimum=1)
    allowed_url_hosts: tuple[str, ...] = setting(
        "Hosts that POST /api/fingerprints accepts even though their addresses are private."
    )
    upload_part_size: int = setting(
        "Size of the parts an upload is stored in.", unit="bytes", minimum=SMALLEST_PART_BYTES, maximum=512 * 1024**2
    )
    upload_parts_in_flight: int = setting("Parts of one upload on their way to R2 at once.", minimum=1, maximum=16)
    uploads_at_once: int = setting("Uploads received at once; further ones wait.", minimum=1)
    upload_wait_seconds: float = setting("How long an upload waits for its turn.", unit="seconds", minimum=0)
    max_pending_jobs: int = setting("Undecided videos from which on uploads are told TOO_BUSY; 0: no limit.", minimum=0)
    upload_idle_seconds: float = setting("Silence after which an upload is given up.", unit="seconds", minimum=0.1)
    binding_timeout_seconds: float = setting("Longest wait for D1 or a queue.", unit="seconds", minimum=0.1)
    transfer_timeout_seconds: float = setting("Longest wait for one R2 transfer.", unit="seconds", minimum=1)
    link_seconds: int = setting("How long presigned links work.", unit="seconds", minimum=1, maximum=604800)
    event_streams: int = setting("Event streams open at once.", minimum=1)
    event_poll_seconds: float = setting("Pause between looks at a video's row.", unit="seconds", minimum=0.01)
    event_heartbeat_seconds: float = setting("Pause between heartbeats of a stream.", unit="seconds", minimum=0.01)
    event_stream_seconds: float = setting("Longest life of one stream.", unit="seconds", minimum=0.1)
    leftover_interval_seconds: float = setting(
        "Pause between searches for what a killed gateway left behind.", unit="seconds", minimum=0.01
    )
    leftover_upload_seconds: float = setting(
        "Age at which an open multipart upload counts as left behind.", unit="seconds", minimum=60
    )
    log_level: str = setting("Least level that is logged.", choices=("debug", "info", "warning", "error"))
    processor_secret: str | None = setting(
        "What internal callers show as Authorization: Internal-Secret. Unset: they are all refused.",
        secret=True,
        optional=True,
        minimum=8,
    )

    def __post_init__(self) -> None:
        """Raises ConfigError when two settings contradict each other."""
        if self.max_file_size > self.upload_part_size * MOST_PARTS:
            raise ConfigError(
                f"MAX_FILE_SIZE takes more than {MOST_PARTS} parts of UPLOAD_PART_SIZE; "
                f"raise UPLOAD_PART_SIZE to {-(-self.max_file_size // MOST_PARTS)} or more."
            )


@dataclass(frozen=True)
class Configuration:
    """Everything read from wrangler.toml and the environment."""

    worker: WorkerConfig
    settings: Settings
    connections: Connections


def configuration(environ: Mapping[str, str] | None = None) -> Configuration:
    """Read it all, once. Raises ConfigError with a sentence."""
    environ = os.environ if environ is None else environ
    worker = load_worker(WORKER_FOLDER, environ)
    settings = settings_from(Settings, worker, environ, also_known=CONNECTION_NAMES)
    return Configuration(worker, settings, connections_from(environ))


def dev_token_file(environ: Mapping[str, str] | None = None) -> Path:
    """Where `greet` remembers its token: TWINREEL_TOKEN_FILE, else .twinreel/token in the current folder."""
    environ = os.environ if environ is None else environ
    return Path(environ.get("TWINREEL_TOKEN_FILE") or ".twinreel/token")
