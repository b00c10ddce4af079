"""The door: what comes in as any frame goes on as rows of known types, or is set aside with the reason.

    frame ── roles present? ── cast to the lake's types ── rows that don't fit ──> quarantine(kind, reason, id, row)
                                        └── rows that do ──> events | labels | feedback

An event that already carries its label is split in two here: an event and a label for it. Nothing here reads a clock
or a disk: arrival time, lake types and the version come in as arguments.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC as UTC_ZONE
from datetime import datetime, timedelta

import polars as pl

from retrue.core.times import utc, window_starts
from retrue.errors import SchemaError, nearest
from retrue.store.ids import text_id
from retrue.store.layout import UTC, Layout, polars_type, said_type
from retrue.store.plain import FROM_TEXT, plain_types

AHEAD = timedelta(days=1)  # how far a clock may be ahead of ours before an event time counts as impossible
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC_ZONE)

QUARANTINE: Mapping[str, pl.DataType] = {
    "kind": pl.String(),
    "reason": pl.String(),
    "id": pl.String(),
    "row": pl.String(),
}


Check = tuple[str, pl.Expr, pl.Expr]
"""A column, whether a row fails because of it, and the reason."""


@dataclass(frozen=True)
class Lost:
    """How many events of a version and window (`start`: seconds since 1970) were set aside, because of which column.

    Events whose time can't be read count in the window in which they came.
    """

    version: str
    start: int
    column: str
    reason: str
    n: int


@dataclass(frozen=True)
class Admitted:
    """What the door made of one frame: frames by kind, and what it has to say of single rows.

    Attributes:
        frames: rows for the spool, by kind.
        notes: of rows that weren't taken as they came: `row` (its number in the frame), `fate` (`SET_ASIDE`,
            `SKIPPED`, `LEFT_OUT` or `NOT_COUNTED`) and `said`, why.
        rows: how many came.
        lost: events that were set aside by version, window and column.
    """

    frames: Mapping[str, pl.DataFrame]
    notes: pl.DataFrame
    rows: int
    lost: tuple[Lost, ...] = ()

    def part(self, start: int, rows: int) -> Admitted:
        """What became of so many rows from `start` on; their frames stay with the others'."""
        own = pl.col("row").is_between(start, start + rows, closed="left")
        return Admitted({}, self.notes.filter(own).with_columns(pl.col("row") - start), rows)

    def _said(self, fate: str) -> pl.Series:
        return self.notes.filter(pl.col("fate") == fate)["said"]

    @property
    def accepted(self) -> int:
        """How many rows were taken."""
        return self.rows - self.quarantined - self.skipped

    @property
    def quarantined(self) -> int:
        """How many rows were set aside."""
        return len(self._said(SET_ASIDE))

    @property
    def skipped(self) -> int:
        """How many labels were null."""
        return len(self._said(SKIPPED))

    @property
    def reasons(self) -> dict[str, int]:
        """How many rows were set aside for each reason."""
        return _tally(short_reason(self._said(SET_ASIDE)))

    @property
    def unread(self) -> dict[str, int]:
        """How many values became null that nothing in the schema depends on, and how many labels don't count."""
        return _tally(self._said(LEFT_OUT)) | _tally(self._said(NOT_COUNTED))

    def rejected(self, most: int) -> tuple[tuple[int, str], ...]:
        """The first rows that were set aside, each with the whole reason."""
        found = self.notes.filter(pl.col("fate") == SET_ASIDE).sort("row").head(most)
        return tuple(found.select("row", "said").iter_rows())


def nothing() -> Admitted:
    """What the door makes of no rows at all."""
    return Admitted({}, _NOTES.to_frame(), 0)


SET_ASIDE, SKIPPED, LEFT_OUT, NOT_COUNTED = "set aside", "without a value", "left out", "not counted"
_NOTES = pl.Schema({"row": pl.UInt32(), "fate": pl.String(), "said": pl.String()})


def note(rows: pl.Series, fate: str, said: pl.Series | str) -> pl.DataFrame:
    """Say the same fate of several rows, each with a reason of its own or all with one."""
    return pl.DataFrame([rows.cast(pl.UInt32).alias("row")]).with_columns(
        pl.lit(fate).alias("fate"), (pl.lit(said) if isinstance(said, str) else said).alias("said")
    )


@dataclass(frozen=True)
class Arrival:
    """How a frame came: when, for which version where its rows don't say, and a text that no other batch has."""

    at: datetime
    version: str
    batch: str


