"""D1's shapes: prepared statements, results, batches, in snake_case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

D1Value = str | int | float | bytes | None
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class D1Meta:
    """duration: milliseconds. changes: rows written by the statement."""

    duration: float
    changes: int
    last_row_id: int
    rows_read: int
    rows_written: int
    changed_db: bool
    size_after: int


@dataclass(frozen=True, slots=True)
class D1Result:
    results: list[Row]
    success: bool
    meta: D1Meta


@dataclass(frozen=True, slots=True)
class D1ExecResult:
    count: int
    duration: float


class D1PreparedStatement(Protocol):
    def bind(self, *values: D1Value) -> D1PreparedStatement:
        """A new statement; this one stays as it is. Booleans are stored as 0 and 1."""
        ...

    async def first(self, column: str | None = None) -> Any:
        """The first row as a dict, or one of its columns; None when there is no row."""
        ...

    async def all(self) -> D1Result: ...
    async def run(self) -> D1Result: ...
    async def raw(self, *, column_names: bool = False) -> list[list[Any]]: ...


class D1Database(Protocol):
    """Failures raise D1Error; a constraint that says no raises D1ConstraintError."""

    def prepare(self, sql: str) -> D1PreparedStatement: ...
    async def batch(self, statements: Sequence[D1PreparedStatement]) -> list[D1Result]:
        """All in one transaction (BEGIN IMMEDIATE): if one fails, none has happened."""
        ...

    async def exec(self, sql: str) -> D1ExecResult: ...
    async def ping(self) -> None: ...
