"""The schemas of a video, of what speaks for its verdict, and of a search."""

from __future__ import annotations

from collections.abc import Mapping

from edge_api.schemas.parts import FILENAME, ID, SCORE, SECONDS, TEXT, TIME, Json, object_of, or_null, ref


def evidence() -> Json:
    speed: Json = {"type": "number", "description": "Seconds of the other video in one of this; negative: backwards."}
    segment = object_of(
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
    match = object_of(
        {
            "video_id": ID,
            "kind": {"enum": ["video", "partial", "audio"]},
            "similarity_score": SCORE,
            "video_score": SCORE,
            "audio_score": or_null(SCORE),
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
        },
        {
            "matrix_url": or_null(TEXT)
            | {
                "description": "Of videos: a link, for LINK_SECONDS, to a PNG of how alike the moments of both are. "
                "Null: there is none, or not for you."
            }
        },
    )
    return {"Match": match, "Why": _why()}


def _why() -> Json:
    number, word = or_null({"type": "number"}), or_null(TEXT)
    gate = object_of(
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
    change = object_of(
        {
            "field": TEXT,
            "setting": word,
            "before": {"type": "number"},
            "after": {"type": "number"},
            "status": ref("Status"),
            "reason": word,
            "is_noted": {"type": "boolean"},
        }
    )
    return object_of(
        {
            "decided_by": {"enum": ["policy", "content_sha256", "moderator"]},
            "policy_version": {"type": "integer"},
            "video_id": or_null(ID),
            "gates": {"type": "array", "items": gate, "description": "In the order of asking; the last one decided."},
            "changes": {
                "type": "array",
                "items": change,
                "description": "The nearest single thresholds that would have changed the verdict, nearest first.",
            },
        }
    )


def video() -> Json:
    """One shape for each status; a summary is the same without the evidence."""
    common: Json = {
        "video_id": ID,
        "uploaded_at": TIME,
        "filename": FILENAME,
        "file_size": or_null({"type": "integer"}),
        "mime_type": or_null(TEXT),
    }
    sometimes: Json = {"source_url": TEXT, "uploader": or_null(TEXT)}
    link = or_null(TEXT) | {"description": "Works for LINK_SECONDS; null when there is nothing that it could lead to."}
    count: Json = {"type": "integer", "minimum": 1}
    preview = object_of({"url": TEXT, **dict.fromkeys(("pictures", "columns", "width", "height"), count)})
    wanted = object_of({"status": {"const": "wanted"}, "progress": SCORE})
    failed = object_of({"status": {"const": "failed"}, "reason": TEXT})
    rendition: Json = {"oneOf": [object_of({"status": {"const": "made"}}), wanted, failed, {"type": "null"}]}
    playback = link | {"description": "What browsers play: the rendition, else the file; null when they play neither."}
    links: Json = {
        "r2_url": link,
        "playback_url": playback,
        "rendition": rendition,
        "thumbnail": link,
        "preview": or_null(preview),
    }
    done: Json = {"processed_at": or_null(TIME), "duration": or_null(SECONDS), **links}
    original = object_of({"id": ID, "uploaded_at": TIME, "uploader": or_null(TEXT)})
    shapes: Mapping[str, tuple[Json, Json]] = {
        "processing": (
            {"progress": SCORE, "stage": or_null(TEXT), "estimated_completion": or_null(TIME)},
            {"last_error": TEXT, "attempts": {"type": "integer"}, "failed": {"const": True}},
        ),
        "approved": (
            {**done},
            {"similar_to": ID, "similarity_score": or_null(SCORE)},
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
                "duplicate_of": or_null(ID),
                "similarity_score": or_null(SCORE),
            },
            {},
        ),
        "rejected": ({**done, "reason": or_null(TEXT), "message": TEXT}, {}),
    }
    matches: Json = {"matches": {"type": "array", "items": ref("Match")}}
    with_matches = {"duplicate", "flagged"}
    why = {"why": ref("Why")}
    full, summary = [], []
    for status, (always, at_times) in shapes.items():
        required = {**common, "status": {"const": status}, **always}
        summary.append(object_of(required, sometimes | at_times))
        full.append(
            object_of(required | matches, sometimes | at_times | why)
            if status in with_matches
            else object_of(
                required,
                sometimes
                | at_times
                | (why if status != "processing" else {})
                | (matches if status == "approved" else {}),
            )
        )
    return {"Video": {"oneOf": full}, "VideoSummary": {"oneOf": summary}}


def search() -> Json:
    """A search by its status, and what it tells once it is answered."""
    number: Json = {"type": "number"}
    common: Json = {
        "search_id": ID,
        "kind": {"enum": ["search", "compare"]},
        "created_at": TIME,
        "file_size": or_null({"type": "integer"}),
        "mime_type": or_null(TEXT),
    }
    sometimes: Json = {
        "source_url": TEXT,
        "reference_id": ID,
        "last_error": TEXT,
        "attempts": {"type": "integer", "minimum": 0},
    }
    underway: Json = {"progress": SCORE, "stage": or_null(TEXT)}
    match: Json = {
        **evidence()["Match"],
        "properties": evidence()["Match"]["properties"] | {"video_id": or_null(ID)},
    }
    verdict = object_of(
        {
            "status": {"enum": ["approved", "duplicate", "flagged", "rejected"]},
            "reason": or_null(TEXT),
            "duplicate_of": or_null(ID),
            "similar_to": or_null(ID),
            "confidence": or_null({"enum": ["high", "very_high"]}),
            "similarity_score": or_null(SCORE),
            "matches": {"type": "array", "items": match},
        },
        {
            "message": TEXT,
            "original_video": or_null(object_of({"id": ID, "uploaded_at": TIME, "uploader": or_null(TEXT)})),
        },
    )
    size = object_of({"duration": SECONDS, "width": {"type": "integer"}, "height": {"type": "integer"}})
    gate = object_of(
        {
            "name": TEXT,
            "question": TEXT,
            "passed": {"type": "boolean"},
            "decided": {"type": "boolean"},
            "value": or_null(number),
            "bound": or_null({"enum": ["at least", "at most"]}),
            "threshold": or_null(TEXT),
            "limit": or_null(number),
        }
    )
    change = object_of(
        {
            "field": TEXT,
            "setting": or_null(TEXT),
            "before": number,
            "after": number,
            "status": TEXT,
            "reason": or_null(TEXT),
            "is_noted": {"type": "boolean"},
        }
    )
    explanation = object_of({"gates": {"type": "array", "items": gate}, "changes": {"type": "array", "items": change}})
    answer: Json = {"video": size, "reference": size, "evidence": {"type": "object"}, "explanation": explanation}
    shapes = [
        object_of({**common, "status": {"const": status}, **underway}, sometimes) for status in ("processing", "failed")
    ]
    answered: Json = {**common, "status": {"const": "completed"}, "completed_at": TIME, "verdict": verdict}
    return {"Search": {"oneOf": [*shapes, object_of(answered, sometimes | answer)]}}
