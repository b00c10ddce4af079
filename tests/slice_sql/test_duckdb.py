"""Slices against an independent engine: the same text on the same rows means the same in DuckDB."""

from __future__ import annotations

from datetime import date, datetime

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrue.slice_sql.tree import (
    COMPARISONS,
    Arithmetic,
    Between,
    Call,
    Column,
    Comparison,
    In,
    IsNull,
    Like,
    Literal,
    Negative,
    Node,
    join,
    negate,
    render,
)
from retrue.slices import Slice

# Predicates whose types fit, over a small table. Numbers are quarters, so that doubles and DuckDB's decimals are exact.

WORDS = ("", "a", "b", "ab", "Ab", "aB%", "a_b", "a.b", " a ", "É", "é\n", "ba'b", "\\")
whole = st.integers(-5, 5)
quarters = st.integers(-20, 20).map(lambda n: n / 4)
words = st.sampled_from(WORDS)
days = st.dates(date(2012, 12, 30), date(2013, 1, 3))
times = st.datetimes(datetime(2012, 12, 30), datetime(2013, 1, 3)).map(
    lambda t: t.replace(second=0, microsecond=t.second)
)

COLUMNS: dict[str, tuple[pl.DataType, str, st.SearchStrategy[object]]] = {
    "i": (pl.Int64(), "BIGINT", whole),
    "small": (pl.Int8(), "BIGINT", whole),
    "unsigned": (pl.UInt16(), "BIGINT", st.integers(0, 5)),
    "f": (pl.Float64(), "DOUBLE", quarters),
    "single": (pl.Float32(), "DOUBLE", quarters),
    "s": (pl.String(), "VARCHAR", words),
    "day of week": (pl.Categorical(), "VARCHAR", words),
    "order": (pl.Enum(WORDS), "VARCHAR", words),
    "b": (pl.Boolean(), "BOOLEAN", st.booleans()),
    "d": (pl.Date(), "DATE", days),
    "t": (pl.Datetime("us"), "TIMESTAMP", times),
    "nano": (pl.Datetime("ns"), "TIMESTAMP", times),
}


def column(*among: str) -> st.SearchStrategy[Node]:
    return st.sampled_from(among).map(Column)


