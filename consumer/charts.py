"""The curve of a calibration as a picture. Only this module knows matplotlib, and only a calibration imports it."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from consumer.calibration import Calibration, Rate
from consumer.thresholds import SETTINGS

_SIZE_INCHES = (9.0, 5.5)
_DOTS_PER_INCH = 120


def draw(found: Calibration, path: Path) -> None:
    """Writes a PNG. Raises OSError."""
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    least = 0.5 / max(found.pairs, 1)
    _curve(axes, found.picture, "picture", "C0")
    _curve(axes, found.sound, "sound by itself", "C1")
    for field, name in SETTINGS.items():
        if field != "duration_tolerance":
            _mark(axes, getattr(found.settings, field), name, "C1" if field == "audio" else "C0")
    axes.set_yscale("log")
    axes.set_ylim(least, 1.0)
    axes.set_xlim(min(rate.threshold for rate in found.picture), 1.0)
    axes.set_xlabel("threshold (score)")
    axes.set_ylabel("share of unrelated pairs at or above it")
    axes.set_title(f"{found.pairs} pairs of {found.videos} videos that no verdict links")
    axes.grid(visible=True, which="major", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=4, fontsize=8)
    figure.savefig(path, format="png")


def _curve(axes: Axes, rates: Sequence[Rate], name: str, colour: str) -> None:
    """The rate while there is one, and the bound that it stays under."""
    thresholds = [rate.threshold for rate in rates]
    axes.plot(thresholds, [rate.share or nan for rate in rates], color=colour, label=name)
    bound = [rate.at_most for rate in rates]
    axes.plot(thresholds, bound, color=colour, linestyle=":", label=f"{name}, 95 % upper bound")


def _mark(axes: Axes, at: float, name: str, colour: str) -> None:
    axes.axvline(at, color=colour, alpha=0.5, linewidth=1)
    axes.annotate(
        name, (at, 1.0), xycoords=("data", "axes fraction"), xytext=(-4, -6), textcoords="offset points",
        rotation=90, ha="right", va="top", fontsize=7, color=colour,
    )  # fmt: skip
