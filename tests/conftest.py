import signal

import hypothesis

from tests.services import chroma_url, redis_url, s3_server, unique_name

__all__ = ["chroma_url", "redis_url", "s3_server", "unique_name"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background, with Ctrl-C ignored. Our children would inherit that, and some are to be stopped by it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Machines are busy at times: how long an example takes is no reason to fail.
hypothesis.settings.register_profile("twinreel", deadline=None)
hypothesis.settings.load_profile("twinreel")
