"""What deploy/ says, read for the tests: the Procfile, the Dockerfile, compose, Fly.io, Railway, systemd."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SECRET = "0123456789abcdef0123456789abcdef"
SECRETS = ("R2_ACCESS_KEY", "R2_SECRET_KEY", "PROCESSOR_SECRET")


def procfile() -> dict[str, str]:
    """Process type -> command."""
    lines = [line for line in (ROOT / "Procfile").read_text().splitlines() if line.strip() and not line.startswith("#")]
    return {name.strip(): command.strip() for name, _, command in (line.partition(":") for line in lines)}


def program(command: str | list[str]) -> list[str]:
    """What a command runs, without where it listens, so that the same program compares equal everywhere."""
    words = shlex.split(command) if isinstance(command, str) else list(command)
    while words and (words[0] in ("exec", "env") or re.fullmatch(r"[A-Z_]+=.*", words[0])):
        words = words[1:]
    words[0] = Path(words[0]).name
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word in ("--host", "--port"):
            next(rest)
        elif not word.startswith(("--host=", "--port=")):
            kept.append(word)
    return kept


def option(command: str | list[str], name: str) -> str:
    words = shlex.split(command) if isinstance(command, str) else command
    return words[words.index(name) + 1]


@dataclass(frozen=True)
class Instruction:
    keyword: str
    argument: str

    def words(self) -> list[str]:
        return [word for word in shlex.split(self.argument) if not word.startswith("--")]


KEYWORDS = frozenset(
    {
        "ADD",
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "RUN",
        "SHELL",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    }
)


def parse_dockerfile(text: str) -> list[Instruction]:
    """Joins continued lines, drops comments; ValueError on what is no instruction."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    logical = re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()
    found = []
    for line in filter(str.strip, logical):
        keyword, _, argument = line.strip().partition(" ")
        if keyword not in KEYWORDS or not argument.strip():
            raise ValueError(f"not a Dockerfile instruction: {line!r}")
        found.append(Instruction(keyword, argument.strip()))
    if not found or found[0].keyword not in ("FROM", "ARG"):
        raise ValueError("a Dockerfile begins with FROM")
    return found


def dockerfile() -> list[Instruction]:
    return parse_dockerfile((DEPLOY / "Dockerfile").read_text())


def last_stage() -> list[Instruction]:
    instructions = dockerfile()
    begins = max(at for at, found in enumerate(instructions) if found.keyword == "FROM")
    return instructions[begins:]


def environment_file(path: Path) -> dict[str, str]:
    """NAME=value lines, as compose, systemd and Railway read them alike: no quotes, no expansion."""
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    found = {}
    for line in lines:
        name, equals, value = line.partition("=")
        if not equals or not re.fullmatch(r"[A-Z][A-Z0-9_]*", name) or name in found:
            raise ValueError(f"{path.name}: {line!r} is not a NAME=value of its own")
        found[name] = value
    return found


def filled(environ: Mapping[str, str]) -> dict[str, str]:
    """With the secrets that the operator is to write."""
    return {name: value or (SECRET if name in SECRETS else "") for name, value in environ.items()}


def interpolate(value: str, environ: Mapping[str, str]) -> str:
    """compose's ${NAME} and ${NAME:?why}."""

    def found(match: re.Match[str]) -> str:
        if not environ.get(match[1]):
            raise ValueError(match[2] or f"{match[1]} is not set")
        return environ[match[1]]

    return re.sub(r"\$\{([A-Z0-9_]+)(?::\?([^}]*))?\}", found, value)


def compose() -> dict[str, Any]:
    read = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert isinstance(read, dict)
    return read


def compose_environment(service: str) -> dict[str, str]:
    given = filled(environment_file(DEPLOY / ".env.example"))
    environ = compose()["services"][service].get("environment", {})
    return {name: interpolate(value, given) for name, value in environ.items()}


def fly(name: str) -> dict[str, Any]:
    return tomllib.loads((DEPLOY / name).read_text())


def fly_secrets() -> list[str]:
    """The names that fly.toml leaves to `fly secrets set`."""
    line = re.search(r"# By `fly secrets set`: (.*)", (DEPLOY / "fly.toml").read_text())
    assert line is not None
    return line[1].split()


def railway(name: str) -> dict[str, Any]:
    read = json.loads((DEPLOY / name).read_text())
    assert isinstance(read, dict)
    return read


def unit_files() -> list[Path]:
    return sorted([*(DEPLOY / "systemd").glob("*.service"), *(DEPLOY / "systemd").glob("*.target")])


class Unit(configparser.RawConfigParser):
    """A systemd unit. A key that stands twice, as is allowed there, keeps all its values, one a line."""

    def __init__(self, path: Path) -> None:
        super().__init__(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
        self.read_string(_joined(path.read_text()))

    def optionxform(self, optionstr: str) -> str:
        return optionstr

    def words(self, section: str, key: str) -> list[str]:
        return self.get(section, key, fallback="").split()


def _joined(text: str) -> str:
    section, values, order = "", {}, []  # type: tuple[str, dict[tuple[str, str], list[str]], list[tuple[str, str]]]
    for line in text.splitlines():
        if line.startswith("["):
            section = line
        elif line.strip() and not line.startswith("#"):
            key, equals, value = line.partition("=")
            if not equals or not re.fullmatch(r"[A-Za-z0-9]+", key):
                raise ValueError(f"not a line of a unit: {line!r}")
            if (section, key) not in values:
                order.append((section, key))
            values.setdefault((section, key), []).append(value)
    sections = dict.fromkeys(section for section, _ in order)
    return "\n".join(
        f"{section}\n"
        + "\n".join(f"{key}=" + "\n  ".join(values[owner, key]) for owner, key in order if owner == section)
        for section in sections
    )
