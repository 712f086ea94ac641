"""A browser without a browser: what one sends, and what a page holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import httpx

from edge_api.accounts import IssuedToken
from edge_api.sessions import open_session
from tests.edge_api.kit import Person, World

ORIGIN = "http://twinreel.test"
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


class Visit:
    """One who is signed in. csrf: the session's token."""

    def __init__(self, world: World, session_id: str, csrf: str) -> None:
        self.world, self.session_id, self.csrf = world, session_id, csrf

    @property
    def headers(self) -> dict[str, str]:
        return {**HTML, "Cookie": f"twinreel={self.session_id}"}

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.world.client.get(path, headers={**self.headers, **headers})

    async def post(self, path: str, fields: Mapping[str, Any], **headers: str) -> httpx.Response:
        """As the page's own form does."""
        sent = {**self.headers, "Origin": ORIGIN, "Sec-Fetch-Site": "same-origin", **headers}
        return await self.world.client.post(path, data={"csrf_token": self.csrf, **fields}, headers=sent)


async def visit_by(world: World, person: Person) -> Visit:
    """Through the form."""
    answer = await world.client.post("/sign-in", data={"token": person.token}, headers={**HTML, "Origin": ORIGIN})
    assert answer.status_code == 303, answer.text
    world.client.cookies.clear()
    return await _visit(world, answer.cookies["twinreel"])


async def visit_with(world: World, token: IssuedToken) -> Visit:
    """A session of a token that may no longer sign in."""
    return await _visit(world, await open_session(world.env.db, token.id, 3600))


async def _visit(world: World, session_id: str) -> Visit:
    (row,) = await world.rows("SELECT csrf_secret FROM console_sessions ORDER BY created_at DESC LIMIT 1")
    return Visit(world, session_id, row["csrf_secret"])


class Markup(HTMLParser):
    """tags: each with its attributes. text: what is between them, spaces made one."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self._text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self._text.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self._text))

    def named(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]
