"""Every page in both themes and widths: nothing overflows, axe-core finds nothing, the browser complains of nothing."""

from __future__ import annotations

import json

import pytest

from tests.browser.visitor import Visitor
from tests.edge_api.test_videos import MATCH

VERDICTS = ["processing", "approved", "duplicate", "flagged", "rejected"]


def test_sign_in(visitor: Visitor) -> None:
    visitor.visit("/")
    visitor.check_page()


def test_a_refused_token(visitor: Visitor) -> None:
    page = visitor.visit("/sign-in")
    page.get_by_label("Your token").fill("twr_wrong")
    page.keyboard.press("Enter")
    page.get_by_text("This token is unknown").wait_for()
    visitor.check_page(allowed=("401",))


def test_me(alice: Visitor) -> None:
    alice.visit("/me")
    alice.check_page()


def test_an_empty_library(alice: Visitor) -> None:
    alice.page.get_by_text("No videos yet").wait_for()
    alice.check_page()


def test_a_full_library(moderator: Visitor) -> None:
    people = moderator.gateway.people
    names = ["a name without end " * 13, "x" * 255, "\u05d7\u05d5\u05e4\u05e9\u05d4.mp4", "\u0301" * 254 + "x", None]
    for status, name in zip(VERDICTS, names, strict=True):
        address = "https://example.org/" + "long/" * 40
        moderator.gateway.add_videos(people.alice, 5, status=status, source_url=address, filename=name)
    moderator.visit("/videos")
    assert moderator.page.get_by_role("listitem").count() == 20
    moderator.check_page()


def test_upload(alice: Visitor) -> None:
    alice.visit("/upload")
    alice.check_page()


@pytest.mark.parametrize("status", VERDICTS)
def test_a_video(alice: Visitor, status: str) -> None:
    gateway = alice.gateway
    (original,) = gateway.add_videos(gateway.people.alice, 1)
    columns = {"duplicate_of": original, "similarity_score": 0.97} if status in ("duplicate", "flagged") else {}
    matches = json.dumps([{**MATCH.to_json(), "video_id": original, "mirrored": True, "speed": 1.25}])
    (video_id,) = gateway.add_videos(
        gateway.people.alice,
        1,
        status=status,
        matches=matches,
        reason="mirrored",
        source_url="x",
        filename="x" * 255 if status == "flagged" else f"{status} " * 20,
        **columns,
    )
    alice.visit(f"/videos/{video_id}")
    alice.check_page()


def test_asking_before_deleting(alice: Visitor) -> None:
    gateway = alice.gateway
    (video_id,) = gateway.add_videos(gateway.people.alice, 1)
    page = alice.visit("/videos")
    page.get_by_label(f"Choose video {video_id[:8]}").check()
    page.get_by_role("button", name="Delete 1 video").click()
    page.get_by_role("heading", name="Delete 1 video?").wait_for()
    alice.check_page()


def test_nothing_there(alice: Visitor) -> None:
    alice.visit("/nowhere")
    alice.check_page(allowed=("404",))
