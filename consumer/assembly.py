"""Puts a consumer together from what it is granted: every part is made here, once, and handed to those who need it."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Executor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from consumer import lease_queries
from consumer.breaker import Breaker
from consumer.catalogue import Catalogue
from consumer.clamd import Clamd, address_of
from consumer.clock import Clock, utc_now
from consumer.comparison import Comparison
from consumer.detection import Detection
from consumer.doctor import Doctor
from consumer.embedding import index_entries, query_vectors
from consumer.env import Env
from consumer.explanation import explain, why
from consumer.extraction import Extraction
from consumer.failed_jobs import FailedJobs
from consumer.fingerprinting import Fingerprinting
from consumer.hand import Hand
from consumer.jobs import Jobs
from consumer.kept import Shelf
from consumer.leases import Leases
from consumer.matrices import Matrices
from consumer.metrics import Metrics
from consumer.operations import Operations
from consumer.outbox import Outbox
from consumer.pipeline import Pipeline
from consumer.policy import POLICY_VERSION, decide
from consumer.probes import Ping
from consumer.processor_client import ProcessorClient, open_http
from consumer.purging import Purging
from consumer.rebuild import Rebuild
from consumer.renditions import Renditions, renditions_of
from consumer.rounds import Rounds
from consumer.scanning import Scanning
from consumer.search import Search
from consumer.searching import Searching
from consumer.settings import Settings
from consumer.similarity import compare_each
from consumer.sound_terms import sound_question, sound_terms
from consumer.sweep import Sweep
from consumer.thresholds import Thresholds
from consumer.verdict_rows import VerdictRows
from consumer.waking import Waking
from consumer.webhooks.delivery import Webhooks
from consumer.webhooks.sending import Sender
from consumer.webhooks.targets import Targets
from consumer.workers import open_workers, processes
from wire.verdicts import Verdict
from wrangler_compat.connections import Connections
from wrangler_compat.env import open_bindings
from wrangler_compat.errors import ConfigError
from wrangler_compat.r2.counted import CountedBucket
from wrangler_compat.wrangler_toml import WorkerConfig


@dataclass(frozen=True, slots=True)
class Consumer:
    env: Env
    settings: Settings
    jobs: Jobs[Verdict]
    pipeline: Pipeline
    renditions: Renditions
    sweep: Sweep
    rounds: Rounds
    failed_jobs: FailedJobs
    webhooks: Webhooks
    catalogue: Catalogue
    search: Search
    metrics: Metrics
    operations: Operations
    pings: Mapping[str, Ping]


@asynccontextmanager
async def open_env(config: WorkerConfig, settings: Settings, connections: Connections) -> AsyncIterator[Env]:
    """The bindings that wrangler.toml declares."""
    async with (
        open_bindings(config, connections) as bindings,
        open_http(
            bindings["PROCESSOR"].url,
            secret=settings.processor_secret,
            timeout_seconds=settings.processor_timeout_seconds,
            max_connections=settings.max_jobs * settings.max_parallel_ranges + 1,
        ) as http,
    ):
        processor = ProcessorClient(
            http,
            breaker=Breaker(),
            random=Random(),
            timeout_seconds=settings.processor_timeout_seconds,
            busy_wait_seconds=settings.processor_busy_seconds,
        )
        yield Env.from_bindings(bindings, processor)


@asynccontextmanager
async def assemble(
    env: Env,
    settings: Settings,
    detection: Detection,
    *,
    executor: Callable[[], Executor] | None = None,
    now: Clock = utc_now,
    random: Random | None = None,
) -> AsyncIterator[Consumer]:
    """executor: makes what runs the detection; compare_workers processes of their own when None."""
    random = random or Random()
    metrics = Metrics()
    operations = Operations(env.db, metrics, now)
    env = replace(env, video_bucket=CountedBucket(env.video_bucket, operations.count))
    clamd = _clamd(settings)
    async with AsyncExitStack() as opened:
        opened.push_async_callback(operations.write)
        workers = opened.enter_context(open_workers(executor or processes(settings.compare_workers)))
        leases = Leases(env.db, now, settings.lease_seconds, settings.heartbeat_seconds)
        search_leases = replace(leases, sql=lease_queries.SEARCHES, kind="search")
        catalogue = Catalogue(
            db=env.db,
            videos=env.vectorize,
            segments=env.vectorize_segments,
            detection=detection,
            workers=workers,
            now=now,
        )
        search = Search(
            db=env.db,
            videos=env.vectorize,
            segments=env.vectorize_segments,
            detection=detection,
            workers=workers,
            top_k=settings.top_k,
            max_candidates=settings.max_candidates,
        )
        fingerprinting = Fingerprinting(
            bucket=env.video_bucket,
            extraction=Extraction(
                env.processor, settings.range_seconds, settings.max_parallel_ranges, settings.max_duration
            ),
            leases=leases,
            metrics=metrics,
            scanning=Scanning(env.video_bucket, clamd) if clamd else None,
        )
        comparison = Comparison(env.video_bucket, detection, workers, metrics)
        pipeline = Pipeline(
            bucket=env.video_bucket,
            db=env.db,
            catalogue=catalogue,
            search=search,
            fingerprinting=fingerprinting,
            comparison=comparison,
            detection=detection,
            workers=workers,
            leases=leases,
            rows=VerdictRows(env.db, leases, now, settings.audio_threshold),
            matrices=Matrices(env.video_bucket, workers, metrics),
            metrics=metrics,
            now=now,
            random=random,
            earlier_wait_seconds=settings.earlier_wait_seconds,
            poll_seconds=min(0.2, settings.earlier_wait_seconds / 10),
            deletes_duplicates=settings.delete_duplicates,
        )
        searching = Searching(
            bucket=env.video_bucket,
            db=env.db,
            search=search,
            fingerprinting=replace(fingerprinting, leases=search_leases),
            comparison=comparison,
            leases=search_leases,
            metrics=metrics,
            now=now,
            keep_seconds=settings.search_keep_seconds,
        )
        purging = Purging(env.db, env.video_bucket, catalogue)
        webhooks = Webhooks(
            db=env.db,
            targets=Targets(env.db, now),
            sender=Sender(settings.webhook_timeout_seconds, settings.webhook_allowed_hosts),
            metrics=metrics,
            now=now,
            random=random,
            give_up_seconds=settings.webhook_give_up_seconds,
        )
        outbox = Outbox(env.db, now, metrics, deliver=webhooks.tell)
        searches = Jobs(
            worker=f"{socket.gethostname()}:{os.getpid()}",
            steps=searching,
            purging=purging,
            leases=search_leases,
            hand=Hand(),
            outbox=outbox,
            queues=env.queues,
            metrics=metrics,
            random=random,
            max_retries=settings.max_retries,
            retry_base=settings.retry_base_seconds,
            retry_limit=settings.retry_limit_seconds,
            timeout_seconds=settings.job_timeout_seconds,
        )
        jobs = replace(searches, steps=pipeline, leases=leases, searches=searches)
        renditions = renditions_of(
            env, settings, replace(leases, sql=lease_queries.RENDITIONS, kind="render"), searches
        )
        waking = Waking(
            db=env.db,
            queues=env.queues,
            metrics=metrics,
            now=now,
            pending_grace=settings.pending_grace_seconds,
            sql=lease_queries.VIDEOS,
            kind="decide",
        )
        sweep = Sweep(
            db=env.db,
            waking=(
                waking,
                replace(waking, sql=lease_queries.SEARCHES, kind="search"),
                replace(waking, sql=lease_queries.RENDITIONS, kind="render", queues={}),
            ),
            pipeline=pipeline,
            purging=purging,
            outbox=outbox,
            metrics=metrics,
            now=now,
            lease_duration=settings.lease_seconds,
            interval=settings.sweep_seconds,
            deletes_duplicates=settings.delete_duplicates,
            hand_back_unwritten=jobs.hand_back_unwritten,
            searching=searching,
            renditions=renditions,
        )
        doctor = Doctor(
            rebuild=Rebuild(env.db, env.video_bucket, catalogue, now),
            shelf=Shelf(env.video_bucket, workers),
            rows=pipeline.rows,
            queues=env.queues,
            policy_version=detection.policy_version,
            grace_seconds=settings.doctor_grace_seconds,
        )
        rounds = Rounds(doctor, env.db, metrics, now, settings.doctor_interval_seconds)
        failed_jobs = FailedJobs(
            env.db, env.video_bucket, catalogue, pipeline.rows, env.queues, detection.policy_version, now
        )
        yield Consumer(
            env,
            settings,
            jobs,
            pipeline,
            renditions,
            sweep,
            rounds,
            failed_jobs,
            webhooks,
            catalogue,
            search,
            metrics,
            operations,
            _pings(env, clamd),
        )


def detection_of(settings: Settings) -> Detection:
    """The real core, with the thresholds of the settings. Raises ConfigError when they contradict each other."""
    thresholds = Thresholds(
        duplicate=settings.duplicate_threshold,
        similarity=settings.similarity_threshold,
        minimum=settings.min_similarity,
        audio=settings.audio_threshold,
        duration_tolerance=settings.duration_tolerance,
    )
    try:
        thresholds.check()
    except ValueError as wrong:
        raise ConfigError(f"The settings contradict each other: {wrong}.") from wrong
    return Detection(
        index_entries=index_entries,
        query_vectors=query_vectors,
        sound_terms=sound_terms,
        sound_question=sound_question,
        compare=compare_each,
        decide=partial(decide, thresholds=thresholds),
        policy_version=POLICY_VERSION,
        explain=partial(explain, thresholds=thresholds),
        why=partial(why, thresholds=thresholds),
    )


def _clamd(settings: Settings) -> Clamd | None:
    return Clamd(address_of(settings.clamd_url), settings.clamd_timeout_seconds) if settings.clamd_url else None


def _pings(env: Env, clamd: Clamd | None) -> Mapping[str, Ping]:
    return {
        "VIDEO_BUCKET": env.video_bucket.ping,
        "DB": env.db.ping,
        "VIDEO_QUEUE_HIGH": env.queues["high"].ping,
        "VIDEO_QUEUE": env.queues["normal"].ping,
        "VIDEO_QUEUE_LOW": env.queues["low"].ping,
        "VECTORIZE": env.vectorize.ping,
        "VECTORIZE_SEGMENTS": env.vectorize_segments.ping,
        "PROCESSOR": env.processor.ping,
        **({} if clamd is None else {"CLAMD": clamd.ping}),
    }
