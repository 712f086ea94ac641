"""Try it, as people do: files dropped and chosen, an answer awaited, read, and why."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import FilePayload, Page, expect

from tests.browser.visitor import Visitor
from tests.edge_api.kit import mp4
from tests.edge_api.test_searches import CHANGE, GATE, OPINION, SIZE
from tests.edge_api.test_videos import MATCH

EVIDENCE: dict[str, Any] = {
    "video_score": 0.97,
    "audio_score": None,
    "coverage": 0.5,
    "ref_coverage": 0.25,
    "mirrored": True,
    "speed": 1.25,
    "pitch_semitones": 0.0,
    "area": 1.0,
    "segments": [{"start": 0.0, "end": 3.0, "ref_start": 1.0, "ref_end": 4.0, "score": 0.97}],
    "audio_segments": [],
    "duration": 12.0,
    "ref_duration": 24.0,
}
COMPARED: dict[str, Any] = {
    "verdict": {
        **OPINION,
        "status": "flagged",
        "reason": "mirrored",
        "similarity_score": 0.97,
        "matches": [{**MATCH.to_json(), "video_id": "", "mirrored": True}],
    },
    "video": SIZE,
    "reference": SIZE,
    "evidence": EVIDENCE,
    "gates": [
        {**GATE, "passed": True, "decided": False},
        {**GATE, "question": "the picture is not mirrored", "value": None},
    ],
    "changes": [CHANGE],
}


def file(name: str) -> FilePayload:
    return FilePayload(name=name, mimeType="video/mp4", buffer=mp4())


def answer(visitor: Visitor, **given: Any) -> None:
    """What the consumer would write to the one search that waits."""
    visitor.gateway.rows(
        "UPDATE searches SET status = 'completed', progress = 1, completed_at = created_at, answer = ?"
        " WHERE status = 'pending'",
        json.dumps({"verdict": OPINION} | given),
    )


def sentence(page: Page) -> Any:
    return expect(page.locator("#sentence"))


def test_two_files_are_compared(alice: Visitor) -> None:
    page = alice.visit("/try")
    alice.check_page()
    ask = page.locator("#ask")
    expect(ask).to_be_disabled()
    page.locator("#video").set_input_files(FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"no video"))
    expect(page.get_by_role("status")).to_have_text(re.compile("notes.txt is not taken. This is not a video"))
    expect(ask).to_be_disabled()
    drop(page, "mine.mp4", "theirs.mp4")
    expect(page.get_by_text("theirs.mp4")).to_be_visible()
    alice.check_page()
    page.get_by_role("button", name="Take theirs.mp4 out").click()
    expect(ask).to_have_text("Look it up")
    page.locator("#reference").set_input_files(file("theirs.mp4"))
    expect(page.locator("#reference_id")).to_be_disabled()
    page.get_by_role("button", name="Compare the two").click()
    page.wait_for_url("**/try/*")
    sentence(page).to_have_text("Waiting for its turn: there is no answer yet.")
    expect(page.get_by_text("mine.mp4 and theirs.mp4")).to_be_visible()
    alice.check_page()
    answer(alice, **COMPARED)
    sentence(page).to_have_text("The picture is the other's, mirrored. Uploaded, it would wait for a moderator.")
    expect(page.get_by_role("region", name="Matches", exact=True)).to_contain_text("the other file")
    expect(page.get_by_role("region", name="Measured")).to_contain_text("no sound to compare")
    why = page.get_by_role("region", name="Why")
    expect(why).to_contain_text("The picture is not mirrored")
    expect(why).to_contain_text("With SIMILARITY_THRESHOLD at 0.5 instead of 0.85 it would be flagged.")
    alice.check_page()


def test_one_file_is_looked_up_and_nothing_of_it_is_kept(alice: Visitor) -> None:
    gateway = alice.gateway
    (held,) = gateway.add_videos(gateway.people.alice, 1)
    page = alice.visit("/videos")
    page.get_by_role("link", name="Try it").click()
    page.locator("#video").set_input_files(file("mine.mp4"))
    page.get_by_role("button", name="Look it up").click()
    page.wait_for_url("**/try/*")
    match = {**MATCH.to_json(), "video_id": held}
    answer(
        alice,
        verdict={**OPINION, "status": "duplicate", "duplicate_of": held, "similarity_score": 0.98, "matches": [match]},
    )
    sentence(page).to_have_text(
        re.compile("^The catalogue holds it already, uploaded by alice on .*: they are 98.% alike\\.$")
    )
    alice.check_page()
    assert len(gateway.rows("SELECT id FROM videos")) == 1
    page.get_by_role("link", name=held[:8]).first.click()
    page.wait_for_url(f"**/videos/{held}")


def test_what_the_server_refuses_is_said_and_can_be_tried_again(alice: Visitor) -> None:
    page = alice.visit("/try?with=0123")
    expect(page.locator("#reference_id")).to_have_value("0123")
    page.locator("#video").set_input_files(file("mine.mp4"))
    page.get_by_role("button", name="Compare the two").click()
    expect(page.get_by_role("status")).to_have_text("You have no video with this id.")
    expect(page.locator("#ask")).to_be_enabled()


def drop(page: Page, *names: str) -> None:
    """All at once, anywhere on the page."""
    page.evaluate(
        """([names, bytes]) => {
            const dataTransfer = new DataTransfer();
            const data = new Uint8Array(bytes);
            for (const name of names) dataTransfer.items.add(new File([data], name, { type: "video/mp4" }));
            document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
        }""",
        [list(names), list(mp4())],
    )
