"""matrix_url: a link to the picture of a match, for who may see both videos of it."""

from __future__ import annotations

import json

import pytest

from tests.edge_api.kit import Person, World, mp4
from tests.edge_api.test_videos import MATCH

PNG = b"\x89PNG of levels"


async def matched(world: World, owner: Person, status: str = "flagged") -> tuple[str, str]:
    """Alice's video that is like one of the owner, as the consumer would have left it; both ids, hers first."""
    other, video_id = await world.uploaded(mp4(seed=1), owner), await world.uploaded(mp4(seed=2))
    key = f"videos/2026/01/01/{video_id}_matrix_{other}.png"
    await world.env.video_bucket.put(key, PNG)
    await world.decide(other, "approved")
    await world.decide(
        video_id,
        status,
        duplicate_of=other,
        similarity_score=0.97,
        reason="mirrored" if status == "flagged" else None,
        confidence="high",
        matches=json.dumps([{**MATCH.to_json(), "video_id": other}, {**MATCH.to_json(), "video_id": "e" * 32}]),
        matrices=json.dumps({other: key}),
    )
    return video_id, other


async def links(world: World, video_id: str, person: Person) -> list[str | None]:
    return [match["matrix_url"] for match in (await world.video(video_id, person))["matches"]]


@pytest.mark.parametrize("status", ["flagged", "duplicate"])
async def test_of_one_s_own_two_videos(world: World, status: str) -> None:
    video_id, other = await matched(world, world.alice, status)
    link, none = await links(world, video_id, world.alice)
    assert none is None
    assert link is not None
    assert f"{video_id}_matrix_{other}.png" in link


async def test_not_of_somebody_else_s(world: World) -> None:
    video_id, other = await matched(world, world.bob)
    assert await links(world, video_id, world.alice) == [None, None]
    for address in (f"/api/videos/{video_id}", f"/api/videos/{video_id}/events", "/api/videos", f"/videos/{video_id}"):
        assert "_matrix_" not in (await world.get(address)).text
    assert (await world.get(f"/api/videos/{video_id}", world.bob)).status_code == 404
    (link, none) = await links(world, video_id, world.moderator)
    assert f"_matrix_{other}.png" in (link or "")
    assert none is None


async def test_not_of_one_that_is_gone(world: World) -> None:
    video_id, other = await matched(world, world.bob)
    await world.run("UPDATE videos SET duplicate_of = NULL WHERE id = ?1", video_id)
    assert (await world.client.delete(f"/api/videos/{other}", headers=world.bob.headers)).status_code == 200
    assert await links(world, video_id, world.moderator) == [None, None]


async def test_none_while_it_is_decided_again(world: World) -> None:
    """The row still names it, for the consumer to overwrite or remove."""
    video_id, _ = await matched(world, world.alice)
    await world.run("UPDATE videos SET status = 'processing', matches = NULL WHERE id = ?1", video_id)
    assert "matches" not in await world.video(video_id)


async def test_what_a_moderator_approves_keeps_it(world: World) -> None:
    video_id, other = await matched(world, world.alice)
    answer = await world.client.post(
        f"/api/videos/{video_id}/review", json={"decision": "approve"}, headers=world.moderator.headers
    )
    assert answer.status_code == 200, answer.text
    (link, _) = await links(world, video_id, world.alice)
    assert f"_matrix_{other}.png" in (link or "")


async def test_the_list_signs_none(world: World) -> None:
    await matched(world, world.alice)
    assert "matrix" not in (await world.get("/api/videos")).text
