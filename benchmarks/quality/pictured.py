"""Alterations of the picture alone: coding, size, light, texture, frame, crop, overlays, turns, insets, a filmed
screen."""

from __future__ import annotations

import math

from benchmarks.quality.artwork import caption, logo, shapes, smileys
from benchmarks.quality.building import beside, edited, even
from benchmarks.quality.plans import Alteration, Plan, Scene, h264

CAPTION_LINES = ("YOU WILL NOT BELIEVE", "WHAT HAPPENS NEXT")


def filtered(
    name: str, title: str, group: str, video: str, audio: str = "anull", encode: tuple[str, ...] | None = None
) -> Alteration:
    """The whole clip through a chain of filters that depends on nothing."""
    if encode is None:
        return Alteration(name, title, group, lambda scene: edited(scene, video, audio))
    return Alteration(name, title, group, lambda scene: edited(scene, video, audio, encode=encode))


def vp9(scene: Scene) -> Plan:
    encode = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-crf", "36", "-b:v", "0")
    return edited(scene, encode=encode, sound=("-c:a", "libopus", "-b:a", "96k"), suffix=".webm")


def portrait_crop(scene: Scene) -> Plan:
    """A window of 9:16, anywhere; of a clip that is hardly wider than that, a square."""
    clip, across = scene.source, scene.dice.uniform(0.2, 0.8)
    if clip.width * 16 > clip.height * 9 * 1.3:
        return edited(scene, f"crop=ih*9/16:ih:(iw-ow)*{across:.3f}:0")
    return edited(scene, f"crop=iw:iw:0:(ih-oh)*{across:.3f}")


def off_centre_crop(share: float) -> Alteration:
    def plan(scene: Scene) -> Plan:
        x, y = scene.dice.uniform(0.2, 0.8), scene.dice.uniform(0.2, 0.8)
        return edited(scene, f"crop=iw*{share}:ih*{share}:(iw-ow)*{x:.3f}:(ih-oh)*{y:.3f}")

    percent = round(share * 100)
    return Alteration(f"crop-{percent}", f"cropped to {percent} % of width and height, off centre", "crop", plan)


def blurred_fill(scene: Scene) -> Plan:
    """Within a blurred enlargement of itself: landscape in 9:16, portrait in 16:9."""
    clip = scene.source
    long, short = 640, 360
    width, height = (short, long) if clip.width >= clip.height else (long, short)
    return edited(
        scene,
        f"split[own][back];[back]scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height},"
        f"boxblur=20:2[room];[own]scale={width}:{height}:force_original_aspect_ratio=decrease[inner];"
        "[room][inner]overlay=(W-w)/2:(H-h)/2",
    )


def with_caption(share: float) -> Alteration:
    percent = round(share * 100)

    def plan(scene: Scene) -> Plan:
        return edited(scene, over=caption(scene.source.width, scene.source.height, share, CAPTION_LINES))

    return Alteration(f"caption-{percent}", f"caption over the lower {percent} %", "overlay", plan)


def with_logo(name: str, share: float) -> Alteration:
    def plan(scene: Scene) -> Plan:
        return edited(scene, over=logo(scene.source.width, scene.source.height, share, scene.dice))

    return Alteration(name, f"logo in a corner, {round(share * 100)} % of the shorter side", "overlay", plan)


def with_smileys(scene: Scene) -> Plan:
    return edited(scene, over=smileys(scene.source.width, scene.source.height, 5, 0.22, scene.dice))


def with_shapes(scene: Scene) -> Plan:
    return edited(scene, over=shapes(scene.source.width, scene.source.height, 4, 0.28, scene.dice))


