"""What holds of every page, and what each shows to whom."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from edge_api.console.pages import content_security_policy, environment, with_query
from edge_api.env import Env
from edge_api.keys import thumbnail_key
from tests.edge_api.console.visits import HTML, Markup, Visit, visit_by
from tests.edge_api.kit import People, World, mp4, serving, settings_with
from tests.edge_api.test_videos import MATCH, wanted

HOSTILE = """"><script>alert('x')</script><img src=x onerror=alert(1)>'&{{7*7}}"""
PAGES = ["/me", "/videos", "/upload", "/try", "/videos/{video_id}", "/videos?q=x&status=flagged", "/nowhere"]


def check_rules(page: Any) -> None:
    """Nothing inline, nothing from elsewhere, and browsers are told so."""
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "same-origin"
    found = Markup(page.text)
    assert all("src" in script for script in found.named("script"))
    assert not found.named("style")
    for _, attributes in found.tags:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("href", "src", "action"):
            assert not attributes.get(name, "").startswith(("javascript:", "data:", "http:", "https:", "//"))
    for form in found.named("form"):
        assert form["method"] in ("get", "post", "dialog")


@pytest.mark.parametrize("path", PAGES)
async def test_the_rules_of_every_page(world: World, alice: Visit, path: str) -> None:
    video_id = await world.uploaded(mp4())
    page = await alice.get(path.replace("{video_id}", video_id))
    assert page.status_code == (404 if path == "/nowhere" else 200)
    check_rules(page)
    assert Markup(page.text).named("html") == [{"lang": "en"}]


async def test_the_rules_of_the_sign_in_page(world: World) -> None:
    check_rules(await world.client.get("/", headers=HTML))


def test_media_come_from_where_the_links_lead_and_from_nowhere_else() -> None:
    links = ["https://store.example/bucket/a?X=1", None, "https://store.example/b", "http://127.0.0.1:9000/c"]
    policy = content_security_policy(links)
    assert "img-src 'self' http://127.0.0.1:9000 https://store.example;" in policy
    assert "media-src 'self' http://127.0.0.1:9000 https://store.example;" in policy
    assert "img-src 'self';" in content_security_policy()


def test_names_that_nobody_gives_raise() -> None:
    with pytest.raises(Exception, match="is undefined"):
        environment().from_string("{{ nothing }}").render()


def test_every_form_that_posts_has_the_csrf_token() -> None:
    loader = environment().loader
    assert loader is not None
    for name in loader.list_templates():
        source = loader.get_source(environment(), name)[0]
        for form in re.findall(r'<form method="post" action="/(?!sign-in)[^>]*>.*?</form>', source, re.DOTALL):
            assert "ui.csrf()" in form, name


@pytest.mark.parametrize("theme", ["light", "dark", "", "'><script>", "pink"])
async def test_the_theme_of_the_cookie(world: World, theme: str) -> None:
    page = await world.client.get("/sign-in", headers={**HTML, "Cookie": f"theme={theme}"})
    expected = {"lang": "en", "data-theme": theme} if theme in ("light", "dark") else {"lang": "en"}
    assert Markup(page.text).named("html") == [expected]


async def test_nothing_that_somebody_wrote_becomes_markup(world: World, alice: Visit) -> None:
    """Names, addresses, reasons, errors, matches, searches: wherever a row's text is shown."""
    await world.run("UPDATE users SET username = ?1 WHERE id = ?2", HOSTILE, world.alice.id)
    other, video_id = await world.uploaded(mp4(seed=1)), await world.uploaded(mp4(seed=2))
    matches = json.dumps([{**MATCH.to_json(), "video_id": HOSTILE, "kind": HOSTILE}])
    columns: dict[str, Any] = {"source_url": HOSTILE, "filename": HOSTILE, "mime_type": HOSTILE, "matches": matches}
    await world.run("UPDATE processing_jobs SET error_message = ?1, stage = ?1, attempt_count = 1", HOSTILE)
    moderator = await visit_by(world, world.moderator)
    for status in ("processing", "duplicate", "flagged", "rejected"):
        await world.decide(video_id, status, duplicate_of=other, reason="unheard of", confidence=HOSTILE, **columns)
        for visit in (alice, moderator):
            pages = [await visit.get(f"/videos/{video_id}"), await visit.get("/videos"), await visit.get("/me")]
            pages.append(await world.client.get("/videos", params={"q": HOSTILE}, headers=visit.headers))
            for page in pages:
                check_rules(page)
                assert "<script>alert" not in page.text
                assert "onerror=alert(1)>" not in page.text.replace("&gt;", "")
                assert "7*7" in page.text or HOSTILE not in page.text
                assert not [image for image in Markup(page.text).named("img") if image["src"] == "x"]


async def test_hostile_addresses(world: World, alice: Visit) -> None:
    for path in ("/videos/<script>", "/%3Cscript%3E", "/sign-in?next=%22%3E%3Cscript%3E&why=%3Cscript%3E"):
        page = await alice.get(path)
        assert "<script>" not in page.text
        assert page.status_code in (303, 404)


