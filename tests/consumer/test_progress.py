from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import Iterator

import pytest

from consumer.progress import Progress, interruptible, progress, side_by_side, spoken


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def ticks(*, every: float) -> Iterator[float]:
    at = 0.0
    while True:
        yield at
        at += every


def shown(stream: Terminal) -> list[str]:
    return [line for line in stream.getvalue().split("\r\x1b[K") if line]


def test_a_terminal_is_told_how_far_it_is_and_how_long_it_may_take() -> None:
    stream, clock = Terminal(), ticks(every=10.0)
    line = Progress("comparing", 4, stream, lambda: next(clock))
    for _ in range(4):
        line.step()
    assert shown(stream) == [
        "comparing 1/4, about 30 s left",
        "comparing 2/4, about 20 s left",
        "comparing 3/4, about 10 s left",
        "comparing 4/4",
    ]


def test_the_line_is_not_written_more_often_than_one_can_read() -> None:
    stream, clock = Terminal(), ticks(every=1 / 16)
    line = Progress("comparing", 12, stream, lambda: next(clock))
    for _ in range(12):
        line.step()
    assert [text.split()[1] for text in shown(stream)] == ["4/12", "8/12", "12/12"]


def test_the_line_is_wiped_in_the_end_even_after_a_failure() -> None:
    stream = Terminal()

    def fail() -> None:
        with progress("comparing", 1, stream) as line:
            line.step()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert stream.getvalue().endswith("comparing 1/1\r\x1b[K")


def test_a_file_is_told_nothing() -> None:
    stream = io.StringIO()
    with progress("comparing", 2, stream) as line:
        line.step()
        line.step()
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (45, "45 s"),
        (89, "89 s"),
        (91, "2 min"),
        (1800, "30 min"),
        (5400, "1 h 30 min"),
        (12000, "3 h 20 min"),
    ],
)
def test_times_are_spoken_in_a_unit_that_fits(seconds: float, words: str) -> None:
    assert spoken(seconds) == words


async def test_work_is_done_side_by_side() -> None:
    at_work = most = 0

    async def work() -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0.01)
        at_work -= 1

    await side_by_side(3, work)
    assert (most, at_work) == (3, 0)


async def test_the_first_failure_ends_all_and_is_raised_as_it_is() -> None:
    ended: list[str] = []
    turns = iter(["fail", "wait"])

    async def work() -> None:
        if next(turns) == "fail":
            raise LookupError("no")
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled")

    with pytest.raises(LookupError, match="no"):
        await side_by_side(2, work)
    assert ended == ["cancelled"]


async def test_the_first_interrupt_asks_to_stop_and_the_second_interrupts() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interruptible() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.wait_for(stop.wait(), 60)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is before
