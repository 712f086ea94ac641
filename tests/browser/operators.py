"""What an operator has to look at: two weeks of videos, jobs that failed, a listing of the bucket, webhooks."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from edge_api.keys import new_id, timestamp
from tests.browser.gateway import Gateway

REASONS = ("mirrored", "partial_match", "video_match_audio_mismatch")


def fill_for_operators(gateway: Gateway) -> list[str]:
    """The ids of the videos whose jobs failed for good."""
    alice, now = gateway.people.alice, datetime.now(UTC)
    for back, count in enumerate((6, 9, 4, 0, 7, 12, 15, 8, 3, 2, 11, 9, 5, 6)):
        at = timestamp(now - timedelta(days=back))
        moments = {"uploaded_at": at, "processed_at": timestamp(now - timedelta(days=back) + timedelta(seconds=4))}
        ids = gateway.add_videos(alice, count, file_size=180_000_000, **moments)
        for number, video_id in enumerate(ids):
            ended = timestamp(now - timedelta(days=back) + timedelta(seconds=2 + number * 1.7))
            sql = "UPDATE processing_jobs SET started_at = ?, completed_at = ? WHERE video_id = ?"
            gateway.rows(sql, at, ended, video_id)
    gateway.add_videos(alice, 14, status="duplicate", file_size=1_000_000_000)
    for reason in REASONS:
        gateway.add_videos(alice, 4, status="flagged", reason=reason)
    gateway.add_videos(alice, 2, status="rejected", reason="undecodable")
    gateway.add_videos(alice, 3, status="processing")
    failed = gateway.add_videos(alice, 3, status="processing", uploaded_at=timestamp(now - timedelta(days=3)))
    for video_id, name in zip(failed, ("a holiday in the mountains, all of it.mp4", "interview.mov"), strict=False):
        gateway.rows("UPDATE videos SET filename = ? WHERE id = ?", name, video_id)
    for video_id in failed:
        gateway.rows(
            "UPDATE processing_jobs SET status = 'failed', attempt_count = 4, error_message = ?, completed_at = ? "
            "WHERE video_id = ?",
            *("The processor took longer than 600 seconds, four times in a row.", timestamp(now), video_id),
        )
    (tried,) = gateway.add_videos(alice, 1, status="processing")
    gateway.rows(
        "UPDATE processing_jobs SET attempt_count = 1, error_message = ?, started_at = ? WHERE video_id = ?",
        *("The processor answered 503 for longer than a minute.", timestamp(now - timedelta(minutes=2)), tried),
    )
    sizes = {"previews": 4_200_000, "renditions": 900_000_000, "fingerprints": 61_000_000, "other": 0}
    kept = {kind: {"objects": size // 40_000, "bytes": size} for kind, size in sizes.items()}
    gateway.rows("UPDATE duties SET done_at = ?, result = ? WHERE name = 'storage'", timestamp(now), json.dumps(kept))
    for operation, calls in (("PutObject", 61_200), ("GetObject", 1_204_330), ("UploadPart", 240_000)):
        gateway.rows("INSERT OR REPLACE INTO operation_counts VALUES (?, ?, ?)", f"{now:%Y-%m-%d}", operation, calls)
    return failed


def add_webhook(gateway: Gateway) -> str:
    """The id of a webhook with deliveries of every status."""
    target, at = f"wh_{new_id()[:12]}", timestamp()
    url = "https://hooks.example.org/twinreel/" + "verdicts/" * 4
    gateway.rows(
        "INSERT INTO webhook_targets (id, url, kinds, created_at) VALUES (?, ?, ?, ?)",
        *(target, url, '["video.flagged", "video.rejected"]', at),
    )
    (video_id,) = gateway.add_videos(gateway.people.alice, 1, status="flagged", reason="mirrored")
    for status, error in (("sent", None), ("pending", "answered 500"), ("failed", "no connection: name not known")):
        gateway.rows(
            "INSERT INTO webhook_deliveries (id, target_id, notification_id, video_id, kind, body, told_at, status, "
            "attempts, next_attempt_at, give_up_at, sent_at, last_error) "
            "VALUES (?, ?, ?, ?, ?, '{}', ?, ?, 3, ?, ?, ?, ?)",
            *(new_id(), target, new_id(), video_id, "video.flagged", at, status, at, at),
            *(at if status == "sent" else None, error),
        )
    return target
