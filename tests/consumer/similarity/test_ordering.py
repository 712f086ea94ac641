from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from consumer.similarity.ordering import ascending


@given(arrays(np.int64, st.integers(0, 40), elements=st.integers(0, 2**31)))
def test_it_is_a_stable_sort(values: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
    assert ascending(values).tolist() == np.argsort(values, kind="stable").tolist()


def test_the_bits_of_floats_that_are_not_negative_are_in_the_order_of_their_values() -> None:
    values = np.array([0.5, 0.0, 3e38, 1e-40, 0.5, 7.25], np.float32)
    assert ascending(values.view(np.int32)).tolist() == np.argsort(values, kind="stable").tolist()
