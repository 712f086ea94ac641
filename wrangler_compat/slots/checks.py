"""What a call and a declaration must be, before anything is taken. Pure."""

from __future__ import annotations

from wrangler_compat.errors import ConfigError, SlotsError
from wrangler_compat.slots.limits import MAX_LEASE_SECONDS, MAX_LIMIT, MAX_NAME_BYTES


def check_call(key: object, holder: object) -> None:
    """Raises SlotsError."""
    for name, given in (("key", key), ("holder", holder)):
        if not isinstance(given, str) or not 0 < len(given.encode()) <= MAX_NAME_BYTES:
            code = f"SLOTS_{name.upper()}_INVALID"
            raise SlotsError(f"A {name} is text of 1 to {MAX_NAME_BYTES} bytes.", code=code)


def check_declared(name: str, limit: int, lease: int) -> None:
    """Raises ConfigError."""
    if not 1 <= limit <= MAX_LIMIT:
        raise ConfigError(f"The limit of {name} must be from 1 to {MAX_LIMIT}, not {limit}.")
    if not 1 <= lease <= MAX_LEASE_SECONDS:
        raise ConfigError(f"The lease of {name} must be from 1 to {MAX_LEASE_SECONDS} seconds, not {lease}.")
