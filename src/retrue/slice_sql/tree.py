"""What a slice is made of: a small tree of frozen nodes, and the one way to print it as SQL.

    text --reader--> tree --compiler--> Polars expression
                      |
                      +--render--> canonical text

The canonical text doesn't depend on a library's printer, so what a manifest stored years ago still compares equal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

MAX_TEXT = 10_000
"""Characters that a slice may have."""
MAX_NESTING = 20
"""Levels of parentheses, functions and NOTs that a slice may nest (sqlglot takes some 20 frames for each)."""
MAX_DEPTH = 64
"""Levels of the whole tree; a chain such as `a + b + c` has one for each term."""

COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")

# PostgreSQL's and DuckDB's reserved words, and what else would start a construct that slices don't have.
_WORDS = (
    "all analyse analyze and any array as asc asymmetric between both case cast check collate column "
    "constraint create cross default deferrable delete desc describe distinct do drop else end escape except "
    "exists false fetch for foreign from full glob group having ilike in initially inner insert intersect interval "
    "into is isnull join lambda lateral leading left like limit natural not notnull null offset on only or order "
    "outer over overlaps pivot placing primary qualify references returning right rlike select set show "
    "similar some struct summarize symmetric table tablesample then to trailing true truncate try_cast union "
    "unique unpivot update using values variadic when where window with "
)
RESERVED = frozenset(_WORDS.split())
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

_OR, _AND, _NOT, _COMPARE, _ADD, _MULTIPLY, _UNARY, _ATOM = range(1, 9)
_ARITHMETIC = {"+": _ADD, "-": _ADD, "*": _MULTIPLY, "/": _MULTIPLY, "%": _MULTIPLY}


@dataclass(frozen=True)
class Column:
    """A column, by its exact name."""

    name: str


@dataclass(frozen=True)
class Literal:
    """A constant: boolean, integer, fraction, text, date or datetime.

    A datetime without a zone is in the time zone of what it is compared with.
    """

    value: float | str | date


@dataclass(frozen=True)
class Negative:
    """`-x`."""

    operand: Node


@dataclass(frozen=True)
class Arithmetic:
    """`left op right`, op one of `+ - * / %`."""

    op: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Comparison:
    """`left op right`, op one of `COMPARISONS`."""

    op: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Between:
    """`value BETWEEN low AND high`, both ends included."""

    value: Node
    low: Node
    high: Node


@dataclass(frozen=True)
class In:
    """`value IN (option, ...)`, at least one option."""

    value: Node
    options: tuple[Literal, ...]


@dataclass(frozen=True)
class IsNull:
    """`value IS NULL`."""

    value: Node


@dataclass(frozen=True)
class Like:
    """`value LIKE pattern`: `%` is any text, `_` is one character; there is no escape character."""

    value: Node
    pattern: str
    ignore_case: bool = False


@dataclass(frozen=True)
class Not:
    """`NOT operand`."""

    operand: Node


@dataclass(frozen=True)
class Logic:
    """`a AND b AND ...` or `a OR b OR ...`, flat: no operand is of the same op."""

    op: str
    operands: tuple[Node, ...]


@dataclass(frozen=True)
class Call:
    """A function of the registry, by its upper-case name."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, eq=False)
class Opaque:
    """A Polars expression: usable in process, without a text."""

    expr: pl.Expr


Node = (
    Column | Literal | Negative | Arithmetic | Comparison | Between | In | IsNull | Like | Not | Logic | Call | Opaque
)


def negate(node: Node) -> Node:
    """Give NOT of a condition; two NOTs undo each other (also in three-valued logic)."""
    return node.operand if isinstance(node, Not) else Not(node)


def join(op: str, *nodes: Node) -> Node:
    """Give the flat AND or OR of some conditions.

    >>> render(join("AND", join("AND", Column("a"), Column("b")), Column("c")))
    'a AND b AND c'
    """
    flat: list[Node] = []
    for node in nodes:
        flat.extend(node.operands if isinstance(node, Logic) and node.op == op else [node])
    return flat[0] if len(flat) == 1 else Logic(op, tuple(flat))


def number(value: float) -> Literal:
    """Give the literal of an integer or a fraction; minus zero is zero, so that equal numbers print alike."""
    return Literal(value or abs(value))


def is_condition(node: Node) -> bool:
    """Say whether a node can be true or false, as far as one can tell without the columns' dtypes."""
    if isinstance(node, Literal):
        return isinstance(node.value, bool)
    return not isinstance(node, Negative | Arithmetic)


