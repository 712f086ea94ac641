"""/api/webhooks: the targets that verdicts are told to. Rows only: the consumers read them, sign and send."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog
from starlette.responses import JSONResponse

from edge_api import queries
from edge_api.addresses import check_target
from edge_api.audit import audit
from edge_api.auth import User
from edge_api.bodies import FURTHEST, invalid, json_object, refuse_unknown, text_of, whole_number
from edge_api.deadlines import deadline
from edge_api.errors import ApiError
from edge_api.keys import moment_of, new_id, timestamp
from edge_api.state import Request
from wire.addresses import LONGEST_URL
from wire.webhooks import DELIVERY_STATUSES, KINDS, OVERLAP_SECONDS, new_secret, new_target_id
from wrangler_compat.d1.types import D1PreparedStatement, D1Result, D1Value, Row
from wrangler_compat.errors import D1ConstraintError

log = structlog.get_logger("edge_api")

_ID = re.compile(r"wh_[0-9a-f]{12}")


async def list_webhooks(request: Request, user: User) -> JSONResponse:
    return JSONResponse(await webhooks(request))


async def webhooks(request: Request) -> dict[str, Any]:
    """What GET /api/webhooks answers. Raises ApiError INVALID_FIELD."""
    page = _page(request)
    rows = await _rows(request, queries.WEBHOOKS, page["limit"], page["offset"])
    total = await _rows(request, queries.WEBHOOKS_TOTAL)
    return {"webhooks": [_shown(row) for row in rows], "total": total[0]["total"], **page}


async def create_webhook(request: Request, user: User) -> JSONResponse:
    """201 with the secret, which is never shown again."""
    return JSONResponse(await added(request, user, await json_object(request)), 201)


async def added(request: Request, user: User, body: Mapping[str, Any]) -> dict[str, Any]:
    """The new target, with its secret. body: url, kinds. Raises ApiError INVALID_FIELD, URL_NOT_ALLOWED."""
    refuse_unknown(body, ("url", "kinds"))
    url, kinds = str(text_of(body, "url", longest=LONGEST_URL, required=True)), _kinds(body.get("kinds"))
    target = await check_target(url, request.state["settings"].webhook_allowed_hosts, request.state["resolve"])
    target_id, secret, now = new_target_id(), new_secret(), timestamp()
    prepare = request.state["env"].db.prepare
    # A path or query may be a password of the receiver's; the audit log needs neither.
    told = {"host": target.url.host, "kinds": kinds}
    await _batch(
        request,
        prepare(queries.INSERT_WEBHOOK).bind(target_id, url, json.dumps(kinds), now),
        prepare(queries.INSERT_WEBHOOK_SECRET).bind(new_id(), target_id, secret, now),
        _audit(request, user, "webhook.create", target_id, told, now),
    )
    log.info("webhook created", webhook_id=target_id, host=target.url.host)
    shown = {"id": target_id, "url": url, "kinds": kinds, "created_at": now, "disabled_reason": None}
    return shown | {"secret": secret}


async def delete_webhook(request: Request, user: User) -> JSONResponse:
    """With its secrets and all that was or would be sent to it."""
    return JSONResponse({"message": "The webhook is deleted.", "id": await deleted(request, user)})


async def deleted(request: Request, user: User) -> str:
    """The id of the target that the path names. Raises ApiError WEBHOOK_NOT_FOUND."""
    row = await _webhook(request)
    prepare = request.state["env"].db.prepare
    await _batch(
        request,
        *(prepare(sql).bind(row["id"]) for sql in queries.DELETE_WEBHOOK),
        _audit(request, user, "webhook.delete", row["id"], {}, timestamp()),
    )
    log.info("webhook deleted", webhook_id=row["id"])
    return str(row["id"])


async def rotate_webhook(request: Request, user: User) -> JSONResponse:
    """A new secret, shown once; the one before it signs too until previous_expires_at."""
    return JSONResponse(await rotated(request, user))


async def rotated(request: Request, user: User) -> dict[str, Any]:
    """id, secret, previous_expires_at. Raises ApiError WEBHOOK_NOT_FOUND."""
    row, secret, now = await _webhook(request), new_secret(), timestamp()
    ends = timestamp(moment_of(now) + timedelta(seconds=OVERLAP_SECONDS))
    prepare = request.state["env"].db.prepare
    try:
        await _batch(
            request,
            prepare(queries.FORGET_EXPIRED_WEBHOOK_SECRETS).bind(row["id"], now),
            prepare(queries.EXPIRE_WEBHOOK_SECRETS).bind(row["id"], ends),
            prepare(queries.INSERT_WEBHOOK_SECRET).bind(new_id(), row["id"], secret, now),
            _audit(request, user, "webhook.rotate", row["id"], {}, now),
        )
    except D1ConstraintError as error:
        # Somebody deleted it since it was looked up.
        raise ApiError("WEBHOOK_NOT_FOUND") from error
    return {"id": row["id"], "secret": secret, "previous_expires_at": ends}


async def list_deliveries(request: Request, user: User) -> JSONResponse:
    """What was sent to a target, waits or failed; the latest first."""
    return JSONResponse(await deliveries(request))


async def deliveries(request: Request) -> dict[str, Any]:
    """What GET /api/webhooks/{webhook_id}/deliveries answers. Raises ApiError WEBHOOK_NOT_FOUND, INVALID_FIELD."""
    status, page = request.query_params.get("status"), _page(request)
    if status is not None and status not in DELIVERY_STATUSES:
        raise invalid("status", f"status must be one of {', '.join(DELIVERY_STATUSES)}.")
    row = await _webhook(request)
    asked = (row["id"], status)
    rows = await _rows(request, queries.WEBHOOK_DELIVERIES, *asked, page["limit"], page["offset"])
    total = await _rows(request, queries.WEBHOOK_DELIVERIES_TOTAL, *asked)
    return {"deliveries": rows, "total": total[0]["total"], **page}


async def webhook(request: Request) -> dict[str, Any]:
    """The target that the path names, as lists have it. Raises ApiError WEBHOOK_NOT_FOUND."""
    return _shown(await _webhook(request))


def _shown(row: Row) -> dict[str, Any]:
    return row | {"kinds": json.loads(row["kinds"])}


def _kinds(value: object) -> list[str]:
    """None stands for all, which is kept as an empty list."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(kind, str) and kind in KINDS for kind in value):
        raise invalid("kinds", f"kinds must be a list of {', '.join(KINDS)}; without it, all are told.")
    return [kind for kind in KINDS if kind in value]


