"""The three ways in which copies are put together: one clip edited, parts one after another, one clip beside others.

Pure: they write plans, and do nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.quality.artwork import Pixels, pam
from benchmarks.quality.plans import AAC, EVEN, H264, Clip, Input, Piece, Plan, Scene

_RATE = 44100
_SOUND = f"aresample={_RATE},aformat=sample_fmts=fltp:channel_layouts=stereo"
_SILENCE = f"anullsrc=r={_RATE}:cl=stereo"
HUMMING = "sine=frequency=330:beep_factor=3:sample_rate=44100,tremolo=f=0.7:d=0.8"
"""For clips without sound of their own."""


def even(number: float) -> int:
    return max(2, int(number) // 2 * 2)


def edited(
    scene: Scene,
    video: str = "null",
    audio: str = "anull",
    *,
    over: Pixels | None = None,
    cut: tuple[float, float] | None = None,
    speed: float = 1.0,
    mirrored: bool = False,
    silent: bool = False,
    encode: tuple[str, ...] = H264,
    sound: tuple[str, ...] = AAC,
    suffix: str = ".mp4",
) -> Plan:
    """The source cut to a range (shares of it), sped up, with a picture over it, then through the filters `video`."""
    clip = scene.source
    start, stop = 0.0, clip.seconds
    pictures, sounds = [], []
    if cut is not None:
        start, stop = round(cut[0] * clip.seconds, 3), round(cut[1] * clip.seconds, 3)
        pictures.append(f"trim={start}:{stop},setpts=PTS-{start}/TB")
        sounds.append(f"atrim={start}:{stop},asetpts=PTS-{start}/TB")
    if speed != 1.0:
        pictures.append(f"setpts=PTS/{speed},fps={clip.fps:g}")
        sounds.append(f"atempo={speed}")
    inputs = [Input(clip.path)]
    graph = f"[0:v]{','.join(pictures) or 'null'}[base];"
    if over is not None:
        inputs.append(Input(pam(over)))
        graph += "[base][1:v]overlay=0:0[marked];"
    graph += f"[{'base' if over is None else 'marked'}]{video},{EVEN}[v]"
    sounding = clip.has_sound and not silent
    if sounding:
        graph += f";[0:a]{','.join([*sounds, audio])}[a]"
    seconds = (stop - start) / speed
    piece = Piece(0.0, seconds, start, stop, speed, mirrored)
    return Plan(tuple(inputs), graph, seconds, (piece,), sounding, encode, sound, suffix)


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a copy: [start, stop) of a clip, or a still picture (None: black) for stop - start seconds."""

    what: Clip | Pixels | None
    start: float
    stop: float

    @property
    def seconds(self) -> float:
        return self.stop - self.start


def joined(
    scene: Scene,
    parts: Sequence[Part],
    size: tuple[int, int] | None = None,
    look: str = "null",
    over: Pixels | None = None,
) -> Plan:
    """Parts one after another, at the size of the source unless told; the truth is where they are the source's.

    look: filters that the whole then goes through. over: a picture laid over the whole, before that.
    """
    clip = scene.source
    width, height = size or (even(clip.width), even(clip.height))
    inputs: list[Input] = []
    chains: list[str] = []
    pieces: list[Piece] = []
    at = 0.0
    for index, part in enumerate(parts):
        picture, sound = _streams(part, inputs, (width, height), clip.fps)
        shape = f"{_covering(width, height)},fps={clip.fps:g}"
        chains.append(f"{picture},{shape},trim=0:{part.seconds:.3f},setpts=PTS-STARTPTS[v{index}]")
        chains.append(f"{sound},{_SOUND},apad,atrim=0:{part.seconds:.3f},asetpts=PTS-STARTPTS[a{index}]")
        if part.what is clip:
            pieces.append(Piece(at, at + part.seconds, part.start, part.stop))
        at += part.seconds
    labels = "".join(f"[v{index}][a{index}]" for index in range(len(parts)))
    chains.append(f"{labels}concat=n={len(parts)}:v=1:a=1[joined][a]")
    if over is not None:
        chains.append(f"[joined][{len(inputs)}:v]overlay=0:0[marked]")
        inputs.append(Input(pam(over)))
    chains.append(f"[{'joined' if over is None else 'marked'}]{look},{EVEN}[v]")
    return Plan(tuple(inputs), ";".join(chains), at, tuple(pieces), True)