async def test_the_navigation_by_scope(world: World) -> None:
    for person in (world.alice, world.moderator, world.admin):
        page = Markup((await (await visit_by(world, person)).get("/videos")).text)
        links = [link["href"] for link in page.named("a")]
        assert {"/videos", "/upload", "/me"} <= set(links)


async def test_by_bearer_too(world: World) -> None:
    """Without a session there is no CSRF token to show, and nothing to sign out of."""
    page = await world.client.get("/videos", headers={**HTML, **world.alice.headers})
    assert page.status_code == 200
    assert "Sign out" not in page.text


async def test_who_am_i(env: Env, people: People) -> None:
    await env.db.exec("UPDATE users SET quota_videos = 10, quota_bytes = 1000000")
    await env.db.exec("UPDATE api_tokens SET name = 'laptop', expires_at = '2999-01-02T03:04:05.000000Z'")
    settings = settings_with(requests_per_minute=100, uploads_per_minute=60, upload_bytes_per_minute=5 * 10**9)
    async with serving(settings, env, people) as world:
        await world.uploaded(mp4(50_000))
        text = Markup((await (await visit_by(world, world.alice)).get("/me")).text).text
        for said in ("alice", "uploader", "laptop", "2 Jan 2999", "fingerprint:write", "submit videos", "1 of 10"):
            assert said in text, said
        for said in ("50.0 kB of 1.0 MB", "Requests in a minute100", "Uploads in a minute60", "5.0 GB", "7 days"):
            assert said in text, said
        assert "review" not in text
        await world.run("UPDATE api_tokens SET scopes = 'fingerprint:read'")
        assert "(not with this token)" in (await (await visit_by(world, world.alice)).get("/me")).text
        admin = Markup((await (await visit_by(world, world.admin)).get("/me")).text).text
        assert "settle flagged ones" in admin


async def test_a_video_s_page(world: World, alice: Visit, bob: Visit) -> None:
    video_id = await world.uploaded(mp4())
    key = thumbnail_key(video_id, "videos/2026/11/21/x.mp4")
    await world.decide(video_id, "approved", duration_seconds=75.2, thumbnail_key=key)
    answer = await alice.get(f"/videos/{video_id}")
    page = Markup(answer.text)
    (player,) = page.named("video")
    assert player["src"].startswith("memory://")
    assert "_thumb.jpg" in player["poster"]
    assert "media-src 'self' memory://" in answer.headers["content-security-policy"]
    assert "nothing in the catalogue matches it" in page.text
    assert "1:15" in page.text
    hidden = await bob.get(f"/videos/{video_id}")
    assert hidden.status_code == 404
    assert "You have no video with this id." in hidden.text


async def test_a_video_is_called_by_the_name_of_its_file(world: World, alice: Visit) -> None:
    video_id = await world.uploaded(mp4())
    for name, heading, title in (("holiday.mp4", "holiday.mp4Video ", "holiday.mp4"), (None, "Video ", "Video ")):
        await world.run("UPDATE videos SET filename = ?1", name)
        page = Markup((await alice.get(f"/videos/{video_id}")).text)
        assert f"{heading}{video_id[:8]}" in page.text.replace(" Video", "Video")
        assert f"{title}{video_id[:8] if name is None else ''} \u00b7 Twinreel" in page.text
        assert [head.get("title") for head in page.named("h1")] == [name]
        assert ("Name" + str(name) in page.text) is (name is not None)


async def test_matches_lead_where_one_may_look(world: World, alice: Visit, bob: Visit, moderator: Visit) -> None:
    mine, hers = await world.uploaded(mp4(seed=1), world.bob), await world.uploaded(mp4(seed=2), world.alice)
    kept = json.dumps([{**MATCH.to_json(), "video_id": hers, "mirrored": True, "pitch_semitones": 2.0}])
    await world.decide(mine, "flagged", duplicate_of=hers, reason="mirrored", matches=kept, similarity_score=0.9)
    for visit, may_look in ((bob, False), (moderator, True)):
        page = Markup((await visit.get(f"/videos/{mine}")).text)
        assert ([link for link in page.named("a") if link["href"] == f"/videos/{hers}"] != []) is may_look
        assert hers[:8] in page.text
        assert "mirrored" in page.text
        assert "pitch +2.0" in page.text
        assert "a moderator will look at it" in page.text


@pytest.mark.parametrize("failed", [False, True])
async def test_a_video_under_way(world: World, alice: Visit, failed: bool) -> None:
    video_id = await world.uploaded(mp4())
    status = "failed" if failed else "processing"
    sql = "UPDATE processing_jobs SET status = ?1, stage = 'compare', progress = 0.85, error_message = ?2"
    await world.run(sql, status, "It took too long")
    page = Markup((await alice.get(f"/videos/{video_id}")).text)
    assert "It took too long" in page.text
    assert bool(page.named("progress")) is not failed
    assert [meta for meta in page.named("meta") if meta.get("http-equiv") == "refresh"] == (
        [] if failed else [{"http-equiv": "refresh", "content": "5"}]
    )


