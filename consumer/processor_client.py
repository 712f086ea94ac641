"""The processor over HTTP: the only importer of httpx.

A refusal (422) becomes Refused. A busy processor (503) is waited for, and then the job handed back. Everything else
that goes wrong becomes ProcessorError. What is the processor's own fault is counted by the breaker; while that is open
the job is handed back untried.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from random import Random
from typing import Any

import httpx

from consumer.breaker import Breaker
from consumer.errors import HandedBack, Refused
from wire.processing import ExtractFormatError, ExtractRequest, ExtractResponse, Preview
from wire.renditions import Rendition, RenditionFormatError, RenditionRequest

_LONGEST_RETRY_AFTER_SECONDS = 30.0
_LINE_SECONDS = 60.0
"""Longest wait for the next line that tells of a rendition."""
_RENDITION_PAUSE_SECONDS = 20.0
_NO_ROOM_SECONDS = 300.0


class ProcessorError(Exception):
    """The processor could not be reached, broke off, or answered with an error that a retry may mend."""


class ProcessorAwayError(ProcessorError):
    """Nothing was sent: nobody listens where the processor should be."""


class BrokenOffError(ProcessorError):
    """The connection was lost before the answer: the processor was stopped, or the network is at fault.

    What a video does to the processor's own processes it reports (WorkerDied).
    """


class SourceAwayError(ProcessorError):
    """The processor is well, and cannot read the video where it is."""


class WorkerDied(ProcessorError):  # noqa: N818 - what happened, and to whom
    """The processor is well; the process in which it looked at this very video died."""


class ProcessorClient:
    """timeout_seconds: for one answer. busy_wait_seconds: longest wait for a free slot, over all tries of one call."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        breaker: Breaker,
        random: Random,
        timeout_seconds: float = 600.0,
        busy_wait_seconds: float = 60.0,
    ) -> None:
        self._http = http
        self._random = random
        self._timeout_seconds = timeout_seconds
        self._busy_wait_seconds = busy_wait_seconds
        self.breaker = breaker

    async def extract(self, request: ExtractRequest, *, request_id: str) -> ExtractResponse:
        return await self._ask("/extract-fingerprint", request.to_json(), request_id)

    async def merge(
        self,
        video_id: str,
        fragments: Sequence[str],
        *,
        thumbnail: str | None,
        previews: Sequence[Preview] = (),
        request_id: str,
    ) -> ExtractResponse:
        """One fingerprint of fragments that tile the video. fragments, thumbnail, previews: as they were given."""
        body: dict[str, Any] = {"video_id": video_id, "fragments": list(fragments)}
        if previews:
            body["previews"] = [each.to_json() for each in previews]
        if thumbnail is not None:
            body["thumbnail"] = thumbnail
        return await self._ask("/merge-fingerprints", body, request_id)

    async def make_rendition(
        self, request: RenditionRequest, progress: Callable[[float], Awaitable[None]], *, request_id: str
    ) -> Rendition:
        """progress: hears the share that is done, now and then. The breaker, which is there for the verdicts, is asked
        and not told. Raises Refused, HandedBack, ProcessorError."""
        if self.breaker.state == "open":
            raise HandedBack("the processor is left alone for a while", delay_seconds=_RENDITION_PAUSE_SECONDS)
        asked = self._http.stream(
            "POST",
            "/make-rendition",
            json=request.to_json(),
            headers={"X-Request-Id": request_id},
            timeout=httpx.Timeout(_LINE_SECONDS, connect=5.0),
        )
        with _named_errors():
            async with asked as answer:
                if answer.status_code != 200:
                    await answer.aread()
                    raise _not_begun(answer)
                async for line in answer.aiter_lines():
                    told = _line(line)
                    if "progress" not in told:
                        return _made(told)
                    await progress(float(told["progress"]))
        raise BrokenOffError("the processor ended its answer before the rendition was made")

    async def ping(self) -> None:
        """Returns when the processor lives. Raises ProcessorError."""
        try:
            answer = await self._http.get("/livez", timeout=2.0)
        except httpx.HTTPError as error:
            raise ProcessorError(f"the processor does not answer: {_words(error)}") from error
        if answer.status_code != 200:
            raise ProcessorError(f"the processor says {answer.status_code}")

    async def _ask(self, path: str, body: Mapping[str, Any], request_id: str) -> ExtractResponse:
        give_up_at = time.monotonic() + self._busy_wait_seconds
        while True:
            answer = await self._post(path, body, request_id)
            if answer.status_code != 503:
                return _read(answer)
            wait = _retry_after_seconds(answer) * (1 + self._random.random() / 2)
            if time.monotonic() + wait > give_up_at:
                raise HandedBack("every slot of the processor is busy", delay_seconds=wait)
            await asyncio.sleep(wait)

    async def _post(self, path: str, body: Mapping[str, Any], request_id: str) -> httpx.Response:
        if not self.breaker.before_call():
            raise HandedBack(
                "the processor failed several times in a row and is left alone for a while",
                delay_seconds=max(1.0, self.breaker.seconds_to_wait()),
            )
        try:
            with _named_errors():
                async with asyncio.timeout(self._timeout_seconds):
                    answer = await self._http.post(path, json=body, headers={"X-Request-Id": request_id})
        except ProcessorError:
            self.breaker.failed()
            raise
        if answer.status_code >= 500 and answer.status_code != 503 and not _is_well(answer):
            self.breaker.failed()
        else:
            self.breaker.succeeded()
        return answer


