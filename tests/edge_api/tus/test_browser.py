"""edge_api/console/static/tus.js in a real browser, against real gateways: cuts, a reload, a cancel, a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, async_playwright

from benchmarks.resumable import CuttingProxy
from edge_api.settings import WORKER_FOLDER
from tests.edge_api.kit import mp4, until
from tests.edge_api.tus.test_server import PART, Fleet, bucket, check_stored, db, fleet, ports
from wrangler_compat.d1.sqlite import SqliteDatabase
from wrangler_compat.r2.types import R2Bucket

__all__ = ["bucket", "db", "fleet", "ports"]

SCRIPT = (WORKER_FOLDER / "console" / "static" / "tus.js").read_text(encoding="utf-8")
CHROMIUM = "/usr/bin/chromium"
PAGE = """<!doctype html><meta name="csrf-token" content="the-token"><title>upload</title><input type="file">
<script type="module">
import { keyOf, remembered, send } from "/tus.js";
const file = () => document.querySelector("input").files[0];
window.isRemembered = () => remembered().some(({ key }) => key === keyOf(file()));
window.begin = (priority) => {
  window.told = [];
  window.stopping = new AbortController();
  const onProgress = (sent, total) => window.told.push([sent, total]);
  window.sending = send(file(), { onProgress, signal: window.stopping.signal, priority })
    .catch((error) => ({ code: error.code, message: error.message }));
};
window.isReady = true;
</script>"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        await launched.close()


async def opened(browser: Browser, fleet: Fleet, port: int, file: Path) -> Page:
    """A page of the gateway's own origin, with the file chosen."""
    context = await browser.new_context(extra_http_headers=fleet.alice.headers)
    page = await context.new_page()

    async def give(route: Route) -> None:
        is_script = route.request.url.endswith(".js")
        kind = "text/javascript" if is_script else "text/html"
        await route.fulfill(body=SCRIPT if is_script else PAGE, content_type=kind)

    await page.route("**/tus.js", give)
    await page.route("**/page", give)
    await visit(page, port, file)
    return page


async def visit(page: Page, port: int, file: Path) -> None:
    await page.goto(f"http://127.0.0.1:{port}/page")
    await page.wait_for_function("window.isReady")
    await page.set_input_files("input", file)


async def result(page: Page) -> dict[str, Any]:
    async with asyncio.timeout(60):
        found: dict[str, Any] = await page.evaluate("window.sending")
    return found


def saved(folder: Path, data: bytes) -> Path:
    file = folder / "Ferien am Meer ☀.mp4"
    file.write_bytes(data)
    return file


async def test_two_cuts(
    browser: Browser, fleet: Fleet, ports: tuple[int, int], bucket: R2Bucket, db: SqliteDatabase, tmp_path: Path
) -> None:
    data = mp4(4 * PART + 77, seed=2001)
    with CuttingProxy(ports, cuts=(PART, 3 * PART)) as proxy:
        page = await opened(browser, fleet, proxy.port, saved(tmp_path, data))
        tokens: list[str | None] = []
        page.on("request", lambda request: tokens.append(request.headers.get("x-csrf-token")))
        await page.evaluate("begin('high')")
        video_id = (await result(page))["videoId"]
        assert proxy.cuts_made == 2
    assert set(tokens) == {"the-token"}
    told = await page.evaluate("told")
    assert told[-1] == [len(data), len(data)]
    assert await db.prepare("SELECT priority FROM videos WHERE id = ?1").bind(video_id).first("priority") == "high"
    assert not await page.evaluate("isRemembered()")
    await check_stored(bucket, db, data)


async def test_a_reload_goes_on_where_it_was(
    browser: Browser, fleet: Fleet, ports: tuple[int, int], bucket: R2Bucket, db: SqliteDatabase, tmp_path: Path
) -> None:
    data = mp4(4 * PART + 78, seed=2002)
    file = saved(tmp_path, data)
    # What hangs on to the first two parts goes silent: the rest is never handed on.
    with CuttingProxy(ports, cuts=(2 * PART,), is_dead_after=True) as proxy:
        page = await opened(browser, fleet, proxy.port, file)
        await page.evaluate("begin('normal')")

        async def is_cut() -> bool:
            return proxy.cuts_made == 1

        async def is_recorded() -> bool:
            latest = db.prepare("SELECT upload_offset FROM tus_uploads ORDER BY created_at DESC LIMIT 1")
            return bool(await latest.first("upload_offset"))

        await until(is_cut)
        await until(is_recorded)
        proxy.revive()
        await visit(page, proxy.port, file)
        assert await page.evaluate("isRemembered()")
        await page.evaluate("begin('normal')")
        assert "videoId" in await result(page)
        told = await page.evaluate("told")
        assert told[0][0] > 0, "not from the beginning"
    await check_stored(bucket, db, data)


async def test_cancelled(
    browser: Browser, fleet: Fleet, ports: tuple[int, int], bucket: R2Bucket, db: SqliteDatabase, tmp_path: Path
) -> None:
    with CuttingProxy(ports, cuts=(2 * PART,), is_dead_after=True) as proxy:
        page = await opened(browser, fleet, proxy.port, saved(tmp_path, mp4(4 * PART, seed=2003)))
        await page.evaluate("begin('normal')")

        async def is_cut() -> bool:
            return proxy.cuts_made == 1

        await until(is_cut)
        proxy.revive()
        await page.evaluate("stopping.abort()")
        assert (await result(page))["code"] == "CANCELLED"
        assert not await page.evaluate("isRemembered()")
    assert await db.prepare("SELECT COUNT(*) AS n FROM tus_uploads WHERE finished_at IS NULL").first("n") == 0
    assert not await bucket.list_multipart_uploads()
    assert not (await bucket.list(prefix="uploads/")).objects


async def test_refused(browser: Browser, fleet: Fleet, ports: tuple[int, int], tmp_path: Path) -> None:
    page = await opened(browser, fleet, ports[0], saved(tmp_path, b"no video" * 5000))
    await page.evaluate("begin('normal')")
    told = await result(page)
    assert told["code"] == "UNSUPPORTED_FORMAT"
    assert told["message"].startswith("The file is not a video")
    assert not await page.evaluate("isRemembered()")
