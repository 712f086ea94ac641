"""The grid, and that what FFmpeg makes of it sounds as it says."""

from __future__ import annotations

import math
import wave
from pathlib import Path

import pytest

from benchmarks.quality.clips import ClipError
from benchmarks.quality.plans import Clip
from benchmarks.sound.grid import ALTERATIONS, KINDS, STEPS, Alteration, piece_of, write_altered, write_sound
from benchmarks.sound.hearing import fingerprint_of
from consumer.similarity.sound import heard
from tests.benchmarks.scenery import clip
from tests.consumer.sounds import melody


@pytest.fixture(scope="module")
def sung(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """Twelve seconds of a melody."""
    path = tmp_path_factory.mktemp("sound") / "sung.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 11025, 0, "NONE", ""))
        file.writeframes(melody(3, 12.0).tobytes())
    return Clip("sung", path, 0, 0, 12.0, 25.0, True)


def test_the_grid_is_panakos() -> None:
    assert STEPS[0] == 84
    assert STEPS[-1] == 116
    assert len(ALTERATIONS) == 3 * 17 == len(set(ALTERATIONS))
    assert {each.kind for each in ALTERATIONS} == set(KINDS)


@pytest.mark.parametrize(
    ("kind", "tempo", "semitones", "tool"),
    [
        ("pitch", 1.0, 12 * math.log2(1.1), "rubberband=pitch=1.1"),
        ("tempo", 1.1, 0.0, "atempo=1.1"),
        ("speed", 1.1, 12 * math.log2(1.1), "asetrate=52800"),
    ],
)
def test_each_kind_changes_what_it_says(kind: str, tempo: float, semitones: float, tool: str) -> None:
    (alteration,) = (each for each in ALTERATIONS if (each.kind, each.percent) == (kind, 110))
    assert alteration.tempo == pytest.approx(tempo)
    assert alteration.semitones == pytest.approx(semitones)
    assert tool in alteration.filters


@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_percent_changes_nothing(kind: str) -> None:
    (same,) = (each for each in ALTERATIONS if (each.kind, each.percent) == (kind, 100))
    assert (same.tempo, same.semitones, same.filters) == (1.0, 0.0, "aresample=48000")


def test_the_middle_of_a_long_clip_is_altered() -> None:
    piece = piece_of(clip("long", seconds=50.0), 20.0)
    assert (piece.start, piece.length) == (15.0, 20.0)
    short = piece_of(clip("short", seconds=7.3), 20.0)
    assert (short.start, short.length) == (0.0, 7.3)


@pytest.mark.parametrize(
    "alteration", [Alteration("pitch", 90), Alteration("tempo", 110), Alteration("speed", 94)], ids=str
)
def test_altered_sound_is_heard_as_altered(sung: Clip, alteration: Alteration, tmp_path: Path) -> None:
    original, altered = tmp_path / "original.mkv", tmp_path / "altered.mp4"
    write_sound(sung, original)
    write_altered(sung, piece_of(sung, 10.0), alteration, altered)
    query = fingerprint_of(altered)
    assert query.duration == pytest.approx(10.0 / alteration.tempo, abs=1.1)
    found = heard(query, fingerprint_of(original))[0]
    assert found.speed == pytest.approx(alteration.tempo, abs=0.01)
    assert found.pitch_semitones == pytest.approx(alteration.semitones, abs=0.2)
    assert found.ref_start == pytest.approx(1.0, abs=0.7)


def test_a_clip_that_ffmpeg_cannot_read_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound at all")
    with pytest.raises(ClipError, match=r"broken\.wav"):
        write_sound(Clip("broken", broken, 0, 0, 5.0, 25.0, True), tmp_path / "out.mkv")
