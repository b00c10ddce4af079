"""A query: read on by a column that only rises, with an overlap for rows that come late.

    sql = "SELECT * FROM predictions"
    database = "postgresql+psycopg://${DB_USER}:${DB_PASSWORD}@db/ml"      # or duckdb:///file.duckdb
    rising = "inserted_at"
    overlap = "10m"

What was taken within the overlap is known by a digest of the whole row, so that it isn't taken again: rows that became
visible late, with a time that lies before the newest one, are found as long as the overlap reaches back to them.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import polars as pl

from retrue.config import Name, parse_duration
from retrue.errors import ConfigError, TableError, first_line
from retrue.sources.source import ROWS, Chunk, Source, State, renamed_table, revealed
from retrue.sources.sql_times import is_far, read_far_times, without_far_times
from retrue.tables import Table
from retrue.tables.frames import from_duckdb
from retrue.tables.plain import as_column
from retrue.tables.table import listed

UTC = ZoneInfo("Etc/UTC")  # as most databases call it: digests hold the name
MOST = 200_000
"""Rows within the overlap at most: each is remembered."""
DRIVERS = {
    "postgresql": '"retrue[postgres]"', "snowflake": "snowflake-sqlalchemy", "bigquery": "sqlalchemy-bigquery",
    "clickhouse": "clickhouse-sqlalchemy", "databricks": "databricks-sqlalchemy", "redshift": "sqlalchemy-redshift",
    "trino": '"trino[sqlalchemy]"', "mysql": "mysqlclient", "mssql": "pyodbc", "oracle": "cx_Oracle",
}  # fmt: skip
"""The package that brings SQLAlchemy a database, by the first word of its URL."""
PASSWORD = re.compile(r"^[\w+]+://[^:/@]*:(?!\$\{)[^@/]+@")


class SqlSource(Source):
    """`sql = ...`: a query.

    Attributes:
        sql: the query.
        database: where, as SQLAlchemy's URL, or `duckdb:///FILE`; `${NAME}` stands for the environment's NAME.
        rising: the column of the query's result that later rows have larger values in; needed to read on.
        overlap: how far behind the newest value rows may still come: a length of time, or a number.
    """

    key: ClassVar[str] = "sql"
    sql: Name
    database: Name
    rising: Name | None = None
    overlap: Name | int | float | None = None

    def model_post_init(self, context: Any, /) -> None:
        """Refuse a password that is written down."""
        super().model_post_init(context)
        if PASSWORD.match(self.database):  # no validator of pydantic's: its errors quote what they refuse
            hint = "write ${NAME} in its place, and set NAME in the environment"
            raise ConfigError("a password", where="database", expected="a URL without one", hint=hint)

    @property
    def name(self) -> str:
        """What messages call it: the query's beginning."""
        return f"the query {' '.join(self.sql.split())[:60]!r}"

    def table(self) -> Table:
        """All rows of the query; held in memory."""
        with self.answering(None, self.sql, self.rising) as (names, batches):
            frames = [frame_of(names, batch) for batch in batches]
        frame = pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame(schema=dict.fromkeys(names))
        return renamed_table(self, Table(frame.lazy(), self.name, len(frame), columnar=True, held=frame))

    def after(self, state: State, *, ids: bool) -> Iterator[Chunk]:  # noqa: ARG002 - rows are known by their digests
        """Read the rows from the overlap on that weren't taken yet."""
        rises = self.rises
        known = state.get("") or {}
        newest = value_of(known["at"]) if "at" in known else None
        left = Counter[str](known.get("near", ()))
        near = list[tuple[Any, str]]()
        with self.answering(self.low(newest), self.sql, rises) as (names, batches):
            place = self.place_in(names)
            for batch in batches:
                placed = [row for row in batch if has_place(row[place])]
                if not placed:
                    continue
                fresh = [row for row in placed if self.is_new(row, place, left, near)]
                newest = self.later(newest, placed[-1][place])
                low = self.low(newest)
                near = [one for one in near if one[0] == low or (self.overlap is not None and one[0] >= low)]
                if len(near) > MOST:
                    hint = f"at most {MOST:,} are remembered: make the overlap shorter"
                    raise TableError(f"{len(near):,} rows within the overlap", where=self.name, hint=hint)
                if fresh:
                    step = {"at": text_of(newest), "near": sorted([*left.elements(), *(mark for _, mark in near)])}
                    yield Chunk.of(self.renamed(frame_of(names, fresh)), step)

    def column_names(self, seconds: float) -> list[str]:  # noqa: ARG002 - the driver says when it gives up
        """What the columns of the query's result are called; no row of it is asked for."""
        with self.answering(None, f"{wrapped(self.sql, None, None)} WHERE 1 = 0", None) as (names, _):
            self.place_in(names)
            return list(names)

    @property
    def rises(self) -> str:
        """The column to read on by.

        Raises:
            ConfigError: none is named.
        """
        if self.rising is None:
            raise ConfigError("no column to read on by", where=self.name, hint='name it: rising = "inserted_at"')
        return self.rising

    def place_in(self, names: Sequence[str]) -> int:
        """Where the rising column stands among a result's columns.

        Raises:
            ConfigError: none is named.
            TableError: it isn't there.
        """
        if self.rises not in names:
            raise TableError(f"no column {self.rises!r}", where=self.name, expected=listed(names))
        return list(names).index(self.rises)

    @staticmethod
    def is_new(row: Sequence[Any], place: int, left: Counter[str], near: list[tuple[Any, str]]) -> bool:
        """Whether a row wasn't taken yet; it is remembered either way."""
        mark = blake2b(repr(tuple(map(in_utc, row))).encode(), digest_size=9).hexdigest()
        near.append((row[place], mark))
        if not left[mark]:
            return True
        left[mark] -= 1
        return False

    def later(self, newest: Any, last: Any) -> Any:
        """The larger one of the value so far and a batch's last; without an overlap the database's order alone counts.

        Raises:
            TableError: they are of types that have no order.
        """
        if newest is None or self.overlap is None:
            return last
        try:
            return max(newest, last)
        except TypeError as error:
            what = f"{self.rising!r} changed its type: it was {told(newest)}, and is {told(last)}"
            hint = "cast it in the query to what it was; where that can't be, the new query is read from its beginning"
            raise TableError(what, where=self.name, hint=hint) from error

    def low(self, newest: Any) -> Any:
        """The value to read from on.

        Raises:
            ConfigError: the overlap doesn't suit the column.
        """
        if newest is None or self.overlap is None:
            return newest
        back: Any = parse_duration(self.overlap) if isinstance(self.overlap, str) else self.overlap
        try:
            return newest - (Decimal(str(back)) if isinstance(newest, Decimal) else back)
        except TypeError as error:
            kind = type(newest).__name__
            what = f"an overlap of {self.overlap!r} of values of type {kind}"
            raise ConfigError(what, where=self.name, expected='"10m" for times, a number for numbers') from error

    @contextmanager
    def answering(
        self, low: Any, sql: str, rising: str | None
    ) -> Iterator[tuple[Sequence[str], Iterator[Sequence[Any]]]]:
        """A query's columns and its rows in batches, in rising order where a column was named.

        Raises:
            TableError: the database is away, or refuses the query.
        """
        url = revealed(self.database, "database")
        secret = url.rpartition("@")[0].rpartition(":")[2]
        opened = duckdb_rows if url.startswith("duckdb:") else sqlalchemy_rows
        with opened(url, sql, rising, low, lambda error: self.refused(error, secret)) as answer:
            yield answer

    def refused(self, error: BaseException, secret: str) -> TableError:
        """What the database says, without the password."""
        said = self.unsaid(first_line(getattr(error, "orig", None) or error))
        return TableError(f"the database says: {said.replace(secret, '***') if secret else said}", where=self.name)


