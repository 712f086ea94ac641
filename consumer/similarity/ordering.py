"""Putting many whole numbers in order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def ascending(values: NDArray[np.signedinteger[Any]]) -> NDArray[np.intp]:
    """np.argsort(values, kind="stable"), in half the time, of fewer than 2**31 values of 0 to 2**31.

    Each value carries its place in its lower bits: to sort numbers is faster than to sort places by them.
    """
    bits = max(len(values) - 1, 1).bit_length()
    return np.asarray(np.sort(values.astype(np.int64) << bits | np.arange(len(values))) & ((1 << bits) - 1), np.intp)
