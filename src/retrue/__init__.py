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
    from retrue.client.capture import read_capture
    from retrue.client.connect import connect
    from retrue.client.middleware import WatchMiddleware
    from retrue.client.watch import watch
    from retrue.client.wsgi import WatchWSGI
    from retrue.comparing import compare
    from retrue.core.grids import Grids
    from retrue.core.profile import Profile
    from retrue.core.project import projection
    from retrue.errors import (
        ConfigError,
        MetricError,
        ProfileError,
        RefusedError,
        RetrueError,
        SchemaError,
        SliceError,
        StoreAwayError,
        StoreError,
        StoreFullError,
        StoreRefusedError,
        StoreVersionError,
        TableError,
        TrainingError,
    )
    from retrue.judge.suggest import suggest
    from retrue.judge.verdict import Verdict, VerdictKind
    from retrue.metrics import Measure, metric
    from retrue.refine import signals
    from retrue.refine.mix import Mix
    from retrue.refine.promote import Gate
    from retrue.refine.train import Keras, LightGBM, Torch, Trainer, XGBoost
    from retrue.report.comparison import Comparison
    from retrue.schema import Kind, Schema, Task
    from retrue.slices import Slice
    from retrue.sources import source
    from retrue.tables import Table
    from retrue.tables import read as read_table
    from retrue.workspace import Model, Workspace, open

_HOME: Final = {
    "Comparison": "retrue.report.comparison:Comparison",
    "ConfigError": "retrue.errors:ConfigError",
    "Gate": "retrue.refine.promote:Gate",
    "Grids": "retrue.core.grids:Grids",
    "Keras": "retrue.refine.train:Keras",
    "Kind": "retrue.schema:Kind",
    "LightGBM": "retrue.refine.train:LightGBM",
    "Measure": "retrue.metrics:Measure",
    "MetricError": "retrue.errors:MetricError",
    "Mix": "retrue.refine.mix:Mix",
    "Model": "retrue.workspace:Model",
    "Profile": "retrue.core.profile:Profile",
    "ProfileError": "retrue.errors:ProfileError",
    "RefusedError": "retrue.errors:RefusedError",
    "RetrueError": "retrue.errors:RetrueError",
    "Schema": "retrue.schema:Schema",
    "SchemaError": "retrue.errors:SchemaError",
    "Slice": "retrue.slices:Slice",
    "SliceError": "retrue.errors:SliceError",
    "StoreAwayError": "retrue.errors:StoreAwayError",
    "StoreError": "retrue.errors:StoreError",
    "StoreFullError": "retrue.errors:StoreFullError",
    "StoreRefusedError": "retrue.errors:StoreRefusedError",
    "StoreVersionError": "retrue.errors:StoreVersionError",
    "Table": "retrue.tables:Table",
    "TableError": "retrue.errors:TableError",
    "Task": "retrue.schema:Task",
    "Torch": "retrue.refine.train:Torch",
    "Trainer": "retrue.refine.train:Trainer",
    "TrainingError": "retrue.errors:TrainingError",
    "Verdict": "retrue.judge.verdict:Verdict",
    "VerdictKind": "retrue.judge.verdict:VerdictKind",
    "WatchMiddleware": "retrue.client.middleware:WatchMiddleware",
    "WatchWSGI": "retrue.client.wsgi:WatchWSGI",
    "Workspace": "retrue.workspace:Workspace",
    "XGBoost": "retrue.refine.train:XGBoost",
    "compare": "retrue.comparing:compare",
    "connect": "retrue.client.connect:connect",
    "metric": "retrue.metrics:metric",
    "open": "retrue.workspace:open",
    "projection": "retrue.core.project:projection",
    "read_capture": "retrue.client.capture:read_capture",
    "read_table": "retrue.tables:read",
    "signals": "retrue.refine.signals:",
    "suggest": "retrue.judge.suggest:suggest",
    "source": "retrue.sources:source",
    "watch": "retrue.client.watch:watch",
}
"""Where each public name lives, as `room:name`, or `room:` for the room itself.

A new one goes here, into `__all__` and into the block above.
"""

__all__ = [
    "Comparison",
    "ConfigError",
    "Gate",
    "Grids",
    "Keras",
    "Kind",
    "LightGBM",
    "Measure",
    "MetricError",
    "Mix",
    "Model",
    "Profile",
    "ProfileError",
    "RefusedError",
    "RetrueError",
    "Schema",
    "SchemaError",
    "Slice",
    "SliceError",
    "StoreAwayError",
    "StoreError",
    "StoreFullError",
    "StoreRefusedError",
    "StoreVersionError",
    "Table",
    "TableError",
    "Task",
    "Torch",
    "Trainer",
    "TrainingError",
    "Verdict",
    "VerdictKind",
    "WatchMiddleware",
    "WatchWSGI",
    "Workspace",
    "XGBoost",
    "__version__",
    "compare",
    "connect",
    "metric",
    "open",
    "projection",
    "read_capture",
    "read_table",
    "signals",
    "source",
    "suggest",
    "watch",
]


def __getattr__(name: str) -> object:
    """Import a public name from its room on first use, and keep it."""
    if name not in _HOME:
        raise AttributeError(f"module 'retrue' has no attribute {name!r}")
    room, attribute = _HOME[name].split(":")
    home = import_module(room)
    value: object = getattr(home, attribute) if attribute else home
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted(__all__)
