"""What this worker is granted, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from consumer.processor_client import ProcessorClient
from wire.jobs import Priority
from wrangler_compat.d1.types import D1Database
from wrangler_compat.queues.types import Queue
from wrangler_compat.r2.types import R2Bucket
from wrangler_compat.vectorize.types import VectorizeIndex


@dataclass(frozen=True, slots=True)
class Env:
    """vectorize: one vector a video, by video id. vectorize_segments: one for each distinct segment vector."""

    video_bucket: R2Bucket
    db: D1Database
    queues: Mapping[Priority, Queue]
    vectorize: VectorizeIndex
    vectorize_segments: VectorizeIndex
    processor: ProcessorClient

    @classmethod
    def from_bindings(cls, bindings: Mapping[str, Any], processor: ProcessorClient) -> Env:
        """bindings: by the names of wrangler.toml. processor: what reaches the PROCESSOR binding."""
        return cls(
            video_bucket=bindings["VIDEO_BUCKET"],
            db=bindings["DB"],
            queues={
                "high": bindings["VIDEO_QUEUE_HIGH"],
                "normal": bindings["VIDEO_QUEUE"],
                "low": bindings["VIDEO_QUEUE_LOW"],
            },
            vectorize=bindings["VECTORIZE"],
            vectorize_segments=bindings["VECTORIZE_SEGMENTS"],
            processor=processor,
        )
