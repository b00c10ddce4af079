"""From a slice's tree to a Polars expression, with the types of a table's columns at hand.

What SQL leaves open is decided here, so that a slice means the same rows everywhere:

* Null in a comparison gives null, and a row whose predicate is null isn't in the slice (nor in its NOT).
* NaN compares as null does: profiles count it apart, and `x >= 5` doesn't hold for it. It isn't null, though:
  `x IS NULL` doesn't hold either; `ISNAN(x)` does.
* `/` always gives a fraction; `%` has the sign of its left side; dividing by zero gives null.
* Integers are exact, up to 126 bits; beyond that and with fractions, arithmetic is in float64.
* Float32 and Decimal columns are compared as float64, so a Float32 0.1 isn't 0.1 (nor is it in PostgreSQL).
* Text is never a number: comparing them is an error that names the column. Dates and times may be written as ISO text;
  without an offset that is local time in the column's zone, and a date is its midnight.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date

import polars as pl

from retrue.errors import SliceError
from retrue.slice_sql.functions import FUNCTIONS
from retrue.slice_sql.terms import (
    BOOLEAN,
    FLOAT,
    TEXT,
    Family,
    Term,
    align_numbers,
    column_term,
    integer_dtype,
    literal_term,
    without_nan,
)
from retrue.slice_sql.times import parse_time, time_literal, to_datetime, unit_of, zone_of
from retrue.slice_sql.tree import (
    Arithmetic,
    Between,
    Call,
    Column,
    Comparison,
    In,
    IsNull,
    Like,
    Literal,
    Logic,
    Negative,
    Node,
    Not,
    Opaque,
    render,
)

_INT = pl.Int64()
_NULLS: dict[Family, pl.DataType] = {Family.NUMBER: _INT, Family.TEXT: TEXT, Family.BOOLEAN: BOOLEAN}
_MANY = 8


def compile_tree(node: Node, dtypes: Mapping[str, pl.DataType], where: str) -> pl.Expr:
    """Give a condition's Polars expression: Boolean, null where SQL says null.

    Args:
        node: a tree.
        dtypes: the dtypes of the table it will run on, by column; all the tree's columns are there.
        where: the slice, as an error shows it.

    Raises:
        SliceError: something is compared or computed with what it can't be; it names the column and its dtype.
    """
    return _Compiler(dtypes, where).condition(node)


class _Compiler:
    def __init__(self, dtypes: Mapping[str, pl.DataType], where: str) -> None:
        self.dtypes, self.where = dtypes, where

    def error(self, what: str, *, expected: str, hint: str | None = None) -> SliceError:
        return SliceError(what, where=self.where, expected=expected, hint=hint)

    # Conditions

    def condition(self, node: Node) -> pl.Expr:
        """Compile what must be true or false."""
        match node:
            case Opaque(expr):
                return expr
            case Not(operand):
                return ~self.condition(operand)
            case Logic(op, operands):
                parts = [self.condition(operand) for operand in operands]
                return pl.all_horizontal(parts) if op == "AND" else pl.any_horizontal(parts)
            case Comparison(op, left, right):
                return self.compare(op, self.term(left), self.term(right))
            case Between(value, low, high):
                term = self.term(value)
                return self.compare(">=", term, self.term(low)) & self.compare("<=", term, self.term(high))
            case In(value, options):
                return self.isin(self.term(value), [self.term(option) for option in options])
            case IsNull(value):
                return self.term(value).expr.is_null()
            case Like():
                return self.match(node)
            case _:
                return self.truth(self.term(node))

    def truth(self, term: Term) -> pl.Expr:
        if term.family in {Family.BOOLEAN, Family.NOTHING}:
            return term.expr.cast(pl.Boolean)
        raise self.error(f"{term} where a condition belongs", expected="true or false")

    def compare(self, op: str, left: Term, right: Term) -> pl.Expr:
        a, b = (without_nan(term) for term in self.align(left, right))
        if a.family is Family.BOOLEAN and op not in {"=", "!="}:
            raise self.error(f"{left} {op} {right}", expected="= or != between booleans")
        if isinstance(left.dtype, pl.Categorical) and isinstance(right.node, Literal) and op in {"=", "!="}:
            return _COMPARE[op](left.expr, b.expr)  # compares codes, ten times as fast as text
        return _COMPARE[op](a.expr, b.expr)

    def isin(self, value: Term, options: list[Term]) -> pl.Expr:
        """Compare with each option; with many of one kind, look them up instead."""
        each = [self.compare("=", value, option) for option in options]
        plain = [option.node.value for option in options if isinstance(option.node, Literal)]
        if len(options) > _MANY and value.family is Family.TEXT:
            return value.as_text().expr.is_in(plain)
        small = [term.bits for term in (value, *options) if term.bits is not None and term.bits <= 63]
        if len(options) > _MANY and len(small) == len(options) + 1:
            return value.expr.cast(_INT).is_in(plain)
        return pl.any_horizontal(each)

    def match(self, node: Like) -> pl.Expr:
        value = self.term(node.value)
        if value.family is Family.NOTHING:
            return value.expr.cast(pl.Boolean)
        if value.family is not Family.TEXT:
            raise self.error(f"{value} LIKE {render(Literal(node.pattern))}", expected="a column of text")
        return value.as_text().expr.str.contains(like_regex(node.pattern, ignore_case=node.ignore_case))

    # Values

    def term(self, node: Node) -> Term:
        """Compile a value."""
        match node:
            case Column(name):
                return column_term(node, self.dtypes[name])
            case Literal():
                return literal_term(node)
            case Negative(operand):
                return self.arithmetic(node, "-", literal_term(Literal(0)), self.term(operand))
            case Arithmetic(op, left, right):
                return self.arithmetic(node, op, self.term(left), self.term(right))
            case Call("COALESCE", arguments):
                return self.coalesce(node, arguments)
            case Call():
                return self.call(node)
            case _:
                return Term(self.condition(node), Family.BOOLEAN, BOOLEAN, node)

    def arithmetic(self, node: Node, op: str, left: Term, right: Term) -> Term:
        """Compute with numbers, in a dtype that the result can't overflow."""
        for term in (left, right):
            if term.family not in {Family.NUMBER, Family.NOTHING}:
                raise self.error(f"{term} in {render(node)}", expected="numbers in arithmetic")
        if Family.NOTHING in {left.family, right.family}:
            return Term(pl.lit(None, dtype=FLOAT), Family.NUMBER, FLOAT, node)
        bits = _bits_of_result(op, left.bits, right.bits)
        dtype = integer_dtype(None if bits is None else max(bits, left.bits or 0, right.bits or 0))
        expr = _COMPUTE[op](left.cast(dtype).expr, right.cast(dtype).expr)
        return Term(expr, Family.NUMBER, dtype, node, None if dtype == FLOAT else bits)

    def call(self, node: Call) -> Term:
        function, term = FUNCTIONS[node.name], self.term(node.arguments[0])
        more = [self.constant(node, argument) for argument in node.arguments[1:]]
        if term.family is Family.NOTHING:
            dtype = _NULLS[function.gives]
            return Term(pl.lit(None, dtype=dtype), function.gives, dtype, node)
        if term.family is not function.takes:
            raise self.error(f"{node.name} of {term}", expected=str(function.takes))
        argument = _argument(term)
        expr = function.compute(argument.expr, *more)
        if function.takes is function.gives is Family.NUMBER:
            return replace(argument, expr=expr, node=node, bits=argument.bits and argument.bits + 1)
        dtype = _NULLS[function.gives]
        return Term(expr.cast(dtype), function.gives, dtype, node, 32 if function.gives is Family.NUMBER else None)

    def constant(self, node: Call, argument: Node) -> int:
        if isinstance(argument, Literal) and type(argument.value) is int:
            return argument.value
        raise self.error(render(node), expected=f"{FUNCTIONS[node.name].signature} with a constant integer")

    def coalesce(self, node: Call, arguments: tuple[Node, ...]) -> Term:
        """Bring the arguments to one dtype, two at a time."""
        result = self.term(arguments[0])
        for argument in arguments[1:]:
            a, b = self.align(result, self.term(argument))
            bits = max(a.bits, b.bits) if a.bits is not None and b.bits is not None else None
            # Not pl.coalesce: with a constant and a column of nulls it gives a single value in Polars 2.1.
            expr = pl.when(a.expr.is_not_null()).then(a.expr).otherwise(b.expr)
            result = replace(a, expr=expr, node=node, bits=bits)
        return result

    # Types

    def align(self, left: Term, right: Term) -> tuple[Term, Term]:
        """Bring two values to one dtype, so that Polars compares them as documented above."""
        a, b = left.like(right), right.like(left)
        families = {a.family, b.family}
        if families == {Family.NUMBER}:
            return align_numbers(a, b)
        if families == {Family.TEXT}:
            return a.as_text(), b.as_text()
        if families in ({Family.BOOLEAN}, {Family.NOTHING}):
            return a, b
        if families in ({Family.TIME}, {Family.TIME, Family.TEXT}):
            return self.align_times(self.as_time(a, b), self.as_time(b, a))
        raise self.mismatch(left, right)

    def mismatch(self, left: Term, right: Term) -> SliceError:
        expected, hint = "two of a kind", None
        if Family.OTHER in {left.family, right.family}:
            expected = "IS NULL or IS NOT NULL, as its dtype has no constants"
        for term, other in ((left, right), (right, left)):
            if isinstance(other.node, Literal) and term.family is Family.TEXT:
                hint = f"write the constant as text: '{other.node.value}'"
            elif isinstance(other.node, Literal) and (term.family, other.family) == (Family.NUMBER, Family.TEXT):
                hint = "write the number without quotes"
        return self.error(f"{left} compared with {right}", expected=expected, hint=hint)

    def as_time(self, term: Term, other: Term) -> Term:
        """Read ISO text that is compared with a time."""
        if term.family is Family.TIME:
            return term
        if not isinstance(term.node, Literal):
            raise self.mismatch(term, other)
        value = parse_time(str(term.node.value))
        if value is None:
            expected = "an ISO date or time such as '2013-03-01' or '2013-03-01 10:30:00'"
            raise self.error(f"{term} compared with {other}", expected=expected)
        return literal_term(Literal(value))

    def align_times(self, left: Term, right: Term) -> tuple[Term, Term]:
        """Bring dates and times to one dtype: the finer unit, and the zone where one side has one."""
        if left.dtype == right.dtype == pl.Date():
            return left, right
        zone = zone_of(right.dtype) if isinstance(left.node, Literal) else zone_of(left.dtype)
        zone = zone or zone_of(left.dtype) or zone_of(right.dtype)
        for term in (left, right) if zone else ():
            if not (zone_of(term.dtype) or isinstance(term.node, Literal) or isinstance(term.dtype, pl.Date)):
                raise self.error(f"{left} compared with {right}", expected="both with a time zone, or both without")
        target = pl.Datetime("ns" if "ns" in {unit_of(left.dtype), unit_of(right.dtype)} else "us", zone)
        return _retime(left, target), _retime(right, target)