def admit(kind: str, frame: pl.DataFrame, layout: Layout, types: Mapping[str, str], arrival: Arrival) -> Admitted:
    """Turn a frame into rows for the spool.

    Args:
        kind: "events", "labels" or "feedback".
        frame: the rows as they came.
        layout: the model's roles.
        types: lake type of each column (names as in `lake_type`); columns without a type yet are left out.
        arrival: when and how they came.

    Raises:
        SchemaError: a role's column is missing, or a name is reserved.
    """
    check(kind, frame, layout)
    number, notes = pl.int_range(len(frame), dtype=pl.UInt32, eager=True), [_NOTES.to_frame()]
    frame = plain_types(frame, types)
    rough = frame.with_columns(_roles(kind, frame, layout, arrival))
    label = layout.label_column
    if kind == "labels" and rough[label].null_count():
        there = rough[label].is_not_null()
        notes.append(note(number.filter(~there), SKIPPED, "a label without a value"))
        rough, number = rough.filter(there), number.filter(there)
    cast, said, unread = _conform(kind, rough, layout, types, arrival)
    notes += [note(number.filter(left_out), LEFT_OUT, why) for why, left_out in unread.items()]
    bad = said["reason"].is_not_null()
    frames, lost = {kind: cast}, tuple[Lost, ...]()
    if bad.any():
        said = said.filter(bad)
        frames = {kind: cast.filter(~bad), "quarantine": _set_aside(kind, rough.filter(bad), said["reason"], layout)}
        notes.append(note(number.filter(bad), SET_ASIDE, said["reason"]))
        lost = _lost(cast.filter(bad), said, layout, arrival) if kind == "events" else ()
    if kind == "events" and layout.label is not None and label in cast.columns:
        frames = {**frames, **_split(frames["events"], layout)}
    kept = {name: rows for name, rows in frames.items() if len(rows)}
    return Admitted(kept, pl.concat(notes) if len(notes) > 1 else notes[0], len(frame), lost)


def check(kind: str, frame: pl.DataFrame, layout: Layout) -> None:
    """Refuse a frame of which no row can be taken: a role's column is missing, or a name can't be used."""
    layout.check_names(frame.columns)
    _check_roles(kind, frame, layout)
    for role in (layout.id, layout.version):
        if role in frame.columns and (frame.schema[role].is_nested() or frame.schema[role] == pl.Object()):
            what = f"column {role!r} holds {frame.schema[role]}"
            raise SchemaError(what, where=kind, expected="text or numbers: it names the rows")


def _check_roles(kind: str, frame: pl.DataFrame, layout: Layout) -> None:
    """Refuse a frame that lacks a column without which none of its rows can be taken."""
    if kind != "events" and layout.id is None:
        raise SchemaError(f"{kind} need an id to join by", hint="register the model with id=...")
    if kind == "labels" and layout.label is None:
        raise SchemaError("the model has no label", hint="register the model with label=...")
    wanted = [layout.id, layout.time] if kind == "events" else [layout.id]
    wanted += [layout.label] if kind == "labels" else []
    for role in wanted:
        if role is not None and role not in frame.columns:
            raise SchemaError(
                f"column {role!r} is missing", where=kind, expected=", ".join(w for w in wanted if w),
                hint=nearest(role, frame.columns),
            )  # fmt: skip
    if kind == "events" and layout.time and frame.schema[layout.time].is_numeric() and len(frame):
        raise SchemaError(
            f"column {layout.time!r} holds numbers", where=kind, expected="times",
            hint="turn it into datetimes first, e.g. with polars.from_epoch",
        )  # fmt: skip


def _roles(kind: str, frame: pl.DataFrame, layout: Layout, arrival: Arrival) -> list[pl.Expr]:
    """Expressions for id, version and, where there is no such role, event time."""
    if layout.id is None:
        ids = pl.format("{}-{}", pl.lit(arrival.batch), pl.int_range(pl.len())).alias(layout.id_column)
    else:
        ids = text_id(layout.id, frame.schema[layout.id])
    if kind != "events":
        return [ids]
    times = [pl.lit(arrival.at).cast(UTC).alias(layout.time_column)] if layout.time is None else []
    if layout.version is None or layout.version not in frame.columns:
        version = pl.lit(arrival.version).alias(layout.version_column)
    else:
        version = text_id(layout.version, frame.schema[layout.version]).fill_null(arrival.version)
    return [ids, version, *times]


