"""A call of a watched function, and the rows that it becomes. Pure: no clock, no disk, no network.

    Call(inputs, output) --rows--> [{"x": 1.0, "_id": ..., "_output": 0.7}] --Naming--> the model's columns

Which role an output plays is the model's business and perhaps not known yet when the call is made (its server may be
down), so rows keep neutral names until they are sent. Nothing here needs Polars' thread pool, which no fork survives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from retrue.errors import TableError

if TYPE_CHECKING:
    import polars as pl

ID, TIME, LATENCY, OUTPUT, INPUT, CLASS = "_id", "_time", "_latency", "_output", "_input", "_class"
"""Neutral names; outputs and inputs that are arrays without names are `_output_0`, `_input_0` ...; the scores of
classes that an answer names are `_class_NAME`, in the classes' order."""

Row: TypeAlias = dict[str, Any]
RowMaker: TypeAlias = Callable[[Any, Any], Any]
"""A user's own: inputs and output in, a dict or a list of dicts out."""

SMALL = 65_536
"""Bytes of an array up to which it is copied; a larger one is kept as it is."""
LARGE = SMALL + 1
PLAIN = frozenset({dict, float, int, str, bool, type(None)})
"""Types that are small, and that need no copy where they aren't dicts."""


class Call(NamedTuple):
    """One call.

    Args:
        id: what names its event (its rows, where there are several, are `ID/0`, `ID/1` ...).
        at: when it returned, in nanoseconds since 1970.
        spent: how long it took, in nanoseconds.
        args: what it was given by position.
        kwargs: what it was given by name.
        output: what it returned; None where it failed.
        error: the name of the exception that it raised; None where it returned.
    """

    id: str
    at: int
    spent: int
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    output: Any = None
    error: str | None = None


Left: TypeAlias = tuple[str, int, int, tuple[Any, ...], Mapping[str, Any], Any, str | None]
"""A call as the caller's thread leaves it behind. Not a `Call`: making one took 7 µs there where calls come one by one,
as a processor that did other things meanwhile finds none of what that needs in its caches; a tuple takes 0.4."""


@dataclass(frozen=True)
class Signature:
    """How the inputs of a function are called.

    Args:
        names: its parameters, in order; without `self`.
        method: whether the first argument is the object that it belongs to.
        columns: the names of an array's columns; none: not known.
        row: what makes rows of inputs and output in place of everything here; None: nothing does.
        first: whether the first argument alone is the inputs, and the others say how to predict: of a known model.
    """

    names: tuple[str, ...] = ()
    method: bool = False
    columns: tuple[str, ...] = ()
    row: RowMaker | None = field(default=None)
    first: bool = False

    def inputs(self, call: Call) -> Any:
        """The only argument as it is; or all of them by name."""
        args = call.args[1:] if self.method else call.args
        if self.first and (args or call.kwargs):
            return args[0] if args else next(iter(call.kwargs.values()))
        if len(args) == 1 and not call.kwargs:
            return args[0]
        if not args and len(call.kwargs) == 1 and not is_plain(only := next(iter(call.kwargs.values()))):
            return only
        extra = (f"{INPUT}_{i}" for i in range(len(args)))
        named = dict(zip(chain(self.names[: len(args)], extra), args, strict=False))
        return flat({**named, **call.kwargs})


def flat(named: Mapping[str, Any]) -> Row:
    """The same with dicts among the values opened.

    >>> flat({"a": 1, "rest": {"b": 2}})
    {'a': 1, 'b': 2}
    """
    found: Row = {}
    for name, value in named.items():
        found |= value if isinstance(value, dict) else {name: value}
    return found


def is_plain(value: object) -> bool:
    """Whether it is one value: a number, a text, a time ..., NumPy's included."""
    return not isinstance(value, Mapping | list | tuple) and not getattr(value, "shape", ()) and not is_frame(value)


def is_frame(value: object) -> bool:
    """Whether it is a table with named columns: Polars, pandas, pyarrow."""
    return hasattr(value, "__arrow_c_stream__") and (hasattr(value, "columns") or hasattr(value, "column_names"))


