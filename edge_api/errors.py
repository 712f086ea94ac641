"""The one table of what can go wrong: code, HTTP status, sentence. Every answer that is not a success is made here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from wire.errors import error_body
from wrangler_compat.errors import BindingError

log = structlog.get_logger("edge_api")


@dataclass(frozen=True, slots=True)
class ErrorKind:
    status: int
    sentence: str


ERRORS: Mapping[str, ErrorKind] = {
    "BAD_REQUEST": ErrorKind(400, "The request cannot be understood."),
    "INVALID_HEADER": ErrorKind(400, "A header is missing or has a value that is not allowed."),
    "INVALID_JSON": ErrorKind(400, "The body is not a JSON object."),
    "INVALID_FIELD": ErrorKind(400, "A field has a value that is not allowed."),
    "MALFORMED_MULTIPART": ErrorKind(400, "The body is not valid multipart/form-data."),
    "UPLOAD_INCOMPLETE": ErrorKind(400, "The upload ended before its last boundary; send it again."),
    "MISSING_FIELD": ErrorKind(400, "The form has no file; send it in the field `video`."),
    "EMPTY_FILE": ErrorKind(400, "The file is empty."),
    "TRUNCATED_FILE": ErrorKind(400, "The file is cut: much of what it announces is missing. Send it whole."),
    "NO_VIDEO_TRACK": ErrorKind(400, "The file has no picture, only other tracks."),
    "TOO_MANY_FILES": ErrorKind(400, "The form has more than one file; send one video at a time."),
    "UNEXPECTED_FILE": ErrorKind(400, "The form has a file in another field; send it in the field `video`."),
    "UNSUPPORTED_FORMAT": ErrorKind(400, "The file is not a video of a supported format."),
    "URL_NOT_ALLOWED": ErrorKind(400, "This URL cannot be fetched."),
    "INVALID_FINGERPRINT": ErrorKind(400, "The body does not hold a fingerprint that can be read."),
    "UNAUTHORIZED": ErrorKind(401, "Send an `Authorization: Bearer TOKEN` header."),
    "INVALID_TOKEN": ErrorKind(401, "This token is unknown, expired or revoked; ask for a new one."),
    "SESSION_ENDED": ErrorKind(401, "Your session has ended; sign in again."),
    "INVALID_SECRET": ErrorKind(401, "Send `Authorization: Internal-Secret SECRET` with the right secret."),
    "FORBIDDEN": ErrorKind(403, "Your role does not allow this."),
    "MISSING_SCOPE": ErrorKind(403, "This token does not carry the scope that this needs."),
    "CROSS_SITE": ErrorKind(
        403, "This did not come from a page of this site; load the page again and repeat it there."
    ),
    "QUOTA_EXCEEDED": ErrorKind(403, "Your quota is used up; delete videos, or ask an admin for more."),
    "NOT_FOUND": ErrorKind(404, "There is nothing at this address."),
    "VIDEO_NOT_FOUND": ErrorKind(404, "You have no video with this id."),
    "WEBHOOK_NOT_FOUND": ErrorKind(404, "There is no webhook with this id."),
    "UPLOAD_NOT_FOUND": ErrorKind(404, "You have no upload with this id; create one with POST /api/tus."),
    "SEARCH_NOT_FOUND": ErrorKind(404, "You have no search with this id; answers are kept for a while only."),
    "METHOD_NOT_ALLOWED": ErrorKind(405, "This address does not take this method."),
    "REQUEST_TIMEOUT": ErrorKind(408, "The request did not arrive in time; send it again."),
    "UPLOAD_STALLED": ErrorKind(408, "Nothing more of the upload arrived in time; send it again."),
    "UPLOAD_TOO_SLOW": ErrorKind(408, "The upload came too slowly, beside very many others; send it again later."),
    "NOT_FLAGGED": ErrorKind(409, "Only a flagged video can be reviewed."),
    "NO_SUSPECT": ErrorKind(409, "Nothing is known that this video could be a duplicate of; approve or reject it."),
    "NOT_A_MATCH": ErrorKind(409, "This video matches no such video, or that one cannot be an original any more."),
    "CLAIMED": ErrorKind(409, "Another moderator has this video open, or you have another one open."),
    "NOTHING_TO_UNDO": ErrorKind(409, "There is no review of the last minute that could be taken back."),
    "ALREADY_DECIDED": ErrorKind(409, "This video has its verdict; there is nothing to run again."),
    "OFFSET_MISMATCH": ErrorKind(409, "The upload is at another offset; ask with HEAD and go on from there."),
    "UPLOAD_RESET": ErrorKind(409, "The store lost what it had of this upload; begin again at offset 0."),
    "UPLOAD_FINISHED": ErrorKind(409, "This upload has become a video; delete the video instead."),
    "UPLOAD_EXPIRED": ErrorKind(410, "This upload was not finished in time; begin a new one."),
    "TUS_VERSION": ErrorKind(412, "Send `Tus-Resumable: 1.0.0`; no other version of tus is spoken here."),
    "FILE_TOO_LARGE": ErrorKind(413, "The file is too large."),
    "BODY_TOO_LARGE": ErrorKind(413, "The body is too large."),
    "UNSUPPORTED_MEDIA_TYPE": ErrorKind(415, "The Content-Type is not the one this address takes."),
    "UPLOAD_LOCKED": ErrorKind(423, "Another request writes to this upload; try again shortly."),
    "RATE_LIMITED": ErrorKind(429, "Too many requests with this token; try again later."),
    "TOO_MANY_UPLOADS": ErrorKind(
        429, "This token has too many uploads under way; send it when one of them has ended."
    ),
    "HEADERS_TOO_LARGE": ErrorKind(431, "The headers of the request are too large."),
    "CHECKSUM_MISMATCH": ErrorKind(460, "The bytes are not those of the checksum; send them again."),
    "INTERNAL": ErrorKind(500, "Something went wrong here; it has been logged under this request_id."),
    "UNAVAILABLE": ErrorKind(503, "A service this depends on does not answer; try again shortly."),
    "TOO_BUSY": ErrorKind(503, "Too much is going on here; try again shortly."),
    "NOT_READY": ErrorKind(503, "Not every binding answers."),
}

EVERYWHERE = ("408", "431", "500", "503")
"""Statuses that any route may answer with: before the request is whole, when there are too many, in trouble."""

RETRY_AFTER_SECONDS = 5


class ApiError(Exception):
    """An answer that is not a success. code: a key of ERRORS. fields: what the body holds beside the usual three.

    headers: what goes with it in the head, where a protocol wants that.
    """

    def __init__(self, code: str, message: str | None = None, **fields: Any) -> None:
        super().__init__(code)
        self.code = code
        self.kind = ERRORS[code]
        self.message = message or self.kind.sentence
        self.fields = fields
        self.headers: dict[str, str] = {}


def request_id_of(request: Request[Any]) -> str:
    return str(request.scope.get("twinreel.request_id", ""))


def error_response(error: ApiError, request_id: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    sent = {**error.headers, **(headers or {})}
    if error.kind.status == 401:
        sent["WWW-Authenticate"] = "Internal-Secret" if error.code == "INVALID_SECRET" else "Bearer"
    if "retry_after" in error.fields:
        sent["Retry-After"] = str(error.fields["retry_after"])
    elif error.kind.status == 503:
        sent["Retry-After"] = str(math.ceil(RETRY_AFTER_SECONDS))
    body = error_body(error.code, error.message, request_id, **error.fields)
    return JSONResponse(body, error.kind.status, sent)


async def on_api_error(request: Request[Any], error: Exception) -> Response:
    assert isinstance(error, ApiError)
    log.info("refused", code=error.code, status=error.kind.status, path=request.url.path)
    return error_response(error, request_id_of(request))


async def on_binding_error(request: Request[Any], error: Exception) -> Response:
    assert isinstance(error, BindingError)
    log.error("binding failed", code=error.code, message=error.message, retryable=error.retryable)
    return error_response(ApiError("UNAVAILABLE" if error.retryable else "INTERNAL"), request_id_of(request))


_CODES_OF_STATUS = {400: "BAD_REQUEST", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "BODY_TOO_LARGE"}


async def on_http_exception(request: Request[Any], error: Exception) -> Response:
    """What the router itself refuses."""
    assert isinstance(error, HTTPException)
    code = _CODES_OF_STATUS.get(error.status_code, "BAD_REQUEST")
    headers = {"Allow": _methods_here(request)} if error.status_code == 405 else error.headers
    return error_response(ApiError(code), request_id_of(request), headers)


def _methods_here(request: Request[Any]) -> str:
    """Those of all routes with this address: each of ours has one method, and the router names the first's alone."""
    here = (route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE)
    return ", ".join(sorted({method for route in here for method in getattr(route, "methods", None) or ()}))


async def on_disconnect(request: Request[Any], error: Exception) -> Response:
    """Nobody reads this answer; it ends the request in good order."""
    log.info("client gone", path=request.url.path)
    return error_response(ApiError("UPLOAD_INCOMPLETE"), request_id_of(request))


HANDLERS = {
    ApiError: on_api_error,
    BindingError: on_binding_error,
    HTTPException: on_http_exception,
    ClientDisconnect: on_disconnect,
}
