"""How often ids occur: needs every id, so it costs what sorting them costs, and not what counting does."""

from __future__ import annotations

from functools import singledispatch

from retrue.metrics.quality.duplicates import Repeats
from retrue.tables import Table


@singledispatch
def count_repeats(table: Table, name: str) -> Repeats:
    """Count the ids of a table's column, where the table lies."""
    return Repeats.of(table.collect([name])[name])
