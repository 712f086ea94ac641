"""What the JSON schemas are put together of."""

from __future__ import annotations

from typing import Any

from edge_api.filenames import LONGEST

Json = dict[str, Any]

ID: Json = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
TIME: Json = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"}
SCORE: Json = {"type": "number", "minimum": 0, "maximum": 1}
TEXT: Json = {"type": "string"}
FILENAME: Json = {
    "anyOf": [{"type": "string", "minLength": 1, "maxLength": LONGEST}, {"type": "null"}],
    "description": "As its uploader named it; null: nobody did.",
}
SECONDS: Json = {"type": "number", "minimum": 0}


def object_of(required: Json, optional: Json | None = None) -> Json:
    return {
        "type": "object",
        "required": list(required),
        "properties": required | (optional or {}),
        "additionalProperties": False,
    }


def or_null(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def page_of(name: str, item: Json) -> Json:
    return object_of(
        {
            name: {"type": "array", "items": item},
            "total": {"type": "integer", "minimum": 0},
            "limit": {"type": "integer", "minimum": 1, "maximum": 100},
            "offset": {"type": "integer", "minimum": 0},
        }
    )
