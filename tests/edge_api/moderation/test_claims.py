"""Who gets which video, and for how long."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from edge_api.env import Env
from edge_api.keys import moment_of
from edge_api.moderation.claims import CLAIM_SECONDS
from tests.edge_api.kit import People, World, make_person, serving, settings_with
from tests.edge_api.moderation.cases import flagged, opened, queue, review, waiting

LONG_AGO = "2026-01-01T00:00:00.000000Z"


async def claim(world: World, video_id: str, *, method: str = "POST", query: str = "", admin: bool = False) -> int:
    headers = (world.admin if admin else world.moderator).headers
    return (await world.client.request(method, f"/api/videos/{video_id}/claim{query}", headers=headers)).status_code


async def test_the_oldest_or_the_surest_first(world: World) -> None:
    ids = await waiting(world, 0.7, 0.9, 0.8)
    body = await queue(world)
    assert (opened(body), body["waiting"], body["open_elsewhere"]) == (ids[0], 3, 0)
    assert opened(await queue(world, world.admin, order="surest")) == ids[1]
    shown = (await world.get("/api/review", world.moderator)).json()
    assert (shown["open"]["video"], shown["open_elsewhere"]) == (body["open"]["video"], 1)
    left = moment_of(shown["open"]["expires_at"]) - datetime.now(UTC)
    assert CLAIM_SECONDS - 10 < left.total_seconds() <= CLAIM_SECONDS


async def test_nothing_is_left(world: World) -> None:
    assert await queue(world) == {"waiting": 0, "open_elsewhere": 0, "open": None, "undoable": None}
    await waiting(world, 0.9)
    await queue(world)
    body = await queue(world, world.admin)
    assert (body["waiting"], body["open_elsewhere"], body["open"]) == (1, 1, None)


async def test_whoever_has_one_keeps_it(world: World) -> None:
    first, second = await waiting(world, 0.7, 0.9)
    for order in ("oldest", "surest"):
        assert opened(await queue(world, order=order)) == first
    await review(world, first, decision="approve")
    assert opened(await queue(world)) == second


@pytest.mark.parametrize(("order", "walk"), [("oldest", [0, 1, 2, 0]), ("surest", [1, 2, 0, 1])])
async def test_skipping_goes_round(world: World, order: str, walk: list[int]) -> None:
    ids = await waiting(world, 0.7, 0.9, 0.8)
    seen = opened(await queue(world, order=order))
    for place in walk[1:]:
        assert seen is not None
        seen = opened(await queue(world, order=order, skip=seen))
        assert seen == ids[place]
    (only,) = await world.rows("SELECT COUNT(*) AS n FROM review_claims")
    assert only["n"] == 1


async def test_the_only_one_comes_again_after_it_was_skipped(world: World) -> None:
    (video_id,) = await waiting(world, 0.9)
    await queue(world)
    assert opened(await queue(world, skip=video_id)) == video_id


async def test_many_moderators_at_the_same_instant_at_two_gateways(env: Env, people: People, world: World) -> None:
    ids = await waiting(world, *[0.9] * 6)
    moderators = [await make_person(env.db, f"m{n}", "moderator") for n in range(8)]
    async with serving(settings_with(), env, people) as other:
        gateways = [world, other] * 4
        answers = await asyncio.gather(
            *(queue(gateway, person) for gateway, person in zip(gateways, moderators, strict=True))
        )
        again = await asyncio.gather(
            *(queue(gateway, person) for gateway, person in zip(gateways[::-1], moderators, strict=True))
        )
    got = [opened(body) for body in answers]
    assert sorted(each for each in got if each) == sorted(ids)
    assert got.count(None) == 2
    assert [opened(body) for body in again] == got


async def test_one_moderator_asks_twice_at_once(world: World) -> None:
    await waiting(world, 0.9, 0.8)
    answers = await asyncio.gather(*(queue(world) for _ in range(4)))
    assert len({opened(body) for body in answers}) == 1


async def test_a_claim_that_ran_out_is_taken_over(world: World) -> None:
    (video_id,) = await waiting(world, 0.9)
    await queue(world)
    assert opened(await queue(world, world.admin)) is None
    await world.run("UPDATE review_claims SET expires_at = ?1", LONG_AGO)
    assert opened((await world.get("/api/review", world.moderator)).json()) == video_id, "nobody wants it"
    assert opened(await queue(world, world.admin)) == video_id
    assert (await world.get("/api/review", world.moderator)).json()["open"] is None
    assert await claim(world, video_id) == 409


async def test_it_is_renewed_and_cut_short(world: World) -> None:
    (video_id,) = await waiting(world, 0.9)
    await queue(world)
    await world.run("UPDATE review_claims SET expires_at = ?1", LONG_AGO)
    assert await claim(world, video_id) == 200
    assert opened(await queue(world, world.admin)) is None
    assert await claim(world, video_id, query="?for=1") == 200
    await asyncio.sleep(1.05)
    assert opened(await queue(world, world.admin)) == video_id


@pytest.mark.parametrize("query", ["?for=0", "?for=121", "?for=x"])
async def test_a_time_that_is_none(world: World, query: str) -> None:
    (video_id,) = await waiting(world, 0.9)
    assert await claim(world, video_id, query=query) == 400


async def test_it_is_released(world: World) -> None:
    (video_id,) = await waiting(world, 0.9)
    await queue(world)
    assert await claim(world, video_id, method="DELETE", admin=True) == 200
    assert opened(await queue(world, world.admin)) is None, "it was not theirs to release"
    assert await claim(world, video_id, method="DELETE") == 200
    assert opened(await queue(world, world.admin)) == video_id


async def test_one_at_a_time(world: World) -> None:
    first, second = await waiting(world, 0.9, 0.8)
    assert await claim(world, first) == 200
    assert await claim(world, second) == 409
    await world.run("UPDATE review_claims SET expires_at = ?1", LONG_AGO)
    assert await claim(world, second) == 200
    assert await world.rows("SELECT video_id FROM review_claims") == [{"video_id": second}]


async def test_only_flagged_videos_are_claimed(world: World) -> None:
    suspect, _ = await flagged(world)
    assert await claim(world, suspect) == 409


async def test_a_video_that_another_has_open_is_not_settled(world: World) -> None:
    (video_id,) = await waiting(world, 0.9)
    await queue(world)
    answer = await review(world, video_id, world.admin, decision="reject")
    assert (answer.status_code, answer.json()["code"]) == (409, "CLAIMED")
    await world.run("UPDATE review_claims SET expires_at = ?1", LONG_AGO)
    assert (await review(world, video_id, world.admin, decision="reject")).status_code == 200
    assert await world.rows("SELECT * FROM review_claims") == []


async def test_a_claim_on_what_is_settled_or_deleted_holds_nothing_up(world: World) -> None:
    first, second = await waiting(world, 0.9, 0.8)
    await queue(world)
    await world.decide(first, "approved")
    assert (await world.get("/api/review", world.moderator)).json()["open"] is None
    assert opened(await queue(world)) == second
    await world.client.delete(f"/api/videos/{second}", headers=world.alice.headers)
    assert await world.rows("SELECT * FROM review_claims") == []


async def test_a_claim_on_what_is_not_there_is_none(world: World) -> None:
    (video_id,) = await waiting(world, 0.9)
    until = "2099-01-01T00:00:00.000000Z"
    sql = "INSERT INTO review_claims VALUES (?1, ?2, ?3, ?3)"
    await world.run(sql, "f" * 32, world.moderator.id, until)
    assert (await world.get("/api/review", world.moderator)).json()["open"] is None
    assert opened(await queue(world)) == video_id


@pytest.mark.parametrize("asked", [{"order": "newest"}, {"skip": "x"}])
async def test_bad_questions(world: World, asked: dict[str, str]) -> None:
    answer = await world.client.post("/api/review/next", params=asked, headers=world.moderator.headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_FIELD")


async def test_how_often_flags_are_overturned(world: World) -> None:
    ids = await waiting(world, 0.9, 0.8, 0.7)
    await world.run("UPDATE videos SET reason = 'audio_match' WHERE id = ?1", ids[2])
    for video_id, decision in zip(ids, ("approve", "reject", "approve"), strict=True):
        assert (await review(world, video_id, decision=decision)).status_code == 200
    taken_back = f"/api/videos/{ids[2]}/review/undo"
    stats = (await world.get("/api/review/stats", world.moderator)).json()
    assert (stats["reviewed"], stats["overturned"], stats["overturned_rate"]) == (3, 2, 2 / 3)
    await world.client.post(taken_back, headers=world.moderator.headers)
    stats = (await world.get("/api/review/stats", world.moderator)).json()
    mirrored = {"reviewed": 2, "overturned": 1, "overturned_rate": 0.5}
    assert stats == {**mirrored, "by_reason": [{"reason": "mirrored", **mirrored}]}


async def test_nothing_was_reviewed_yet(world: World) -> None:
    stats = (await world.get("/api/review/stats", world.moderator)).json()
    assert stats == {"reviewed": 0, "overturned": 0, "overturned_rate": None, "by_reason": []}
