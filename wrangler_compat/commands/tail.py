"""tail: follow the structured logs of `dev`, or of standard input."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Iterator
from pathlib import Path

from wrangler_compat import log_lines
from wrangler_compat.commands.context import Commands, Context, command
from wrangler_compat.errors import ConfigError
from wrangler_compat.log_lines import LogFilter, LogLine
from wrangler_compat.logs import LEVELS

_PAUSE_SECONDS = 0.2
_NAMED = {"video": "video_id", "request": "request_id"}


def add(commands: Commands) -> None:
    tail = command(
        commands,
        "tail",
        "follow the structured logs that dev writes into its state folder",
        example="tail --video ID\ntail --service web --status 5xx\ntail --level warning --json\n"
        "tail --stdin --request ID < old.log",
        run=_run,
    )
    tail.add_argument(
        "--service", action="append", default=[], metavar="NAME", help="only this service; may be repeated"
    )
    tail.add_argument("--level", choices=LEVELS, default="", help="only this level and graver ones")
    tail.add_argument("--status", default="", help="only this status: 404, 5xx, or a word such as duplicate")
    tail.add_argument("--video", metavar="ID", help="only lines about this video (video_id)")
    tail.add_argument("--request", metavar="ID", help="only lines about this request (request_id)")
    tail.add_argument("--field", action="append", default=[], metavar="NAME=VALUE", help="only lines with this field")
    tail.add_argument("--lines", type=_count, default=20, help="earlier lines to begin with (default: %(default)s)")
    tail.add_argument("--no-follow", action="store_true", help="end after the lines that are there")
    tail.add_argument("--stdin", action="store_true", help="read standard input instead of the state folder")
    tail.add_argument("--json", action="store_true", help="the lines as they are instead of readable ones")


def _run(options: argparse.Namespace, context: Context) -> int:
    wanted = _filter(options)

    def show(line: LogLine) -> None:
        context.line(line.text if options.json else log_lines.pretty(line))
        context.out.flush()

    if options.stdin:
        for raw in context.source:
            line = log_lines.read(raw.decode("utf-8", errors="replace"), "stdin")
            if wanted.matches(line):
                show(line)
        return 0
    logs = context.state.folder / "logs"
    if not logs.is_dir():
        raise ConfigError(f"There are no logs in {logs}; start `dev` first, or name its folder: --state DIR.")
    reader = _Reader(logs)
    earlier = sorted((line for line in reader.new() if wanted.matches(line)), key=lambda line: line.timestamp)
    for line in earlier[-options.lines :] if options.lines else []:
        show(line)
    while not options.no_follow:
        time.sleep(_PAUSE_SECONDS)
        for line in reader.new():
            if wanted.matches(line):
                show(line)
    return 0


class _Reader:
    """Reads every log of the folder from where it stopped the last time, through rotations."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._places: dict[Path, tuple[int, int]] = {}

    def new(self) -> Iterator[LogLine]:
        for path in sorted(self._folder.glob("*.log")):
            yield from (log_lines.read(text, path.stem) for text in self._lines(path) if text.strip())

    def _lines(self, path: Path) -> Iterator[str]:
        try:
            stat = path.stat()
        except FileNotFoundError:
            return
        inode, place = self._places.get(path, (stat.st_ino, 0))
        if inode != stat.st_ino:
            yield from self._read(path.with_name(f"{path.name}.1"), place)[0]
            place = 0
        lines, place = self._read(path, place if place <= stat.st_size else 0)
        yield from lines
        self._places[path] = (stat.st_ino, place)

    @staticmethod
    def _read(path: Path, place: int) -> tuple[list[str], int]:
        """The whole lines from there on, and where they end."""
        try:
            with path.open("rb") as file:
                file.seek(place)
                data = file.read()
        except FileNotFoundError:
            return [], 0
        whole = data[: data.rfind(b"\n") + 1]
        return whole.decode("utf-8", errors="replace").splitlines(), place + len(whole)


def _filter(options: argparse.Namespace) -> LogFilter:
    fields = {name: getattr(options, option) for option, name in _NAMED.items() if getattr(options, option)}
    for text in options.field:
        if not re.fullmatch(r"[^=]+=.*", text):
            raise ConfigError(f"--field takes NAME=VALUE, not {text!r}.")
        name, _, value = text.partition("=")
        fields[name] = value
    return LogFilter(frozenset(options.service), options.level, options.status, fields)


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return value
