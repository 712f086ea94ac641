"""Webhooks: who is told of verdicts, and what became of each telling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from edge_api import webhooks as api
from edge_api.auth import User
from edge_api.bodies import form_fields
from edge_api.console.pages import go_to, page
from edge_api.errors import ApiError
from edge_api.sessions import set_flash
from edge_api.state import Request
from wire.webhooks import DELIVERY_STATUSES, KINDS

PATH = "/webhooks"
MEANINGS: Mapping[str, str] = {
    "video.approved": "Approved",
    "video.duplicate_detected": "Duplicate",
    "video.flagged": "Flagged",
    "video.rejected": "Rejected",
}
_REFUSALS = ("INVALID_FIELD", "URL_NOT_ALLOWED")


async def list_webhooks(request: Request, user: User) -> Response:
    return await _list(request, user)


async def add_webhook(request: Request, user: User) -> Response:
    """Fields: url, kinds (those that are ticked; all or none of them: all). What is wrong is said beside the form."""
    fields = await form_fields(request)
    url, kinds = fields.get("url", [""])[0].strip(), fields.get("kinds", [])
    body: dict[str, Any] = {"url": url, "kinds": None if set(kinds) >= set(KINDS) or not kinds else kinds}
    try:
        created = await api.added(request, user, body)
    except ApiError as refused:
        if refused.code not in _REFUSALS:
            raise
        return await _list(request, user, wrong=refused.message, url=url, ticked=kinds, status=refused.kind.status)
    return await page(request, user, "webhook_secret.html", webhook=created, ends=None)


async def show_webhook(request: Request, user: User) -> Response:
    """With its deliveries: status, limit, offset in the address. Raises ApiError WEBHOOK_NOT_FOUND, INVALID_FIELD."""
    return await page(
        request,
        user,
        "webhook.html",
        webhook=await api.webhook(request),
        found=await api.deliveries(request),
        wanted=request.query_params.get("status"),
        statuses=DELIVERY_STATUSES,
        MEANINGS=MEANINGS,
    )


async def delete_webhook(request: Request, user: User) -> Response:
    """Asks whether it is meant, unless the form says so. Raises ApiError WEBHOOK_NOT_FOUND."""
    fields = await form_fields(request)
    if fields.get("confirmed", [""])[0] != "yes":
        return await page(request, user, "webhook_delete.html", webhook=await api.webhook(request))
    await api.deleted(request, user)
    await set_flash(request, "good", "The webhook is deleted.")
    return go_to(PATH)


async def rotate_webhook(request: Request, user: User) -> Response:
    """The new secret, this once. Raises ApiError WEBHOOK_NOT_FOUND."""
    webhook, rotated = await api.webhook(request), await api.rotated(request, user)
    return await page(
        request, user, "webhook_secret.html", webhook={**webhook, **rotated}, ends=rotated["previous_expires_at"]
    )


async def _list(
    request: Request,
    user: User,
    *,
    wrong: str | None = None,
    url: str = "",
    ticked: list[str] | None = None,
    status: int = 200,
) -> Response:
    """wrong: what the form was refused for; url, ticked: what it held."""
    return await page(
        request,
        user,
        "webhooks.html",
        status=status,
        found=await api.webhooks(request),
        wrong=wrong,
        url=url,
        ticked=list(KINDS) if ticked is None else ticked,
        KINDS_TOLD=KINDS,
        MEANINGS=MEANINGS,
    )
