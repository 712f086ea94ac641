"""Uploads from the console that are cut, reloaded, cancelled or refused: they resume, and nothing is left behind."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from playwright.sync_api import Locator, Page, Request, expect

from tests.browser.gateway import Gateway
from tests.browser.visitor import PHONE, Visitor
from tests.browser.wire import Wire
from tests.edge_api.kit import mp4

LONG_NAME = "a holiday in the mountains with a name that is longer than any telephone is wide.mp4"
SIZE, SLOW = 7_900_000, 4_000_000
"""Bytes; bytes per second. Of what a browser calls sent, up to 3 MB may still be on their way."""


def drop(page: Page, name: str, content: bytes, *, times: int = 1) -> None:
    """A file from outside the browser, let go over the page; the same several times at once."""
    page.evaluate(
        """([name, content, times]) => {
            const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
            const transfer = new DataTransfer();
            const file = new File([bytes], name, {type: "video/mp4", lastModified: 1700000000000});
            for (let n = 0; n < times; n += 1) transfer.items.add(file);
            const target = document.getElementById("drop");
            for (const kind of ["dragenter", "dragover", "drop"]) {
                target.dispatchEvent(new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true}));
            }
        }""",
        [name, base64.b64encode(content).decode(), times],
    )


@pytest.fixture
def wire(gateway: Gateway) -> Iterator[Wire]:
    with Wire(int(gateway.url.rsplit(":", 1)[1])) as wire:
        yield wire


@pytest.fixture
def alice(visitor: Visitor, wire: Wire) -> Visitor:
    """Signed in, and behind the wire."""
    behind = replace(visitor, gateway=replace(visitor.gateway, url=wire.url))
    behind.sign_in(behind.gateway.people.alice)
    return behind


def offsets_of(page: Page) -> list[int]:
    """From where each PATCH of this page sends; it grows."""
    offsets = list[int]()

    def note(request: Request) -> None:
        if request.method == "PATCH":
            offsets.append(int(request.headers["upload-offset"]))

    page.on("request", note)
    return offsets


def row_of(page: Page, name: str) -> Locator:
    return page.locator("#uploads").get_by_role("listitem").filter(has_text=name)


def wait_for_share(row: Locator, share: float) -> None:
    limit = time.monotonic() + 60
    while row.get_by_role("progressbar").evaluate("(bar) => bar.value") < share:
        assert time.monotonic() < limit, row.inner_text()
        row.page.wait_for_timeout(20)


def test_an_upload_is_cut_in_the_middle_and_goes_on(alice: Visitor, wire: Wire) -> None:
    """Dropped, cut, taken up again by itself; cut by a reload, taken up when the same file is dropped."""
    content = mp4(SIZE, seed=5)
    page = alice.visit("/upload")
    offsets = offsets_of(page)
    wire.bytes_per_second = SLOW
    drop(page, LONG_NAME, content)
    row = row_of(page, "a holiday")
    wait_for_share(row, 0.5)
    wire.cut()
    expect(row).to_contain_text("The connection is cut. It goes on by itself.")
    row.get_by_role("progressbar").evaluate("(bar) => { bar.value = 0; }")
    wire.mend()
    wait_for_share(row, 0.75)
    page.reload()
    cut = page.get_by_role("region", name="Begun and not finished")
    expect(cut).to_contain_text(LONG_NAME)
    expect(cut).to_contain_text("7.9 MB")
    alice.resize(PHONE, "dark")
    alice.check_width()
    alice.check_accessibility()
    wire.bytes_per_second = None
    drop(page, LONG_NAME, content)
    expect(row_of(page, "a holiday")).to_contain_text("Waiting for its turn")
    expect(cut).to_be_hidden()
    first, second, third = offsets
    assert 0 == first < second < third < SIZE
    assert kept(alice) == hashlib.sha256(content).hexdigest()
    assert alice.gateway.rows("SELECT filename FROM videos") == [{"filename": LONG_NAME}]


def kept(alice: Visitor) -> str:
    """SHA-256 of the one video that there is."""
    ((video_id,),) = (row.values() for row in alice.gateway.rows("SELECT id FROM videos"))
    alice.gateway.decide(video_id, "approved")
    headers = alice.gateway.people.alice.headers
    shown = httpx.get(f"{alice.gateway.url}/api/videos/{video_id}", headers=headers).json()
    return hashlib.sha256(httpx.get(shown["r2_url"]).content).hexdigest()


def test_cancel_retry_and_give_up(alice: Visitor, wire: Wire) -> None:
    gateway = alice.gateway
    page = alice.visit("/upload")
    wire.bytes_per_second = SLOW
    drop(page, "clip7.mp4", mp4(SIZE, seed=7), times=2)
    row = row_of(page, "clip7.mp4")
    wait_for_share(row.first, 0.2)
    expect(row.nth(1)).to_contain_text("Not sent. The same file is being sent already.")
    row.first.get_by_role("button", name="Cancel").click()
    expect(row.first).to_contain_text("Cancelled; nothing is kept.")
    assert not gateway.rows("SELECT id FROM videos UNION ALL SELECT id FROM tus_uploads WHERE finished_at IS NULL")
    assert page.evaluate("localStorage.length") == 0
    row.first.get_by_role("button", name="Retry").click()
    wait_for_share(row.first, 0.2)
    page.reload()
    wire.bytes_per_second = None
    page.get_by_role("button", name="Give up clip7.mp4").click()
    expect(page.get_by_role("region", name="Begun and not finished")).to_be_hidden()
    assert not gateway.rows("SELECT id FROM videos UNION ALL SELECT id FROM tus_uploads WHERE finished_at IS NULL")


def test_a_server_that_refuses_is_quoted(alice: Visitor) -> None:
    page = alice.visit("/upload")
    alice.gateway.rows("UPDATE console_sessions SET csrf_secret = 'another'")
    drop(page, "clip8.mp4", mp4(50_000, seed=8))
    row = row_of(page, "clip8.mp4")
    expect(row).to_contain_text("Not uploaded. This did not come from a page of this site")
    expect(row.get_by_role("button", name="Retry")).to_be_visible()
