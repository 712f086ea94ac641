"""Structured logs: one JSON object a line on stdout, ours and the libraries' alike.

What is bound with structlog.contextvars.bind_contextvars (request_id, video_id) is on every line of that task.
"""

from __future__ import annotations

import logging
import logging.config
import sys
from typing import Any

import structlog
import structlog.tracebacks
from structlog.typing import EventDict, Processor, WrappedLogger

from wrangler_compat.errors import ConfigError

LEVELS = ("debug", "info", "warning", "error", "critical")

# Whatever they say at info, they say on every request.
_CHATTY = ("httpx", "httpcore", "botocore", "aiobotocore", "chromadb", "asyncio", "aiosqlite", "python_multipart")
# Without the frames' variables: those hold tokens and secrets.
_TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
# They bring handlers and propagate=False of their own: taken away, or their lines would not be JSON.
_WITH_HANDLERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "arq", "arq.worker")


def configure_logging(service: str, level: str = "info") -> None:
    """Set up structlog and the standard library's logging for this process. May be called again.

    Each line has event, level, service, logger, timestamp (ISO 8601 UTC with microseconds and Z). Raises ConfigError.
    """
    if level.lower() not in LEVELS:
        raise ConfigError(f"The log level must be one of {', '.join(LEVELS)}, not {level!r}.")
    shared = _shared_processors(service)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        # Tests reconfigure; a cached logger would keep the first configuration.
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _without_colour,
                _TRACEBACKS,
                structlog.processors.JSONRenderer(default=str),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _WITH_HANDLERS:
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _shared_processors(service: str) -> list[Processor]:
    def add_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_service,
    ]


def _without_colour(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """uvicorn puts a second, coloured copy of each message beside the first."""
    event.pop("color_message", None)
    return event


def uvicorn_log_config() -> dict[str, Any]:
    """For uvicorn.run(log_config=...): leaves logging as configure_logging() set it up."""
    return {"version": 1, "disable_existing_loggers": False}
