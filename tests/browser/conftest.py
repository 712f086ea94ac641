"""One gateway and one browser for each module; one window, signed out, for each test.

Fixtures of modules, not of the session: while the browser runs no other event loop can, and other tests want theirs.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import chromium
from tests.browser.gateway import Gateway, running_gateway
from tests.browser.visitor import DESKTOP, Visitor
from tests.services import S3Server


@pytest.fixture(scope="module")
def gateway(s3_server: S3Server, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running_gateway(tmp_path_factory.mktemp("gateway"), s3_server, redis_url) as started:
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def visitor(gateway: Gateway, browser: Browser) -> Iterator[Visitor]:
    context = browser.new_context(
        viewport={"width": DESKTOP, "height": 900}, locale="en-GB", timezone_id="Europe/Berlin"
    )
    context.set_default_timeout(60_000)
    page, complaints = context.new_page(), list[str]()
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield Visitor(page, context, gateway, complaints)
    finally:
        context.close()
        gateway.forget_videos()


@pytest.fixture
def alice(visitor: Visitor) -> Visitor:
    """Signed in as a plain user."""
    visitor.sign_in(visitor.gateway.people.alice)
    return visitor


@pytest.fixture
def admin(visitor: Visitor) -> Visitor:
    visitor.sign_in(visitor.gateway.people.admin)
    return visitor


@pytest.fixture
def moderator(visitor: Visitor) -> Visitor:
    visitor.sign_in(visitor.gateway.people.moderator)
    return visitor
