"""The JSON schemas (2020-12) of requests and answers."""

from __future__ import annotations

from collections.abc import Mapping

from edge_api.bodies import MOST_SECONDS
from edge_api.errors import ErrorKind
from edge_api.moderation.reviews import DECISIONS, LONGEST_NOTE
from edge_api.schemas.parts import FILENAME, ID, SCORE, SECONDS, TEXT, TIME, Json, object_of, or_null, page_of, ref
from edge_api.schemas.videos import evidence, search, video
from edge_api.scopes import SCOPES
from edge_api.settings import Settings
from edge_api.stats import described as stats
from wire.addresses import LONGEST_URL
from wire.jobs import PRIORITIES
from wire.processing import TIERS
from wire.verdicts import VIDEO_STATUSES
from wire.webhooks import DELIVERY_STATUSES, KINDS

_WEBHOOK_ID: Json = {"type": "string", "pattern": "^wh_[0-9a-f]{12}$"}


def schemas(settings: Settings, errors: Mapping[str, ErrorKind]) -> Json:
    return {
        "Error": _error(settings, errors),
        "Status": {"enum": list(VIDEO_STATUSES)},
        **_health(),
        **_requests(settings),
        **_answers(),
        **_webhooks(),
        **_moderation(),
        **evidence(),
        **video(),
        **search(),
        **stats.schemas(),
    }


def _error(settings: Settings, errors: Mapping[str, ErrorKind]) -> Json:
    """Beside the three that are always there: what single codes add."""
    return object_of(
        {"error": TEXT, "code": {"enum": sorted(errors)}, "request_id": TEXT},
        {
            "max_size": {"type": "integer", "examples": [settings.max_file_size]},
            "supported_formats": {"type": "array", "items": TEXT, "examples": [list(settings.allowed_formats)]},
            "field": TEXT,
            "scope": {"enum": list(SCOPES)},
            "retry_after": {"type": "integer", "minimum": 1},
            "quota": {"type": "integer"},
            "used": {"type": "integer"},
        },
    )


def _health() -> Json:
    ping = object_of({"ok": {"type": "boolean"}}, {"milliseconds": {"type": "number"}, "error": TEXT})
    pings = {
        "bindings": {"type": "object", "additionalProperties": ping},
        "processor": object_of({"ok": {"type": "boolean"}}),
    }
    return {
        "Index": {"type": "object", "required": ["name", "version", "openapi"]},
        "Live": object_of({"status": {"const": "ok"}}),
        "Ready": object_of({"status": {"const": "ready"}, **pings}),
        "NotReady": object_of(
            {
                "error": TEXT,
                "code": {"const": "NOT_READY"},
                "request_id": TEXT,
                "status": {"const": "not ready"},
                **pings,
            }
        ),
    }


def _requests(settings: Settings) -> Json:
    moment = SECONDS | {"exclusiveMaximum": MOST_SECONDS}
    note = or_null({"type": "string", "minLength": 1, "maxLength": LONGEST_NOTE})
    one_of_the_matches = ID | {"description": "One of the video's matches; without it, the suspect."}
    return {
        "FingerprintRequest": object_of(
            {
                "video_url": {
                    "type": "string",
                    "format": "uri",
                    "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://",
                    "maxLength": LONGEST_URL,
                    "description": "Its host must have public addresses only, or be one of ALLOWED_URL_HOSTS.",
                }
            },
            {
                "priority": {"enum": [*PRIORITIES, None], "default": "normal"},
                "tier": {"enum": [*TIERS, None], "default": "standard"},
                "start": or_null(moment),
                "stop": or_null(moment)
                | {"description": f"Greater than start, and at most {settings.max_duration} seconds after it."},
            },
        ),
        "SearchRequest": object_of({"video_url": {"type": "string", "format": "uri", "maxLength": 2048}}),
        "ReviewRequest": {
            "anyOf": [
                object_of({"decision": {"enum": list(DECISIONS)}}, {"duplicate_of": {"type": "null"}, "note": note}),
                object_of({"decision": {"const": "duplicate"}}, {"duplicate_of": one_of_the_matches, "note": note}),
            ]
        },
        "RetryRequest": object_of({"video_id": ID}),
        "Callback": {"anyOf": [ref("ExtractResponse"), ref("ExtractFailure")]},
        "ExtractFailure": {
            "type": "object",
            "required": ["video_id", "error", "code"],
            "properties": {"video_id": ID, "error": TEXT, "code": TEXT, "retryable": {"type": "boolean"}},
        },
        "ExtractResponse": {
            "type": "object",
            "required": [
                "video_id",
                "video_vector",
                "audio_hash",
                "duration",
                "frame_count",
                "processing_time_ms",
                "fingerprint",
            ],
            "properties": {
                "video_id": ID,
                "video_vector": {"type": "array", "items": {"type": "number"}, "minItems": 64, "maxItems": 64},
                "audio_hash": or_null(TEXT),
                "duration": SECONDS,
                "frame_count": {"type": "integer"},
                "processing_time_ms": {"type": "integer"},
                "fingerprint": {"type": "string", "contentEncoding": "base64"},
                "thumbnail": or_null({"type": "string", "contentEncoding": "base64"}),
                "preview": or_null(_preview()),
            },
        },
    }


