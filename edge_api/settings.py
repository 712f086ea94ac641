"""The gateway's settings, each defined once: checked on start, listed by --help, documented in docs/api.md."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wire.secrets import is_known, refusal
from wrangler_compat.config import WorkerConfig, load_worker, setting, settings_from
from wrangler_compat.connections import CONNECTION_NAMES, Connections, connections_from, sqlite_path
from wrangler_compat.errors import ConfigError
from wrangler_compat.slots.limits import MAX_LIMIT

WORKER_FOLDER = Path(__file__).parent
ENVIRONMENTS = ("production", "development")
FORMAT_NAMES = ("mp4", "webm", "mov")
_ORIGIN = re.compile(r"\*|https?://[A-Za-z0-9.\-]+(:\d{1,5})?|https?://\[[0-9a-f:.]+\](:\d{1,5})?")
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
    webhook_allowed_hosts: tuple[str, ...] = setting(
        "Hosts that webhooks may be sent to though their addresses are private, and by http; as the consumers have it."
    )
    requests_per_minute: int = setting(
        "Requests that a token may make in a minute, uploads not counted; 0: no limit.", minimum=0, maximum=10**11
    )
    uploads_per_minute: int = setting(
        "Uploads and POST /api/fingerprints that a token may begin in a minute; 0: no limit.", minimum=0, maximum=10**11
    )
    upload_bytes_per_minute: int = setting(
        "Bytes that a token may upload in a minute, one upload excepted; 0: no limit.",
        unit="bytes",
        minimum=0,
        maximum=10**11,
    )
    uploads_at_once_per_token: int = setting(
        "Uploads that a token may have under way at once, searches with files among them; 0: no limit.",
        minimum=0,
        maximum=MAX_LIMIT,
    )
    sign_ins_per_minute: int = setting(
        "Times that an address may try to sign in to the console in a minute; 0: no limit.", minimum=0, maximum=10**11
    )
    session_seconds: float = setting("How long one stays signed in to the console.", unit="seconds", minimum=60)
    quota_videos: int = setting("Videos that a user may keep; 0: no limit. `users update` sets another.", minimum=0)
    quota_bytes: int = setting(
        "Bytes that a user's videos may take; 0: no limit. `users update` sets another.", unit="bytes", minimum=0
    )
    upload_part_size: int = setting(
        "Size of the parts an upload is stored in.", unit="bytes", minimum=SMALLEST_PART_BYTES, maximum=512 * 1024**2
    )
    upload_parts_in_flight: int = setting("Parts of one upload on their way to R2 at once.", minimum=1, maximum=16)
    uploads_at_once: int = setting("Uploads received at once; further ones wait. Slow ones do not count.", minimum=1)
    slow_upload_bytes_per_second: int = setting(
        "Uploads slower than that are slow: they are received beside the others.", unit="bytes", minimum=1
    )
    upload_wait_seconds: float = setting("How long an upload waits for its turn.", unit="seconds", minimum=0)
    max_pending_jobs: int = setting("Undecided videos from which on uploads are told TOO_BUSY; 0: no limit.", minimum=0)
    upload_idle_seconds: float = setting("Silence after which an upload is given up.", unit="seconds", minimum=0.1)
    binding_timeout_seconds: float = setting("Longest wait for D1 or a queue.", unit="seconds", minimum=0.1)
    transfer_timeout_seconds: float = setting("Longest wait for one R2 transfer.", unit="seconds", minimum=1)
    max_connections: int = setting("Connections open at once; further ones are told TOO_BUSY.", minimum=8)
    request_head_seconds: float = setting(
        "How long a client may take to send the headers of a request.", unit="seconds", minimum=0.1
    )
    cors_origins: tuple[str, ...] = setting(
        "Origins, such as https://videos.example, whose pages may ask from a browser; *: all. None: CORS is off."
    )
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
    tus_expire_seconds: float = setting(
        "How long a resumable upload may take, from its creation.", unit="seconds", minimum=60, maximum=6 * 86400
    )
    tus_lock_seconds: float = setting(
        "How long the lock on a resumable upload outlives a gateway that was killed.",
        unit="seconds",
        minimum=1,
        maximum=60,
    )
    storage_interval_seconds: float = setting(
        "Pause between listings of the bucket that say what is stored; one gateway lists for all. 0: none.",
        unit="seconds",
        minimum=0,
    )
    price_storage_gb_month: float = setting("Price of a GB stored for a month; the default is R2's.", minimum=0)
    price_class_a_million: float = setting("Price of a million writes and lists; the default is R2's.", minimum=0)
    price_class_b_million: float = setting("Price of a million reads; the default is R2's.", minimum=0)
    free_storage_gb: float = setting("GB that cost nothing; the default is R2's.", unit="GB", minimum=0)
    free_class_a: int = setting("Writes and lists of a month that cost nothing; the default is R2's.", minimum=0)
    free_class_b: int = setting("Reads of a month that cost nothing; the default is R2's.", minimum=0)
    price_currency: str = setting("What the prices and the budget are in.")
    budget_per_month: float = setting("From 80 % of this on the dashboard warns; 0: no budget.", minimum=0)
    environment: str = setting(
        "development is for `make run`: known secrets are taken, and its greeting makes the first admin.",
        choices=ENVIRONMENTS,
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
        for origin in self.cors_origins:
            if not _ORIGIN.fullmatch(origin):
                raise ConfigError(f"CORS_ORIGINS: {origin!r} is no origin; write https://videos.example, or *.")


@dataclass(frozen=True)
class Configuration:
    """Everything read from wrangler.toml and the environment.

    first_token_file: where the first admin's token goes; None in development, where the greeting makes it.
    """

    worker: WorkerConfig
    settings: Settings
    connections: Connections
    first_token_file: Path | None


def configuration(environ: Mapping[str, str] | None = None) -> Configuration:
    """Read it all, once. Raises ConfigError with a sentence."""
    environ = os.environ if environ is None else environ
    worker = load_worker(WORKER_FOLDER, environ)
    settings = settings_from(Settings, worker, environ, also_known=CONNECTION_NAMES)
    connections = connections_from(environ)
    first = None if settings.environment == "development" else _first_token_file(environ, connections)
    if settings.environment == "production":
        # A store that no stranger can reach may have the key of a test.
        store = None if connections.is_store_on_loopback else connections.r2_secret_key
        _refuse_known(PROCESSOR_SECRET=settings.processor_secret, R2_SECRET_KEY=store)
    return Configuration(worker, settings, connections, first)


def _refuse_known(**secrets: str | None) -> None:
    """Raises ConfigError on a secret that is set and that everybody knows."""
    for name, secret in secrets.items():
        if secret and is_known(secret):
            raise ConfigError(refusal(name))


def _first_token_file(environ: Mapping[str, str], connections: Connections) -> Path:
    """TWINREEL_TOKEN_FILE, else first-token beside the database, which a gateway can write in every deployment."""
    if environ.get("TWINREEL_TOKEN_FILE") or not connections.database_url:
        return token_file(environ)
    return sqlite_path(connections.database_url).parent / "first-token"


def token_file(environ: Mapping[str, str] | None = None) -> Path:
    """Where `greet` remembers its token: TWINREEL_TOKEN_FILE, else .twinreel/token in the current folder."""
    environ = os.environ if environ is None else environ
    return Path(environ.get("TWINREEL_TOKEN_FILE") or ".twinreel/token")
