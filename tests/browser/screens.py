"""Pictures of every page, in both widths and themes: `python -m tests.browser.screens docs/screens`."""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.filter import Graph
from playwright.sync_api import FilePayload, Page

from tests.browser.chromium import chromium
from tests.browser.clips import flagged_clips
from tests.browser.gateway import Gateway, running_gateway
from tests.browser.operators import add_webhook, fill_for_operators
from tests.browser.test_try import COMPARED, answer
from tests.browser.test_video import flagged_pair, show, until, write_clips
from tests.browser.visitor import DESKTOP, THEMES, WIDTHS, Visitor
from tests.edge_api.kit import mp4
from tests.edge_api.test_videos import MATCH
from tests.services import ACCESS_KEY, SECRET_KEY, S3Server
from wrangler_compat.servers import free_port, redis_program, running, s3_program

HEIGHT = 800
NAMES = ("holiday in the mountains.mp4", "the cat again.mp4", "Interview, second take.mov", "drone.webm", None)
"""Of files; nobody named the last one."""


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with a_gateway() as gateway, chromium() as browser:
        context = browser.new_context(viewport={"width": DESKTOP, "height": HEIGHT}, locale="en-GB", timezone_id="UTC")
        visitor = Visitor(context.new_page(), context, gateway, [])
        for name in walk(visitor):
            for width in WIDTHS:
                for theme in THEMES:
                    visitor.resize(width, theme, height=HEIGHT)
                    (folder / f"{name}-{width}-{theme}.png").write_bytes(in_few_colours(visitor.page.screenshot()))


def in_few_colours(png: bytes) -> bytes:
    """The same picture with a palette, in two fifths of the bytes."""
    with av.open(io.BytesIO(png), "r") as container:
        frame = next(container.decode(video=0))
    graph = Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25))
    split, palette, use = (
        graph.add("split"),
        graph.add("palettegen", "max_colors=96"),
        graph.add("paletteuse", "dither=none"),
    )
    source.link_to(split)
    split.link_to(use)
    split.link_to(palette, output_idx=1)
    palette.link_to(use, input_idx=1)
    use.link_to(graph.add("buffersink"))
    graph.configure()
    graph.push(frame)
    graph.push(None)
    reduced = graph.vpull()
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = (
        frame.width,
        frame.height,
        "pal8",
        Fraction(1, 25),
    )
    return b"".join(bytes(packet) for packet in (*encoder.encode(reduced), *encoder.encode(None)))


def walk(visitor: Visitor) -> Iterator[str]:
    """Goes from page to page and names each."""
    gateway, alice, page = visitor.gateway, visitor.gateway.people.alice, visitor.page
    visitor.visit("/sign-in")
    yield "sign-in"
    visitor.sign_in(alice)
    yield "library-empty"
    visitor.visit("/upload")
    choose(visitor)
    yield "upload"
    visitor.visit("/try")
    for name in ("video", "reference"):
        page.set_input_files(f"#{name}", FilePayload(name=f"my {name}.mp4", mimeType="video/mp4", buffer=mp4()))
    page.get_by_text("my reference.mp4").wait_for()
    yield "try"
    page.locator("#ask").click()
    page.wait_for_url("**/try/*")
    answer(visitor, **COMPARED)
    page.get_by_role("region", name="Why").wait_for()
    yield "try-answer"
    ids = fill(gateway)
    visitor.visit("/videos")
    yield "library"
    with tempfile.TemporaryDirectory() as folder:
        pair = flagged_pair(gateway, write_clips(Path(folder)), alice)
    show(visitor, pair)
    page.get_by_role("button", name="Go to range 1", exact=True).click()
    until(page, "document.getElementById('own').currentTime > 2")
    page.get_by_role("button", name="Pause").click()
    to_the_top(page)
    yield "video"
    page.get_by_role("heading", name="What matches").scroll_into_view_if_needed()
    yield "video-evidence"
    visitor.visit("/me")
    yield "me"
    visitor.visit("/videos")
    page.locator(f"input[value='{ids['flagged']}']").check()
    page.get_by_role("button", name="Delete 1 video").click()
    yield "delete"
    visitor.visit("/nowhere")
    yield "nothing-there"
    visitor.context.clear_cookies()
    visitor.sign_in(gateway.people.moderator)
    yield from review(visitor)
    yield from walk_as_operator(visitor)


