from __future__ import annotations

from itertools import product

import pytest

from consumer.checkup import (
    DESTRUCTIVE,
    KINDS,
    REMEDIES,
    Finding,
    Kind,
    Remedy,
    Report,
    RowState,
    belongs_in_index,
    brake,
    judge_missing_fingerprint,
    judge_missing_object,
    judge_object,
    mime_type_of,
    table,
    upload_of,
    video_of,
)
from wire.verdicts import VIDEO_STATUSES

ID = "0123456789abcdef0123456789abcdef"
DAY = "2026/11/21"


def row(status: str = "approved", **more: bool) -> RowState:
    state = {
        "is_remote": False,
        "is_object_freed": False,
        "names_fingerprint": True,
        "is_reviewed": False,
        "is_in_hand": False,
    }
    return RowState(ID, status, **(state | more))


@pytest.mark.parametrize(
    "key",
    [
        f"videos/{DAY}/{ID}.mp4",
        f"videos/{DAY}/{ID}.webm",
        f"videos/{DAY}/{ID}_thumb.jpg",
        f"videos/{DAY}/{ID}_matrix_{'0' * 32}.png",
        f"processed/{ID}/720p.mp4",
        f"fingerprints/{DAY}/{ID}.vfp",
    ],
)
def test_an_object_tells_its_video(key: str) -> None:
    assert video_of(key) == ID


@pytest.mark.parametrize(
    "key",
    [
        "videos/README",
        f"videos/{DAY}/{ID}.avi",
        f"backup/{ID}.mp4",
        f"videos/{DAY}/{ID[:-1]}.mp4",
        "fingerprints/x.vfp",
    ],
)
def test_what_is_not_ours_is_left_alone(key: str) -> None:
    assert video_of(key) is None
    assert judge_object(key, adopts=False) is None
    assert judge_object(key, adopts=True) is None


def test_an_orphaned_object_is_deleted_or_its_video_adopted() -> None:
    video, thumbnail, kept = f"videos/{DAY}/{ID}.mov", f"videos/{DAY}/{ID}_thumb.jpg", f"fingerprints/{DAY}/{ID}.vfp"
    assert judge_object(video, adopts=False) == Finding("object_without_row", video, "delete_object")
    preview = thumbnail.replace("_thumb", "_preview")
    assert judge_object(preview, adopts=False) == Finding("object_without_row", preview, "delete_object")
    assert judge_object(thumbnail, adopts=False) == Finding("object_without_row", thumbnail, "delete_object")
    assert judge_object(kept, adopts=False) == Finding("fingerprint_without_row", kept, "delete_object")
    assert judge_object(video, adopts=True) == Finding("object_without_row", video, "adopt_object")
    assert judge_object(thumbnail, adopts=True) is None
    assert judge_object(kept, adopts=True) is None
    assert mime_type_of(video) == "video/quicktime"
    assert mime_type_of(thumbnail) is None


@pytest.mark.parametrize(
    ("status", "has_fingerprint", "remedy"),
    [
        ("processing", False, "reject_video"),
        ("processing", True, "note_object_gone"),
        ("approved", False, "reject_video"),
        ("approved", True, "note_object_gone"),
        ("flagged", False, "reject_video"),
        ("flagged", True, "note_object_gone"),
        ("duplicate", False, "note_object_gone"),
        ("rejected", False, "note_object_gone"),
    ],
)
def test_a_row_without_its_object(status: str, has_fingerprint: bool, remedy: Remedy) -> None:
    found = judge_missing_object(row(status), has_fingerprint=has_fingerprint)
    assert found == Finding("row_without_object", ID, remedy)


def test_a_freed_duplicate_that_is_decided_anew_needs_its_fingerprint() -> None:
    freed = row("processing", is_object_freed=True)
    assert judge_missing_object(freed, has_fingerprint=True) is None
    assert judge_missing_object(freed, has_fingerprint=False) == Finding("row_without_object", ID, "reject_video")
    for status in ("approved", "duplicate", "rejected", "flagged"):
        assert judge_missing_object(row(status, is_object_freed=True), has_fingerprint=False) is None


