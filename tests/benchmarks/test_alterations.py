"""Every alteration, planned for clips of several shapes: graphs that hang together and truths that hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.quality.alterations import ALTERATIONS, GROUPS, UnknownAlterationError, chosen
from benchmarks.quality.artwork import title_card
from benchmarks.quality.building import Part, joined
from benchmarks.quality.plans import Alteration, Clip, Input, Plan, argv, digest, scene_of
from benchmarks.quality.published import THORN, VISIOFORGE
from tests.benchmarks.scenery import FILLERS, SHAPES, clip

BY_NAME = {each.name: each for each in ALTERATIONS}
CASES = [(each, source) for each in ALTERATIONS for source in SHAPES if each.suits(source)]
every_case = pytest.mark.parametrize(("alteration", "source"), CASES, ids=lambda value: value.name)


def plan_of(alteration: Alteration, source: Clip) -> Plan:
    return alteration.plan(scene_of(alteration, source, FILLERS))


def labels(graph: str) -> tuple[list[str], list[str]]:
    """The labels that are read and those that are written, in each chain's place."""
    read, written = [], []
    for chain in re.sub(r"'[^']*'", "", graph).split(";"):
        found = re.fullmatch(r"((?:\[[^]]+\])*)([^\[\]]+)((?:\[[^]]+\])*)", chain)
        assert found, chain
        read += re.findall(r"\[([^]]+)\]", found[1])
        written += re.findall(r"\[([^]]+)\]", found[3])
    return read, written


@every_case
def test_graphs_hang_together(alteration: Alteration, source: Clip) -> None:
    plan = plan_of(alteration, source)
    if not plan.graph:
        assert alteration.name == "visioforge-exact"
        return
    read, written = labels(plan.graph)
    streams = [label for label in read if ":" in label]
    inner = [label for label in read if ":" not in label]
    out = ["v", "a"] if plan.sounds else ["v"]
    assert sorted([*inner, *out]) == sorted(written), "each label is written once and read once"
    assert {int(label.split(":")[0]) for label in streams} == set(range(len(plan.inputs)))
    silent = {index for index, given in enumerate(plan.inputs) if given.what == source.path and not source.has_sound}
    assert not [label for label in streams if label.endswith(":a") and int(label.split(":")[0]) in silent]


@every_case
def test_truths_lie_within_the_copy_and_the_source(alteration: Alteration, source: Clip) -> None:
    plan = plan_of(alteration, source)
    assert 0.9 < plan.seconds < 60
    for piece in plan.pieces:
        assert 0 <= piece.start < piece.end <= plan.seconds + 0.01
        assert 0 <= piece.ref_start < piece.ref_end <= source.seconds + 0.01
        assert piece.ref_end - piece.ref_start == pytest.approx(piece.speed * (piece.end - piece.start), abs=0.01)
    assert plan.pieces or not alteration.timed


@every_case
def test_the_same_names_give_the_same_copy(alteration: Alteration, source: Clip) -> None:
    assert plan_of(alteration, source) == plan_of(alteration, source)


def test_another_clip_is_dealt_other_dice() -> None:
    logo = BY_NAME["crop-70"]
    assert plan_of(logo, clip("one")).graph != plan_of(logo, clip("two")).graph


def test_names_are_unique_and_fit_a_file() -> None:
    assert len(BY_NAME) == len(ALTERATIONS)
    assert all(re.fullmatch(r"[a-z0-9.+-]+", name) for name in BY_NAME)


def test_every_group_has_a_title_and_members() -> None:
    assert {each.group for each in ALTERATIONS} == set(GROUPS)


def test_the_published_rows_are_there() -> None:
    assert {each.name for each in ALTERATIONS if each.group == "thorn"} == set(THORN)
    assert {each.name for each in ALTERATIONS if each.group == "visioforge"} == set(VISIOFORGE)
    assert (len(THORN), len(VISIOFORGE)) == (7, 9)


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        ("trim-both", [(0, 6, 2, 8, 1.0)]),
        ("speed-1.25", [(0, 8, 0, 10, 1.25)]),
        ("intro-outro", [(4, 14, 0, 10, 1.0)]),
        ("black-frames", [(2, 12, 0, 10, 1.0)]),
        ("looped", [(0, 10, 0, 10, 1.0), (10, 20, 0, 10, 1.0)]),
        ("scattered", [(0, 5, 5, 10, 1.0), (8, 13, 0, 5, 1.0)]),
        ("slideshow", []),
        ("reversed", []),
        ("thorn-clip", [(0, 6, 2, 8, 1.0)]),
        ("thorn-black-frames", [(0.5, 10.5, 0, 10, 1.0)]),
    ],
)
def test_pieces_are_where_they_are(name: str, pieces: list[tuple[float, ...]]) -> None:
    plan = plan_of(BY_NAME[name], clip("ten"))
    assert [(p.start, p.end, p.ref_start, p.ref_end, p.speed) for p in plan.pieces] == pieces


