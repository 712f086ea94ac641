"""The review queue in a real browser: by keyboard, with players in step, in every width and theme."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from edge_api.keys import moment_of
from tests.browser.clips import RANGES, flagged_clips
from tests.browser.gateway import Gateway
from tests.browser.visitor import Visitor
from tests.edge_api.test_videos import MATCH


def status(gateway: Gateway, video_id: str) -> str:
    (row,) = gateway.rows("SELECT status FROM videos WHERE id = ?", video_id)
    return str(row["status"])


def shown(page: Page, video_id: str) -> None:
    expect(page.locator("#review")).to_have_attribute("data-video", video_id)


def test_reviewing_by_keyboard(moderator: Visitor) -> None:
    gateway = moderator.gateway
    match = replace(MATCH, segments=RANGES, mirrored=True, speed=1.25, pitch_semitones=2.0)
    _, ids = gateway.flag(4, matches=[match.to_json()])
    gateway.rows("UPDATE videos SET filename = ?", "a name without end " * 13)
    page = moderator.visit("/review")
    expect(page.get_by_role("heading", name="4 videos wait for you")).to_be_visible()
    page.get_by_role("button", name="The oldest first").press("Enter")
    shown(page, ids[0])
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    moderator.check_page()
    page.keyboard.press("a")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    page.keyboard.press("w")
    page.keyboard.type("a remake, no reupload")
    page.keyboard.press("Escape")
    assert status(gateway, ids[0]) == "flagged", "keys in a note are words"

    page.keyboard.press("a")
    shown(page, ids[1])
    assert status(gateway, ids[0]) == "approved"
    expect(page.locator("#undo")).to_contain_text("Approved: a name without end")
    expect(page.locator("#undo a")).to_have_attribute("href", f"/videos/{ids[0]}")
    expect(page.get_by_role("heading", name="Overturned: 100 % of 1")).to_be_visible()
    moderator.check_page()
    page.keyboard.press("u")
    shown(page, ids[0])
    assert status(gateway, ids[0]) == "flagged"
    (row,) = gateway.rows("SELECT detail FROM audit_log WHERE action = 'video.review'")
    assert "a remake, no reupload" in row["detail"]

    for key, becomes, video_id in (("d", "duplicate", ids[0]), ("r", "rejected", ids[1]), ("n", "processing", ids[2])):
        shown(page, video_id)
        page.keyboard.press(key)
        shown(page, ids[ids.index(video_id) + 1])
        assert status(gateway, video_id) == becomes
    expect(page.locator("#undo")).to_contain_text("are never compared again")
    page.keyboard.press("u")
    expect(page.get_by_text("The two are compared again.")).to_be_visible()
    assert gateway.rows("SELECT * FROM parted_pairs") == []
    page.keyboard.press("s")
    shown(page, ids[3])
    page.keyboard.press("a")
    expect(page.get_by_role("heading", name="Nothing is left to review")).to_be_visible()
    moderator.check_page()


def test_keys_can_be_turned_off(moderator: Visitor) -> None:
    _, (video_id,) = moderator.gateway.flag(1)
    page = moderator.visit("/review")
    page.get_by_role("button", name="The oldest first").click()
    shown(page, video_id)
    page.keyboard.press("?")
    page.get_by_label("Single keys do these things").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    page.reload()
    page.keyboard.press("r")
    shown(page, video_id)
    assert status(moderator.gateway, video_id) == "flagged"


def test_a_claim_lasts_as_long_as_the_page_is_open(moderator: Visitor) -> None:
    gateway = moderator.gateway
    _, (video_id,) = gateway.flag(1)
    page = moderator.visit("/review")
    with page.expect_response("**/claim?for=120"):
        page.get_by_role("button", name="The oldest first").click()
    gateway.rows("UPDATE review_claims SET expires_at = claimed_at")
    with page.expect_response("**/claim?for=120") as renewed:
        page.reload()
    assert renewed.value.status == 200
    assert left(gateway) > 100
    gateway.rows("UPDATE review_claims SET user_id = ?", gateway.people.admin.id)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_text("Another moderator has this video by now.")).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_be_disabled()
    page.keyboard.press("a")
    gateway.rows("UPDATE review_claims SET user_id = ?", gateway.people.moderator.id)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_text("Another moderator has this video by now.")).to_be_hidden()
    assert status(gateway, video_id) == "flagged"
    moderator.visit("/videos")
    expect(page.get_by_role("heading", name="Library")).to_be_visible()
    while left(gateway) > 6:
        page.wait_for_timeout(20)
    assert [said for said in moderator.complaints if "409" not in said] == []


def left(gateway: Gateway) -> float:
    (row,) = gateway.rows("SELECT expires_at FROM review_claims")
    return (moment_of(row["expires_at"]) - datetime.now(UTC)).total_seconds()


def brightness(png: bytes) -> float:
    with av.open(io.BytesIO(png), "r") as picture:
        frame = next(picture.decode(video=0))
    return float(np.asarray(frame.to_ndarray(format="gray")).mean())


@pytest.fixture
def clips(moderator: Visitor, tmp_path: Path) -> tuple[str, str]:
    return flagged_clips(moderator.gateway, tmp_path)


def test_players_in_step(moderator: Visitor, clips: tuple[str, str]) -> None:
    page = moderator.visit("/review")
    page.get_by_role("button", name="The oldest first").click()
    shown(page, clips[1])
    page.wait_for_function("() => document.getElementById('right').readyState >= 3")
    page.wait_for_function("() => document.getElementById('left').readyState >= 3")
    page.locator("main").focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play both")).to_have_attribute("aria-pressed", "true")
    page.wait_for_function("() => document.getElementById('left').currentTime > 1.2")
    drifts = page.evaluate(
        """async () => {
            const compare = document.getElementById("review").compare, drifts = [];
            for (let n = 0; n < 20; n++) {
                drifts.push(Math.abs(compare.drift()));
                await new Promise((done) => setTimeout(done, 40));
            }
            return drifts;
        }"""
    )
    assert max(drifts) < 0.1, drifts
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play both")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".ranges button").nth(1)).to_have_attribute("aria-pressed", "true")
    page.wait_for_function("() => Math.abs(document.getElementById('right').currentTime - 3.2) < 0.05")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => Math.abs(document.getElementById('right').currentTime - 0.4) < 0.05")
    page.keyboard.press("x")
    canvas = page.locator("#difference canvas")
    expect(canvas).to_be_visible()
    same = brightness(canvas.screenshot())
    page.keyboard.press("m")
    expect(page.locator("#left")).to_have_class(re.compile("is-mirrored"))
    assert brightness(canvas.screenshot()) > 3 * same