KIND = SqlSource


def wrapped(sql: str, column: str | None, low: str | None) -> str:
    """The query's rows from a value on, in rising order; `column` is quoted. It may end in a comment."""
    inner = f"SELECT * FROM (\n{sql.strip().rstrip(';')}\n) AS retrue_source"  # noqa: S608 - the user's own query
    if column is None:
        return inner
    since = f"{column} >= {low}" if low is not None else f"{column} IS NOT NULL"
    return f"{inner} WHERE {since} ORDER BY {column}"


@contextmanager
def sqlalchemy_rows(url: str, sql: str, rising: str | None, low: Any, refused: Any) -> Iterator[Any]:
    """Ask through SQLAlchemy; rows stay on the server until they are asked for."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError

    try:
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    except (NoSuchModuleError, ImportError) as error:
        raise lacking(url, error) from error
    except SQLAlchemyError as error:
        raise refused(error) from error
    try:
        read_far_times(engine)
        with engine.connect() as connection:
            column = None if rising is None else engine.dialect.identifier_preparer.quote(rising)
            said = text(wrapped(sql.replace(":", "\\:"), column, None if low is None else ":low"))
            answer = connection.execution_options(stream_results=True, max_row_buffer=10_000).execute(
                said, {} if low is None else {"low": low}
            )
            yield list(answer.keys()), iter(lambda: answer.fetchmany(ROWS), [])
    except (SQLAlchemyError, OSError) as error:
        raise refused(error) from error
    finally:
        engine.dispose()


def lacking(url: str, error: BaseException) -> TableError:
    """The error for a database whose driver isn't installed."""
    kind = url.partition(":")[0].partition("+")[0]
    module = (getattr(error, "name", None) or "").partition(".")[0]
    package = DRIVERS.get(kind) or module
    hint = f"pip install {package}" if package else "install the package that brings SQLAlchemy's dialect for it"
    return TableError(f"no driver for {kind!r}", where="database", expected="a dialect of SQLAlchemy", hint=hint)


