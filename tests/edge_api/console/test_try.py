"""The page of Try it, and that of an answer."""

from __future__ import annotations

import json
from typing import Any

from tests.edge_api.console.test_pages import check_rules
from tests.edge_api.console.visits import Markup, Visit, visit_by
from tests.edge_api.kit import World, mp4
from tests.edge_api.test_searches import OPINION, asked
from tests.edge_api.test_videos import MATCH

HOSTILE = "<script>alert(1)</script>"


async def answered(world: World, **answer: Any) -> str:
    search_id = await asked(world)
    sql = "UPDATE searches SET status = 'completed', progress = 1, completed_at = created_at, answer = ?2 WHERE id = ?1"
    await world.run(sql, search_id, json.dumps({"verdict": OPINION} | answer))
    return search_id


async def test_the_form_takes_an_id_from_the_address_as_text(alice: Visit) -> None:
    page = await alice.get(f"/try?with={HOSTILE}")
    check_rules(page)
    (field,) = [field for field in Markup(page.text).named("input") if field.get("id") == "reference_id"]
    assert field["value"] == HOSTILE


async def test_a_waiting_answer(world: World, alice: Visit) -> None:
    search_id = await asked(world)
    page = await alice.get(f"/try/{search_id}")
    check_rules(page)
    (bar,) = Markup(page.text).named("progress")
    assert bar["data-search"] == search_id


async def test_only_whoever_asked_sees_the_answer(world: World) -> None:
    search_id = await answered(world)
    for person, status in ((world.alice, 200), (world.bob, 404), (world.moderator, 404), (world.admin, 404)):
        assert (await (await visit_by(world, person)).get(f"/try/{search_id}")).status_code == status
    assert (await (await visit_by(world, world.alice)).get("/try/nothing")).status_code == 404


async def test_videos_of_others_are_named_and_not_linked(world: World, alice: Visit) -> None:
    mine = await world.uploaded(mp4())
    theirs = await world.uploaded(mp4(seed=5), person=world.bob)
    matches = [{**MATCH.to_json(), "video_id": mine}, {**MATCH.to_json(), "video_id": theirs}]
    verdict = {**OPINION, "status": "duplicate", "duplicate_of": theirs, "similarity_score": 0.98, "matches": matches}
    page = await alice.get(f"/try/{await answered(world, verdict=verdict)}")
    check_rules(page)
    links = [link["href"] for link in Markup(page.text).named("a")]
    assert f"/videos/{mine}" in links
    assert f"/videos/{theirs}" not in links
    assert f"{theirs[:8]}, which is not yours" in Markup(page.text).text
