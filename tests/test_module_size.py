"""No module grows past a few screens, none is a room nobody owns, and none is left half done."""

from __future__ import annotations

import re

import pytest

from tests.repository import ROOT, Module, modules

MOST_LINES = 500
NOBODYS = {"utils", "util", "helpers", "helper", "common", "base", "misc", "shared", "lib"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b|pragma: no cover")

every_module = pytest.mark.parametrize("module", modules(), ids=str)


@every_module
def test_modules_are_short(module: Module) -> None:
    assert module.lines <= MOST_LINES


@every_module
def test_modules_have_owners(module: Module) -> None:
    assert not NOBODYS & {part.removesuffix(".py") for part in module.path.parts}


@every_module
def test_modules_are_finished(module: Module) -> None:
    assert not UNFINISHED.findall(module.text)


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_tests_are_not_skipped_and_not_too_long(path: object) -> None:
    text = (ROOT / str(path)).read_text(encoding="utf-8")
    assert not re.findall(r"pytest\.(?:skip|xfail|mark\.skip|mark\.xfail)\w*\(", text)
    assert len(text.splitlines()) <= 2 * MOST_LINES


def test_there_are_at_least_as_many_lines_of_tests_as_of_source() -> None:
    tests = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "tests").rglob("*.py"))
    source = sum(module.lines for module in modules() if module.package != "benchmarks")
    assert tests >= source
