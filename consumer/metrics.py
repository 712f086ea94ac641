"""What Prometheus is told. One registry for each worker, so that tests and workers in one process do not mix."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600)
_BREAKER_STATES = ("closed", "half_open", "open")


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.verdicts = Counter(
            "twinreel_verdicts", "Verdicts written, by status and reason.", ["status", "reason"], registry=self.registry
        )
        self.searches = Counter(
            "twinreel_searches", "Searches answered, by what the verdict would be.", ["status"], registry=self.registry
        )
        self.renditions = Counter(
            "twinreel_renditions", "Renditions made, or refused for good.", ["status"], registry=self.registry
        )
        self.stage_seconds = Histogram(
            "twinreel_stage_seconds", "Time in one stage of a job.", ["stage"], buckets=_SECONDS, registry=self.registry
        )
        self.job_seconds = Histogram(
            "twinreel_job_seconds",
            "Time from claim to the job's end.",
            ["outcome"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.retries = Counter("twinreel_job_retries", "Attempts that failed and are retried.", registry=self.registry)
        self.failures = Counter("twinreel_jobs_failed", "Jobs that failed for good.", registry=self.registry)
        self.outages = Counter(
            "twinreel_job_outages",
            "Times a job was put off since something that it needs did not answer.",
            registry=self.registry,
        )
        self.quarantined = Counter(
            "twinreel_jobs_quarantined", "Jobs set aside because workers died of them.", registry=self.registry
        )
        self.looked_again = Counter(
            "twinreel_verdicts_reconsidered",
            "Verdicts not written since the catalogue had changed.",
            registry=self.registry,
        )
        self.resent = Counter("twinreel_sweep_resent", "Jobs sent again by the sweep.", ["why"], registry=self.registry)
        self.notifications = Counter("twinreel_notifications", "Notifications sent.", ["kind"], registry=self.registry)
        self.webhook_deliveries = Gauge(
            "twinreel_webhook_deliveries", "Deliveries of webhooks, by status.", ["status"], registry=self.registry
        )
        self.queue_depth = Gauge(
            "twinreel_queue_depth", "Messages in a queue.", ["queue", "state"], registry=self.registry
        )
        self.in_hand = Gauge("twinreel_jobs_in_hand", "Jobs this worker has in hand.", registry=self.registry)
        self.r2_operations = Counter(
            "twinreel_r2_operations", "Operations of R2 called by this worker.", ["operation"], registry=self.registry
        )
        self.doctor_findings = Gauge(
            "twinreel_doctor_findings",
            "What the doctor's last look found and nobody mended, by kind.",
            ["kind"],
            registry=self.registry,
        )
        self.breaker = Gauge(
            "twinreel_processor_breaker",
            "1 for the state of the processor's breaker.",
            ["state"],
            registry=self.registry,
        )

    @contextlib.contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.stage_seconds.labels(stage=stage).observe(time.perf_counter() - begun)

    def note_end(self, kind: str, status: str, reason: str | None) -> None:
        """A job that reached its end. kind: of the job."""
        if kind == "search":
            self.searches.labels(status=status).inc()
        elif kind == "render":
            self.renditions.labels(status=status).inc()
        else:
            self.verdicts.labels(status=status, reason=reason or "").inc()

    def note_breaker(self, state: str) -> None:
        for known in _BREAKER_STATES:
            self.breaker.labels(state=known).set(int(known == state))

    def text(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)
