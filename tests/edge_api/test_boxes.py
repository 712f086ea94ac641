from __future__ import annotations

import random

import pytest

from edge_api.boxes import MOVIE_BYTES, BoxWalk, Fault
from tests.edge_api.kit import World, box, ftyp, moov, mp4

MEDIA = box(b"mdat", bytes(5000))
LONG_MEDIA = b"\0\0\0\1mdat" + (16 + 5000).to_bytes(8, "big") + bytes(5000)
OPEN_MEDIA = b"\0\0\0\0mdat" + bytes(5000)


def fault(data: bytes, step: int = 1 << 16) -> Fault | None:
    walk = BoxWalk()
    for at in range(0, len(data), step):
        walk.feed(memoryview(data)[at : at + step])
    return walk.fault()


WHOLE = {
    "movie first": ftyp() + moov(b"vide", b"soun") + MEDIA,
    "movie last": ftyp() + MEDIA + moov(b"soun", b"vide"),
    "long sizes": ftyp() + LONG_MEDIA + moov(b"vide"),
    "media to the end": ftyp() + moov(b"vide") + OPEN_MEDIA,
    "movie to the end": ftyp() + MEDIA + b"\0\0\0\0" + moov(b"vide")[4:],
    "fragments": ftyp() + box(b"moof", bytes(40)) + MEDIA,
    "a compressed movie": ftyp() + box(b"moov", box(b"cmov", bytes(90))) + MEDIA,
    "a few bytes missing": (ftyp() + moov(b"vide") + MEDIA)[:-600],
    "a broken box after the movie": ftyp() + moov(b"vide") + MEDIA + b"\0\0\0\3oops" + bytes(99),
    "a movie too large to look through": ftyp() + box(b"moov", bytes(MOVIE_BYTES + 10) + moov(b"soun")) + MEDIA,
}
CUT = {
    "half, movie first": (ftyp() + moov(b"vide") + MEDIA)[: 5000 // 2],
    "half, movie last": (ftyp() + MEDIA + moov(b"vide"))[: 5000 // 2],
    "only the movie missing": ftyp() + MEDIA,
    "nothing but its type": ftyp(),
    "within a header": ftyp() + b"\0\0",
}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("step", [1 << 16, 1000, 7, 1])
def test_a_whole_file_has_no_fault_however_it_comes(name: str, step: int) -> None:
    if step >= 1000 or len(WHOLE[name]) < 100_000:
        assert fault(WHOLE[name], step) is None


@pytest.mark.parametrize("name", CUT)
@pytest.mark.parametrize("step", [1 << 16, 7, 1])
def test_a_cut_file_is_truncated(name: str, step: int) -> None:
    assert fault(CUT[name], step) == "truncated"


@pytest.mark.parametrize("step", [1 << 16, 1])
def test_tracks_without_a_picture(step: int) -> None:
    assert fault(ftyp() + moov(b"soun", b"text") + MEDIA, step) == "no_video"


def test_noise_never_raises() -> None:
    noise = random.Random(5)
    for _ in range(500):
        fault(ftyp() + noise.randbytes(noise.randrange(200)), 1 + noise.randrange(9))


@pytest.mark.parametrize(
    ("data", "code"),
    [(mp4(300_000)[:150_000], "TRUNCATED_FILE"), (ftyp() + moov(b"soun") + MEDIA, "NO_VIDEO_TRACK")],
)
async def test_such_an_upload_is_refused_and_leaves_nothing(world: World, data: bytes, code: str) -> None:
    answer = await world.upload(data)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert await world.nothing_is_left()
