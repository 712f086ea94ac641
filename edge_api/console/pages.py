"""The one place where pages are made: Jinja2, what every page is given, and the rules that browsers keep for it."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse

from edge_api.auth import User
from edge_api.console import formatting, sentences
from edge_api.console.assets import assets
from edge_api.console.navigation import places_of
from edge_api.sessions import session_of, take_flash
from edge_api.state import Request
from edge_api.stats.costs import money

THEMES = ("light", "dark")
_TEMPLATES = Path(__file__).parent / "templates"


async def page(
    request: Request,
    user: User | None,
    template: str,
    *,
    status: int = 200,
    media: Iterable[str | None] = (),
    headers: Mapping[str, str] | None = None,
    **given: Any,
) -> HTMLResponse:
    """media: the links to pictures and videos on the page; browsers load such from their origins and no other.

    given: what the template takes beside what layout.html lists. A name that it takes and nobody gives raises.
    """
    theme = request.cookies.get("theme")
    content = _rendered(
        request,
        template,
        user=user,
        places=places_of(user),
        theme=theme if theme in THEMES else None,
        flash=await take_flash(request) if status == 200 else None,
        **given,
    )
    rules = {
        "Content-Security-Policy": content_security_policy(media),
        # With no-referrer, browsers would send `Origin: null` with our own forms.
        "Referrer-Policy": "same-origin",
    }
    return HTMLResponse(content, status, {**rules, **(headers or {})})


def fragment(request: Request, user: User, template: str, **given: Any) -> HTMLResponse:
    """A piece of a page, for a script that puts it in the place of what was there; what is to be said once stays."""
    rules = {"Content-Security-Policy": content_security_policy(), "Referrer-Policy": "same-origin"}
    return HTMLResponse(_rendered(request, template, user=user, **given), headers=rules)


def _rendered(request: Request, template: str, **given: Any) -> str:
    session = session_of(request)
    csrf_token = session.csrf_token if session else ""
    return environment().get_template(template).render(path=request.url.path, csrf_token=csrf_token, **given)


def go_to(path: str) -> RedirectResponse:
    """After a form: the browser asks for the page by GET."""
    return RedirectResponse(path, 303)


def content_security_policy(media: Iterable[str | None] = ()) -> str:
    """Our own scripts and styles, nothing inline, nothing from elsewhere but media."""
    origins = sorted({f"{part.scheme}://{part.netloc}" for part in map(urlsplit, filter(None, media))})
    sources = " ".join(["'self'", *origins])
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            f"img-src {sources}",
            f"media-src {sources}",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )


@functools.cache
def environment() -> Environment:
    """Everything is escaped; a name that is not given is an error."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    for name in (
        "size",
        "length",
        "clock",
        "moment",
        "percent",
        "short_id",
        "name_of",
        "number",
        "span",
        "day",
        "seconds",
    ):
        made.filters[name] = getattr(formatting, name)
    made.filters["money"] = money
    made.filters["not_played"] = sentences.not_played
    made.filters |= {"state": sentences.state_of, "stage": sentences.stage, "alterations": sentences.alterations}
    made.globals |= {
        "static": assets().url,
        "LABELS": sentences.LABELS,
        "KINDS": sentences.KINDS,
        "with_query": with_query,
    }
    return made


def with_query(path: str, **fields: object) -> str:
    """The address with those fields that hold something."""
    held = {name: value for name, value in fields.items() if value not in (None, "", 0)}
    return f"{path}?{urlencode(held)}" if held else path
