"""The page of a video in a real browser, with clips that it plays: ranges, players in step, who sees the other one."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from consumer.png import gray_png
from tests.browser.gateway import Gateway
from tests.browser.visitor import THEMES, WIDTHS, Visitor
from tests.edge_api.kit import Person
from tests.processor.clips import Look, write_clip
from wire.verdicts import Match, Segment

IN_STEP_SECONDS = 0.1
SETTLED_SECONDS = 0.04
"""Off by less than this, they have come together after a seek."""

ORIGINAL, COPY = Look(128, 72, 14.0, fps=12, seed=1), Look(128, 72, 10.0, fps=12, seed=2)
PICTURE = (
    Segment(1.0, 5.0, 2.0, 7.0, 0.97, 1.25),
    Segment(6.0, 9.5, 9.0, 12.5, 0.91, 1.0, mirrored=True),
    Segment(5.0, 6.0, 0.5, 1.5, 0.88, -1.0),
)
SOUND = (Segment(1.0, 9.0, 2.0, 12.0, 0.93, 1.25),)
WHY = {
    "gates": [
        {"name": "alike", "passed": True, "value": 0.97, "bound": "at least", "threshold": "similarity", "limit": 0.85},
        {"name": "same_speed", "passed": False, "value": 0.25, "bound": "at most", "threshold": "speed_tolerance",
         "limit": 0.03},
    ],
    "changes": [{"field": "speed_tolerance", "setting": None, "before": 0.03, "after": 0.25, "status": "duplicate",
                 "reason": None, "is_noted": False}],
}  # fmt: skip


@dataclass(frozen=True)
class Pair:
    original: str
    copy: str


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_clips(tmp_path_factory.mktemp("clips"))


def write_clips(folder: Path) -> tuple[Path, Path]:
    """Of the original and of the copy."""
    return write_clip(folder / "original.mp4", ORIGINAL), write_clip(folder / "copy.mp4", COPY)


def upload(gateway: Gateway, owner: Person, clip: Path) -> str:
    with clip.open("rb") as file:
        answer = httpx.post(f"{gateway.url}/api/upload", files={"video": file}, headers=owner.headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["video_id"])


def flagged_pair(gateway: Gateway, clips: tuple[Path, Path], owner: Person, **changes: Any) -> Pair:
    """owner: whose the original is; the copy is Alice's."""
    original, copy = upload(gateway, owner, clips[0]), upload(gateway, gateway.people.alice, clips[1])
    match = Match(
        original, "partial", 0.97, 0.97, 0.93, 0.85, 0.7, speed=1.25, pitch_semitones=2.0,
        **{"segments": PICTURE, "audio_segments": SOUND} | changes,
    )  # fmt: skip
    key = f"videos/2026/01/01/{copy}_matrix_{original}.png"
    gateway.put(key, gray_png(likeness()), "image/png")
    gateway.decide(original, "approved", duration_seconds=ORIGINAL.seconds)
    gateway.decide(
        copy,
        "flagged",
        duration_seconds=COPY.seconds,
        duplicate_of=original,
        similarity_score=0.97,
        reason="partial_match",
        matches=json.dumps([match.to_json()]),
        matrices=json.dumps({original: key}),
    )
    gateway.rows(
        """INSERT INTO verdicts (id, video_id, status, matches, policy_version, thresholds, decided_by, decided_at, why)
           SELECT verdict_id, id, status, '[]', 2, '{}', 'policy', processed_at, ? FROM videos WHERE id = ?""",
        json.dumps({"video_id": original, **WHY}),
        copy,
    )
    return Pair(original, copy)


def likeness() -> NDArray[np.uint8]:
    """uint8 [28, 20], as the consumer would draw it: light along the ranges of picture."""
    levels = np.random.default_rng(1).integers(0, 70, (round(2 * ORIGINAL.seconds), round(2 * COPY.seconds)))
    for part in PICTURE:
        for at in np.arange(part.start, part.end, 0.25):
            there = (part.ref_end if part.speed < 0 else part.ref_start) + part.speed * (at - part.start)
            levels[min(int(2 * there), len(levels) - 1), int(2 * at)] = round(255 * part.score)
    return np.asarray(levels, np.uint8)


