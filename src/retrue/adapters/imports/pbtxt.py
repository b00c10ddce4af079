"""Protobuf's text format, read without a compiled schema: https://protobuf.dev/reference/protobuf/textformat-spec/.

A message remembers which of its fields were asked for, so that in the end those can be named that nobody read.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator
from typing import Any

from retrue.errors import TableError

_TOKEN = re.compile(
    r"""\s+|\#[^\n]*|(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?P<mark>[{}<>\[\]:;,])|(?P<word>[^\s{}<>\[\]:;,"'\#]+)"""
)
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_ESCAPES = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
DEPTH = 100
"""Messages within messages at most."""


class Message(dict[str, list[Any]]):
    """What a message has of each field, in order.

    Attributes:
        read: the fields that somebody asked for; what is within them is known by itself.
        told: the fields of which all is said, whatever is within them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.read, self.told = set[str](), set[str]()

    def all(self, field: str) -> list[Any]:
        """The values of a field."""
        self.read.add(field)
        return self.get(field, [])

    def first(self, field: str) -> Any:
        """The first value of a field; None where it isn't there."""
        return next(iter(self.all(field)), None)

    def amount(self, field: str) -> float | None:
        """A field that is a finite number; what else stands there stays unread."""
        found = next(iter(self.get(field, [])), None)
        if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
            return None
        self.read.add(field)
        return float(found)

    def message(self, field: str) -> Message:
        """A field that is a message; an empty one where it isn't there."""
        found = next(iter(self.messages(field)), None)
        return Message() if found is None else found

    def messages(self, field: str) -> list[Message]:
        """The values of a field that are messages; where others stand, it stays unread."""
        found = [one for one in self.get(field, []) if isinstance(one, Message)]
        if len(found) == len(self.get(field, [])):
            self.read.add(field)
        return found

    def tell(self, *fields: str) -> None:
        """Note that all is said of fields, or that there is nothing to say."""
        self.told.update(fields)

    def unread(self, within: str = "") -> Iterator[str]:
        """The fields that nobody asked for, with those that they are in.

        >>> message = parse('presence { min_fraction: 1 odd: 2 } shape { }')
        >>> message.message("presence").amount("min_fraction"), list(message.unread())
        (1.0, ['presence.odd', 'shape'])
        """
        for field, values in self.items():
            if field in self.told:
                continue
            if field not in self.read:
                yield f"{within}{field}"
                continue
            for value in values:
                if isinstance(value, Message):
                    yield from value.unread(f"{within}{field}.")


def parse(text: str) -> Message:
    """Read a message in the text format.

    Raises:
        TableError: it is none, with the line.

    >>> parse('feature { name: "age" int_domain { min: 0 max: 1 } }')
    {'feature': [{'name': ['age'], 'int_domain': [{'min': [0], 'max': [1]}]}]}
    """
    return Reader(list(tokens(text))).fields(None, 0)


def tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """The kind, the text and the line of each token."""
    at, line = 0, 1
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise TableError(
                f"{text[at : at + 20]!r}", where=f"line {line} of a schema", expected="protobuf's text format"
            )
        if found.lastgroup is not None:
            yield found.lastgroup, found[0], line
        line += found[0].count("\n")
        at = found.end()
    yield "end", "", line


class Reader:
    """Reads fields off tokens."""

    def __init__(self, found: list[tuple[str, str, int]]) -> None:
        self._tokens, self._at = found, 0

    def _next(self) -> tuple[str, str, int]:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _peek(self) -> str:
        return self._tokens[self._at][1]

    def fields(self, end: str | None, depth: int) -> Message:
        """The fields of a message up to its end."""
        found = Message()
        while True:
            kind, name, line = self._next()
            if (kind == "end" and end is None) or (end is not None and name == end and kind == "mark"):
                return found
            if kind == "mark" and name in ",;":
                continue
            if kind != "word" or depth > DEPTH:
                raise TableError(f"{name or 'its end'!r}", where=f"line {line} of a schema", expected="a field")
            found.setdefault(name, []).extend(self.values(depth))

    def values(self, depth: int) -> list[Any]:
        """The value of a field, or those of a list."""
        if self._peek() == ":":
            self._next()
        if self._peek() != "[":
            return [self.value(depth)]
        self._next()
        found = list[Any]()
        while self._peek() != "]":
            found.append(self.value(depth))
            if self._peek() == ",":
                self._next()
        self._next()
        return found

    def value(self, depth: int) -> Any:
        """One value: a message, a text, a number, a word."""
        kind, said, line = self._next()
        if kind == "mark" and said in "{<":
            return self.fields("}" if said == "{" else ">", depth + 1)
        if kind == "text":
            whole = unquoted(said)
            while self._tokens[self._at][0] == "text":  # texts that follow each other are one
                whole += unquoted(self._next()[1])
            return whole
        if kind != "word":
            raise TableError(f"{said or 'its end'!r}", where=f"line {line} of a schema", expected="a value")
        return word(said)


def word(said: str) -> Any:
    """A number, a truth, or a name.

    >>> word("7"), word("0.5f"), word("inf"), word("BYTES")
    (7, 0.5, inf, 'BYTES')
    """
    if said in ("true", "false"):
        return said == "true"
    for kind, text in ((int, said), (float, said), (float, said.removesuffix("f"))):
        try:
            return kind(text)
        except ValueError:
            continue
    return said


def unquoted(text: str) -> str:
    r"""What stands between quotes; letters that aren't ASCII are written byte by byte, as older Protobuf does.

    >>> unquoted(r'"caf\303\251 \"\u00e9\""')
    'café "é"'
    """
    return _ESCAPE.sub(escaped, text[1:-1].encode()).decode("utf-8", "replace")


def escaped(found: re.Match[bytes]) -> bytes:
    """The bytes that an escape stands for."""
    octal, hexadecimal, short, long, other = found.groups()
    if octal or hexadecimal:
        return bytes([int(octal, 8) & 255 if octal else int(hexadecimal, 16)])
    if short or long:
        code = int(short or long, 16)
        return chr(code).encode("utf-8", "replace") if code <= sys.maxunicode else b"?"
    return _ESCAPES.get(other, other)
