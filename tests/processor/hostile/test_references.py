"""That a reference to another file would be followed if it were let, and that each of the guards alone stops it.

In processes of their own, for FFmpeg is asked to do what the processor never asks.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from processor.settings import worker_environ
from tests.processor.hostile.boxes import Track, movie, picture_entry, png
from tests.processor.hostile.cases import reel
from tests.processor.hostile.references import alias, elsewhere

FOLLOWING = {"enable_drefs": "1", "use_absolute_path": "1"}
FIRST_PACKET = """
import json, sys, av
av.logging.set_level(None)
options = json.loads(sys.argv[2])
try:
    with av.open(open(sys.argv[1], "rb"), options=options) as file:
        print(bytes(next(file.demux()))[:4].hex())
except Exception as error:
    print(type(error).__name__)
"""
THROUGH_THE_PROCESSOR = """
import sys
from processor import decode, opening
from processor.errors import ProcessorError
from processor.limits import DecodeLimits
opening._OPTIONS.update(enable_drefs="1", use_absolute_path="1")
if "protocols" in sys.argv:
    opening._OPTIONS["protocol_whitelist"] = "file,pipe"
try:
    with open(sys.argv[1], "rb") as file, decode.open_clip(file, DecodeLimits(60, 1)) as clip:
        print("followed", clip.width)
except ProcessorError as refused:
    print(refused.code, refused)
"""


def said(code: str, *words: str) -> str:
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, capture_output=True, text=True, env=worker_environ(), timeout=60, check=False)
    return done.stdout.strip() + done.stderr.strip()


@pytest.fixture
def leading_away(tmp_path: Path) -> Path:
    """A file whose pictures lie in another one, which is good."""
    good = tmp_path / "good.mov"
    good.write_bytes(movie(reel()))
    file = tmp_path / "leads-away.mov"
    file.write_bytes(movie(elsewhere(alias(str(good).encode()))))
    return file


def first_packet(file: Path, options: Mapping[str, str]) -> str:
    return said(FIRST_PACKET, str(file), json.dumps(dict(options)))


def test_it_would_be_followed(leading_away: Path) -> None:
    assert first_packet(leading_away, FOLLOWING) == png(320, 240)[:4].hex()


GUARDS = ({"enable_drefs": "0"}, {"protocol_whitelist": "none"}, {"use_absolute_path": "0"})


@pytest.mark.parametrize("guard", GUARDS, ids=str)
def test_each_guard_alone_stops_it(leading_away: Path, guard: dict[str, str]) -> None:
    assert first_packet(leading_away, FOLLOWING | guard) != png(320, 240)[:4].hex()


@pytest.mark.parametrize("words", [(), ("protocols",)], ids=["without protocols", "with protocols"])
def test_the_processor_refuses_to_open_anything_even_if_drefs_were_followed(
    leading_away: Path, words: tuple[str, ...]
) -> None:
    answer = said(THROUGH_THE_PROCESSOR, str(leading_away), *words)
    assert answer.startswith("UNDECODABLE")
    assert "followed" not in answer


def test_a_picture_of_its_own_is_read_all_the_same(tmp_path: Path) -> None:
    """The control of the controls: the very file, but for the reference, is a good one."""
    file = tmp_path / "own.mov"
    file.write_bytes(movie(Track(samples=[png(320, 240)], entry=picture_entry(320, 240), repeat=25)))
    assert first_packet(file, {}) == png(320, 240)[:4].hex()
    assert said(THROUGH_THE_PROCESSOR, str(file)) == "followed 320"