def _retime(term: Term, target: pl.Datetime) -> Term:
    if isinstance(term.node, Literal) and isinstance(term.node.value, date):
        return replace(term, expr=time_literal(term.node.value, target.time_unit, target.time_zone), dtype=target)
    return replace(term, expr=to_datetime(term.expr, term.dtype, target), dtype=target)


def _argument(term: Term) -> Term:
    """Bring a function's argument to a dtype that the function works on and can't overflow."""
    if term.family is Family.NUMBER:
        return term.cast(integer_dtype(term.bits))
    if isinstance(term.dtype, pl.Date):
        return _retime(term, pl.Datetime("us"))
    return term.as_text() if term.family is Family.TEXT else term


def _bits_of_result(op: str, left: int | None, right: int | None) -> int | None:
    """Bound the size of an integer result; None where it isn't an integer."""
    if left is None or right is None or op == "/":
        return None
    return {"+": max(left, right) + 1, "-": max(left, right) + 1, "*": left + right, "%": min(left, right)}[op]


def _divide(a: pl.Expr, b: pl.Expr) -> pl.Expr:
    return a / pl.when(b != 0).then(b)


def _remainder(a: pl.Expr, b: pl.Expr) -> pl.Expr:
    """Give the remainder with the sign of `a` (Polars gives that of `b`), null where `b` is zero."""
    size = a.abs() % pl.when(b != 0).then(b.abs())
    return pl.when(a < 0).then(0 - size).otherwise(size)  # Polars 2.1 has no unary minus for Int128


_COMPARE: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "=": pl.Expr.eq,
    "!=": pl.Expr.ne,
    "<": pl.Expr.lt,
    "<=": pl.Expr.le,
    ">": pl.Expr.gt,
    ">=": pl.Expr.ge,
}
_COMPUTE: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "+": pl.Expr.add,
    "-": pl.Expr.sub,
    "*": pl.Expr.mul,
    "/": _divide,
    "%": _remainder,
}


def like_regex(pattern: str, *, ignore_case: bool) -> str:
    r"""Turn a LIKE pattern into a regular expression of Rust's `regex`, which runs in linear time.

    >>> print(like_regex("50_%.", ignore_case=False))
    (?s)\A50..*\.\z
    """
    parts = re.split("(%+|_)", pattern)
    body = "".join(".*" if part.startswith("%") else "." if part == "_" else _escape(part) for part in parts)
    return f"(?s{'i' if ignore_case else ''})\\A{body}\\z"


def _escape(text: str) -> str:
    return re.sub(r"([\\.+*?()|\[\]{}^$#&\-~])", r"\\\1", text)