def coalesced(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.lists(inner, min_size=2, max_size=3).map(lambda nodes: Call("COALESCE", tuple(nodes)))


def called(inner: st.SearchStrategy[Node], *names: str) -> st.SearchStrategy[Node]:
    return st.builds(lambda name, argument: Call(name, (argument,)), st.sampled_from(names), inner)


def compared(left: st.SearchStrategy[Node], right: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return (
        st.builds(Comparison, st.sampled_from(COMPARISONS), left, right)
        | st.builds(Comparison, st.sampled_from(COMPARISONS), right, left)
        | st.builds(Between, left, right, right)
        | st.builds(IsNull, left)
    )


def listed(
    value: st.SearchStrategy[Node], constant: st.SearchStrategy[Literal], size: int = 12
) -> st.SearchStrategy[Node]:
    return st.builds(In, value, st.lists(constant, min_size=1, max_size=size).map(tuple))


number_literals = (whole | quarters).map(Literal)
texts = column("s", "day of week", "order")
text_values = texts | called(texts, "LOWER", "UPPER", "TRIM") | coalesced(texts | words.map(Literal))
numeric_columns = column("i", "small", "unsigned", "f", "single")
parts_of_time = called(column("d", "t", "nano"), "YEAR", "QUARTER", "MONTH", "DAY", "ISODOW") | called(
    column("t", "nano"), "HOUR", "MINUTE"
)
number_values = st.recursive(
    numeric_columns | number_literals | parts_of_time | called(texts, "LENGTH"),
    lambda inner: (
        st.builds(Arithmetic, st.sampled_from("+-*%"), inner, inner)
        | inner.filter(lambda node: not isinstance(node, Literal)).map(Negative)
        | called(inner, "ABS", "FLOOR", "CEIL", "ROUND")
        | coalesced(inner)
    ),
    max_leaves=4,
)
quotients = st.builds(lambda a, b: Arithmetic("/", a, b), number_values, number_values)
time_literals = (days | times).map(Literal)
iso_texts = days.map(lambda d: Literal(d.isoformat())) | times.map(lambda t: Literal(t.isoformat(sep=" ")))
patterns = st.lists(st.sampled_from(["%", "_", "a", "b", ".", "\\", "'", "É", "\n"]), max_size=4).map("".join)
simple = (
    compared(number_values, number_values)
    | compared(quotients, number_literals)
    | listed(number_values, number_literals)
    | compared(text_values, text_values | words.map(Literal))
    | listed(text_values, words.map(Literal))
    | st.builds(Like, texts, patterns, st.booleans())
    | compared(column("d", "t", "nano"), column("d", "t", "nano") | time_literals)
    | compared(column("t", "nano"), iso_texts)
    | compared(column("d"), days.map(lambda d: Literal(d.isoformat())))
    | listed(column("d", "t", "nano"), time_literals)
    | column("b")
    | st.builds(
        lambda op, value: Comparison(op, Column("b"), Literal(value)), st.sampled_from(["=", "!="]), st.booleans()
    )
    | st.booleans().map(Literal)
)
conditions = st.recursive(
    simple,
    lambda inner: (
        inner.map(negate)
        | st.builds(
            lambda op, nodes: join(op, *nodes), st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=3)
        )
        | st.builds(IsNull, inner)
        | st.builds(Comparison, st.sampled_from(["=", "!="]), inner, inner)
        | coalesced(inner)
    ),
    max_leaves=4,
)
rows = st.lists(
    st.fixed_dictionaries({name: st.none() | values for name, (_, _, values) in COLUMNS.items()}), max_size=12
)


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    """A DuckDB in which dividing by zero gives null, as in slices."""
    connection = duckdb.connect()
    connection.execute("SET ieee_floating_point_ops = false")
    connection.execute("SET error_on_division_by_zero = false")
    declared = ", ".join(f'"{name}" {kind}' for name, (_, kind, _) in COLUMNS.items())
    connection.execute(f"CREATE TABLE events (row_number INTEGER, {declared})")
    return connection


def by_duckdb(engine: duckdb.DuckDBPyConnection, sql: str, data: list[dict[str, object]]) -> list[bool | None]:
    engine.execute("DELETE FROM events")
    if data:
        insert = f"INSERT INTO events VALUES ({', '.join('?' * (len(COLUMNS) + 1))})"  # noqa: S608 - question marks
        engine.executemany(insert, [[i, *map(row.get, COLUMNS)] for i, row in enumerate(data)])
    found = engine.execute(f"SELECT {sql} FROM events ORDER BY row_number")  # noqa: S608 - this is the text under test
    return [row[0] for row in found.fetchall()]


def evaluate(found: Slice, frame: pl.DataFrame) -> list[bool | None]:
    """Give true, false and null for each row (lazily, as in eager frames Polars 2.1 may not broadcast constants)."""
    answer = frame.lazy().with_columns(found.bind(frame.schema).alias("answer"))
    return answer.collect()["answer"].to_list()


@settings(max_examples=150)
@given(conditions, rows)
def test_a_slice_means_what_duckdb_says(
    engine: duckdb.DuckDBPyConnection, tree: Node, data: list[dict[str, object]]
) -> None:
    """The same text on the same rows gives the same true, false and null."""
    sql = render(tree)
    frame = pl.DataFrame(data, schema={name: dtype for name, (dtype, _, _) in COLUMNS.items()})
    expected = by_duckdb(engine, sql, data)
    found = Slice.parse(sql)
    assert evaluate(found, frame) == expected, sql
    assert found.mask(frame).to_list() == [value is True for value in expected]
