"""Every alteration there is, and the choice among them."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.quality.pictured import PICTURED
from benchmarks.quality.plans import Alteration
from benchmarks.quality.published import PUBLISHED
from benchmarks.quality.timed import TIMED

ALTERATIONS: tuple[Alteration, ...] = (*PICTURED, *TIMED, *PUBLISHED)

GROUPS = {
    "coding": "re-encoded",
    "size": "resized, stretched",
    "light": "light and colour",
    "texture": "blur, noise, pixels",
    "frame": "bars, borders, fills",
    "crop": "crops",
    "overlay": "logos, captions, emoji, shapes",
    "turn": "mirrored, turned, tilted",
    "camcorder": "filmed from a screen",
    "inset": "beside or within another clip",
    "time": "speed, trims, additions, order",
    "sound": "sound or picture replaced",
    "together": "two or three at once",
    "thorn": "Thorn's seven",
    "visioforge": "VisioForge's nine",
}
"""Group -> what it is called in the tables, in their order."""


class UnknownAlterationError(ValueError):
    """A name that is neither an alteration nor a group; the message lists those there are."""


def chosen(names: Sequence[str]) -> tuple[Alteration, ...]:
    """Those of these names, or of these groups; all for none. Raises UnknownAlterationError."""
    known = {each.name for each in ALTERATIONS} | set(GROUPS)
    if unknown := sorted(set(names) - known):
        raise UnknownAlterationError(f"{', '.join(unknown)}: not among {', '.join(sorted(known))}")
    return tuple(each for each in ALTERATIONS if not names or each.name in names or each.group in names)