def tilted(degrees: float, corners: bool) -> Alteration:
    """corners: left black; else the picture is enlarged until they are out of sight."""

    def plan(scene: Scene) -> Plan:
        angle = math.radians(degrees) * scene.dice.choice((-1, 1))
        turn = f"rotate={angle:.5f}:fillcolor=black"
        if not corners:
            clip = scene.source
            longer = max(clip.width, clip.height) / min(clip.width, clip.height)
            share = 1 / (math.cos(abs(angle)) + longer * math.sin(abs(angle)))
            turn += f",crop=iw*{share:.4f}:ih*{share:.4f}"
        return edited(scene, turn)

    how = "corners black" if corners else "enlarged over the corners"
    return Alteration(f"tilt-{degrees:g}", f"rotated by {degrees:g} degrees, {how}", "turn", plan)


def camcorder(scene: Scene) -> Plan:
    """Filmed from a screen: its frame, a slant, a shaking hand, dull and noisy; the sound of a room."""
    dice = scene.dice
    slant = {name: dice.uniform(0.0, 0.04) for name in ("x0", "y0", "x1", "y1", "x2", "y2", "x3", "y3")}
    corners = (
        f"x0={slant['x0']:.4f}*W:y0={slant['y0']:.4f}*H:x1=W-{slant['x1']:.4f}*W:y1={slant['y1']:.4f}*H:"
        f"x2={slant['x2']:.4f}*W:y2=H-{slant['y2']:.4f}*H:x3=W-{slant['x3']:.4f}*W:y3=H-{slant['y3']:.4f}*H"
    )
    sway = dice.uniform(1.5, 2.5)
    return edited(
        scene,
        "pad=iw*1.1:ih*1.1:(ow-iw)/2:(oh-ih)/2:color=0x15151c,"
        f"perspective={corners}:sense=destination,"
        f"crop=iw*0.97:ih*0.97:x='(iw-ow)/2*(1+0.7*sin(t*{sway:.2f}))':y='(ih-oh)/2*(1+0.7*cos(t*{sway * 0.8:.2f}))',"
        "eq=brightness=-0.05:contrast=0.8:saturation=0.75,vignette=PI/5,gblur=sigma=1,noise=alls=10:allf=t:all_seed=7,fps=24",
        "highpass=f=200,lowpass=f=5000,aecho=0.8:0.7:45:0.3,volume=0.7",
    )


def inset(name: str, share: float) -> Alteration:
    def plan(scene: Scene) -> Plan:
        clip = scene.source
        width, height = even(clip.width * share), even(clip.height * share)
        x = even(scene.dice.choice((0.04, 0.5, 0.96)) * (clip.width - width))
        y = even(scene.dice.choice((0.04, 0.96)) * (clip.height - height))
        size = (clip.width, clip.height)
        return beside(scene, size, (x, y, width, height), (0, 0, *size))

    percent = round(share * 100)
    title = f"picture in picture, {percent} % of width and height, over another clip with its sound"
    return Alteration(name, title, "inset", plan, timed=True)


def side_by_side(scene: Scene) -> Plan:
    clip = scene.source
    width = even(clip.width / 2)
    height = even(clip.height / 2)
    top = even((clip.height - height) / 2)
    left = scene.dice.choice((0, width))
    return beside(scene, (width * 2, clip.height), (left, top, width, height), (width - left, top, width, height))


def stacked(scene: Scene) -> Plan:
    clip = scene.source
    height = even(clip.height)
    top = scene.dice.choice((0, height))
    outer = (0, height - top, clip.width, height)
    return beside(scene, (clip.width, height * 2), (0, top, clip.width, height), outer, "scale=iw*0.7:ih*0.7")


WARM = "colorbalance=rs=0.15:gs=0.02:bs=-0.15:rh=0.1:bh=-0.1,eq=saturation=1.3:contrast=1.1"

