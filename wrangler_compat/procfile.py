"""Procfile: name and shell command of each process type. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from wrangler_compat.errors import ConfigError

_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(\S.*)")
# A command without these is one program.
_SHELL_WORK = re.compile(r"[;&|<>()`\n]")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_PLAIN_ASSIGNMENTS = re.compile(r"(?:[A-Za-z_]\w*=[^\s\"']*\s+)*")


def parse(text: str, path: Path) -> Mapping[str, str]:
    """Process type -> command, in the order of the lines. Raises ConfigError."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise ConfigError(f"{path} line {number} is not `name: command`: {line!r}.")
        if match[1] in found:
            raise ConfigError(f"{path} line {number} has a second {match[1]}; each process type has one line.")
        found[match[1]] = match[2]
    return found


def read(path: Path) -> Mapping[str, str]:
    """Raises ConfigError when there is no such file, or a line is wrong."""
    try:
        return parse(path.read_text(encoding="utf-8"), path)
    except FileNotFoundError:
        raise ConfigError(f"There is no {path}; run this where the Procfile is, or name the folder.") from None


def argv(command: str) -> tuple[str, ...]:
    """How to run a command line: by a shell that the program replaces, so that signals reach it."""
    if is_shell_work(command):
        return ("/bin/sh", "-c", command)
    assignments, program = _split(command)
    return ("/bin/sh", "-c", f"{assignments}exec {program}")


def is_shell_work(command: str) -> bool:
    """Whether the command is more than one program, so that a shell has to stay."""
    return bool(_SHELL_WORK.search(command)) or bool(_ASSIGNMENT.match(_split(command)[1]))


def _split(command: str) -> tuple[str, str]:
    """The plain assignments in front of a command, and the rest."""
    match = _PLAIN_ASSIGNMENTS.match(command)
    end = match.end() if match else 0
    return command[:end], command[end:]
