"""From a slice's tree to a Polars expression, with the types of a table's columns at hand.

What SQL leaves open is decided here, so that a slice means the same rows everywhere:

* Null in a comparison gives null, and a row whose predicate is null isn't in the slice (nor in its NOT).
* NaN compares as null does: profiles count it apart, so `x >= 5` doesn't hold for it. `x IS NULL` doesn't hold either;
  `ISNAN(x)` does.
* `/` always gives a fraction; `%` has the sign of its left side; dividing by zero gives null.
* Integers are exact, of any size that a column can have; beyond 126 bits and with fractions, arithmetic is in float64.
* Float32 and Decimal columns are compared as float64, so a Float32 0.1 isn't 0.1 (nor is it in PostgreSQL).
* Text is never a number: comparing them is an error that names the column. Dates and times may be written as ISO text;
  without an offset it is local time in the column's zone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import NoReturn, assert_never

import polars as pl

from retrue.errors import SliceError
from retrue.slice_sql.functions import FUNCTIONS, Family, Term
from retrue.slice_sql.times import parse_time, time_literal
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

_WIDTHS = {pl.Int8: 7, pl.Int16: 15, pl.Int32: 31, pl.Int64: 63, pl.Int128: 127}
_WIDTHS |= {pl.UInt8: 8, pl.UInt16: 16, pl.UInt32: 32, pl.UInt64: 64}
_BOOL = pl.Boolean()
_FLOAT = pl.Float64()


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

    def refuse(self, what: str, *, expected: str | None = None, hint: str | None = None) -> NoReturn:
        raise SliceError(what, where=self.where, expected=expected, hint=hint)

    def name(self, term: Term) -> str:
        match term.node:
            case Column(name):
                return f"column {name!r} ({term.dtype})"
            case Literal():
                return f"{render(term.node)}"
            case _:
                return f"{render(term.node)} ({term.family})"

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
            case Like(value, pattern, ignore_case):
                return self.like(self.term(value), pattern, ignore_case)
            case _:
                term = self.term(node)
                if term.family not in (Family.BOOLEAN, Family.NOTHING):
                    self.refuse(f"{self.name(term)} where a condition belongs", expected="true or false")
                return term.expr.cast(pl.Boolean)

    def compare(self, op: str, left: Term, right: Term) -> pl.Expr:
        a, b = self.align(left, right)
        if a.family is Family.BOOLEAN and op not in ("=", "!="):
            self.refuse(f"{self.name(left)} {op} {self.name(right)}", expected="= or != between booleans")
        return _COMPARE[op](a.expr, b.expr)

    def isin(self, value: Term, options: list[Term]) -> pl.Expr:
        return pl.any_horizontal([self.compare("=", value, option) for option in options])

    def like(self, value: Term, pattern: str, ignore_case: bool) -> pl.Expr:
        if value.family is Family.NOTHING:
            return _null()
        if value.family is not Family.TEXT:
            self.refuse(f"{self.name(value)} LIKE", expected="text")
        return _text(value).str.contains(_regex(pattern, ignore_case))

    # Values

    def term(self, node: Node) -> Term:
        """Compile a value."""
        match node:
            case Column(name):
                return self.column(node, self.dtypes[name])
            case Literal(value):
                return _literal(node, value)
            case Negative(operand):
                term = self.numeric(self.term(operand), "-")
                return self.arithmetic(node, "-", _literal(Literal(0), 0), term)
            case Arithmetic(op, left, right):
                return self.arithmetic(node, op, self.numeric(self.term(left), op), self.numeric(self.term(right), op))
            case Call(name, arguments):
                return self.coalesce(node, arguments) if name == "COALESCE" else self.call(node, name, arguments)
            case _:
                return Term(self.condition(node), Family.BOOLEAN, _BOOL, node)

    def column(self, node: Column, dtype: pl.DataType) -> Term:
        expr = pl.col(node.name) if not node.name.startswith("^") else pl.col([node.name])
        if dtype.is_decimal() or dtype == pl.UInt128:
            return Term(expr.cast(pl.Float64), Family.NUMBER, dtype, node)
        if dtype.is_numeric():
            return Term(expr, Family.NUMBER, dtype, node, _WIDTHS.get(dtype.base_type()))
        return Term(expr, _family(dtype), dtype, node)

    def numeric(self, term: Term, op: str) -> Term:
        if term.family in (Family.NUMBER, Family.NOTHING):
            return term
        self.refuse(f"{self.name(term)} in arithmetic ({op})", expected="a number")

    def arithmetic(self, node: Node, op: str, left: Term, right: Term) -> Term:
        if Family.NOTHING in (left.family, right.family):
            return Term(pl.lit(None, dtype=pl.Float64), Family.NUMBER, _FLOAT, node)
        bits = _result_bits(op, left.bits, right.bits)
        kind = _integer(max(bits, left.bits or 0, right.bits or 0) if bits is not None else None)
        a, b = left.expr.cast(kind), right.expr.cast(kind)
        expr = _ARITHMETIC[op](a, b)
        return Term(expr, Family.NUMBER, kind, node, bits if kind != _FLOAT else None)

    def call(self, node: Call, name: str, arguments: tuple[Node, ...]) -> Term:
        function, first = FUNCTIONS[name], self.term(arguments[0])
        if first.family is not Family.NOTHING and first.family is not function.takes:
            self.refuse(f"{name} of {self.name(first)}", expected=str(function.takes))
        more = [self.constant(name, argument) for argument in arguments[1:]]
        if first.family is Family.NOTHING:
            gives = function.gives or Family.NUMBER
            return Term(pl.lit(None, dtype=_DTYPES[gives]), gives, _DTYPES[gives], node)
        if function.takes is Family.TEXT:
            first = Term(_text(first), Family.TEXT, pl.String(), first.node)
        if function.takes is Family.NUMBER:
            first = _widen(first)
        expr = function.build(first, more)
        if function.gives is None:
            return Term(expr, first.family, first.dtype, node, first.bits)
        bits = 32 if function.gives is Family.NUMBER else None
        return Term(expr, function.gives, _DTYPES[function.gives], node, bits)

    def constant(self, name: str, node: Node) -> int:
        if isinstance(node, Literal) and type(node.value) is int:
            return node.value
        self.refuse(f"{name} with {render(node)}", expected=FUNCTIONS[name].signature + " with a constant integer")

    def coalesce(self, node: Call, arguments: tuple[Node, ...]) -> Term:
        """Bring the arguments to one dtype, two at a time."""
        result = self.term(arguments[0])
        for argument in arguments[1:]:
            a, b = self.align(result, self.term(argument), comparing=False)
            bits = max(a.bits, b.bits) if a.bits is not None and b.bits is not None else None
            result = Term(pl.coalesce(a.expr, b.expr), a.family, a.dtype, node, bits)
        return result

    # Types

    def align(self, left: Term, right: Term, *, comparing: bool = True) -> tuple[Term, Term]:
        """Bring two values to one dtype, so that Polars compares them as documented above."""
        if left.family is Family.NOTHING:
            left = _nothing(left, right)
        if right.family is Family.NOTHING:
            right = _nothing(right, left)
        families = {left.family, right.family}
        if families == {Family.NUMBER}:
            return _align_numbers(left, right, comparing)
        if families == {Family.TEXT}:
            return _retype(left, _text(left), pl.String()), _retype(right, _text(right), pl.String())
        if families == {Family.BOOLEAN} or families == {Family.NOTHING}:
            return left, right
        if Family.TIME in families and families <= {Family.TIME, Family.TEXT}:
            return self.align_times(self.as_time(left, right), self.as_time(right, left))
        self.mismatch(left, right)

    def mismatch(self, left: Term, right: Term) -> NoReturn:
        hint = None
        for column, other in ((left, right), (right, left)):
            if isinstance(column.node, Column) and isinstance(other.node, Literal):
                if column.family is Family.TEXT:
                    hint = f"write the constant as text: '{other.node.value}'"
                elif column.family is Family.NUMBER and other.family is Family.TEXT:
                    hint = "write the number without quotes"
        if Family.OTHER in (left.family, right.family):
            hint = "such columns can only be tested with IS NULL"
        self.refuse(f"{self.name(left)} compared with {self.name(right)}", expected="two of a kind", hint=hint)

    def as_time(self, term: Term, other: Term) -> Term:
        """Read ISO text that is compared with a time."""
        if term.family is Family.TIME:
            return term
        if not isinstance(term.node, Literal):
            self.mismatch(term, other)
        value = parse_time(str(term.node.value))
        if value is None:
            self.refuse(
                f"{render(term.node)} compared with {self.name(other)}",
                expected="an ISO date or time such as '2013-03-01' or '2013-03-01 10:30:00'",
            )
        return _literal(Literal(value), value)

    def align_times(self, left: Term, right: Term) -> tuple[Term, Term]:
        if isinstance(left.dtype, pl.Date) and isinstance(right.dtype, pl.Date):
            return left, right
        if isinstance(left.node, Literal) and not isinstance(right.node, Literal):
            right, left = self.align_times(right, left)
            return left, right
        unit = "ns" if "ns" in (_unit(left.dtype), _unit(right.dtype)) else "us"
        zone = _zone(left.dtype)
        self.check_zones(left, right)
        target = pl.Datetime(unit, zone)  # type: ignore[arg-type]
        return _retype(left, _to(left, target), target), _retype(right, _to(right, target), target)

    def check_zones(self, left: Term, right: Term) -> None:
        free = isinstance(right.node, Literal) or isinstance(right.dtype, pl.Date)
        if bool(_zone(left.dtype)) != bool(_zone(right.dtype)) and not (free and _zone(left.dtype)):
            self.refuse(
                f"{self.name(left)} compared with {self.name(right)}",
                expected="both with a time zone, or both without",
            )


def _literal(node: Literal, value: bool | int | float | str | date | datetime) -> Term:
    match value:
        case bool():
            return Term(pl.lit(value), Family.BOOLEAN, _BOOL, node)
        case int():
            bits = value.bit_length()
            return Term(pl.lit(value, dtype=_integer(bits)), Family.NUMBER, _integer(bits), node, bits)
        case float():
            return Term(pl.lit(value, dtype=pl.Float64), Family.NUMBER, _FLOAT, node)
        case str():
            return Term(pl.lit(value, dtype=pl.String), Family.TEXT, pl.String(), node)
        case datetime():
            zone = None if value.tzinfo is None else "UTC"
            return Term(time_literal(value, "us", zone), Family.TIME, pl.Datetime("us", zone), node)
        case date():
            return Term(pl.lit(value), Family.TIME, pl.Date(), node)
        case _:
            assert_never(value)


def _family(dtype: pl.DataType) -> Family:
    if isinstance(dtype, (pl.String, pl.Categorical, pl.Enum)):
        return Family.TEXT
    if isinstance(dtype, (pl.Date, pl.Datetime)):
        return Family.TIME
    if isinstance(dtype, pl.Boolean):
        return Family.BOOLEAN
    return Family.NOTHING if isinstance(dtype, pl.Null) else Family.OTHER


def _retype(term: Term, expr: pl.Expr, dtype: pl.DataType, bits: int | None = None) -> Term:
    return Term(expr, term.family, dtype, term.node, bits)


def _nothing(term: Term, like: Term) -> Term:
    """Give a null column the type of what it meets."""
    if like.family in (Family.NOTHING, Family.OTHER):
        return Term(_null(), Family.NOTHING, _BOOL, term.node)
    return Term(pl.lit(None, dtype=like.dtype), like.family, like.dtype, term.node, like.bits)


def _null() -> pl.Expr:
    return pl.lit(None, dtype=pl.Boolean)


def _text(term: Term) -> pl.Expr:
    return term.expr if isinstance(term.dtype, pl.String) else term.expr.cast(pl.String)


def _integer(bits: int | None) -> pl.DataType:
    """Give the smallest dtype that surely holds integers of so many bits."""
    if bits is None or bits > 126:
        return pl.Float64()
    return pl.Int64() if bits <= 62 else pl.Int128()


def _widen(term: Term) -> Term:
    """Bring a number to a dtype in which ABS and ROUND can't overflow."""
    dtype = _integer(term.bits)
    return _retype(term, term.expr.cast(dtype), dtype, term.bits if dtype != _FLOAT else None)


