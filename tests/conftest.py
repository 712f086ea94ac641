import gc
import signal

import hypothesis
import pytest
import structlog

from tests.services import chroma_url, redis_url, s3_server, unique_name

__all__ = ["chroma_url", "redis_url", "s3_server", "unique_name"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background, with Ctrl-C ignored. Our children would inherit that, and some are to be stopped by it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Tracebacks in colours and frames cost seconds where a test makes hundreds of errors.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.dev.set_exc_info,
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

# Machines are busy at times: how long an example takes is no reason to fail.
hypothesis.settings.register_profile("twinreel", deadline=None)
hypothesis.settings.load_profile("twinreel")


_LONGEST = (
    "tests/edge_api/tus/test_server.py",
    "tests/benchmarks/test_fuzz.py",
    "tests/processor/test_extract.py",
    "tests/processor/hostile/test_files.py",
    "tests/consumer/similarity/test_focus.py",
    "tests/edge_api/test_server.py",
    "tests/e2e/test_gateway_killed.py",
    "tests/wrangler_compat/dev/test_dev.py",
    "tests/edge_api/console/test_session_access.py",
    "tests/edge_api/test_access.py",
    "tests/processor/test_decode.py",
    "tests/browser/test_flows.py",
)
"""Files that take half a minute and more; what else takes long is no matter, as long as it is not the last."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, lest one worker be left with one of them at the end."""
    items.sort(key=lambda item: item.location[0] not in _LONGEST)


def pytest_collection_finish() -> None:
    """What the modules and the tests are made of stays: the collector need not go through a million of them again."""
    gc.freeze()
