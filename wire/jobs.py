"""What the queue carries. A job is only a wake-up: the truth is the row in D1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

Priority = Literal["high", "normal", "low"]
PRIORITIES: tuple[Priority, ...] = get_args(Priority)

JobKind = Literal["decide", "purge", "search"]
JOB_KINDS: tuple[JobKind, ...] = get_args(JobKind)


class JobFormatError(ValueError):
    """A queue message is not a job."""


@dataclass(frozen=True, slots=True)
class Job:
    """One message on VIDEO_QUEUE.

    kind: "decide" takes the video to its verdict; "purge" removes what is left of a deleted video; "search" answers the
    search whose id is given in the video's place.
    request_id: of the HTTP request that caused it, for the logs of all services.
    """

    video_id: str
    kind: JobKind = "decide"
    request_id: str = ""

    def to_body(self) -> dict[str, str]:
        return {"kind": self.kind, "video_id": self.video_id, "request_id": self.request_id}

    @classmethod
    def from_body(cls, body: object) -> Job:
        """Read a message body. Raises JobFormatError when it is not a job."""
        if not isinstance(body, Mapping):
            raise JobFormatError(f"a job is an object, not {type(body).__name__}")
        fields = cast(Mapping[str, Any], body)
        video_id, kind = fields.get("video_id"), fields.get("kind", "decide")
        if not isinstance(video_id, str) or not video_id:
            raise JobFormatError("a job needs a video_id")
        if kind not in JOB_KINDS:
            raise JobFormatError(f"unknown kind of job: {kind!r}")
        return cls(video_id=video_id, kind=kind, request_id=str(fields.get("request_id", "")))


def priority_of(text: str | None) -> Priority:
    """The priority a user named, "normal" when none. Raises JobFormatError on an unknown one."""
    if text is None or text == "":
        return "normal"
    if text not in PRIORITIES:
        raise JobFormatError(f"priority must be one of {', '.join(PRIORITIES)}")
    return text
