"""What Prometheus reads. One registry for each application, none for the module."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """uploads: by outcome, "accepted", "duplicate", "rejected", or the error code in lower case.

    verdicts: those made here (byte-equal uploads, reviews), by status and by who decided.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.uploads = Counter("twinreel_uploads", "Uploads by outcome.", ["outcome"], registry=self.registry)
        self.upload_bytes = Counter("twinreel_upload_bytes", "Bytes of accepted uploads.", registry=self.registry)
        self.verdicts = Counter(
            "twinreel_edge_verdicts", "Verdicts made by the gateway.", ["status", "decided_by"], registry=self.registry
        )
        self.requests = Histogram(
            "twinreel_http_request_seconds",
            "Time to answer.",
            ["method", "route", "status"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.streams = Gauge("twinreel_event_streams", "Event streams open now.", registry=self.registry)
        self.limited = Counter(
            "twinreel_rate_limited", "Requests refused by a rate limit.", ["policy"], registry=self.registry
        )
        self.unlimited = Counter(
            "twinreel_rate_limit_failures", "Times the rate limits could not be asked.", registry=self.registry
        )
        self.r2_operations = Counter(
            "twinreel_edge_r2_operations",
            "Operations of R2 called by the gateway.",
            ["operation"],
            registry=self.registry,
        )
        self.stored_bytes = Gauge(
            "twinreel_stored_bytes",
            "Bytes in the bucket by kind, as the last listing by this gateway found.",
            ["kind"],
            registry=self.registry,
        )
        self.queue_messages = Gauge(
            "twinreel_queue_messages", "Messages by queue and state.", ["queue", "state"], registry=self.registry
        )

    def observe_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """A method nobody knows counts as OTHER, so that callers cannot make up series."""
        self.requests.labels(method if method in _METHODS else "OTHER", route, str(status)).observe(seconds)

    def render(self) -> bytes:
        return generate_latest(self.registry)
