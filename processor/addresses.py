"""Where a video may be read from: which hosts, and which of their addresses.

A name is resolved once, its addresses are judged, and the connection goes to one of those: what DNS answers a moment
later does not matter.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from processor.errors import ForbiddenSourceError, SourceUnreachableError
from wire.addresses import is_public

Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a host. Raises OSError when there are none."""


LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class SourceRules:
    """Entries are hosts, `host` or `host:port`.

    only: when there are any, nothing else is read from. own: the operator's stores, whose addresses may be private;
    those of `only` are such too.
    """

    only: tuple[str, ...] = ()
    own: tuple[str, ...] = LOOPBACK_HOSTS

    def check(self, host: str, port: int) -> None:
        """Raises ForbiddenSourceError for a host that is not among `only`."""
        if self.only and not _is_listed(host, port, self.only):
            raise ForbiddenSourceError(
                f"the host {host} is not among those that this processor reads from; SOURCE_HOSTS names them"
            )

    def owns(self, host: str, port: int) -> bool:
        return _is_listed(host, port, (*self.only, *self.own))


def resolved(host: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


def addresses_of(host: str, port: int, *, may_be_private: bool, resolve: Resolve = resolved) -> Sequence[str]:
    """Those to connect to. Raises ForbiddenSourceError when one of them is not public and may not be private,
    SourceUnreachableError when there are none."""
    try:
        found = resolve(host, port)
    except (OSError, UnicodeError) as failed:
        raise SourceUnreachableError(f"the host {host} has no address; see that its name is right") from failed
    if not found:
        raise SourceUnreachableError(f"the host {host} has no address; see that its name is right")
    if not may_be_private and not all(map(is_public, found)):
        raise ForbiddenSourceError(
            f"the host {host} has an address that is not public; if it is your own store, name it in STORE_HOSTS"
        )
    return found


def _is_listed(host: str, port: int, hosts: Sequence[str]) -> bool:
    host = host.lower().rstrip(".")
    bracketed = f"[{host}]" if ":" in host else host
    names = {host, bracketed, f"{bracketed}:{port}"}
    return any(entry.lower().rstrip(".") in names for entry in hosts)
