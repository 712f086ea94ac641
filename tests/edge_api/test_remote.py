"""POST /api/fingerprints, and which URLs the service may be sent to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from edge_api.addresses import check_url, resolve_host
from edge_api.env import Env
from edge_api.errors import ApiError
from tests.edge_api.kit import PUBLIC_ADDRESS, People, World, serving, settings_with
from wire.addresses import is_public

URL = "https://videos.example.org/a.mp4"


async def ask(world: World, **body: Any) -> httpx.Response:
    return await world.client.post("/api/fingerprints", json=body, headers=world.alice.headers)


async def test_accepted(world: World) -> None:
    answer = await ask(world, video_url=URL, priority="high", start=1, stop=61.5, tier="premium")
    body = answer.json()
    assert answer.status_code == 202
    path = f"/api/videos/{body['video_id']}"
    assert body == {"video_id": body["video_id"], "status": "processing", "status_url": path}
    assert answer.headers["location"] == path
    (row,) = await world.rows("SELECT * FROM videos")
    assert (row["source_url"], row["priority"], row["tier"]) == (URL, "high", "premium")
    assert (row["range_start"], row["range_stop"]) == (1.0, 61.5)
    assert (row["filename"], row["filename_lower"]) == ("a.mp4", "a.mp4")
    assert (row["status"], row["user_id"], row["content_sha256"]) == ("processing", world.alice.id, None)
    assert await world.rows("SELECT status, progress FROM processing_jobs") == [{"status": "pending", "progress": 0}]
    assert [job.video_id for job in world.jobs("video_queue_high")] == [body["video_id"]]
    shown = await world.video(body["video_id"])
    assert (shown["source_url"], shown["status"]) == (URL, "processing")


async def test_defaults(world: World) -> None:
    assert (await ask(world, video_url=URL)).status_code == 202
    (row,) = await world.rows("SELECT priority, tier, range_start, range_stop FROM videos")
    assert row == {"priority": "normal", "tier": "standard", "range_start": None, "range_stop": None}


@pytest.mark.parametrize(
    ("path", "kept"), [("/x/%C3%9Cber%20uns.mp4?t=a/b.mp4", "Über uns.mp4"), ("/x/", None), ("", None)]
)
async def test_the_name_is_that_of_the_path(world: World, path: str, kept: str | None) -> None:
    assert (await ask(world, video_url=f"https://videos.example.org{path}")).status_code == 202
    assert await world.rows("SELECT filename FROM videos") == [{"filename": kept}]


async def test_null_is_as_good_as_nothing(world: World) -> None:
    absent = dict.fromkeys(("priority", "tier", "start", "stop"))
    assert (await ask(world, video_url=URL, **absent)).status_code == 202
    (row,) = await world.rows("SELECT priority, tier, range_start, range_stop FROM videos")
    assert row == {"priority": "normal", "tier": "standard", "range_start": None, "range_stop": None}


async def test_the_keys_are_never_the_same(world: World) -> None:
    for _ in range(3):
        await ask(world, video_url=URL)
    assert len(await world.rows("SELECT DISTINCT r2_key FROM videos")) == 3


async def test_an_approved_one_has_no_object_to_link(world: World) -> None:
    video_id = (await ask(world, video_url=URL)).json()["video_id"]
    await world.decide(video_id, "approved")
    shown = await world.video(video_id)
    assert (shown["r2_url"], shown["source_url"]) == (None, URL)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "video_url"),
        ({"video_url": 5}, "video_url"),
        ({"video_url": ""}, "video_url"),
        ({"video_url": URL, "priority": "urgent"}, "priority"),
        ({"video_url": URL, "tier": "gold"}, "tier"),
        ({"video_url": URL, "start": -1}, "start"),
        ({"video_url": URL, "start": True}, "start"),
        ({"video_url": URL, "start": "1"}, "start"),
        ({"video_url": URL, "stop": 0}, "stop"),
        ({"video_url": URL, "start": 5, "stop": 5}, "stop"),
        ({"video_url": URL, "stop": 3601}, "stop"),
        ({"video_url": URL, "start": 10, "stop": 3611}, "stop"),
        ({"video_url": URL, "callback": "x"}, "callback"),
    ],
)
async def test_bad_fields(world: World, body: dict[str, Any], field: str) -> None:
    answer = await ask(world, **body)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (400, "INVALID_FIELD", field)
    assert await world.nothing_is_left()


@pytest.mark.parametrize(("content", "code"), [(b"{", "INVALID_JSON"), (b"[]", "INVALID_JSON"), (b"", "INVALID_JSON")])
async def test_bad_json(world: World, content: bytes, code: str) -> None:
    headers = {**world.alice.headers, "Content-Type": "application/json"}
    answer = await world.client.post("/api/fingerprints", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_deep_and_large_json(world: World) -> None:
    headers = {**world.alice.headers, "Content-Type": "application/json"}
    deep = await world.client.post("/api/fingerprints", content=b"[" * 60_000, headers=headers)
    assert (deep.status_code, deep.json()["code"]) == (400, "INVALID_JSON")
    large = await world.client.post("/api/fingerprints", content=b" " * 70_000, headers=headers)
    assert (large.status_code, large.json()["code"]) == (413, "BODY_TOO_LARGE")


async def test_not_json(world: World) -> None:
    answer = await world.client.post("/api/fingerprints", data={"video_url": URL}, headers=world.alice.headers)
    assert answer.status_code == 415


REFUSED = [
    "file:///etc/passwd",
    "ftp://example.org/a.mp4",
    "concat:a.mp4|b.mp4",
    "//example.org/a.mp4",
    "example.org/a.mp4",
    "http://",
    "http:///a.mp4",
    "http://user:password@example.org/a.mp4",
    "http://example.org:99999/",
    "http://[::1/a.mp4",
    "http://exa mple.org/",
    "http://example.org/\r\nHost: x",
    "http://example.org\\@127.0.0.1/",
    "http://example.org/" + "x" * 2048,
]


@pytest.mark.parametrize("url", REFUSED)
async def test_urls_that_are_refused_by_their_look(world: World, url: str) -> None:
    answer = await ask(world, video_url=url)
    assert answer.status_code == 400
    assert answer.json()["code"] in ("URL_NOT_ALLOWED", "INVALID_FIELD")
    assert await world.nothing_is_left()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "localhost",
        "[::1]",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
        "10.0.0.7",
    ],
)
async def test_ways_to_write_loopback(env: Env, people: People, host: str) -> None:
    """Through the system's own resolver, which reads them all."""
    async with serving(settings_with(), env, people, resolve=resolve_host) as world:
        answer = await ask(world, video_url=f"http://{host}:9000/twinreel-videos/a.mp4")
        assert (answer.status_code, answer.json()["code"]) == (400, "URL_NOT_ALLOWED")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "not an address",
    ],
)
async def test_private_addresses(address: str) -> None:
    assert not is_public(address)

    async def resolve(host: str) -> Sequence[str]:
        return [PUBLIC_ADDRESS, address]

    with pytest.raises(ApiError) as refused:
        await check_url(URL, (), resolve)
    assert refused.value.code == "URL_NOT_ALLOWED"


