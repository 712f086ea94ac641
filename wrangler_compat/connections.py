"""Where the bindings' backends are, by URL. Read once from the environment; never shown with its secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from wrangler_compat.errors import ConfigError

_NAMES = {
    "r2_endpoint": "R2_ENDPOINT",
    "r2_access_key": "R2_ACCESS_KEY",
    "r2_secret_key": "R2_SECRET_KEY",
    "r2_bucket": "R2_BUCKET",
    "r2_region": "R2_REGION",
    "r2_metadata": "R2_METADATA",
    "database_url": "DATABASE_URL",
    "redis_url": "REDIS_URL",
    "chroma_url": "CHROMA_URL",
}
CONNECTION_NAMES = tuple(_NAMES.values())
_EXAMPLES = {
    "R2_ENDPOINT": "http://127.0.0.1:9000",
    "DATABASE_URL": "sqlite:////var/lib/twinreel/twinreel.db",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "CHROMA_URL": "http://127.0.0.1:8000",
}


@dataclass(frozen=True, slots=True)
class Connections:
    """Empty text: not set. r2_bucket, when set, replaces the bucket_name of the one bucket a worker declares.

    r2_metadata: "native", or "sidecar" for a store that forgets metadata when it restarts (rclone serve s3): the
    adapter then keeps it in a second bucket, named like the first with -metadata behind it.
    """

    r2_endpoint: str = ""
    r2_access_key: str = ""
    r2_secret_key: str = field(default="", repr=False)
    r2_bucket: str = ""
    r2_region: str = "auto"
    r2_metadata: str = "native"
    database_url: str = field(default="", repr=False)
    redis_url: str = field(default="", repr=False)
    chroma_url: str = ""

    def needed(self, name: str, binding: str) -> str:
        """The value of a connection (named as in the environment) that a binding cannot do without."""
        value = next(getattr(self, attribute) for attribute, known in _NAMES.items() if known == name)
        if not value:
            example = f", for example {_EXAMPLES[name]}" if name in _EXAMPLES else ""
            raise ConfigError(f"The binding {binding} needs {name}; set it in the environment{example}.")
        return str(value)

    @property
    def is_store_on_loopback(self) -> bool:
        """Whether R2 is a server that this machine alone can reach."""
        host = urlsplit(self.r2_endpoint).hostname or ""
        return host in ("localhost", "::1") or host.startswith("127.")

    def to_environ(self) -> dict[str, str]:
        """What a child process needs in its environment to read the same connections."""
        return {name: value for attribute, name in _NAMES.items() if (value := getattr(self, attribute))}


def connections_from(environ: Mapping[str, str]) -> Connections:
    """Read the connections that are set. Raises ConfigError on a URL that cannot be one."""
    found = Connections(**{attribute: environ[name] for attribute, name in _NAMES.items() if environ.get(name)})
    _check("R2_ENDPOINT", found.r2_endpoint, {"http", "https"})
    _check("CHROMA_URL", found.chroma_url, {"http", "https"})
    _check("REDIS_URL", found.redis_url, {"redis", "rediss", "unix"})
    if found.r2_metadata not in {"native", "sidecar"}:
        raise ConfigError(f"R2_METADATA must be native or sidecar, not {found.r2_metadata!r}.")
    if found.database_url:
        sqlite_path(found.database_url)
    return found


def sqlite_path(database_url: str) -> Path:
    """The file of sqlite:////absolute/path. Raises ConfigError on anything else."""
    scheme, _, rest = database_url.partition("://")
    path = Path(rest)
    if scheme != "sqlite" or not path.is_absolute() or rest in {"/", "//"}:
        raise ConfigError(
            f"DATABASE_URL must be sqlite:/// and an absolute path, such as {_EXAMPLES['DATABASE_URL']}; "
            f"its scheme is {scheme!r}."
        )
    return Path("/" + rest.lstrip("/"))


def _check(name: str, url: str, schemes: set[str]) -> None:
    if not url:
        return
    parts = urlsplit(url)
    if parts.scheme not in schemes or not (parts.netloc or parts.scheme == "unix"):
        wanted = " or ".join(sorted(schemes))
        raise ConfigError(f"{name} must be a URL with scheme {wanted}, for example {_EXAMPLES[name]}.")
