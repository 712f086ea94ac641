"""The pages of webhooks: listed, added, rotated, deleted, and what became of each delivery."""

from __future__ import annotations

import re

import pytest

from edge_api.keys import new_id, timestamp
from tests.edge_api.console.test_pages import check_rules
from tests.edge_api.console.visits import Markup, Visit
from tests.edge_api.kit import World

HOOK = "https://example.org/hook"


async def added(admin: Visit, **fields: object) -> str:
    answer = await admin.post("/webhooks", {"url": HOOK, **fields})
    check_rules(answer)
    found = re.search(r"/webhooks/(wh_[0-9a-f]{12})", answer.text)
    assert found, answer.text
    return found[1]


async def test_none_yet(admin: Visit) -> None:
    page = await admin.get("/webhooks")
    check_rules(page)
    assert "Nobody is told yet" in page.text
    boxes = [box for box in Markup(page.text).named("input") if box.get("type") == "checkbox"]
    assert len(boxes) == 4
    assert all("checked" in box for box in boxes)


async def test_added_with_a_secret_that_is_shown_once(world: World, admin: Visit) -> None:
    answer = await admin.post("/webhooks", {"url": f"  {HOOK} ", "kinds": ["video.flagged", "video.rejected"]})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    (row,) = await world.rows("SELECT secret FROM webhook_secrets")
    assert row["secret"] in Markup(answer.text).text
    page = await admin.get("/webhooks")
    text = Markup(page.text).text
    assert HOOK in text
    assert "Flagged, Rejected" in text
    assert row["secret"] not in page.text
    (audited,) = await world.rows("SELECT actor, action FROM audit_log WHERE action = 'webhook.create'")
    assert audited["actor"] == f"user:{world.admin.id}"


@pytest.mark.parametrize(
    "kinds", [[], ["video.approved", "video.duplicate_detected", "video.flagged", "video.rejected"]]
)
async def test_all_or_none_ticked_is_all(world: World, admin: Visit, kinds: list[str]) -> None:
    await added(admin, kinds=kinds)
    assert await world.rows("SELECT kinds FROM webhook_targets") == [{"kinds": "[]"}]
    assert "Every verdict" in (await admin.get("/webhooks")).text


@pytest.mark.parametrize(
    ("url", "said"),
    [("http://example.org/hook", "https"), ("", "url"), ("nonsense", "https")],
)
async def test_what_is_refused_is_said_beside_what_was_typed(world: World, admin: Visit, url: str, said: str) -> None:
    answer = await admin.post("/webhooks", {"url": url, "kinds": ["video.flagged"]})
    assert answer.status_code == 400
    check_rules(answer)
    page = Markup(answer.text)
    (field,) = [field for field in page.named("input") if field.get("name") == "url"]
    assert (field["value"], field["aria-invalid"]) == (url, "true")
    ticked = [box["value"] for box in page.named("input") if "checked" in box]
    assert ticked == ["video.flagged"]
    assert said in page.text
    assert not await world.rows("SELECT id FROM webhook_targets")


async def test_a_new_secret(world: World, admin: Visit) -> None:
    target = await added(admin)
    answer = await admin.post(f"/webhooks/{target}/rotate", {})
    check_rules(answer)
    rows = await world.rows("SELECT secret, expires_at FROM webhook_secrets ORDER BY expires_at IS NULL")
    assert len(rows) == 2
    assert rows[1]["secret"] in answer.text
    assert rows[0]["secret"] not in answer.text
    assert "signs too until" in answer.text


async def test_deleting_asks_first(world: World, admin: Visit) -> None:
    target = await added(admin)
    asked = await admin.post(f"/webhooks/{target}/delete", {})
    check_rules(asked)
    assert "Delete this webhook?" in asked.text
    assert len(await world.rows("SELECT id FROM webhook_targets")) == 1
    done = await admin.post(f"/webhooks/{target}/delete", {"confirmed": "yes"})
    assert (done.status_code, done.headers["location"]) == (303, "/webhooks")
    assert "The webhook is deleted." in (await admin.get("/webhooks")).text
    assert not await world.rows("SELECT id FROM webhook_targets")
    for method, path in ((admin.get, ""), (admin.get, "?status=sent")):
        assert (await method(f"/webhooks/{target}{path}")).status_code == 404
    for path in ("delete", "rotate"):
        assert (await admin.post(f"/webhooks/{target}/{path}", {"confirmed": "yes"})).status_code == 404


async def test_deliveries(world: World, admin: Visit) -> None:
    target, at = await added(admin), timestamp()
    for number, status in enumerate(["sent"] * 21 + ["pending", "failed"]):
        values = (new_id(), target, new_id(), f"{number:032x}", at, status, at if status == "sent" else None)
        await world.run(
            "INSERT INTO webhook_deliveries (id, target_id, notification_id, video_id, kind, body, told_at, status, "
            "attempts, next_attempt_at, give_up_at, sent_at, last_error) "
            "VALUES (?1, ?2, ?3, ?4, 'video.flagged', '{}', ?5, ?6, 1, ?5, ?5, ?7, '<b>answered 500</b>')",
            *values,
        )
    page = await admin.get(f"/webhooks/{target}")
    check_rules(page)
    text = Markup(page.text).text
    assert "1\u201320 of 23" in text
    assert "<b>answered" not in page.text
    assert "&lt;b&gt;answered 500" in page.text
    second = Markup((await admin.get(f"/webhooks/{target}?status=sent&offset=20")).text)
    assert "21\u201321 of 21" in second.text
    (newer,) = [link["href"] for link in second.named("a") if link.get("rel") == "prev"]
    assert newer == f"/webhooks/{target}?status=sent"
    failed = Markup((await admin.get(f"/webhooks/{target}?status=failed")).text)
    assert f"/videos/{22:032x}" in [link["href"] for link in failed.named("a")]
    assert (await admin.get(f"/webhooks/{target}?status=odd")).status_code == 400


async def test_one_that_is_off(world: World, admin: Visit) -> None:
    target = await added(admin)
    await world.run("UPDATE webhook_targets SET disabled_reason = 'answered 410'")
    for path in ("/webhooks", f"/webhooks/{target}"):
        assert "answered 410" in (await admin.get(path)).text


async def test_forms_of_elsewhere(world: World, admin: Visit) -> None:
    target = await added(admin)
    stranger = without_its_token(admin)
    for path in ("/webhooks", f"/webhooks/{target}/delete", f"/webhooks/{target}/rotate", "/dashboard/retry"):
        answer = await stranger.post(path, {"url": HOOK, "confirmed": "yes"})
        assert answer.status_code == 403
    assert len(await world.rows("SELECT id FROM webhook_secrets")) == 1


def without_its_token(visit: Visit) -> Visit:
    return Visit(visit.world, visit.session_id, "another")
