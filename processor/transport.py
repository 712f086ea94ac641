"""What is spoken over HTTP: ranged GETs for the video, a PUT for its rendition, a POST for the callback. httpx is
imported here alone."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

import httpx

from processor.addresses import Resolve, SourceRules, addresses_of, resolved
from processor.errors import (
    BadRequestError,
    SourceUnreachableError,
    SourceUnsuitableError,
    TargetUnreachableError,
    TimedOutError,
    TooDemandingError,
    TooLargeError,
)

ATTEMPTS = 3
MAX_REDIRECTS = 5
LOOPBACK = SourceRules()
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_REQUEST_SECONDS = 20.0
_PUT_SECONDS = 120.0
"""For one step of it; a store may think before it answers that a large object is there."""
_PIECE_BYTES = 1 << 20
_READ_AGAIN = 8
_READ_ANYWAY_BYTES = 64 << 20


class RangeClient:
    """Reads byte ranges of one URL; follows a few redirects, uses no proxy, tries a passing failure again.

    Each host, the first one and those that it redirects to, is resolved once and judged by rules; connections go to
    the addresses found then. From a host that is not the operator's own no redirect leads to one with a private
    address. TLS and the Host header keep the name.

    Raises BadRequestError for a URL that is not plain http(s), ForbiddenSourceError where rules say no,
    SourceUnreachableError, SourceUnsuitableError when the server has no Range requests, TooLargeError, TimedOutError
    after the deadline (of time.monotonic()), TooDemandingError when the file has been read several times over.
    size: of the file in bytes, -1 until the first answer. bytes_read, requests: so far, for the metrics.
    """

    def __init__(
        self,
        url: str,
        *,
        deadline: float,
        rules: SourceRules = LOOPBACK,
        max_bytes: int = 1 << 63,
        resolve: Resolve = resolved,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url = parsed_url(url)
        self._rules = rules
        self._max_bytes = max_bytes
        self._resolve = resolve
        self._addresses: Sequence[str] = ()
        self._may_be_private = True
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
        redirects = attempt = 0
        while True:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimedOutError("reading the video took longer than EXTRACT_TIMEOUT allows; try again or raise it")
            if self.bytes_read > _READ_AGAIN * max(0, self.size) + _READ_ANYWAY_BYTES:
                raise TooDemandingError("the parts of the video refer to one another in circles; remux it")
            try:
                return self._get_once(start, stop, attempt, timeout=min(left, _REQUEST_SECONDS))
            except _RedirectError as elsewhere:
                redirects += 1
                if redirects > MAX_REDIRECTS:
                    raise SourceUnsuitableError(
                        f"the URL of the video redirects more than {MAX_REDIRECTS} times; give the last one"
                    ) from elsewhere
                self._move(elsewhere.location)
            except _PassingError as passing:
                if attempt == ATTEMPTS - 1:
                    raise SourceUnreachableError(str(passing)) from passing
                time.sleep(min(0.2 * 4**attempt, max(0.0, self._deadline - time.monotonic())))
                attempt += 1

    def _move(self, location: str) -> None:
        """To where a redirect leads, judged before anything is sent there."""
        try:
            self._url = parsed_url(str(self._url.join(location)))
        except (BadRequestError, ValueError, httpx.InvalidURL) as broken:
            raise SourceUnsuitableError("the URL of the video redirects to something that is no http URL") from broken
        self._addresses = ()

    def _address(self, attempt: int) -> str:
        """Another one each try, where the host has several."""
        if not self._addresses:
            host, port = self._url.host, port_of(self._url)
            self._rules.check(host, port)
            self._may_be_private = self._may_be_private and self._rules.owns(host, port)
            self._addresses = addresses_of(host, port, may_be_private=self._may_be_private, resolve=self._resolve)
        return self._addresses[attempt % len(self._addresses)]

    def _get_once(self, start: int, stop: int, attempt: int, timeout: float) -> bytes:
        url = self._url.copy_with(host=self._address(attempt).partition("%")[0])
        headers = {"Host": self._url.netloc.decode("ascii"), "Range": f"bytes={start}-{stop - 1}"}
        extensions = {"sni_hostname": self._url.host}
        self.requests += 1
        try:
            with self._client.stream("GET", url, headers=headers, timeout=timeout, extensions=extensions) as response:
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
        if status in _REDIRECTS and "location" in response.headers:
            raise _RedirectError(response.headers["location"])
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
        if size > self._max_bytes:
            raise TooLargeError(f"the video has {size} bytes, more than the {self._max_bytes} of MAX_SOURCE_BYTES")
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


def put_file(
    url: str,
    file: BinaryIO,
    size: int,
    *,
    content_type: str,
    deadline: float,
    rules: SourceRules = LOOPBACK,
    tell: Callable[[float], None] = lambda share: None,
    resolve: Resolve = resolved,
) -> None:
    """Sends the size bytes of file, from its start, by one PUT; a passing failure is tried again. The host is judged by
    rules, as that of a video is; no redirect is followed, and no proxy used. tell: is told the share that is sent.

    Raises BadRequestError, ForbiddenSourceError, TargetUnreachableError, TimedOutError after the deadline (of
    time.monotonic()).
    """
    target = parsed_url(url)
    host, port = target.host, port_of(target)
    rules.check(host, port)
    addresses = addresses_of(host, port, may_be_private=rules.owns(host, port), resolve=resolve)
    headers = {
        "Host": target.netloc.decode("ascii"),
        "Content-Type": content_type,
        "Content-Length": str(size),
    }
    for attempt in range(ATTEMPTS):
        address = addresses[attempt % len(addresses)].partition("%")[0]
        file.seek(0)
        try:
            with httpx.Client(follow_redirects=False, trust_env=False, timeout=_PUT_SECONDS) as client:
                answer = client.put(
                    target.copy_with(host=address),
                    content=_pieces(file, size, deadline, tell),
                    headers=headers,
                    extensions={"sni_hostname": host},
                )
        except httpx.TransportError as broken:
            reason = f"the store of the renditions cannot be reached ({type(broken).__name__}); see that it runs"
            cause: Exception | None = broken
        else:
            if answer.is_success:
                return
            reason = f"the store of the renditions answers {answer.status_code}; the URL may have expired"
            cause = None
            if answer.status_code not in _RETRIED_STATUSES:
                raise TargetUnreachableError(reason)
        if attempt == ATTEMPTS - 1:
            raise TargetUnreachableError(reason) from cause
        time.sleep(min(0.2 * 4**attempt, max(0.0, deadline - time.monotonic())))


def _pieces(file: BinaryIO, size: int, deadline: float, tell: Callable[[float], None]) -> Iterator[bytes]:
    sent = 0
    while sent < size:
        if time.monotonic() > deadline:
            raise TimedOutError("putting the rendition into the store took too long; try again")
        piece = file.read(min(_PIECE_BYTES, size - sent))
        if not piece:
            raise TargetUnreachableError("the rendition became shorter while it was sent; try again")
        sent += len(piece)
        yield piece
        tell(sent / size)


def parsed_url(text: str) -> httpx.URL:
    """Raises BadRequestError unless text is http or https with a host."""
    try:
        url = httpx.URL(text)
    except (ValueError, httpx.InvalidURL) as broken:
        raise BadRequestError(f"the URL cannot be read: {broken}") from broken
    if url.scheme not in ("http", "https") or not url.host:
        raise BadRequestError("the URL must begin with http:// or https:// and name a host")
    return url


def port_of(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def check_url(url: str, allowed_hosts: tuple[str, ...] = ()) -> None:
    """Raises BadRequestError unless url is http or https with a host, one of allowed_hosts when there are any."""
    host = parsed_url(url).host
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


class _RedirectError(Exception):
    """The server says where else to ask."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


class _PassingError(Exception):
    """May be gone on the next try."""