def until(page: Page, condition: str) -> None:
    """Playwright's own wait evaluates text within the page, which the page's rules forbid."""
    limit = time.monotonic() + 60
    while not page.evaluate(condition):
        assert time.monotonic() < limit, condition
        page.wait_for_timeout(20)


def show(visitor: Visitor, pair: Pair) -> Page:
    page = visitor.visit(f"/videos/{pair.copy}")
    until(page, "[...document.querySelectorAll('video')].every((player) => player.readyState >= 2)")
    return page


def apart(page: Page, *, anchor: tuple[float, float], speed: float) -> list[float]:
    """Seconds by which the other player is ahead of where it belongs, at each picture of the window, for a second from
    when they have come together; empty when they do not within five."""
    found: list[float] = page.evaluate(
        """([[at, refAt], speed, settled]) => new Promise((resolve) => {
            const [own, other] = [document.getElementById("own"), document.getElementById("other")];
            const found = [];
            let until = performance.now() + 5000;
            const look = () => {
                const drift = other.currentTime - (refAt + speed * (own.currentTime - at));
                const runs = !own.paused && !other.paused && !own.seeking && !other.seeking;
                if (runs && !found.length && Math.abs(drift) < settled) until = performance.now() + 1000;
                if (runs && (found.length || Math.abs(drift) < settled)) found.push(drift);
                if (performance.now() < until) requestAnimationFrame(look);
                else resolve(found);
            };
            look();
        })""",
        [list(anchor), speed, SETTLED_SECONDS],
    )
    return found


def places(page: Page) -> list[float]:
    found: list[float] = page.evaluate("['own', 'other'].map((id) => document.getElementById(id).currentTime)")
    return found


def check_in_step(page: Page, *, anchor: tuple[float, float], speed: float) -> None:
    found = apart(page, anchor=anchor, speed=speed)
    assert len(found) > 10, "both play"
    assert max(map(abs, found)) < IN_STEP_SECONDS, f"{max(map(abs, found)):.3f} s apart"


def test_a_range_is_played_in_step(alice: Visitor, clips: tuple[Path, Path]) -> None:
    page = show(alice, flagged_pair(alice.gateway, clips, alice.gateway.people.alice))
    first = page.get_by_role("button", name="Picture: 0:01 to 0:05 here is 0:02 to 0:07 there")
    first.click()
    check_in_step(page, anchor=(1.0, 2.0), speed=1.25)
    assert places(page)[0] > 1.8
    expect(page.locator("#together-state")).to_contain_text("In step")
    expect(page.locator("tr.is-chosen")).to_contain_text("0:01.00")
    # What pulls them apart is made good: by the rate, or by a seek.
    for pulled in (0.3, -1.0):
        page.get_by_role("button", name="Go to range 1", exact=True).click()
        until(page, "document.getElementById('own').currentTime > 1.1")
        page.evaluate("(by) => { document.getElementById('other').currentTime += by; }", pulled)
        check_in_step(page, anchor=(1.0, 2.0), speed=1.25)
    page.evaluate("document.getElementById('own').currentTime = 6.5")
    expect(page.locator("tr.is-chosen")).to_contain_text("0:06.00")
    check_in_step(page, anchor=(6.0, 9.0), speed=1.0)
    page.get_by_role("button", name="Pause").click()
    page.wait_for_timeout(200)
    own, other = places(page)
    assert other == pytest.approx(own + 3.0, abs=IN_STEP_SECONDS)


def test_by_keyboard_and_backwards(alice: Visitor, clips: tuple[Path, Path]) -> None:
    page = show(alice, flagged_pair(alice.gateway, clips, alice.gateway.people.alice))
    page.get_by_role("button", name="Picture: 0:01 to").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="Picture: 0:06 to")).to_be_focused()
    page.keyboard.press("Enter")
    check_in_step(page, anchor=(6.0, 9.0), speed=1.0)
    page.keyboard.press("ArrowRight")
    page.keyboard.press(" ")
    until(page, "document.getElementById('own').paused")
    page.wait_for_timeout(300)
    assert places(page) == pytest.approx([5.0, 1.5], abs=0.05)
    expect(page.locator("#together-state")).to_contain_text("Backwards")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Sound: 0:01 to")).to_be_focused()


