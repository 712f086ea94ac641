"""The operators' page: what it says, its buttons, its fragment."""

from __future__ import annotations

from datetime import timedelta

import pytest

from edge_api.env import Env
from edge_api.stats import queries
from edge_api.stats.costs import GB
from tests.edge_api.console.test_pages import check_rules
from tests.edge_api.console.visits import Markup, Visit, visit_by
from tests.edge_api.kit import People, World, serving, settings_with, with_binding
from tests.edge_api.stats.test_stats import add
from tests.edge_api.test_upload import Unreachable

HOSTILE = "<script>alert(1)</script>"


async def failed(world: World, count: int, **job: object) -> list[str]:
    """Videos whose jobs have failed for good."""
    columns = {"status": "failed", "error_message": "It took too long", "attempt_count": 4, **job}
    await add(world, world.alice, count, status="processing", job=columns)
    await world.run("UPDATE processing_jobs SET completed_at = created_at WHERE status = 'failed'")
    rows = await world.rows("SELECT video_id FROM processing_jobs WHERE status = 'failed' ORDER BY completed_at DESC")
    return [row["video_id"] for row in rows]


async def test_an_empty_one(world: World, admin: Visit) -> None:
    for path in ("/dashboard", "/dashboard/live"):
        page = await admin.get(path)
        assert page.status_code == 200
        check_rules(page)
        text = Markup(page.text).text
        for said in (
            "Uploads today",
            "nothing waits",
            "No verdict yet.",
            "Nothing has failed for good.",
            "not counted yet",
        ):
            assert said in text, said


async def test_what_it_says(env: Env, people: People) -> None:
    async with serving(settings_with(budget_per_month=1.0), env, people) as world:
        await add(world, world.alice, 12, file_size=10 * GB)
        await add(world, world.alice, 3, status="flagged", reason="partial_match")
        await add(world, world.alice, 1, status="duplicate", file_size=14 * GB)
        await add(world, world.alice, 2, every=timedelta(hours=2), status="processing")
        await world.run(queries.ADD_CALLS, "2026-01-01", "PutObject", 7)
        page = await (await visit_by(world, world.admin)).get("/dashboard")
    text = Markup(page.text).text
    for said in (
        *("the oldest for 2 hours", "Flagged: partial match3", "p95: 95 of 100 are faster", "Videos134 GB"),
        *("Over the budget: 1.86 USD a month", "Delete duplicates: 14 GB saves 0.21 USD a month", "VIDEO_QUEUE_LOW"),
    ):
        assert said in text, said


async def test_charts_are_named_and_have_their_numbers_beside_them(world: World, admin: Visit) -> None:
    await add(world, world.alice, 30, every=timedelta(hours=11))
    page = Markup((await admin.get("/dashboard")).text)
    drawn = [svg for svg in page.named("svg") if svg.get("class", "").startswith("chart")]
    assert len(drawn) >= 4
    assert all(svg.get("aria-label") if svg.get("role") == "img" else svg["aria-hidden"] == "true" for svg in drawn)
    assert len([rect for rect in page.named("rect") if rect.get("class") == "chart-fill" and "y" in rect]) == 14
    assert page.named("tbody")
    assert len(page.named("details")) >= 2


async def test_retry(world: World, admin: Visit) -> None:
    ids = await failed(world, 3)
    page = Markup((await admin.get("/dashboard")).text)
    assert "It took too long" in page.text
    assert {"retry-all", f"retry-{ids[0]}", f"delete-{ids[0]}"} <= {each.get("id") for each in page.named("button")}
    answer = await admin.post("/dashboard/retry", {"video_id": ids[0]})
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard")
    rows = await world.rows("SELECT status FROM processing_jobs WHERE video_id = ?1", ids[0])
    assert rows == [{"status": "pending"}]
    assert "It runs again." in (await admin.get("/dashboard")).text
    await world.decide(ids[1], "approved")
    await admin.post("/dashboard/retry", {"video_id": [*ids[1:], "0" * 32]})
    assert "1 of 3 run again" in (await admin.get("/dashboard")).text
    (audited,) = await world.rows("SELECT actor FROM audit_log WHERE subject = ?1", ids[2])
    assert audited == {"actor": f"user:{world.admin.id}"}
    assert [job.video_id for job in world.jobs()] == [ids[0], ids[2]]


