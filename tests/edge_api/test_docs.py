"""docs/api.md keeps up with the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from edge_api.errors import ERRORS
from edge_api.metrics import Metrics
from edge_api.schemas import schemas
from edge_api.settings import WORKER_FOLDER, Settings
from tests.edge_api.kit import settings_with
from tests.edge_api.test_errors import calls
from wrangler_compat.config import describe_settings

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
VARS = tomllib.loads((WORKER_FOLDER / "wrangler.toml").read_text(encoding="utf-8"))["vars"]


@pytest.mark.parametrize(("method", "path"), calls())
def test_every_route_has_a_section_and_a_curl_line(method: str, path: str) -> None:
    headings = [line for line in PAGE.splitlines() if line.startswith("## ")]
    assert any(method in line and path in re.split(r"[\s,]+", line) for line in headings), f"{method} {path}"
    asked = re.sub(r"\{(\w+)\}", lambda name: f"${name[1].upper()}", path)
    assert re.search(rf"\$TWINREEL{re.escape(asked)}(?=[\"?\s]|$)", PAGE), f"no curl line for {path}"


@pytest.mark.parametrize("code", ERRORS)
def test_every_error_code_with_its_status(code: str) -> None:
    assert re.search(rf"^\| `{code}` \| {ERRORS[code].status} \| \S", PAGE, re.MULTILINE)


def test_no_error_code_that_is_gone() -> None:
    assert set(re.findall(r"^\| `([A-Z_]+)` \| \d{3} ", PAGE, re.MULTILINE)) == set(ERRORS)


def test_every_setting_with_its_default_and_no_other() -> None:
    section = PAGE.partition("## Settings")[2].partition("## ")[0]
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.+?) \|", section, re.MULTILINE))
    assert list(rows) == [about.name for about in describe_settings(Settings)]
    for name, default in VARS.items():
        assert rows[name] == (f"`{default}`" if default != "" else "none"), name


def test_every_field_of_a_video() -> None:
    for shape in schemas(settings_with(), ERRORS)["Video"]["oneOf"]:
        for name in shape["properties"]:
            assert f"`{name}" in PAGE, name


def test_every_field_of_a_search() -> None:
    for shape in schemas(settings_with(), ERRORS)["Search"]["oneOf"]:
        for name in shape["properties"]:
            assert f"`{name}" in PAGE, name


def test_every_metric() -> None:
    for metric in Metrics().registry.collect():
        assert f"`{metric.name}" in PAGE, metric.name


@pytest.mark.parametrize("command", ["serve", "users create", "users list", "tokens create", "tokens list", "greet"])
def test_every_command(command: str) -> None:
    assert f"python -m edge_api {command}" in PAGE
