"""No module grows past a few screens, none is a room nobody owns, and none is left half done."""

from __future__ import annotations

import re

from tests.repository import ROOT, modules

MOST_LINES = 500
NOBODYS = {"utils", "util", "helpers", "helper", "common", "base", "misc", "shared", "lib"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b|pragma: no cover")


def test_modules_are_short() -> None:
    assert not [str(module) for module in modules() if module.lines > MOST_LINES]


def test_modules_have_owners() -> None:
    assert not [
        str(module) for module in modules() if NOBODYS & {part.removesuffix(".py") for part in module.path.parts}
    ]


def test_modules_are_finished() -> None:
    assert not {str(module): found for module in modules() if (found := UNFINISHED.findall(module.text))}


def test_tests_are_not_skipped_and_not_too_long() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py")}
    assert len(texts) > 100
    skipping = re.compile(r"pytest\.(?:skip|xfail|mark\.skip|mark\.xfail)\w*\(")
    assert not {path: found for path, text in texts.items() if (found := skipping.findall(text))}
    assert not [path for path, text in texts.items() if len(text.splitlines()) > 2 * MOST_LINES]


def test_there_are_at_least_as_many_lines_of_tests_as_of_source() -> None:
    tests = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "tests").rglob("*.py"))
    source = sum(module.lines for module in modules() if module.package != "benchmarks")
    assert tests >= source