def test_a_compilation_shows_most_of_one_piece() -> None:
    (piece,) = plan_of(BY_NAME["compilation"], clip("ten")).pieces
    assert (piece.start, piece.end) == (5, 11)


def test_only_what_mirrors_says_so() -> None:
    mirrored = {each.name for each in ALTERATIONS for piece in plan_of(each, SHAPES[0]).pieces if piece.mirrored}
    assert mirrored == {"mirrored", "upside-down", "mirrored+crop+logo", "visioforge-mirrored"}


def test_sound_alone_needs_a_clip_with_sound() -> None:
    assert not BY_NAME["new-picture"].suits(clip("mute", sound=False))
    assert BY_NAME["mirrored"].suits(clip("mute", sound=False))


def test_new_sound_is_a_fillers_or_made() -> None:
    for filler, made in zip(FILLERS, (False, True), strict=True):
        plan = BY_NAME["new-sound"].plan(scene_of(BY_NAME["new-sound"], clip("ten"), [filler]))
        assert isinstance(plan.inputs[1].what, str) is made
        assert "[0:a]" not in plan.graph


def test_slides_are_counted_by_the_length() -> None:
    assert plan_of(BY_NAME["slideshow"], clip("ten")).seconds == 8
    assert plan_of(BY_NAME["slideshow"], clip("long", seconds=60)).seconds == 20


def test_choosing_by_name_and_by_group() -> None:
    assert [each.name for each in chosen(["gray", "blur"])] == ["gray", "blur"]
    assert {each.group for each in chosen(["thorn"])} == {"thorn"}
    assert chosen([]) == ALTERATIONS
    with pytest.raises(UnknownAlterationError, match="sepia"):
        chosen(["gray", "sepia"])


def test_the_command_names_inputs_in_order_and_the_encoders() -> None:
    plan = plan_of(BY_NAME["logo"], clip("ten"))
    words = argv(plan, {1: Path("/art/1.pam")}, Path("/out.mp4"))
    assert words[0] == "ffmpeg"
    assert [words[at + 1] for at, word in enumerate(words) if word == "-i"] == ["/clips/ten.mp4", "/art/1.pam"]
    assert words[words.index("-filter_complex") + 1] == plan.graph
    assert "libx264" in words
    assert words[-1] == "/out.mp4"


def test_a_silent_copy_has_no_track_and_an_exact_one_no_graph() -> None:
    assert "-an" in argv(plan_of(BY_NAME["no-sound"], clip("ten")), {}, Path("x"))
    exact = argv(plan_of(BY_NAME["visioforge-exact"], clip("ten")), {}, Path("x"))
    assert exact[-3:] == ["-c", "copy", "x"]
    assert "-filter_complex" not in exact


def test_made_sources_are_read_through_lavfi() -> None:
    plan = Plan((Input("sine=440"),), "[0:a]anull[a]", 1.0, (), True)
    words = argv(plan, {}, Path("x"))
    assert words[words.index("-i") - 2 : words.index("-i")] == ["-f", "lavfi"]


def test_the_digest_follows_what_is_made_and_not_where() -> None:
    source, moved = clip("ten"), Clip("ten", Path("/elsewhere/ten.mp4"), 640, 360, 10.0, 25.0, True)
    gray, logo = BY_NAME["gray"], BY_NAME["logo"]
    assert digest(plan_of(gray, source)) == digest(plan_of(gray, moved))
    assert len({digest(plan_of(each, source)) for each in (gray, logo, BY_NAME["h264"], BY_NAME["vp9"])}) == 4


def test_joined_parts_take_their_own_time() -> None:
    source = clip("ten")
    scene = scene_of(BY_NAME["intro"], source, FILLERS)
    card = title_card(64, 36, "HI")
    plan = joined(scene, [Part(card, 0, 1.5), Part(source, 2, 5), Part(None, 0, 0.5), Part(source, 7, 8)])
    assert [(p.start, p.end, p.ref_start, p.ref_end) for p in plan.pieces] == [(1.5, 4.5, 2, 5), (5, 6, 7, 8)]
    assert plan.seconds == 6
    assert len(plan.inputs) == 3