def test_the_drawing(alice: Visitor, clips: tuple[Path, Path]) -> None:
    """In both themes and widths; the table says the same in numbers."""
    page = show(alice, flagged_pair(alice.gateway, clips, alice.gateway.people.alice))
    rows = page.get_by_label("Ranges that match").get_by_role("row")
    assert rows.count() == 1 + len(PICTURE) + len(SOUND) == 1 + page.locator(".band").count()
    expect(rows.nth(2)).to_contain_text("mirrored")
    expect(rows.nth(3)).to_contain_text("backwards")
    expect(page.get_by_text("pitch +2.0")).to_be_visible()
    expect(page.get_by_text("is it so that the speed is the same? No: it is 0.25")).to_be_visible()
    page.get_by_text("All that was asked").click()
    alice.check_page()


def choose_place(page: Page, own: float, other: float) -> None:
    """Of the picture of likeness; seconds."""
    box = page.locator("#matrix").bounding_box()
    assert box is not None
    x, y = own / COPY.seconds * box["width"], other / ORIGINAL.seconds * box["height"]
    page.locator("#matrix").click(position={"x": x, "y": y})


def test_the_players_go_to_a_place_of_the_picture(alice: Visitor, clips: tuple[Path, Path]) -> None:
    page = show(alice, flagged_pair(alice.gateway, clips, alice.gateway.people.alice))
    until(page, "document.getElementById('matrix').naturalHeight === 28")
    # On a line of it: by the line's range, exactly; what is played from there is in step.
    choose_place(page, 3.0, 4.9)
    until(page, "!document.getElementById('other').seeking && document.getElementById('other').currentTime > 4")
    own, other = places(page)
    assert own == pytest.approx(3.0, abs=0.1)
    assert other == pytest.approx(2.0 + 1.25 * (own - 1.0), abs=0.05)
    expect(page.locator("tr.is-chosen")).to_contain_text("0:01.00")
    page.get_by_role("button", name="Play both").click()
    check_in_step(page, anchor=(1.0, 2.0), speed=1.25)
    # Beside every line: to the two moments, whatever they show.
    choose_place(page, 2.0, 12.0)
    until(page, "!document.getElementById('other').seeking && document.getElementById('other').currentTime > 11")
    assert places(page) == pytest.approx([2.0, 12.0], abs=0.15)
    expect(page.locator("tr.is-chosen")).to_have_count(0)
    # Backwards.
    choose_place(page, 5.5, 1.0)
    until(page, "!document.getElementById('other').seeking && document.getElementById('other').currentTime < 2")
    assert places(page) == pytest.approx([5.5, 1.0], abs=0.15)
    assert not alice.complaints


def test_the_picture_is_as_large_as_it_says(alice: Visitor, clips: tuple[Path, Path]) -> None:
    page = show(alice, flagged_pair(alice.gateway, clips, alice.gateway.people.alice))
    for width in WIDTHS:
        for theme in THEMES:
            alice.resize(width, theme)
            box = page.locator("#matrix").bounding_box()
            assert box is not None
            assert (box["width"], box["height"]) == (171, 240)
            filtered = page.locator("#matrix").evaluate("(picture) => getComputedStyle(picture).filter")
            assert filtered == ("invert(1)" if theme == "light" else "none"), "ink on white, light on black"


def test_somebody_else_s_video_is_not_played(alice: Visitor, clips: tuple[Path, Path]) -> None:
    page = show(alice, flagged_pair(alice.gateway, clips, alice.gateway.people.bob))
    expect(page.get_by_text("It is somebody else's, or gone; a moderator may play it.")).to_be_visible()
    assert page.locator("video").count() == 1
    assert page.locator("#matrix").count() == 0
    page.get_by_role("button", name="Go to range 2").click()
    until(page, "document.getElementById('own').currentTime > 6.2")
    alice.check_page()


def test_a_moderator_plays_both(moderator: Visitor, clips: tuple[Path, Path]) -> None:
    page = show(moderator, flagged_pair(moderator.gateway, clips, moderator.gateway.people.bob))
    page.get_by_role("button", name="Play both").click()
    until(page, "document.getElementById('own').currentTime > 0.2")
    page.get_by_label("In step").uncheck()
    expect(page.locator("#other")).to_have_js_property("controls", True)
    expect(page.locator("#other")).to_have_js_property("playbackRate", 1)
