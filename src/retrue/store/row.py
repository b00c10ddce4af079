"""A row of the catalog: what all kinds of rows are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

Body = Mapping[str, Any]
"""JSON that only one room reads."""


@dataclass(frozen=True)
class Row:
    """Abstract: a row of the table that `table` names."""

    table: ClassVar[str]