PICTURED: tuple[Alteration, ...] = (
    filtered("h264", "re-encoded, H.264 at crf 30", "coding", "null", encode=h264(30)),
    filtered(
        "h265",
        "re-encoded, H.265",
        "coding",
        "null",
        encode=("-c:v", "libx265", "-preset", "veryfast", "-crf", "30", "-x265-params", "log-level=error:pools=1"),
    ),
    Alteration("vp9", "re-encoded, VP9 and Opus in WebM", "coding", vp9),
    filtered(
        "av1",
        "re-encoded, AV1",
        "coding",
        "null",
        encode=("-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-crf", "38", "-b:v", "0"),
    ),
    filtered("fps-12", "12 pictures a second", "coding", "fps=12"),
    filtered("fps-60", "60 pictures a second", "coding", "fps=60"),
    filtered("small", "resized to 40 %", "size", "scale=iw*0.4:ih*0.4"),
    filtered("large", "resized to 160 %", "size", "scale=iw*1.6:ih*1.6"),
    filtered("stretch-wide", "stretched, a third wider", "size", "scale=iw*1.33:ih"),
    filtered("stretch-tall", "stretched, a third taller", "size", "scale=iw:ih*1.33"),
    filtered("bright", "brighter", "light", "eq=brightness=0.18"),
    filtered("dark", "darker", "light", "eq=brightness=-0.18"),
    filtered("contrast-high", "contrast 1.6", "light", "eq=contrast=1.6"),
    filtered("contrast-low", "contrast 0.5", "light", "eq=contrast=0.5"),
    filtered("gamma-high", "gamma 1.7", "light", "eq=gamma=1.7"),
    filtered("gamma-low", "gamma 0.6", "light", "eq=gamma=0.6"),
    filtered("gray", "gray", "light", "hue=s=0"),
    filtered("grade", "graded warm", "light", WARM),
    filtered("blur", "blurred, sigma 3", "texture", "gblur=sigma=3"),
    filtered("noise", "noise, strength 30", "texture", "noise=alls=30:allf=t:all_seed=11"),
    filtered("pixels", "pixelated, 12 pixels a block", "texture", "pixelize=w=12:h=12"),
    filtered("letterbox", "black bars above and below, a quarter of the height", "frame", "pad=iw:ih/0.75:0:(oh-ih)/2"),
    filtered("pillarbox", "black bars left and right, a quarter of the width", "frame", "pad=iw/0.75:ih:(ow-iw)/2:0"),
    filtered(
        "border", "coloured border, 8 % a side", "frame", "pad=iw*1.16:ih*1.16:(ow-iw)/2:(oh-ih)/2:color=0x2050a0"
    ),
    Alteration("blurred-fill", "within a blurred enlargement of itself", "frame", blurred_fill),
    off_centre_crop(0.9),
    off_centre_crop(0.8),
    off_centre_crop(0.7),
    Alteration("crop-portrait", "cropped to 9:16 (portrait clips to a square)", "crop", portrait_crop),
    with_logo("logo", 0.15),
    with_logo("logo-large", 0.35),
    with_caption(0.15),
    with_caption(0.30),
    Alteration("emoji", "five smileys, 22 % of the shorter side", "overlay", with_smileys),
    Alteration("shapes", "four boxes and triangles, 28 % of the shorter side", "overlay", with_shapes),
    Alteration("mirrored", "mirrored", "turn", lambda scene: edited(scene, "hflip", mirrored=True), timed=True),
    Alteration("upside-down", "upside down (flipped)", "turn", lambda scene: edited(scene, "vflip", mirrored=True)),
    filtered("turn-90", "rotated by 90 degrees", "turn", "transpose=clock"),
    filtered("turn-180", "rotated by 180 degrees", "turn", "hflip,vflip"),
    filtered("turn-270", "rotated by 270 degrees", "turn", "transpose=cclock"),
    tilted(3, corners=True),
    tilted(5, corners=False),
    Alteration("camcorder", "filmed from a screen", "camcorder", camcorder),
    inset("inset-60", 0.6),
    inset("inset-50", 0.5),
    Alteration(
        "side-by-side", "beside another clip, each half the width, with that one's sound", "inset", side_by_side
    ),
    Alteration("stacked", "above or below another clip, with that one's sound", "inset", stacked),
)
