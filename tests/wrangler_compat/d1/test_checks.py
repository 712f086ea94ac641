from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrangler_compat.d1.checks import bindable, keyword, may_only_read, split
from wrangler_compat.errors import D1Error


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("select 1", "SELECT"),
        ("  \n-- a comment\nInsert into t", "INSERT"),
        ("/* a */ /* b */UPDATE t", "UPDATE"),
        ("-- nothing else", ""),
        ("/* never closed", ""),
        ("", ""),
        ("123", ""),
    ],
)
def test_keyword(sql: str, word: str) -> None:
    assert keyword(sql) == word


def test_may_only_read() -> None:
    assert may_only_read("SELECT 1")
    assert may_only_read("-- x\nwith a as (select 1) select * from a")
    assert may_only_read("EXPLAIN QUERY PLAN DELETE FROM t")
    assert not may_only_read("PRAGMA journal_mode=DELETE")
    assert not may_only_read("REPLACE INTO t VALUES (1)")


def test_split_keeps_triggers_strings_and_comments_whole() -> None:
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE b SET n = 1; DELETE FROM c; END;"
    script = f"-- first; comment\nSELECT 'a;b'; /* ; */ {trigger} SELECT \";\"; ; -- last;\n SELECT 2"
    assert split(script) == [
        "-- first; comment\nSELECT 'a;b';",
        f"/* ; */ {trigger}",
        'SELECT ";";',
        "-- last;\n SELECT 2",
    ]


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="'\0", codec="utf-8"), max_size=20), max_size=5))
def test_split_finds_each_statement(texts: list[str]) -> None:
    statements = [f"SELECT '{text}';" for text in texts]
    assert split("\n".join(statements)) == statements


def test_bindable() -> None:
    assert bindable([True, False, bytearray(b"x"), memoryview(b"y"), None]) == (1, 0, b"x", b"y", None)
    assert [type(value) for value in bindable([True, 1.0, "x"])] == [int, float, str]
    with pytest.raises(D1Error, match="Type 'set' not supported"):
        bindable([{1}])
