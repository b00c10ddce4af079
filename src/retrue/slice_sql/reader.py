"""From text to a slice's tree: sqlglot reads, and only what is on a list gets through.

Three nets, each enough for most of what is hostile: the tokens (no keyword, bracket, comment or separator outside the
slice language ever reaches the parser), the parser (sqlglot with no functions of its own), and the nodes (anything that
is not expected, an argument included, is an error). Imported only when a text is parsed, as sqlglot takes 0.3 s.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import ParseError, TokenError

from retrue.errors import SliceError, nearest
from retrue.slice_sql.functions import INSTEAD, NAMES, check_arity
from retrue.slice_sql.times import at_midnight, parse_time
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
    is_condition,
    join,
    negate,
    number,
    render,
)

LANGUAGE = (
    "comparisons, BETWEEN, IN, LIKE, IS NULL, AND, OR, NOT, arithmetic, constants, columns and functions such as ABS"
)

_T = TokenType
_MARKS = frozenset({_T.L_PAREN, _T.R_PAREN, _T.COMMA, _T.DOT, _T.PLUS, _T.DASH, _T.STAR, _T.SLASH, _T.MOD})
_SIGNS = frozenset({_T.EQ, _T.NEQ, _T.LT, _T.LTE, _T.GT, _T.GTE})
_WORDS = frozenset({_T.AND, _T.OR, _T.NOT, _T.BETWEEN, _T.IN, _T.IS, _T.NULL, _T.LIKE, _T.ILIKE, _T.TRUE, _T.FALSE})
_VALUES = frozenset({_T.IDENTIFIER, _T.STRING, _T.NUMBER})
_TIMES = (_T.DATE, _T.TIMESTAMP, _T.TIMESTAMPTZ)
_PREFIXES = (_T.L_PAREN, _T.NOT, _T.DASH, _T.PLUS)
_WORD = re.compile(r"[^\W\d]\w*\Z")
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\Z", re.ASCII | re.IGNORECASE)
_MAX_INTEGER = 2**64 - 1
_INTEGER_DIGITS = 40
_MAX_PATTERN = 1_000


class _Tokenizer(sqlglot.Tokenizer):
    """sqlglot's tokenizer without commands, so that a column may be called `call` or `vacuum`."""

    COMMANDS: ClassVar[set[TokenType]] = set()


class _Parser(sqlglot.Parser):
    """sqlglot's parser without its functions: each call is an `Anonymous` node with the name as it was written."""

    FUNCTIONS: ClassVar[dict[str, Callable[..., Any]]] = {}
    FUNCTION_PARSERS: ClassVar[dict[str, Callable[..., Any]]] = {}
    NO_PAREN_FUNCTIONS: ClassVar[dict[TokenType, type[exp.Expr]]] = {}
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
        raise SliceError(f"a slice of {len(text):,} characters", where=shown(text), expected=f"at most {MAX_TEXT:,}")
    return _Reader(text).read()


