"""How much work something is, counted and not timed: the same on every machine, however busy."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def lines_run(call: Callable[[], object]) -> int:
    """Lines of Python that run in the course of a call. What C does is not seen: a loop of Python's costs a line or
    more each time round, a search in a buffer none."""
    count = 0

    def in_frame(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return in_frame

    before = sys.gettrace()
    sys.settrace(lambda frame, event, argument: in_frame)
    try:
        call()
    finally:
        sys.settrace(before)
    return count