@pytest.mark.parametrize("wrong", [[], ["x"], [f"{number:032x}" for number in range(11)]])
async def test_retry_of_what_is_no_video(world: World, admin: Visit, wrong: list[str]) -> None:
    answer = await admin.post("/dashboard/retry", {"video_id": wrong})
    assert answer.status_code == 400


async def test_delete_comes_back_here(world: World, admin: Visit) -> None:
    (video_id,) = await failed(world, 1)
    page = Markup((await admin.get("/dashboard")).text)
    (form,) = [form for form in page.named("form") if form.get("action") == "/videos/delete"]
    assert form["data-confirm"] == f"Delete video {video_id[:8]}?"
    sent = {"video_id": video_id, "back": "/dashboard"}
    assert "Delete this video?" in Markup((await admin.post("/videos/delete", sent)).text).text
    done = await admin.post("/videos/delete", {**sent, "confirmed": "yes"})
    assert done.headers["location"] == "/dashboard"
    assert "Nothing has failed for good." in (await admin.get("/dashboard")).text


async def test_what_failed_is_called_by_the_name_of_the_file(world: World, admin: Visit) -> None:
    (video_id,) = await failed(world, 1)
    await world.run("UPDATE videos SET filename = 'holiday.mp4'")
    page = Markup((await admin.get("/dashboard/live")).text)
    (link,) = [link for link in page.named("a") if link["href"] == f"/videos/{video_id}"]
    assert link["title"] == "holiday.mp4"
    for said in (f"Video holiday.mp4 {video_id[:8]}", "Retry holiday.mp4", "Delete holiday.mp4"):
        assert said in page.text
    assert "Delete video holiday.mp4?" in [form.get("data-confirm") for form in page.named("form")]


async def test_the_fragment_leaves_what_is_said_once_to_the_page(world: World, admin: Visit) -> None:
    (video_id,) = await failed(world, 1)
    await admin.post("/dashboard/retry", {"video_id": video_id})
    piece = await admin.get("/dashboard/live")
    assert "It runs again." not in piece.text
    assert "<html" not in piece.text
    assert "It runs again." in (await admin.get("/dashboard")).text


async def test_a_binding_that_is_down(world: World) -> None:
    broken = with_binding(world.env, "video_queue_low", Unreachable())
    async with serving(settings_with(), broken, world.people) as beside:
        text = Markup((await (await visit_by(beside, beside.admin)).get("/dashboard")).text).text
    assert "VIDEO_QUEUE_LOW does not answer." in text
    assert "VIDEO_QUEUE_LOWUNREACHABLE" in text


async def test_nothing_that_a_row_holds_becomes_markup(world: World, admin: Visit) -> None:
    await failed(world, 1, error_message=HOSTILE)
    await add(world, world.alice, 1, status="processing", job={"error_message": HOSTILE})
    await add(world, world.alice, 1, status="flagged", reason=HOSTILE)
    await world.run("UPDATE videos SET filename = ?1 WHERE status = 'processing'", HOSTILE)
    await world.run("UPDATE duties SET done_at = ?1, result = '{}' WHERE name = 'storage'", "2026-11-21T10:00:00Z")
    for path in ("/dashboard", "/dashboard/live"):
        page = await admin.get(path)
        check_rules(page)
        assert page.text.count("&lt;script&gt;alert(1)") == 11
        assert "<script>alert" not in page.text


async def test_the_place_is_the_operators_alone(world: World, alice: Visit, moderator: Visit, admin: Visit) -> None:
    for visit, is_shown in ((alice, False), (moderator, False), (admin, True)):
        links = [link["href"] for link in Markup((await visit.get("/videos")).text).named("a")]
        assert ("/dashboard" in links) is is_shown
    assert (await moderator.get("/dashboard")).status_code == 403
