"""What a moderator does to a video's rows, by way of edge_api."""

from __future__ import annotations

from tests.consumer.world import World


async def review(world: World, video_id: str, status: str = "approved") -> None:
    """What edge_api does when a moderator settles a video."""
    await world.rows("UPDATE videos SET status = ?2, verdict_id = 'r' || id WHERE id = ?1", video_id, status)
    await world.rows(
        "INSERT INTO verdicts (id, video_id, status, matches, policy_version, thresholds, decided_by, decided_at) "
        "VALUES ('r' || ?1, ?1, ?2, '[]', 1, '{}', 'user:m', '2026')",
        video_id,
        status,
    )
