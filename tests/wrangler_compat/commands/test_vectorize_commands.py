from __future__ import annotations

import asyncio
import json

import numpy as np

from tests.wrangler_compat.commands.run import Project
from wrangler_compat.vectorize.chroma import open_chroma_index
from wrangler_compat.vectorize.types import VectorizeVector


def test_create_takes_the_dimensions_of_wrangler_toml(with_chroma: Project, unique_name: str) -> None:
    name = f"{unique_name}-index"
    assert with_chroma.run("vectorize", "create", name).out == f"The index {name} is there: 3 dimensions, cosine.\n"
    assert json.loads(with_chroma.run("vectorize", "info", name, "--json").out) == {
        "name": name,
        "dimensions": 3,
        "metric": "cosine",
        "vector_count": 0,
    }
    assert with_chroma.run("vectorize", "create", name).code == 0


def test_an_index_that_nobody_declares(with_chroma: Project, unique_name: str) -> None:
    assert with_chroma.run("vectorize", "create", unique_name, "--dimensions", "5").code == 0
    assert with_chroma.run("vectorize", "info", unique_name).out.splitlines()[1].split() == [
        unique_name,
        "5",
        "cosine",
        "0",
    ]
    other = with_chroma.run("vectorize", "create", unique_name, "--dimensions", "6")
    assert other.code == 1
    assert "5 dimensions" in other.err


def test_an_index_that_is_not_there_is_not_made_by_asking(with_chroma: Project, unique_name: str) -> None:
    for _ in range(2):
        ended = with_chroma.run("vectorize", "info", unique_name)
        assert ended.code == 1
        assert unique_name in ended.err


def test_another_metric_is_refused(with_chroma: Project, unique_name: str) -> None:
    ended = with_chroma.run("vectorize", "create", unique_name, "--metric", "euclidean")
    assert ended.code == 1
    assert '"cosine"' in ended.err


def test_rebuild_runs_the_workers_own_command(project: Project) -> None:
    ended = project.run("vectorize", "rebuild")
    assert ended.code == 1
    assert "[dev] table" in ended.err
    project.environ |= {"CHROMA_URL": "http://127.0.0.1:7", "TARGET": str(project.folder / "target")}
    command = "echo $CHROMA_URL $DATABASE_URL > $TARGET"
    project.write("second/wrangler.toml", f'name = "two"\n[dev]\nrebuild = "{command}"\n')
    assert project.run("vectorize", "rebuild").code == 0
    assert (project.folder / "target").read_text() == f"http://127.0.0.1:7 {project.environ['DATABASE_URL']}\n"


def test_a_rebuild_that_fails(project: Project) -> None:
    project.write("second/wrangler.toml", 'name = "two"\n[dev]\nrebuild = "false"\n')
    ended = project.run("vectorize", "rebuild")
    assert ended.code == 1
    assert ended.err.endswith("error: false ended with code 1.\n")


async def fill(url: str, name: str, count: int) -> None:
    numbers = np.random.default_rng(1).normal(size=(count, 3))
    async with open_chroma_index(url, name, dimensions=3) as index:
        await index.upsert([VectorizeVector(f"v{n}", tuple(row.tolist())) for n, row in enumerate(numbers)])


async def test_recall_says_how_much_of_the_nearest_is_found(with_chroma: Project, unique_name: str) -> None:
    await fill(with_chroma.environ["CHROMA_URL"], unique_name, 250)
    ended = await asyncio.to_thread(with_chroma.run, "vectorize", "recall", unique_name, "--samples", "50")
    assert ended.code == 0
    assert ended.out.startswith("recall@10 1.0000, lowest 1.00: 50 of 250 vectors asked, ")
    ended = await asyncio.to_thread(
        with_chroma.run, "vectorize", "recall", unique_name, "--top-k", "3", "--samples", "9", "--json"
    )
    told = json.loads(ended.out)
    assert (told["top_k"], told["samples"], told["vectors"], told["recall"]) == (3, 9, 250, 1.0)


async def test_recall_below_the_least_is_an_error(with_chroma: Project, unique_name: str) -> None:
    await fill(with_chroma.environ["CHROMA_URL"], unique_name, 20)
    ended = await asyncio.to_thread(with_chroma.run, "vectorize", "recall", unique_name, "--least", "1.01")
    assert ended.code == 1
    assert ended.out.startswith("recall@10 1.0000")
    assert "lower than 1.01" in ended.err


def test_recall_of_an_index_that_is_empty_or_not_there(with_chroma: Project, unique_name: str) -> None:
    missing = with_chroma.run("vectorize", "recall", unique_name)
    assert missing.code == 1
    assert unique_name in missing.err
    with_chroma.run("vectorize", "create", unique_name)
    empty = with_chroma.run("vectorize", "recall", unique_name)
    assert empty.code == 1
    assert "two vectors" in empty.err