def rows_of(call: Call, signature: Signature) -> list[Row] | pl.DataFrame:
    """The rows of one call under neutral names: a list, or a frame where the inputs were one.

    Raises:
        TableError: inputs or output can't be understood, or don't have equally many rows.
    """
    inputs = signature.inputs(call)
    if signature.row is not None:
        return stamped(as_rows(signature.row(inputs, call.output), OUTPUT), call)
    if is_frame(inputs):
        return framed(inputs, call)
    rows = as_rows(inputs, INPUT, signature.columns)
    return stamped(joined(rows, outputs_of(call.output, len(rows))), call)


def joined(rows: Sequence[Row], outputs: Sequence[Row]) -> list[Row]:
    """Inputs and outputs row by row.

    Raises:
        TableError: there aren't equally many.
    """
    if len(rows) != len(outputs):
        raise TableError(
            f"{len(rows)} rows of inputs and {len(outputs)} of outputs", where="a watched call",
            expected="an output for each row", hint="say how they belong together with row=...",
        )  # fmt: skip
    return [{**row, **output} for row, output in zip(rows, outputs, strict=True)]


def as_rows(value: Any, name: str, columns: Sequence[str] = ()) -> list[Row]:
    """What was given as rows: a dict, a list of them, a dict of columns, an array, a frame, or one value.

    Raises:
        TableError: it is something else.
    """
    if isinstance(value, dict):
        return [value] if all(map(is_plain, value.values())) else columns_as_rows(value)
    if is_frame(value):
        return list(frame_of(value).to_dicts())
    if hasattr(value, "tolist") and getattr(value, "shape", None):
        return as_rows(value.tolist(), name, columns)
    if hasattr(value, "get_data") and hasattr(value, "feature_names"):  # XGBoost's DMatrix
        return as_rows(value.get_data().toarray(), name, value.feature_names or columns)
    if isinstance(value, list | tuple):
        if all(isinstance(one, dict) for one in value):
            return [dict(one) for one in value]
        if all(isinstance(one, list | tuple) for one in value):
            return [numbered(one, name, columns) for one in value]
        return [numbered(value, name, columns)]
    if is_plain(value):
        return [{name: plain(value)}]
    raise TableError(f"a {type(value).__name__} can't be read as rows", where="a watched call", hint="say row=...")


def columns_as_rows(columns: Mapping[str, Any]) -> list[Row]:
    """Rows of a dict of columns; a dict with both is one row whose values are what they are.

    >>> columns_as_rows({"a": [1, 2], "b": [3, 4]})
    [{'a': 1, 'b': 3}, {'a': 2, 'b': 4}]
    >>> columns_as_rows({"a": 1, "tags": ["x", "y"]})
    [{'a': 1, 'tags': ['x', 'y']}]
    """
    lists = {key: value.tolist() if hasattr(value, "tolist") else value for key, value in columns.items()}
    if any(not isinstance(value, list | tuple) for value in lists.values()):
        return [lists]
    if len({len(value) for value in lists.values()}) > 1:
        return [lists]
    return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]


def numbered(values: Sequence[Any], name: str, columns: Sequence[str]) -> Row:
    """One row of an array: by its columns' names where there are as many, else numbered."""
    known = columns if len(columns) == len(values) else [f"{name}_{i}" for i in range(len(values))]
    return dict(zip(known, values, strict=True))


def outputs_of(output: Any, rows: int) -> list[Row]:
    """What came out, one dict for each row.

    A list of values is one for each row; of one row, an array of several values is that row's (its probabilities).
    """
    if hasattr(output, "tolist"):
        output = output.tolist()
    if isinstance(output, list | tuple) and len(output) == rows and all(map(is_plain, output)):
        return [{OUTPUT: plain(one)} for one in output]
    return as_rows(output, OUTPUT)


def plain(value: Any) -> Any:
    """NumPy's numbers as Python's."""
    return value.item() if hasattr(value, "item") and not isinstance(value, list) else value


