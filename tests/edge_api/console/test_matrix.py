"""The picture of a match on the page: its size, its sentence, and where it is shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_api.console.matrix import LONGEST, SHORTEST, Matrix, matrix_of
from tests.edge_api.console.visits import Markup, Visit
from tests.edge_api.kit import World
from tests.edge_api.test_matrices import matched


def match(*segments: tuple[float, float, float, float], **more: Any) -> dict[str, Any]:
    names = ("start", "end", "ref_start", "ref_end")
    return {
        "matrix_url": "https://store/x.png",
        "segments": [dict(zip(names, part, strict=True)) for part in segments],
        **more,
    }


def of(own: float, other: float, **more: Any) -> Matrix:
    found = matrix_of(match(**more), own, other)
    assert found is not None
    return found


def test_both_sides_have_one_scale() -> None:
    assert (of(20.0, 40.0).width, of(20.0, 40.0).height) == (120, 240)
    assert (of(60.0, 40.0).width, of(60.0, 40.0).height) == (240, 160)


@given(own=st.floats(0.1, 1e5), other=st.floats(0.1, 1e5))
def test_it_is_never_too_small_nor_too_large(own: float, other: float) -> None:
    found = of(own, other)
    assert max(found.width, found.height) == LONGEST
    assert min(found.width, found.height) >= SHORTEST


@pytest.mark.parametrize(
    ("shown", "own", "other"),
    [(None, 1.0, 1.0), (match(matrix_url=None), 1.0, 1.0), ({}, 1.0, 1.0), (match(), None, 1.0), (match(), 1.0, None)],
)
def test_there_is_none(shown: dict[str, Any] | None, own: float | None, other: float | None) -> None:
    assert matrix_of(shown, own, other) is None


def test_it_says_what_there_is_to_see() -> None:
    alone = "How alike each moment of this video, from left to right, is to each of the other, from top to bottom."
    assert of(1.0, 1.0).sentence == alone
    found = matrix_of(match((1, 5, 2, 7), (6, 9, 9, 12)), 10.0, 12.0)
    assert found is not None
    line = (
        " There is a line where 0:01 to 0:05 here is 0:02 to 0:07 there, where 0:06 to 0:09 here is 0:09 to 0:12 there."
    )
    assert found.sentence == alone + line
    many = matrix_of(match(*[(1, 2, 1, 2)] * 4), 10.0, 12.0)
    assert many is not None
    assert many.sentence.endswith("there, and elsewhere.")
    assert many.sentence.count(" here is ") == 3


async def test_a_page_shows_it(world: World, alice: Visit) -> None:
    video_id, other = await matched(world, world.alice)
    await world.run("UPDATE videos SET duration_seconds = 10 WHERE id = ?1", video_id)
    await world.run("UPDATE videos SET duration_seconds = 20 WHERE id = ?1", other)
    answer = await alice.get(f"/videos/{video_id}")
    (image,) = [image for image in Markup(answer.text).named("img") if image.get("id") == "matrix"]
    assert f"{video_id}_matrix_{other}.png" in image["src"]
    assert (image["width"], image["height"]) == ("120", "240")
    assert image["alt"].startswith("How alike each moment of this video")
    assert (image["data-seconds"], image["data-ref-seconds"]) == ("10.0", "20.0")
    second = await alice.get(f"/videos/{video_id}?with={'e' * 32}")
    assert "_matrix_" not in second.text, "of the match that is drawn"


async def test_the_store_is_told_to_the_browser_for_the_picture_alone(world: World, alice: Visit) -> None:
    """Neither file nor thumbnail is linked to."""
    video_id, _ = await matched(world, world.alice)
    await world.run("UPDATE videos SET duration_seconds = 10, object_deleted_at = uploaded_at")
    answer = await alice.get(f"/videos/{video_id}")
    assert answer.text.count("memory://") == 1
    assert "img-src 'self' memory://" in answer.headers["content-security-policy"]


async def test_the_review_shows_it(world: World, moderator: Visit) -> None:
    video_id, other = await matched(world, world.alice)
    await world.run("UPDATE videos SET duration_seconds = 10")
    await moderator.post("/review/next", {"order": "oldest"})
    page = Markup((await moderator.get("/review")).text)
    (image,) = [image for image in page.named("img") if image.get("id") == "matrix"]
    assert f"{video_id}_matrix_{other}.png" in image["src"]
    assert "class" not in image, "no script of this page goes to a place of it"
