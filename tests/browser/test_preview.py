"""Thumbnails of the library that move: when, in which order, and that nothing is loaded before."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from processor.decode import encode_jpeg
from tests.browser.visitor import Visitor

PICTURES, WIDTH, HEIGHT = 3, 64, 48
LAYOUT = json.dumps({"pictures": PICTURES, "width": WIDTH, "height": HEIGHT})


def sheet() -> bytes:
    return encode_jpeg(np.full((HEIGHT, PICTURES * WIDTH, 3), 130, np.uint8))


@dataclass(frozen=True)
class Shelf:
    """The library with videos that have previews. asked: of every request since the page was there, what it was for."""

    page: Page
    ids: list[str]
    asked: list[str]

    def thumb(self, at: int) -> Locator:
        return self.page.locator(".thumb").nth(at)

    def link(self, at: int) -> Locator:
        return self.page.locator(".video-name a").nth(at)

    @property
    def moving(self) -> Locator:
        return self.page.locator(".moving")


@pytest.fixture
def shelf(alice: Visitor) -> Shelf:
    gateway, page = alice.gateway, alice.page
    gateway.put("videos/2026/01/01/sheet.jpg", sheet(), "image/jpeg")
    gateway.put("videos/2026/01/01/thumb.jpg", sheet(), "image/jpeg")
    keys = {"thumbnail_key": "videos/2026/01/01/thumb.jpg", "preview_key": "videos/2026/01/01/sheet.jpg"}
    with_sheets = gateway.add_videos(gateway.people.alice, 2, preview_layout=LAYOUT, **keys)
    gateway.add_videos(gateway.people.alice, 1, status="processing", uploaded_at="2026-01-01T00:00:00.000000Z")
    alice.visit("/videos")
    page.wait_for_load_state("networkidle")
    page.mouse.move(2, 2)
    asked = list[str]()
    page.on("request", lambda request: asked.append(request.url.partition("?")[0].rpartition("/")[2]))
    return Shelf(page, with_sheets, asked)


def shown(page: Page) -> int:
    """Which picture of the sheet is in the middle of the thumbnail that moves."""
    return int(
        page.evaluate(
            """(pictures) => {
                const image = document.querySelector(".moving image").getBoundingClientRect();
                const room = document.querySelector(".moving").getBoundingClientRect();
                return Math.floor((room.left + room.width / 2 - image.left) / (image.width / pictures));
            }""",
            PICTURES,
        )
    )


def following(page: Page, before: int) -> int:
    page.wait_for_timeout(50)
    while (now := shown(page)) == before:
        page.wait_for_timeout(50)
    return now


def test_the_pictures_follow_one_another_under_the_pointer(alice: Visitor, shelf: Shelf) -> None:
    page = shelf.page
    assert shelf.asked == []
    shelf.thumb(0).hover()
    expect(shelf.moving).to_have_count(1)
    assert shelf.asked == [shelf.ids[0], "sheet.jpg"]
    first = shown(page)
    second = following(page, first)
    third = following(page, second)
    assert (second, third) == ((first + 1) % PICTURES, (first + 2) % PICTURES)
    page.mouse.move(2, 2)
    expect(shelf.moving).to_have_count(0)
    shelf.thumb(0).hover()
    expect(shelf.moving).to_have_count(1)
    assert shelf.asked == [shelf.ids[0], "sheet.jpg"], "asked for once"
    shelf.thumb(1).hover()
    expect(shelf.thumb(1).locator(".moving")).to_have_count(1)
    expect(shelf.moving).to_have_count(1)
    assert not alice.complaints


def test_each_picture_covers_the_thumbnail(shelf: Shelf) -> None:
    shelf.thumb(0).hover()
    expect(shelf.moving).to_have_count(1)
    room = shelf.page.evaluate(
        """() => {
            const box = (e) => { const r = e.getBoundingClientRect(); return [r.left, r.right, r.top, r.bottom]; };
            return [".thumb", ".moving image"].map((name) => box(document.querySelector(name)));
        }"""
    )
    (left, right, top, bottom), (image_left, image_right, image_top, image_bottom) = room
    assert image_left <= left + 1
    assert image_right >= right - 1
    assert image_top <= top + 1
    assert image_bottom >= bottom - 1
    assert (image_right - image_left) / PICTURES / (image_bottom - image_top) == pytest.approx(WIDTH / HEIGHT, rel=0.01)


def test_the_pictures_follow_one_another_under_the_keyboard(shelf: Shelf) -> None:
    page = shelf.page
    page.locator("input[name=video_id]").nth(0).focus()
    page.keyboard.press("Tab")
    expect(shelf.link(0)).to_be_focused()
    expect(shelf.thumb(0).locator(".moving")).to_have_count(1)
    page.keyboard.press("Tab")
    expect(shelf.moving).to_have_count(0)
    page.keyboard.press("Tab")
    expect(shelf.link(1)).to_be_focused()
    expect(shelf.thumb(1).locator(".moving")).to_have_count(1)


def rest(shelf: Shelf) -> None:
    """Longer than anything waits before it is asked for."""
    shelf.page.wait_for_timeout(600)


def test_nothing_moves_and_nothing_is_loaded_where_less_motion_is_wanted(shelf: Shelf) -> None:
    shelf.page.emulate_media(reduced_motion="reduce")
    shelf.thumb(0).hover()
    rest(shelf)
    assert (shelf.moving.count(), shelf.asked) == (0, [])
    shelf.page.emulate_media(reduced_motion="no-preference")
    shelf.thumb(1).hover()
    expect(shelf.moving).to_have_count(1)
    shelf.page.emulate_media(reduced_motion="reduce")
    expect(shelf.moving).to_have_count(0)


def test_who_has_few_requests_left_keeps_them(shelf: Shelf) -> None:
    def answer(left: int) -> Callable[..., None]:
        return lambda route: route.fulfill(json={"preview": None}, headers={"RateLimit": f'"requests";r={left};t=60'})

    shelf.page.route("**/api/videos/*", answer(20))
    shelf.thumb(0).hover()
    rest(shelf)
    shelf.thumb(1).hover()
    rest(shelf)
    assert shelf.asked == [shelf.ids[0]]
    assert shelf.moving.count() == 0


def test_a_click_on_the_thumbnail_opens_the_video(shelf: Shelf) -> None:
    shelf.thumb(1).click()
    shelf.page.wait_for_url(f"**/videos/{shelf.ids[1]}")


def test_without_scripts_the_thumbnail_stands(alice: Visitor, shelf: Shelf) -> None:
    browser = alice.context.browser
    assert browser is not None
    still = browser.new_context(java_script_enabled=False)
    still.add_cookies(alice.context.cookies())  # type: ignore[arg-type]
    page = still.new_page()
    page.goto(f"{alice.gateway.url}/videos")
    page.locator(".thumb").first.hover()
    assert page.locator(".thumb img").count() == 2
    assert page.locator(".moving").count() == 0
    still.close()


def test_a_library_with_previews(alice: Visitor, shelf: Shelf) -> None:
    shelf.thumb(0).hover()
    expect(shelf.moving).to_have_count(1)
    alice.check_page()
