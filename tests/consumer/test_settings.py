from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from consumer.__main__ import main
from consumer.assembly import detection_of
from consumer.policy import POLICY_VERSION
from consumer.settings import Settings, load
from wrangler_compat.config import describe_settings
from wrangler_compat.errors import ConfigError

WRANGLER_TOML = Path(__file__).parents[2] / "consumer" / "wrangler.toml"


def settings_with(**environ: str) -> Settings:
    return load(environ)[1]


def test_the_defaults_of_the_design() -> None:
    settings = settings_with()
    assert (settings.similarity_threshold, settings.min_similarity, settings.duplicate_threshold) == (0.85, 0.70, 0.95)
    assert (settings.audio_threshold, settings.duration_tolerance) == (0.80, 0.20)
    assert (settings.max_retries, settings.max_duration, settings.delete_duplicates) == (3, 3600, False)
    assert (settings.range_seconds, settings.max_parallel_ranges) == (300, 10)


def test_the_environment_overrides_them() -> None:
    settings = settings_with(SIMILARITY_THRESHOLD="0.9", DELETE_DUPLICATES="true", MAX_RETRIES="0")
    assert (settings.similarity_threshold, settings.delete_duplicates, settings.max_retries) == (0.9, True, 0)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"SIMILARITY_THRESHOLD": "0.96"}, "must not decrease"),
        ({"MIN_SIMILARITY": "0.9"}, "must not decrease"),
        ({"AUDIO_THRESHOLD": "1.5"}, "AUDIO_THRESHOLD"),
        ({"MAX_RETRIES": "-1"}, "MAX_RETRIES"),
        ({"TOP_K": "101"}, "TOP_K"),
        ({"TOP_K": "many"}, "TOP_K"),
        ({"LEASE_SECONDS": "5"}, "LEASE_SECONDS"),
        ({"LOG_LEVEL": "chatty"}, "LOG_LEVEL"),
        ({"SIMILARITY_TRESHOLD": "0.9"}, "SIMILARITY_THRESHOLD"),
    ],
)
def test_what_cannot_be_is_refused_with_the_name_of_the_setting(environ: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load(environ)


def test_thresholds_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConfigError, match="contradict"):
        detection_of(settings_with(MIN_SIMILARITY="0.0"))


def test_the_thresholds_reach_the_policy() -> None:
    detection = detection_of(settings_with(DUPLICATE_THRESHOLD="0.97", AUDIO_THRESHOLD="0.75"))
    verdict = detection.decide([])
    assert verdict.status == "approved"
    assert verdict.policy_version == detection.policy_version == POLICY_VERSION
    assert (verdict.thresholds["duplicate"], verdict.thresholds["audio"]) == (0.97, 0.75)


def test_the_secret_is_never_shown(capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"PROCESSOR_SECRET": "hush-hush"}
    assert "hush" not in repr(settings_with(**environ))
    assert main(["settings"], environ) == 0
    shown = capsys.readouterr().out
    assert "PROCESSOR_SECRET = set" in shown
    assert "hush" not in shown


def test_settings_are_listed_with_value_and_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings"], {}) == 0
    shown = capsys.readouterr().out
    for about in describe_settings(Settings):
        assert f"{about.name} = " in shown
        assert about.description in shown
    assert "MAX_DURATION = 3600 seconds" in shown


def test_a_bad_setting_is_a_sentence_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings"], {"TOP_K": "0"}) == 2
    assert capsys.readouterr().err.startswith("consumer: TOP_K must be")


def test_a_missing_connection_is_a_sentence_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rebuild"], {}) == 2
    assert "set it in the environment" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["rebuild", "--help"], ["redecide", "--help"]])
def test_every_command_has_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    assert "usage: python -m consumer" in capsys.readouterr().out


def test_wrangler_toml_declares_what_the_worker_uses() -> None:
    declared: dict[str, Any] = tomllib.loads(WRANGLER_TOML.read_text())
    assert [consumer["queue"] for consumer in declared["queues"]["consumers"]] == [
        "video-high",
        "video-normal",
        "video-low",
    ]
    assert {consumer["dead_letter_queue"] for consumer in declared["queues"]["consumers"]} == {"video-dead"}
    assert [index["index_name"] for index in declared["vectorize"]] == ["video-fingerprints", "video-segments"]
    assert [service["binding"] for service in declared["services"]] == ["PROCESSOR"]
    settings = {about.name for about in describe_settings(Settings) if not about.secret}
    assert set(declared["vars"]) == settings
