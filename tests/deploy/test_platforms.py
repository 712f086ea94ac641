"""Fly.io and Railway: the database on one machine, the processor apart, health and stopping as the services need."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.deploy import files, known
from tests.deploy.deployments import together
from tests.deploy.files import DEPLOY, ROOT

APP = files.fly("fly.toml")
PROCESSOR = files.fly("fly.processor.toml")
TOP_LEVEL = {
    "app",
    "build",
    "checks",
    "deploy",
    "env",
    "http_service",
    "kill_signal",
    "kill_timeout",
    "mounts",
    "primary_region",
    "processes",
    "vm",
}
apps = pytest.mark.parametrize("config", [APP, PROCESSOR], ids=["app", "processor"])


def seconds(text: str) -> int:
    assert text.endswith("s")
    return int(text[:-1])


@apps
def test_fly_knows_every_table(config: dict[str, Any]) -> None:
    assert set(config) <= TOP_LEVEL


@apps
def test_fly_builds_our_dockerfile(config: dict[str, Any]) -> None:
    """flyctl takes this path from the folder of the fly.toml."""
    assert (DEPLOY / config["build"]["dockerfile"]).is_file()


@apps
def test_every_group_that_fly_names_is_a_process(config: dict[str, Any]) -> None:
    named = [*config.get("mounts", []), *config["vm"], *config["checks"].values()]
    if "http_service" in config:
        named.append(config["http_service"])
    groups = {group for table in named for group in table["processes"]}
    assert groups == set(config["processes"])


@apps
def test_fly_stops_gracefully(config: dict[str, Any]) -> None:
    assert config["kill_signal"] == "SIGTERM"
    if config is APP:
        assert seconds(config["kill_timeout"]) > known.shutdown_grace_seconds()


def test_on_fly_web_and_worker_share_the_machine_with_the_database() -> None:
    types = together(APP["processes"]["app"])
    assert types == ["release", "web", "worker"]
    (mount,) = [mount for mount in APP["mounts"] if "app" in mount["processes"]]
    assert APP["env"]["DATABASE_URL"].startswith(f"sqlite:///{mount['destination']}/")


def test_fly_runs_no_release_command_for_it_would_not_see_the_volume() -> None:
    assert "release_command" not in APP["deploy"]


def test_fly_publishes_the_gateway_alone_and_never_stops_it() -> None:
    service = APP["http_service"]
    assert service["processes"] == ["app"]
    assert str(service["internal_port"]) == APP["env"]["PORT"]
    assert service["force_https"] is True
    assert service["auto_stop_machines"] == "off"
    assert service["min_machines_running"] == 1
    assert [check["path"] for check in service["checks"]] == ["/readyz"]
    assert "http_service" not in PROCESSOR


@pytest.mark.parametrize(
    ("config", "name", "path", "port"),
    [
        (APP, "worker", "/readyz", APP["env"]["METRICS_PORT"]),
        (APP, "chroma", "/api/v2/heartbeat", files.option(APP["processes"]["chroma"], "--port")),
        (PROCESSOR, "processor", "/readyz", PROCESSOR["env"]["PORT"]),
    ],
    ids=["worker", "chroma", "processor"],
)
def test_fly_checks_where_the_service_listens(config: dict[str, Any], name: str, path: str, port: str) -> None:
    check = config["checks"][name]
    assert (check["path"], str(check["port"]), check["type"]) == (path, port, "http")


def test_on_fly_urls_name_our_own_machines() -> None:
    chroma, processor = urlsplit(APP["env"]["CHROMA_URL"]), urlsplit(APP["env"]["PROCESSOR_URL"])
    assert chroma.hostname == f"chroma.process.{APP['app']}.internal"
    assert str(chroma.port) == files.option(APP["processes"]["chroma"], "--port")
    assert processor.hostname == f"{PROCESSOR['app']}.internal"
    assert str(processor.port) == PROCESSOR["env"]["PORT"]


def test_on_fly_what_others_call_listens_on_the_private_network() -> None:
    """Which is IPv6."""
    assert PROCESSOR["env"]["HOST"] == "::"
    assert files.option(APP["processes"]["chroma"], "--host") == "::"


def test_flys_secrets_are_in_no_file() -> None:
    assert set(files.fly_secrets()) & set(APP["env"]) == set()
    assert set(PROCESSOR["env"]) == {"HOST", "PORT", "SLOTS"}


services = pytest.mark.parametrize(
    ("name", "health"),
    [
        ("railway.json", "/readyz"),
        ("railway.processor.json", "/readyz"),
        ("railway.chroma.json", "/api/v2/heartbeat"),
    ],
)


@services
def test_railway_builds_our_dockerfile_and_asks_whether_it_is_ready(name: str, health: str) -> None:
    """Railway takes this path from the root of the repository."""
    config = files.railway(name)
    assert config["build"] == {"builder": "DOCKERFILE", "dockerfilePath": "deploy/Dockerfile"}
    assert (ROOT / config["build"]["dockerfilePath"]).is_file()
    assert config["deploy"]["healthcheckPath"] == health
    assert config["deploy"]["restartPolicyType"] == "ALWAYS"


@services
def test_railway_runs_no_command_before_the_deployment_for_it_would_not_see_the_volume(name: str, health: str) -> None:
    deploy = files.railway(name)["deploy"]
    assert "preDeployCommand" not in deploy
    assert deploy.get("requiredMountPath", "/data") == "/data"
    assert ("numReplicas" in deploy) == ("requiredMountPath" in deploy)


def test_on_railway_web_and_worker_share_the_service_with_the_volume() -> None:
    deploy = files.railway("railway.json")["deploy"]
    environ = files.environment_file(DEPLOY / "railway.env.example")
    assert together(deploy["startCommand"]) == ["release", "web", "worker"]
    assert deploy["numReplicas"] == 1
    assert deploy["overlapSeconds"] == 0
    assert deploy["drainingSeconds"] > known.shutdown_grace_seconds()
    assert environ["DATABASE_URL"].startswith(f"sqlite:///{deploy['requiredMountPath']}/")


def test_on_railway_urls_have_the_ports_of_the_services() -> None:
    app = files.environment_file(DEPLOY / "railway.env.example")
    processor = files.environment_file(DEPLOY / "railway.processor.env.example")
    assert str(urlsplit(app["PROCESSOR_URL"]).port) == processor["PORT"]
    assert urlsplit(app["PROCESSOR_URL"]).hostname == "processor.railway.internal"
    assert processor["HOST"] == "::"
    chroma = files.railway("railway.chroma.json")["deploy"]["startCommand"]
    assert str(urlsplit(app["CHROMA_URL"]).port) == files.option(chroma, "--port")
    assert files.option(chroma, "--host") == "::"


def test_chroma_is_started_alike_everywhere() -> None:
    commands = [
        APP["processes"]["chroma"],
        files.railway("railway.chroma.json")["deploy"]["startCommand"],
        files.compose()["services"]["chroma"]["command"],
    ]
    assert {tuple(files.program(command)) for command in commands} == {("chroma", "run", "--path", "/data")}


def test_the_examples_of_railway_hold_no_secret() -> None:
    app = files.environment_file(DEPLOY / "railway.env.example")
    assert {name for name, value in app.items() if not value} == set(files.SECRETS)


@pytest.mark.parametrize("name", ["fly.toml", "railway.json", "railway.env.example", "compose.yaml"])
def test_no_file_holds_what_looks_like_a_key(name: str) -> None:
    assert re.findall(r"\b[A-Za-z0-9+/]{32,}\b", (DEPLOY / name).read_text()) == []
