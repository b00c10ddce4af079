"""A slice in words: what a sentence says of the rows, `RELP in {16, 17}` where SQL says `RELP IN (16, 17)`."""

from __future__ import annotations

from collections.abc import Sequence

from retrue.slice_sql.tree import (
    Between,
    Column,
    Comparison,
    In,
    IsNull,
    Literal,
    Logic,
    Node,
    Not,
    render,
)

MOST = 6
"""Values that are listed; of more, four and how many others."""


def say(node: Node) -> str:
    """Say which rows a predicate chooses; what has no shorter words is said in SQL.

    >>> from retrue.slice_sql.reader import parse
    >>> print(say(parse("RELP IN (16, 17)")), "|", say(parse("income IS NULL AND age >= 30")))
    RELP in {16, 17} | missing income and age >= 30
    >>> print(say(parse("NOT a IN (1, 2)")), "|", say(parse("x BETWEEN 1 AND 2 OR y = 'b'")))
    a not in {1, 2} | x from 1 to 2 or y = 'b'
    """
    match node:
        case Literal(value) if value is True:
            return "all"
        case In(Column(name), options):
            return f"{name} in {{{listed([plain(one) for one in options])}}}"
        case Not(In(Column(name), options)):
            return f"{name} not in {{{listed([plain(one) for one in options])}}}"
        case IsNull(Column(name)):
            return f"missing {name}"
        case Not(IsNull(Column(name))):
            return f"with {name}"
        case Between(Column(name), low, high):
            return f"{name} from {plain(low)} to {plain(high)}"
        case Comparison(op, Column(name), right):
            return f"{name} {op} {plain(right)}"
        case Logic("AND", operands) if len(whole := ranged(operands)) < len(operands):
            return " and ".join(whole)
        case Logic(op, operands):
            mixed = any(isinstance(one, Logic) for one in operands)
            return f" {op.lower()} ".join(
                f"({say(one)})" if mixed and isinstance(one, Logic) else say(one) for one in operands
            )
        case _:
            return render(node)


def ranged(operands: Sequence[Node]) -> list[str]:
    """Say the conditions of an AND, the two ends of a column's range as one.

    >>> from retrue.slice_sql.reader import parse
    >>> print(*ranged(parse("x >= 3.45234 AND y < 2 AND x <= 16").operands), sep=", ")
    x from 3.452 to 16, y < 2
    """
    lows, highs = (bounds(operands, ops) for ops in ((">=",), ("<", "<=")))
    said = []
    for one in operands:
        name = one.left.name if isinstance(one, Comparison) and isinstance(one.left, Column) else None
        low, high = lows.get(name), highs.get(name)
        if low is None or high is None or one not in (low, high):
            said.append(f"({say(one)})" if isinstance(one, Logic) else say(one))
        elif one is low:
            said.append(f"{name} from {plain(low.right)} to {'below ' * (high.op == '<')}{plain(high.right)}")
    return said


def bounds(operands: Sequence[Node], ops: Sequence[str]) -> dict[str | None, Comparison]:
    """By column, the condition that holds it against a constant by one of some operators."""
    return {
        one.left.name: one
        for one in operands
        if isinstance(one, Comparison) and one.op in ops
        if isinstance(one.left, Column) and isinstance(one.right, Literal)
    }


def plain(node: Node) -> str:
    """Say a constant: whole numbers without a fraction, others to four digits (from 1,000 on six), the rest as in SQL.

    >>> plain(Literal(16.0)), plain(Literal(3.4523399999999995)), plain(Literal(1028.75)), plain(Literal("a"))
    ('16', '3.452', '1028.75', "'a'")
    """
    if not isinstance(node, Literal) or not isinstance(node.value, float):
        return render(node)
    digits = 4 if abs(node.value) < 1_000 else 6
    return f"{node.value:.0f}" if node.value.is_integer() else f"{node.value:.{digits}g}"


def listed(values: list[str]) -> str:
    """List values; of many, the first ones and how many more there are.

    >>> listed(list("abcdefgh"))
    'a, b, c, d and 4 more'
    """
    if len(values) <= MOST:
        return ", ".join(values)
    return f"{', '.join(values[:4])} and {len(values) - 4} more"
