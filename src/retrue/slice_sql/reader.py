"""From text to a slice's tree: sqlglot reads, and only what is on a list gets through.

Three nets, each enough for most of what is hostile: the tokens (no keyword, bracket, comment or separator outside the
slice language ever reaches the parser), the parser (sqlglot with no functions of its own), and the nodes (anything that
is not expected, an argument included, is an error). Imported only when a text is parsed, as sqlglot takes 0.3 s.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, ClassVar, NoReturn

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokens import Token, TokenType

from retrue.errors import SliceError, nearest
from retrue.slice_sql.functions import FUNCTIONS, INSTEAD
from retrue.slice_sql.times import parse_time
from retrue.slice_sql.tree import (
    MAX_DEPTH,
    MAX_NESTING,
    MAX_TEXT,
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
    join,
    negate,
    number,
)

LANGUAGE = (
    "comparisons, BETWEEN, IN, LIKE, IS NULL, AND, OR, NOT, arithmetic, constants, columns and functions such as ABS"
)

_T = TokenType
_ALLOWED = frozenset(
    [_T.VAR, _T.IDENTIFIER, _T.STRING, _T.NUMBER, _T.L_PAREN, _T.R_PAREN, _T.COMMA, _T.DOT]
    + [_T.EQ, _T.NEQ, _T.LT, _T.LTE, _T.GT, _T.GTE, _T.PLUS, _T.DASH, _T.STAR, _T.SLASH, _T.MOD]
    + [_T.AND, _T.OR, _T.NOT, _T.BETWEEN, _T.IN, _T.IS, _T.NULL, _T.LIKE, _T.ILIKE, _T.TRUE, _T.FALSE]
)
_TIMES = (_T.DATE, _T.TIMESTAMP, _T.TIMESTAMPTZ)
_PREFIXES = (_T.L_PAREN, _T.NOT, _T.DASH, _T.PLUS)
_WORD = re.compile(r"[^\W\d]\w*\Z")
_MAX_INTEGER = 2**64 - 1
_MAX_PATTERN = 1_000


class _Parser(sqlglot.Parser):
    """sqlglot's parser without its functions: each call is an `Anonymous` node with the name as it was written."""

    FUNCTIONS: ClassVar[dict[str, Callable[..., Any]]] = {}
    FUNCTION_PARSERS: ClassVar[dict[str, Callable[..., Any]]] = {}
    NO_PAREN_FUNCTIONS: ClassVar[dict[TokenType, type[exp.Expression]]] = {}
    NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Callable[..., Any]]] = {}


def parse(text: str) -> Node:
    """Read a predicate's text.

    Args:
        text: the predicate, at most `MAX_TEXT` characters.

    Returns:
        The tree; parentheses that change nothing are gone, and so are pairs of NOTs.

    Raises:
        SliceError: the text isn't in the slice language; the message says which construct isn't.
    """
    if len(text) > MAX_TEXT:
        raise SliceError(f"a slice of {len(text):,} characters", where=_quote(text), expected=f"at most {MAX_TEXT:,}")
    return _Reader(text).read()


def _quote(text: str) -> str:
    """Show a slice's text in an error, shortened and without control characters."""
    shown = text if len(text) <= 80 else text[:79] + "…"
    printable = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in shown)
    return f'slice "{printable}"'


