"""Retrue knows when a model in production goes out of true, shows where, says what it costs, and trues it again.

The public names, and nothing else. Each is imported from its own room when it is first used (PEP 562), so that
`import retrue` costs a few milliseconds and loads neither Polars nor SciPy.

>>> import retrue as rt
>>> issubclass(rt.SliceError, rt.RetrueError)
True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from retrue.version import VERSION as __version__  # noqa: N811

if TYPE_CHECKING:
    from retrue.errors import (
        ConfigError,
        MetricError,
        ProfileError,
        RefusedError,
        RetrueError,
        SchemaError,
        SliceError,
        StoreError,
        StoreFullError,
        StoreVersionError,
        TableError,
    )

_HOME: Final = {
    "ConfigError": "retrue.errors:ConfigError",
    "MetricError": "retrue.errors:MetricError",
    "ProfileError": "retrue.errors:ProfileError",
    "RefusedError": "retrue.errors:RefusedError",
    "RetrueError": "retrue.errors:RetrueError",
    "SchemaError": "retrue.errors:SchemaError",
    "SliceError": "retrue.errors:SliceError",
    "StoreError": "retrue.errors:StoreError",
    "StoreFullError": "retrue.errors:StoreFullError",
    "StoreVersionError": "retrue.errors:StoreVersionError",
    "TableError": "retrue.errors:TableError",
}
"""Where each public name lives, as `room:name`. A new one goes here, into `__all__` and into the block above."""

__all__ = [
    "ConfigError",
    "MetricError",
    "ProfileError",
    "RefusedError",
    "RetrueError",
    "SchemaError",
    "SliceError",
    "StoreError",
    "StoreFullError",
    "StoreVersionError",
    "TableError",
    "__version__",
]


def __getattr__(name: str) -> object:
    """Import a public name from its room on first use, and keep it."""
    if name not in _HOME:
        raise AttributeError(f"module 'retrue' has no attribute {name!r}")
    room, attribute = _HOME[name].split(":")
    value: object = getattr(import_module(room), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted(__all__)