def _align_numbers(left: Term, right: Term, comparing: bool) -> tuple[Term, Term]:
    if left.bits is not None and right.bits is not None:
        small = max(left.bits, right.bits) <= 63
        dtype: pl.DataType = pl.Int64() if small else pl.Int128()
        return tuple(_retype(t, t.expr.cast(dtype), dtype, t.bits) for t in (left, right))  # type: ignore[return-value]
    exprs = [term.expr.cast(pl.Float64) for term in (left, right)]
    if comparing:
        exprs = [expr.fill_nan(None) for expr in exprs]
    return _retype(left, exprs[0], _FLOAT), _retype(right, exprs[1], _FLOAT)


def _result_bits(op: str, left: int | None, right: int | None) -> int | None:
    if left is None or right is None or op == "/":
        return None
    return {"+": max(left, right) + 1, "-": max(left, right) + 1, "*": left + right, "%": min(left, right)}[op]


def _remainder(a: pl.Expr, b: pl.Expr) -> pl.Expr:
    """Give the remainder with the sign of `a` (Polars gives that of `b`), null where `b` is zero."""
    size = a.abs() % pl.when(b != 0).then(b.abs())
    return pl.when(a < 0).then(0 - size).otherwise(size)  # Polars 2.1 has no minus for Int128


