"""CSV and NDJSON: text whose types are guessed from its head, and checked over the whole file before anyone uses it.

    head ── guess ── read all once ──┬── fits: that's it
                                     └── doesn't: guess from all rows, where one text among numbers makes a column text

So nothing fails half-way, and no value that doesn't fit becomes a null unseen. Two more things are seen to: numbers
with leading zeros (`00712`) stay text, and a text such as `NA` among numbers is how this file writes null.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

import polars as pl

from retrue.errors import TableError

HEAD: Final = 10_000
"""Rows that types are guessed from."""
MARKERS: Final = frozenset(
    {"NA", "N/A", "#N/A", "NULL", "Null", "null", "None", "none", "nan", "NaN", "\\N", "-", "?", "."}
)
"""Texts that may stand for null among numbers."""
SEPARATORS: Final = (",", ";", "\t", "|")
LEADING_ZERO: Final = r"^[-+]?0\d"


class Scan(NamedTuple):
    """A query over one file, and how many rows it has where that is known."""

    frame: pl.LazyFrame
    rows: int | None


class Dialect(NamedTuple):
    """How one CSV file writes things.

    Attributes:
        separator: what parts the fields.
        nulls: the texts that stand for null.
        codes: columns of digits that are text.
    """

    separator: str
    nulls: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()


def scan_csv(path: str) -> Scan:
    """A query over one CSV file, with types that hold for all of its rows.

    Raises:
        TableError: no header, or two columns of one name.
        polars.exceptions.PolarsError: it isn't UTF-8, or a row has too many fields.
    """
    separator = header_separator(path)
    head = plain(path, separator).head(HEAD)
    dialect = Dialect(separator, null_markers(head))
    dialect = dialect._replace(codes=leading_zeros(head, figure_columns(csv_query(path, dialect))))
    frame = csv_query(path, dialect)
    try:
        return Scan(frame, read_once(frame))
    except pl.exceptions.ComputeError as error:
        if "could not parse" not in str(error):
            raise
    late = null_markers(plain(path, separator).select(figure_columns(frame)))
    frame = csv_query(path, dialect._replace(nulls=(*dialect.nulls, *late)), guess_rows=None)
    return Scan(frame, read_once(frame))


def csv_query(path: str, dialect: Dialect, guess_rows: int | None = HEAD) -> pl.LazyFrame:
    """A query over a CSV file, its types guessed from so many rows (None: all)."""
    return pl.scan_csv(
        path,
        separator=dialect.separator,
        null_values=list(dialect.nulls) or None,
        schema_overrides=dict.fromkeys(dialect.codes, pl.String),
        infer_schema_length=guess_rows,
    )


def plain(path: str, separator: str) -> pl.LazyFrame:
    """A query over a CSV file that leaves all fields text."""
    return pl.scan_csv(path, separator=separator, infer_schema=False)


def read_once(frame: pl.LazyFrame) -> int:
    """Read everything and keep nothing but the number of rows: what can't be read says so now."""
    nulls = pl.all().null_count().name.prefix("nulls in ")
    return int(frame.select(nulls, rows=pl.len()).collect(engine="streaming")["rows"].item())


def header_separator(path: str) -> str:
    """Find what parts the fields of the header, and see that it names each column once.

    Raises:
        TableError: no header, or two columns of one name.
    """
    raw = pl.scan_csv(path, has_header=False, n_rows=1, infer_schema=False, separator="\x00", quote_char=None)
    line = str(raw.collect().row(0)[0] or "")
    separator = max(SEPARATORS, key=line.count)
    names = pl.scan_csv(path, has_header=False, n_rows=1, infer_schema=False, separator=separator).collect().row(0)
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise TableError(f"two columns are called {twice!r}", where=path, expected="a name for each column")
    return separator


def figure_columns(frame: pl.LazyFrame) -> list[str]:
    """The columns that were read as numbers."""
    return [name for name, dtype in frame.collect_schema().items() if dtype.is_numeric()]


def leading_zeros(head: pl.LazyFrame, columns: Collection[str]) -> tuple[str, ...]:
    """Those of the columns whose numbers have leading zeros, as postal codes do."""
    if not columns:
        return ()
    found = head.select(pl.col(columns).str.contains(LEADING_ZERO).any()).collect().row(0, named=True)
    return tuple(name for name, zeros in found.items() if zeros)


def null_markers(frame: pl.LazyFrame) -> tuple[str, ...]:
    """The texts that stand for null: what can't be read as a number in columns that are numbers otherwise.

    Args:
        frame: columns of text.
    """
    figure = pl.all().cast(pl.Float64, strict=False)
    odd = pl.all().filter(figure.is_null()).drop_nulls().unique().head(len(MARKERS) + 1).sort().implode()
    kinds = frame.select(odd.name.prefix("odd "), figure.count().name.prefix("figures ")).collect(engine="streaming")
    return tuple(sorted(markers_in(kinds.row(0, named=True))))


def markers_in(found: Mapping[str, object]) -> set[str]:
    """The odd texts of columns that have nothing odd but markers, and some figures."""
    markers: set[str] = set()
    for key, odd in found.items():
        name = key.removeprefix("odd ")
        if key.startswith("odd ") and isinstance(odd, list) and odd and MARKERS.issuperset(odd):
            markers |= set(odd) if found[f"figures {name}"] else set()
    return markers


def scan_ndjson(path: str) -> Scan:
    """A query over one file of JSON objects, one a line.

    The whole file is looked at for columns and types, so that a column that comes late isn't lost.

    Raises:
        polars.exceptions.PolarsError: a line isn't JSON, or it isn't UTF-8.
    """
    return Scan(pl.scan_ndjson(path, infer_schema_length=None), None)
