"""The alterations that others publish figures for, made anew by their description, and those figures.

Thorn: docs/examples/benchmarking.rst of github.com/thorn-oss/perception, recall at 99.9 % precision on Charades,
framewise hashes and TMK L1. Its copies are made of a rendition whose longer side is 240 pixels; so are these.
VisioForge: the table of detection rates in vfp/faq.md of github.com/visioforge/help; it says of a mirrored copy that it
takes preprocessing, and has no figure for it or for an exact copy.
"""

from __future__ import annotations

from benchmarks.quality.artwork import logo
from benchmarks.quality.building import Part, edited, even, joined, untouched
from benchmarks.quality.pictured import WARM
from benchmarks.quality.plans import Alteration, Plan, Scene, h264
from benchmarks.quality.timed import palette, slideshow, whole

THORN = {
    "thorn-noop": ("100", "100"),
    "thorn-shrink": ("100", "99.8"),
    "thorn-clip": ("90.7", "99.7"),
    "thorn-black-frames": ("88.1", "99.9"),
    "thorn-black-padding": ("7.7", "99.9"),
    "thorn-slideshow": ("99.7", "95.9"),
    "thorn-gif": ("68.2", "81.0"),
}
"""Recall in percent: framewise, TMK L1."""

VISIOFORGE = {
    "visioforge-exact": "",
    "visioforge-reencode": "99.9",
    "visioforge-resize": "99.5",
    "visioforge-logo": "98",
    "visioforge-crop": "95",
    "visioforge-colour": "93",
    "visioforge-compression": "90",
    "visioforge-combined": "85-95",
    "visioforge-mirrored": "",
}
"""Detection rate in percent, as stated; empty where none is."""

SMALL = "scale='trunc(iw*min(1,240/max(iw,ih))/2)*2':'trunc(ih*min(1,240/max(iw,ih))/2)*2'"
_GIF_SECONDS = (1.2, 10.2)


def small_size(scene: Scene) -> tuple[int, int]:
    clip = scene.source
    share = min(1.0, 240 / max(clip.width, clip.height))
    return even(clip.width * share), even(clip.height * share)


def thorn_black_frames(scene: Scene) -> Plan:
    """Black for 5 % of the length before and after, half a second at least."""
    black = Part(None, 0.0, max(0.5, scene.source.seconds * 0.05))
    return joined(scene, [black, whole(scene), black], size=small_size(scene))


def thorn_gif(scene: Scene) -> Plan:
    """Nine seconds from 1.2 s on, a picture each 2.5 s, 256 colours."""
    clip = scene.source
    start, stop = _GIF_SECONDS[0] / clip.seconds, min(_GIF_SECONDS[1], clip.seconds) / clip.seconds
    held = f"fps=10,tpad=stop_mode=clone:stop_duration=5,trim=0:{(stop - start) * clip.seconds:.3f}"
    plan = edited(scene, f"{SMALL},fps=0.4,{palette(256)},{held}", cut=(start, stop), silent=True)
    return Plan(plan.inputs, plan.graph, plan.seconds, (), sounds=False)


def visioforge_logo(scene: Scene) -> Plan:
    return edited(scene, over=logo(scene.source.width, scene.source.height, 0.2, scene.dice))


def visioforge_combined(scene: Scene) -> Plan:
    art = logo(scene.source.width, scene.source.height, 0.2, scene.dice)
    return edited(scene, f"crop=iw*0.92:ih*0.92,scale=iw*0.6:ih*0.6,{WARM}", over=art, encode=h264(32))


def _thorn(name: str, title: str, video: str) -> Alteration:
    return Alteration(f"thorn-{name}", title, "thorn", lambda scene: edited(scene, f"{SMALL},{video}"))


def _visioforge(name: str, title: str, video: str, crf: int = 23) -> Alteration:
    return Alteration(f"visioforge-{name}", title, "visioforge", lambda scene: edited(scene, video, encode=h264(crf)))


PUBLISHED: tuple[Alteration, ...] = (
    _thorn("noop", "noop: 240 pixels", "null"),
    _thorn("shrink", "shrink to 70 %", "scale=iw*0.7:ih*0.7"),
    Alteration("thorn-clip", "clip 20-80 %", "thorn", lambda scene: edited(scene, SMALL, cut=(0.2, 0.8)), timed=True),
    Alteration("thorn-black-frames", "black frames", "thorn", thorn_black_frames, timed=True),
    _thorn(
        "black-padding",
        "black padding to 240 x 320",
        "scale=240:320:force_original_aspect_ratio=decrease,pad=240:320:-1:-1",
    ),
    Alteration("thorn-slideshow", "slideshow", "thorn", lambda scene: slideshow(scene, SMALL)),
    Alteration("thorn-gif", "gif", "thorn", thorn_gif),
    Alteration("visioforge-exact", "exact", "visioforge", untouched),
    _visioforge("reencode", "re-encode", "null", 28),
    _visioforge("resize", "resize to half", "scale=iw/2:ih/2"),
    Alteration("visioforge-logo", "logo", "visioforge", visioforge_logo),
    _visioforge("crop", "crop of 18 % of the area", "crop=iw*0.905:ih*0.905"),
    _visioforge("colour", "colour", "hue=h=30:s=1.5,eq=brightness=0.08:gamma=1.2"),
    _visioforge("compression", "heavy compression", "null", 42),
    Alteration(
        "visioforge-combined", "combined: logo, crop, resize, colour, low rate", "visioforge", visioforge_combined
    ),
    Alteration("visioforge-mirrored", "mirrored", "visioforge", lambda scene: edited(scene, "hflip", mirrored=True)),
)