class _Reader:
    """One text on its way to a tree; it knows the text so that each error can show it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.opened = 0

    def error(self, what: str, *, expected: str = LANGUAGE, hint: str | None = None) -> SliceError:
        return SliceError(what, where=shown(self.text), expected=expected, hint=hint)

    def read(self) -> Node:
        self.check_characters()
        tree = self.parse()
        if _depth(tree) > MAX_DEPTH + MAX_NESTING:
            raise self.error("a slice that nests too deeply", expected=f"chains of at most {MAX_DEPTH} terms")
        node = self.condition(tree)
        if sum(1 for _ in tree.find_all(exp.Paren, exp.Anonymous, exp.In)) > self.opened:
            raise self.ambiguous()  # sqlglot added its own: it reads `x > 1 IS NULL` as `x > (1 IS NULL)`
        return node

    def check_characters(self) -> None:
        if "\0" in self.text:
            raise self.error("a null byte", expected="text")
        try:
            self.text.encode()
        except UnicodeEncodeError:
            raise self.error("half of a surrogate pair", expected="valid Unicode") from None

    def parse(self) -> exp.Expr:
        """Let sqlglot read the admitted tokens."""
        try:
            tokens = _Tokenizer().tokenize(self.text)
            admitted = [self.admit(token, after) for token, after in zip(tokens, [*tokens[1:], None], strict=False)]
            self.check_nesting(admitted)
            trees = _Parser().parse_into(exp.Condition, admitted, self.text) if admitted else []
        except TokenError:
            raise self.error("a quote that isn't closed") from None
        except ParseError as error:
            first = error.errors[0]
            reason = "something is missing" if "missing" in first["description"] else "something doesn't belong"
            raise self.error(f"{reason} at character {first['col']}") from None
        except RecursionError:
            raise self.error("a slice that nests too deeply", expected=f"at most {MAX_NESTING} levels") from None
        if not trees or trees[0] is None:
            raise self.error("no condition", expected="a condition such as precip > 0.1, or TRUE for all rows")
        self.opened = sum(token.token_type is _T.L_PAREN for token in admitted)
        return trees[0]

    def admit(self, token: Token, after: Token | None) -> Token:
        """Let the language's tokens through; make a word that SQL doesn't reserve a column's name; refuse the rest."""
        kind, text = token.token_type, token.text
        if token.comments:
            raise self.error("a comment isn't allowed")
        if kind in _VALUES or (kind in _MARKS | _SIGNS | _WORDS and text != "!"):
            return token
        if kind in _TIMES and after is not None and after.token_type is _T.STRING:
            return token
        if not _WORD.match(text) or self.text[token.start : token.end + 1] != text:
            raise self.error(f"{printable(text)} isn't allowed", hint=_INSTEAD_OF_MARK.get(text))
        if text.lower() in RESERVED:
            raise self.error(f"{text.upper()} isn't allowed", hint=f'a column of that name is written "{text}"')
        return Token(_T.VAR, text, token.line, token.col, token.start, token.end)

    def check_nesting(self, tokens: list[Token]) -> None:
        """Count parentheses with the NOTs and signs before them, as sqlglot recurses for each."""
        opened: list[int] = []
        pending = level = 0
        for token in tokens:
            pending = pending + 1 if token.token_type in _PREFIXES else 0
            if level + pending > MAX_NESTING + 1:
                raise self.error("a slice that nests too deeply", expected=f"at most {MAX_NESTING} levels")
            if token.token_type is _T.L_PAREN:
                opened.append(pending)
                level, pending = level + pending, 0
            elif token.token_type is _T.R_PAREN and opened:
                level -= opened.pop()

    # From sqlglot's nodes to ours; `_depth` has made sure that this can recurse

    def condition(self, tree: exp.Expr) -> Node:
        """Read what must be true or false."""
        node = self.node(tree)
        if is_condition(node):
            return node
        raise self.error(f"{printable(render(node))} isn't a condition", expected="a comparison, or a boolean column")

    def node(self, tree: exp.Expr) -> Node:
        """Read any node on the list, if it has nothing but what is on the list."""
        tree = tree.unnest()
        if type(tree) not in _CONVERTERS:
            raise self.error(f"{_construct(tree)} isn't allowed")
        allowed, convert = _CONVERTERS[type(tree)]
        extra = [key for key, value in tree.args.items() if value not in (None, False, []) and key not in allowed]
        if extra:
            raise self.error(f"{_construct(tree)} with {', '.join(extra)} isn't allowed")
        return convert(self, tree)

    def operand(self, tree: exp.Expr) -> Node:
        """Read an operand; a condition must be in parentheses there, as dialects disagree on `a = b IS NULL`."""
        if isinstance(tree, _CONDITIONS):
            raise self.ambiguous()
        return self.node(tree)

    def ambiguous(self) -> SliceError:
        return self.error(
            "one comparison inside another can be read in two ways", hint="write a < b AND b < c, or parentheses"
        )

    def column(self, tree: exp.Expr) -> Node:
        name = tree.this
        if not isinstance(name, exp.Identifier):
            raise self.error(f"{_construct(name)} isn't allowed")
        if tree.args.get("table"):
            dotted = ".".join(part.name for part in tree.find_all(exp.Identifier))
            raise self.error("a dotted name isn't allowed", hint=f'a column of that name is written "{dotted}"')
        if not name.quoted and name.name.lower() in RESERVED:
            raise self.error(f"{name.name.upper()} isn't allowed here", hint=f'a column is written "{name.name}"')
        return Column(name.name)

    def literal(self, tree: exp.Expr) -> Node:
        text = str(tree.this)
        if tree.is_string:
            return Literal(text)
        if not _NUMBER.match(text):
            raise self.error(f"the number {printable(text)}", expected="digits, such as 15, 0.1 or 1e-3")
        value = int(text) if text.isdigit() and len(text) <= _INTEGER_DIGITS else float(text)
        if value > _MAX_INTEGER if isinstance(value, int) else math.isinf(value) or text.isdigit():
            raise self.error(f"the number {printable(text)}", expected="an integer below 2^64, or a finite fraction")
        return number(value)

    def boolean(self, tree: exp.Expr) -> Node:
        return Literal(bool(tree.this))

    def null(self, _: exp.Expr) -> Node:
        raise self.error("NULL, which nothing equals, outside of IS NULL", expected="x IS NULL or x IS NOT NULL")

    def negative(self, tree: exp.Expr) -> Node:
        operand = self.operand(tree.this)
        if isinstance(operand, Literal) and type(operand.value) in (int, float):
            return number(-operand.value)  # type: ignore[operator]
        return Negative(operand)

    def negation(self, tree: exp.Expr) -> Node:
        return negate(self.condition(tree.this))

    def arithmetic(self, tree: exp.Expr) -> Node:
        return Arithmetic(_OPERATORS[type(tree)], self.operand(tree.this), self.operand(tree.expression))

    def comparison(self, tree: exp.Expr) -> Node:
        return Comparison(_OPERATORS[type(tree)], self.operand(tree.this), self.operand(tree.expression))

    def logic(self, tree: exp.Expr) -> Node:
        """Unroll a chain, which sqlglot makes as deep as it is long."""
        kind, operands = type(tree), list[exp.Expr]()
        while type(tree) is kind:
            operands.append(tree.expression)
            tree = tree.this
        return join(_OPERATORS[kind], *(self.condition(operand) for operand in (tree, *reversed(operands))))

    def between(self, tree: exp.Expr) -> Node:
        return Between(*(self.operand(tree.args[key]) for key in ("this", "low", "high")))

    def isin(self, tree: exp.Expr) -> Node:
        options = [self.node(option) for option in tree.expressions if not tree.args.get("field")]
        literals = tuple(option for option in options if isinstance(option, Literal))
        if not options or len(literals) < len(options):
            raise self.error("IN without a list of constants", expected="such as origin IN ('JFK', 'LGA')")
        return In(self.operand(tree.this), literals)

    def isnull(self, tree: exp.Expr) -> Node:
        if type(tree.expression) is not exp.Null:
            raise self.error("IS without NULL", expected="x IS NULL or x IS NOT NULL")
        return IsNull(self.operand(tree.this))

    def like(self, tree: exp.Expr) -> Node:
        pattern = self.node(tree.expression)
        if not isinstance(pattern, Literal) or not isinstance(pattern.value, str):
            raise self.error("LIKE without a constant pattern", expected="such as carrier LIKE 'U%'")
        if len(pattern.value) > _MAX_PATTERN:
            raise self.error("a LIKE pattern that is too long", expected=f"at most {_MAX_PATTERN:,} characters")
        node = Like(self.operand(tree.this), pattern.value, ignore_case=isinstance(tree, exp.ILike))
        return negate(node) if tree.args.get("negate") else node

    def time(self, tree: exp.Expr) -> Node:
        """Read `DATE '...'` and `TIMESTAMP '...'`, which sqlglot sees as casts."""
        text, kind = str(tree.this.this), tree.args["to"].this
        value = parse_time(text)
        if kind is exp.DataType.Type.DATE:
            if value is None or isinstance(value, datetime):
                raise self.error(f"DATE '{printable(text)}'", expected="a day such as DATE '2013-03-01'")
            return Literal(value)
        if value is None:
            raise self.error(f"TIMESTAMP '{printable(text)}'", expected="such as TIMESTAMP '2013-03-01 10:30:00'")
        return Literal(at_midnight(value))

    def call(self, tree: exp.Expr) -> Node:
        name = tree.this.upper() if isinstance(tree.this, str) else ""
        if name not in NAMES:
            hint = INSTEAD.get(name) or nearest(name, NAMES)
            raise self.error(f"the function {printable(tree.name)} isn't allowed", expected=", ".join(NAMES), hint=hint)
        signature = check_arity(name, len(tree.expressions))
        if signature:
            raise self.error(f"{name} with {len(tree.expressions)} arguments", expected=signature)
        return Call(name, tuple(self.node(argument) for argument in tree.expressions))