@pytest.mark.parametrize("reason", ["is_remote", "is_in_hand"])
def test_a_row_that_needs_no_object_is_in_order(reason: str) -> None:
    for status, has_fingerprint in product(VIDEO_STATUSES, (False, True)):
        assert judge_missing_object(row(status, **{reason: True}), has_fingerprint=has_fingerprint) is None


@pytest.mark.parametrize(
    ("state", "has_object", "remedy"),
    [
        (row("approved"), True, "fingerprint_again"),
        (row("flagged"), True, "fingerprint_again"),
        (row("approved", is_reviewed=True), True, "by_hand"),
        (row("approved"), False, "reject_video"),
        (row("approved", is_reviewed=True), False, "reject_video"),
        (row("approved", is_remote=True), False, "fingerprint_again"),
        (row("duplicate"), False, "forget_fingerprint"),
        (row("duplicate"), True, "forget_fingerprint"),
        (row("rejected"), True, "forget_fingerprint"),
    ],
)
def test_a_row_without_its_fingerprint(state: RowState, has_object: bool, remedy: Remedy) -> None:
    found = judge_missing_fingerprint(state, has_object=has_object)
    assert found == Finding("row_without_fingerprint", ID, remedy)


@pytest.mark.parametrize("state", [row("processing"), row(is_in_hand=True), row(names_fingerprint=False)])
def test_a_fingerprint_that_nobody_misses(state: RowState) -> None:
    assert judge_missing_fingerprint(state, has_object=True) is None
    assert judge_missing_fingerprint(state, has_object=False) is None


def test_only_what_others_are_compared_with_belongs_in_the_index() -> None:
    assert {status for status in VIDEO_STATUSES if belongs_in_index(status)} == {"processing", "approved", "flagged"}
    assert not belongs_in_index(None)


def report_of(kind: Kind, count: int, of: int, remedy: Remedy = "delete_object") -> Report:
    report = Report()
    report.examined[DESTRUCTIVE.get(kind, "vectors")] = of
    for n in range(count):
        report.note(Finding(kind, f"subject-{n}", remedy))
    return report


@pytest.mark.parametrize("kind", DESTRUCTIVE)
def test_when_very_much_is_missing_one_has_to_insist(kind: Kind) -> None:
    assert brake(report_of(kind, 20, 20)) is None
    assert brake(report_of(kind, 50, 501)) is None
    stopped = brake(report_of(kind, 51, 500))
    assert stopped is not None
    assert "51 of 500" in stopped
    assert "--yes" in stopped


def test_what_can_be_made_again_needs_no_insisting() -> None:
    assert brake(report_of("row_without_vector", 1000, 0, "index_again")) is None
    assert brake(report_of("vector_without_row", 1000, 1000, "remove_from_index")) is None
    assert brake(report_of("object_without_row", 1000, 1000, "adopt_object")) is None


def test_a_report_counts_and_gives_examples() -> None:
    report = report_of("open_upload", 7, 0, "abort_upload")
    report.mended["open_upload"] += 3
    assert report.left == 4
    told = report.to_json()
    assert told["found"] == dict.fromkeys(KINDS, 0) | {"open_upload": 7}
    assert told["mended"]["open_upload"] == 3
    assert told["examples"] == {"open_upload": [f"subject-{n}" for n in range(5)]}


def test_the_table_names_every_kind_and_what_is_done_about_it() -> None:
    report = report_of("row_without_object", 2, 9, "note_object_gone")
    shown = table(report, mends=False)
    assert all(kind in shown for kind in KINDS)
    assert f"2 x {REMEDIES['note_object_gone']}" in shown
    assert "what --fix does" in shown
    assert "looked at 9 rows" in shown
    assert "mended" in table(report, mends=True)
    assert "looked at nothing" in table(Report(), mends=False)


def test_pieces_of_resumable_uploads() -> None:
    assert upload_of(f"uploads/{ID}/7-x") == ID
    for key in ("uploads/readme.txt", f"uploads/{ID}", f"videos/uploads/{ID}/7-x", f"uploads/{ID[1:]}/7-x"):
        assert upload_of(key) is None
