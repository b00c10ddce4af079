"""What changed between the table that a schema was made of and one that comes in now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from retrue.schema.column import Column, Kind

SIMILAR = 0.6
"""Names are similar from this ratio of `difflib.SequenceMatcher` on."""

FAMILIES = {
    "number": ("Int", "UInt", "Float", "Decimal"),
    "text": ("String", "Categorical", "Enum"),
    "time": ("Date",),
    "List": ("List", "Array"),
}


@dataclass(frozen=True)
class Change:
    """A column that isn't what it was.

    Attributes:
        kind: what happened to it.
        column: its name now; its old name when it was removed.
        detail: the whole, in words.
    """

    kind: Literal["added", "removed", "renamed", "retyped"]
    column: str
    detail: str


def changes(columns: Iterable[Column], dtypes: Mapping[str, str], optional: Iterable[str] = ()) -> tuple[Change, ...]:
    """Compare columns with the dtypes of a table.

    Args:
        columns: the columns as they were.
        dtypes: the dtypes as text, by name, as they are.
        optional: columns that may be missing, as labels do before they are known.
    """
    before = {column.name: column for column in columns}
    retyped = [retype(column, dtypes[name]) for name, column in before.items() if name in dtypes]
    gone = [column for name, column in before.items() if name not in dtypes and name not in set(optional)]
    new = [name for name in dtypes if name not in before]
    renamed = renames(gone, {name: dtypes[name] for name in new})
    old_names = set(renamed.values())
    return (
        *(Change("renamed", new, f"{old!r} is now called {new!r}") for new, old in renamed.items()),
        *(change for change in retyped if change is not None),
        *(Change("removed", c.name, f"{c.name!r} is gone") for c in gone if c.name not in old_names),
        *(Change("added", name, f"{name!r} ({dtypes[name]}) is new") for name in new if name not in renamed),
    )


def retype(column: Column, dtype: str) -> Change | None:
    """A change of type that changes what values mean; wider integers or text stored as categories don't."""
    before, now = family(column.dtype), family(dtype)
    if before == now or "Null" in (column.dtype, dtype) or column.kind == Kind.EMPTY:
        return None  # without values, a type says nothing
    if column.kind == Kind.DATETIME and {before, now} <= {"time", "text"}:
        return None  # dates from a CSV are text, from Parquet they are dates
    if (column.dtype, now) == ("Binary", "text"):
        return None  # JSON has bytes as base64
    if {before, now} == {"number", "Boolean"} and (before == "Boolean" or column.kind == Kind.BOOLEAN):
        return None  # yes and no are counted alike as 1 and 0; any other number is an unseen category
    return Change("retyped", column.name, f"{column.name!r} was {column.dtype} and is now {dtype}")


def family(dtype: str) -> str:
    """Types whose values mean the same.

    >>> family("Int8") == family("Float64"), family("List(Int64)"), family("Array(Float32, shape=(28, 28))")
    (True, 'List', 'List')
    """
    for name, starts in FAMILIES.items():
        if dtype.startswith(starts):
            return name
    return dtype.split("(", maxsplit=1)[0]


def renames(gone: Iterable[Column], new: Mapping[str, str]) -> dict[str, str]:
    """Pair columns that went with columns that came, most similar names first, of the same family of types.

    Returns:
        the old name for each new one.
    """
    pairs = [
        (SequenceMatcher(None, column.name.lower(), name.lower()).ratio(), column.name, name)
        for column in gone
        for name, dtype in new.items()
        if family(column.dtype) == family(dtype)
    ]
    found: dict[str, str] = {}
    for ratio, old, name in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if ratio >= SIMILAR and name not in found and old not in found.values():
            found[name] = old
    return found
