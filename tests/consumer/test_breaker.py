from __future__ import annotations

import pytest

from consumer.breaker import Breaker


class Time:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def breaker(time: Time) -> Breaker:
    return Breaker(failures=3, rest_seconds=5, now=time)


def trip(breaker: Breaker) -> None:
    for _ in range(3):
        assert breaker.before_call()
        breaker.failed()


def test_failures_in_a_row_open_it(breaker: Breaker) -> None:
    breaker.failed()
    breaker.failed()
    assert breaker.before_call()
    breaker.failed()
    assert breaker.state == "open"
    assert not breaker.before_call()
    assert breaker.seconds_to_wait() == 5


def test_a_success_starts_the_count_anew(breaker: Breaker) -> None:
    breaker.failed()
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    breaker.failed()
    assert breaker.state == "closed"


def test_after_the_rest_one_call_goes_out_and_the_others_wait_for_it(breaker: Breaker, time: Time) -> None:
    trip(breaker)
    time.seconds += 5
    assert breaker.state == "half_open"
    assert breaker.before_call()
    assert not breaker.before_call()


def test_the_probe_that_succeeds_closes_it(breaker: Breaker, time: Time) -> None:
    trip(breaker)
    time.seconds += 5
    assert breaker.before_call()
    breaker.succeeded()
    assert breaker.state == "closed"
    assert breaker.before_call()
    assert breaker.before_call()


def test_the_probe_that_fails_opens_it_again(breaker: Breaker, time: Time) -> None:
    trip(breaker)
    time.seconds += 5
    assert breaker.before_call()
    breaker.failed()
    assert breaker.state == "open"
    time.seconds += 4
    assert not breaker.before_call()
    time.seconds += 1
    assert breaker.before_call()


def test_a_probe_that_never_comes_back_makes_way_for_another(breaker: Breaker, time: Time) -> None:
    trip(breaker)
    time.seconds += 5
    assert breaker.before_call()
    time.seconds += 5
    assert breaker.before_call()
