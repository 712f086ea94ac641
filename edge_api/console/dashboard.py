"""The operators' page: how much goes on, what failed, what is kept and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from starlette.responses import Response

from edge_api import health
from edge_api.auth import User
from edge_api.bodies import form_fields, invalid
from edge_api.console import charts
from edge_api.console.formatting import day
from edge_api.console.pages import fragment, go_to, page
from edge_api.errors import ApiError
from edge_api.internal import failed_jobs, run_again
from edge_api.keys import is_id
from edge_api.sessions import set_flash
from edge_api.state import Request
from edge_api.stats.handlers import costs_of, stats_of, videos_by_verdict

PATH = "/dashboard"
MOST_FAILED = 10

KEPT: Mapping[str, str] = {
    "videos": "Videos",
    "previews": "Thumbnails and previews",
    "renditions": "Renditions",
    "fingerprints": "Fingerprints",
    "open_uploads": "Open uploads",
    "other": "Other objects",
    "database": "Database",
}
COSTS: Mapping[str, str] = {
    "storage": "Storage, GB",
    "class_a": "Writes and lists",
    "class_b": "Reads",
}


async def dashboard(request: Request, user: User) -> Response:
    return await page(request, user, "dashboard.html", **await _told(request))


async def dashboard_live(request: Request, user: User) -> Response:
    """What dashboard.js puts in the place of the last."""
    return fragment(request, user, "parts/dashboard.html", **await _told(request))


async def retry_failed(request: Request, user: User) -> Response:
    """Fields: video_id, 1 to MOST_FAILED of them. Raises ApiError INVALID_FIELD."""
    chosen = list(dict.fromkeys((await form_fields(request)).get("video_id", [])))
    if not 1 <= len(chosen) <= MOST_FAILED or not all(map(is_id, chosen)):
        raise invalid("video_id", f"video_id must be the ids of 1 to {MOST_FAILED} videos.")
    begun = sum([await _is_run(request, user, video_id) for video_id in chosen])
    if begun == len(chosen):
        await set_flash(request, "good", "It runs again." if begun == 1 else f"{begun} videos run again.")
    else:
        await set_flash(request, "bad", f"{begun} of {len(chosen)} run again; the others are decided or gone.")
    return go_to(PATH)


async def _is_run(request: Request, user: User, video_id: str) -> bool:
    try:
        await run_again(request, f"user:{user.id}", video_id)
    except ApiError as error:
        if error.code not in ("ALREADY_DECIDED", "VIDEO_NOT_FOUND"):
            raise
        return False
    return True


async def _told(request: Request) -> dict[str, Any]:
    """What both templates take: the answers of the API, and the charts of them."""
    verdicts, failed = await videos_by_verdict(request), await failed_jobs(request, MOST_FAILED, 0)
    stats, costs = await stats_of(request, verdicts, failed["total"]), await costs_of(request, verdicts)
    pings = await health.pings(request)
    days = stats["uploads"]["days"]
    stored = {each["kind"]: each["bytes"] for each in costs["storage"]}
    times = [stats["processing_seconds"][name] or 0.0 for name in ("p50", "p95", "p99")]
    return {
        "stats": stats,
        "costs": costs,
        "failed": failed,
        "health": {**pings["bindings"], "PROCESSOR": pings["processor"]},
        "by_day": charts.columns(
            [each["videos"] for each in days], [str(date.fromisoformat(each["day"]).day) for each in days]
        ),
        "busiest": day(max(days, key=lambda each: each["videos"])["day"]),
        "by_status": charts.slices(stats["statuses"]),
        "by_verdict": charts.shares([each["videos"] for each in stats["verdicts"]]),
        "by_time": charts.shares(times),
        "by_kind": charts.slices(stored),
        "KEPT": KEPT,
        "COSTS": COSTS,
    }
