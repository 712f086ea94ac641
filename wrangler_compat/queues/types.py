"""Queues' shapes: producer, consumer batch, message, in snake_case."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class QueueSendRequest:
    body: Any
    delay_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class QueueInfo:
    """ready: messages that could be delivered now. delayed: messages whose time has not come."""

    name: str
    ready: int
    delayed: int
    dead_letters: int


class Queue(Protocol):
    """The producer's side. Bodies are JSON values. Failures raise QueueError."""

    async def send(self, body: Any, *, delay_seconds: float | None = None) -> None: ...
    async def send_batch(self, messages: Sequence[QueueSendRequest]) -> None: ...
    async def info(self) -> QueueInfo: ...
    async def ping(self) -> None: ...


class Message(Protocol):
    """One delivery. Neither acked nor retried when the handler returns: acked. When the handler raises: retried."""

    @property
    def id(self) -> str: ...
    @property
    def timestamp(self) -> datetime: ...
    @property
    def body(self) -> Any: ...
    @property
    def attempts(self) -> int: ...
    def ack(self) -> None: ...
    def retry(self, *, delay_seconds: float | None = None) -> None: ...


class MessageBatch(Protocol):
    @property
    def queue(self) -> str: ...
    @property
    def messages(self) -> Sequence[Message]: ...
    def ack_all(self) -> None: ...
    def retry_all(self, *, delay_seconds: float | None = None) -> None: ...


QueueHandler = Callable[[MessageBatch], Awaitable[None]]
