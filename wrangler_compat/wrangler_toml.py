"""wrangler.toml and the environment, read once and checked: bindings, vars, and a worker's own Settings.

Each worker's folder has a wrangler.toml. Its [vars] hold the defaults of the worker's settings; the environment
overrides them. Everything that is wrong raises ConfigError with a sentence that says where and what to do.
"""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from wrangler_compat.errors import ConfigError

Var = str | int | float | bool


@dataclass(frozen=True, slots=True)
class R2BucketConfig:
    binding: str
    bucket_name: str


@dataclass(frozen=True, slots=True)
class D1DatabaseConfig:
    """migrations_dir: absolute; in the file it is relative to the wrangler.toml."""

    binding: str
    database_name: str
    database_id: str = ""
    migrations_dir: str = "migrations"
    migrations_table: str = "d1_migrations"


@dataclass(frozen=True, slots=True)
class QueueProducerConfig:
    """delivery_delay: seconds."""

    binding: str
    queue: str
    delivery_delay: float | None = None


@dataclass(frozen=True, slots=True)
class QueueConsumerConfig:
    """max_batch_timeout, retry_delay: seconds."""

    queue: str
    max_batch_size: int = 10
    max_batch_timeout: float = 5
    max_retries: int = 3
    dead_letter_queue: str | None = None
    max_concurrency: int | None = None
    retry_delay: float | None = None


@dataclass(frozen=True, slots=True)
class VectorizeConfig:
    """dimensions and metric are ours: Cloudflare keeps them with the index."""

    binding: str
    index_name: str
    dimensions: int = 64
    metric: str = "cosine"


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """The service's address is the var (or environment variable) named like the binding with _URL behind it."""

    binding: str
    service: str


