"""What is spoken over HTTP: ranged GETs for the video, a POST for the callback. The only importer of httpx here."""

from __future__ import annotations

import re
import time
from urllib.parse import urlsplit

import httpx

from processor.errors import BadRequestError, SourceUnreachableError, SourceUnsuitableError, TimedOutError

ATTEMPTS = 3
_RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_REQUEST_SECONDS = 20.0


class RangeClient:
    """Reads byte ranges of one URL; follows no redirect, uses no proxy, tries a passing failure again.

    Raises BadRequestError for a URL that is not plain http(s), SourceUnreachableError, SourceUnsuitableError when the
    server has no Range requests, TimedOutError after the deadline (of time.monotonic()).
    size: of the file in bytes, -1 until the first answer. bytes_read, requests: so far, for the metrics.
    """

    def __init__(self, url: str, *, deadline: float, transport: httpx.BaseTransport | None = None) -> None:
        check_url(url)
        self._url = url
        self._deadline = deadline
        self._client = httpx.Client(
            transport=transport, follow_redirects=False, trust_env=False, headers={"Accept-Encoding": "identity"}
        )
        self.size = -1
        self.bytes_read = 0
        self.requests = 0

    def close(self) -> None:
        self._client.close()

    def get(self, start: int, stop: int) -> bytes:
        """Bytes [start, stop); fewer at the end of the file."""
        for attempt in range(ATTEMPTS):
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimedOutError("reading the video took longer than EXTRACT_TIMEOUT allows; try again or raise it")
            try:
                return self._get_once(start, stop, timeout=min(left, _REQUEST_SECONDS))
            except _PassingError as passing:
                if attempt == ATTEMPTS - 1:
                    raise SourceUnreachableError(str(passing)) from passing
                time.sleep(min(0.2 * 4**attempt, max(0.0, self._deadline - time.monotonic())))
        raise AssertionError("every attempt returns or raises")

    def _get_once(self, start: int, stop: int, timeout: float) -> bytes:
        self.requests += 1
        try:
            headers = {"Range": f"bytes={start}-{stop - 1}"}
            with self._client.stream("GET", self._url, headers=headers, timeout=timeout) as response:
                if self._is_empty_file(response):
                    self.size = 0
                    return b""
                stop = self._check(response, start, stop)
                return self._body(response, stop - start)
        except httpx.TransportError as broken:
            reason = f"the server of the video cannot be reached ({type(broken).__name__}); see that it runs"
            raise _PassingError(reason) from broken

    def _is_empty_file(self, response: httpx.Response) -> bool:
        unmet = response.status_code == 416
        return unmet or (response.status_code == 200 and response.headers.get("content-length") == "0")

    def _check(self, response: httpx.Response, start: int, stop: int) -> int:
        """Where the answer really stops. Learns the size from the first answer."""
        status = response.status_code
        if status in _RETRIED_STATUSES:
            raise _PassingError(f"the server of the video answers {status}; try again later")
        if 300 <= status < 400:
            raise SourceUnsuitableError("the URL of the video redirects; give the URL that it redirects to")
        if status not in (200, 206):
            raise SourceUnreachableError(
                f"the server of the video answers {status}; the URL may have expired or the video be gone"
            )
        found = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
        if found is None:
            raise SourceUnsuitableError(
                "the server of the video does not answer Range requests; serve it from one that does"
            )
        first, last, size = (int(group) for group in found.groups())
        if self.size < 0:
            self.size = size
        if size != self.size:
            raise SourceUnreachableError("the video changed its size while it was read; try again")
        if first != start or last + 1 != min(stop, size):
            raise SourceUnsuitableError("the server of the video answers with another range than asked for")
        return last + 1

    def _body(self, response: httpx.Response, expected: int) -> bytes:
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            self.bytes_read += len(chunk)
            if len(body) > expected:
                raise SourceUnsuitableError("the server of the video sends more bytes than it announced")
            if time.monotonic() > self._deadline:
                raise TimedOutError("reading the video took longer than EXTRACT_TIMEOUT allows; try again or raise it")
        if len(body) != expected:
            raise _PassingError("the server of the video hung up in the middle of a range; try again")
        return bytes(body)


def check_url(url: str, allowed_hosts: tuple[str, ...] = ()) -> None:
    """Raises BadRequestError unless url is http or https with a host, one of allowed_hosts when there are any."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL) as broken:
        raise BadRequestError(f"the URL cannot be read: {broken}") from broken
    if parts.scheme not in ("http", "https") or not host:
        raise BadRequestError("the URL must begin with http:// or https:// and name a host")
    if allowed_hosts and host not in allowed_hosts:
        raise BadRequestError(f"the host {host} is not among those that this processor may talk to")


async def post_json(url: str, body: bytes, headers: dict[str, str], seconds: float) -> int:
    """The status of the answer. Raises ConnectionError when there is none within so many seconds."""
    try:
        async with httpx.AsyncClient(follow_redirects=False, trust_env=False) as client:
            answer = await client.post(
                url, content=body, headers={"Content-Type": "application/json", **headers}, timeout=seconds
            )
            return answer.status_code
    except httpx.TransportError as broken:
        raise ConnectionError(f"no answer from the callback URL ({type(broken).__name__})") from broken


class _PassingError(Exception):
    """May be gone on the next try."""
