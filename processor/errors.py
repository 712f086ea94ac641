"""Everything that can go wrong with a fingerprint or a rendition, in one table.

    ProcessorError                 code                    HTTP   may a retry mend it?
    +-- BadRequestError            BAD_REQUEST             400    no
    +-- ForbiddenSourceError       FORBIDDEN_SOURCE        403    no, unless the settings change
    +-- BodyTooLargeError          BODY_TOO_LARGE          413    no
    +-- UndecodableError           UNDECODABLE             422    no
    +-- NoVideoStreamError         NO_VIDEO_STREAM         422    no
    +-- TooLongError               TOO_LONG                422    no
    +-- TooLargeError              TOO_LARGE               422    no
    +-- BadDimensionsError         BAD_DIMENSIONS          422    no
    +-- TruncatedError             TRUNCATED               422    no
    +-- EmptyRangeError            EMPTY_RANGE             422    no
    +-- TooDemandingError          TOO_DEMANDING           422    no
    +-- MismatchedFragmentsError   MISMATCHED_FRAGMENTS    422    no
    +-- RenditionTooLargeError     RENDITION_TOO_LARGE     413    no, unless the settings change
    +-- WorkerDiedError            WORKER_DIED             500    yes
    +-- SourceUnreachableError     SOURCE_UNREACHABLE      502    yes
    +-- SourceUnsuitableError      SOURCE_UNSUITABLE       502    yes, against another source
    +-- TargetUnreachableError     TARGET_UNREACHABLE      502    yes
    +-- BusyError                  BUSY                    503    yes, after Retry-After
    +-- TimedOutError              TIMED_OUT               504    yes
    +-- NoRoomError                NO_ROOM                 507    yes, when there is room again

The message is a sentence for a person: what is wrong and what to do.
"""

from __future__ import annotations

from typing import ClassVar


class ProcessorError(Exception):
    """Base of all of them; never raised itself."""

    code: ClassVar[str] = "INTERNAL"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = True


class BadRequestError(ProcessorError):
    code, status, retryable = "BAD_REQUEST", 400, False


class ForbiddenSourceError(ProcessorError):
    code, status, retryable = "FORBIDDEN_SOURCE", 403, False


class BodyTooLargeError(ProcessorError):
    code, status, retryable = "BODY_TOO_LARGE", 413, False


class UndecodableError(ProcessorError):
    code, status, retryable = "UNDECODABLE", 422, False


class NoVideoStreamError(ProcessorError):
    code, status, retryable = "NO_VIDEO_STREAM", 422, False


class TooLongError(ProcessorError):
    code, status, retryable = "TOO_LONG", 422, False


class TooLargeError(ProcessorError):
    code, status, retryable = "TOO_LARGE", 422, False


class BadDimensionsError(ProcessorError):
    code, status, retryable = "BAD_DIMENSIONS", 422, False


class TruncatedError(ProcessorError):
    code, status, retryable = "TRUNCATED", 422, False


class EmptyRangeError(ProcessorError):
    code, status, retryable = "EMPTY_RANGE", 422, False


class TooDemandingError(ProcessorError):
    code, status, retryable = "TOO_DEMANDING", 422, False


OUT_OF_MEMORY = "the video needs more memory than WORKER_MEMORY allows; scale it down or raise the limit"
"""What a TooDemandingError says where memory is what it is about."""


class MismatchedFragmentsError(ProcessorError):
    code, status, retryable = "MISMATCHED_FRAGMENTS", 422, False


class RenditionTooLargeError(ProcessorError):
    code, status, retryable = "RENDITION_TOO_LARGE", 413, False


class WorkerDiedError(ProcessorError):
    code, status, retryable = "WORKER_DIED", 500, True


class SourceUnreachableError(ProcessorError):
    code, status, retryable = "SOURCE_UNREACHABLE", 502, True


class SourceUnsuitableError(ProcessorError):
    code, status, retryable = "SOURCE_UNSUITABLE", 502, True


class TargetUnreachableError(ProcessorError):
    """Where a rendition is to be put does not take it."""

    code, status, retryable = "TARGET_UNREACHABLE", 502, True


class BusyError(ProcessorError):
    code, status, retryable = "BUSY", 503, True


class TimedOutError(ProcessorError):
    code, status, retryable = "TIMED_OUT", 504, True


class NoRoomError(ProcessorError):
    code, status, retryable = "NO_ROOM", 507, True


BY_CODE: dict[str, type[ProcessorError]] = {kind.code: kind for kind in ProcessorError.__subclasses__()}