@asynccontextmanager
async def open_http(
    url: str,
    *,
    secret: str | None = None,
    timeout_seconds: float = 600.0,
    max_connections: int = 100,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the processor at this URL. transport: how to reach it, when not over the network."""
    headers = {"Authorization": f"Internal-Secret {secret}"} if secret else {}
    async with httpx.AsyncClient(
        base_url=url,
        headers=headers,
        timeout=httpx.Timeout(timeout_seconds, connect=5.0),
        limits=httpx.Limits(max_connections=max_connections, max_keepalive_connections=10),
        transport=transport,
        trust_env=False,
    ) as http:
        yield http


def decode_base64(text: str) -> bytes:
    """Raises ProcessorError."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ProcessorError("the processor's answer holds bad base64") from error


def _read(answer: httpx.Response) -> ExtractResponse:
    body = _json(answer)
    if answer.status_code == 422:
        code = str(body.get("code") or "UNPROCESSABLE") if isinstance(body, dict) else "UNPROCESSABLE"
        message = str(body.get("error") or "") if isinstance(body, dict) else ""
        raise Refused(code.lower(), message or "The video cannot be processed.")
    if _code(answer) == "WORKER_DIED":
        raise WorkerDied("the processor's worker died while it looked at this video")
    if answer.status_code != 200:
        said = body.get("error") if isinstance(body, dict) else None
        kind = SourceAwayError if _code(answer) == "SOURCE_UNREACHABLE" else ProcessorError
        raise kind(f"the processor answered {answer.status_code}: {said or answer.text[:200]}")
    try:
        return ExtractResponse.from_json(body)
    except (ExtractFormatError, TypeError, ValueError) as error:
        raise ProcessorError(f"the processor's answer cannot be read: {error}") from error


@contextmanager
def _named_errors() -> Iterator[None]:
    """httpx's errors as ours. Raises ProcessorError."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise ProcessorAwayError(f"the processor cannot be reached: {_words(error)}") from error
    except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
        raise BrokenOffError(f"the processor did not answer: {_words(error)}") from error
    except (httpx.HTTPError, TimeoutError) as error:
        raise ProcessorError(f"the processor did not answer: {_words(error)}") from error


def _not_begun(answer: httpx.Response) -> Exception:
    """Why no rendition is made now."""
    if answer.status_code == 503:
        return HandedBack("every slot for renditions is taken", delay_seconds=_RENDITION_PAUSE_SECONDS)
    if answer.status_code == 404:
        return HandedBack("the processor is of a release without renditions", delay_seconds=_RENDITION_PAUSE_SECONDS)
    return ProcessorError(f"the processor answered {answer.status_code}: {answer.text[:200]}")


def _line(text: str) -> Mapping[str, Any]:
    """Raises ProcessorError."""
    try:
        told = json.loads(text)
    except ValueError as error:
        raise ProcessorError("the processor's answer holds a line that is no JSON") from error
    if not isinstance(told, dict):
        raise ProcessorError("the processor's answer holds a line that is no JSON object")
    return told


def _made(told: Mapping[str, Any]) -> Rendition:
    """What the last line says. Raises Refused, HandedBack, ProcessorError."""
    if "rendition" in told:
        try:
            return Rendition.from_json(told["rendition"])
        except RenditionFormatError as error:
            raise ProcessorError(f"the processor's answer cannot be read: {error}") from error
    code, message = str(told.get("code") or "UNKNOWN"), str(told.get("error") or "No rendition can be made.")
    if told.get("retryable") is False:
        raise Refused(code.lower(), message)
    if code == "NO_ROOM":
        raise HandedBack(message, delay_seconds=_NO_ROOM_SECONDS)
    kinds = {"WORKER_DIED": WorkerDied, "SOURCE_UNREACHABLE": SourceAwayError}
    raise kinds.get(code, ProcessorError)(f"no rendition was made: {message}")


def _is_well(answer: httpx.Response) -> bool:
    """Whether it is this video, or its store, that is to blame for the error, and not the processor."""
    return _code(answer) in ("WORKER_DIED", "SOURCE_UNREACHABLE", "SOURCE_UNSUITABLE")


def _code(answer: httpx.Response) -> str:
    body = _json(answer) if answer.status_code >= 500 else None
    return str(body.get("code") or "") if isinstance(body, dict) else ""


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _retry_after_seconds(answer: httpx.Response) -> float:
    try:
        seconds = float(answer.headers.get("Retry-After", "1"))
    except ValueError:
        seconds = 1.0
    return min(max(seconds, 0.05), _LONGEST_RETRY_AFTER_SECONDS)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
