from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.retries import backoff_seconds, is_last


@given(st.integers(1, 200), st.floats(0, 100), st.floats(0, 1000), st.integers())
def test_a_wait_is_between_half_and_all_of_the_doubled_base_and_never_above_the_limit(
    attempt: int, base: float, limit: float, seed: int
) -> None:
    wait = backoff_seconds(attempt, base=base, limit=limit, random=Random(seed))
    longest = min(limit, base * 2.0 ** min(attempt - 1, 60))
    assert longest / 2 <= wait <= longest


def test_waits_double() -> None:
    longest = [backoff_seconds(n, base=2, limit=1000, random=_Most()) for n in (1, 2, 3, 4)]
    assert longest == pytest.approx([2, 4, 8, 16], rel=1e-6)


def test_jobs_that_failed_together_come_back_apart() -> None:
    random = Random(7)
    assert len({backoff_seconds(1, base=2, limit=60, random=random) for _ in range(20)}) == 20


def test_attempts_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="from 1"):
        backoff_seconds(0, base=1, limit=1, random=Random(1))


@pytest.mark.parametrize(("attempt", "retries", "last"), [(1, 0, True), (1, 3, False), (3, 3, False), (4, 3, True)])
def test_the_first_try_and_max_retries_more_are_allowed(attempt: int, retries: int, last: bool) -> None:
    assert is_last(attempt, retries) is last


class _Most(Random):
    def random(self) -> float:
        return 1.0