@pytest.mark.parametrize("address", [PUBLIC_ADDRESS, "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:8.8.8.8"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


async def test_a_named_host_may_be_private(env: Env, people: People) -> None:
    async def loopback(host: str) -> Sequence[str]:
        return ["127.0.0.1"]

    settings = settings_with(allowed_url_hosts=("Media.Internal", "127.0.0.1"))
    async with serving(settings, env, people, resolve=loopback) as world:
        assert (await ask(world, video_url="http://media.internal/a.mp4")).status_code == 202
        assert (await ask(world, video_url="http://127.0.0.1:8000/a.mp4")).status_code == 202
        assert (await ask(world, video_url="http://other.internal/a.mp4")).status_code == 400


@pytest.mark.parametrize("failure", [OSError("no such host"), TimeoutError(), UnicodeError("label too long")])
async def test_a_host_without_an_address(env: Env, people: People, failure: Exception) -> None:
    async def resolve(host: str) -> Sequence[str]:
        raise failure

    async with serving(settings_with(), env, people, resolve=resolve) as world:
        answer = await ask(world, video_url=URL)
        assert (answer.status_code, answer.json()["code"]) == (400, "URL_NOT_ALLOWED")
        assert "videos.example.org" in answer.json()["error"]


async def test_no_addresses_at_all() -> None:
    async def resolve(host: str) -> Sequence[str]:
        return []

    with pytest.raises(ApiError):
        await check_url(URL, (), resolve)
