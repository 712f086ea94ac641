import signal

import hypothesis
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
