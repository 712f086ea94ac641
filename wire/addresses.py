"""Which URLs and network addresses strangers may send the services to. Pure: who resolves names, and who connects, asks
here. The processor takes its URLs apart itself, by the parser of the client that connects."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

LONGEST_URL = 2048

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether everybody can reach this address; those that wrap an IPv4 address are judged by it.

    False for text that is no address, and for loopback, private, link-local (cloud metadata), shared, multicast and
    reserved ones.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        wrapped = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
        if wrapped is None and parsed in _NAT64:
            wrapped = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if wrapped is not None:
            return wrapped.is_global and not wrapped.is_multicast
        if parsed.is_site_local:
            return False
    return parsed.is_global and not parsed.is_multicast


class UrlError(ValueError):
    """No URL that anybody may be sent to. The message wants a name for the URL before it: "must begin with ..."."""


@dataclass(frozen=True, slots=True)
class HttpUrl:
    """host: in lower case, without the final dot. path: with the query, as it is sent."""

    scheme: str
    host: str
    port: int
    path: str
    fragment: str

    @property
    def is_tls(self) -> bool:
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """The Host header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.is_tls else 80) else f"{name}:{self.port}"


def http_url(text: str) -> HttpUrl:
    """Raises UrlError on what is not plainly http or https to a host, and on what parsers read differently."""
    if len(text) > LONGEST_URL or any(ord(letter) <= 32 or ord(letter) == 127 for letter in text) or "\\" in text:
        raise UrlError(f"must be a URL of at most {LONGEST_URL} characters without spaces")
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise UrlError("is not a URL") from error
    if parts.scheme not in ("http", "https") or not host:
        raise UrlError("must begin with http:// or https:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise UrlError("must not hold a user name or password")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return HttpUrl(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), path, parts.fragment)
