"""The nodes of a slice and their canonical text (reading it back is tested with the reader)."""

from __future__ import annotations

import duckdb
import pytest

from retrue.slice_sql.tree import (
    Arithmetic,
    Column,
    Comparison,
    In,
    IsNull,
    Like,
    Literal,
    Logic,
    Not,
    children,
    is_condition,
    join,
    measure,
    negate,
    number,
    quote_name,
    quote_value,
    render,
    walk,
)

A, B, C = Column("a"), Column("b"), Column("c")


def test_joining_flattens_what_has_the_same_operator() -> None:
    """AND is associative, so its nesting isn't kept; OR inside AND is."""
    assert join("AND", join("AND", A, B), C) == Logic("AND", (A, B, C))
    assert join("AND", join("OR", A, B), C) == Logic("AND", (Logic("OR", (A, B)), C))
    assert join("AND", A) == A


def test_negating_twice_gives_the_same_node() -> None:
    """NOT NOT x is x, for null too."""
    assert negate(negate(A)) == A
    assert negate(A) == Not(A)


@pytest.mark.parametrize(
    ("name", "text"), [("a1_B", "a1_B"), ("1a", '"1a"'), ("A b", '"A b"'), ('"', '""""'), ("é", '"é"')]
)
def test_names_are_quoted_where_they_must_be(name: str, text: str) -> None:
    """Letters, digits and underscores need no quotes, unless SQL reserves the word."""
    assert quote_name(name) == text


def test_names_that_duckdb_reserves_are_quoted() -> None:
    """The list comes from PostgreSQL; DuckDB, which follows it, can read every bare name that is printed."""
    reserved = duckdb.execute(
        "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'"
    ).fetchall()
    bare = [name for (name,) in reserved if quote_name(name) == name]
    assert {name for name in bare if "_" not in name} == set()


def test_zero_has_no_sign() -> None:
    """-0.0 and 0.0 are equal, so they print alike."""
    assert quote_value(number(-0.0).value) == "0.0"
    assert quote_value(number(0).value) == "0"


def test_floats_print_with_all_their_digits() -> None:
    """The shortest text that gives the same float64, so that a grid's edges survive storing."""
    assert quote_value(0.1 + 0.2) == "0.30000000000000004"
    assert float(quote_value(5e-324)) == 5e-324


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (Not(In(A, (Literal(1),))), "a NOT IN (1)"),
        (Not(Like(A, "x%", ignore_case=True)), "a NOT ILIKE 'x%'"),
        (Not(Comparison("=", A, B)), "NOT a = b"),
        (Not(join("AND", A, B)), "NOT (a AND b)"),
        (Comparison("=", IsNull(A), Literal(value=True)), "(a IS NULL) = TRUE"),
        (Arithmetic("-", A, Arithmetic("-", B, C)), "a - (b - c)"),
        (Arithmetic("-", Arithmetic("-", A, B), C), "a - b - c"),
        (Arithmetic("*", Arithmetic("+", A, B), C), "(a + b) * c"),
        (Arithmetic("+", Arithmetic("*", A, B), C), "a * b + c"),
    ],
)
def test_parentheses_stand_only_where_needed(node: Comparison, text: str) -> None:
    """An operand is in parentheses when it binds more loosely than its place."""
    assert render(node) == text


def test_a_chain_is_deep_but_does_not_nest() -> None:
    """`a + a + ...` needs a level of tree for each term, but no parentheses."""
    chain: Arithmetic = Arithmetic("+", A, A)
    for _ in range(10):
        chain = Arithmetic("+", chain, A)
    assert measure(chain) == (12, 2)
    assert measure(Not(Comparison("=", A, B))) == (3, 3)


def test_measuring_a_tree_takes_no_stack() -> None:
    """A hundred thousand levels are counted, not recursed into."""
    tree: Not | Column = A
    for _ in range(100_000):
        tree = Not(tree)
    assert measure(tree) == (100_001, 100_001)


def test_walking_visits_every_node_from_left_to_right() -> None:
    """Parents come before their children."""
    tree = join("OR", Comparison(">", A, B), In(C, (Literal(1),)))
    assert [node for node in walk(tree) if not children(node)] == [A, B, C, Literal(1)]
    assert next(iter(walk(tree))) == tree


def test_values_are_not_conditions() -> None:
    """Arithmetic and constants other than TRUE and FALSE can't be true; a column may be boolean."""
    assert is_condition(A)
    assert is_condition(Literal(value=True))
    assert not is_condition(Literal(1))
    assert not is_condition(Arithmetic("+", A, B))