class _Reader:
    """One text on its way to a tree; it knows the text so that each error can show it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def read(self) -> Node:
        self.check_characters()
        try:
            tokens = [self.admit(*pair) for pair in _pairs(sqlglot.tokenize(self.text))]
            self.check_nesting(tokens)
            trees = _Parser().parse(tokens, self.text)
        except TokenError:
            self.refuse("a quote or a comment that isn't closed")
        except ParseError as error:
            first = error.errors[0]
            self.refuse(f"{_sentence(first['description'])} at character {first['col']}")
        except RecursionError:
            self.refuse("a slice that nests too deeply")
        if len(trees) != 1 or trees[0] is None:
            self.refuse("no condition", expected="a condition such as precip > 0.1 (TRUE for all rows)")
        return self.node(trees[0], 1)

    def refuse(self, what: str, *, expected: str | None = LANGUAGE, hint: str | None = None) -> NoReturn:
        raise SliceError(what, where=_quote(self.text), expected=expected, hint=hint) from None

    def check_characters(self) -> None:
        if "\0" in self.text:
            self.refuse("a null byte", expected="text")
        try:
            self.text.encode()
        except UnicodeEncodeError:
            self.refuse("half of a surrogate pair", expected="text that is valid Unicode")

    def admit(self, token: Token, after: Token | None) -> Token:
        """Let a token through, or refuse it by name; keywords that aren't reserved are column names."""
        kind = token.token_type
        if token.comments:
            self.refuse("a comment")
        if kind in _TIMES and after is not None and after.token_type is _T.STRING:
            return token
        is_word = kind not in (_T.IDENTIFIER, _T.STRING, _T.NUMBER) and _WORD.match(token.text)
        if kind in _ALLOWED and not (kind is _T.VAR and (not is_word or token.text.lower() in RESERVED)):
            return token if token.text != "!" else self.refuse("!", hint="write NOT")
        if not is_word:
            self.refuse(f"{_shown(token)}")
        if token.text.lower() in RESERVED:
            hint = f'a column of that name is written "{token.text}"'
            self.refuse(f"{token.text.upper()} isn't allowed", hint=hint)
        return Token(_T.VAR, token.text, token.line, token.col, token.start, token.end)

    def check_nesting(self, tokens: list[Token]) -> None:
        opened: list[int] = []
        pending = 0
        for token in tokens:
            kind = token.token_type
            pending = pending + 1 if kind in _PREFIXES else 0
            if kind is _T.L_PAREN:
                opened.append(pending)
                pending = 0
            elif kind is _T.R_PAREN and opened:
                opened.pop()
            if sum(opened) + pending > MAX_NESTING + 1:
                self.refuse("a slice that nests too deeply", expected=f"at most {MAX_NESTING} levels")

    def node(self, tree: exp.Expression, level: int) -> Node:
        """Turn one of sqlglot's nodes into ours."""
        if level > 3 * MAX_DEPTH:
            self.refuse("a slice that nests too deeply", expected=f"at most {MAX_DEPTH} levels")
        while isinstance(tree, exp.Paren):
            tree = tree.this
        convert = _CONVERTERS.get(type(tree))
        if convert is None:
            self.refuse(f"{_construct(tree)} isn't allowed")
        allowed, method = convert
        extra = [key for key, value in tree.args.items() if value not in (None, False, []) and key not in allowed]
        if extra:
            self.refuse(f"{_construct(tree)} with {', '.join(extra)} isn't allowed")
        return method(self, tree, level + 1)

    def column(self, tree: exp.Expression, level: int) -> Node:
        if not isinstance(tree.this, exp.Identifier) or not tree.name:
            self.refuse(f"{_construct(tree.this)} isn't allowed")
        return Column(tree.name)

    def literal(self, tree: exp.Expression, level: int) -> Node:
        if tree.is_string:
            return Literal(str(tree.this))
        try:
            value: int | float = int(tree.this)
        except ValueError:
            value = float(tree.this)
        if abs(value) > _MAX_INTEGER if isinstance(value, int) else math.isinf(value):
            self.refuse(f"the number {_short(tree.this)}", expected="an integer below 2^64 or a finite number")
        return number(value)

    def boolean(self, tree: exp.Expression, level: int) -> Node:
        return Literal(bool(tree.this))

    def null(self, tree: exp.Expression, level: int) -> Node:
        self.refuse("NULL outside of IS NULL, which no value equals", hint="write x IS NULL")

    def negative(self, tree: exp.Expression, level: int) -> Node:
        operand = self.node(tree.this, level)
        if isinstance(operand, Literal) and isinstance(operand.value, (int, float)) and operand.value is not True:
            return number(-operand.value)
        return Negative(operand)

    def negation(self, tree: exp.Expression, level: int) -> Node:
        return negate(self.node(tree.this, level))

    def arithmetic(self, tree: exp.Expression, level: int) -> Node:
        return Arithmetic(_OPERATORS[type(tree)], self.node(tree.this, level), self.node(tree.args["expression"], level))

    def comparison(self, tree: exp.Expression, level: int) -> Node:
        return Comparison(_OPERATORS[type(tree)], self.node(tree.this, level), self.node(tree.args["expression"], level))

    def logic(self, tree: exp.Expression, level: int) -> Node:
        """Unroll a chain, which sqlglot makes as deep as it is long."""
        kind, operands = type(tree), []
        while type(tree) is kind:
            operands.append(tree.args["expression"])
            tree = tree.this
        nodes = [self.node(operand, level) for operand in (tree, *reversed(operands))]
        return join(_OPERATORS[kind], *nodes)

    def between(self, tree: exp.Expression, level: int) -> Node:
        value, low, high = (self.node(tree.args[key], level) for key in ("this", "low", "high"))
        return Between(value, low, high)

    def isin(self, tree: exp.Expression, level: int) -> Node:
        value = self.node(tree.this, level)
        options = [self.node(option, level) for option in tree.args.get("expressions") or ()]
        if not options or not all(isinstance(option, Literal) for option in options):
            self.refuse("IN without a list of constants", expected="such as origin IN ('JFK', 'LGA')")
        return In(value, tuple(option for option in options if isinstance(option, Literal)))

    def isnull(self, tree: exp.Expression, level: int) -> Node:
        if type(tree.args["expression"]) is not exp.Null:
            self.refuse("IS without NULL", expected="IS NULL or IS NOT NULL")
        return IsNull(self.node(tree.this, level))

    def like(self, tree: exp.Expression, level: int) -> Node:
        pattern = tree.args["expression"]
        if not (isinstance(pattern, exp.Literal) and pattern.is_string):
            self.refuse("LIKE without a constant pattern", expected="such as carrier LIKE 'U%'")
        if len(pattern.this) > _MAX_PATTERN:
            self.refuse("a long LIKE pattern", expected=f"at most {_MAX_PATTERN:,} characters")
        node = Like(self.node(tree.this, level), str(pattern.this), ignore_case=isinstance(tree, exp.ILike))
        return negate(node) if tree.args.get("negate") else node

    def time(self, tree: exp.Expression, level: int) -> Node:
        """Read `DATE '...'` and `TIMESTAMP '...'`, which sqlglot sees as casts."""
        text, wants_date = str(tree.this.this), tree.args["to"].this is exp.DataType.Type.DATE
        value = parse_time(text)
        if value is None or (wants_date and isinstance(value, datetime)):
            expected = "2013-03-01" if wants_date else "2013-03-01 10:30:00, with +01:00 or Z where there is a zone"
            self.refuse(f"{'DATE' if wants_date else 'TIMESTAMP'} '{_short(text)}'", expected=expected)
        return Literal(value if wants_date or isinstance(value, datetime) else _midnight(value))

    def call(self, tree: exp.Expression, level: int) -> Node:
        name = tree.this.upper() if isinstance(tree.this, str) else ""
        if name not in FUNCTIONS:
            hint = INSTEAD.get(name) or nearest(name, FUNCTIONS)
            self.refuse(f"the function {_short(str(tree.name))} isn't allowed", expected=", ".join(FUNCTIONS), hint=hint)
        arguments = tuple(self.node(argument, level) for argument in tree.expressions)
        low, high = FUNCTIONS[name].arity
        if not low <= len(arguments) <= high:
            self.refuse(f"{name} of {len(arguments)} arguments", expected=FUNCTIONS[name].signature)
        return Call(name, arguments)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)


