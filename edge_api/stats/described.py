"""What the OpenAPI document says of the statistics."""

from __future__ import annotations

from typing import Any

from edge_api.stats.storage import LISTED
from wire.verdicts import VIDEO_STATUSES
from wrangler_compat.r2.counted import CLASSES

Json = dict[str, Any]

_COUNT: Json = {"type": "integer", "minimum": 0}
_AMOUNT: Json = {"type": "number", "minimum": 0}
_TEXT: Json = {"type": "string"}
_DAY: Json = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"}
_TIME: Json = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"}


def schemas() -> Json:
    return {"Stats": _stats(), "Costs": _costs()}


def _stats() -> Json:
    spread = _object(**{name: _or_null(_AMOUNT) for name in ("p50", "p95", "p99")}, count=_COUNT)
    return _object(
        at=_TIME,
        uploads=_object(today=_COUNT, today_bytes=_COUNT, days=_list(_object(day=_DAY, videos=_COUNT, bytes=_COUNT))),
        queue=_object(
            pending=_COUNT,
            processing=_COUNT,
            failed=_COUNT,
            oldest_at=_or_null(_TIME),
            oldest_seconds=_or_null(_AMOUNT),
        ),
        messages=_list(_object(queue=_TEXT, ready=_COUNT, delayed=_COUNT, dead=_COUNT)),
        statuses=_object(**dict.fromkeys(VIDEO_STATUSES, _COUNT)),
        verdicts=_list(_object(status={"enum": list(VIDEO_STATUSES)}, reason=_or_null(_TEXT), videos=_COUNT)),
        processing_seconds=spread,
        verdict_seconds=spread,
        troubles=_list(
            _object(
                video_id=_TEXT,
                filename=_or_null(_TEXT),
                error=_TEXT,
                attempts=_COUNT,
                tried_at=_or_null(_TIME),
                next_attempt_at=_or_null(_TIME),
            )
        ),
    )


def _costs() -> Json:
    return _object(
        at=_TIME,
        storage=_list(
            _object(
                kind={"enum": [*LISTED, "database"]},
                bytes=_COUNT,
                objects=_or_null(_COUNT),
                is_priced={"type": "boolean"},
            )
        ),
        measured_at=_or_null(_TIME),
        operations=_list(
            _object(operation=_TEXT, per_month=_COUNT, **{"class": {"enum": sorted(set(CLASSES.values()))}})
        ),
        operations_since=_or_null(_DAY),
        costs=_list(
            _object(name={"enum": ["storage", "class_a", "class_b"]}, quantity=_AMOUNT, free=_AMOUNT, amount=_AMOUNT)
        ),
        per_month=_AMOUNT,
        budget=_AMOUNT,
        currency=_TEXT,
        alerts=_list(_TEXT),
        advice=_list(_object(text=_TEXT, bytes=_COUNT, saves=_AMOUNT)),
    )


def _object(**properties: Json) -> Json:
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


def _or_null(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}
