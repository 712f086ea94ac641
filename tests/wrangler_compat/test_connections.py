from __future__ import annotations

from pathlib import Path

import pytest

from wrangler_compat.connections import CONNECTION_NAMES, Connections, connections_from, sqlite_path
from wrangler_compat.errors import ConfigError

WHOLE = {
    "R2_ENDPOINT": "http://127.0.0.1:9000",
    "R2_ACCESS_KEY": "the-access-key",
    "R2_SECRET_KEY": "the-secret-key",
    "R2_BUCKET": "videos",
    "R2_REGION": "eu",
    "R2_METADATA": "sidecar",
    "DATABASE_URL": "sqlite:////data/twinreel.db",
    "REDIS_URL": "redis://:the-password@127.0.0.1:6379/0",
    "CHROMA_URL": "http://127.0.0.1:8000",
}


def test_everything_is_read_and_written_again() -> None:
    connections = connections_from({**WHOLE, "OTHER": "x"})
    assert connections.to_environ() == WHOLE
    assert connections_from(connections.to_environ()) == connections
    assert set(WHOLE) == set(CONNECTION_NAMES)


def test_secrets_are_not_shown() -> None:
    shown = repr(connections_from(WHOLE))
    assert "the-secret-key" not in shown
    assert "the-password" not in shown


def test_what_is_not_set() -> None:
    connections = connections_from({"R2_REGION": ""})
    assert connections == Connections()
    assert (connections.r2_region, connections.r2_metadata) == ("auto", "native")
    with pytest.raises(ConfigError, match=r"binding DB needs DATABASE_URL; set it .* for example sqlite:////"):
        connections.needed("DATABASE_URL", "DB")
    with pytest.raises(ConfigError, match="needs R2_SECRET_KEY; set it in the environment"):
        connections.needed("R2_SECRET_KEY", "VIDEO_BUCKET")
    assert connections_from(WHOLE).needed("REDIS_URL", "Q") == WHOLE["REDIS_URL"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("R2_ENDPOINT", "127.0.0.1:9000"),
        ("R2_ENDPOINT", "ftp://host"),
        ("CHROMA_URL", "http://"),
        ("REDIS_URL", "http://127.0.0.1"),
        ("DATABASE_URL", "postgres://host/db"),
        ("DATABASE_URL", "sqlite://relative.db"),
        ("DATABASE_URL", "/data/twinreel.db"),
        ("DATABASE_URL", "sqlite:///"),
        ("R2_METADATA", "somewhere"),
    ],
)
def test_urls_that_cannot_be(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} must be"):
        connections_from({name: value})


def test_a_password_in_a_database_url_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        connections_from({"DATABASE_URL": "postgres://user:hush@host/db"})
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite:///data/twinreel.db", "sqlite:////data/twinreel.db"])
def test_sqlite_path(url: str) -> None:
    assert sqlite_path(url) == Path("/data/twinreel.db")


@pytest.mark.parametrize("url", ["redis://h", "rediss://h:1/0", "unix:///run/redis.sock"])
def test_redis_urls(url: str) -> None:
    assert connections_from({"REDIS_URL": url}).redis_url == url
