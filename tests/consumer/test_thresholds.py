"""The thresholds: none contradicts another, each has its row in the page, and its setting reaches the policy."""

from __future__ import annotations

import re
from dataclasses import asdict, fields, replace

import pytest

from consumer.assembly import detection_of
from consumer.settings import load
from consumer.thresholds import SETTINGS, Thresholds, thresholds_of
from tests.repository import ROOT

THRESHOLDS = Thresholds()
DOCUMENT = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")


def test_the_defaults_are_sound() -> None:
    THRESHOLDS.check()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"minimum": 0.9}, "MIN_SIMILARITY <= SIMILARITY_THRESHOLD <= DUPLICATE_THRESHOLD"),
        ({"similarity": 0.96}, "0.7, 0.96 and 0.95"),
        ({"duplicate": 1.01}, "must rise"),
        ({"minimum": 0.0}, "must rise"),
        ({"audio": 1.2}, "audio must be between 0 and 1, but is 1.2"),
        ({"duration_tolerance": -0.1}, "duration_tolerance must be between 0 and 1"),
        ({"area": -0.1}, "area must be between 0 and 1"),
        ({"coverage": 2.0}, "coverage must be between 0 and 1"),
        ({"speed_tolerance": -1.0}, "speed_tolerance must be between 0 and 1"),
        ({"audio_variety": 7.0}, "audio_variety must be between 0 and 1"),
        ({"duplicate": float("nan")}, "must rise"),
        ({"audio": float("nan")}, "audio must be between 0 and 1"),
    ],
)
def test_thresholds_that_contradict_each_other_are_refused_with_a_sentence(
    changes: dict[str, float], said: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        replace(THRESHOLDS, **changes).check()


def test_the_thresholds_of_the_settings_are_those_that_the_worker_decides_with() -> None:
    environ = {"DUPLICATE_THRESHOLD": "0.97", "SIMILARITY_THRESHOLD": "0.9", "MIN_SIMILARITY": "0.6"}
    _, settings, _ = load(environ | {"AUDIO_THRESHOLD": "0.75", "DURATION_TOLERANCE": "0.1"})
    thresholds = thresholds_of(settings)
    assert thresholds == Thresholds(0.97, 0.9, 0.6, 0.75, 0.1)
    assert detection_of(settings).decide([]).thresholds == asdict(thresholds)


def test_equal_thresholds_do_not_contradict_each_other() -> None:
    Thresholds(duplicate=0.8, similarity=0.8, minimum=0.8).check()


@pytest.mark.parametrize("name", [field.name for field in fields(Thresholds)])
def test_every_threshold_is_documented_with_its_default(name: str) -> None:
    row = re.search(rf"^\| `{name}` \|[^\n]*\|$", DOCUMENT, re.MULTILINE)
    assert row, f"docs/policy.md has no row for {name}"
    assert f"| {getattr(THRESHOLDS, name):g} |" in row.group()


@pytest.mark.parametrize(("field", "name"), SETTINGS.items())
def test_every_setting_of_the_policy_is_documented(field: str, name: str) -> None:
    assert f"| `{field}` | `{name}` |" in DOCUMENT
    assert re.search(rf"^{name} = ", (ROOT / "consumer" / "wrangler.toml").read_text(), re.MULTILINE)
