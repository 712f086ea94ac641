"""GET /api/stats and /api/stats/costs. Each is a handful of reads, one after the other, on indexes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from starlette.responses import JSONResponse

from edge_api import health
from edge_api.auth import User
from edge_api.deadlines import deadline
from edge_api.internal import failed_jobs
from edge_api.keys import moment_of, timestamp
from edge_api.settings import Settings
from edge_api.state import Request
from edge_api.stats import costs, figures, queries, storage
from wire.verdicts import VIDEO_STATUSES
from wrangler_compat.d1.types import D1Result, D1Value, Row
from wrangler_compat.queues.types import QueueInfo
from wrangler_compat.r2.counted import CLASSES

SAMPLE = 1000
"""Videos and jobs that percentiles are made of, at most."""

MOST_TROUBLES = 10


async def stats(request: Request, user: User) -> JSONResponse:
    failed = await failed_jobs(request, 1, 0)
    return JSONResponse(await stats_of(request, await videos_by_verdict(request), failed["total"]))


async def cost_stats(request: Request, user: User) -> JSONResponse:
    return JSONResponse(await costs_of(request, await videos_by_verdict(request)))


async def videos_by_verdict(request: Request) -> D1Result:
    """What both are made of. Raises BindingError."""
    return await _all(request, queries.VIDEOS_BY_VERDICT)


async def stats_of(request: Request, verdicts: D1Result, failed: int) -> dict[str, Any]:
    """What GET /api/stats answers. Days are those of UTC. verdicts: of videos_by_verdict(). failed: jobs.

    Raises BindingError.
    """
    now, by_verdict = datetime.now(UTC), verdicts.results
    first = figures.first_day(now.date()).isoformat()
    by_day = (await _all(request, queries.UPLOADS_BY_DAY, first)).results
    waiting = (await _all(request, queries.JOBS_WAITING)).results
    runs = (await _all(request, queries.LAST_RUNS, first, SAMPLE)).results
    decided = (await _all(request, queries.LAST_VERDICTS, first, SAMPLE)).results
    troubles = (await _all(request, queries.TROUBLES, MOST_TROUBLES)).results
    days = figures.every_day(by_day, now.date())
    return {
        "at": timestamp(now),
        "uploads": {"today": days[-1]["videos"], "today_bytes": days[-1]["bytes"], "days": days},
        "queue": _queue(waiting, failed, now),
        "messages": [_messages(info) for info in await health.depths(request.state["env"])],
        "statuses": _statuses(by_verdict),
        "verdicts": _verdicts(by_verdict),
        "processing_seconds": figures.spread(figures.seconds_between(runs)),
        "verdict_seconds": figures.spread(figures.seconds_between(decided)),
        "troubles": troubles,
    }


async def costs_of(request: Request, verdicts: D1Result) -> dict[str, Any]:
    """What GET /api/stats/costs answers. verdicts: of videos_by_verdict(). Raises BindingError."""
    settings, today = request.state["settings"], datetime.now(UTC).date()
    (uploads,) = (await _all(request, queries.OPEN_UPLOADS)).results
    duty = next(iter((await _all(request, queries.DUTY)).results), None)
    first = figures.first_day(today, costs.MONTH_DAYS).isoformat()
    calls = (await _all(request, queries.CALLS, first)).results
    kept = _storage(verdicts, uploads, duty)
    since = min((row["first_day"] for row in calls), default=None)
    monthly = costs.in_a_month(
        {row["operation"]: int(row["calls"]) for row in calls},
        0 if since is None else (today - date.fromisoformat(since)).days + 1,
    )
    prices = _prices(settings)
    lines = costs.costs_of(sum(each["bytes"] for each in kept if each["is_priced"]), monthly, prices)
    per_month = costs.total(lines)
    return {
        "at": timestamp(),
        "storage": kept,
        "measured_at": None if duty is None else duty["done_at"],
        "operations": [
            {"operation": name, "class": CLASSES.get(name, "free"), "per_month": number}
            for name, number in sorted(monthly.items())
        ],
        "operations_since": since,
        "costs": [
            {"name": line.name, "quantity": line.quantity, "free": line.free, "amount": round(line.amount, 6)}
            for line in lines
        ],
        "per_month": round(per_month, 6),
        "budget": settings.budget_per_month,
        "currency": settings.price_currency,
        "alerts": costs.alerts(per_month, settings.budget_per_month, settings.price_currency),
        "advice": [
            {"text": each.text, "bytes": each.bytes, "saves": round(each.saves, 6)}
            for each in costs.advice(verdicts.results, prices)
        ],
    }


def _queue(waiting: list[Row], failed: int, now: datetime) -> dict[str, Any]:
    """oldest: of those that nobody has in hand; its age is that of its upload."""
    found = {row["status"]: row for row in waiting}
    oldest = found["pending"]["oldest_at"] if "pending" in found else None
    return {
        "pending": found["pending"]["jobs"] if "pending" in found else 0,
        "processing": found["processing"]["jobs"] if "processing" in found else 0,
        "failed": failed,
        "oldest_at": oldest,
        "oldest_seconds": None if oldest is None else max(0.0, round((now - moment_of(oldest)).total_seconds(), 1)),
    }


def _messages(info: QueueInfo) -> dict[str, Any]:
    return {"queue": info.name, "ready": info.ready, "delayed": info.delayed, "dead": info.dead_letters}


def _statuses(rows: list[Row]) -> dict[str, int]:
    return {status: sum(row["videos"] for row in rows if row["status"] == status) for status in VIDEO_STATUSES}


def _verdicts(rows: list[Row]) -> list[dict[str, Any]]:
    """Those in force, by status and reason, the most frequent first."""
    decided = [row for row in rows if row["status"] != "processing"]
    decided.sort(key=lambda row: (-row["videos"], row["status"], row["reason"] or ""))
    return [{name: row[name] for name in ("status", "reason", "videos")} for row in decided]


def _storage(verdicts: D1Result, uploads: Row, duty: Row | None) -> list[dict[str, Any]]:
    """Videos, open uploads and the database as they are now, the rest as the last listing found it; null: not yet.

    is_priced: what lies in R2.
    """
    listed = storage.read(duty)
    videos = sum(int(row["bytes"]) for row in verdicts.results)
    found = [_kept("videos", videos, None)]
    for kind in storage.LISTED:
        if kind not in ("videos", "open_uploads"):
            each = None if listed is None else listed[kind]
            found.append(_kept(kind, each.bytes if each else 0, each.objects if each else None))
    found.append(_kept("open_uploads", int(uploads["bytes"]), uploads["objects"]))
    return [*found, _kept("database", verdicts.meta.size_after, None, is_priced=False)]


def _kept(kind: str, size: int, objects: int | None, *, is_priced: bool = True) -> dict[str, Any]:
    return {"kind": kind, "bytes": size, "objects": objects, "is_priced": is_priced}


def _prices(settings: Settings) -> costs.Prices:
    return costs.Prices(
        storage=settings.price_storage_gb_month,
        class_a=settings.price_class_a_million,
        class_b=settings.price_class_b_million,
        free_gb=settings.free_storage_gb,
        free_a=settings.free_class_a,
        free_b=settings.free_class_b,
        currency=settings.price_currency,
    )


async def _all(request: Request, sql: str, *values: D1Value) -> D1Result:
    async with deadline(request.state["settings"].binding_timeout_seconds, "DB"):
        return await request.state["env"].db.prepare(sql).bind(*values).all()
