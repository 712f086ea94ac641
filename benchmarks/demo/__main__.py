"""A Twinreel worth looking at: `make demo`, or `python -m benchmarks.demo [--exit] [--small]`.

Draws eight short films with music and thirteen altered copies of them, starts a Twinreel of its own (the servers of
`make run`, in a folder of their own, at another port when 8787 is taken), uploads everything through the public API
and prints each verdict beside what was to be expected. Then the console is left running until Ctrl-C. A second run
uploads nothing twice; where the first still runs, it asks that one.

Exit codes: 0; 1 when a verdict was not as expected, or after a sentence saying what to do; 130 for Ctrl-C before the
end.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.demo.instance import ROOT, DemoError, Instance, opened
from benchmarks.demo.plan import SECONDS, SMALL_SECONDS, Item, plan
from benchmarks.demo.telling import Outcome, farewell, line, outcome, summary
from benchmarks.demo.uploading import Client, verdicts
from benchmarks.demo.workshop import Workshop


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--exit", action="store_true", help="end after the last verdict instead of leaving it running")
    made.add_argument("--small", action="store_true", help="two films and three copies of them")
    made.add_argument("--folder", type=Path, help="of all its data (default: .twinreel/demo)")
    made.add_argument("--port", type=int, help="of the console (default: 8787, or any when that is taken)")
    made.add_argument(
        "--patience", type=float, default=180.0, help="longest time without news, s (default: %(default)g)"
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        return run(options)
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"demo: {error}. Is there room on the disk, and may you write there?", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run(options: argparse.Namespace) -> int:
    folder = options.folder or ROOT / ".twinreel" / ("demo-small" if options.small else "demo")
    begun = time.monotonic()
    with opened(folder, os.environ, options.port) as instance:
        clips = instance.folder / "clips"
        clips.mkdir(exist_ok=True)
        items = plan(small=options.small)
        say("Starting Twinreel, and drawing films meanwhile." if instance.process else "Twinreel runs already.")
        missing = [item for item in items if item.name not in instance.memory.videos]
        with Workshop(clips, SMALL_SECONDS if options.small else SECONDS, missing, instance.check) as files:
            instance.wait_ready()
            say(f"The console answers at {instance.memory.url}/. Uploading {len(items)} videos.\n")
            told = decide(instance, items, files, options.patience)
        say(f"\n{summary(told, time.monotonic() - begun)}")
        if not options.exit:
            stay(instance)
    return 0 if all(each.is_expected for each in told) else 1


def decide(instance: Instance, items: Sequence[Item], files: Workshop, patience_seconds: float) -> list[Outcome]:
    """Prints each verdict as it comes. Raises DemoError."""
    told: list[Outcome] = []
    memory = instance.memory
    with Client(memory.url, memory.tokens["uploader"]) as client:
        try:
            for item, video in verdicts(client, items, files, memory.videos, patience_seconds):
                told.append(outcome(item, video, items, memory.videos))
                say(line(told[-1], len(told), len(items)))
        finally:
            memory.keep(instance.folder)
    return told


def stay(instance: Instance) -> None:
    """Until Ctrl-C, when it was started here. Raises DemoError when it ends by itself."""
    say(farewell(instance.memory.url, instance.memory.tokens, str(instance.folder)))
    if instance.process is None:
        say("It was started elsewhere, and goes on.")
        return
    say("Ctrl-C stops it.")
    try:
        instance.process.wait()
    except KeyboardInterrupt:
        say("Stopping.")
        return
    instance.check()


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