def beside(
    scene: Scene,
    size: tuple[int, int],
    inner: tuple[int, int, int, int],
    outer: tuple[int, int, int, int],
    look: str = "null",
) -> Plan:
    """The source in the box `inner` (x, y, width, height) and a filler, with its sound, filling the box `outer`."""
    clip, filler = scene.source, scene.filler
    width, height = even(size[0]), even(size[1])
    placed, filling = (tuple(even(side) for side in box[2:]) for box in (inner, outer))
    graph = (
        f"color=c=black:s={width}x{height}:r={clip.fps:g}:d={clip.seconds:.3f}[canvas];"
        f"[1:v]{_covering(*filling)},fps={clip.fps:g}[other];"
        f"[canvas][other]overlay={outer[0]}:{outer[1]}[room];"
        f"[0:v]scale={placed[0]}:{placed[1]},setsar=1,fps={clip.fps:g}[own];"
        f"[room][own]overlay={inner[0]}:{inner[1]}:eof_action=repeat,trim=0:{clip.seconds:.3f},{look},{EVEN}[v]"
    )
    room, sound = foreign_sound(filler, 1)
    graph += f";{sound},atrim=0:{clip.seconds:.3f}[a]"
    inputs = (Input(clip.path), looped(filler), *room)
    return Plan(inputs, graph, clip.seconds, (Piece(0.0, clip.seconds, 0.0, clip.seconds),), True)


def revoiced(scene: Scene) -> Plan:
    """The source's picture with the sound of a filler."""
    clip, filler = scene.source, scene.filler
    other = looped(filler) if filler.has_sound else Input(HUMMING)
    graph = f"[0:v]{EVEN}[v];[1:a]{_SOUND},atrim=0:{clip.seconds:.3f}[a]"
    piece = Piece(0.0, clip.seconds, 0.0, clip.seconds)
    return Plan((Input(clip.path), other), graph, clip.seconds, (piece,), True)


def overheard(scene: Scene) -> Plan:
    """The source's sound with the picture of a filler."""
    clip, filler = scene.source, scene.filler
    graph = f"[1:v]fps={filler.fps:g},trim=0:{clip.seconds:.3f},{EVEN}[v];[0:a]atrim=0:{clip.seconds:.3f}[a]"
    piece = Piece(0.0, clip.seconds, 0.0, clip.seconds)
    return Plan((Input(clip.path), looped(filler)), graph, clip.seconds, (piece,), True)


def untouched(scene: Scene) -> Plan:
    """The very packets in a container of the same kind."""
    clip = scene.source
    piece = Piece(0.0, clip.seconds, 0.0, clip.seconds)
    return Plan((Input(clip.path),), "", clip.seconds, (piece,), clip.has_sound, suffix=clip.path.suffix)


def looped(clip: Clip) -> Input:
    return Input(clip.path, ("-stream_loop", "-1"))


def foreign_sound(clip: Clip, index: int) -> tuple[tuple[Input, ...], str]:
    """Inputs to append, and the chain that begins with the sound of clip, which is input `index`."""
    if clip.has_sound:
        return (), f"[{index}:a]{_SOUND}"
    return (Input(HUMMING),), f"[{index + 1}:a]{_SOUND}"


def _streams(part: Part, inputs: list[Input], size: tuple[int, int], fps: float) -> tuple[str, str]:
    """The chains that give the part's picture and sound from zero on; appends the inputs they need."""
    index = len(inputs)
    if isinstance(part.what, Clip):
        inputs.append(Input(part.what.path))
        cut = f"trim={part.start:.3f}:{part.stop:.3f},setpts=PTS-{part.start:.3f}/TB"
        sound = f"[{index}:a]atrim={part.start:.3f}:{part.stop:.3f},asetpts=PTS-{part.start:.3f}/TB"
        return f"[{index}:v]{cut}", sound if part.what.has_sound else _SILENCE
    if part.what is None:
        return f"color=c=black:s={size[0]}x{size[1]}:r={fps:g}:d={part.seconds:.3f}", _SILENCE
    inputs.append(Input(pam(part.what), ("-loop", "1", "-framerate", f"{fps:g}", "-t", f"{part.seconds:.3f}")))
    return f"[{index}:v]format=yuv420p", _SILENCE


def _covering(width: int, height: int) -> str:
    """Fills a box, cutting off what sticks out; a picture of that very shape is only scaled."""
    return f"scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height},setsar=1,format=yuv420p"