@dataclass(frozen=True, slots=True)
class RateLimitConfig:
    """name: of the binding. limit: what each key may take in a period of so many seconds; in the file, in `simple`."""

    name: str
    namespace_id: str
    limit: int
    period: int

    @property
    def binding(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class SlotsConfig:
    """Ours. name: of the binding. limit: what each key may have at once. lease: seconds after which what nobody keeps
    is free again."""

    name: str
    namespace_id: str
    limit: int
    lease: int

    @property
    def binding(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """What one worker is granted. vars: the defaults of [vars], overridden by the environment."""

    path: Path
    name: str
    vars: Mapping[str, Var] = dataclasses.field(default_factory=dict)
    r2_buckets: tuple[R2BucketConfig, ...] = ()
    d1_databases: tuple[D1DatabaseConfig, ...] = ()
    queue_producers: tuple[QueueProducerConfig, ...] = ()
    queue_consumers: tuple[QueueConsumerConfig, ...] = ()
    vectorize: tuple[VectorizeConfig, ...] = ()
    services: tuple[ServiceConfig, ...] = ()
    ratelimits: tuple[RateLimitConfig, ...] = ()
    slots: tuple[SlotsConfig, ...] = ()
    dev: Mapping[str, Any] = dataclasses.field(default_factory=dict)


# https://developers.cloudflare.com/workers/wrangler/configuration/ : those that mean something here, and those that
# Cloudflare needs and we may pass over.
_TABLES = {
    "vars",
    "r2_buckets",
    "d1_databases",
    "queues",
    "vectorize",
    "services",
    "ratelimits",
    "slots",
    "dev",
    "name",
}
_PASSED_OVER = {
    "$schema",
    "account_id",
    "compatibility_date",
    "compatibility_flags",
    "limits",
    "logpush",
    "main",
    "observability",
    "placement",
    "preview_urls",
    "routes",
    "triggers",
    "workers_dev",
}
_PASSED_OVER_FIELDS = {"preview_bucket_name", "jurisdiction", "preview_database_id", "remote", "environment"}


def load_worker(folder: Path, environ: Mapping[str, str]) -> WorkerConfig:
    """Read <folder>/wrangler.toml. Raises ConfigError."""
    path = folder / "wrangler.toml"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist; every worker has its bindings declared there.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from error
    _refuse_unknown(document, _TABLES | _PASSED_OVER, f"{path}")
    if not isinstance(document.get("name"), str):
        raise ConfigError(f'{path} has no name; add name = "...".')
    queues = _table(document.get("queues", {}), f"{path} [queues]")
    _refuse_unknown(queues, {"producers", "consumers"}, f"{path} [queues]")
    config = WorkerConfig(
        path=path,
        name=document["name"],
        vars=_vars(_table(document.get("vars", {}), f"{path} [vars]"), environ, path),
        r2_buckets=_bindings(R2BucketConfig, document.get("r2_buckets", []), f"{path} [[r2_buckets]]"),
        d1_databases=tuple(
            dataclasses.replace(database, migrations_dir=str((folder / database.migrations_dir).resolve()))
            for database in _bindings(D1DatabaseConfig, document.get("d1_databases", []), f"{path} [[d1_databases]]")
        ),
        queue_producers=_bindings(QueueProducerConfig, queues.get("producers", []), f"{path} [[queues.producers]]"),
        queue_consumers=_bindings(QueueConsumerConfig, queues.get("consumers", []), f"{path} [[queues.consumers]]"),
        vectorize=_bindings(VectorizeConfig, document.get("vectorize", []), f"{path} [[vectorize]]"),
        services=_bindings(ServiceConfig, document.get("services", []), f"{path} [[services]]"),
        ratelimits=_bindings(
            RateLimitConfig, _without_simple(document.get("ratelimits", []), path), f"{path} [[ratelimits]]"
        ),
        slots=_bindings(SlotsConfig, document.get("slots", []), f"{path} [[slots]]"),
        dev=_table(document.get("dev", {}), f"{path} [dev]"),
    )
    _refuse_twice(config)
    return config


def parse(text: str, like: Var, name: str) -> Var:
    """The text of an environment variable, read as the type of `like`. Raises ConfigError."""
    if isinstance(like, bool):
        return _parse_bool(text, name)
    if isinstance(like, int):
        try:
            return int(text.strip())
        except ValueError:
            raise ConfigError(f"{name} must be a whole number, not {text!r}.") from None
    if isinstance(like, float):
        try:
            return float(text.strip())
        except ValueError:
            raise ConfigError(f"{name} must be a number, not {text!r}.") from None
    return text


def near_miss(name: str, known: Iterable[str]) -> str | None:
    """The known name that somebody who wrote `name` probably meant; None when it is one of them, or like none."""
    names = [candidate for candidate in known if candidate[0] == name[0]] if name else []
    if name in names:
        return None
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.85)
    return close[0] if close else None


def _parse_bool(text: str, name: str) -> bool:
    word = text.strip().lower()
    if word in {"true", "1", "yes", "on"}:
        return True
    if word in {"false", "0", "no", "off"}:
        return False
    raise ConfigError(f"{name} must be true or false, not {text!r}.")


def _vars(table: Mapping[str, Any], environ: Mapping[str, str], path: Path) -> dict[str, Var]:
    for name, value in table.items():
        if not isinstance(value, str | int | float | bool):
            raise ConfigError(f"{path} [vars] {name} must be a string, a number, true or false.")
        if name != name.upper():
            raise ConfigError(f"{path} [vars] {name} must be written in capitals: {name.upper()}.")
    return {name: parse(environ[name], value, name) if name in environ else value for name, value in table.items()}


_Binding = TypeVar("_Binding")


def _bindings(cls: type[_Binding], entries: object, where: str) -> tuple[_Binding, ...]:
    if not isinstance(entries, list):
        raise ConfigError(f"{where} must be a list of tables, written with double brackets.")
    return tuple(_binding(cls, _table(entry, where), where) for entry in entries)


def _without_simple(entries: object, path: Path) -> object:
    """Entries of [[ratelimits]] with the numbers of their `simple` table beside their names."""
    if not isinstance(entries, list):
        return entries
    where = f"{path} [[ratelimits]]"
    return [
        {**{key: value for key, value in entry.items() if key != "simple"}, **_table(entry.get("simple", {}), where)}
        for entry in (_table(entry, where) for entry in entries)
    ]


_FIELD_TYPES: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "str | None": (str,),
    "int": (int,),
    "int | None": (int,),
    "float": (int, float),
    "float | None": (int, float),
}


def _binding(cls: type[_Binding], entry: Mapping[str, Any], where: str) -> _Binding:
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    given = {name: value for name, value in entry.items() if name not in _PASSED_OVER_FIELDS}
    _refuse_unknown(given, fields, where)
    for name, field in fields.items():
        if name not in given:
            if field.default is dataclasses.MISSING:
                raise ConfigError(f"{where} has an entry without {name}; add it.")
        elif isinstance(given[name], bool) or not isinstance(given[name], _FIELD_TYPES[str(field.type)]):
            raise ConfigError(f"{where} {name} = {given[name]!r} has the wrong type; it must be {field.type}.")
    return cls(**given)


def _table(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where} must be a table.")
    return value


def _refuse_unknown(given: Iterable[str], known: Iterable[str], where: str) -> None:
    names = list(known)
    for name in given:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(names))}."
            raise ConfigError(f"{where} has an unknown name {name}; {hint}")


def _refuse_twice(config: WorkerConfig) -> None:
    groups: Sequence[Sequence[Any]] = (
        config.r2_buckets,
        config.d1_databases,
        config.queue_producers,
        config.vectorize,
        config.services,
        config.ratelimits,
        config.slots,
    )
    names = [entry.binding for group in groups for entry in group] + list(config.vars)
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{config.path} declares {name} twice; every binding and var needs its own name.")