def printable(text: str, size: int = 40) -> str:
    """Show a piece of text in an error: shortened, and with control characters escaped."""
    cut = text if len(text) <= size else text[: size - 1] + "…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut)


def shown(text: str) -> str:
    """Name a slice in an error."""
    return f'slice "{printable(text, 80)}"'


def _depth(tree: exp.Expr) -> int:
    """Count the levels of sqlglot's tree; a chain of ANDs or of ORs is one."""
    deepest, stack = 0, [(tree, 1)]
    while stack:
        parent, level = stack.pop()
        deepest = max(deepest, level)
        for child in parent.iter_expressions():
            chained = type(child) is type(parent) and isinstance(child, exp.And | exp.Or)
            stack.append((child, level + (not chained)))
    return deepest


def _construct(tree: object) -> str:
    """Name one of sqlglot's nodes in words: "at time zone", "subquery"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(tree).__name__).lower()


_INSTEAD_OF_MARK = {
    "!": "write NOT",
    "&&": "write AND",
    "&": "write AND",
    "|": "write OR",
    "||": "write OR",
    "~": "write NOT",
    ";": "a slice is one condition",
    "`": "names with spaces are written in double quotes",
}
_OPERATORS: dict[type[exp.Expr], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
    exp.EQ: "=",
    exp.NEQ: "!=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.And: "AND",
    exp.Or: "OR",
}
_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)
_CONDITIONS = (*_COMPARISONS, exp.Between, exp.In, exp.Is, exp.Like, exp.ILike, exp.Not, exp.And, exp.Or)
_TWO = frozenset({"this", "expression"})
_Converter = tuple[frozenset[str], Callable[[_Reader, exp.Expr], Node]]
_CONVERTERS: dict[type[exp.Expr], _Converter] = {
    exp.Column: (frozenset({"this", "table", "db", "catalog"}), _Reader.column),
    exp.Literal: (frozenset({"this", "is_string"}), _Reader.literal),
    exp.Boolean: (frozenset({"this"}), _Reader.boolean),
    exp.Null: (frozenset(), _Reader.null),
    exp.Neg: (frozenset({"this"}), _Reader.negative),
    exp.Not: (frozenset({"this"}), _Reader.negation),
    exp.Between: (frozenset({"this", "low", "high"}), _Reader.between),
    exp.In: (frozenset({"this", "expressions", "field"}), _Reader.isin),
    exp.Is: (_TWO, _Reader.isnull),
    exp.Like: (_TWO | {"negate"}, _Reader.like),
    exp.ILike: (_TWO | {"negate"}, _Reader.like),
    exp.Cast: (frozenset({"this", "to"}), _Reader.time),
    exp.Anonymous: (frozenset({"this", "expressions"}), _Reader.call),
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Mod), (_TWO, _Reader.arithmetic)),
    exp.Div: (_TWO | {"typed", "safe"}, _Reader.arithmetic),
    **dict.fromkeys(_COMPARISONS, (_TWO, _Reader.comparison)),
    **dict.fromkeys((exp.And, exp.Or), (_TWO, _Reader.logic)),
}