def _page(request: Request) -> dict[str, int]:
    query = request.query_params
    return {
        "limit": whole_number(query.get("limit"), "limit", default=20, lowest=1, highest=100),
        "offset": whole_number(query.get("offset"), "offset", default=0, lowest=0, highest=FURTHEST),
    }


async def _webhook(request: Request) -> Row:
    webhook_id = request.path_params["webhook_id"]
    rows = await _rows(request, queries.WEBHOOK, webhook_id) if _ID.fullmatch(webhook_id) else []
    if not rows:
        raise ApiError("WEBHOOK_NOT_FOUND")
    return rows[0]


def _audit(
    request: Request, user: User, action: str, target_id: str, detail: dict[str, Any], at: str
) -> D1PreparedStatement:
    return audit(request.state["env"].db, f"user:{user.id}", action, target_id, detail, at)


async def _rows(request: Request, sql: str, *values: D1Value) -> list[Row]:
    async with deadline(request.state["settings"].binding_timeout_seconds, "DB"):
        return list((await request.state["env"].db.prepare(sql).bind(*values).all()).results)


async def _batch(request: Request, *statements: D1PreparedStatement) -> Sequence[D1Result]:
    async with deadline(request.state["settings"].binding_timeout_seconds, "DB"):
        return await request.state["env"].db.batch(list(statements))
