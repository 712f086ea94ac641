"""The list: search, filters, pages, deleting several."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from edge_api import queries
from edge_api.filenames import lowered
from edge_api.keys import new_id, timestamp, video_key
from tests.edge_api.console.visits import Markup, Visit
from tests.edge_api.kit import Person, World, mp4


async def fill(world: World, owner: Person, count: int, status: str = "approved", **columns: str) -> list[str]:
    """Videos of one second each after the other; the newest first."""
    now, ids = datetime.now(UTC), [new_id() for _ in range(count)]
    db, names = world.env.db, "".join(f", {name}" for name in columns)
    for first in range(0, count, 500):
        statements = []
        for age, video_id in enumerate(ids[first : first + 500], first):
            at = timestamp(now - timedelta(seconds=age))
            marks = "".join(f", ?{number}" for number in range(6, 6 + len(columns)))
            sql = f"""INSERT INTO videos (id, r2_key, user_id, status, uploaded_at, file_size, duration_seconds,
                      matches, thumbnail_key{names}) VALUES (?1, ?2, ?3, ?4, ?5, 1234567, 12.5, '[]', ?2{marks})"""
            values = (video_id, video_key(video_id, at, "mp4"), owner.id, status, at, *columns.values())
            statements.append(db.prepare(sql).bind(*values))
            job = "INSERT INTO processing_jobs (id, video_id, status, created_at) VALUES (?1, ?2, 'completed', ?3)"
            statements.append(db.prepare(job).bind(new_id(), video_id, at))
        await db.batch(statements)
    return ids


def called(filename: str) -> dict[str, str]:
    """The columns of a name."""
    return dict(zip(("filename", "filename_lower"), (filename, lowered(filename)), strict=True))


def shown(text: str) -> list[str]:
    """The ids of the videos on the page, in their order."""
    return [
        field["value"] for field in Markup(text).named("input") if field.get("type") == "checkbox" and "name" in field
    ]


async def test_pages(world: World, alice: Visit) -> None:
    ids = await fill(world, world.alice, 45)
    first, second, last = [(await alice.get(f"/videos?offset={offset}")).text for offset in (0, 20, 40)]
    assert (shown(first), shown(second), shown(last)) == (ids[:20], ids[20:40], ids[40:])
    links = [link for link in Markup(second).named("a") if link.get("rel")]
    assert [(link["rel"], link["href"]) for link in links] == [("prev", "/videos"), ("next", "/videos?offset=40")]
    assert "41\u201345 of 45" in Markup(last).text
    beyond = await alice.get("/videos?offset=1000&status=approved")
    assert shown(beyond.text) == ids[40:]


async def test_filters_stay_in_the_pages_links(world: World, alice: Visit) -> None:
    await fill(world, world.alice, 30, source_url="https://example.org/a")
    page = Markup((await alice.get("/videos?status=approved&q=EXAMPLE&limit=10")).text)
    (link,) = [link for link in page.named("a") if link.get("rel") == "next"]
    assert link["href"] == "/videos?offset=10&status=approved&q=EXAMPLE&limit=10"


@pytest.mark.parametrize("query", ["status=none", "limit=0", "offset=x", "q=" + "x" * 201, "q=a%00"])
async def test_bad_filters(world: World, alice: Visit, query: str) -> None:
    answer = await alice.get(f"/videos?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in Markup(answer.text).text


async def found(visit: Visit, text: str) -> set[str]:
    """The ids that page and API agree on."""
    client = visit.world.client
    page = await client.get("/videos", params={"q": text}, headers=visit.headers)
    assert page.status_code == 200
    api = await client.get("/api/videos", params={"q": text}, headers=visit.headers)
    ids = {video["video_id"] for video in api.json()["videos"]}
    assert (set(shown(page.text)), api.json()["total"]) == (ids, len(ids))
    return ids


async def test_search(world: World, alice: Visit, moderator: Visit) -> None:
    (a,) = await fill(world, world.alice, 1, source_url="https://example.org/100%_sure")
    (b,) = await fill(world, world.bob, 1, source_url="https://example.org/100 percent")
    assert await found(alice, a[:6].upper()) == {a}
    assert await found(alice, a) == {a}
    assert await found(alice, a[1:]) == set()
    assert await found(alice, f"{a}0") == set()
    assert await found(alice, "  example.org ") == {a}
    (long,) = await fill(world, world.alice, 1, source_url=f"https://elsewhere.test/{'Very' * 50}")
    assert await found(alice, "very" * 50) == {long}
    assert await found(alice, "yrev" * 50) == set()
    assert await found(moderator, "example.org") == {a, b}
    assert await found(moderator, "100%_") == {a}, "LIKE's signs mean themselves"
    assert await found(moderator, "BOB") == {b}
    assert await found(alice, "bob") == set()
    assert await found(alice, b) == set()
    both = await world.client.get("/api/videos?status=approved&q=100", headers=moderator.headers)
    assert {video["video_id"] for video in both.json()["videos"]} == {a, b}
    assert (await world.get("/api/videos?status=flagged&q=100")).json()["total"] == 0
    for odd in ("\\", "'", "%", "_", "é", "' OR 1=1 --"):
        assert await found(moderator, odd) <= {a}


async def test_search_by_name(world: World, alice: Visit, moderator: Visit) -> None:
    (named,) = await fill(world, world.alice, 1, **called("Übung_Ёлка 50%.MP4"))
    (theirs,) = await fill(world, world.bob, 1, **called("übung.mp4"))
    for text in ("übung", "ÜBUNG_", "U\u0308bung", "ёлка", "Ёлка\u202f50%", ".mp4"):
        assert named in await found(alice, text), text
        assert theirs not in await found(alice, text), text
    assert await found(moderator, "übung") == {named, theirs}
    assert await found(moderator, "bob") == {theirs}
    for odd in ("\\", "'", "é", "_UBUNG", "' OR 1=1 --"):
        assert await found(moderator, odd) == set()


async def test_rows_are_called_by_the_names_of_the_files(world: World, alice: Visit, moderator: Visit) -> None:
    name = "a & b".ljust(255, "x")
    (named,), (other,) = await fill(world, world.alice, 1, **called(name)), await fill(world, world.alice, 1)
    for visit, hint in ((alice, "Name, id or address"), (moderator, "Name, id, uploader or address")):
        page = Markup((await visit.get("/videos")).text)
        links = [link for link in page.named("a") if link["href"] in (f"/videos/{named}", f"/videos/{other}")]
        assert {link["href"][8:]: link.get("title") for link in links} == {named: name, other: None}
        for said in (f"Choose video {name}", f"Video {name}", f"{named[:8]} \u00b7", f"Choose video {other[:8]}"):
            assert said in page.text, said
        assert page.text.count(other[:8]) == 2
        assert [field["placeholder"] for field in page.named("input") if field.get("type") == "search"] == [hint]


async def test_thumbnails_are_linked_files_and_previews_are_not(world: World, alice: Visit) -> None:
    layout = '{"pictures": 10, "width": 160, "height": 90}'
    ids = await fill(world, world.alice, 2, preview_key="videos/p.jpg", preview_layout=layout)
    answer = await alice.get("/videos")
    images = Markup(answer.text).named("img")
    assert len(images) == 2
    assert all(image["src"].startswith("memory://") and image["loading"] == "lazy" for image in images)
    assert "img-src 'self' memory://" in answer.headers["content-security-policy"]
    assert answer.text.count("memory://") == 2
    thumbnails = [link for link in Markup(answer.text).named("a") if link.get("class") == "thumb"]
    assert [(link["href"], link["data-preview"]) for link in thumbnails] == [
        (f"/videos/{video_id}", f"/api/videos/{video_id}") for video_id in ids
    ]
    (told, _) = (await world.get("/api/videos")).json()["videos"]
    assert told["r2_url"]
    assert told["preview"]["url"]


async def test_the_empty_library(world: World, alice: Visit) -> None:
    page = Markup((await alice.get("/videos")).text)
    assert "No videos yet" in page.text
    assert "/upload" in [link["href"] for link in page.named("a") if "button" in link.get("class", "")]
    await world.run("UPDATE api_tokens SET scopes = 'fingerprint:read'")
    assert "may not upload" in (await alice.get("/videos")).text
    assert "Nothing fits" in (await alice.get("/videos?q=a")).text


async def test_deleting_asks_first(world: World, alice: Visit) -> None:
    ids = [await world.uploaded(mp4(seed=seed)) for seed in (1, 2, 3)]
    back = "/videos?status=processing"
    asked = await alice.post("/videos/delete", {"video_id": ids[:2], "back": back})
    page = Markup(asked.text)
    assert "Delete 2 videos?" in page.text
    fields = [(field["name"], field["value"]) for field in page.named("input")]
    assert {("video_id", ids[0]), ("video_id", ids[1]), ("confirmed", "yes"), ("back", back)} <= set(fields)
    assert len(await world.rows("SELECT id FROM videos")) == 3
    done = await alice.post("/videos/delete", {"video_id": ids[:2], "back": back, "confirmed": "yes"})
    assert (done.status_code, done.headers["location"]) == (303, back)
    assert [row["id"] for row in await world.rows("SELECT id FROM videos")] == ids[2:]
    assert len(await world.rows("SELECT * FROM audit_log WHERE action = 'video.delete'")) == 2
    assert "2 videos are deleted." in (await alice.get(back)).text
    assert "are deleted." not in (await alice.get(back)).text, "it is said once"


async def test_deleting_what_is_not_there(world: World, alice: Visit, bob: Visit) -> None:
    hers = await world.uploaded(mp4())
    await bob.post("/videos/delete", {"video_id": [hers, "0" * 32], "confirmed": "yes"})
    assert len(await world.rows("SELECT id FROM videos")) == 1
    assert "0 of 2 videos are deleted" in (await bob.get("/videos")).text
    await alice.post("/videos/delete", {})
    assert "No video is chosen." in (await alice.get("/videos")).text
    for wrong in (["x"], [f"{number:032x}" for number in range(101)]):
        assert (await alice.post("/videos/delete", {"video_id": wrong})).status_code == 400
    elsewhere = {"video_id": hers, "confirmed": "yes", "back": "//evil.example"}
    assert (await alice.post("/videos/delete", elsewhere)).headers["location"] == "/videos"


async def test_no_boxes_for_those_who_may_not_delete(world: World, alice: Visit) -> None:
    await fill(world, world.alice, 2)
    await world.run("UPDATE api_tokens SET scopes = 'fingerprint:read'")
    page = Markup((await alice.get("/videos")).text)
    assert not [field for field in page.named("input") if field.get("type") == "checkbox"]
    assert "Delete" not in page.text.replace("Delete</button>", "").split("This cannot be undone")[0]


@pytest.mark.parametrize("of_user", [False, True])
@pytest.mark.parametrize("of_status", [False, True])
async def test_a_page_is_read_in_the_order_of_an_index(world: World, of_user: bool, of_status: bool) -> None:
    page, total = queries.list_videos(of_user=of_user, of_status=of_status)
    values = ["x"] * (of_user + of_status)
    for sql, bound in ((page, [*values, 20, 0]), (total, values)):
        plan = " | ".join(row["detail"] for row in await world.rows(f"EXPLAIN QUERY PLAN {sql}", *bound))
        assert "COVERING INDEX" in plan, plan
    inner = page.split("WHERE videos.id IN (")[1].rsplit(")", 1)[0]
    plan = " | ".join(row["detail"] for row in await world.rows(f"EXPLAIN QUERY PLAN {inner}", *values, 20, 0))
    assert "TEMP B-TREE" not in plan, plan


@pytest.mark.parametrize("of_user", [False, True])
@pytest.mark.parametrize("of_status", [False, True])
async def test_what_holds_a_text_is_found_in_an_index_alone(world: World, of_user: bool, of_status: bool) -> None:
    page, total = queries.list_videos(of_user=of_user, of_status=of_status, of_text=True)
    values = [*["x"] * (of_user + of_status), "text"]
    inner = page.split("WHERE videos.id IN (")[1].rsplit(") ORDER", 1)[0]
    for sql, bound in ((inner, [*values, 20, 0]), (total, values)):
        plan = [row["detail"] for row in await world.rows(f"EXPLAIN QUERY PLAN {sql}", *bound)]
        assert "COVERING INDEX videos_searched" in plan[0], plan
        assert not any("TEMP B-TREE" in step for step in plan), plan
