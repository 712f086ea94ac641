"""The consumer's settings: defaults in wrangler.toml, overridden by the environment, checked on start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from consumer.clamd import address_of
from wire.secrets import is_known, refusal
from wrangler_compat.config import WorkerConfig, load_worker, setting, settings_from
from wrangler_compat.connections import CONNECTION_NAMES, Connections, connections_from
from wrangler_compat.errors import ConfigError

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Settings:
    processor_url: str = setting("Where the processor answers: the address of the PROCESSOR binding.", minimum=1)
    processor_timeout_seconds: float = setting(
        "Longest wait for one answer of the processor.", unit="seconds", minimum=1
    )
    processor_busy_seconds: float = setting(
        "How long a job waits for a free slot of the processor before it goes back to the queue.",
        unit="seconds",
        minimum=0,
    )
    duplicate_threshold: float = setting("A score from which on a video is a duplicate.", minimum=0, maximum=1)
    similarity_threshold: float = setting(
        "A score from which on the sound decides between duplicate and flagged.", minimum=0, maximum=1
    )
    min_similarity: float = setting("A score from which on similar_to is noted.", minimum=0, maximum=1)
    audio_threshold: float = setting("A score from which on two sounds are the same.", minimum=0, maximum=1)
    duration_tolerance: float = setting(
        "How much two lengths may differ, as a share of the longer, without being flagged.", minimum=0, maximum=1
    )
    top_k: int = setting("Neighbours asked of Vectorize for each vector.", minimum=1, maximum=100)
    max_candidates: int = setting("Candidates compared exactly for each video.", minimum=1)
    max_duration: int = setting("Longest video; a longer one is rejected as too_long.", unit="seconds", minimum=1)
    range_seconds: float = setting("A longer video is fingerprinted in ranges of this.", unit="seconds", minimum=10)
    max_parallel_ranges: int = setting("Ranges of one video fingerprinted at a time.", minimum=1)
    job_timeout_seconds: float = setting("Longest time for one try of a job.", unit="seconds", minimum=1)
    max_retries: int = setting("Tries after the first that failed; then the job is failed.", minimum=0)
    retry_base_seconds: float = setting("Wait before the first retry; it doubles each time.", unit="seconds", minimum=0)
    retry_limit_seconds: float = setting("Longest wait before a retry.", unit="seconds", minimum=0)
    max_jobs: int = setting("Videos one worker process has in hand at a time.", minimum=1)
    compare_workers: int = setting("Processes that compare fingerprints.", minimum=1)
    earlier_wait_seconds: float = setting(
        "How long a video waits for the verdict on an earlier one it resembles before its job goes back to the queue.",
        unit="seconds",
        minimum=0,
    )
    lease_seconds: float = setting(
        "A job whose worker has not been heard of for so long is given to another.", unit="seconds", minimum=1
    )
    heartbeat_seconds: float = setting("How often a worker renews its leases.", unit="seconds", minimum=0.05)
    sweep_seconds: float = setting("How often jobs without a queue message are looked for.", unit="seconds", minimum=1)
    pending_grace_seconds: float = setting(
        "A pending job this much overdue is sent again when its queue is empty.", unit="seconds", minimum=0
    )
    shutdown_grace_seconds: float = setting(
        "How long a worker told to stop goes on with what it has in hand.", unit="seconds", minimum=0
    )
    doctor_interval_seconds: float = setting(
        "How often one of the workers looks for rows, objects and vectors without their counterparts; 0: never.",
        unit="seconds",
        minimum=0,
    )
    doctor_grace_seconds: float = setting(
        "Objects, open uploads and rows younger than this are not looked at: they may be on their way.",
        unit="seconds",
        minimum=60,
    )
    webhook_timeout_seconds: float = setting(
        "Longest wait for a webhook's target.", unit="seconds", minimum=1, maximum=300
    )
    webhook_give_up_seconds: float = setting(
        "How long a webhook that is not taken is tried again.", unit="seconds", minimum=0
    )
    webhook_allowed_hosts: tuple[str, ...] = setting(
        "Hosts that webhooks may be sent to though their addresses are private, and by http."
    )
    clamd_url: str = setting(
        "Where clamd answers, which scans each upload for viruses: tcp://host:port or unix:///path. Empty: no scan."
    )
    clamd_timeout_seconds: float = setting(
        "Longest wait for clamd to take a piece of a video, or to answer at its end.", unit="seconds", minimum=1
    )
    search_keep_seconds: float = setting(
        "How long the answers of POST /api/search and POST /api/compare are kept.", unit="seconds", minimum=1
    )
    delete_duplicates: bool = setting("Free a duplicate's object once its verdict is written.")
    renditions: str = setting(
        "Whether what browsers do not play is made into what they do, once it is approved or flagged.",
        choices=("off", "unplayable"),
    )
    rendition_timeout_seconds: float = setting(
        "Longest time for one try to have a rendition made; RENDITION_TIMEOUT of the processor, and some more.",
        unit="seconds",
        minimum=1,
        maximum=90_000,
    )
    metrics_host: str = setting("Address on which /livez, /readyz and /metrics answer.", minimum=1)
    metrics_port: int = setting("Port of /livez, /readyz and /metrics; 0: any.", minimum=0, maximum=65535)
    environment: str = setting(
        "Only in development, where `make run` puts it, are secrets taken that everybody knows.",
        choices=("production", "development"),
    )
    log_level: str = setting("Least level that is logged.", choices=("debug", "info", "warning", "error"))
    processor_secret: str | None = setting(
        "Shown to the processor as `Authorization: Internal-Secret ...`.", secret=True, optional=True
    )

    def __post_init__(self) -> None:
        """Raises ConfigError when two settings contradict each other."""
        if not self.min_similarity <= self.similarity_threshold <= self.duplicate_threshold:
            raise ConfigError(
                "MIN_SIMILARITY, SIMILARITY_THRESHOLD and DUPLICATE_THRESHOLD must not decrease in this order: "
                f"they are {self.min_similarity}, {self.similarity_threshold} and {self.duplicate_threshold}."
            )
        if self.clamd_url:
            address_of(self.clamd_url)
        if self.heartbeat_seconds * 2 > self.lease_seconds:
            raise ConfigError(
                f"LEASE_SECONDS must be at least twice HEARTBEAT_SECONDS: raise it to "
                f"{self.heartbeat_seconds * 2:g} or more."
            )


def load(environ: Mapping[str, str] = os.environ) -> tuple[WorkerConfig, Settings, Connections]:
    """What this worker declares, its settings, and where its bindings are. Raises ConfigError."""
    config = load_worker(FOLDER, environ)
    settings = settings_from(Settings, config, environ, also_known=CONNECTION_NAMES)
    connections = connections_from(environ)
    # A store that no stranger can reach may have the key of a test.
    store = None if connections.is_store_on_loopback else connections.r2_secret_key
    secrets = {"PROCESSOR_SECRET": settings.processor_secret, "R2_SECRET_KEY": store}
    for name, secret in secrets.items():
        if secret and settings.environment == "production" and is_known(secret):
            raise ConfigError(refusal(name))
    return config, settings, connections
