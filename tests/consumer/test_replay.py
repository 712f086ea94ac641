"""Verdicts made again without being written: who is compared with whom, in which order, and what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.history import Past
from consumer.kept import Shelf
from consumer.records import Video
from consumer.replay import Kinship, Replay, Replayed, families
from consumer.workers import open_workers
from tests.consumer.fingerprints import make_fingerprint
from tests.consumer.world import DETECTION, Likeness, compare
from wire.fingerprints import ALGORITHM_VERSION, Fingerprint, pack
from wire.verdicts import Verdict
from wrangler_compat.testing import MemoryR2Bucket

Names = Mapping[str, Sequence[str]]


def past(name: str, status: str = "approved", *, at: str | None = None, **verdict: str) -> Past:
    """A video that came when its name says, unless told. verdict: reason, duplicate_of, similar_to."""
    video = Video(
        name, f"videos/{name}", "u", at or name, "normal", "standard", "", None, None, None, f"{name}.vfp",
        ALGORITHM_VERSION, None, None,
    )  # fmt: skip
    named = frozenset(verdict[each] for each in ("duplicate_of", "similar_to") if each in verdict)
    return Past(
        video,
        status,
        verdict.get("reason"),
        verdict.get("duplicate_of"),
        verdict.get("similar_to"),
        None,
        "policy",
        named,
    )


def kinship(
    chosen: Sequence[Past], others: Sequence[Past] = (), links: Sequence[str] = (), found: Names | None = None
) -> Kinship:
    """links: `ab` links a and b."""
    return Kinship(chosen, others, [(link[0], link[1]) for link in links], found or {})


def candidates(of: str, among: Kinship) -> str:
    return "".join(each.video.id for each in among.candidates(past(of)))


async def replayed(
    videos: Kinship, fingerprints: Mapping[str, Fingerprint], *, stop: asyncio.Event | None = None, most: int = 16
) -> dict[str, Replayed]:
    """With the doubles of the core: two videos are alike as their video vectors are."""
    bucket = MemoryR2Bucket()
    for name, fingerprint in fingerprints.items():
        await bucket.put(f"{name}.vfp", pack(fingerprint))
    done: list[Replayed] = []
    with open_workers(partial(ThreadPoolExecutor, 2)) as workers:
        replay = Replay(Shelf(bucket, workers), workers, DETECTION, most)
        await replay.run(videos, note=done.append, stop=stop or asyncio.Event())
    assert len({each.before.video.id for each in done}) == len(done)
    return {each.before.video.id: each for each in done}


def verdict_of(each: Replayed) -> tuple[str, str | None]:
    assert each.verdict is not None
    return each.verdict.status, each.verdict.duplicate_of


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (past("a"), Verdict("approved", 1, {}), None),
        (past("a"), Verdict("flagged", 1, {}, "mirrored", None, "b"), "approved -> flagged"),
        (past("a", "duplicate", duplicate_of="b"), Verdict("approved", 1, {}), "duplicate -> approved"),
        (past("a", "duplicate", duplicate_of="b"), Verdict("duplicate", 1, {}, duplicate_of="b"), None),
        (
            past("a", "duplicate", duplicate_of="b"),
            Verdict("duplicate", 1, {}, duplicate_of="c"),
            "duplicate, of another video",
        ),
        (
            past("a", "flagged", reason="rotated", duplicate_of="b"),
            Verdict("flagged", 1, {}, "mirrored", duplicate_of="c"),
            "flagged for another reason",
        ),
        (past("a"), Verdict("approved", 1, {}, similar_to="b"), "approved, similar to another video"),
        (past("a", similar_to="b"), Verdict("approved", 1, {}), "approved, similar to none"),
        (past("a"), None, None),
    ],
)
def test_the_kinds_of_change(before: Past, after: Verdict | None, change: str | None) -> None:
    assert Replayed(before, after).change == change


def test_families_are_those_who_are_linked_however_far() -> None:
    found = families("abcdefg", [("a", "b"), ("c", "b"), ("d", "e"), ("x", "f"), ("f", "x")])
    assert sorted("".join(sorted(family)) for family in found) == ["abc", "de", "fx", "g"]


LINKS = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), max_size=8)


@given(LINKS)
def test_every_video_is_in_one_family_with_all_it_is_linked_with(links: list[tuple[str, str]]) -> None:
    found = families("abcdef", links)
    assert sorted(name for family in found for name in family) == list("abcdef")
    assert all(any({one, other} <= family for family in found) for one, other in links)
    assert len(found) >= 6 - len(links)


def test_those_who_stand_are_candidates_linked_ones_first_and_approved_ones_before_flagged_ones() -> None:
    others = [past("a"), past("b", "flagged"), past("c", "duplicate"), past("d", "rejected"), past("e"), past("f")]
    among = kinship([past("z")], others, ["bz", "cz", "dz", "ez", "ab"])
    assert candidates("z", among) == "eba"


def test_those_that_the_index_proposes_come_after_the_linked_ones_best_first() -> None:
    others = [past(name) for name in "abcde"]
    among = kinship([past("z")], others, ["ez", "de"], {"z": ["c", "gone", "a"]})
    assert candidates("z", among) == "ecad"


def test_what_is_to_be_judged_again_does_not_stand_before_it_has_been() -> None:
    among = kinship([past("a"), past("b"), past("c")], [], ["ab", "bc"])
    assert candidates("c", among) == ""
    among.statuses["a"] = "approved"
    assert candidates("c", among) == candidates("b", among) == "a"


def test_a_later_video_that_keeps_its_verdict_stands() -> None:
    assert candidates("a", kinship([past("a")], [past("b")], ["ab"])) == "b"


def test_one_without_a_fingerprint_of_this_version_is_no_candidate() -> None:
    old = past("a")
    old = replace(old, video=replace(old.video, algorithm_version=ALGORITHM_VERSION + 1))
    assert candidates("b", kinship([past("b")], [old], ["ab"])) == ""


def test_groups_have_nothing_to_do_with_one_another_and_are_the_oldest_first() -> None:
    chosen = [past("a", at="9"), past("b"), past("c"), past("d"), past("e")]
    groups = kinship(chosen, [past("x"), past("y")], ["ax", "bx", "yy"], {"c": ["d"]}).independent()
    assert sorted("".join(each.video.id for each in group) for group in groups) == ["ab", "cd", "e"]


async def test_videos_are_judged_against_those_that_came_earlier() -> None:
    same = make_fingerprint(1)
    done = await replayed(
        kinship([past("c", "duplicate", duplicate_of="a"), past("a"), past("b")], [], ["ac", "ab"]),
        {"a": same, "b": same, "c": same},
    )
    assert {name: verdict_of(each) for name, each in done.items()} == {
        "a": ("approved", None),
        "b": ("duplicate", "a"),
        "c": ("duplicate", "a"),
    }
    assert [done[name].change for name in "abc"] == [None, "approved -> duplicate", None]


async def test_a_copy_of_a_copy_is_judged_against_the_original_though_no_verdict_links_the_two() -> None:
    same = make_fingerprint(1)
    done = await replayed(kinship([past(name) for name in "abc"], [], ["ab", "bc"]), dict.fromkeys("abc", same))
    assert verdict_of(done["c"]) == ("duplicate", "a")


async def test_videos_that_nothing_links_are_not_compared() -> None:
    same = make_fingerprint(1)
    done = await replayed(kinship([past("a"), past("b")]), {"a": same, "b": same})
    assert [verdict_of(done[name]) for name in "ab"] == [("approved", None)] * 2


async def test_what_keeps_its_verdict_is_not_judged() -> None:
    same = make_fingerprint(1)
    done = await replayed(
        kinship([past("b")], [past("a", "rejected"), past("c")], ["ab", "bc"]), dict.fromkeys("abc", same)
    )
    assert {name: verdict_of(each) for name, each in done.items()} == {"b": ("duplicate", "c")}


async def test_no_more_are_compared_than_the_settings_allow_and_the_nearest_go_first() -> None:
    vectors = {"a": make_fingerprint(2), "b": make_fingerprint(1), "z": make_fingerprint(1)}
    among = [past("a"), past("b")], ["ab", "az"]
    done = await replayed(kinship([past("z")], among[0], among[1]), vectors, most=1)
    assert verdict_of(done["z"]) == ("approved", None)
    done = await replayed(kinship([past("z")], among[0], among[1]), vectors, most=2)
    assert verdict_of(done["z"]) == ("duplicate", "b")


async def test_comparing_stops_at_a_certain_duplicate() -> None:
    compared: list[str] = []

    def counting(query: Fingerprint, references: Sequence[Fingerprint]) -> list[Likeness]:
        compared.extend("" for _ in references)
        return compare(query, references)

    names = "abcdefghij"
    bucket = MemoryR2Bucket()
    for name in (*names, "z"):
        await bucket.put(f"{name}.vfp", pack(make_fingerprint(1)))
    others = [past(name) for name in names]
    with open_workers(partial(ThreadPoolExecutor, 2)) as workers:
        replay = Replay(Shelf(bucket, workers), workers, replace(DETECTION, compare=counting), 16)
        links = [f"{name}z" for name in names]
        await replay.run(kinship([past("z")], others, links), note=lambda _: None, stop=asyncio.Event())
    assert len(compared) == 4


async def test_a_fingerprint_that_is_gone_is_no_candidate_and_a_video_without_one_is_not_judged() -> None:
    same = make_fingerprint(1)
    done = await replayed(kinship([past("b")], [past("a")], ["ab"]), {"b": same})
    assert verdict_of(done["b"]) == ("approved", None)
    done = await replayed(kinship([past("b"), past("c")], [past("a")], ["ab", "bc"]), {"a": same, "c": same})
    assert done["b"].verdict is None
    assert verdict_of(done["c"]) == ("duplicate", "a")


async def test_when_told_to_stop_the_rest_is_left() -> None:
    stop = asyncio.Event()
    stop.set()
    assert await replayed(kinship([past("a"), past("b")], [], ["ab"]), {}, stop=stop) == {}