def _conform(
    kind: str, rough: pl.DataFrame, layout: Layout, types: Mapping[str, str], arrival: Arrival
) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, pl.Series]]:
    """Cast every column to its lake type.

    Returns:
        The rows; `column` and `reason` where one doesn't fit, else null; which rows lost a value, by what is said.
    """
    casts = {
        name: _cast(name, dtype, types[name], layout.timezone if name == layout.time else "UTC")
        for name, dtype in rough.schema.items()
        if name in types
    }
    checks: list[Check] = [(layout.id_column, pl.col(layout.id_column).is_null(), pl.lit("missing id"))]
    if kind == "events" and layout.time is not None:
        checks += _time_checks(layout.time, rough, arrival.at)
    cast, failing = _cast_all(rough, casts, types)
    watched = failing | {name for name in casts if _may_fail(rough.schema[name], types[name])}
    free, left_out = _free(kind, rough.columns, layout), dict[str, pl.Expr]()
    for name, dtype in rough.schema.items():
        if name in watched and name != layout.time:
            lost = pl.col(name).is_null() & pl.col(f"\0{name}").is_not_null()
            said = pl.format(
                "wrong type: column '{}' has '{}', expected {}",
                pl.lit(name),
                _shown(name, dtype),
                pl.lit(said_type(types[name])),
            )
            if dtype.is_float():  # 1.0 is taken: of a table with gaps the gap is to blame, not the type
                none = pl.col(f"\0{name}").is_nan()
                said = pl.when(none).then(pl.lit(f"no value (NaN) in column {name!r}")).otherwise(said)
            if name in free:
                left_out[f"values of {name!r} left out, which are not {said_type(types[name])}"] = lost
            else:
                checks.append((name, lost, said))
    before = rough.select(pl.col(name).alias(f"\0{name}") for name in casts if name in watched | {layout.time})
    both = pl.concat([cast, before], how="horizontal")
    reason = pl.coalesce(pl.when(fails).then(said) for _, fails, said in checks)
    guilty = pl.coalesce(pl.when(fails).then(pl.lit(name)) for name, fails, _ in checks)
    unread = {said: both.select(lost.alias("lost"))["lost"] for said, lost in left_out.items()}
    told = both.select(guilty.alias("column"), reason.alias("reason"))
    return cast, told, {said: lost for said, lost in unread.items() if lost.any()}


def _free(kind: str, names: Collection[str], layout: Layout) -> set[str]:
    """Columns that the schema doesn't have: what can't be read there never costs the row. Feedback has no other."""
    own = {*layout.declared(kind), *layout.roles, layout.label_column}
    return set() if kind == "feedback" else set(names) - own


def _cast_all(
    rough: pl.DataFrame, casts: Mapping[str, pl.Expr], types: Mapping[str, str]
) -> tuple[pl.DataFrame, set[str]]:
    """Cast the columns; one of a type that can't be cast at all becomes null, and is named."""
    wanted = {name: polars_type(types[name]) for name in casts}
    cast = _tried(rough, casts, wanted)
    if cast is not None:
        return cast, set()
    failing = {name for name, expr in casts.items() if _tried(rough, {name: expr}, wanted) is None}
    none = {name: pl.lit(None, dtype=wanted[name]) for name in failing}
    whole = rough.with_columns(none.get(name, expr).alias(name) for name, expr in casts.items())
    return whole.select(list(casts)), failing


def _tried(rough: pl.DataFrame, casts: Mapping[str, pl.Expr], wanted: Mapping[str, pl.DataType]) -> pl.DataFrame | None:
    """Cast these columns; None where Polars can't, or comes to something else than was asked for."""
    try:
        cast = rough.select(expr.alias(name) for name, expr in casts.items())
    except pl.exceptions.PolarsError:
        return None
    return cast if all(wanted[name] == dtype for name, dtype in cast.schema.items()) else None


def _time_checks(time: str, rough: pl.DataFrame, at: datetime) -> list[Check]:
    raw, shown = pl.col(f"\0{time}"), _shown(time, rough.schema[time])
    said = "is not a time" if rough.schema[time] == pl.String() else "does not exist in the model's time zone"
    outside = (pl.col(time) > at + AHEAD) | (pl.col(time) < EARLIEST)
    return [
        (time, raw.is_null(), pl.lit("missing time")),
        (time, pl.col(time).is_null(), pl.format("impossible time: {} {}", shown, pl.lit(said))),
        (time, outside, pl.format("impossible time: {} lies in the future or before 1970", shown)),
    ]


