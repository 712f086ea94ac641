"""What a token may do: its own scopes, out of those that its user's role allows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

Role = Literal["uploader", "moderator", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)

Scope = Literal["fingerprint:read", "fingerprint:write", "fingerprint:delete", "review", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

MEANINGS: Mapping[Scope, str] = {
    "fingerprint:read": "see videos, their verdicts and their events; look videos up and compare them",
    "fingerprint:write": "submit videos",
    "fingerprint:delete": "delete videos",
    "review": "see everybody's videos and settle flagged ones",
    "admin": "see everybody's videos and run them again, and set up webhooks",
}

SCOPES_OF_ROLE: Mapping[Role, frozenset[Scope]] = {
    "uploader": frozenset[Scope](["fingerprint:read", "fingerprint:write", "fingerprint:delete"]),
    "moderator": frozenset[Scope](["fingerprint:read", "fingerprint:write", "fingerprint:delete", "review"]),
    "admin": frozenset(SCOPES),
}


class ScopeError(ValueError):
    """A scope that there is not, or that a role does not allow. The message is a sentence."""


def chosen_scopes(role: Role, wanted: Iterable[str]) -> str | None:
    """What api_tokens.scopes keeps: the wanted ones in their order of listing, None when none is named.

    Raises ScopeError.
    """
    names = set(wanted)
    if not names:
        return None
    unknown = sorted(names - set(SCOPES))
    if unknown:
        raise ScopeError(f"There is no scope {unknown[0]}; there are {', '.join(SCOPES)}.")
    beyond = sorted(names - SCOPES_OF_ROLE[role])
    if beyond:
        allowed = ", ".join(in_order(SCOPES_OF_ROLE[role]))
        raise ScopeError(f"The scope {beyond[0]} is not for the role {role}, which has {allowed}.")
    return " ".join(scope for scope in SCOPES if scope in names)


def in_order(scopes: Iterable[Scope]) -> list[Scope]:
    """As SCOPES lists them."""
    wanted = set(scopes)
    return [scope for scope in SCOPES if scope in wanted]


def granted_scopes(role: Role, kept: str | None) -> frozenset[Scope]:
    """What a token may do now: a user who loses a role takes it from all their tokens. kept: api_tokens.scopes."""
    if kept is None:
        return SCOPES_OF_ROLE[role]
    return SCOPES_OF_ROLE[role] & frozenset[Scope](scope for scope in SCOPES if scope in kept.split())