async def test_the_upload_page_tells_its_scripts_the_limits(env: Env, people: People) -> None:
    settings = settings_with(max_file_size=123456, allowed_formats=("mp4", "webm"))
    async with serving(settings, env, people) as world:
        page = Markup((await (await visit_by(world, world.alice)).get("/upload")).text)
    (told,) = [attributes for _, attributes in page.tags if "data-max-bytes" in attributes]
    assert (told["data-max-bytes"], told["data-formats"]) == ("123456", "mp4,webm")
    assert json.loads(told["data-words"])["stages"]["compare"] == "Comparing it with the catalogue"
    assert "MP4, WEBM, up to 123 kB each" in page.text
    assert "http://twinreel.test/api/upload" in page.text


def test_addresses_with_fields() -> None:
    assert with_query("/videos", q="a&b", status=None, offset=0) == "/videos?q=a%26b"
    assert with_query("/videos", q="") == "/videos"


async def test_the_player_of_the_other_video(world: World, alice: Visit, bob: Visit, moderator: Visit) -> None:
    """For those who may see it; the links are those of the API, and browsers are told of them."""
    hers, mine = await world.uploaded(mp4(seed=1), world.alice), await world.uploaded(mp4(seed=2), world.bob)
    await world.decide(hers, "approved", duration_seconds=9.5)
    kept = json.dumps([{**MATCH.to_json(), "video_id": hers}])
    await world.decide(mine, "flagged", duplicate_of=hers, reason="mirrored", matches=kept, duration_seconds=9.5)
    for visit, count in ((bob, 1), (moderator, 2)):
        answer = await visit.get(f"/videos/{mine}")
        check_rules(answer)
        page = Markup(answer.text)
        assert [mine in video["src"] or hers in video["src"] for video in page.named("video")] == [True] * count
        assert (f"{hers}.mp4" in answer.text) is (count == 2)
        assert ("It is somebody else's" in page.text) is (count == 1)
        assert ("how long the other video is, is not told" in page.text) is (count == 1)
    await world.run("UPDATE videos SET object_deleted_at = uploaded_at WHERE id = ?1", hers)
    assert "Its file is not kept any more." in Markup((await moderator.get(f"/videos/{mine}")).text).text
    await world.run("UPDATE videos SET duplicate_of = NULL WHERE id = ?1", mine)
    await world.client.delete(f"/api/videos/{hers}", headers=world.alice.headers)
    assert "It is not there any more." in Markup((await moderator.get(f"/videos/{mine}")).text).text


async def test_what_browsers_do_not_play_is_not_offered_to_them_and_its_rendition_is(
    world: World, alice: Visit, moderator: Visit
) -> None:
    video_id, other = await world.uploaded(mp4(seed=1), world.alice), await world.uploaded(mp4(seed=2), world.alice)
    kept = json.dumps([{**MATCH.to_json(), "video_id": other}])
    await world.decide(other, "approved", duration_seconds=9.5, plays=1)
    await world.decide(
        video_id, "flagged", duplicate_of=other, reason="mirrored", matches=kept, duration_seconds=9.5, plays=0
    )

    async def both_pages() -> list[Markup]:
        await moderator.post("/review/next", {})
        return [Markup((await alice.get(f"/videos/{video_id}")).text), Markup((await moderator.get("/review")).text)]

    for status, said in ((None, "Browsers cannot play this file."), ("pending", "is being made"), ("failed", "none")):
        if status is not None:
            await wanted(world, video_id, status)
        for page in await both_pages():
            assert said in page.text
            assert [f"{other}.mp4" in video["src"] for video in page.named("video")] == [True]
            assert [link for link in page.named("a") if f"{video_id}.mp4" in link["href"]], "it can be downloaded"
    await wanted(world, video_id, "completed")
    for page in await both_pages():
        assert [f"processed/{video_id}/720p.mp4" in video["src"] for video in page.named("video")] == [True, False]


async def test_each_match_can_be_drawn(world: World, alice: Visit) -> None:
    ids = [await world.uploaded(mp4(seed=seed)) for seed in range(3)]
    kept = json.dumps([{**MATCH.to_json(), "video_id": other} for other in ids[1:]])
    await world.decide(ids[0], "flagged", duplicate_of=ids[1], reason="partial_match", matches=kept)
    for query, drawn in (("", ids[1]), (f"?with={ids[2]}", ids[2]), ("?with=nonsense", ids[1])):
        page = Markup((await alice.get(f"/videos/{ids[0]}{query}")).text)
        assert f"What matches {drawn[:8]}" in page.text
        assert [link for link in page.named("a") if link["href"].startswith("?with=")] == [
            {"href": f"?with={other}#evidence", "aria-label": f"Show the ranges of {other[:8]}"}
            for other in ids[1:]
            if other != drawn
        ]
