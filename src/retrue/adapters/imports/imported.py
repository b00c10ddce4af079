"""What came of reading another tool's checks: rules, what Retrue watches anyway, and what has no counterpart."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlglot.expressions as sql

from retrue.errors import RetrueError, TableError
from retrue.judge.rules import BETWEEN, Rule
from retrue.judge.thresholds import Range, Relative, Term
from retrue.slices import Slice


@dataclass(frozen=True)
class Item:
    """A rule, what it comes from, and what changes in meaning (None: nothing)."""

    rule: Rule
    source: str
    note: str | None = None


@dataclass(frozen=True)
class Left:
    """A check without a rule, and why."""

    source: str
    reason: str


@dataclass(frozen=True)
class Imported:
    """All of a file.

    Attributes:
        rules: what must hold, each once.
        watched: checks that need no rule, since every model is watched so.
        left: checks without a counterpart.
    """

    rules: tuple[Item, ...] = ()
    watched: tuple[Left, ...] = ()
    left: tuple[Left, ...] = ()

    @classmethod
    def of(cls, found: Iterable[Item | Left], watched: Iterable[Left] = ()) -> Imported:
        """Rules, each once, and the others."""
        items, left = dict[str, Item](), list[Left]()
        for one in found:
            if isinstance(one, Left):
                left.append(one)
            else:
                items.setdefault(str(one.rule), one)
        return cls(tuple(items.values()), tuple(dict.fromkeys(watched)), tuple(dict.fromkeys(left)))

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "rules": [{"rule": str(one.rule), "source": one.source, "note": one.note} for one in self.rules],
            "watched": [{"source": one.source, "reason": one.reason} for one in self.watched],
            "left": [{"source": one.source, "reason": one.reason} for one in self.left],
        }

    def to_toml(self, model: str = "NAME") -> str:
        """A table for `retrue.toml`, with what isn't in it as comments."""
        lines = [f"[models.{model}]", "rules = ["]
        for one in self.rules:
            note = f"; {one.note}" if one.note else ""
            lines.append(f"    {json.dumps(str(one.rule), ensure_ascii=False)}, # {plain(one.source + note)}")
        lines.append("]")
        for title, rest in (("Watched without a rule:", self.watched), ("Without a counterpart:", self.left)):
            lines += [f"# {title}", *(f"#   {plain(one.source)}: {plain(one.reason)}" for one in rest)] if rest else []
        return "\n".join(lines) + "\n"


def plain(text: str) -> str:
    """A text that ends no comment."""
    return "".join(char if char.isprintable() else " " for char in text)


@dataclass(frozen=True)
class Making:
    """Makes items of one check.

    Args:
        source: what the check is called.
        note: what changes in its meaning.
    """

    source: str
    note: str | None = field(default=None)

    def rule(
        self, metric: str, op: str, bound: Term, column: str | None = None, part: str | None = None
    ) -> Item | Left:
        """A rule; or why the check makes none, where the language of rules can't say it."""
        try:
            rule = Rule(metric, op, bound, column, None if part is None else Slice.parse(part))
            return Item(Rule.parse(str(rule)), self.source, self.note)
        except RetrueError as error:
            return Left(self.source, f"no rule can say it: {error.what}")

    def between(
        self, metric: str, low: Any, high: Any, column: str | None = None, *, strict: tuple[bool, bool] = (False, False)
    ) -> list[Item | Left]:
        """A range, or the one bound that there is; `strict` says of which ends nothing may lie on them."""
        said = [float(end) for end in (low, high) if number(end)]
        if len(said) == 2 and (why := never(metric, said[0], said[1], strict)):
            return [self.left(why)]
        if len(said) == 2 and not any(strict):
            try:
                return [Item(Rule(metric, BETWEEN, Range(*said), column), self.source, self.note)]
            except RetrueError as error:
                return [Left(self.source, error.what)]
        ends = [
            self.rule(metric, sign if tight else f"{sign}=", float(end), column)
            for sign, end, tight in ((">", low, strict[0]), ("<", high, strict[1]))
            if number(end)
        ]
        return ends or [Left(self.source, "it names no bound that is a number")]

    def left(self, reason: str) -> Left:
        """The check, without a counterpart."""
        return Left(self.source, reason)


def never(what: str, low: float, high: float, strict: tuple[bool, bool]) -> str | None:
    """Why nothing can be in a range; None: something can.

    >>> never("median", 10, 1, (False, False)), never("median", 1, 1, (False, False))
    ('no median is between 10 and 1: it could never hold', None)
    """
    if low < high or (low == high and not any(strict)):
        return None
    return f"no {what} is between {low:g} and {high:g}{' without its ends' if low == high else ''}: it could never hold"


def number(value: object) -> bool:
    """Whether a value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def relative(factor: float, offset: float = 0.0) -> Relative:
    """A threshold by what the reference has."""
    return Relative(factor, offset)


def name(column: str) -> str:
    """A column in a slice's text."""
    return sql.column(column, quoted=True).sql()


def literal(value: object) -> str:
    """A value in a slice's text."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return repr(value) if number(value) else "'" + str(value).replace("'", "''") + "'"


def among(column: str, values: Iterable[object], *, negated: bool = False) -> str:
    """`column IN (...)`, or its opposite."""
    listed = ", ".join(literal(value) for value in values if value is not None)
    return f"{name(column)} {'NOT IN' if negated else 'IN'} ({listed})"


def parsed(text: str, where: str) -> Any:
    """JSON of a file.

    Raises:
        TableError: it is none.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TableError(f"it can't be read as JSON: {str(error)[:100]}", where=where) from error


def objects(held: Any) -> Iterable[Mapping[str, Any]]:
    """Every object within a JSON value, outer ones first."""
    waiting = [held]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, Mapping):
            yield one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
