"""With a cookie, what changes something needs the session's CSRF token and a page of this origin; with Bearer not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.edge_api.console.visits import ORIGIN, Visit
from tests.edge_api.kit import World, mp4

GOOD = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
OTHERS: list[dict[str, str]] = [
    {},
    {"Origin": "https://evil.example"},
    {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"},
    {"Origin": "http://[evil"},
    {"Origin": ""},
    {"Origin": ORIGIN, "Sec-Fetch-Site": "none"},
]


def calls(video_id: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Every unsafe method that takes a session, as it would succeed."""
    return [
        ("POST", "/api/upload", {"files": {"video": ("a.mp4", mp4(seed=9), "video/mp4")}}),
        ("POST", "/api/fingerprints", {"json": {"video_url": "https://example.org/a.mp4"}}),
        ("DELETE", f"/api/videos/{video_id}", {}),
        ("POST", "/videos/delete", {"data": {"video_id": video_id, "confirmed": "yes"}}),
        ("POST", "/sign-out", {"data": {}}),
    ]


async def everything(world: World) -> Any:
    rows = [await world.rows(f"SELECT * FROM {table}") for table in ("videos", "console_sessions", "audit_log")]
    return rows, await world.keys()


@pytest.mark.parametrize("number", range(5))
async def test_the_token_is_needed(world: World, alice: Visit, bob: Visit, number: int) -> None:
    video_id = await world.uploaded(mp4())
    before = await everything(world)
    method, path, options = calls(video_id)[number]
    for given in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "x"}, {"X-CSRF-Token": bob.csrf}):
        headers = {"Cookie": f"twinreel={alice.session_id}", **GOOD, **given}
        answer = await world.client.request(method, path, headers=headers, **options)
        assert (answer.status_code, answer.json()["code"]) == (403, "CROSS_SITE")
    assert await everything(world) == before


@pytest.mark.parametrize("number", range(5))
async def test_the_origin_is_needed(world: World, alice: Visit, number: int) -> None:
    video_id = await world.uploaded(mp4())
    before = await everything(world)
    method, path, options = calls(video_id)[number]
    for other in OTHERS:
        headers = {"Cookie": f"twinreel={alice.session_id}", "X-CSRF-Token": alice.csrf, **other}
        answer = await world.client.request(method, path, headers=headers, **options)
        assert (answer.status_code, answer.json()["code"]) == (403, "CROSS_SITE")
    assert await everything(world) == before


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("origin", [GOOD, {"Origin": ORIGIN}, {"Sec-Fetch-Site": "same-origin"}])
async def test_with_both_it_succeeds(world: World, alice: Visit, number: int, origin: dict[str, str]) -> None:
    method, path, options = calls(await world.uploaded(mp4()))[number]
    headers = {"Cookie": f"twinreel={alice.session_id}", "X-CSRF-Token": alice.csrf, **origin}
    answer = await world.client.request(method, path, headers=headers, **options)
    assert answer.status_code in (200, 202, 303), answer.text


async def test_a_form_s_field_does_for_a_header(world: World, alice: Visit) -> None:
    video_id = await world.uploaded(mp4())
    answer = await alice.post("/videos/delete", {"video_id": video_id, "confirmed": "yes"})
    assert answer.status_code == 303
    assert not await world.rows("SELECT id FROM videos")


async def test_a_field_elsewhere_does_not(world: World, alice: Visit) -> None:
    files = {"video": ("a.mp4", mp4(seed=9), "video/mp4")}
    headers = {"Cookie": f"twinreel={alice.session_id}", **GOOD}
    path = f"/api/upload?csrf_token={alice.csrf}"
    answer = await world.client.post(path, files=files, data={"csrf_token": alice.csrf}, headers=headers)
    assert answer.json()["code"] == "CROSS_SITE"


async def test_bearer_needs_neither(world: World) -> None:
    for other in OTHERS:
        files = {"video": ("a.mp4", mp4(), "video/mp4")}
        answer = await world.client.post("/api/upload", files=files, headers={**world.alice.headers, **other})
        assert answer.status_code == 200


async def test_looking_needs_neither(world: World, alice: Visit) -> None:
    """A link in a mail opens."""
    video_id = await world.uploaded(mp4())
    from_elsewhere = {"Sec-Fetch-Site": "cross-site"}
    assert (await alice.get(f"/videos/{video_id}", **from_elsewhere)).status_code == 200
    assert (await alice.get("/api/videos", **from_elsewhere)).status_code == 200


@pytest.mark.parametrize("body", [b"\xff\xfe", b"&".join(b"a=b" for _ in range(2000)), b"csrf_token"])
async def test_forms_that_are_none(world: World, alice: Visit, body: bytes) -> None:
    headers = {**alice.headers, **GOOD, "Content-Type": "application/x-www-form-urlencoded", "Accept": "*/*"}
    answer = await world.client.post("/videos/delete", content=body, headers=headers)
    assert answer.json()["code"] in ("BAD_REQUEST", "CROSS_SITE")
