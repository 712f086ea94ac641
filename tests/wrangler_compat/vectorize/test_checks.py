"""Cloudflare's limits, at the limit and one beyond it; NaN, zero and wrong dimensions refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrangler_compat.errors import VectorizeError
from wrangler_compat.vectorize import checks, limits
from wrangler_compat.vectorize.types import VectorizeVector


def code_of(call: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(VectorizeError) as raised:
        call(*arguments, **named)
    assert not raised.value.retryable
    assert limits.LIMITS_PAGE in raised.value.message
    return raised.value.code


def test_indexes() -> None:
    checks.check_index("video-fingerprints", 64, "cosine")
    checks.check_index("a" * 64, 1536, "cosine")
    for name in ("ab", "a" * 65, "Video", "-abc", "abc-", "a_b", "a b c"):
        assert code_of(checks.check_index, name, 64, "cosine") == "VECTORIZE_NAME_INVALID"
    for dimensions in (0, 1537):
        assert code_of(checks.check_index, "abc", dimensions, "cosine") == "VECTORIZE_DIMENSIONS_INVALID"
    assert code_of(checks.check_index, "abc", 64, "euclidean") == "VECTORIZE_METRIC_INVALID"


def test_values_become_32_bit_floats() -> None:
    assert checks.check_values([0.1, 2], 2) == [float(np.float32(0.1)), 2.0]
    assert checks.check_values(np.array([1.5, -2.5]), 2) == [1.5, -2.5]  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e39])
def test_values_must_be_finite(bad: float) -> None:
    assert code_of(checks.check_values, [1.0, bad], 2) == "VECTORIZE_VALUES_INVALID"


def test_a_vector_without_direction_is_refused() -> None:
    assert code_of(checks.check_values, [0.0, 0.0], 2) == "VECTORIZE_VALUES_ZERO"
    assert code_of(checks.check_values, [1e-50, 0.0], 2) == "VECTORIZE_VALUES_ZERO"


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 1.0, 1.0]])
def test_dimensions_must_match(values: list[float]) -> None:
    assert code_of(checks.check_values, values, 2) == "VECTORIZE_DIMENSIONS_MISMATCH"


def test_ids() -> None:
    checks.check_ids(["x" * 64, "ü" * 32])
    for bad in ("", "x" * 65, "ü" * 33, 5):
        assert code_of(checks.check_ids, [bad]) == "VECTORIZE_ID_INVALID"


def test_namespaces() -> None:
    checks.check_namespace("x" * 64)
    for bad in ("", "x" * 65):
        assert code_of(checks.check_namespace, bad) == "VECTORIZE_NAMESPACE_INVALID"


def test_good_metadata() -> None:
    checks.check_metadata({})
    checks.check_metadata({"r2_key": "videos/x.mp4", "duration": 3.5, "count": 2**63 - 1, "ok": True})


@pytest.mark.parametrize(
    "metadata",
    [
        {"": 1},
        {"$eq": 1},
        {"a.b": 1},
        {"wrangler:namespace": "x"},
        {"a": None},
        {"a": [1]},
        {"a": math.nan},
        {"a": 2**63},
        {5: "x"},
    ],
)
def test_bad_metadata(metadata: Any) -> None:
    assert code_of(checks.check_metadata, metadata) == "VECTORIZE_METADATA_INVALID"


def test_metadata_by_bytes() -> None:
    room = limits.MAX_METADATA_BYTES - len('{"a": ""}')
    checks.check_metadata({"a": "x" * room})
    assert code_of(checks.check_metadata, {"a": "x" * (room + 1)}) == "VECTORIZE_METADATA_TOO_LARGE"


@pytest.mark.parametrize(("top_k", "beside"), [(1, False), (100, False), (1, True), (50, True)])
def test_good_top_k(top_k: int, beside: bool) -> None:
    checks.check_top_k(top_k, with_values_or_metadata=beside)


@pytest.mark.parametrize(("top_k", "beside"), [(0, False), (101, False), (51, True), (-1, True)])
def test_bad_top_k(top_k: int, beside: bool) -> None:
    assert code_of(checks.check_top_k, top_k, with_values_or_metadata=beside) == "VECTORIZE_TOP_K_INVALID"


def test_batches() -> None:
    checks.check_ids(["x"] * limits.MAX_BATCH)
    assert code_of(checks.check_ids, ["x"] * (limits.MAX_BATCH + 1)) == "VECTORIZE_BATCH_TOO_LARGE"
    vector = VectorizeVector("x", (1.0,))
    assert code_of(checks.check_vectors, [vector] * (limits.MAX_BATCH + 1), 1) == "VECTORIZE_BATCH_TOO_LARGE"


def test_a_checked_vector_shares_nothing_with_the_callers() -> None:
    metadata: dict[str, Any] = {"a": 1}
    values = [1.0, 2.0]
    checked = checks.check_vector(VectorizeVector("x", values, "n", metadata), 2)
    metadata["a"] = 2
    values[0] = 9.0
    assert checked == VectorizeVector("x", (1.0, 2.0), "n", {"a": 1})


def test_empty_metadata_is_none() -> None:
    assert checks.check_vector(VectorizeVector("x", (1.0,), None, {}), 1).metadata is None


ids = st.lists(st.sampled_from("abcde"))


@given(ids)
def test_first_and_last_of_each(names: list[str]) -> None:
    vectors = [VectorizeVector(name, (float(place),)) for place, name in enumerate(names)]
    first, last = checks.first_of_each(vectors), checks.last_of_each(vectors)
    assert {vector.id for vector in first} == {vector.id for vector in last} == set(names)
    assert len(first) == len(last) == len(set(names))
    for vector in first:
        assert vector.values[0] == names.index(vector.id)
    for vector in last:
        assert vector.values[0] == len(names) - 1 - names[::-1].index(vector.id)
