from __future__ import annotations

import os
import socket
import sys

from wrangler_compat import ports
from wrangler_compat.servers import free_port


def test_a_listened_port_is_not_free_and_its_holder_is_named() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        listener.listen()
        assert not ports.is_free(port)
        if sys.platform == "linux":
            assert ports.holder_of(port).startswith(f"process {os.getpid()} (")
        other = ports.choose(port)
        assert other != port
        assert ports.is_free(other)
    assert ports.is_free(port)
    assert ports.holder_of(port) == ""


def test_the_preferred_port_when_it_is_free() -> None:
    port = free_port()
    assert ports.choose(port) == port
    assert ports.choose(port, but_not={port}) != port


def test_a_server_on_every_address_takes_the_port_too() -> None:
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        listener.listen()
        assert not ports.is_free(listener.getsockname()[1])
