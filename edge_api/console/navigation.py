"""What stands in the navigation, and for whom."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from edge_api.auth import User
from edge_api.scopes import Scope


@dataclass(frozen=True, slots=True)
class Place:
    """scope: without it the entry is not shown; its route refuses by itself."""

    path: str
    label: str
    icon: str
    scope: Scope


PLACES: Collection[Place] = (
    Place("/videos", "Library", "library", "fingerprint:read"),
    Place("/upload", "Upload", "upload", "fingerprint:write"),
    Place("/try", "Try it", "search", "fingerprint:read"),
    Place("/review", "Review", "review", "review"),
    Place("/dashboard", "Dashboard", "dashboard", "admin"),
)
HOME = "/videos"


def places_of(user: User | None) -> list[Place]:
    return [] if user is None else [place for place in PLACES if place.scope in user.scopes]


def home_of(user: User) -> str:
    """Where one lands after signing in."""
    places = places_of(user)
    return places[0].path if places else "/me"
