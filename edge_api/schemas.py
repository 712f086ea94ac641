"""The JSON schemas (2020-12) of requests and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_api.bodies import MOST_SECONDS
from edge_api.errors import ErrorKind
from edge_api.filenames import LONGEST
from edge_api.moderation.reviews import DECISIONS, LONGEST_NOTE
from edge_api.scopes import SCOPES
from edge_api.settings import Settings
from edge_api.stats import described as stats
from wire.addresses import LONGEST_URL
from wire.jobs import PRIORITIES
from wire.processing import TIERS
from wire.verdicts import VIDEO_STATUSES
from wire.webhooks import DELIVERY_STATUSES, KINDS

Json = dict[str, Any]

ID: Json = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
TIME: Json = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"}
SCORE: Json = {"type": "number", "minimum": 0, "maximum": 1}
TEXT: Json = {"type": "string"}
_WEBHOOK_ID: Json = {"type": "string", "pattern": "^wh_[0-9a-f]{12}$"}
FILENAME: Json = {
    "anyOf": [{"type": "string", "minLength": 1, "maxLength": LONGEST}, {"type": "null"}],
    "description": "As its uploader named it; null: nobody did.",
}
SECONDS: Json = {"type": "number", "minimum": 0}


def schemas(settings: Settings, errors: Mapping[str, ErrorKind]) -> Json:
    return {
        "Error": _error(settings, errors),
        "Status": {"enum": list(VIDEO_STATUSES)},
        **_health(),
        **_requests(settings),
        **_answers(),
        **_webhooks(),
        **_moderation(),
        **_evidence(),
        **_video(),
        **_search(),
        **stats.schemas(),
    }


def _object(required: Json, optional: Json | None = None) -> Json:
    return {
        "type": "object",
        "required": list(required),
        "properties": required | (optional or {}),
        "additionalProperties": False,
    }


def _or_null(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _error(settings: Settings, errors: Mapping[str, ErrorKind]) -> Json:
    """Beside the three that are always there: what single codes add."""
    return _object(
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
    ping = _object({"ok": {"type": "boolean"}}, {"milliseconds": {"type": "number"}, "error": TEXT})
    pings = {
        "bindings": {"type": "object", "additionalProperties": ping},
        "processor": _object({"ok": {"type": "boolean"}}),
    }
    return {
        "Index": {"type": "object", "required": ["name", "version", "openapi"]},
        "Live": _object({"status": {"const": "ok"}}),
        "Ready": _object({"status": {"const": "ready"}, **pings}),
        "NotReady": _object(
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
    note = _or_null({"type": "string", "minLength": 1, "maxLength": LONGEST_NOTE})
    one_of_the_matches = ID | {"description": "One of the video's matches; without it, the suspect."}
    return {
        "FingerprintRequest": _object(
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
                "start": _or_null(moment),
                "stop": _or_null(moment)
                | {"description": f"Greater than start, and at most {settings.max_duration} seconds after it."},
            },
        ),
        "SearchRequest": _object({"video_url": {"type": "string", "format": "uri", "maxLength": 2048}}),
        "ReviewRequest": {
            "anyOf": [
                _object({"decision": {"enum": list(DECISIONS)}}, {"duplicate_of": {"type": "null"}, "note": note}),
                _object({"decision": {"const": "duplicate"}}, {"duplicate_of": one_of_the_matches, "note": note}),
            ]
        },
        "RetryRequest": _object({"video_id": ID}),
        "Callback": {"anyOf": [_ref("ExtractResponse"), _ref("ExtractFailure")]},
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
                "audio_hash": _or_null(TEXT),
                "duration": SECONDS,
                "frame_count": {"type": "integer"},
                "processing_time_ms": {"type": "integer"},
                "fingerprint": {"type": "string", "contentEncoding": "base64"},
                "thumbnail": _or_null({"type": "string", "contentEncoding": "base64"}),
                "preview": _or_null(_preview()),
            },
        },
    }


def _preview() -> Json:
    """As the processor sends it."""
    count: Json = {"type": "integer", "minimum": 1}
    data = _or_null({"type": "string", "contentEncoding": "base64"})
    numbers = dict.fromkeys(("pictures", "width", "height"), count)
    return {"type": "object", "required": list(numbers), "properties": {**numbers, "jpeg": data, "pixels": data}}


def _answers() -> Json:
    return {
        "Uploaded": _object({"video_id": ID, "status": _ref("Status"), "uploaded_at": TIME}),
        "Accepted": _object({"video_id": ID, "status": {"const": "processing"}, "status_url": TEXT}),
        "Deleted": _object({"message": TEXT, "video_id": ID}),
        "Asked": _object({"search_id": ID, "status": {"const": "processing"}, "status_url": TEXT}),
        "SearchDeleted": _object({"message": TEXT, "search_id": ID}),
        "Received": _object({"status": {"const": "received"}}),
        "Retried": _object({"video_id": ID, "status": {"const": "processing"}}),
        "FailedJobs": _page_of("failed", _ref("FailedJob")),
        "FailedJob": _object(
            {
                "video_id": ID,
                "user_id": TEXT,
                "filename": FILENAME,
                "reason": _or_null(TEXT),
                "attempts": {"type": "integer", "minimum": 0},
                "worker_deaths": {"type": "integer", "minimum": 0},
                "quarantined_at": _or_null(TIME),
                "failed_at": _or_null(TIME),
                "uploaded_at": TIME,
            }
        ),
        "Videos": _page_of("videos", _ref("VideoSummary")),
    }


def _webhooks() -> Json:
    kinds: Json = {"type": "array", "items": {"enum": list(KINDS)}, "description": "Empty: all."}
    webhook = {"id": _WEBHOOK_ID, "url": TEXT, "kinds": kinds, "created_at": TIME, "disabled_reason": _or_null(TEXT)}
    secret: Json = {"type": "string", "pattern": "^whsec_", "description": "Shown once."}
    delivery = _object(
        {
            "id": TEXT,
            "notification_id": TEXT,
            "video_id": ID,
            "kind": {"enum": list(KINDS)},
            "status": {"enum": list(DELIVERY_STATUSES)},
            "attempts": {"type": "integer", "minimum": 0},
            "told_at": TIME,
            "next_attempt_at": TIME,
            "sent_at": _or_null(TIME),
            "last_error": _or_null(TEXT),
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
        "WebhookRequest": _object({"url": url}, {"kinds": _or_null(kinds)}),
        "Webhook": _object(webhook),
        "WebhookCreated": _object(webhook | {"secret": secret}),
        "WebhookDeleted": _object({"message": TEXT, "id": _WEBHOOK_ID}),
        "WebhookRotated": _object({"id": _WEBHOOK_ID, "secret": secret, "previous_expires_at": TIME}),
        "Webhooks": _page_of("webhooks", _ref("Webhook")),
        "Deliveries": _page_of("deliveries", delivery),
    }


def _moderation() -> Json:
    count: Json = {"type": "integer", "minimum": 0}
    rated: Json = {"reviewed": count, "overturned": count, "overturned_rate": _or_null(SCORE)}
    undoable = {
        "kind": {"enum": ["review", "pair"]},
        "video_id": ID,
        "decision": {"enum": [*DECISIONS, None]},
        "other_id": _or_null(ID),
        "until": TIME,
    }
    return {
        "ReviewQueue": _object(
            {
                "waiting": count,
                "open_elsewhere": count,
                "open": _or_null(_object({"video": _ref("Video"), "expires_at": TIME})),
                "undoable": _or_null(_object(undoable)),
            }
        ),
        "ReviewStatistics": _object(
            rated | {"by_reason": {"type": "array", "items": _object({"reason": _or_null(TEXT)} | rated)}}
        ),
        "Claim": _object({"video_id": ID, "expires_at": TIME}),
        "Released": _object({"message": TEXT, "video_id": ID}),
        "Pair": _object({"video_id": ID, "other_id": ID, "decided_again": {"type": "array", "items": ID}}),
        "Pairs": _object({"pairs": {"type": "array", "items": _object({"other_id": ID, "parted_at": TIME})}}),
    }


def _page_of(name: str, item: Json) -> Json:
    return _object(
        {
            name: {"type": "array", "items": item},
            "total": {"type": "integer", "minimum": 0},
            "limit": {"type": "integer", "minimum": 1, "maximum": 100},
            "offset": {"type": "integer", "minimum": 0},
        }
    )


def _evidence() -> Json:
    speed: Json = {"type": "number", "description": "Seconds of the other video in one of this; negative: backwards."}
    segment = _object(
        {
            "start": SECONDS,
            "end": SECONDS,
            "ref_start": SECONDS,
            "ref_end": SECONDS,
            "score": SCORE,
            "speed": speed,
            "mirrored": {"type": "boolean"},
        }
    )
    match = _object(
        {
            "video_id": ID,
            "kind": {"enum": ["video", "partial", "audio"]},
            "similarity_score": SCORE,
            "video_score": SCORE,
            "audio_score": _or_null(SCORE),
            "coverage": SCORE,
            "ref_coverage": SCORE,
            "area": SCORE,
            "mirrored": {"type": "boolean"},
            "speed": speed,
            "pitch_semitones": {"type": "number"},
            "segments": {"type": "array", "items": segment},
            "audio_segments": {
                "type": "array",
                "items": segment,
                "description": "Of sound, beside segments of picture; of kind audio, segments are those of sound.",
            },
        }
    )
    return {"Match": match, "Why": _why()}


def _why() -> Json:
    number, word = _or_null({"type": "number"}), _or_null(TEXT)
    gate = _object(
        {
            "name": TEXT,
            "question": TEXT,
            "passed": {"type": "boolean"},
            "value": number,
            "bound": {"enum": ["at least", "at most", None]},
            "threshold": word,
            "limit": number,
        }
    )
    change = _object(
        {
            "field": TEXT,
            "setting": word,
            "before": {"type": "number"},
            "after": {"type": "number"},
            "status": _ref("Status"),
            "reason": word,
            "is_noted": {"type": "boolean"},
        }
    )
    return _object(
        {
            "decided_by": {"enum": ["policy", "content_sha256", "moderator"]},
            "policy_version": {"type": "integer"},
            "video_id": _or_null(ID),
            "gates": {"type": "array", "items": gate, "description": "In the order of asking; the last one decided."},
            "changes": {
                "type": "array",
                "items": change,
                "description": "The nearest single thresholds that would have changed the verdict, nearest first.",
            },
        }
    )


def _video() -> Json:
    """One shape for each status; a summary is the same without the evidence."""
    common: Json = {
        "video_id": ID,
        "uploaded_at": TIME,
        "filename": FILENAME,
        "file_size": _or_null({"type": "integer"}),
        "mime_type": _or_null(TEXT),
    }
    sometimes: Json = {"source_url": TEXT, "uploader": _or_null(TEXT)}
    link = _or_null(TEXT) | {"description": "Works for LINK_SECONDS; null when there is nothing that it could lead to."}
    count: Json = {"type": "integer", "minimum": 1}
    preview = _object({"url": TEXT, **dict.fromkeys(("pictures", "columns", "width", "height"), count)})
    wanted = _object({"status": {"const": "wanted"}, "progress": SCORE})
    failed = _object({"status": {"const": "failed"}, "reason": TEXT})
    rendition: Json = {"oneOf": [_object({"status": {"const": "made"}}), wanted, failed, {"type": "null"}]}
    playback = link | {"description": "What browsers play: the rendition, else the file; null when they play neither."}
    links: Json = {
        "r2_url": link,
        "playback_url": playback,
        "rendition": rendition,
        "thumbnail": link,
        "preview": _or_null(preview),
    }
    done: Json = {"processed_at": _or_null(TIME), "duration": _or_null(SECONDS), **links}
    original = _object({"id": ID, "uploaded_at": TIME, "uploader": _or_null(TEXT)})
    shapes: Mapping[str, tuple[Json, Json]] = {
        "processing": (
            {"progress": SCORE, "stage": _or_null(TEXT), "estimated_completion": _or_null(TIME)},
            {"last_error": TEXT, "attempts": {"type": "integer"}, "failed": {"const": True}},
        ),
        "approved": (
            {**done},
            {"similar_to": ID, "similarity_score": _or_null(SCORE)},
        ),
        "duplicate": (
            {
                **done,
                "duplicate_of": ID,
                "similarity_score": SCORE,
                "confidence": {"enum": ["high", "very_high"]},
                "original_video": original,
            },
            {},
        ),
        "flagged": (
            {
                **done,
                "reason": TEXT,
                "message": TEXT,
                "duplicate_of": _or_null(ID),
                "similarity_score": _or_null(SCORE),
            },
            {},
        ),
        "rejected": ({**done, "reason": _or_null(TEXT), "message": TEXT}, {}),
    }
    matches: Json = {"matches": {"type": "array", "items": _ref("Match")}}
    with_matches = {"duplicate", "flagged"}
    why = {"why": _ref("Why")}
    full, summary = [], []
    for status, (always, at_times) in shapes.items():
        required = {**common, "status": {"const": status}, **always}
        summary.append(_object(required, sometimes | at_times))
        full.append(
            _object(required | matches, sometimes | at_times | why)
            if status in with_matches
            else _object(
                required,
                sometimes
                | at_times
                | (why if status != "processing" else {})
                | (matches if status == "approved" else {}),
            )
        )
    return {"Video": {"oneOf": full}, "VideoSummary": {"oneOf": summary}}


def _search() -> Json:
    """A search by its status, and what it tells once it is answered."""
    number: Json = {"type": "number"}
    common: Json = {
        "search_id": ID,
        "kind": {"enum": ["search", "compare"]},
        "created_at": TIME,
        "file_size": _or_null({"type": "integer"}),
        "mime_type": _or_null(TEXT),
    }
    sometimes: Json = {
        "source_url": TEXT,
        "reference_id": ID,
        "last_error": TEXT,
        "attempts": {"type": "integer", "minimum": 0},
    }
    underway: Json = {"progress": SCORE, "stage": _or_null(TEXT)}
    match: Json = {
        **_evidence()["Match"],
        "properties": _evidence()["Match"]["properties"] | {"video_id": _or_null(ID)},
    }
    verdict = _object(
        {
            "status": {"enum": ["approved", "duplicate", "flagged", "rejected"]},
            "reason": _or_null(TEXT),
            "duplicate_of": _or_null(ID),
            "similar_to": _or_null(ID),
            "confidence": _or_null({"enum": ["high", "very_high"]}),
            "similarity_score": _or_null(SCORE),
            "matches": {"type": "array", "items": match},
        },
        {
            "message": TEXT,
            "original_video": _or_null(_object({"id": ID, "uploaded_at": TIME, "uploader": _or_null(TEXT)})),
        },
    )
    size = _object({"duration": SECONDS, "width": {"type": "integer"}, "height": {"type": "integer"}})
    gate = _object(
        {
            "name": TEXT,
            "question": TEXT,
            "passed": {"type": "boolean"},
            "decided": {"type": "boolean"},
            "value": _or_null(number),
            "bound": _or_null({"enum": ["at least", "at most"]}),
            "threshold": _or_null(TEXT),
            "limit": _or_null(number),
        }
    )
    change = _object(
        {
            "field": TEXT,
            "setting": _or_null(TEXT),
            "before": number,
            "after": number,
            "status": TEXT,
            "reason": _or_null(TEXT),
            "is_noted": {"type": "boolean"},
        }
    )
    explanation = _object({"gates": {"type": "array", "items": gate}, "changes": {"type": "array", "items": change}})
    answer: Json = {"video": size, "reference": size, "evidence": {"type": "object"}, "explanation": explanation}
    shapes = [
        _object({**common, "status": {"const": status}, **underway}, sometimes) for status in ("processing", "failed")
    ]
    answered: Json = {**common, "status": {"const": "completed"}, "completed_at": TIME, "verdict": verdict}
    return {"Search": {"oneOf": [*shapes, _object(answered, sometimes | answer)]}}
