"""A worker's settings as one frozen dataclass: each defined once, checked on start, printable for docs and --help.

    @dataclass(frozen=True)
    class Settings:
        max_file_size: int = setting("Largest upload.", unit="bytes", minimum=1)
        processor_secret: str = setting("What the processor shows on its callback.", secret=True)

The default of max_file_size is MAX_FILE_SIZE in the worker's wrangler.toml. A secret comes from the environment only.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from wrangler_compat.errors import ConfigError
from wrangler_compat.wrangler_toml import Var, WorkerConfig, near_miss, parse

_KEY = "wrangler_compat.setting"
_LIKE: Mapping[object, Var] = {str: "", int: 0, float: 0.0, bool: False}


@dataclass(frozen=True, slots=True)
class SettingDescription:
    """name: of the environment variable. type: str, int, float, bool, or list (comma-separated text)."""

    name: str
    type: str
    description: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    secret: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class _Setting:
    description: str
    unit: str
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]
    secret: bool
    optional: bool


def setting(
    description: str,
    *,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    secret: bool = False,
    optional: bool = False,
) -> Any:
    """A field of a Settings class. secret: from the environment only, never shown. optional: None when unset."""
    about = _Setting(description, unit, minimum, maximum, choices, secret, optional)
    default: Any = None if optional else dataclasses.MISSING
    return dataclasses.field(default=default, repr=not secret, kw_only=True, metadata={_KEY: about})


Settings = TypeVar("Settings")


def settings_from(
    cls: type[Settings],
    config: WorkerConfig,
    environ: Mapping[str, str],
    *,
    also_known: Iterable[str] = (),
) -> Settings:
    """Build the worker's settings. also_known: names of other programs that look like ours and are none of them.

    Raises ConfigError on a [vars] name without a field, a field without a default, a value that is out of its
    bounds, and an environment variable that looks like a misspelt setting.
    """
    hints = typing.get_type_hints(cls)
    known = {_variable(field.name): field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    _refuse_unknown_vars(config, known)
    _refuse_misspelt(environ, [*known, *config.vars], set(also_known))
    values = {field.name: _value(field, hints[field.name], config, environ) for field in known.values()}
    return cls(**values)


def describe_settings(cls: type[Any]) -> list[SettingDescription]:
    """Every setting of a Settings class, in the order of its fields."""
    hints = typing.get_type_hints(cls)
    return [_description(field, hints[field.name]) for field in dataclasses.fields(cls)]


def _description(field: dataclasses.Field[Any], hint: object) -> SettingDescription:
    about = _about(field)
    kind = _plain(hint)
    return SettingDescription(
        name=_variable(field.name),
        type="list" if kind is tuple else cast(type, kind).__name__,
        description=about.description,
        unit=about.unit,
        minimum=about.minimum,
        maximum=about.maximum,
        choices=about.choices,
        secret=about.secret,
        optional=about.optional,
    )


def _value(field: dataclasses.Field[Any], hint: object, config: WorkerConfig, environ: Mapping[str, str]) -> Any:
    name, about, kind = _variable(field.name), _about(field), _plain(hint)
    like: Var = "" if kind is tuple else _LIKE[kind]
    if about.secret and name in config.vars:
        raise ConfigError(f"{name} is a secret: take it out of {config.path} [vars] and set it in the environment.")
    value: Any = config.vars.get(name)
    if value is None and environ.get(name):
        value = parse(environ[name], like, name)
    if value is None or (about.optional and value == "" and kind is not bool):
        if about.optional:
            return None
        mend = "set it in the environment" if about.secret else f"add it to {config.path} [vars]"
        raise ConfigError(f"{name} is not set; {mend}. {about.description}")
    return _checked(name, about, kind, value)


def _checked(name: str, about: _Setting, kind: object, value: Any) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if kind is tuple:
        value = tuple(part.strip() for part in str(value).split(",") if part.strip())
    if type(value) is not kind:
        raise ConfigError(f"{name} must be of type {cast(type, kind).__name__}, not {value!r}.")
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{name} must be a finite number, not {value!r}.")
    unit = f" {about.unit}" if about.unit else ""
    size = len(value) if isinstance(value, str | tuple) else value
    if about.minimum is not None and size < about.minimum:
        raise ConfigError(f"{name} must be {_plainly(about.minimum)}{unit} or more, not {_shown(about, value)}.")
    if about.maximum is not None and size > about.maximum:
        raise ConfigError(f"{name} must be {_plainly(about.maximum)}{unit} or less, not {_shown(about, value)}.")
    for part in value if isinstance(value, tuple) else (value,):
        if about.choices and part not in about.choices:
            raise ConfigError(f"{name} must be one of {', '.join(about.choices)}, not {_shown(about, part)}.")
    return value


def _plainly(bound: float) -> str:
    return f"{bound:g}" if abs(bound) < 1e6 else f"{bound:.0f}"


def _shown(about: _Setting, value: object) -> str:
    return "what it is (it is a secret and not shown)" if about.secret else repr(value)


def _refuse_unknown_vars(config: WorkerConfig, known: Iterable[str]) -> None:
    names = list(known)
    for name in config.vars:
        if name not in names:
            meant = near_miss(name, names)
            hint = f"did you mean {meant}?" if meant else "take it out."
            raise ConfigError(f"{config.path} [vars] sets {name}, which {config.name} does not know; {hint}")


def _refuse_misspelt(environ: Mapping[str, str], known: Iterable[str], also_known: set[str]) -> None:
    names = list(known)
    for name in environ:
        meant = near_miss(name, names)
        if meant and name not in also_known:
            raise ConfigError(f"The environment sets {name}, which nothing reads; did you mean {meant}?")


def _variable(field_name: str) -> str:
    return field_name.upper()


def _about(field: dataclasses.Field[Any]) -> _Setting:
    about = field.metadata.get(_KEY)
    if not isinstance(about, _Setting):
        raise ConfigError(f"The field {field.name} of a settings class must be declared with setting(...).")
    return about


def _plain(hint: object) -> object:
    """str for `str | None`; tuple for `tuple[str, ...]`."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        (hint,) = [part for part in typing.get_args(hint) if part is not type(None)]
    return typing.get_origin(hint) or hint