def _preview() -> Json:
    """As the processor sends it."""
    count: Json = {"type": "integer", "minimum": 1}
    data = or_null({"type": "string", "contentEncoding": "base64"})
    numbers = dict.fromkeys(("pictures", "width", "height"), count)
    return {"type": "object", "required": list(numbers), "properties": {**numbers, "jpeg": data, "pixels": data}}


def _answers() -> Json:
    return {
        "Uploaded": object_of({"video_id": ID, "status": ref("Status"), "uploaded_at": TIME}),
        "Accepted": object_of({"video_id": ID, "status": {"const": "processing"}, "status_url": TEXT}),
        "Deleted": object_of({"message": TEXT, "video_id": ID}),
        "Asked": object_of({"search_id": ID, "status": {"const": "processing"}, "status_url": TEXT}),
        "SearchDeleted": object_of({"message": TEXT, "search_id": ID}),
        "Received": object_of({"status": {"const": "received"}}),
        "Retried": object_of({"video_id": ID, "status": {"const": "processing"}}),
        "FailedJobs": page_of("failed", ref("FailedJob")),
        "FailedJob": object_of(
            {
                "video_id": ID,
                "user_id": TEXT,
                "filename": FILENAME,
                "reason": or_null(TEXT),
                "attempts": {"type": "integer", "minimum": 0},
                "worker_deaths": {"type": "integer", "minimum": 0},
                "quarantined_at": or_null(TIME),
                "failed_at": or_null(TIME),
                "uploaded_at": TIME,
            }
        ),
        "Videos": page_of("videos", ref("VideoSummary")),
    }


def _webhooks() -> Json:
    kinds: Json = {"type": "array", "items": {"enum": list(KINDS)}, "description": "Empty: all."}
    webhook = {"id": _WEBHOOK_ID, "url": TEXT, "kinds": kinds, "created_at": TIME, "disabled_reason": or_null(TEXT)}
    secret: Json = {"type": "string", "pattern": "^whsec_", "description": "Shown once."}
    delivery = object_of(
        {
            "id": TEXT,
            "notification_id": TEXT,
            "video_id": ID,
            "kind": {"enum": list(KINDS)},
            "status": {"enum": list(DELIVERY_STATUSES)},
            "attempts": {"type": "integer", "minimum": 0},
            "told_at": TIME,
            "next_attempt_at": TIME,
            "sent_at": or_null(TIME),
            "last_error": or_null(TEXT),
        }
    )
    url: Json = {
        "type": "string",
        "format": "uri",
        "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://",
        "maxLength": LONGEST_URL,
        "description": "https, of a public address; or a host of WEBHOOK_ALLOWED_HOSTS.",
    }
    return {
        "WebhookRequest": object_of({"url": url}, {"kinds": or_null(kinds)}),
        "Webhook": object_of(webhook),
        "WebhookCreated": object_of(webhook | {"secret": secret}),
        "WebhookDeleted": object_of({"message": TEXT, "id": _WEBHOOK_ID}),
        "WebhookRotated": object_of({"id": _WEBHOOK_ID, "secret": secret, "previous_expires_at": TIME}),
        "Webhooks": page_of("webhooks", ref("Webhook")),
        "Deliveries": page_of("deliveries", delivery),
    }


def _moderation() -> Json:
    count: Json = {"type": "integer", "minimum": 0}
    rated: Json = {"reviewed": count, "overturned": count, "overturned_rate": or_null(SCORE)}
    undoable = {
        "kind": {"enum": ["review", "pair"]},
        "video_id": ID,
        "filename": or_null(TEXT),
        "decision": {"enum": [*DECISIONS, None]},
        "other_id": or_null(ID),
        "until": TIME,
    }
    return {
        "ReviewQueue": object_of(
            {
                "waiting": count,
                "open_elsewhere": count,
                "open": or_null(object_of({"video": ref("Video"), "expires_at": TIME})),
                "undoable": or_null(object_of(undoable)),
            }
        ),
        "ReviewStatistics": object_of(
            rated | {"by_reason": {"type": "array", "items": object_of({"reason": or_null(TEXT)} | rated)}}
        ),
        "Claim": object_of({"video_id": ID, "expires_at": TIME}),
        "Released": object_of({"message": TEXT, "video_id": ID}),
        "Pair": object_of({"video_id": ID, "other_id": ID, "decided_again": {"type": "array", "items": ID}}),
        "Pairs": object_of({"pairs": {"type": "array", "items": object_of({"other_id": ID, "parted_at": TIME})}}),
    }
