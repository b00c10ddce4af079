"""The registry of capture formats: one object each, in one small file, with where its shape is published."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from retrue.adapters.capture.exchange import Exchange
from retrue.errors import ConfigError, nearest

Document: TypeAlias = Mapping[str, Any]
Reader: TypeAlias = Callable[[Document], Iterable[Exchange]]


@dataclass(frozen=True)
class Format:
    """How one system writes down what it served.

    Attributes:
        name: what `--format` calls it.
        read: one document in, its exchanges or halves out; none where it is about something else.
        source: where the shape is published.
        description: first line of the reader's docstring.
        flat: each document is one event, its columns as they are: nothing is asked or answered.
        rows: documents of one id are rows of one call, not the same one again.
        split: the pieces of a document that are read each by itself; None: it is read whole.
    """

    name: str
    read: Reader
    source: str
    description: str
    flat: bool = False
    rows: bool = False
    split: Callable[[Document], Iterable[Document]] | None = None


_FORMATS: dict[str, Format] = {}


def capture_format(name: str, *, source: str, **more: Any) -> Callable[[Reader], Reader]:
    """Register the decorated reader under a name; `more` is what `Format` has besides."""

    def register(read: Reader) -> Reader:
        _FORMATS[name] = Format(name, read, source, (read.__doc__ or "").strip().split("\n")[0], **more)
        return read

    return register


@cache
def load() -> None:
    """Import every format, so that they register themselves."""
    package = importlib.import_module("retrue.adapters.capture")
    for found in pkgutil.iter_modules(package.__path__, "retrue.adapters.capture."):
        importlib.import_module(found.name)


def get(name: str) -> Format:
    """A format by its name.

    Raises:
        ConfigError: there is none (names the nearest).
    """
    load()
    if name not in _FORMATS:
        raise ConfigError(
            f"unknown format {name[:60]!r}", expected=", ".join(sorted(_FORMATS)), hint=nearest(name, _FORMATS)
        )
    return _FORMATS[name]


def registered() -> list[Format]:
    """All formats by name."""
    load()
    return [_FORMATS[name] for name in sorted(_FORMATS)]
