"""Static files: addresses that name their content, kept for ever, small, and ours alone."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from edge_api import formats
from edge_api.console.assets import FOLDER, assets
from edge_api.console.sentences import LABELS
from tests.edge_api.kit import World

FILES = sorted(path.name for path in FOLDER.iterdir())


@pytest.mark.parametrize("name", FILES)
async def test_a_file(world: World, name: str) -> None:
    url = assets().url(name)
    plain = await world.client.get(url, headers={"Accept-Encoding": "identity"})
    packed = await world.client.get(url, headers={"Accept-Encoding": "gzip, br"})
    assert plain.content == packed.content == (FOLDER / name).read_bytes()
    assert (plain.headers.get("content-encoding"), packed.headers["content-encoding"]) == (None, "gzip")
    for answer in (plain, packed):
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-type"].startswith(("text/css", "text/javascript", "image/svg+xml"))


async def test_of_another_version(world: World) -> None:
    """While gateways are replaced, a page may have come from another one: it works, and is not kept."""
    answer = await world.client.get("/static/0123456789abcdef/main.js")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")


@pytest.mark.parametrize("name", ["nothing.js", "..%2fassets.py", "%2e%2e%2fassets.py", ".", "main.js%00"])
async def test_what_is_no_file(world: World, name: str) -> None:
    answer = await world.client.get(f"/static/{assets().version}/{name}")
    assert answer.status_code == 404


def test_a_name_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        assets().url("nothing.js")


def test_they_are_small() -> None:
    assert sum(len(gzip.compress((FOLDER / name).read_bytes())) for name in FILES) < 40_000


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_scripts_import_their_neighbours_only(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    imported = re.findall(r'\bfrom "([^"]+)"|\bimport\("([^"]+)"\)', text)
    assert all(Path(first or second).name in FILES and (first or second).startswith("./") for first, second in imported)
    assert not re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\.style\b", text
    )


def test_the_page_knows_the_containers_that_the_gateway_knows() -> None:
    text = (FOLDER / "inspect.js").read_text(encoding="utf-8")

    def words(name: str) -> set[str]:
        found = re.search(rf"const {name} = new Set\(\[(.*?)\]\)", text, re.DOTALL)
        assert found
        return set(re.findall(r'"([^"]+)"', found[1]))

    assert words("MP4_BRANDS") == formats._MP4_BRANDS
    assert words("OTHER_BRANDS") == formats._NOT_VIDEO_BRANDS
    assert {word.encode() for word in words("OLD_QUICKTIME")} == formats._OLD_QUICKTIME_ATOMS
    assert f"HEAD_BYTES = {formats.HEAD_BYTES}" in text


@pytest.mark.parametrize("state", LABELS)
def test_every_state_has_its_colours(state: str) -> None:
    text = (FOLDER / "console.css").read_text(encoding="utf-8")
    assert f".badge-{state}" in text
    assert f".verdict-{state}" in text


def test_styles_mind_those_who_want_no_motion() -> None:
    text = (FOLDER / "console.css").read_text(encoding="utf-8")
    assert "prefers-reduced-motion: reduce" in text
    assert "light-dark(" in text
    assert "http" not in text
