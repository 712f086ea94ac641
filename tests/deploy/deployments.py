"""Every way of running that deploy/ offers, as the same kind of thing: a command and its environment."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from tests.deploy import files
from tests.deploy.files import DEPLOY, SECRET, Unit

FLY_SECRETS = {
    "R2_ENDPOINT": "https://fly.storage.tigris.dev",
    "R2_ACCESS_KEY": SECRET,
    "R2_SECRET_KEY": SECRET,
    "R2_BUCKET": "twinreel",
    "REDIS_URL": "redis://default:word@fly-twinreel.upstash.io:6379",
    "PROCESSOR_SECRET": SECRET,
}


@dataclass(frozen=True)
class Start:
    """One process type in one way of running. shares: the other types that have the same environment."""

    where: str
    process_type: str
    command: list[str]
    environ: dict[str, str]
    shares: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.where}-{self.process_type}"


def starts() -> list[Start]:
    return [*_compose(), *_fly(), *_railway(), *_systemd()]


def together(command: str) -> list[str]:
    """The process types that deploy/together.sh is told to run."""
    script, *types = shlex.split(command)
    assert script == "deploy/together.sh"
    return types


def _compose() -> list[Start]:
    services = files.compose()["services"]
    return [
        Start("compose", name, services[name]["command"], files.compose_environment(name))
        for name in ("web", "worker", "processor", "release")
    ]


def _fly() -> list[Start]:
    app, processor = files.fly("fly.toml"), files.fly("fly.processor.toml")
    assert set(files.fly_secrets()) == set(FLY_SECRETS)
    return [
        *_of_together("fly", app["processes"]["app"], app["env"] | FLY_SECRETS),
        Start("fly", "processor", shlex.split(processor["processes"]["processor"]), processor["env"]),
    ]


def _railway() -> list[Start]:
    app, processor = files.railway("railway.json"), files.railway("railway.processor.json")
    environ = files.filled(files.environment_file(DEPLOY / "railway.env.example"))
    # Railway puts the values of other services in the place of ${{Service.NAME}}.
    environ["REDIS_URL"] = environ["REDIS_URL"].replace("${{Redis.REDIS_URL}}", "redis://redis.railway.internal:6379")
    return [
        *_of_together("railway", app["deploy"]["startCommand"], environ),
        Start(
            "railway",
            "processor",
            shlex.split(processor["deploy"]["startCommand"]),
            files.environment_file(DEPLOY / "railway.processor.env.example"),
        ),
    ]


def _of_together(where: str, command: str, environ: dict[str, str]) -> list[Start]:
    types = together(command)
    return [Start(where, name, shlex.split(files.procfile()[name]), environ, tuple(types)) for name in types]


def _systemd() -> list[Start]:
    found = []
    for name in ("web", "worker", "processor", "release"):
        unit = Unit(DEPLOY / "systemd" / f"twinreel-{name}.service")
        source = Path(unit.get("Service", "EnvironmentFile")).name
        environ = files.filled(files.environment_file(DEPLOY / "systemd" / f"{source}.example"))
        shares = ("web", "worker", "release") if source == "twinreel.env" else ()
        found.append(Start("systemd", name, shlex.split(unit.get("Service", "ExecStart")), environ, shares))
    return found
