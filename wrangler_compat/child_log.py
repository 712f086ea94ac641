"""A log file of bounded size for a child's output: NAME.log, and the ones before it as NAME.log.1, .2."""

from __future__ import annotations

from pathlib import Path

MAX_BYTES = 10 * 1024 * 1024
KEPT = 2


class ChildLog:
    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, kept: int = KEPT) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._kept = kept
        self._file = path.open("ab")
        self._line_ended = True

    def write(self, data: bytes) -> None:
        """A line is never divided over two files."""
        if self._file.tell() + len(data) > self._max_bytes and self._line_ended:
            self._rotate()
        self._file.write(data)
        self._file.flush()
        self._line_ended = data.endswith(b"\n")

    def close(self) -> None:
        self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        for number in range(self._kept, 0, -1):
            earlier = self.path if number == 1 else self.path.with_name(f"{self.path.name}.{number - 1}")
            if earlier.exists():
                earlier.replace(self.path.with_name(f"{self.path.name}.{number}"))
        self._file = self.path.open("ab")


def last_lines(path: Path, *, count: int = 12, start: int = 0) -> str:
    """The end of a log, for a message; of what was written from byte `start` on."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        end = file.seek(0, 2)
        file.seek(max(start if start <= end else 0, end - 16_384))
        text = file.read().decode("utf-8", errors="replace")
    return "\n".join(text.strip().splitlines()[-count:])