def _unit(dtype: pl.DataType) -> str:
    return dtype.time_unit if isinstance(dtype, pl.Datetime) else "us"


def _zone(dtype: pl.DataType) -> str | None:
    return dtype.time_zone if isinstance(dtype, pl.Datetime) else None


def _to(term: Term, target: pl.Datetime) -> pl.Expr:
    """Bring a date or time to a datetime dtype."""
    if isinstance(term.node, Literal) and isinstance(term.node.value, date):
        return time_literal(term.node.value, target.time_unit, target.time_zone)
    if _zone(term.dtype) or target.time_zone is None:
        return term.expr.cast(target)
    local = term.expr.cast(pl.Datetime(target.time_unit))
    return local.dt.replace_time_zone(target.time_zone, ambiguous="earliest", non_existent="null")


def _regex(pattern: str, ignore_case: bool) -> str:
    """Turn a LIKE pattern into a regular expression of Rust's `regex`, which runs in linear time.

    >>> _regex("50_%.", ignore_case=False)
    '(?s)\\\\A50..*\\\\.\\\\z'
    """
    parts = re.split("(%+|_)", pattern)
    body = "".join(".*" if part.startswith("%") else "." if part == "_" else _escape(part) for part in parts)
    return f"(?s{'i' if ignore_case else ''})\\A{body}\\z"


def _escape(text: str) -> str:
    return re.sub(r"([\\.+*?()|\[\]{}^$#&\-~])", r"\\\1", text)


_DTYPES: dict[Family, pl.DataType] = {
    Family.NUMBER: pl.Int64(),
    Family.TEXT: pl.String(),
    Family.BOOLEAN: _BOOL,
    Family.TIME: pl.Datetime("us"),
}
_COMPARE = {
    "=": pl.Expr.eq,
    "!=": pl.Expr.ne,
    "<": pl.Expr.lt,
    "<=": pl.Expr.le,
    ">": pl.Expr.gt,
    ">=": pl.Expr.ge,
}
_ARITHMETIC = {
    "+": pl.Expr.add,
    "-": pl.Expr.sub,
    "*": pl.Expr.mul,
    "/": lambda a, b: a / pl.when(b != 0).then(b),
    "%": _remainder,
}
