"""Settings and bindings as edge_api/wrangler.toml and the environment give them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from edge_api.env import Env, open_env
from edge_api.settings import WORKER_FOLDER, Settings, configuration, token_file
from tests.services import S3Server
from wrangler_compat import procfile
from wrangler_compat.errors import ConfigError
from wrangler_compat.plan import find_workers, make_plan


def test_defaults_are_those_of_the_design() -> None:
    settings = configuration({}).settings
    assert settings.max_file_size == 2 * 1024**3
    assert settings.allowed_formats == ("mp4", "webm", "mov")
    assert (settings.max_duration, settings.processor_url) == (3600, "http://127.0.0.1:8080")
    assert (settings.allowed_url_hosts, settings.processor_secret) == ((), None)


def test_the_environment_overrides() -> None:
    environ = {"MAX_FILE_SIZE": "1000", "ALLOWED_FORMATS": "webm, mov", "ALLOWED_URL_HOSTS": "a.internal"}
    settings = configuration(environ).settings
    assert settings.max_file_size == 1000
    assert settings.allowed_formats == ("webm", "mov")
    assert settings.allowed_url_hosts == ("a.internal",)


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"MAX_FILE_SIZE": "many"}, "MAX_FILE_SIZE"),
        ({"MAX_FILE_SIZE": "0"}, "MAX_FILE_SIZE"),
        ({"ALLOWED_FORMATS": "mp4,avi"}, "ALLOWED_FORMATS"),
        ({"ALLOWED_FORMATS": ","}, "ALLOWED_FORMATS"),
        ({"UPLOAD_PART_SIZE": "1000000"}, "UPLOAD_PART_SIZE"),
        ({"MAX_FILE_SIZE": str(10**12)}, "UPLOAD_PART_SIZE"),
        ({"MAX_FILE_SISE": "1000"}, "MAX_FILE_SIZE"),
        ({"PROCESSOR_SECRET": "short"}, "PROCESSOR_SECRET"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL"),
        ({"R2_ENDPOINT": "nowhere"}, "R2_ENDPOINT"),
    ],
)
def test_what_is_wrong_is_named(environ: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        configuration(environ)


def test_the_secret_is_not_shown() -> None:
    settings = configuration({"PROCESSOR_SECRET": "a long secret"}).settings
    assert "a long secret" not in repr(settings)


def test_every_var_is_a_setting() -> None:
    read = configuration({})
    names = {field.name.upper() for field in dataclasses.fields(Settings)}
    assert names - set(read.worker.vars) == {"PROCESSOR_SECRET"}
    assert set(read.worker.vars) <= names


def test_env_is_what_wrangler_toml_grants() -> None:
    worker = configuration({}).worker
    granted = [bucket.binding for bucket in worker.r2_buckets]
    granted += [database.binding for database in worker.d1_databases]
    granted += [producer.binding for producer in worker.queue_producers]
    granted += [limit.binding for limit in worker.ratelimits]
    granted += [slots.binding for slots in worker.slots]
    assert [field.name.upper() for field in dataclasses.fields(Env)] == granted
    assert not worker.vectorize
    assert not worker.services
    assert not worker.queue_consumers


async def test_the_real_bindings_open_and_answer(s3_server: S3Server, redis_url: str, tmp_path: Path) -> None:
    environ = {
        **s3_server.connections(s3_server.make_bucket()).to_environ(),
        "DATABASE_URL": f"sqlite:///{tmp_path}/twinreel.db",
        "REDIS_URL": redis_url,
    }
    async with open_env(configuration(environ))() as env:
        assert env.queue_of("high") is env.video_queue_high
        assert env.queue_of("normal") is env.video_queue
        assert env.queue_of("low") is env.video_queue_low
        for field in dataclasses.fields(Env):
            await getattr(env, field.name).ping()


def test_dev_s_plan_has_the_gateway_in_it() -> None:
    plan = make_plan(procfile.read(WORKER_FOLDER.parent / "Procfile"), find_workers(WORKER_FOLDER.parent, {}))
    (web,) = [app for app in plan.apps if app.name == "web"]
    assert (web.port, web.is_public, web.has_readyz) == (8787, True, True)
    assert "PROCESSOR_SECRET" in plan.secrets
    assert any(greet.startswith("python -m edge_api greet") for greet in plan.greets)


def test_where_the_dev_token_is_remembered() -> None:
    assert token_file({}) == Path(".twinreel/token")
    assert token_file({"TWINREEL_TOKEN_FILE": "/somewhere/token"}) == Path("/somewhere/token")
