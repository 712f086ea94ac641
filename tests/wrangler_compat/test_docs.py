"""docs/cloudflare.md names every method, error code, limit and connection that there is."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from wrangler_compat.connections import CONNECTION_NAMES
from wrangler_compat.d1 import types as d1
from wrangler_compat.queues import types as queues
from wrangler_compat.r2 import codes
from wrangler_compat.r2 import types as r2
from wrangler_compat.ratelimit import types as ratelimit
from wrangler_compat.slots import types as slots
from wrangler_compat.vectorize import types as vectorize

PAGE = (Path(__file__).parents[2] / "docs" / "cloudflare.md").read_text(encoding="utf-8")

SECTIONS = {
    "## D1": d1,
    "## R2": r2,
    "## Queues": queues,
    "## Vectorize": vectorize,
    "## Rate limiting": ratelimit,
    "## Slots": slots,
}


def section(title: str) -> str:
    """From one heading of the second level to the next."""
    start = PAGE.index(f"\n{title}\n")
    end = PAGE.find("\n## ", start + 1)
    return PAGE[start : end if end > 0 else None]


def methods() -> list[tuple[str, str, str]]:
    """(section, protocol, method) of every public method of the bindings' Protocols."""
    found = []
    for title, module in SECTIONS.items():
        if f"\n{title}\n" not in PAGE:
            continue
        for name, cls in inspect.getmembers(module, inspect.isclass):
            if cls.__module__ == module.__name__ and getattr(cls, "_is_protocol", False):
                members = [member for member, _ in inspect.getmembers(cls, inspect.isfunction)]
                found += [(title, name, member) for member in members if not member.startswith("_")]
    return found


@pytest.mark.parametrize(("title", "protocol", "method"), methods())
def test_every_method_is_named(title: str, protocol: str, method: str) -> None:
    assert f"{method}(" in section(title), f"{protocol}.{method} is missing in docs/cloudflare.md, {title}"


def test_the_methods_are_found() -> None:
    found = {(protocol, method) for _, protocol, method in methods()}
    assert {("R2Bucket", "presigned_url"), ("R2MultipartUpload", "abort"), ("R2ObjectBody", "text")} <= found
    assert {("D1Database", "batch"), ("D1PreparedStatement", "raw")} <= found
    assert {("RateLimit", "limit"), ("Slots", "give_back")} <= found
    assert len(found) >= 25


@pytest.mark.parametrize("code", codes.ALL, ids=lambda code: code.code)
def test_every_code_of_r2_is_listed(code: codes.R2Code) -> None:
    rows = [line for line in section("## R2").splitlines() if line.startswith("| 1") and code.code in line]
    assert rows
    assert code.name in rows[0]


@pytest.mark.parametrize("name", CONNECTION_NAMES)
def test_every_connection_is_named(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("code", ["D1_ERROR", "D1_TYPE_ERROR", "D1_COLUMN_NOTFOUND", "D1_EXEC_ERROR"])
def test_every_code_of_d1_is_named(code: str) -> None:
    assert code in PAGE
