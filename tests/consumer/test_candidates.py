from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from consumer.candidates import rank

VIDEOS = st.sampled_from([f"v{n}" for n in range(8)])
VECTOR_HITS = st.lists(st.tuples(VIDEOS, st.floats(-1, 1)), max_size=40)
SOUND_VOTES = st.dictionaries(VIDEOS, st.floats(0.01, 20), max_size=8)


def test_nothing_found_is_nothing_ranked() -> None:
    assert rank([], {}, 10) == []


def test_the_nearest_comes_first() -> None:
    assert rank([("far", 0.6), ("near", 0.99), ("between", 0.8)], {}, 10) == ["near", "between", "far"]


def test_what_is_no_nearer_than_the_unrelated_is_not_compared() -> None:
    assert rank([("far", 0.45), ("opposite", -0.9), ("near", 0.46)], {}, 10) == ["near"]


def test_many_fair_hits_outweigh_being_second_nearest() -> None:
    whole = [("whole", 0.8)] * 30
    lone = [(f"lone{n}", 0.85) for n in range(20)]
    assert rank(lone + whole, {}, 3).count("whole") == 1


def test_a_single_very_near_part_is_not_crowded_out_by_wholes() -> None:
    wholes = [(f"whole{n}", 0.8) for n in range(10) for _ in range(50)]
    assert "part" in rank([*wholes, ("part", 0.97)], {}, 3)


def test_the_most_voted_sound_comes_first() -> None:
    assert rank([], {"faint": 1.0, "loud": 7.5, "fair": 2.0}, 2) == ["loud", "fair"]


def test_sound_alone_proposes_a_video() -> None:
    pictures = [(f"v{n}", 0.9) for n in range(50)]
    assert "heard" in rank(pictures, {"heard": 2.0}, 4)


def test_of_a_crowd_only_what_stands_out_is_compared_beyond_the_first_few() -> None:
    crowd = [(f"v{n:03}", 0.6) for n in range(500)]
    assert len(rank(crowd[:100], {}, 16)) == 16
    assert rank(crowd, {}, 16) == ["v000", "v001"]
    near, heavy = [("near", 0.76)], [("heavy", 0.7)] * 10
    found = rank([*crowd, *near, *heavy], {"heard": 3.0, "faint": 0.5}, 16)
    assert set(found) == {"near", "heavy", "heard"}
    nearer = [(f"n{n}", 0.9) for n in range(9)]
    assert {"near", "heavy", "heard"} < set(rank([*crowd, *near, *heavy, *nearer], {"heard": 3.0}, 16))
    assert len(rank([*crowd, *near], {}, 16)) == 2


@given(VECTOR_HITS, SOUND_VOTES, st.integers(0, 10), st.randoms(use_true_random=False))
def test_the_order_of_the_hits_does_not_matter(
    vectors: list[tuple[str, float]], sounds: dict[str, float], limit: int, random: Random
) -> None:
    ranked = rank(vectors, sounds, limit)
    random.shuffle(vectors)
    assert rank(vectors, sounds, limit) == ranked


@given(VECTOR_HITS, SOUND_VOTES, st.integers(0, 10))
def test_each_video_is_named_once_and_at_most_limit_are(
    vectors: list[tuple[str, float]], sounds: dict[str, float], limit: int
) -> None:
    ranked = rank(vectors, sounds, limit)
    assert len(ranked) == len(set(ranked)) <= limit
    assert set(ranked) <= {hit[0] for hit in vectors} | sounds.keys()


@given(VECTOR_HITS, SOUND_VOTES)
def test_whatever_sounds_alike_is_named_when_there_is_room(
    vectors: list[tuple[str, float]], sounds: dict[str, float]
) -> None:
    assert sounds.keys() <= set(rank(vectors, sounds, 100))
