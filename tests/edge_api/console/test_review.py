"""The review queue as a page, without scripts: everything is a form."""

from __future__ import annotations

import json

import httpx
import pytest

from edge_api.env import Env
from tests.edge_api.console.test_pages import check_rules
from tests.edge_api.console.visits import Markup, Visit, visit_by
from tests.edge_api.kit import World, mp4
from tests.edge_api.moderation.cases import flagged, opened, queue, review, verdict, waiting
from tests.edge_api.test_videos import MATCH

LONG_AGO = "2026-01-01T00:00:00.000000Z"


async def shown(moderator: Visit, path: str = "/review") -> Markup:
    page = await moderator.get(path)
    assert page.status_code == 200, page.text
    check_rules(page)
    return Markup(page.text)


async def post(moderator: Visit, path: str, **fields: str) -> httpx.Response:
    answer = await moderator.post(f"/review/{path}", fields)
    assert answer.status_code == 303, answer.text
    return answer


async def status(world: World, video_id: str) -> str:
    return str((await world.video(video_id, world.moderator))["status"])


def actions(page: Markup) -> set[str]:
    return {form["action"] for form in page.named("form") if "action" in form}


async def test_nothing_is_left(moderator: Visit) -> None:
    page = await shown(moderator)
    assert "Nothing is left to review" in page.text
    assert "Overturned" not in page.text


async def test_opening_the_first(world: World, moderator: Visit) -> None:
    suspect, video_id = await flagged(world)
    page = await shown(moderator)
    assert "1 video waits for you" in page.text
    assert await world.rows("SELECT * FROM review_claims") == [], "looking claims nothing"
    assert (await post(moderator, "next", order="surest")).headers["location"] == "/review?order=surest"
    page = await shown(moderator, "/review?order=surest")
    for told in (video_id[:8], suspect[:8], "It looks like another video mirrored", "by bob", "by alice"):
        assert told in page.text
    links = [video["src"] for video in page.named("video")]
    assert [video_id in links[0], suspect in links[1]] == [True, True]


async def test_both_videos_are_called_by_the_names_of_their_files(world: World, moderator: Visit) -> None:
    suspect, video_id = await flagged(world)
    for name, each in (("theirs.mp4", suspect), (None, video_id)):
        await world.run("UPDATE videos SET filename = ?1 WHERE id = ?2", name, each)
    await post(moderator, "next")
    page = await shown(moderator)
    for path, title in ((f"/videos/{suspect}", "theirs.mp4"), (f"/videos/{video_id}", None)):
        links = [link for link in page.named("a") if link["href"] == path and "clipped" in link.get("class", "")]
        assert [link.get("title") for link in links] == [title] * 2, "above the players, and in the table"
    assert f"The other video theirs.mp4 {suspect[:8]}" in page.text
    assert f"This video {video_id[:8]}" in page.text


async def test_everything_that_can_be_done_is_a_form(world: World, moderator: Visit) -> None:
    suspect, video_id = await flagged(world)
    await post(moderator, "next")
    found = actions(await shown(moderator))
    expected = {f"/review/{video_id}/{what}" for what in ("decide", "leave", f"never/{suspect}")}
    assert expected | {"/review/next"} <= found


@pytest.mark.parametrize(
    ("decision", "becomes", "said"),
    [("approve", "approved", "Approved"), ("reject", "rejected", "Rejected"), ("duplicate", "duplicate", "duplicate")],
)
async def test_deciding_opens_the_next_and_offers_to_undo(
    world: World, moderator: Visit, decision: str, becomes: str, said: str
) -> None:
    suspect, video_id = await flagged(world)
    (second,) = await waiting(world, 0.8)
    await post(moderator, "next")
    await post(moderator, f"{video_id}/decide", decision=decision, duplicate_of=suspect, note="seen before")
    assert await status(world, video_id) == becomes
    (row,) = await world.rows("SELECT detail FROM audit_log WHERE action = 'video.review'")
    assert json.loads(row["detail"])["note"] == "seen before"
    page = await shown(moderator)
    assert f"/review/{second}/decide" in actions(page)
    assert said in page.text
    assert "of 1" in page.text, "the overturned rate"
    await post(moderator, f"{video_id}/undo")
    page = await shown(moderator)
    assert f"/review/{video_id}/decide" in actions(page)
    assert await status(world, video_id) == "flagged"
    assert await world.rows("SELECT video_id FROM review_claims") == [{"video_id": video_id}]


async def test_a_duplicate_of_the_match_that_is_shown(world: World, moderator: Visit) -> None:
    other = await world.uploaded(mp4(seed=5))
    await world.decide(other, "approved", filename="holiday.mp4")
    matches = [{**MATCH.to_json(), "video_id": other, "similarity_score": 0.8, "mirrored": True}]
    suspect, video_id = await flagged(world, matches=json.dumps(matches))
    await post(moderator, "next")
    page = await shown(moderator, f"/review?against={other}")
    assert f"/review/{video_id}/never/{other}" in actions(page)
    assert "Duplicate of holiday.mp4" in page.text
    assert "What matches " + other[:8] in page.text
    assert "80 % alike" in page.text
    assert "Choose a range" not in page.text, "the queue has ranges of its own"
    assert f"/review/{video_id}/never/{suspect}" in actions(await shown(moderator, "/review?against=nobody"))
    await post(moderator, f"{video_id}/decide", decision="duplicate", duplicate_of=other)
    assert (await world.video(video_id))["duplicate_of"] == other


