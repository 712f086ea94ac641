"""What people do with the console, in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.gateway import LIMIT, Gateway
from tests.browser.visitor import PHONE, Visitor
from tests.edge_api.kit import mp4

FIRST_PAGE_BYTES, FIRST_PAGE_REQUESTS = 100_000, 10


def video_files(*seeds: int, size: int = 50_000) -> list[dict[str, object]]:
    """As Playwright takes files."""
    return [{"name": f"clip{seed}.mp4", "mimeType": "video/mp4", "buffer": mp4(size, seed=seed)} for seed in seeds]


def choose(page: Page, *files: dict[str, object]) -> None:
    page.set_input_files("#files", files)  # type: ignore[arg-type]


# --- signing in and out ---------------------------------------------------------------------------------------------


def test_sign_in_and_out(visitor: Visitor) -> None:
    page = visitor.visit("/videos?status=flagged")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.keyboard.type(visitor.gateway.people.alice.token)
    page.keyboard.press("Enter")
    page.wait_for_url("**/videos?status=flagged")
    (cookie,) = visitor.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("twinreel", True, "Lax")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    assert not visitor.context.cookies()
    visitor.visit("/videos")
    expect(page).to_have_url(re.compile(r"/sign-in\?next=%2Fvideos$"))


def test_a_revoked_token_ends_the_session(visitor: Visitor) -> None:
    people, gateway = visitor.gateway.people, visitor.gateway
    visitor.sign_in(people.bob)
    gateway.rows("UPDATE api_tokens SET revoked_at = created_at WHERE user_id = ?", people.bob.id)
    page = visitor.visit("/me")
    expect(page.get_by_text("Your session has ended.")).to_be_visible()
    gateway.rows("UPDATE api_tokens SET revoked_at = NULL")


def test_everything_by_keyboard(visitor: Visitor) -> None:
    page = visitor.sign_in(visitor.gateway.people.alice)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("main").get_by_role("link", name="Upload", exact=True)).to_be_focused()


# --- the theme ------------------------------------------------------------------------------------------------------


def test_the_theme_is_the_system_s_until_one_is_chosen_and_then_remembered(visitor: Visitor) -> None:
    page = visitor.visit("/sign-in")
    visitor.resize(PHONE, "dark")
    dark = _ground(page)
    visitor.resize(PHONE, "light")
    light = _ground(page)
    assert light != dark
    page.get_by_role("button", name="Change to dark or light").click()
    assert _ground(page) == dark
    page.reload()
    assert _ground(page) == dark
    page.get_by_role("button", name="Change to dark or light").click()
    visitor.resize(PHONE, "dark")
    page.reload()
    assert _ground(page) == light


def _ground(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


# --- the library ----------------------------------------------------------------------------------------------------


def test_filters_and_pages_are_in_the_address(alice: Visitor) -> None:
    gateway = alice.gateway
    ids = gateway.add_videos(gateway.people.alice, 45)
    (flagged,) = gateway.add_videos(gateway.people.alice, 1, status="flagged", reason="mirrored")
    page = alice.visit("/videos?status=approved")
    expect(page.get_by_text(re.compile("1.20 of 45"))).to_be_visible()
    page.get_by_role("link", name="Older").click()
    page.wait_for_url("**/videos?offset=20&status=approved")
    assert page.get_by_role("link", name=f"Video {ids[20][:8]}").is_visible()
    page.get_by_role("link", name="Flagged").click()
    page.wait_for_url("**/videos?status=flagged")
    page.get_by_role("link", name=f"Video {flagged[:8]}").click()
    page.wait_for_url(f"**/videos/{flagged}")
    alice.visit("/videos")
    page.get_by_role("searchbox").fill(ids[30][:10].upper())
    page.keyboard.press("Enter")
    page.wait_for_url("**/videos?q=*")
    expect(page.locator(".video-row")).to_have_count(1)
    page.get_by_role("searchbox").fill("<script>alert(1)</script>")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing fits")).to_be_visible()
    assert not alice.complaints


def test_a_video_is_found_by_the_name_of_its_file(alice: Visitor) -> None:
    """A row that is cut shows all of the name where it is pointed at; the whole row leads to the video."""
    name = "Übung " * 40 + "1.mp4"
    gateway = alice.gateway
    gateway.add_videos(gateway.people.alice, 3)
    (video_id,) = gateway.add_videos(gateway.people.alice, 1, filename=name, filename_lower=name.lower())
    page = alice.visit("/videos")
    page.get_by_placeholder("Name, id or address").fill("übung 1.MP4")
    page.keyboard.press("Enter")
    row = page.locator(".video-row")
    expect(row).to_have_count(1)
    expect(row).to_contain_text(video_id[:8])
    link = row.get_by_role("link", name=f"Video {name}")
    expect(link).to_have_attribute("title", name)
    assert link.evaluate("(link) => link.scrollWidth > link.clientWidth"), "it is cut"
    page.get_by_label(f"Choose video {name}").check()
    box = row.bounding_box()
    assert box is not None
    row.click(position={"x": box["width"] - 5, "y": 5})
    page.wait_for_url(f"**/videos/{video_id}")
    expect(page.get_by_role("heading", level=1)).to_have_attribute("title", name)
    assert not alice.complaints


def test_deleting_several(alice: Visitor) -> None:
    gateway = alice.gateway
    ids = gateway.add_videos(gateway.people.alice, 5)
    page = alice.visit("/videos?status=approved")
    delete = page.get_by_role("button", name=re.compile("^Delete"))
    expect(delete).to_be_hidden()
    for video_id in ids[:2]:
        page.get_by_label(f"Choose video {video_id[:8]}").check()
    delete.click()
    page.get_by_role("button", name="Keep").click()
    assert len(gateway.rows("SELECT id FROM videos")) == 5
    delete.click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("2 videos are deleted.")).to_be_visible()
    page.wait_for_url("**/videos?status=approved")
    assert {row["id"] for row in gateway.rows("SELECT id FROM videos")} == set(ids[2:])
    page.reload()
    expect(page.get_by_text("2 videos are deleted.")).to_have_count(0)
    page.get_by_label("Choose all").check()
    delete.click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Nothing fits")).to_be_visible()


# --- uploading ------------------------------------------------------------------------------------------------------


def test_files_are_chosen_sent_and_watched(alice: Visitor) -> None:
    gateway = alice.gateway
    page = alice.visit("/upload")
    choose(page, *video_files(1, 2))
    first = page.get_by_role("listitem").filter(has_text="clip1.mp4")
    expect(first).to_contain_text("Waiting for its turn")
    (_, shown_id) = str(first.get_by_role("link", name="Show").get_attribute("href")).rsplit("/", 1)
    gateway.progress(shown_id, "fingerprint", 0.42)
    expect(first).to_contain_text("Looking at picture and sound, 42 %")
    expect(first.get_by_role("progressbar")).to_have_js_property("value", 0.42)
    gateway.decide(shown_id, "flagged", reason="mirrored", similarity_score=0.9)
    expect(first).to_contain_text("It looks like another video mirrored")
    first.get_by_role("link", name="Show").click()
    page.wait_for_url(f"**/videos/{shown_id}")
    assert len(gateway.rows("SELECT id FROM videos")) == 2


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "The file is empty."),
        (b"only some words", "This is not a video of an accepted kind (MP4, WEBM, MOV)."),
        (mp4(LIMIT + 1_100_000), "The file has 9.1 MB; at most 8.0 MB are accepted."),
    ],
    ids=["empty", "text", "large"],
)
def test_a_file_is_refused_before_it_is_sent(alice: Visitor, content: bytes, why: str) -> None:
    sent = list[str]()
    page = alice.visit("/upload")
    page.on("request", lambda request: sent.append(request.method))
    choose(page, {"name": "notes.mp4", "mimeType": "video/mp4", "buffer": content})
    expect(page.get_by_role("listitem")).to_contain_text(f"Not sent. {why}")
    assert "POST" not in sent


# --- one video ------------------------------------------------------------------------------------------------------


def test_a_verdict_appears_by_itself(alice: Visitor) -> None:
    gateway = alice.gateway
    (video_id,) = gateway.add_videos(gateway.people.alice, 1, status="processing")
    page = alice.visit(f"/videos/{video_id}")
    expect(page.get_by_text("the verdict is not made yet")).to_be_visible()
    gateway.progress(video_id, "compare", 0.85)
    expect(page.get_by_role("progressbar")).to_have_js_property("value", 0.85)
    gateway.decide(video_id, "approved")
    expect(page.get_by_text("nothing in the catalogue matches it")).to_be_visible()


def test_a_video_is_played_from_the_store(alice: Visitor) -> None:
    page = alice.visit("/upload")
    choose(page, *video_files(9))
    link = page.get_by_role("link", name="Show clip9.mp4")
    expect(link).to_be_visible()
    video_id = str(link.get_attribute("href")).rsplit("/", 1)[1]
    alice.gateway.decide(video_id, "approved")
    with page.expect_response(lambda answer: "X-Amz-Signature" in answer.url) as answered:
        link.click()
    assert answered.value.status in (200, 206)
    assert not [said for said in alice.complaints if "Content Security Policy" in said]


# --- without scripts ------------------------------------------------------------------------------------------------


def test_the_library_works_without_scripts(gateway: Gateway, browser: Browser) -> None:
    ids = gateway.add_videos(gateway.people.alice, 3)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    try:
        page.goto(f"{gateway.url}/")
        page.get_by_label("Your token").fill(gateway.people.alice.token)
        page.get_by_role("button", name="Sign in").click()
        for video_id in ids[:2]:
            page.get_by_label(f"Choose video {video_id[:8]}").check()
        page.get_by_role("button", name="Delete the chosen").click()
        expect(page.get_by_role("heading", name="Delete 2 videos?")).to_be_visible()
        page.get_by_role("button", name="Delete").click()
        expect(page.get_by_text("2 videos are deleted.")).to_be_visible()
        assert [row["id"] for row in gateway.rows("SELECT id FROM videos")] == ids[2:]
        page.goto(f"{gateway.url}/upload")
        expect(page.get_by_text("Uploading here needs JavaScript")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_text("You are signed out.")).to_be_visible()
    finally:
        context.close()
        gateway.forget_videos()


# --- what it weighs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/videos"])
def test_the_first_page_is_light(visitor: Visitor, path: str) -> None:
    gateway = visitor.gateway
    if path != "/":
        gateway.add_videos(gateway.people.alice, 100)
        visitor.sign_in(gateway.people.alice)
    session = visitor.context.new_cdp_session(visitor.page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    weights = list[int]()
    session.on("Network.loadingFinished", lambda told: weights.append(told["encodedDataLength"]))
    visitor.visit(path)
    visitor.page.wait_for_load_state("networkidle")
    assert 3 <= len(weights) <= FIRST_PAGE_REQUESTS
    assert 5000 < sum(weights) < FIRST_PAGE_BYTES
