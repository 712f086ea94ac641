from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

import pytest

from processor.settings import Settings, SettingsError, describe, settings_from


def test_defaults() -> None:
    settings = settings_from({})
    assert settings == Settings()
    assert (settings.frame_interval, settings.phash_size, settings.port) == (0.25, 8, 8080)
    assert settings.slots >= 1


def test_the_environment_overrides() -> None:
    settings = settings_from(
        {"PORT": "0", "FRAME_INTERVAL": "2", "SLOTS": "3", "SOURCE_HOSTS": "a, b", "LOG_LEVEL": "debug", "EDITOR": "vi"}
    )
    assert (settings.port, settings.frame_interval, settings.slots) == (0, 2.0, 3)
    assert settings.source_hosts == ("a", "b")
    assert settings.log_level == "debug"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("PORT", "eighty", "PORT must be a whole number"),
        ("PORT", "70000", "PORT must lie between 0 and 65535"),
        ("SLOTS", "0", "SLOTS must lie between 1"),
        ("FRAME_INTERVAL", "nan", "FRAME_INTERVAL must lie"),
        ("FRAME_INTERVAL", "half", "FRAME_INTERVAL must be a number"),
        ("PHASH_SIZE", "16", "PHASH_SIZE must lie between 8 and 8"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL must be one of"),
        ("FRAME_INTERVALL", "2", "did you mean FRAME_INTERVAL"),
        ("PROCESOR_SECRET", "x", "did you mean PROCESSOR_SECRET"),
    ],
)
def test_what_is_wrong_is_told(name: str, text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        settings_from({name: text})


def test_processor_time_follows_the_clock_unless_it_is_set() -> None:
    assert settings_from({}).cpu_seconds == pytest.approx(540)
    assert settings_from({"EXTRACT_TIMEOUT": "100", "DECODE_THREADS": "2"}).cpu_seconds == pytest.approx(180)
    assert settings_from({"EXTRACT_CPU_SECONDS": "30"}).cpu_seconds == 30


def test_the_secret_is_not_shown() -> None:
    assert "s3cret" not in repr(settings_from({"PROCESSOR_SECRET": "s3cret"}))


def test_every_setting_is_described() -> None:
    described = {name: about for name, _, about in describe()}
    assert list(described) == [known.name.upper() for known in fields(Settings)]
    assert all(about.rstrip().endswith(".") for about in described.values())


def test_help_lists_the_settings() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "processor", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert all(name in said for name, _, _ in describe())