async def test_never_compared_and_compared_again(world: World, moderator: Visit) -> None:
    suspect, video_id = await flagged(world)
    await verdict(world, video_id, "policy", LONG_AGO)
    await post(moderator, "next")
    await post(moderator, f"{video_id}/never/{suspect}")
    assert await status(world, video_id) == "processing"
    page = await shown(moderator)
    assert "are never compared again" in page.text
    (again,) = [action for action in actions(page) if "/again/" in action]
    await world.decide(video_id, "flagged", reason="mirrored", fingerprint_id="kept")
    await post(moderator, "next")
    assert "Never compared with" in (await shown(moderator)).text
    await post(moderator, again.removeprefix("/review/"))
    page = await shown(moderator)
    assert "The two are compared again." in page.text
    assert await world.rows("SELECT * FROM parted_pairs") == []


async def test_skipping_turning_the_order_and_leaving(world: World, moderator: Visit) -> None:
    low, high = await waiting(world, 0.7, 0.9)
    await post(moderator, "next")
    assert f"/review/{low}/decide" in actions(await shown(moderator))
    await post(moderator, "next", skip=low)
    assert f"/review/{high}/decide" in actions(await shown(moderator))
    await post(moderator, "next", release=high, order="oldest")
    assert f"/review/{low}/decide" in actions(await shown(moderator))
    await post(moderator, f"{low}/leave")
    assert "2 videos wait for you" in (await shown(moderator)).text
    assert opened(await queue(world, world.admin)) == low


async def test_what_came_too_late_is_said(world: World, moderator: Visit) -> None:
    suspect, video_id = await flagged(world)
    await post(moderator, "next")
    await world.run("UPDATE review_claims SET expires_at = ?1", LONG_AGO)
    await queue(world, world.admin)
    assert "The others have them" in (await shown(moderator)).text
    for path in (f"{video_id}/decide", f"{video_id}/never/{suspect}"):
        await post(moderator, path, decision="approve")
        assert "Another moderator has this video open" in (await shown(moderator)).text
    await review(world, video_id, world.admin, decision="reject")
    await post(moderator, f"{video_id}/decide", decision="approve")
    assert "Only a flagged video can be reviewed" in (await shown(moderator)).text
    await world.run("UPDATE reviews SET undo_until = ?1", LONG_AGO)
    await post(moderator, f"{video_id}/undo")
    assert "There is no review of the last minute" in (await shown(moderator)).text
    assert await status(world, video_id) == "rejected"


async def test_a_form_that_nobody_made(world: World, moderator: Visit) -> None:
    _, video_id = await flagged(world)
    answer = await moderator.post(f"/review/{video_id}/decide", {"decision": "maybe"})
    assert answer.status_code == 400
    assert "decision must be one of" in answer.text
    assert await status(world, video_id) == "flagged"


async def test_a_video_without_a_suspect_or_files(world: World, moderator: Visit) -> None:
    _, video_id = await flagged(world, duplicate_of=None, source_url="https://example.org/a.mp4")
    await post(moderator, "next")
    page = await shown(moderator)
    assert "It lies elsewhere" in page.text
    assert "It is gone" in page.text
    assert "duplicate" not in [button.get("value") for button in page.named("button")]
    assert not [action for action in actions(page) if "/never/" in action]
    assert f"/review/{video_id}/decide" in actions(page)


async def test_a_match_that_was_deleted(world: World, moderator: Visit) -> None:
    gone = {**MATCH.to_json(), "video_id": "e" * 32}
    suspect, _ = await flagged(world, matches=json.dumps([gone]))
    await post(moderator, "next")
    assert suspect[:8] in (await shown(moderator, "/review?against=" + "e" * 32)).text


async def test_two_moderators_see_different_videos(env: Env, world: World, moderator: Visit) -> None:
    first, second = await waiting(world, 0.9, 0.8)
    admin = await visit_by(world, world.admin)
    for each, video_id in ((moderator, first), (admin, second)):
        await post(each, "next")
        assert f"/review/{video_id}/decide" in actions(await shown(each))
    assert "1 open with others" in (await shown(admin)).text


async def test_plain_users_hear_nothing_of_it(world: World, alice: Visit) -> None:
    _, video_id = await flagged(world)
    assert (await alice.get("/review")).status_code == 403
    assert (await alice.post(f"/review/{video_id}/decide", {"decision": "approve"})).status_code == 403
    assert "/review" not in [link.get("href") for link in Markup((await alice.get("/videos")).text).named("a")]
