"""File names, headers and files made to hurt, at the gateway: what gets in is what a name cannot change."""

from __future__ import annotations

import re

import pytest

from edge_api.boxes import MOST_BOXES, BoxWalk
from edge_api.filenames import filename_of
from tests.edge_api.kit import World, box, ftyp, moov, mp4
from tests.effort import lines_run
from tests.processor.hostile.cases import Bait, Hostile
from tests.processor.hostile.references import REFERENCES

BAIT = Bait("http://10.0.0.1/secret", "/etc/passwd", "/etc/hosts", mp4(), b"")
NO_VIDEOS = [file for file in REFERENCES if file.write(BAIT)[4:8] != b"ftyp"]
KEY = re.compile(r"videos/\d{4}/\d\d/\d\d/[0-9a-f-]{32,36}\.mp4")

NAMES = {
    "parents": b"../../../../etc/passwd.mp4",
    "backslashes": rb"..\\..\\windows\\system32\\x.mp4",
    "an absolute path": b"/var/lib/twinreel/db.sqlite",
    "a drive": b"C:\\\\video.mp4",
    "a device": b"/dev/stdin",
    "a URL": b"http://169.254.169.254/latest/meta-data",
    "a null byte": b"video.mp4\0.html",
    "right to left": "video\u202e4pm.exe".encode(),
    "no UTF-8": b"\xff\xfe\xc0\x80.mp4",
    "an escape sequence": b"\x1b[2J\x1b]0;title\x07.mp4",
    "a format string": b"%s%n%x{0.__class__}${jndi:ldap://x/}.mp4",
    "markup": b"<script>alert(1)</script>.mp4",
    "a query": b"'; DROP TABLE videos; --.mp4",
    "a second name": b'a.mp4"; name="priority',
    "nothing": b"",
    "dots": b"..",
    "spaces": b" " * 200,
    "7000 letters": b"a" * 7000 + b".mp4",
}

KEPT = {
    "parents": "passwd.mp4",
    "backslashes": "x.mp4",
    "an absolute path": "db.sqlite",
    "a drive": "video.mp4",
    "a device": "stdin",
    "a URL": "meta-data",
    "right to left": "video4pm.exe",
    "no UTF-8": "\ufffd\ufffd\ufffd\ufffd.mp4",
    "markup": "script>.mp4",
    "a query": "'; DROP TABLE videos; --.mp4",
    "nothing": None,
    "dots": None,
    "spaces": None,
    "7000 letters": "a" * 251 + ".mp4",
}
"""Of these names, to be shown."""

BROKEN_HEADERS = {
    "10000 letters": b'; filename="' + b"a" * 10_000 + b'.mp4"',
    "a line more": b'; filename="a.mp4\r\nX-Injected: yes"',
    "a part more": b'; filename="a\r\n\r\n<html>',
    "bare line feeds": b'; filename="a\nb\nc"',
    "hundreds of parameters": b"; x=y" * 3000,
    "an encoded name": b"; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd%00.mp4",
    "an unknown encoding": b"; filename*=rot13''%zz%",
    "an open quote": b'; filename="a.mp4',
}


async def sent(world: World, disposition: bytes, data: bytes) -> tuple[int, dict[str, object], str]:
    """Status, body, and every header of the answer as one text."""
    body = b'--x\r\nContent-Disposition: form-data; name="video"' + disposition + b"\r\n\r\n" + data + b"\r\n--x--\r\n"
    headers = {**world.alice.headers, "Content-Type": "multipart/form-data; boundary=x"}
    answer = await world.client.post("/api/upload", content=body, headers=headers)
    return answer.status_code, answer.json(), str(answer.headers)


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_changes_nothing(world: World, name: str) -> None:
    status, body, headers = await sent(world, b'; filename="' + NAMES[name] + b'"', mp4())
    if name == "a second name":
        assert (status, body["code"]) == (400, "UNEXPECTED_FILE")
        assert await world.nothing_is_left()
        return
    assert status == 200
    (row,) = await world.rows("SELECT * FROM videos")
    assert KEY.fullmatch(str(row["r2_key"]))
    assert row["mime_type"] == "video/mp4"
    told = NAMES[name].decode("utf-8", "replace").strip(" .")
    kept, lower = row.pop("filename"), row.pop("filename_lower")
    assert kept == KEPT.get(name, kept)
    assert (kept, lower) == (filename_of(kept), kept and kept.lower())
    if told:
        assert not any(told in str(value) for value in row.values())
        assert told not in headers
        assert told not in str(body)


@pytest.mark.parametrize("header", BROKEN_HEADERS)
async def test_a_broken_header_is_refused_or_means_nothing(world: World, header: str) -> None:
    status, body, headers = await sent(world, BROKEN_HEADERS[header], mp4())
    assert "injected" not in headers.lower()
    if status == 200:
        (row,) = await world.rows("SELECT r2_key, filename FROM videos")
        assert KEY.fullmatch(str(row["r2_key"]))
        assert row["filename"] == filename_of(row["filename"])
    else:
        assert status == 400, body
        assert await world.nothing_is_left()


@pytest.mark.parametrize("file", NO_VIDEOS, ids=[file.name for file in NO_VIDEOS])
async def test_what_is_no_video_is_refused_whatever_its_name(world: World, file: Hostile) -> None:
    status, body, _ = await sent(world, f'; filename="{file.name}"'.encode(), file.write(BAIT))
    assert (status, body["code"]) == (400, "UNSUPPORTED_FORMAT")
    assert await world.nothing_is_left()


def test_a_file_of_empty_boxes_costs_little() -> None:
    """It is walked as far as any file may be, and then passed over."""
    walk, empty = BoxWalk(), memoryview(box(b"free", b"") * 8192)
    walk.feed(memoryview(ftyp()))
    assert lines_run(lambda: walk.feed(empty)) > 8192
    for _ in range(MOST_BOXES // 8192):
        walk.feed(empty)
    assert {lines_run(lambda: walk.feed(empty)) for _ in range(100)} < set(range(20))
    assert walk.fault() is None


def test_a_day_of_fragments_is_walked_to_its_end() -> None:
    walk = BoxWalk()
    walk.feed(memoryview(ftyp() + moov(b"vide")))
    fragment = memoryview((box(b"moof", b"") + box(b"mdat", b"")) * 1000)
    for _ in range(86_400 // 1000):
        walk.feed(fragment)
    walk.feed(memoryview(box(b"mdat", bytes(1 << 20))[: 1 << 10]))
    assert walk.fault() == "truncated"
