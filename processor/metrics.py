"""What `GET /metrics` tells. A registry for each app: nothing is shared between two of them in one process."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    def __init__(self, busy: Callable[[], int], slots: int) -> None:
        self._registry = CollectorRegistry()
        self.extractions = Counter(
            "processor_extractions_total",
            "Extractions by outcome: ok, disconnected, or the error code in lower case.",
            ["outcome"],
            registry=self._registry,
        )
        self.seconds = Histogram(
            "processor_extraction_seconds",
            "Time from request to fingerprint.",
            ["tier"],
            buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600),
            registry=self._registry,
        )
        self.renditions = Counter(
            "processor_renditions_total",
            "Renditions by outcome: ok, disconnected, or the error code in lower case.",
            ["outcome"],
            registry=self._registry,
        )
        self.bytes_read = Counter("processor_bytes_read_total", "Bytes of videos fetched.", registry=self._registry)
        self.merges = Counter("processor_merges_total", "Merges by outcome.", ["outcome"], registry=self._registry)
        self.callbacks = Counter(
            "processor_callbacks_total", "Callbacks by outcome: ok or failed.", ["outcome"], registry=self._registry
        )
        Gauge("processor_slots_busy", "Workers at work.", registry=self._registry).set_function(busy)
        Gauge("processor_slots", "Workers.", registry=self._registry).set(slots)

    def render(self) -> bytes:
        return generate_latest(self._registry)