@contextmanager
def duckdb_rows(url: str, sql: str, rising: str | None, low: Any, refused: Any) -> Iterator[Any]:
    """Ask a DuckDB file, read-only; what is new is held in memory, as columns."""
    try:
        import duckdb
    except ImportError as error:
        raise TableError("a DuckDB database", expected="duckdb", hint="pip install duckdb") from error
    try:
        with duckdb.connect(url.removeprefix("duckdb:").removeprefix("///"), read_only=True) as connection:
            column = None if rising is None else '"' + rising.replace('"', '""') + '"'
            asked = [] if low is None else [low]
            found = connection.sql(wrapped(sql, column, None if low is None else "?"), params=asked)
            answer = without_far_times(from_duckdb(found))
            yield answer.columns, (part.rows() for part in answer.iter_slices(ROWS) if len(part))
    except (duckdb.Error, OSError) as error:
        raise refused(error) from error


def frame_of(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> pl.DataFrame:
    """Rows as a frame; decimals are floats."""
    columns = zip(*rows, strict=True) if rows else [() for _ in names]
    return pl.DataFrame([as_column(name, plain(list(column))) for name, column in zip(names, columns, strict=True)])


def plain(values: list[Any]) -> list[Any]:
    """A column's values, decimals as floats."""
    if any(isinstance(value, Decimal) for value in values):
        return [float(value) if isinstance(value, Decimal) else value for value in values]
    return values


def has_place(value: Any) -> bool:
    """Whether a value stands among those that rise: NaN and infinite numbers and times are behind all that will come.

    >>> has_place(7), has_place(math.nan)
    (True, False)
    """
    if isinstance(value, date):
        return not is_far(value)
    return not isinstance(value, float | Decimal) or math.isfinite(value)


def in_utc(value: Any) -> Any:
    """A moment in one zone: drivers give it in the session's, which may be another one tomorrow."""
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo is not None else value


def told(value: Any) -> str:
    """A value with its type.

    >>> told(datetime(2024, 5, 1)), told(7)
    ('2024-05-01 00:00:00 (datetime without a zone)', '7 (int)')
    """
    bare = " without a zone" if isinstance(value, datetime) and value.tzinfo is None else ""
    return f"{value} ({type(value).__name__}{bare})"


def text_of(value: Any) -> list[str] | int | float | str:
    """A value as JSON can hold it.

    >>> text_of(datetime(2024, 5, 1)), text_of(7)
    (['datetime', '2024-05-01T00:00:00'], 7)
    """
    if isinstance(value, datetime | date):
        return ["datetime" if isinstance(value, datetime) else "date", value.isoformat()]
    if isinstance(value, Decimal):
        return ["decimal", str(value)]
    return value if isinstance(value, int | float | str) else str(value)


def value_of(said: Any) -> Any:
    """Read what `text_of` wrote."""
    if not isinstance(said, list):
        return said
    kinds = {"datetime": datetime.fromisoformat, "date": date.fromisoformat, "decimal": Decimal}
    return kinds[said[0]](said[1])  # type: ignore[operator]
