"""deploy/systemd: units that name each other rightly, keep to their own folders, and come back when they end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.deploy import files, known
from tests.deploy.files import DEPLOY, SECRETS, Unit, unit_files

FOLDER = DEPLOY / "systemd"
UNITS = {path.name: Unit(path) for path in unit_files()}
SERVICES = [name for name in UNITS if name.endswith(".service")]
LASTING = [name for name in SERVICES if name != "twinreel-release.service"]
HARDENING = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "RestrictSUIDSGID": "yes",
    "RestrictNamespaces": "yes",
    "CapabilityBoundingSet": "",
    "SystemCallFilter": "@system-service",
}
every_service = pytest.mark.parametrize("name", SERVICES)
REFERENCES = ("Wants", "Requires", "After", "Before", "PartOf")


def test_all_parts_are_there() -> None:
    parts = {"web", "worker", "processor", "release", "s3", "redis", "chroma"}
    assert set(UNITS) == {f"twinreel-{part}.service" for part in parts} | {
        "twinreel.target",
        "twinreel-embedded.target",
    }


@pytest.mark.parametrize("name", UNITS)
def test_units_name_units_that_exist(name: str) -> None:
    named = {word for key in REFERENCES for word in UNITS[name].words("Unit", key)}
    assert {word for word in named if word.startswith("twinreel")} <= set(UNITS)
    assert {word for word in named if not word.startswith("twinreel")} <= {"network-online.target"}


@pytest.mark.parametrize(
    ("target", "parts"),
    [("twinreel", ("web", "worker", "processor")), ("twinreel-embedded", ("s3", "redis", "chroma"))],
)
def test_a_target_starts_and_stops_its_services(target: str, parts: tuple[str, ...]) -> None:
    wanted = {f"twinreel-{part}.service" for part in parts}
    assert wanted <= set(UNITS[f"{target}.target"].words("Unit", "Wants"))
    for name in wanted:
        assert UNITS[name].words("Unit", "PartOf") == [f"{target}.target"]
        assert UNITS[name].words("Install", "WantedBy") == [f"{target}.target"]


@every_service
def test_services_are_hardened(name: str) -> None:
    section = dict(UNITS[name].items("Service"))
    assert {key: section.get(key) for key in HARDENING} == HARDENING


@every_service
def test_no_service_runs_as_root(name: str) -> None:
    unit = UNITS[name]
    assert unit.get("Service", "User", fallback="") == "twinreel" or unit.get("Service", "DynamicUser") == "yes"


@pytest.mark.parametrize("name", LASTING)
def test_lasting_services_come_back_and_are_bounded(name: str) -> None:
    assert UNITS[name].get("Service", "Restart") == "always"
    assert re.fullmatch(r"\d+[MG]", UNITS[name].get("Service", "MemoryMax"))


@pytest.mark.parametrize("name", ["twinreel-web.service", "twinreel-worker.service"])
def test_web_and_worker_need_the_migrations_first(name: str) -> None:
    assert UNITS[name].words("Unit", "Requires") == ["twinreel-release.service"]
    assert "twinreel-release.service" in UNITS[name].words("Unit", "After")


def test_the_migrations_run_once_for_each_start_of_the_target() -> None:
    unit = UNITS["twinreel-release.service"]
    assert unit.get("Service", "Type") == "oneshot"
    assert unit.get("Service", "RemainAfterExit") == "yes"
    assert unit.words("Unit", "PartOf") == ["twinreel.target"]


def test_the_processor_has_no_credentials_nothing_to_write_and_no_network_but_loopback() -> None:
    unit = UNITS["twinreel-processor.service"]
    assert unit.get("Service", "DynamicUser") == "yes"
    assert unit.get("Service", "EnvironmentFile") == "/etc/twinreel/processor.env"
    assert "/etc/twinreel" in unit.words("Service", "InaccessiblePaths")
    assert not unit.has_option("Service", "StateDirectory")
    assert not unit.has_option("Service", "ReadWritePaths")
    assert unit.get("Service", "IPAddressDeny") == "any"
    assert unit.get("Service", "IPAddressAllow") == "localhost"
    assert int(unit.get("Service", "TasksMax")) > 0


def test_the_worker_is_given_time_to_finish() -> None:
    assert int(UNITS["twinreel-worker.service"].get("Service", "TimeoutStopSec")) > known.shutdown_grace_seconds()


@pytest.mark.parametrize("part", ["s3", "redis", "chroma"])
def test_each_store_writes_to_its_own_folder_and_listens_on_loopback(part: str) -> None:
    unit = UNITS[f"twinreel-{part}.service"]
    command = unit.get("Service", "ExecStart")
    assert unit.get("Service", "StateDirectory") == f"twinreel/{part}"
    assert set(re.findall(r"/var/lib/twinreel/\w+", command)) == {f"/var/lib/twinreel/{part}"}
    assert "127.0.0.1" in command
    assert "0.0.0.0" not in command


def test_the_database_lies_where_web_worker_and_release_may_write() -> None:
    environ = files.environment_file(FOLDER / "twinreel.env.example")
    for name in ("web", "worker", "release"):
        assert UNITS[f"twinreel-{name}.service"].get("Service", "StateDirectory") == "twinreel/d1"
    assert environ["DATABASE_URL"] == "sqlite:////var/lib/twinreel/d1/twinreel.db"


@pytest.mark.parametrize(
    ("part", "variable"), [("s3", "R2_ENDPOINT"), ("redis", "REDIS_URL"), ("chroma", "CHROMA_URL")]
)
def test_the_example_names_each_store_by_the_port_it_has(part: str, variable: str) -> None:
    command = UNITS[f"twinreel-{part}.service"].get("Service", "ExecStart")
    port = re.search(r"127\.0\.0\.1:(\d+)|--port (\d+)", command)
    assert port is not None
    url = files.environment_file(FOLDER / "twinreel.env.example")[variable]
    assert f"127.0.0.1:{port[1] or port[2]}" in url


def test_the_example_names_the_processor_by_the_port_it_has() -> None:
    environ = files.environment_file(FOLDER / "twinreel.env.example")
    processor = files.environment_file(FOLDER / "processor.env.example")
    assert environ["PROCESSOR_URL"] == f"http://{processor['HOST']}:{processor['PORT']}"
    assert processor["SOURCE_HOSTS"] in environ["R2_ENDPOINT"]


def test_the_example_leaves_the_secrets_empty() -> None:
    environ = files.environment_file(FOLDER / "twinreel.env.example")
    assert {name for name, value in environ.items() if not value} == set(SECRETS)


def test_no_secret_is_an_argument() -> None:
    """Arguments can be read by every user of the machine; the shell that builds the variable execs rclone."""
    command = UNITS["twinreel-s3.service"].get("Service", "ExecStart")
    assert "--auth-key" not in command
    assert 'RCLONE_AUTH_KEY="\\\\"$$R2_ACCESS_KEY,$$R2_SECRET_KEY\\\\"" exec ' in command


def test_the_s3_server_has_the_bucket_and_the_sidecar() -> None:
    environ = files.environment_file(FOLDER / "twinreel.env.example")
    before = UNITS["twinreel-s3.service"].get("Service", "ExecStartPre")
    assert f"s3/{environ['R2_BUCKET']} " in before
    assert f"s3/{environ['R2_BUCKET']}-metadata" in before
    assert environ["R2_METADATA"] == "sidecar"


@pytest.mark.parametrize("text", ["[Service]\nExecStart", "[Service]\nExec Start=/bin/true"])
def test_the_parser_refuses_what_systemd_would(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.service"
    path.write_text(text)
    with pytest.raises(ValueError, match="not a line of a unit"):
        Unit(path)
