"""`python -m processor`: starts the service."""

from __future__ import annotations

import argparse
import os
import socket
import sys

import uvicorn

from processor.errors import ProcessorError
from processor.logs import configure_logging
from processor.settings import ONE_THREAD, SettingsError, describe, read_settings


def main() -> int:
    settings_text = "\n".join(f"  {name}={default}\n      {about}" for name, default, about in describe())
    argparse.ArgumentParser(
        prog="python -m processor",
        description="Video in, fingerprint out: POST /extract-fingerprint, POST /merge-fingerprints.",
        epilog=f"settings, read from the environment, with their defaults:\n{settings_text}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    try:
        settings = read_settings()
    except SettingsError as wrong:
        print(f"processor: {wrong}", file=sys.stderr)
        return 2
    configure_logging(settings.log_level)
    os.environ |= ONE_THREAD
    try:
        from processor.app import create_app
    except ImportError as missing:
        print(
            f"processor: {missing}; install what requirements.lock lists, and Chromaprint: "
            "`apt install libchromaprint1` or `brew install chromaprint`",
            file=sys.stderr,
        )
        return 1
    try:
        listening = socket.create_server(
            (settings.host, settings.port),
            family=socket.AF_INET6 if ":" in settings.host else socket.AF_INET,
            dualstack_ipv6=settings.host == "::" and socket.has_dualstack_ipv6(),
        )
    except OSError as taken:
        where = f"{settings.host}:{settings.port}"
        print(f"processor: cannot listen on {where} ({taken.strerror}); set PORT", file=sys.stderr)
        return 1
    server = uvicorn.Server(uvicorn.Config(create_app(settings), log_config=None, access_log=False, lifespan="on"))
    try:
        server.run(sockets=[listening])
    except ProcessorError as failed:
        print(f"processor: {failed}", file=sys.stderr)
        return 1
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
