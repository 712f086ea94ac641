"""Flagged videos and what moderators do with them, by the public API."""

from __future__ import annotations

from typing import Any

import httpx

from edge_api.keys import new_id
from tests.edge_api.kit import Person, World, mp4


async def review(world: World, video_id: str, person: Person | None = None, **body: Any) -> httpx.Response:
    headers = (person or world.moderator).headers
    return await world.client.post(f"/api/videos/{video_id}/review", json=body, headers=headers)


async def flagged(world: World, **columns: Any) -> tuple[str, str]:
    """The suspect and the flagged video."""
    suspect, video_id = await world.uploaded(mp4(seed=1), world.bob), await world.uploaded(mp4(seed=2))
    await world.decide(suspect, "approved")
    await world.decide(
        video_id, "flagged", **{"duplicate_of": suspect, "similarity_score": 0.9, "reason": "mirrored", **columns}
    )
    await world.run(
        "INSERT INTO verdicts (id, video_id, status, matches, policy_version, thresholds, decided_by, decided_at) "
        "VALUES ('v1', ?1, 'flagged', '[]', 3, '{\"SIMILARITY_THRESHOLD\": 0.85}', 'policy', '2026-01-01')",
        video_id,
    )
    return suspect, video_id


async def undo(world: World, video_id: str, person: Person | None = None) -> httpx.Response:
    headers = (person or world.moderator).headers
    return await world.client.post(f"/api/videos/{video_id}/review/undo", headers=headers)


async def verdict(world: World, video_id: str, decided_by: str, at: str) -> None:
    """The row of the verdict in force, as whoever made it would have written it."""
    await world.run(
        "INSERT INTO verdicts (id, video_id, status, reason, duplicate_of, matches, policy_version, thresholds, "
        "decided_by, decided_at) SELECT verdict_id, id, status, reason, duplicate_of, '[]', 3, '{}', ?2, ?3 "
        "FROM videos WHERE id = ?1",
        video_id,
        decided_by,
        at,
    )


async def waiting(world: World, *scores: float, owner: Person | None = None) -> list[str]:
    """Flagged videos with these scores, the oldest first."""
    ids = []
    for score in scores:
        video_id = await world.uploaded(mp4(seed=hash((score, new_id())) % 10**6), owner)
        await world.decide(video_id, "flagged", reason="mirrored", similarity_score=score)
        ids.append(video_id)
    return ids


async def queue(world: World, person: Person | None = None, **asked: str) -> dict[str, Any]:
    """The queue after `next`."""
    headers = (person or world.moderator).headers
    answer = await world.client.post("/api/review/next", params=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def opened(body: dict[str, Any]) -> str | None:
    return str(body["open"]["video"]["video_id"]) if body["open"] else None