def _pairs(tokens: list[Token]) -> list[tuple[Token, Token | None]]:
    return [(token, tokens[i + 1] if i + 1 < len(tokens) else None) for i, token in enumerate(tokens)]


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


def _shown(token: Token) -> str:
    return f"{_short(ascii(token.text)[1:-1])!s} isn't allowed"


def _sentence(description: str) -> str:
    """Keep sqlglot's reason, not its class names."""
    return "something is missing" if "missing for" in description else description.rstrip(".").lower()


def _construct(tree: object) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(tree).__name__).lower()


_OPERATORS: dict[type[exp.Expression], str] = {
    **{exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%", exp.And: "AND", exp.Or: "OR"},
    **{exp.EQ: "=", exp.NEQ: "!=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="},
}
_TWO = {"this", "expression"}
_Convert = Callable[[_Reader, exp.Expression, int], Node]
_CONVERTERS: dict[type[exp.Expression], tuple[set[str], _Convert]] = {
    exp.Column: ({"this"}, _Reader.column),
    exp.Literal: ({"this", "is_string"}, _Reader.literal),
    exp.Boolean: ({"this"}, _Reader.boolean),
    exp.Null: (set(), _Reader.null),
    exp.Neg: ({"this"}, _Reader.negative),
    exp.Not: ({"this"}, _Reader.negation),
    exp.Between: ({"this", "low", "high"}, _Reader.between),
    exp.In: ({"this", "expressions"}, _Reader.isin),
    exp.Is: (_TWO, _Reader.isnull),
    exp.Like: (_TWO | {"negate"}, _Reader.like),
    exp.ILike: (_TWO | {"negate"}, _Reader.like),
    exp.Cast: ({"this", "to"}, _Reader.time),
    exp.Anonymous: ({"this", "expressions"}, _Reader.call),
    **{kind: (_TWO, _Reader.comparison) for kind in (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)},
    **{kind: (_TWO, _Reader.arithmetic) for kind in (exp.Add, exp.Sub, exp.Mul, exp.Mod)},
    exp.Div: (_TWO | {"typed", "safe"}, _Reader.arithmetic),
    **{kind: (_TWO, _Reader.logic) for kind in (exp.And, exp.Or)},
}
