"""Reading a slice's text: what is in the language, what isn't, and that nothing hostile gets through or takes long."""

from __future__ import annotations

import sys
import time
from datetime import UTC, date, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.errors import SliceError
from retrue.slice_sql.functions import FUNCTIONS
from retrue.slice_sql.reader import parse
from retrue.slice_sql.tree import (
    COMPARISONS,
    MAX_DEPTH,
    MAX_NESTING,
    RESERVED,
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
    Not,
    join,
    measure,
    negate,
    number,
    render,
)

# Any tree that the language can say, whatever its columns' types would be.

encodable = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
names = encodable | st.sampled_from(["x", "precip", "order", "day of week", 'say "hi"', "date", "call", "TRUE"])
moments = st.datetimes(timezones=st.sampled_from([None, UTC, timezone(timedelta(hours=5, minutes=30))]))
numbers = st.integers(-(2**64) + 1, 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
literals = (
    numbers.map(number)
    | encodable.map(Literal)
    | st.booleans().map(Literal)
    | st.dates(date(1000, 1, 1)).map(Literal)
    | moments.filter(lambda moment: moment.year >= 1000).map(Literal)
)


def negative(operand: Node) -> Node:
    """Negate as the reader does: a number's sign belongs to the number."""
    if isinstance(operand, Literal) and type(operand.value) in (int, float):
        return number(-operand.value)  # type: ignore[operator]
    return Negative(operand)


def grow(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    """Make larger trees of smaller ones."""
    arithmetic = st.builds(Arithmetic, st.sampled_from("+-*/%"), inner, inner)
    function = st.sampled_from([name for name, function in FUNCTIONS.items() if not function.more])
    call = st.builds(lambda name, argument: Call(name, (argument,)), function, inner)
    coalesce = st.builds(lambda a, b: Call("COALESCE", (a, b)), inner, inner)
    return conditions(inner) | arithmetic | inner.map(negative) | call | coalesce


def conditions(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    """Make conditions of values."""
    options = st.lists(literals, min_size=1, max_size=3).map(tuple)
    simple = (
        st.builds(Comparison, st.sampled_from(COMPARISONS), inner, inner)
        | st.builds(Between, inner, inner, inner)
        | st.builds(In, inner, options)
        | st.builds(IsNull, inner)
        | st.builds(Like, inner, encodable, st.booleans())
        | names.map(Column)
    )
    several = st.lists(simple, min_size=1, max_size=3)
    joined = st.builds(lambda op, nodes: join(op, *nodes), st.sampled_from(["AND", "OR"]), several)
    return joined.flatmap(lambda node: st.sampled_from([node, negate(node), join("AND", Column("x"), negate(node))]))


values = st.recursive(names.map(Column) | literals, grow, max_leaves=8)
trees = conditions(values).filter(lambda node: max(measure(node)) <= MAX_NESTING)


@given(trees)
def test_what_is_printed_reads_back_as_the_same_tree(tree: Node) -> None:
    """parse(render(tree)) is the tree, so parentheses are where they must be and names and texts are quoted right."""
    text = render(tree)
    assert parse(text) == tree
    assert render(parse(text)) == text


@given(
    st.text(max_size=40)
    | st.lists(st.sampled_from([*"()=<>!'\"-+*/%.,;? xX1", " AND ", " NOT ", "IN", "NULL"])).map("".join)
)
def test_any_text_is_a_slice_or_a_slice_error(text: str) -> None:
    """Whatever comes in, nothing but a SliceError comes out, and what is accepted has a stable canonical text."""
    try:
        canonical = render(parse(text))
    except SliceError:
        return
    assert render(parse(canonical)) == canonical


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("precip>0.10 and ( origin='JFK' )", "precip > 0.1 AND origin = 'JFK'"),
        ("a <> 1 Or a == 2", "a != 1 OR a = 2"),
        ("not (not (a))", "a"),
        ("NOT a IN (1, -2.50)", "a NOT IN (1, -2.5)"),
        ("a not between 1 and 2", "a NOT BETWEEN 1 AND 2"),
        ("NOT a IS NULL", "a IS NOT NULL"),
        ("a not like 'x%' and b ilike '_'", "a NOT LIKE 'x%' AND b ILIKE '_'"),
        ("a AND (b AND (c OR d))", "a AND b AND (c OR d)"),
        ("NOT (a OR b)", "NOT (a OR b)"),
        ("(a - b) - (c - d) > -(e * f)", "a - b - (c - d) > -(e * f)"),
        ("a > - - 1", "a > 1"),
        ("a > +1", "a > 1"),
        ("a = -0.0", "a = 0.0"),
        ("a = .5e-7 OR a = 5.", "a = 5e-08 OR a = 5.0"),
        ("d >= date '2013-03-01'", "d >= DATE '2013-03-01'"),
        ("t < TIMESTAMP '2013-03-01'", "t < TIMESTAMP '2013-03-01 00:00:00'"),
        ("t < TIMESTAMP '2013-03-01T10:30Z'", "t < TIMESTAMPTZ '2013-03-01 10:30:00+00:00'"),
        ('"date" = "order"', 'date = "order"'),
        ("abs(coalesce(x, 0)) > 1", "ABS(COALESCE(x, 0)) > 1"),
        ("COALESCE(x > 1, false)", "COALESCE(x > 1, FALSE)"),
        ("true", "TRUE"),
        ("(a = 1) = (b = 1)", "(a = 1) = (b = 1)"),
        ("délai > 1", '"délai" > 1'),
        ("s = 'a''b\n--c /* d */; DROP'", "s = 'a''b\n--c /* d */; DROP'"),
    ],
)
def test_the_canonical_text(text: str, canonical: str) -> None:
    """One text for each meaning: keywords in capitals, spaces and parentheses only where needed."""
    assert render(parse(text)) == canonical


HOSTILE = {
    "two statements": ("x > 1; DROP TABLE flights", "; isn't allowed"),
    "a second statement that is a comment": ("x > 1 --", "a comment"),
    "a line comment": ("x > 1 -- and more", "a comment"),
    "a block comment": ("x /* y */ > 1", "a comment"),
    "an open comment": ("x > 1 /*", "isn't"),
    "an optimiser hint": ("/*+ hint */ x > 1", "isn't allowed"),
    "a subquery": ("x > (SELECT max(x) FROM t)", "SELECT isn't allowed"),
    "a subquery in a list": ("x IN (SELECT 1)", "SELECT isn't allowed"),
    "a whole query": ("SELECT * FROM t", "SELECT isn't allowed"),
    "a common table": ("WITH t AS (SELECT 1) SELECT * FROM t", "WITH isn't allowed"),
    "a union": ("x > 1 UNION ALL SELECT 1", "UNION isn't allowed"),
    "exists": ("EXISTS (SELECT 1)", "EXISTS isn't allowed"),
    "a file": ("read_csv('/etc/passwd') IS NULL", "the function read_csv isn't allowed"),
    "a quoted function": ("\"read_csv\"('x') = 1", "the function read_csv isn't allowed"),
    "a sleep": ("pg_sleep(100) IS NULL", "the function pg_sleep isn't allowed"),
    "Python": ("__import__('os').system('ls')", "isn't allowed"),
    "an attribute": ("x.__class__ = 1", "a dotted name"),
    "a qualified name": ("a.b.c.d = 1", "a dotted name"),
    "a pragma": ("PRAGMA database_list", "something doesn't belong"),
    "a command": ("CALL dbgen(1)", "something doesn't belong"),
    "an attached file": ("ATTACH 'x.db' AS y", "AS isn't allowed"),
    "a copy": ("COPY t TO 'x'", "TO isn't allowed"),
    "a cast": ("CAST(x AS BLOB) = 1", "CAST isn't allowed"),
    "a short cast": ("x::int = 1", ":: isn't allowed"),
    "a case": ("CASE WHEN x THEN y END", "CASE isn't allowed"),
    "a window": ("sum(x) OVER () > 1", "OVER isn't allowed"),
    "an aggregate": ("count(*) > 1", "the function count isn't allowed"),
    "a lambda": ("f(x -> x) = 1", "-> isn't allowed"),
    "a positional parameter": ("x = ?", "? isn't allowed"),
    "a named parameter": ("x = :y", ": isn't allowed"),
    "a dollar parameter": ("x = $1", "$1 isn't allowed"),
    "a variable": ("x = @@version", "isn't allowed"),
    "a dollar quote": ("x = $$a$$", "isn't allowed"),
    "a template": ("{{ x }} = 1", "isn't allowed"),
    "a subscript": ("x[1] = 1", "[ isn't allowed"),
    "an array": ("x = ARRAY[1]", "ARRAY isn't allowed"),
    "an interval": ("t > INTERVAL '1' DAY", "INTERVAL isn't allowed"),
    "a concatenation": ("x || y = 'a'", "|| isn't allowed"),
    "bits": ("x & 1 = 1", "& isn't allowed"),
    "any": ("x = ANY(y)", "ANY isn't allowed"),
    "a column of lists": ("x IN y", "IN without a list"),
    "an unnested list": ("x IN unnest(y)", "IN without a list"),
    "columns in a list": ("x IN (y, 1)", "IN without a list"),
    "an empty list": ("x IN ()", "IN without a list"),
    "a symmetric between": ("x BETWEEN SYMMETRIC 2 AND 1", "SYMMETRIC isn't allowed"),
    "a pattern column": ("x LIKE y", "LIKE without a constant pattern"),
    "an escape": ("x LIKE 'a!%' ESCAPE '!'", "ESCAPE isn't allowed"),
    "a regular expression": ("x RLIKE '(a+)+$'", "RLIKE isn't allowed"),
    "a similar": ("x SIMILAR TO 'a'", "isn't allowed"),
    "a glob": ("x GLOB 'a'", "GLOB isn't allowed"),
    "a time zone": ("t AT TIME ZONE 'UTC' > '2013-01-01'", "isn't allowed"),
    "a collation": ("x COLLATE y = 'a'", "COLLATE isn't allowed"),
    "a null comparison": ("x = NULL", "NULL, which nothing equals"),
    "a null in a list": ("x IN (1, NULL)", "NULL, which nothing equals"),
    "is with a value": ("x IS TRUE", "IS without NULL"),
    "is distinct": ("x IS DISTINCT FROM 1", "isn't allowed"),
    "a tuple": ("(x, y) = (1, 2)", "tuple isn't allowed"),
    "two conditions": ("x > 1, y > 1", "something doesn't belong"),
    "an alias": ("x > 1 y", "something doesn't belong"),
    "a closed parenthesis": ("x > 1) OR (1 = 1", "something doesn't belong"),
    "an open parenthesis": ("(x > 1", "at character"),
    "an open text": ("x = 'a", "a quote that isn't closed"),
    "an open name": ('"x > 1', "a quote that isn't closed"),
    "a backslash escape": (r"x = 'a\' OR 1 = 1 --'", "isn't"),
    "joined texts": ("x = 'a' 'b'", "concat isn't allowed"),
    "a national text": ("x = N'a'", "isn't allowed"),
    "a byte text": ("x = b'a'", "something doesn't belong"),
    "a star": ("*", "isn't allowed"),
    "nothing": ("", "no condition"),
    "blanks": (" \n\t ", "no condition"),
    "a value": ("x + 1", "x + 1 isn't a condition"),
    "a number": ("1", "1 isn't a condition"),
    "a text": ("'x'", "'x' isn't a condition"),
    "a value in AND": ("x > 1 AND 2", "2 isn't a condition"),
    "a chain": ("1 < x < 3", "can be read in two ways"),
    "a dangling null test": ("x > 1 IS NULL", "can be read in two ways"),
    "a dangling NOT": ("x = NOT y", "can be read in two ways"),
    "a huge float": ("x = 1e999", "the number 1e999"),
    "a huge integer": ("x = 18446744073709551616", "the number 18446744073709551616"),
    "ten thousand digits": ("x=" + "9" * 9_998, "the number 999"),
    "ten thousand digits of exponent": ("x=1e" + "9" * 9_990, "the number 1e999"),
    "hex": ("x = 0x1F", "something doesn't belong"),
    "not a day": ("d = DATE '2013-02-30'", "DATE '2013-02-30'"),
    "a time as a day": ("d = DATE '2013-02-03 10:00'", "DATE '2013-02-03 10:00'"),
    "not a time": ("t = TIMESTAMP 'now'", "TIMESTAMP 'now'"),
    "a null byte": ("x > 1\0", "a null byte"),
    "a null byte in a text": ("x = 'a\0'", "a null byte"),
    "half a surrogate": ("x = '\ud800'", "half of a surrogate pair"),
    "a control character": ("x\x07 > 1", "isn't allowed"),
    "a byte order mark": ("\ufeffx > 1", "isn't allowed"),
    "curly quotes": ("x = “a”", "isn't allowed"),
    "backticks": ("`x` > 1", "` isn't allowed"),
    "a bidirectional override": ("x\u202e > 1", "isn't allowed"),
    "too long": ("x > 1 OR " * 2_000 + "x > 1", "a slice of 18,005 characters"),
    "a megabyte": ("(" * 1_000_000, "a slice of 1,000,000 characters"),
    "parentheses": ("(" * 4_900 + "x" + ")" * 4_900, "nests too deeply"),
    "open parentheses": ("(" * 10_000, "nests too deeply"),
    "nested calls": ("ABS(" * 1_900 + "x" + ")" * 1_900 + " > 1", "nests too deeply"),
    "NOTs": ("NOT " * 2_400 + "x", "nests too deeply"),
    "minuses": ("x > " + "- " * 4_900 + "1", "nests too deeply"),
    "NOTs in parentheses": ("NOT (x = 1 AND " * 600 + "y" + ")" * 600, "nests too deeply"),
    "a long sum": ("x" + " + x" * 2_400 + " > 1", "nests too deeply"),
    "a long chain of =": ("x" + " = x" * 2_400, "nests too deeply"),
    "a long chain of IS NULL": ("x" + " IS NULL" * 1_200, "nests too deeply"),
    "a long pattern": ("x LIKE '" + "%_" * 2_000 + "'", "a LIKE pattern that is too long"),
    "an unknown function": ("lenght(x) > 1", "did you mean 'LENGTH'?"),
    "a function of another dialect": ("DAYOFWEEK(t) = 1", "ISODOW"),
    "too many arguments": ("ABS(x, y) > 1", "expected ABS(x)"),
    "too few arguments": ("COALESCE(x) > 1", "expected COALESCE(x, y, ...)"),
    "a distinct argument": ("ABS(DISTINCT x) > 1", "DISTINCT isn't allowed"),
    "a keyword as a column": ("order > 1", 'a column of that name is written "order"'),
    "a keyword that starts a test": ("in > 1", "isn't allowed"),
}


@pytest.mark.parametrize(("text", "message"), HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_not_in_the_language_is_an_error_at_once(text: str, message: str) -> None:
    """The error names the construct, shows the slice on one line, and costs a millisecond, mostly; never minutes."""
    started = time.process_time()
    with pytest.raises(SliceError) as caught:
        parse(text)
    assert time.process_time() - started < 20
    told = str(caught.value)
    assert message in told
    assert len(told) < 700
    assert told.isprintable()


def test_a_reserved_word_is_a_column_only_in_quotes() -> None:
    """Each reserved word is refused bare and accepted quoted, and is printed with its quotes."""
    for word in RESERVED - {"true", "false", "not", "null"}:
        with pytest.raises(SliceError):
            parse(f"{word} > 1")
        assert render(parse(f'"{word}" > 1')) == f'"{word}" > 1'


@pytest.mark.parametrize(
    "word", ["date", "time", "timestamp", "call", "vacuum", "while", "year", "index", "value", "first"]
)
@pytest.mark.parametrize(
    "text", ["{} > 1", "1 < {}", "{}", "NOT {} AND {}", "ABS({}) > {} + 1", "{} = 'a'", "{} IS NULL"]
)
def test_other_keywords_are_columns(word: str, text: str) -> None:
    """Words that SQL knows but doesn't reserve need no quotes, wherever they stand."""
    assert render(parse(text.replace("{}", word))) == text.replace("{}", word)


def test_a_long_flat_condition_is_fine() -> None:
    """Chains of AND and OR don't nest, so they may be as long as the text may be."""
    text = " OR ".join(f"x = {i}" for i in range(600))
    assert render(parse(text)) == text


def test_nesting_up_to_the_limit_is_read_even_deep_in_a_stack() -> None:
    """Twenty levels are read with half of Python's stack in use; sqlglot takes some 20 frames for each."""
    text = "ABS(" * MAX_NESTING + "x" + ")" * MAX_NESTING + " > 1"

    def deeper(frames: int) -> Node:
        return parse(text) if frames == 0 else deeper(frames - 1)

    assert render(deeper(sys.getrecursionlimit() // 4)) == text


def test_a_sum_up_to_the_limit_is_read() -> None:
    """A chain of + has a level for each term, and as many terms as levels are allowed."""
    text = " + ".join(["x"] * (MAX_DEPTH - 1)) + " > 1"
    assert render(parse(text)) == text


def test_an_exhausted_stack_is_a_slice_error() -> None:
    """Where the stack is nearly used up, the answer is still a SliceError."""
    text = "(" * 15 + "x" + ")" * 15 + " > 1"

    def deeper(frames: int) -> Node:
        return parse(text) if frames == 0 else deeper(frames - 1)

    with pytest.raises(SliceError, match="nests too deeply"):
        deeper(sys.getrecursionlimit() - 200)


def test_not_of_a_text_pattern_is_not_like() -> None:
    """`NOT LIKE` and NOT around LIKE are the same tree."""
    assert parse("x NOT LIKE 'a'") == parse("NOT (x LIKE 'a')") == Not(Like(Column("x"), "a"))