def stamped(rows: list[Row], call: Call) -> list[Row]:
    """The rows with their id, time and latency."""
    several = len(rows) > 1
    for number, row in enumerate(rows):
        row |= {ID: f"{call.id}/{number}" if several else call.id, TIME: time_of(call), LATENCY: call.spent / 1e9}
    return rows


def time_of(call: Call) -> datetime:
    """When a call returned, to the microsecond."""
    return datetime.fromtimestamp(call.at // 1_000 / 1e6, UTC)


def framed(inputs: Any, call: Call) -> pl.DataFrame:
    """A frame of inputs with its outputs beside it.

    Raises:
        TableError: outputs that aren't one for each row.
    """
    import polars as pl

    frame = frame_of(inputs)
    several = frame.height > 1
    ids = [f"{call.id}/{number}" if several else call.id for number in range(frame.height)]
    added = [pl.Series(name, values) for name, values in output_columns(call.output, frame.height).items()]
    added += [
        pl.Series(ID, ids, pl.String()),
        pl.Series(TIME, [time_of(call)] * frame.height, pl.Datetime("us", "UTC")),
        pl.Series(LATENCY, [call.spent / 1e9] * frame.height, pl.Float64()),
    ]
    own = {column.name for column in added}
    return pl.DataFrame([*(column for column in frame.get_columns() if column.name not in own), *added])


def output_columns(output: Any, rows: int) -> Mapping[str, Any]:
    """Outputs by column: arrays as they are, the rest by way of rows.

    Raises:
        TableError: they aren't one for each row.
    """
    shape: tuple[int, ...] = getattr(output, "shape", ())
    if len(shape) == 1 and not is_frame(output):
        columns: dict[str, Any] = {OUTPUT: output}
    elif len(shape) == 2 and not is_frame(output):
        columns = {f"{OUTPUT}_{i}": output[:, i] for i in range(shape[1])}
    else:
        outputs = outputs_of(output, rows)
        columns = {name: [row.get(name) for row in outputs] for name in (outputs[0] if outputs else {})}
    if any(len(values) != rows for values in columns.values()):
        raise TableError(
            f"{rows} rows of inputs, and outputs of another number", where="a watched call",
            expected="an output for each row", hint="say how they belong together with row=...",
        )  # fmt: skip
    return columns


def frame_of(value: Any) -> pl.DataFrame:
    """A frame of any library as one of Polars."""
    import polars as pl

    if isinstance(value, pl.DataFrame):
        return value
    from retrue.tables.frames import to_polars

    found = to_polars(value)
    return found if isinstance(found, pl.DataFrame) else found.collect()


def to_frame(rows: Sequence[Row]) -> pl.DataFrame:
    """Rows of several calls as one frame; what only some of them have is null in the others."""
    import polars as pl

    from retrue.tables.frames import to_polars

    found = to_polars(list(rows))
    return found.collect() if isinstance(found, pl.LazyFrame) else found


def snapshot(value: Any) -> Any:
    """A copy of what callers and functions like to change: dicts, lists of them, small arrays, pandas' columns.

    The rest is kept as it is.
    """
    kind = type(value)
    if kind is dict:
        return value.copy()
    if kind in PLAIN:
        return value
    if kind is list:
        return [one.copy() if type(one) is dict else one for one in value]
    if hasattr(value, "iloc"):
        return value.copy(deep=False)
    if not hasattr(value, "shape") or getattr(value, "nbytes", LARGE) > SMALL:
        return value
    return value.detach().clone() if hasattr(value, "detach") else value.copy()


def is_large(value: Any) -> bool:
    """Whether an array or a frame is so large that only few may wait in memory."""
    if type(value) in PLAIN:
        return False
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and len(shape) > 0:
        return 8 * int(shape[0]) * (int(shape[1]) if len(shape) > 1 else 1) > SMALL
    return type(value) is list and len(value) > SMALL // 64


def each(calls: Sequence[Call], signature: Signature) -> Iterator[list[Row] | pl.DataFrame | Exception]:
    """The rows of each call, or what kept them from being read."""
    for call in calls:
        try:
            yield rows_of(call, signature)
        except Exception as error:  # noqa: BLE001 - whatever a function is given, its neighbours are logged
            yield error
