"""The OpenAPI 3.1 document. A test checks every route and every answer against it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from edge_api.access import Access, Entry
from edge_api.answers import LONGEST_WAIT_SECONDS
from edge_api.bodies import FURTHEST
from edge_api.errors import ERRORS, EVERYWHERE
from edge_api.moderation.claims import CLAIM_SECONDS
from edge_api.moderation.queries import ORDERS
from edge_api.schemas import schemas
from edge_api.scopes import MEANINGS
from edge_api.settings import Settings
from edge_api.tus import described as tus
from edge_api.videos import LONGEST_TEXT, TEXT
from wire.webhooks import DELIVERY_STATUSES

VERSION = "0.1.0"

Json = dict[str, Any]

_ID: Json = {"$ref": "#/components/parameters/VideoId"}
_PAGE: list[Json] = [
    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}},
    {"name": "offset", "in": "query", "schema": {"type": "integer", "minimum": 0, "maximum": FURTHEST, "default": 0}},
]
_SEARCH_ID: Json = {"$ref": "#/components/parameters/SearchId"}


def document(settings: Settings, entries: Iterable[Entry]) -> Json:
    """entries: the table of routes, which says who may call what; pages are passed over.

    Raises KeyError on a route that is not described.
    """
    paths = _public() | _uploads() | tus.paths(settings.max_file_size) | _searches()
    paths |= _videos() | _moderation() | _webhooks() | _stats() | _internal()
    for entry in (entry for entry in entries if not entry.access.is_page):
        for method in entry.told_methods:
            _secure(paths[entry.path][method.lower()], entry.access)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Twinreel",
            "version": VERSION,
            "summary": "Upload a video, learn whether the catalogue already holds it, or a part of it.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas(settings, ERRORS),
            "parameters": {
                "VideoId": {
                    "name": "video_id",
                    "in": "path",
                    "required": True,
                    "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
                },
                "WebhookId": {
                    "name": "webhook_id",
                    "in": "path",
                    "required": True,
                    "schema": {"type": "string", "pattern": "^wh_[0-9a-f]{12}$"},
                },
                "SearchId": {
                    "name": "search_id",
                    "in": "path",
                    "required": True,
                    "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
                },
                **tus.parameters(),
            },
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token with the scopes that a route lists. "
                    + "; ".join(f"{scope}: {meaning}" for scope, meaning in MEANINGS.items()),
                },
                "internal": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "Internal-Secret SECRET",
                },
            },
        },
    }


def _public() -> Json:
    return {
        "/": {"get": _operation("Name, version and links.", {"200": "Index"})},
        "/openapi.json": {"get": _operation("This document.", {"200": None})},
        "/livez": {"get": _operation("Whether the process answers.", {"200": "Live"})},
        "/readyz": {"get": _operation("Whether every binding answers.", {"200": "Ready", "503": "NotReady"})},
        "/metrics": {
            "get": {
                "summary": "Prometheus metrics.",
                "responses": {
                    "200": {"description": "Text.", "content": {"text/plain": {"schema": {"type": "string"}}}}
                },
            }
        },
    }


def _uploads() -> Json:
    form = {
        "type": "object",
        "required": ["video"],
        "properties": {
            "video": {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"},
            "priority": {"enum": ["high", "normal", "low"], "default": "normal"},
        },
    }
    return {
        "/api/upload": {
            "post": _operation(
                "Upload a video.",
                {"200": "Uploaded", "400": "Error", "408": "Error", "413": "Error", "415": "Error", "503": "Error"},
                body={"multipart/form-data": {"schema": form}},
                located={"200"},
            )
        },
        "/api/fingerprints": {
            "post": _operation(
                "Check a video that lies at a URL.",
                {"202": "Accepted", "400": "Error", "413": "Error", "415": "Error", "503": "Error"},
                body=_json_body("FingerprintRequest"),
                located={"202"},
            )
        },
    }


def _searches() -> Json:
    file = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
    one: Json = {"type": "object", "required": ["video"], "properties": {"video": file}}
    reference_id = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
    two: Json = one | {
        "properties": {"video": file, "reference": file, "reference_id": reference_id},
        "oneOf": [{"required": ["reference"]}, {"required": ["reference_id"]}],
    }
    answers = {"202": "Asked", "400": "Error", "408": "Error", "413": "Error", "415": "Error", "503": "Error"}
    wait = {
        "name": "wait",
        "in": "query",
        "schema": {"type": "integer", "minimum": 0, "maximum": LONGEST_WAIT_SECONDS, "default": 0},
    }
    found = {"404": "Error", "503": "Error"}
    return {
        "/api/search": {
            "post": _operation(
                "Look a video up in the catalogue without adding it.",
                answers,
                body={"multipart/form-data": {"schema": one}, **_json_body("SearchRequest")},
                located={"202"},
            )
        },
        "/api/compare": {
            "post": _operation(
                "Compare two videos, or one with a video of the catalogue, without storing them.",
                answers | {"404": "Error"},
                body={"multipart/form-data": {"schema": two}},
                located={"202"},
            )
        },
        "/api/searches/{search_id}": {
            "parameters": [_SEARCH_ID],
            "get": _operation(
                "A search and its answer.", {"200": "Search", "400": "Error", **found}, parameters=[wait]
            ),
            "delete": _operation("Delete a search.", {"200": "SearchDeleted", **found}),
        },
    }


def _videos() -> Json:
    query = [
        {"name": "status", "in": "query", "schema": {"$ref": "#/components/schemas/Status"}},
        {"name": "q", "in": "query", "schema": {"type": "string", "maxLength": LONGEST_TEXT, "pattern": TEXT}},
        *_PAGE,
    ]
    found = {"404": "Error", "503": "Error"}
    stream = _operation("Server-sent events: queued, progress, verdict, failed, deleted.", found)
    stream["responses"]["200"] = {"description": "A stream.", "content": {"text/event-stream": {}}}
    return {
        "/api/videos": {
            "get": _operation(
                "Your videos, newest first.",
                {"200": "Videos", "400": "Error", "503": "Error"},
                parameters=query,
            )
        },
        "/api/videos/{video_id}": {
            "parameters": [_ID],
            "get": _operation("A video and its verdict.", {"200": "Video", **found}),
            "delete": _operation("Delete a video.", {"200": "Deleted", **found}),
        },
        "/api/videos/{video_id}/events": {"parameters": [_ID], "get": stream},
    }


def _moderation() -> Json:
    found = {"404": "Error", "503": "Error"}
    review = {"200": "Video", "400": "Error", "409": "Error", "413": "Error", "415": "Error", **found}
    order = {"name": "order", "in": "query", "schema": {"enum": list(ORDERS), "default": ORDERS[0]}}
    skip = {"name": "skip", "in": "query", "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}
    span = {"type": "integer", "minimum": 1, "maximum": CLAIM_SECONDS, "default": CLAIM_SECONDS}
    other = {"name": "other_id", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "/api/review": {"get": _operation("The queue of flagged videos.", {"200": "ReviewQueue", "503": "Error"})},
        "/api/review/next": {
            "post": _operation(
                "Open the next flagged video.",
                {"200": "ReviewQueue", "400": "Error", "503": "Error"},
                parameters=[order, skip],
            )
        },
        "/api/review/stats": {
            "get": _operation("How often flags are overturned.", {"200": "ReviewStatistics", "503": "Error"})
        },
        "/api/videos/{video_id}/review": {
            "parameters": [_ID],
            "post": _operation("Settle a flagged video.", review, body=_json_body("ReviewRequest")),
        },
        "/api/videos/{video_id}/review/undo": {
            "parameters": [_ID],
            "post": _operation("Take a review of the last minute back.", {"200": "Video", "409": "Error", **found}),
        },
        "/api/videos/{video_id}/claim": {
            "parameters": [_ID],
            "post": _operation(
                "Open a flagged video, or keep it open.",
                {"200": "Claim", "400": "Error", "409": "Error", **found},
                parameters=[{"name": "for", "in": "query", "schema": span}],
            ),
            "delete": _operation("Leave it to others.", {"200": "Released", **found}),
        },
        "/api/videos/{video_id}/never-compared": {
            "parameters": [_ID],
            "get": _operation("The videos that this one is not compared with.", {"200": "Pairs", **found}),
        },
        "/api/videos/{video_id}/never-compared/{other_id}": {
            "parameters": [_ID, other],
            **{
                method: _operation(summary, {"200": "Pair", "400": "Error", "409": "Error", **found})
                for method, summary in (("put", "Never compare these two again."), ("delete", "Compare them again."))
            },
        },
    }


def _webhooks() -> Json:
    found = {"404": "Error", "503": "Error"}
    of_one = {"parameters": [{"$ref": "#/components/parameters/WebhookId"}]}
    status = {"name": "status", "in": "query", "schema": {"enum": list(DELIVERY_STATUSES)}}
    created = {"201": "WebhookCreated", "400": "Error", "413": "Error", "415": "Error", "503": "Error"}
    return {
        "/api/webhooks": {
            "get": _operation(
                "The targets that verdicts are told to.",
                {"200": "Webhooks", "400": "Error", "503": "Error"},
                parameters=_PAGE,
            ),
            "post": _operation("Add a target; its secret is shown once.", created, body=_json_body("WebhookRequest")),
        },
        "/api/webhooks/{webhook_id}": {
            **of_one,
            "delete": _operation("Delete a target and what waits for it.", {"200": "WebhookDeleted", **found}),
        },
        "/api/webhooks/{webhook_id}/rotate": {
            **of_one,
            "post": _operation("A new secret, shown once; for a day both sign.", {"200": "WebhookRotated", **found}),
        },
        "/api/webhooks/{webhook_id}/deliveries": {
            **of_one,
            "get": _operation(
                "What was sent to a target, waits or failed, the latest first.",
                {"200": "Deliveries", "400": "Error", **found},
                parameters=[status, *_PAGE],
            ),
        },
    }


def _stats() -> Json:
    answers = {"503": "Error"}
    return {
        "/api/stats": {
            "get": _operation("Uploads, queue, verdicts, times and errors of late.", {"200": "Stats", **answers})
        },
        "/api/stats/costs": {
            "get": _operation(
                "What is stored, what a month of it costs, what to do about it.", {"200": "Costs", **answers}
            )
        },
    }


def _internal() -> Json:
    refused = {"400": "Error", "404": "Error", "413": "Error", "415": "Error", "503": "Error"}
    retry = _operation(
        "Run a stuck or failed video again.",
        {"200": "Retried", "409": "Error", **refused},
        body=_json_body("RetryRequest"),
    )
    failed = _operation(
        "The jobs that failed for good, latest first.",
        {"200": "FailedJobs", "400": "Error", "503": "Error"},
        parameters=_PAGE,
    )
    return {
        "/internal/fingerprint-complete": {
            "post": _operation(
                "The processor's callback.",
                {"200": "Received", **refused},
                body=_json_body("Callback"),
            )
        },
        "/internal/failed": {"get": failed},
        "/internal/retry": {"post": retry},
    }


def _json_body(schema: str) -> Json:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _operation(
    summary: str,
    answers: Mapping[str, str | None],
    *,
    body: Json | None = None,
    parameters: list[Json] | None = None,
    located: Collection[str] = (),
) -> Json:
    """answers: status -> the schema of its JSON. Errors every route can give are added."""
    answers = dict.fromkeys(EVERYWHERE, "Error") | dict(answers)
    operation: Json = {
        "summary": summary,
        "responses": {status: _answer(schema, status in located) for status, schema in sorted(answers.items())},
    }
    if body:
        operation["requestBody"] = {"required": True, "content": body}
    if parameters:
        operation["parameters"] = parameters
    return operation


def _secure(operation: Json, access: Access) -> None:
    """Say who may call it, and how those who may not are answered."""
    security: list[Json] = [{"internal": []}] if access.internal else []
    headers: Json = {}
    refusals = {"401"} if access.internal or access.scope else set()
    if access.scope is not None:
        security.append({"token": [access.scope]})
        refusals |= {"403", "429"}
        headers |= {name: {"schema": {"type": "string"}} for name in ("RateLimit", "RateLimit-Policy")}
    if security:
        operation["security"] = security
    refused = {status: _answer("Error", is_located=False) for status in refusals}
    if "429" in refused:
        refused["429"]["headers"]["Retry-After"] = {"schema": {"type": "integer"}}
        if access.takes_slot:
            refused["429"]["description"] = (
                "RATE_LIMITED, or TOO_MANY_UPLOADS: as many are under way as may be at once."
            )
    operation["responses"] = dict(sorted((operation["responses"] | refused).items()))
    for answer in operation["responses"].values():
        answer["headers"] = answer.get("headers", {}) | headers


def _answer(schema: str | None, is_located: bool) -> Json:
    answer: Json = {
        "description": schema or "JSON.",
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"} if schema else {}}},
        "headers": {"X-Request-Id": {"schema": {"type": "string"}}},
    }
    if is_located:
        answer["headers"]["Location"] = {"schema": {"type": "string"}}
    return answer