def _shown(name: str, dtype: pl.DataType) -> pl.Expr:
    """The value as it came, as text for a reason."""
    column = pl.col(f"\0{name}")
    if dtype.is_nested() or isinstance(dtype, pl.Binary):
        return pl.lit(str(dtype))
    return column.cast(pl.String, strict=False).str.slice(0, 40).fill_null("null")


def _cast(name: str, dtype: pl.DataType, to: str, timezone: str) -> pl.Expr:
    """Cast without loss, or to null. Naive times are in `timezone`.

    Only the event time is taken for the model's own wall clock: any other time keeps its figures, as in the reference.
    """
    if to == "Datetime":
        return utc(name, dtype, timezone)
    column, target = pl.col(name), polars_type(to)
    if dtype == target:
        return column
    if to == "String" and dtype.is_nested():
        return pl.when(column.is_not_null()).then(pl.struct(name).struct.json_encode())
    if to == "String" and (dtype.is_float() or dtype == pl.Binary()):
        return text_id(name, dtype)  # the category 1.0 is the category 1
    if to in FROM_TEXT and dtype == pl.String():
        return FROM_TEXT[to](column)
    if to in {"Boolean", "Int64"} and dtype.is_numeric():
        whole = column.cast(target, strict=False)
        return pl.when(whole.cast(dtype, strict=False) == column).then(whole)
    if dtype.is_nested() != target.is_nested():
        return pl.lit(None, dtype=target)
    if "Int64" in to and "Float" in str(dtype):  # a list with a fraction isn't cut to whole numbers
        whole = column.cast(target, strict=False)
        return pl.when(whole.cast(dtype, strict=False) == column).then(whole)
    return column.cast(target, strict=False)


def _may_fail(dtype: pl.DataType, to: str) -> bool:
    """Whether a cast can lose a value: not from a type to itself, to text, or from integers to floats."""
    return to != "String" and dtype != polars_type(to) and not (to == "Float64" and dtype.is_numeric())


def _set_aside(kind: str, rows: pl.DataFrame, reason: pl.Series, layout: Layout) -> pl.DataFrame:
    """Rows for the quarantine table, each kept whole as JSON."""
    return rows.select(
        pl.lit(kind).alias("kind"),
        reason.alias("reason"),
        pl.col(layout.id_column).alias("id"),
        as_json(rows).alias("row"),
    )


def as_json(rows: pl.DataFrame) -> pl.Series:
    """Give each row as a JSON object.

    >>> as_json(pl.DataFrame({"a": [1], "b": ["x"]}))[0]
    '{"a":1,"b":"x"}'
    """
    odd = [pl.col(name).bin.encode("base64") for name, dtype in rows.schema.items() if isinstance(dtype, pl.Binary)]
    plain = rows.with_columns(odd) if odd else rows
    return plain.select(pl.struct(pl.all()).struct.json_encode().alias("row"))["row"]


def _tally(reason: pl.Series) -> dict[str, int]:
    """How many rows for each reason, the most frequent first."""
    counts = reason.value_counts(sort=True, name="n")
    return dict(zip(counts[reason.name].to_list(), counts["n"].to_list(), strict=True))


def short_reason(reason: pl.Series) -> pl.Series:
    """Reasons without the values that differ from row to row."""
    return reason.str.replace(r" has '.*', expected", " expected").str.replace(r"^(impossible time).*", "$1")


def _lost(rows: pl.DataFrame, said: pl.DataFrame, layout: Layout, arrival: Arrival) -> tuple[Lost, ...]:
    """Count events that were set aside by version, window, column and reason."""
    time, came = layout.time_column, pl.lit(arrival.at).cast(UTC)
    unread = (said["column"] == time) | rows[time].is_null()
    times = rows.select(pl.when(unread).then(came).otherwise(pl.col(time)).alias("start"))["start"]
    marked = said.with_columns(
        short_reason(said["reason"]),
        rows[layout.version_column].alias("version"),
        window_starts(times, layout.window, layout.timezone),
    )
    counted = marked.group_by("version", "start", "column", "reason").agg(n=pl.len()).sort(pl.all())
    return tuple(Lost(**row) for row in counted.to_dicts())


def _split(events: pl.DataFrame, layout: Layout) -> dict[str, pl.DataFrame]:
    """Part events that carry their label into events and labels, which say the event's time: whose they are."""
    label, time = layout.label_column, [] if layout.time is None else [layout.time]
    known = events.filter(pl.col(label).is_not_null()).select(layout.id_column, *time, label)
    return {"events": events.drop(label), "labels": known}
