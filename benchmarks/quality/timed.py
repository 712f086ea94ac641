"""Alterations of time and sound, and several at once."""

from __future__ import annotations

import math

from benchmarks.quality.artwork import caption, logo, title_card
from benchmarks.quality.building import Part, edited, even, joined, overheard, revoiced
from benchmarks.quality.pictured import CAPTION_LINES, WARM
from benchmarks.quality.plans import Alteration, Plan, Scene, h264

_SLIDE_SECONDS, _EVERY_SECONDS, _FIRST_SECONDS, _MOST_SLIDES = 2.0, 2.5, 1.3, 10


def speed(factor: float) -> Alteration:
    title = f"{'slower' if factor < 1 else 'faster'}, speed {factor:g}, pitch kept"
    return Alteration(f"speed-{factor:.2f}", title, "time", lambda scene: edited(scene, speed=factor), timed=True)


def trim(name: str, title: str, start: float, stop: float) -> Alteration:
    return Alteration(name, title, "time", lambda scene: edited(scene, cut=(start, stop)), timed=True)


def whole(scene: Scene) -> Part:
    return Part(scene.source, 0.0, scene.source.seconds)


def intro_of(scene: Scene) -> list[Part]:
    """A title card and a bit of another clip: 4 s."""
    clip = scene.source
    card = title_card(even(clip.width), even(clip.height), "BEST OF THE WEEK")
    return [Part(card, 0.0, 2.0), opening(scene, 0, 2.0)]


def outro_of(scene: Scene) -> list[Part]:
    """A bit of another clip and a title card: 4 s."""
    clip = scene.source
    card = title_card(even(clip.width), even(clip.height), "THANKS FOR WATCHING", (120, 20, 30))
    return [opening(scene, 1, 2.0), Part(card, 0.0, 2.0)]


def opening(scene: Scene, filler: int, seconds: float) -> Part:
    """The first seconds of a filler, or all of it."""
    clip = scene.fillers[filler % len(scene.fillers)]
    return Part(clip, 0.0, min(seconds, clip.seconds))


def with_black(scene: Scene) -> Plan:
    return joined(scene, [Part(None, 0.0, 2.0), whole(scene), Part(None, 0.0, 2.0)])


def compilation(scene: Scene) -> Plan:
    """One piece of 60 % of the source, 4 s or more, between others."""
    clip = scene.source
    length = min(clip.seconds, max(4.0, clip.seconds * 0.6))
    start = round(scene.dice.uniform(0.0, clip.seconds - length), 3)
    return joined(scene, [opening(scene, 0, 5.0), Part(clip, start, start + length), opening(scene, 1, 4.0)])


def scattered(scene: Scene) -> Plan:
    """The two halves of the source, the second first, between others."""
    clip = scene.source
    half = round(clip.seconds / 2, 3)
    parts = [Part(clip, half, clip.seconds), opening(scene, 0, 3.0), Part(clip, 0.0, half), opening(scene, 1, 3.0)]
    return joined(scene, parts)


def slideshow(scene: Scene, size: str = "null") -> Plan:
    """A picture each 2.5 s from 1.3 s on, ten at most, each shown for 2 s; no sound. No range of it runs."""
    slides = min(_MOST_SLIDES, math.floor((scene.source.seconds - 0.1 - _FIRST_SECONDS) / _EVERY_SECONDS) + 1)
    chosen = (
        f"select='if(isnan(prev_selected_t),gte(t,{_FIRST_SECONDS}),gte(t-prev_selected_t,{_EVERY_SECONDS}-0.001))',"
        f"setpts=N*{_SLIDE_SECONDS:g}/TB,fps=10,tpad=stop_mode=clone:stop_duration={_SLIDE_SECONDS:g},"
        f"trim=0:{slides * _SLIDE_SECONDS:g}"
    )
    plan = edited(scene, f"{size},{chosen}", silent=True)
    return Plan(plan.inputs, plan.graph, slides * _SLIDE_SECONDS, (), sounds=False)


def like_a_gif(scene: Scene) -> Plan:
    """320 wide, 8 pictures a second, 64 colours, no sound."""
    return edited(scene, f"fps=8,scale=320:-2,{palette(64)}", silent=True)


def palette(colours: int) -> str:
    return f"split[all][few];[few]palettegen=max_colors={colours}[colours];[all][colours]paletteuse"


