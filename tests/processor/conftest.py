from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.processor.clips import Look, write_clip
from tests.processor.range_server import RangeServer, range_server

MakeClip = Callable[[str, Look], Path]


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="session")
def make_clip(clip_folder: Path) -> MakeClip:
    """Encodes a clip once a session: name it after what it shows, with the container's suffix."""
    made: dict[str, Look] = {}

    def make(name: str, look: Look) -> Path:
        assert made.setdefault(name, look) == look, f"{name} is made with two looks"
        path = clip_folder / name
        return path if path.exists() else write_clip(path, look)

    return make


@pytest.fixture
def server(clip_folder: Path) -> Iterator[RangeServer]:
    """Serves the clips; its manners are this test's own."""
    with range_server(clip_folder) as running:
        yield running
