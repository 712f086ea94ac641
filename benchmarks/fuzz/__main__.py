"""Damaged videos through the processor: `python -m benchmarks.fuzz [--count N] [--seed N]`.

Makes a good video of each kind, damages copies of them (bit flips, truncations, surgery on boxes and elements), and
asks the real service, with real workers, for the fingerprint of each. Each must be answered with a fingerprint or a
refusal (422), within the limits of time and memory, and the service must go on. Prints what became of them; ends with
status 1 when anything else happened, and keeps those files.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.fuzz.mutations import MUTATIONS
from benchmarks.fuzz.running import Outcome, outcomes
from processor.logs import configure_logging

_TOLD_EVERY_SECONDS = 10.0


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2000, help="how many damaged files (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="another seed makes other files (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="number of the first file, to try one again")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-faults"), help="where files are kept that did harm")
    asked = parser.parse_args()
    configure_logging("error")
    results = asyncio.run(_run(range(asked.first, asked.first + asked.count), asked.seed, asked.keep))
    print(report(results, asked.seed))
    return 1 if any(each.fault for each in results) else 0


async def _run(numbers: range, seed: int, keep: Path) -> list[Outcome]:
    results: list[Outcome] = []
    told = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        async for outcome in outcomes(numbers, seed, Path(folder), keep):
            results.append(outcome)
            if outcome.fault is not None:
                print(f"{outcome.number} ({outcome.kind} of {outcome.good}): {outcome.fault}", file=sys.stderr)
            if time.monotonic() - told > _TOLD_EVERY_SECONDS:
                told = time.monotonic()
                print(f"{len(results)} of {len(numbers)}", file=sys.stderr)
    return results


def report(results: Sequence[Outcome], seed: int) -> str:
    """A table in Markdown: kinds of damage, what they were answered, the slowest, the largest."""
    codes = [code for code, _ in Counter(each.code for each in results).most_common()]
    lines = [
        f"{len(results)} files, seed {seed}, {platform.machine()}, Python {platform.python_version()}, "
        f"{sum(each.fault is not None for each in results)} faults",
        "",
        f"| damage | {' | '.join(codes)} | slowest | memory |",
        "|---|" + "---|" * (len(codes) + 2),
    ]
    lines += [_row(kind, [each for each in results if each.kind == kind], codes) for kind in MUTATIONS]
    lines.append(_row("all", results, codes))
    return "\n".join(lines)


def _row(kind: str, results: Sequence[Outcome], codes: Sequence[str]) -> str:
    counts = Counter(each.code for each in results)
    slowest = max((each.seconds for each in results), default=0.0)
    largest = max((each.memory for each in results), default=0)
    return f"| {kind} | {' | '.join(str(counts[code]) for code in codes)} | {slowest:.1f} s | {largest >> 20} MB |"


if __name__ == "__main__":
    sys.exit(main())
