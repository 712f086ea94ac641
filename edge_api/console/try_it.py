"""Try it: a video looked up in the catalogue, or compared with another one, and nothing of it kept.

The page's script asks by POST /api/search and POST /api/compare; the answer has a page of its own while it is kept.
"""

from __future__ import annotations

from starlette.responses import Response

from edge_api.answers import own_row, shown_search
from edge_api.auth import User
from edge_api.console import answering
from edge_api.console.pages import page
from edge_api.console.video import reachable
from edge_api.state import Request

_SOMETIMES = ("reference_id", "progress", "last_error", "attempts", "verdict", "evidence", "explanation")
"""Fields that some answers have, and templates want of all."""


async def try_it(request: Request, user: User) -> Response:
    """The query's `with`: id of a video to compare with."""
    settings = request.state["settings"]
    return await page(
        request,
        user,
        "try.html",
        max_file_size=settings.max_file_size,
        formats=settings.allowed_formats,
        reference_id=request.query_params.get("with", ""),
        address=str(request.base_url).rstrip("/"),
    )


async def tried(request: Request, user: User) -> Response:
    """Raises ApiError SEARCH_NOT_FOUND, also for somebody else's."""
    search = dict.fromkeys(_SOMETIMES) | await shown_search(request, await own_row(request, user))
    verdict = search["verdict"] or {"matches": [], "duplicate_of": None, "similar_to": None}
    explanation = search["explanation"]
    return await page(
        request,
        user,
        "tried.html",
        search=search,
        verdict=verdict,
        state=answering.state_of(search),
        label=answering.label_of(search),
        sentence=answering.sentence_of(search),
        evidence=search["evidence"],
        gates=[{**gate, "said": answering.gate_of(gate)} for gate in explanation["gates"]] if explanation else [],
        change=answering.nearest_change(explanation) if explanation else None,
        reachable=await reachable(request, user, {**verdict, "reference_id": search["reference_id"]}),
    )
