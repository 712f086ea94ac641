from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.quality.scores import code_scores, frame_hashes, recipe_scores, videohash_scores, vpdq_scores

RANDOM = np.random.default_rng(5)


def pdq(count: int) -> list[str]:
    return [RANDOM.bytes(32).hex() for _ in range(count)]


def flipped(text: str, bits: int) -> str:
    return f"{int(text, 16) ^ ((1 << bits) - 1):064x}"


def features(texts: list[str], quality: int = 100) -> dict[str, object]:
    return {"hashes": [[text, quality] for text in texts]}


def test_vpdq_takes_frames_within_distance_31_for_the_same() -> None:
    a, b = pdq(2)
    scores = vpdq_scores(features([a, b]), features([flipped(a, 31), flipped(b, 32)]))
    assert scores == {"copy": 0.5, "original": 0.5, "larger": 0.5}


def test_vpdq_shares_are_of_each_side() -> None:
    texts = pdq(8)
    assert vpdq_scores(features(texts[:2]), features(texts)) == {"copy": 1.0, "original": 0.25, "larger": 1.0}


def test_vpdq_leaves_out_poor_frames_and_repeated_ones() -> None:
    a, b = sorted(pdq(2))
    assert len(frame_hashes([[a, 49], [b, 50], [b, 99]])) == 1
    assert frame_hashes([[b, 50]]).tobytes() == bytes.fromhex(b)


def test_vpdq_has_no_score_without_frames() -> None:
    assert all(math.isnan(score) for score in vpdq_scores(features(pdq(1), 10), features(pdq(1))).values())


@pytest.mark.parametrize(
    ("a", "b", "equal"), [("0xff", "0xff", 1.0), ("0xff", "0x00", 56 / 64), ("0x1", "0x3", 63 / 64)]
)
def test_videohash_counts_equal_bits(a: str, b: str, equal: float) -> None:
    assert videohash_scores({"hash": a}, {"hash": b}) == {"equal bits": equal}


def test_the_recipe_is_a_cosine() -> None:
    assert recipe_scores({"vector": [1.0, 0.0]}, {"vector": [2.0, 0.0]})["cosine"] == pytest.approx(1)
    assert recipe_scores({"vector": [1.0, 0.0]}, {"vector": [1.0, 1.0]})["cosine"] == pytest.approx(math.sqrt(0.5))
    assert math.isnan(recipe_scores({"vector": [0.0, 0.0]}, {"vector": [1.0, 1.0]})["cosine"])


def codes(count: int) -> list[int]:
    return [int(code) for code in RANDOM.integers(0, 2**32, count)]


@pytest.mark.parametrize("cut", [slice(0, None), slice(30, None), slice(None, 60), slice(25, 75)])
def test_codes_are_found_at_any_offset(cut: slice) -> None:
    sound = codes(100)
    assert code_scores({"codes": sound[cut]}, {"codes": sound})["equal bits"] == 1
    assert code_scores({"codes": sound}, {"codes": sound[cut]})["equal bits"] == 1


def test_unrelated_codes_agree_by_half() -> None:
    assert 0.45 < code_scores({"codes": codes(90)}, {"codes": codes(120)})["equal bits"] < 0.6


def test_silence_says_nothing() -> None:
    silence = {"codes": [627964279] * 90}
    assert math.isnan(code_scores(silence, silence)["equal bits"])
    assert math.isnan(code_scores({"codes": codes(90)}, silence)["equal bits"])


def test_five_seconds_of_codes_are_the_least() -> None:
    sound = codes(39)
    assert math.isnan(code_scores({"codes": sound}, {"codes": sound})["equal bits"])
    assert math.isnan(code_scores({"codes": []}, {"codes": codes(50)})["equal bits"])
