"""R2's error codes and messages as data.

https://developers.cloudflare.com/r2/api/error-codes/
"""

from __future__ import annotations

from dataclasses import dataclass

from wrangler_compat.errors import R2Error


@dataclass(frozen=True, slots=True)
class R2Code:
    """number and name: Cloudflare's. retryable: ours."""

    number: int
    name: str
    message: str
    retryable: bool = False

    def error(self, detail: str = "") -> R2Error:
        text = f"{self.message} ({detail})" if detail else self.message
        return R2Error(f"{text} ({self.number})", code=self.code, retryable=self.retryable)

    @property
    def code(self) -> str:
        """As an R2Error carries it."""
        return str(self.number)


INTERNAL_ERROR = R2Code(10001, "InternalError", "We encountered an internal error. Please try again.", retryable=True)
UNAUTHORIZED = R2Code(
    10002, "Unauthorized", "The object store refused the credentials; check R2_ACCESS_KEY and R2_SECRET_KEY."
)
ACCESS_DENIED = R2Code(10003, "AccessDenied", "Access denied.")
NO_SUCH_BUCKET = R2Code(10006, "NoSuchBucket", "The specified bucket does not exist.")
NO_SUCH_KEY = R2Code(10007, "NoSuchKey", "The specified key does not exist.")
ENTITY_TOO_SMALL = R2Code(
    10011, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed object size."
)
METADATA_TOO_LARGE = R2Code(
    10012, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size."
)
INVALID_OBJECT_NAME = R2Code(10020, "InvalidObjectName", "The specified object name is not valid.")
INVALID_MAX_KEYS = R2Code(10022, "InvalidMaxKeys", "MaxKeys params must be positive integer <= 1000.")
NO_SUCH_UPLOAD = R2Code(10024, "NoSuchUpload", "The specified multipart upload does not exist.")
INVALID_PART = R2Code(10025, "InvalidPart", "One or more of the specified parts could not be found.")
INVALID_ARGUMENT = R2Code(10029, "InvalidArgument", "An argument is missing or invalid.")
PRECONDITION_FAILED = R2Code(
    10031, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold."
)
BAD_DIGEST = R2Code(10037, "BadDigest", "The SHA-256 checksum you specified did not match what we received.")
INVALID_RANGE = R2Code(10039, "InvalidRange", "The requested range is not satisfiable")
BAD_UPLOAD = R2Code(10048, "BadUpload", "There was a problem with the multipart upload.")
SLOW_DOWN = R2Code(10058, "TooManyRequests", "Reduce your rate of requests.", retryable=True)
ENTITY_TOO_LARGE = R2Code(100100, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.")
UNREACHABLE = R2Code(10043, "ServiceUnavailable", "The object store could not be reached.", retryable=True)
TIMED_OUT = R2Code(10043, "ServiceUnavailable", "The object store did not answer in time.", retryable=True)
BUCKET_CONFLICT = R2Code(10073, "BucketConflict", "The bucket exists already.")
INCOMPLETE_BODY = R2Code(10013, "IncompleteBody", "The body ended before its time.", retryable=True)
SIGNATURE_DOES_NOT_MATCH = R2Code(
    10035, "SignatureDoesNotMatch", "The object store refused the signature; check R2_SECRET_KEY and the clock."
)

ALL = tuple(value for value in list(globals().values()) if isinstance(value, R2Code))

# The names under which S3 stores report the same things.
_S3_NAMES = {
    "AccessDenied": ACCESS_DENIED,
    "AllAccessDisabled": ACCESS_DENIED,
    "403": ACCESS_DENIED,
    "InvalidAccessKeyId": UNAUTHORIZED,
    "SignatureDoesNotMatch": SIGNATURE_DOES_NOT_MATCH,
    "RequestTimeTooSkewed": SIGNATURE_DOES_NOT_MATCH,
    "ExpiredToken": UNAUTHORIZED,
    "401": UNAUTHORIZED,
    "NoSuchBucket": NO_SUCH_BUCKET,
    "NoSuchKey": NO_SUCH_KEY,
    "404": NO_SUCH_KEY,
    "NotFound": NO_SUCH_KEY,
    "EntityTooSmall": ENTITY_TOO_SMALL,
    "EntityTooLarge": ENTITY_TOO_LARGE,
    "413": ENTITY_TOO_LARGE,
    "MetadataTooLarge": METADATA_TOO_LARGE,
    "KeyTooLongError": INVALID_OBJECT_NAME,
    "InvalidObjectName": INVALID_OBJECT_NAME,
    "NoSuchUpload": NO_SUCH_UPLOAD,
    "InvalidPart": INVALID_PART,
    "InvalidPartOrder": INVALID_PART,
    "PreconditionFailed": PRECONDITION_FAILED,
    "412": PRECONDITION_FAILED,
    "BucketAlreadyExists": BUCKET_CONFLICT,
    "BucketAlreadyOwnedByYou": BUCKET_CONFLICT,
    "ConditionalRequestConflict": SLOW_DOWN,
    "IncompleteBody": INCOMPLETE_BODY,
    "BadDigest": BAD_DIGEST,
    "XAmzContentSHA256Mismatch": BAD_DIGEST,
    "InvalidRange": INVALID_RANGE,
    "416": INVALID_RANGE,
    "InternalError": INTERNAL_ERROR,
    "500": INTERNAL_ERROR,
    "502": UNREACHABLE,
    "503": UNREACHABLE,
    "504": UNREACHABLE,
    "ServiceUnavailable": UNREACHABLE,
    "SlowDown": SLOW_DOWN,
    "TooManyRequests": SLOW_DOWN,
    "Throttling": SLOW_DOWN,
    "429": SLOW_DOWN,
    "RequestTimeout": TIMED_OUT,
    "408": TIMED_OUT,
}


def code_of(s3_name: str, status: int) -> R2Code:
    """R2's code for an S3 error: by its name, else by its HTTP status."""
    found = _S3_NAMES.get(s3_name) or _S3_NAMES.get(str(status))
    if found is None:
        found = INTERNAL_ERROR if status >= 500 else INVALID_ARGUMENT
    return found


def is_missing(error: R2Error) -> bool:
    """Whether the object, or its whole bucket, is not there."""
    return error.code in {NO_SUCH_KEY.code, NO_SUCH_BUCKET.code}
