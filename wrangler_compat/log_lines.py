"""One line of a structured log: read, matched against a filter, made readable. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wrangler_compat.logs import LEVELS

_SHOWN_BY_ITSELF = {"timestamp", "level", "service", "event", "exception", "logger"}


@dataclass(frozen=True, slots=True)
class LogLine:
    """fields: of a line of JSON; of another line only service (the log's name) and event (the line). log: its name."""

    text: str
    fields: Mapping[str, Any]
    log: str = ""

    @property
    def timestamp(self) -> str:
        return str(self.fields.get("timestamp", ""))


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What a line must be; what is empty is not asked.

    services: by their own names or those of their logs. level: this one or a graver one. status: an HTTP status, 4xx or
    5xx, or a status in words. fields: each must be there with this value.
    """

    services: frozenset[str] = frozenset()
    level: str = ""
    status: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)

    def matches(self, line: LogLine) -> bool:
        found = line.fields
        if self.services and not {str(found.get("service")), line.log} & self.services:
            return False
        if self.level and _rank(str(found.get("level", "info"))) < _rank(self.level):
            return False
        if self.status and not _has_status(str(found.get("status", "")), self.status):
            return False
        return all(str(found.get(name)) == value for name, value in self.fields.items())


def read(text: str, log: str) -> LogLine:
    """log: the name of the log, which is the service of lines that do not say one."""
    text = text.rstrip("\n")
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return LogLine(text, {"service": log, "event": text}, log)
    return LogLine(text, {"service": log, **found}, log)


def pretty(line: LogLine) -> str:
    """Time, service, level, event, then the other fields; an exception below."""
    found = line.fields
    time = line.timestamp[11:23].ljust(12)
    level = str(found.get("level", "")).ljust(8)
    rest = " ".join(f"{name}={_plain(value)}" for name, value in found.items() if name not in _SHOWN_BY_ITSELF)
    head = f"{time} {str(found.get('service', '')).ljust(10)} {level} {found.get('event', '')} {rest}".rstrip()
    return f"{head}\n{_exception(found['exception'])}" if found.get("exception") else head


def _rank(level: str) -> int:
    return LEVELS.index(level.lower()) if level.lower() in LEVELS else LEVELS.index("info")


def _has_status(status: str, wanted: str) -> bool:
    if re.fullmatch(r"[1-5]xx", wanted):
        return re.fullmatch(rf"{wanted[0]}\d\d", status) is not None
    return status == wanted


def _plain(value: Any) -> str:
    return value if isinstance(value, str) and value and " " not in value else json.dumps(value, ensure_ascii=False)


def _exception(found: Any) -> str:
    if not isinstance(found, list):
        return "    " + str(found).strip().replace("\n", "\n    ")
    lines = []
    for raised in found:
        lines.append(f"    {raised.get('exc_type')}: {raised.get('exc_value')}")
        frames = (raised.get("frames") or [])[-3:]
        lines += [f"      {frame.get('filename')}:{frame.get('lineno')} in {frame.get('name')}" for frame in frames]
    return "\n".join(lines)
