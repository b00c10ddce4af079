"""Schemas as plain values and as TOML: written in a fixed order, read with every unknown key refused."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from typing import Any, Final

from retrue.errors import SchemaError, nearest

FORMAT: Final = 1
"""The version of the written form."""

ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def to_toml(values: Mapping[str, Any]) -> str:
    """Write texts, numbers, lists, tables and lists of tables; leave out what is None.

    >>> print(to_toml({"format": 1, "id": None, "slices": ["a"], "score": {"yes": "p"}}))
    format = 1
    slices = ["a"]
    <BLANKLINE>
    [score]
    "yes" = "p"
    <BLANKLINE>
    """
    plain = {key: value for key, value in values.items() if value is not None and not nested(value)}
    lines = [f"{key} = {literal(value)}" for key, value in plain.items()]
    for key, value in values.items():
        if isinstance(value, Mapping):
            lines += ["", f"[{key}]", *(f"{quoted(str(k))} = {literal(v)}" for k, v in value.items())]
    for key, value in values.items():
        if isinstance(value, list) and nested(value):
            for table in value:
                lines += ["", f"[[{key}]]", *(f"{k} = {literal(v)}" for k, v in table.items())]
    return "\n".join(lines) + "\n"


def nested(value: object) -> bool:
    """Tell whether a value is written as tables."""
    return isinstance(value, Mapping) or (isinstance(value, list) and bool(value) and isinstance(value[0], Mapping))


def literal(value: object) -> str:
    """One TOML value."""
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{quoted(str(name))} = {literal(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(literal(part) for part in value) + "]"
    return quoted(str(value))


def quoted(text: str) -> str:
    """A TOML basic string.

    >>> print(quoted('a "b" \\x00'))
    "a \\"b\\" \\u0000"
    """
    return '"' + "".join(ESCAPES.get(char) or escaped(char) for char in text) + '"'


def escaped(char: str) -> str:
    """A character as TOML allows it."""
    return f"\\u{ord(char):04X}" if char < " " or char == "\x7f" else char


def from_toml(text: str) -> dict[str, Any]:
    """Read TOML.

    Raises:
        SchemaError: it isn't TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SchemaError(f"a schema that isn't TOML: {error}") from error


def check_keys(values: object, known: Collection[str], where: str) -> None:
    """Raise SchemaError for anything but a table of known keys, and name the nearest."""
    if not isinstance(values, Mapping):
        raise SchemaError(f"{values!r}", where=where, expected="a table of keys and values")
    for key in values:
        if key not in known:
            raise SchemaError(
                f"unknown key {key!r}", where=where, expected=", ".join(known), hint=nearest(str(key), known)
            )


def check_format(values: Mapping[str, Any]) -> None:
    """Raise SchemaError unless this version can read the written form."""
    found = values.get("format", FORMAT)
    if not isinstance(found, int) or found < 1:
        raise SchemaError(f"format {found!r}", where="schema", expected=f"{FORMAT}")
    if found > FORMAT:
        raise SchemaError(f"a schema of format {found}", expected=f"at most {FORMAT}", hint="upgrade Retrue to read it")