def children(node: Node) -> tuple[Node, ...]:
    """Give the nodes directly under a node."""
    match node:
        case Negative(operand) | Not(operand):
            return (operand,)
        case Arithmetic(_, left, right) | Comparison(_, left, right):
            return (left, right)
        case Between(value, low, high):
            return (value, low, high)
        case In(value, options):
            return (value, *options)
        case IsNull(value) | Like(value):
            return (value,)
        case Logic(_, operands):
            return operands
        case Call(_, arguments):
            return arguments
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """Give a node and everything under it."""
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(children(node)))


def measure(node: Node) -> tuple[int, int]:
    """Count the levels of a tree, and those that may need parentheses; without recursion, as it guards what recurses.

    >>> a = Column("a")
    >>> measure(Arithmetic("+", Arithmetic("+", a, a), Negative(a)))
    (3, 3)
    """
    levels, nesting, stack = 0, 0, [(node, 1, 1)]
    while stack:
        node, level, nested = stack.pop()
        levels, nesting = max(levels, level), max(nesting, nested)
        stack.extend((child, level + 1, nested + (not _continues(node, child))) for child in children(node))
    return levels, nesting


def _continues(node: Node, child: Node) -> bool:
    """Say whether a child is the beginning of its parent's chain, as `a + b` is in `a + b + c`."""
    if not (isinstance(node, Arithmetic) and isinstance(child, Arithmetic) and child is node.left):
        return False
    return _ARITHMETIC[child.op] >= _ARITHMETIC[node.op]


def render(node: Node) -> str:
    """Print a tree as canonical SQL: one text for each tree, with as few parentheses as needed.

    >>> total = Arithmetic("+", Column("a"), Column("order"))
    >>> render(Comparison(">", Arithmetic("*", total, Literal(2)), Literal(0.5)))
    '(a + "order") * 2 > 0.5'
    """
    return _render(node)[0]


def quote_name(name: str) -> str:
    """Print a column's name, quoted only where it must be.

    >>> print(quote_name("income"), quote_name("Day of week"), quote_name("order"))
    income "Day of week" "order"
    """
    if _BARE.match(name) and name.lower() not in RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


def quote_value(value: float | str | date) -> str:
    """Print a constant.

    >>> print(quote_value("O'Hare"), quote_value(True), quote_value(1e-7), quote_value(date(2013, 3, 1)))
    'O''Hare' TRUE 1e-07 DATE '2013-03-01'
    """
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case datetime():
            word = "TIMESTAMP" if value.tzinfo is None else "TIMESTAMPTZ"
            return f"{word} '{value.isoformat(sep=' ')}'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case _:
            return repr(value)


def _render(node: Node) -> tuple[str, int]:
    """Give a node's text and how tightly it binds."""
    match node:
        case Column(name):
            return quote_name(name), _ATOM
        case Literal(value):
            return quote_value(value), _ATOM
        case Opaque():
            return "<Polars expression>", _ATOM
        case Call(name, arguments):
            return f"{name}({', '.join(render(argument) for argument in arguments)})", _ATOM
        case Negative(operand):
            return "-" + _within(operand, _ATOM), _UNARY
        case Arithmetic(op, left, right):
            level = _ARITHMETIC[op]
            return f"{_within(left, level)} {op} {_within(right, level + 1)}", level
        case Logic(op, operands):
            level = _AND if op == "AND" else _OR
            return f" {op} ".join(_within(operand, level + 1) for operand in operands), level
        case Not(Between() | In() | IsNull() | Like() as operand):
            return _render_test(operand, negation="NOT "), _COMPARE
        case Not(operand):
            return "NOT " + _within(operand, _COMPARE), _NOT
        case _:
            return _render_test(node, negation=""), _COMPARE


def _render_test(node: Comparison | Between | In | IsNull | Like, *, negation: str) -> str:
    """Print what compares: its operands bind tighter than any comparison, so it never reads in two ways."""
    match node:
        case Comparison(op, left, right):
            return f"{_within(left, _ADD)} {op} {_within(right, _ADD)}"
        case Between(value, low, high):
            return f"{_within(value, _ADD)} {negation}BETWEEN {_within(low, _ADD)} AND {_within(high, _ADD)}"
        case In(value, options):
            return f"{_within(value, _ADD)} {negation}IN ({', '.join(quote_value(o.value) for o in options)})"
        case IsNull(value):
            return f"{_within(value, _ADD)} IS {negation}NULL"
        case Like(value, pattern, ignore_case):
            word = "ILIKE" if ignore_case else "LIKE"
            return f"{_within(value, _ADD)} {negation}{word} {quote_value(pattern)}"


def _within(node: Node, level: int) -> str:
    """Print an operand, in parentheses where it binds more loosely than its place."""
    text, binds = _render(node)
    return text if binds >= level else f"({text})"
