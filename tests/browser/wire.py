"""What lies between a browser and a gateway, and can be slow or cut: a relay of TCP connections, in threads."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType

_CHUNK = 16 * 1024


class Wire:
    """bytes_per_second: of each connection towards the gateway; None: as fast as it goes."""

    def __init__(self, port: int) -> None:
        self.bytes_per_second: int | None = None
        self._port, self._is_cut = port, False
        self._ends = set[socket.socket]()
        self._listener = socket.create_server(("127.0.0.1", 0))
        # Else the kernel takes megabytes, and a browser believes them sent.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * _CHUNK)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Wire:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Every connection breaks, and new ones break at once."""
        self._is_cut = True
        for end in list(self._ends):
            _break(end)

    def mend(self) -> None:
        self._is_cut = False

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._is_cut:
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self._port))
            self._ends |= {client, server}
            for source, target, is_slow in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._relay, args=(source, target, is_slow), daemon=True).start()

    def _relay(self, source: socket.socket, target: socket.socket, is_slow: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                if is_slow and self.bytes_per_second:
                    time.sleep(len(data) / self.bytes_per_second)
                target.sendall(data)
        for end in (source, target):
            _break(end)
            self._ends.discard(end)


def _break(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
