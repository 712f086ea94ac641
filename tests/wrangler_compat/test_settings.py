from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from wrangler_compat.config import SettingDescription, Var, WorkerConfig, describe_settings, setting, settings_from
from wrangler_compat.errors import ConfigError


@dataclass(frozen=True)
class Settings:
    max_file_size: int = setting("Largest upload.", unit="bytes", minimum=1)
    threshold: float = setting("How alike.", minimum=0, maximum=1)
    formats: tuple[str, ...] = setting("What is taken.", choices=("mp4", "webm", "mov"), minimum=1)
    log_level: str = setting("How much is said.", choices=("debug", "info"))
    verbose: bool = setting("More.")
    processor_secret: str = setting("The callback's.", secret=True, minimum=16)
    webhook_url: str | None = setting("Who is told.", optional=True)


SECRET = {"PROCESSOR_SECRET": "0123456789abcdef"}
VARS: dict[str, Var] = {
    "MAX_FILE_SIZE": 2_147_483_648,
    "THRESHOLD": 0.85,
    "FORMATS": "mp4, webm,",
    "LOG_LEVEL": "info",
    "VERBOSE": False,
}


def config(**changes: Var) -> WorkerConfig:
    return WorkerConfig(Path("w/wrangler.toml"), "w", vars={**VARS, **changes})


def test_defaults_and_secrets_come_together() -> None:
    settings = settings_from(Settings, config(), SECRET)
    assert settings == Settings(
        max_file_size=2_147_483_648,
        threshold=0.85,
        formats=("mp4", "webm"),
        log_level="info",
        verbose=False,
        processor_secret="0123456789abcdef",
        webhook_url=None,
    )


def test_secrets_are_not_shown() -> None:
    assert "0123456789abcdef" not in repr(settings_from(Settings, config(), SECRET))
    with pytest.raises(ConfigError) as caught:
        settings_from(Settings, config(), {"PROCESSOR_SECRET": "hush"})
    assert "hush" not in str(caught.value)


def test_a_whole_number_will_do_for_a_ratio() -> None:
    settings = settings_from(Settings, config(THRESHOLD=1), SECRET)
    assert (settings.threshold, type(settings.threshold)) == (1.0, float)


def test_an_optional_setting_is_none_when_unset_or_empty() -> None:
    assert settings_from(Settings, config(), {**SECRET, "WEBHOOK_URL": "http://x"}).webhook_url == "http://x"
    assert settings_from(Settings, config(), {**SECRET, "WEBHOOK_URL": ""}).webhook_url is None
    assert settings_from(Settings, config(WEBHOOK_URL=""), SECRET).webhook_url is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"MAX_FILE_SIZE": 0}, "MAX_FILE_SIZE must be 1 bytes or more, not 0"),
        ({"THRESHOLD": 1.5}, "THRESHOLD must be 1 or less, not 1.5"),
        ({"THRESHOLD": float("nan")}, "THRESHOLD must be a finite number"),
        ({"THRESHOLD": True}, "THRESHOLD must be of type float, not True"),
        ({"THRESHOLD": "high"}, "THRESHOLD must be of type float, not 'high'"),
        ({"FORMATS": "mp4,avi"}, "FORMATS must be one of mp4, webm, mov, not 'avi'"),
        ({"FORMATS": " , "}, "FORMATS must be 1 or more"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL must be one of debug, info, not 'loud'"),
        ({"VERBOSE": 1}, "VERBOSE must be of type bool, not 1"),
        (
            {"THRESHHOLD": 0.5},
            r"\[vars\] sets THRESHHOLD, which w does not know; did you mean THRESHOLD\?",
        ),
        ({"SOMETHING": 0.5}, "sets SOMETHING, which w does not know; take it out"),
        ({"PROCESSOR_SECRET": "0123456789abcdef"}, "PROCESSOR_SECRET is a secret: take it out"),
    ],
)
def test_values_that_cannot_be(changes: dict[str, Var], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        settings_from(Settings, config(**changes), SECRET)


def test_a_setting_without_a_default() -> None:
    bare = WorkerConfig(Path("w/wrangler.toml"), "w", vars={name: VARS[name] for name in VARS if name != "THRESHOLD"})
    with pytest.raises(ConfigError, match=r"THRESHOLD is not set; add it to w/wrangler.toml \[vars\]. How alike."):
        settings_from(Settings, bare, SECRET)
    with pytest.raises(ConfigError, match="PROCESSOR_SECRET is not set; set it in the environment"):
        settings_from(Settings, config(), {})


def test_a_misspelt_variable_is_refused_unless_it_is_somebody_elses() -> None:
    environ = {**SECRET, "MAX_FILESIZE": "1"}
    with pytest.raises(ConfigError, match=r"sets MAX_FILESIZE, which nothing reads; did you mean MAX_FILE_SIZE\?"):
        settings_from(Settings, config(), environ)
    settings_from(Settings, config(), environ, also_known=["MAX_FILESIZE"])
    settings_from(Settings, config(), {**SECRET, "PATH": "/bin", "HOME": "/", "LANG": "C"})


def test_settings_describe_themselves() -> None:
    described = {about.name: about for about in describe_settings(Settings)}
    assert list(described) == [
        "MAX_FILE_SIZE",
        "THRESHOLD",
        "FORMATS",
        "LOG_LEVEL",
        "VERBOSE",
        "PROCESSOR_SECRET",
        "WEBHOOK_URL",
    ]
    assert described["MAX_FILE_SIZE"] == SettingDescription(
        "MAX_FILE_SIZE", "int", "Largest upload.", unit="bytes", minimum=1
    )
    assert described["FORMATS"].type == "list"
    assert described["PROCESSOR_SECRET"].secret
    assert described["WEBHOOK_URL"].optional
    assert described["WEBHOOK_URL"].type == "str"


def test_a_field_that_is_no_setting() -> None:
    @dataclass(frozen=True)
    class Odd:
        plain: int = 1

    with pytest.raises(ConfigError, match="must be declared with setting"):
        describe_settings(Odd)
