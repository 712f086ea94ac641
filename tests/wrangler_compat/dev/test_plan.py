"""Procfile and wrangler.toml together: what is started, in which order, on which ports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wrangler_compat import procfile
from wrangler_compat.config import QueueProducerConfig, R2BucketConfig, ServiceConfig, WorkerConfig
from wrangler_compat.errors import ConfigError
from wrangler_compat.plan import App, find_workers, make_plan

ROOT = Path(__file__).parents[3]
LINES = {"release": "migrate", "web": "serve", "worker": "work", "service": "help"}


def worker(name: str, **fields: Any) -> WorkerConfig:
    return WorkerConfig(path=Path(name) / "wrangler.toml", name=name, **fields)


EDGE = worker(
    "edge",
    dev={"process": "web", "port": 8787, "check": "check it", "greet": "hello", "secrets": ["KEY"]},
    r2_buckets=(R2BucketConfig("B", "bucket"),),
    queue_producers=(QueueProducerConfig("Q", "q"),),
)
CONSUMER = worker(
    "consumer",
    dev={"process": "worker", "port_variable": "METRICS_PORT", "secrets": ["KEY", "OTHER"]},
    vars={"METRICS_PORT": 9091, "SERVICE_URL": "http://127.0.0.1:8080"},
    services=(ServiceConfig("SERVICE", "service"),),
    r2_buckets=(R2BucketConfig("B", "bucket"), R2BucketConfig("C", "second")),
)


def test_a_plan() -> None:
    plan = make_plan(LINES, [EDGE, CONSUMER])
    assert plan.release == "migrate"
    assert plan.apps == (
        App("service", "help", 8080, url_variables=("SERVICE_URL",), is_service=True, has_readyz=True),
        App("worker", "work", 9091, port_variable="METRICS_PORT", has_readyz=True),
        App("web", "serve", 8787, is_public=True, has_readyz=True),
    )
    assert plan.checks == ("check it",)
    assert plan.greets == ("hello",)
    assert plan.secrets == ("KEY", "OTHER")
    assert plan.buckets == ("bucket", "second")


def test_services_come_first_wherever_their_line_stands() -> None:
    lines = {"service": "help", "web": "serve", "worker": "work"}
    assert [app.name for app in make_plan(lines, [EDGE, CONSUMER]).apps] == ["service", "worker", "web"]


def test_another_public_port() -> None:
    [public] = [app for app in make_plan(LINES, [EDGE, CONSUMER], port=9999).apps if app.is_public]
    assert public.port == 9999


def test_a_line_that_nobody_declares_is_started_too() -> None:
    plan = make_plan({"clock": "tick"}, [worker("x")])
    assert plan.apps == (App("clock", "tick"),)
    assert plan.release is None


def test_what_every_process_finds_in_its_environment() -> None:
    workers = [worker("a", dev={"vars": {"MODE": "easy", "LIMIT": 5}}), worker("b", dev={"vars": {"STRICT": False}})]
    assert make_plan({}, workers).vars == {"MODE": "easy", "LIMIT": "5", "STRICT": "false"}


def test_a_worker_without_a_port() -> None:
    plan = make_plan({"quiet": "run"}, [worker("x", dev={"process": "quiet"})])
    assert plan.apps == (App("quiet", "run"),)


@pytest.mark.parametrize(
    ("dev", "message"),
    [
        ({"proces": "web"}, "unknown name proces"),
        ({"process": "wbe"}, "no line of the Procfile"),
        ({"process": 3}, "wrong type"),
        ({"port": "8787"}, "wrong type"),
        ({"port": True}, "wrong type"),
        ({"port": 0}, "wrong type"),
        ({"port": 65536}, "wrong type"),
        ({"secrets": "KEY"}, "wrong type"),
        ({"secrets": [""]}, "wrong type"),
        ({"vars": ["A"]}, "wrong type"),
        ({"vars": {"A": ["x"]}}, "wrong type"),
        ({"greet": ""}, "wrong type"),
        ({"process": "web", "port_variable": "NO_SUCH"}, "no whole number"),
    ],
)
def test_a_wrong_dev_table(dev: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_plan(LINES, [worker("x", dev=dev)])


def test_no_wrangler_toml(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no wrangler\.toml"):
        find_workers(tmp_path, {})


def test_the_projects_own_plan() -> None:
    plan = make_plan(procfile.read(ROOT / "Procfile"), find_workers(ROOT, {}))
    assert [app.name for app in plan.apps] == ["processor", "worker", "web"]
    assert [app.port for app in plan.apps] == [8080, 9091, 8787]
    assert all(app.has_readyz for app in plan.apps)
    assert plan.apps[0].url_variables == ("PROCESSOR_URL",)
    assert plan.buckets == ("twinreel-videos",)
    assert plan.secrets == ("PROCESSOR_SECRET",)
    assert plan.release is not None
