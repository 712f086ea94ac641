"""Which URLs webhooks may go to: https to public addresses; hosts of a setting may be private, and spoken to by http.

The address is chosen here and connected to as it is, so that DNS cannot answer otherwise in between.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from wire.addresses import is_public

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host name. Raises OSError when there are none."""

_LONGEST_URL = 2048
_RESOLVE_SECONDS = 5.0


class TargetRefusedError(Exception):
    """The URL must not be sent to. The message is a sentence."""


@dataclass(frozen=True, slots=True)
class Target:
    """path: with the query. is_allowed: named by the setting, whatever its address."""

    host: str
    port: int
    path: str
    is_tls: bool
    is_allowed: bool

    @property
    def authority(self) -> str:
        """The Host header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.is_tls else 80) else f"{name}:{self.port}"


def target_of(url: str, allowed_hosts: Collection[str]) -> Target:
    """Raises TargetRefusedError."""
    if len(url) > _LONGEST_URL or not url.isascii() or any(ord(each) <= 32 or ord(each) == 127 for each in url):
        raise TargetRefusedError(f"A target is a URL of at most {_LONGEST_URL} ASCII characters without spaces.")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise TargetRefusedError("This is not a URL.") from error
    is_allowed = host in {each.lower() for each in allowed_hosts}
    if parts.scheme not in ("http", "https") or not host or "\\" in url:
        raise TargetRefusedError("A target begins with https:// and names a host.")
    if parts.scheme == "http" and not is_allowed:
        raise TargetRefusedError("A target begins with https://; http:// is for hosts in WEBHOOK_ALLOWED_HOSTS.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise TargetRefusedError("A target has no user name, password or fragment in its URL.")
    is_tls = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(host, port or (443 if is_tls else 80), path, is_tls, is_allowed)


async def addresses_of(target: Target, resolve: Resolve) -> list[str]:
    """Where the target may be connected to. Raises TargetRefusedError when an address is private; OSError."""
    try:
        async with asyncio.timeout(_RESOLVE_SECONDS):
            found = list(await resolve(target.host, target.port))
    except (TimeoutError, UnicodeError) as error:
        raise OSError(f"the name {target.host} could not be resolved") from error
    if not found:
        raise OSError(f"the name {target.host} has no address")
    if not target.is_allowed and not all(is_public(address) for address in found):
        raise TargetRefusedError(
            f"{target.host} is in a private network, which webhooks are not sent to; WEBHOOK_ALLOWED_HOSTS names "
            "those that may be."
        )
    return found


async def resolve_host(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))