def to_the_top(page: Page) -> None:
    page.evaluate("scrollTo(0, 0)")


def review(visitor: Visitor) -> Iterator[str]:
    gateway, page = visitor.gateway, visitor.page
    gateway.forget_videos()
    visitor.visit("/review")
    yield "review-empty"
    with tempfile.TemporaryDirectory() as folder:
        gateway.flag(1)
        gateway.rows("UPDATE videos SET uploaded_at = '2026-01-01T00:00:00.000000Z' WHERE status = 'flagged'")
        flagged_clips(gateway, Path(folder))
    visitor.visit("/review")
    page.get_by_role("button", name="The oldest first").click()
    page.get_by_role("button", name="Approve").click()
    page.locator("#left").wait_for()
    page.wait_for_function("() => document.getElementById('left').readyState >= 3")
    page.get_by_role("button", name="Difference").click()
    to_the_top(page)
    yield "review"
    page.get_by_role("button", name="Keys").click()
    yield "review-keys"


def walk_as_operator(visitor: Visitor) -> Iterator[str]:
    visitor.context.clear_cookies()
    visitor.sign_in(visitor.gateway.people.admin)
    visitor.gateway.forget_videos()
    fill_for_operators(visitor.gateway)
    webhook_id = add_webhook(visitor.gateway)
    visitor.visit("/dashboard")
    yield "dashboard"
    visitor.page.get_by_role("heading", name="Failed for good").scroll_into_view_if_needed()
    visitor.page.mouse.wheel(0, 600)
    yield "dashboard-below"
    visitor.visit("/webhooks")
    yield "webhooks"
    visitor.visit(f"/webhooks/{webhook_id}")
    yield "webhook"


def choose(visitor: Visitor) -> None:
    """Three files: one under way, one decided, one refused."""
    page, gateway = visitor.page, visitor.gateway
    names = ("holiday in the mountains.mp4", "the cat again.mp4")
    for seed, name in enumerate(names):
        page.set_input_files("#files", FilePayload(name=name, mimeType="video/mp4", buffer=mp4(90_000, seed=seed)))
        page.get_by_role("link", name=f"Show {name}").wait_for()
    page.set_input_files("#files", FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"words"))
    first, second = (row["id"] for row in gateway.rows("SELECT id FROM videos ORDER BY uploaded_at"))
    gateway.progress(first, "fingerprint", 0.42)
    gateway.decide(second, "flagged", reason="mirrored", similarity_score=0.9)
    page.get_by_text("42 %").wait_for()
    page.locator(".badge-flagged").wait_for()


def fill(gateway: Gateway) -> dict[str, str]:
    """Videos of every status; one id of each."""
    gateway.forget_videos()
    alice, found = gateway.people.alice, dict[str, str]()
    for status in ("approved", "processing", "duplicate", "flagged", "rejected"):
        matched = found.get("approved")
        evidence = [{**MATCH.to_json(), "video_id": matched, "mirrored": status == "flagged"}]
        columns = {"duplicate_of": matched, "similarity_score": 0.97, "matches": json.dumps(evidence)}
        is_matched = status in ("duplicate", "flagged")
        reason = {"flagged": "mirrored", "rejected": "undecodable"}.get(status)
        found[status] = gateway.add_videos(alice, 3, status=status, reason=reason, **columns if is_matched else {})[0]
    for number, row in enumerate(gateway.rows("SELECT id FROM videos ORDER BY uploaded_at DESC, id")):
        gateway.rows("UPDATE videos SET filename = ? WHERE id = ?", NAMES[number % len(NAMES)], row["id"])
    return found


@contextmanager
def a_gateway() -> Iterator[Gateway]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        for name in ("s3", "redis"):
            (folder / name).mkdir()
        s3 = s3_program(folder / "s3", free_port(), ACCESS_KEY, SECRET_KEY)
        redis = redis_program(folder / "redis", free_port())
        for program in (s3, redis):
            stack.enter_context(running(program, folder / f"{program.name}.log", os.environ))
        server = S3Server(s3, ACCESS_KEY, SECRET_KEY, folder / "s3")
        yield stack.enter_context(running_gateway(folder, server, redis.url))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
