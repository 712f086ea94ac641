"""The files made to hurt once more, as somebody who wants renditions of them: each ends, and nothing else happens."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processor.clips import Look, write_clip
from tests.processor.hostile.boxes import movie
from tests.processor.hostile.cases import Bait, reel
from tests.processor.hostile.files import HOSTILE
from tests.processor.hostile.service import MEMORY, Guarded, guarded, resident_peak
from tests.processor.put_server import PutServer, put_server
from tests.processor.range_server import RangeServer, range_server
from tests.processor.renditions import look_at
from wire.renditions import Rendition

MOST_BYTES = 32 << 20
SECONDS = 20.0
"""Of one rendition, and nine tenths of it of processor time: what takes longer is ended."""


@pytest.fixture
def store() -> Iterator[PutServer]:
    with put_server() as up:
        yield up


def bait(folder: Path, server: RangeServer) -> Bait:
    look = Look(width=96, height=54, seconds=2)
    mp4 = write_clip(folder / "good.mp4", look)
    webm = write_clip(folder / "good.webm", Look(width=96, height=54, seconds=2, video="libvpx-vp9", audio="libopus"))
    (folder / "good.mov").write_bytes(movie(reel()))
    return Bait(server.url(mp4.name), str(mp4), str(folder / "good.mov"), mp4.read_bytes(), webm.read_bytes())


async def fault(service: Guarded, server: RangeServer, store: PutServer, name: str, spool: Path) -> str | None:
    """What is wrong."""
    server.manners.paths.clear()
    target = f"{store.url}/{name}"
    body = {"video_id": "v-1", "video_url": server.url(name), "rendition_url": target}
    answer = await service.client.post("/make-rendition", json=body)
    last = json.loads(answer.text.splitlines()[-1])
    if "rendition" in last:
        made, content = Rendition.from_json(last["rendition"]), store.shelf.taken.pop(f"/{name}")
        if look_at(content).size != (made.width, made.height) or len(content) > MOST_BYTES:
            return f"is not what was told: {made}"
    elif store.shelf.taken:
        return f"put something and told {last}"
    elif last["code"] != "TIMED_OUT" and (last["retryable"] or last["code"] == "INTERNAL"):
        return f"is tried again: {last}"
    if not set(server.manners.paths) <= {f"/{name}"}:
        return f"led to {server.manners.paths}"
    if os.listdir(spool):
        return f"left {os.listdir(spool)}"
    (slot,) = service.app.state.service.renditions.all_slots
    peak = resident_peak(slot.pid)
    return f"took {peak >> 20} MB" if peak > MEMORY else None


async def test_every_file_ends_and_does_nothing_else(tmp_path: Path, store: PutServer) -> None:
    folder, spool = tmp_path / "served", tmp_path / "spool"
    folder.mkdir()
    spool.mkdir()
    wrong: dict[str, str] = {}
    settings = {"rendition_timeout": SECONDS, "rendition_max_bytes": MOST_BYTES, "rendition_folder": str(spool)}
    with range_server(folder) as server:
        lure = bait(folder, server)
        async with guarded(**settings) as service:
            for file in HOSTILE:
                (folder / file.name).write_bytes(file.write(lure))
                found = await fault(service, server, store, file.name, spool)
                if found is not None:
                    wrong[file.name] = found
            assert await service.is_up()
            assert await fault(service, server, store, "good.mp4", spool) is None
    assert not wrong, "\n".join(f"{name}: {what}" for name, what in wrong.items())