def backwards(scene: Scene) -> Plan:
    plan = edited(scene, "reverse", "areverse")
    return Plan(plan.inputs, plan.graph, plan.seconds, (), plan.sounds)


def mirrored_crop_logo(scene: Scene) -> Plan:
    art = logo(scene.source.width, scene.source.height, 0.15, scene.dice)
    return edited(scene, "crop=iw*0.85:ih*0.85,hflip", over=art, mirrored=True)


def letterbox_caption_grade(scene: Scene) -> Plan:
    art = caption(scene.source.width, scene.source.height, 0.15, CAPTION_LINES[:1])
    return edited(scene, f"{WARM},pad=iw:ih/0.8:0:(oh-ih)/2", over=art)


def fast_crop_noise(scene: Scene) -> Plan:
    return edited(scene, "crop=iw*0.85:ih*0.85,noise=alls=15:allf=t:all_seed=5", speed=1.1)


def trim_bars_small(scene: Scene) -> Plan:
    return edited(scene, "scale=iw*0.5:ih*0.5,pad=iw/0.8:ih:(ow-iw)/2:0", cut=(0.2, 0.9))


def tilt_crop_dark(scene: Scene) -> Plan:
    return edited(scene, "rotate=0.05:fillcolor=black,crop=iw*0.85:ih*0.85,eq=brightness=-0.1:contrast=1.2")


def intro_logo_lowrate(scene: Scene) -> Plan:
    art = logo(even(scene.source.width), even(scene.source.height), 0.15, scene.dice)
    plan = joined(scene, [*intro_of(scene), whole(scene)], look="scale=iw*0.6:ih*0.6", over=art)
    return Plan(plan.inputs, plan.graph, plan.seconds, plan.pieces, True, h264(34))


TIMED: tuple[Alteration, ...] = (
    *(speed(factor) for factor in (0.8, 0.9, 1.1, 1.25)),
    trim("trim-head", "first 30 % cut off", 0.3, 1.0),
    trim("trim-tail", "last 30 % cut off", 0.0, 0.7),
    trim("trim-both", "middle 60 % kept", 0.2, 0.8),
    Alteration(
        "intro", "4 s of intro added", "time", lambda scene: joined(scene, [*intro_of(scene), whole(scene)]), timed=True
    ),
    Alteration(
        "intro-outro",
        "4 s of intro and of outro added",
        "time",
        lambda scene: joined(scene, [*intro_of(scene), whole(scene), *outro_of(scene)]),
        timed=True,
    ),
    Alteration("black-frames", "2 s of black before and after", "time", with_black, timed=True),
    Alteration("compilation", "one piece among those of others", "time", compilation, timed=True),
    Alteration("scattered", "two pieces, in the other order, among those of others", "time", scattered, timed=True),
    Alteration(
        "looped", "twice in a row", "time", lambda scene: joined(scene, [whole(scene), whole(scene)]), timed=True
    ),
    Alteration("slideshow", "a picture each 2.5 s, no sound", "time", slideshow),
    Alteration("gif", "320 wide, 8 pictures a second, 64 colours, no sound", "time", like_a_gif),
    Alteration("reversed", "backwards", "time", backwards),
    Alteration("no-sound", "without its sound", "sound", lambda scene: edited(scene, silent=True)),
    Alteration("new-sound", "with another clip's sound", "sound", revoiced),
    Alteration("new-picture", "only its sound, under another clip's picture", "sound", overheard, sees="sound"),
    Alteration("mirrored+crop+logo", "mirrored, cropped to 85 %, logo", "together", mirrored_crop_logo),
    Alteration("bars+caption+grade", "black bars, caption, graded", "together", letterbox_caption_grade),
    Alteration("speed+crop+noise", "speed 1.1, cropped to 85 %, noise", "together", fast_crop_noise, timed=True),
    Alteration(
        "trim+bars+small", "trimmed to 70 %, resized to half, black bars", "together", trim_bars_small, timed=True
    ),
    Alteration("tilt+crop+dark", "rotated by 3 degrees, cropped to 85 %, darker", "together", tilt_crop_dark),
    Alteration(
        "intro+logo+lowrate", "intro, logo, small and at a low rate", "together", intro_logo_lowrate, timed=True
    ),
)
