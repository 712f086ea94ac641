"""Which network addresses strangers may send the services to. Pure: who resolves names, and who connects, asks here."""

from __future__ import annotations

import ipaddress

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
