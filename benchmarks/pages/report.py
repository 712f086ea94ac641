"""The tables, and what of the targets is met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.pages.loading import Loaded, Seen
from benchmarks.pages.measuring import Measured, percentile

MOST_SERVER_SECONDS = 0.05
MOST_REQUESTS = 10
MOST_BYTES = 100_000
MOST_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that is to hold. said: with the figure that was found."""

    is_met: bool
    said: str

    def __str__(self) -> str:
        return f"{'met    ' if self.is_met else 'NOT met'}  {self.said}"


def costs_table(found: Sequence[Measured]) -> str:
    lines = [
        "| page | by | processor, ms | x bare | wall p50, ms | x bare | p95, ms | x bare | kB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for each in found:
        walls = [percentile(cost.wall, share) for share in (50, 95) for cost in (each.cost, each.bare)]
        processor, bare = each.cost.processor_each, each.bare.processor_each
        cells = [
            each.ask.words,
            _by(each),
            "-" if processor is None else f"{processor * 1e3:.1f}",
            "-" if processor is None or not bare else f"{processor / bare:.0f}",
            f"{walls[0] * 1e3:.1f}",
            f"{walls[0] / walls[1]:.1f}",
            f"{walls[2] * 1e3:.1f}",
            f"{walls[2] / walls[3]:.1f}",
            f"{each.size / 1e3:.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def bare_line(found: Sequence[Measured]) -> str:
    """The yardstick by itself."""
    walls = [seconds for each in found for seconds in each.bare.wall]
    processor = [each.bare.processor for each in found if each.bare.processor is not None]
    said = f"{percentile(walls, 50) * 1e3:.2f} ms on the wall (p50), {percentile(walls, 95) * 1e3:.2f} ms (p95)"
    if processor:
        said = f"{sum(processor) / len(walls) * 1e3:.2f} ms of processor time, {said}"
    return f"bare: a Starlette route that says hello, under uvicorn in its own process, asked in turns: {said}"


def loads_table(loads: Mapping[str, Loaded], views: Mapping[str, Seen]) -> str:
    lines = [
        "| first page, empty cache | requests | kB | thumbnails | kB | all there p50, ms | p95, ms "
        "| Chromium: requests | kB | usable p50, ms | p95, ms | complete p50, ms |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, each in loads.items():
        cells = [
            name,
            str(each.requests),
            f"{each.size / 1e3:.1f}",
            str(each.pictures),
            f"{each.picture_size / 1e3:.1f}",
        ]
        cells += [f"{percentile(each.seconds, share) * 1e3:.0f}" for share in (50, 95)]
        view = views.get(name)
        if view is None:
            cells += ["-"] * 5
        else:
            cells += [str(view.requests), f"{view.size / 1e3:.1f}"]
            cells += [f"{percentile(view.usable, share) * 1e3:.0f}" for share in (50, 95)]
            cells += [f"{percentile(view.complete, 50) * 1e3:.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def targets(found: Sequence[Measured], loads: Mapping[str, Loaded], views: Mapping[str, Seen]) -> list[Target]:
    told = []
    for name, each in loads.items():
        is_met = each.requests <= MOST_REQUESTS and each.size <= MOST_BYTES
        said = f"{name}: {each.requests} requests and {each.size / 1e3:.1f} kB, of {MOST_REQUESTS} and 100"
        if each.pictures:
            said += f"; beside {each.pictures} thumbnails of {each.picture_size / 1e3:.1f} kB together"
        told.append(Target(is_met, said))
        seconds, how = percentile(each.seconds, 95), "all of it there"
        if name in views:
            seconds, how = percentile(views[name].usable, 95), "usable in Chromium"
        told.append(Target(seconds < MOST_SECONDS, f"{name}: {how} after {seconds:.2f} s (p95), of {MOST_SECONDS:g}"))
    dear = [each for each in found if each.server_seconds >= MOST_SERVER_SECONDS]
    dearest = max(found, key=lambda each: each.server_seconds)
    said = f"{len(found) - len(dear)} of {len(found)} pages and answers take less than 50 ms"
    said += f"; the dearest, {dearest.ask.words} by the {_by(dearest)}, {dearest.server_seconds * 1e3:.1f} ms"
    return [*told, Target(not dear, said)]


def _by(each: Measured) -> str:
    return each.ask.who + ("" if each.ask.as_page else ", API")
