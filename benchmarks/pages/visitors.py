"""People who ask the gateway over HTTP: with a browser, signed in, and with a token."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.pages.asking import OPEN, Ask, Who
from benchmarks.pages.models import UnexpectedError
from edge_api.scopes import Role
from tests.edge_api.kit import Person, make_person
from wrangler_compat.d1.sqlite import open_sqlite

HTML = "text/html,application/xhtml+xml,*/*;q=0.8"
_CSRF = re.compile(r'<meta name="csrf-token" content="([^"]+)">')


def make_people(database: Path, **roles: Role) -> dict[str, Person]:
    """Users of these names with tokens."""

    async def made() -> dict[str, Person]:
        async with open_sqlite(database) as db:
            return {name: await make_person(db, name, role) for name, role in roles.items()}

    return asyncio.run(made())


@dataclass
class Visitor:
    """browser: signed in, when there is somebody to be. csrf: what its forms show."""

    browser: httpx.Client
    program: httpx.Client
    csrf: str = ""

    @property
    def cookies(self) -> dict[str, str]:
        return dict(self.browser.cookies)


@dataclass
class Visitors:
    """database: looked into for what the moderator has open."""

    database: Path
    moderator_id: str
    all: dict[Who, Visitor] = field(default_factory=dict)

    def ask(self, ask: Ask, opened: str) -> httpx.Response:
        """opened: what OPEN stands for. Raises UnexpectedError for another status than the one to be expected."""
        visitor = self.all[ask.who]
        client = visitor.browser if ask.as_page else visitor.program
        fields, headers = None, {}
        if ask.fields is not None:
            fields = {name: value.replace(OPEN, opened) for name, value in ask.fields.items()}
            fields["csrf_token"], headers["Origin"] = visitor.csrf, str(client.base_url).rstrip("/")
        answer = client.request(ask.method, ask.path.replace(OPEN, opened), data=fields, headers=headers)
        if answer.status_code != ask.status:
            raise UnexpectedError(f"{ask.words} was answered {answer.status_code}: {answer.text[:500]}")
        return answer

    def opened(self, ask: Ask) -> str:
        """The video that the moderator has open, if this one asks for it."""
        if OPEN not in ask.path and OPEN not in (ask.fields or {}).values():
            return ""
        with contextlib.closing(sqlite3.connect(self.database, timeout=30)) as database:
            sql = "SELECT video_id FROM review_claims WHERE user_id = ?"
            row = database.execute(sql, [self.moderator_id]).fetchone()
        return str(row[0]) if row else ""


@contextlib.contextmanager
def visiting(url: str, database: Path, people: Mapping[Who, Person]) -> Iterator[Visitors]:
    """These people, signed in, and nobody. people: a moderator among them."""
    with contextlib.ExitStack() as opened:
        visitors = Visitors(database, people["moderator"].id)
        every: dict[Who, Person | None] = {"nobody": None, **people}
        for who, person in every.items():
            browser = opened.enter_context(_client(url, {"Accept": HTML}))
            program = opened.enter_context(_client(url, person.headers if person else {}))
            csrf = _signed_in(browser, person) if person else ""
            visitors.all[who] = Visitor(browser, program, csrf)
        yield visitors


def _client(url: str, headers: Mapping[str, str]) -> httpx.Client:
    return httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False)


def _signed_in(browser: httpx.Client, person: Person) -> str:
    """By the form; the session's CSRF token."""
    origin = {"Origin": str(browser.base_url).rstrip("/")}
    answer = browser.post("/sign-in", data={"token": person.token}, headers=origin)
    found = _CSRF.search(browser.get("/me").text)
    if answer.status_code != 303 or found is None:
        raise UnexpectedError(f"{person.username} could not sign in: {answer.status_code} {answer.text[:500]}")
    return found[1]
