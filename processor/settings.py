"""The processor's settings: each is defined once, read from the environment, checked, listed by --help."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from wire.secrets import is_known, refusal


class SettingsError(ValueError):
    """A setting is wrong. The message names it and says what to write."""


def _setting(default: Any, about: str, **limits: Any) -> Any:
    return field(default=default, metadata={"about": about, **limits}, repr=not limits.pop("secret", False))


@dataclass(frozen=True, slots=True)
class Settings:
    """One field for each environment variable, which has its name in capitals."""

    host: str = _setting("127.0.0.1", "Address to listen on.")
    port: int = _setting(8080, "Port to listen on; 0 takes a free one.", minimum=0, maximum=65535)
    frame_interval: float = _setting(
        0.25, "Time between two samples of the picture; premium halves it.", unit="seconds", minimum=0.05, maximum=60
    )
    phash_size: int = _setting(
        8, "Side of the block of low frequencies in the video vector, which must have 64 numbers.", minimum=8, maximum=8
    )
    slots: int = _setting(
        min(4, os.cpu_count() or 1), "Worker processes, each at one video at a time.", minimum=1, maximum=256
    )
    decode_threads: int = _setting(1, "Threads of each worker's decoder.", minimum=1, maximum=64)
    extract_timeout: float = _setting(
        600.0, "Longest time for one extraction, then its worker is killed.", unit="seconds", minimum=1, maximum=86400
    )
    extract_cpu_seconds: float = _setting(
        0.0,
        "Most processor time of one extraction, then the video is refused; "
        "0: nine tenths of EXTRACT_TIMEOUT for each decode thread.",
        unit="seconds",
        minimum=0,
        maximum=1e7,
    )
    max_duration: float = _setting(3600.0, "Longest video.", unit="seconds", minimum=1, maximum=1e6)
    worker_memory: int = _setting(
        3 << 30,
        "Most memory of one worker: of address space, on macOS of resident memory.",
        unit="bytes",
        minimum=512 << 20,
        maximum=1 << 44,
    )
    rendition_slots: int = _setting(
        1, "Worker processes that make renditions, beside SLOTS and after them.", minimum=1, maximum=64
    )
    rendition_timeout: float = _setting(
        7200.0, "Longest time for one rendition, then its worker is killed.", unit="seconds", minimum=1, maximum=86400
    )
    rendition_max_bytes: int = _setting(
        2 << 30,
        "Largest rendition, and what the disk must hold for each of RENDITION_SLOTS.",
        unit="bytes",
        minimum=1 << 16,
        maximum=5_000_000_000,
    )
    rendition_folder: str = _setting(
        "", "Where a rendition lies while it is made, in a file without a name; empty: the system's temporary folder."
    )
    jobs_per_worker: int = _setting(200, "Videos after which a worker is replaced.", minimum=1, maximum=1_000_000)
    max_merge_bytes: int = _setting(
        128 << 20, "Largest body of /merge-fingerprints.", unit="bytes", minimum=1 << 16, maximum=1 << 32
    )
    source_hosts: tuple[str, ...] = _setting(
        (), "The only hosts that videos are read from, host or host:port, comma-separated; empty: all public ones too."
    )
    store_hosts: tuple[str, ...] = _setting(
        ("127.0.0.1", "localhost", "::1"),
        "Hosts of your own stores, host or host:port, whose addresses may be private; all others' must be public.",
    )
    max_source_bytes: int = _setting(8 << 30, "Largest video read.", unit="bytes", minimum=1, maximum=1 << 50)
    callback_hosts: tuple[str, ...] = _setting(
        ("127.0.0.1", "localhost", "::1"), "Hosts that may be called back: they are sent PROCESSOR_SECRET."
    )
    callback_attempts: int = _setting(5, "How often a callback is tried.", minimum=1, maximum=100)
    processor_secret: str = _setting("", "Sent with callbacks, which need it.", secret=True)
    environment: str = _setting(
        "production",
        "production, or development for `make run`, which takes secrets that everybody knows.",
        choices=("production", "development"),
    )
    log_level: str = _setting("info", "debug, info, warning or error.", choices=("debug", "info", "warning", "error"))

    @property
    def cpu_seconds(self) -> float:
        """EXTRACT_CPU_SECONDS, or what stands for its 0."""
        return self.extract_cpu_seconds or 0.9 * self.extract_timeout * self.decode_threads


def settings_from(environ: Mapping[str, str]) -> Settings:
    """Raises SettingsError for a bad value and for a name that nearly is that of a setting."""
    names = {known.name.upper(): known for known in fields(Settings)}
    for name in environ:
        near = [] if name in names else difflib.get_close_matches(name, names, n=1, cutoff=0.9)
        if near:
            raise SettingsError(f"there is no setting {name}; did you mean {near[0]}?")
    settings = Settings(
        **{known.name: _parsed(name, known, environ[name]) for name, known in names.items() if name in environ}
    )
    if settings.environment == "production" and settings.processor_secret and is_known(settings.processor_secret):
        raise SettingsError(refusal("PROCESSOR_SECRET"))
    return settings


def describe() -> Iterator[tuple[str, str, str]]:
    """(name, default, what it means) of every setting."""
    for known in fields(Settings):
        default = known.default if known.default is not MISSING else ""
        shown = ",".join(default) if isinstance(default, tuple) else str(default)
        unit = f" In {known.metadata['unit']}." if "unit" in known.metadata else ""
        yield known.name.upper(), shown, known.metadata["about"] + unit


def read_settings() -> Settings:
    """From the environment of this process."""
    return settings_from(os.environ)


ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "VECLIB_MAXIMUM_THREADS": "1"}
"""For numpy's linear algebra, which reads it when it is first imported. OpenBLAS joins its threads before a fork, and
waits for ever when one of them is just at work: a service that merges while it starts a worker would stand still."""


def worker_environ() -> dict[str, str]:
    """What a worker process is given: no secret, no proxy; one thread for each linear algebra call."""
    kept = (
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "TMPDIR",
        "LD_LIBRARY_PATH",
        "DYLD_LIBRARY_PATH",
        "DYLD_FALLBACK_LIBRARY_PATH",
    )
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
        "PYTHONDONTWRITEBYTECODE": "1",
        **ONE_THREAD,
    }


def _parsed(name: str, known: Any, text: str) -> Any:
    default, limits = known.default, known.metadata
    if isinstance(default, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if isinstance(default, str):
        if "choices" in limits and text not in limits["choices"]:
            raise SettingsError(f"{name} must be one of {', '.join(limits['choices'])}, not {text!r}")
        return text
    kind = "a whole number" if isinstance(default, int) else "a number"
    try:
        value = type(default)(text)
    except ValueError as broken:
        raise SettingsError(f"{name} must be {kind}, not {text!r}") from broken
    if not limits["minimum"] <= value <= limits["maximum"]:
        raise SettingsError(f"{name} must lie between {limits['minimum']} and {limits['maximum']}, not {text}")
    return value
