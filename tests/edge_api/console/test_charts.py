"""Where the pieces of a chart lie: inside, in order, as long as their numbers say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_api.console.charts import HEIGHT, LEFT_PERCENT, TOP, ceiling, columns, compact, shares, slices

COUNTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=31)


@given(COUNTS)
def test_columns_stand_side_by_side_on_the_base(values: list[int]) -> None:
    chart = columns(values, [str(number) for number in range(len(values))])
    assert len(chart.columns) == len(values)
    right = LEFT_PERCENT
    for column, value in zip(chart.columns, values, strict=True):
        assert right - 0.02 <= column.x
        right = column.x + column.width
        assert column.x < column.middle < right <= 100.01
        assert column.y + column.height == pytest.approx(chart.base, abs=0.02)
        assert column.y + 0.02 >= TOP
        assert (column.height > 0) is (value > 0)
    assert chart.columns[-1].label == str(len(values) - 1)


@given(COUNTS)
def test_who_is_more_is_not_lower(values: list[int]) -> None:
    chart = columns(values, [""] * len(values))
    pairs = sorted(zip(values, (column.height for column in chart.columns), strict=True))
    heights = [height for _, height in pairs]
    assert heights == sorted(heights)


def test_by_hand() -> None:
    chart = columns([0, 5, 10], ["8", "9", "10"])
    assert [column.height for column in chart.columns] == [0, HEIGHT / 2, HEIGHT]
    assert [column.label for column in chart.columns] == ["8", "", "10"]
    assert [(line.y, line.label) for line in chart.lines] == [(TOP + HEIGHT / 2, "5"), (TOP, "10")]


def test_of_nothing() -> None:
    assert columns([], []).columns == ()
    assert {column.height for column in columns([0, 0], ["", ""]).columns} == {0}
    assert slices({"a": 0, "b": 0}) == []
    assert shares([]) == []
    assert shares([0, 0]) == [0, 0]


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="negative"):
        columns([-1], [""])
    with pytest.raises(ValueError, match="negative"):
        slices({"a": -1})
    with pytest.raises(ValueError, match="argument"):
        columns([1], [])


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 10**12), min_size=1, max_size=8))
def test_slices_fill_the_whole(parts: dict[str, int]) -> None:
    found = slices(parts)
    assert [each.name for each in found] == [name for name, value in parts.items() if value]
    x = 0.0
    for each in found:
        assert each.x == pytest.approx(x, abs=0.02)
        x = each.x + each.width
    assert not found or found[-1].x + found[-1].width == pytest.approx(100, abs=0.1)


def test_bars_by_the_longest() -> None:
    assert shares([50, 25, 0]) == [100, 50, 0]


@pytest.mark.parametrize(
    ("most", "expected"), [(0, 2), (1, 2), (2, 2), (3, 4), (5, 6), (7, 10), (10, 10), (11, 20), (61, 100), (1001, 2000)]
)
def test_the_top_line(most: float, expected: float) -> None:
    assert ceiling(most) == expected


@given(st.floats(2, 1e12))
def test_the_top_line_is_above_and_not_far(most: float) -> None:
    assert most * 0.999 <= ceiling(most) <= most * 2.001


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (950, "950"), (1200, "1.2k"), (12000, "12k"), (3_400_000, "3.4M"), (2e9, "2G")]
)
def test_numbers_beside_a_line(number: float, text: str) -> None:
    assert compact(number) == text
