"""`rt.read_capture`: what a serving system logged of its calls, as events with a model's columns.

    found = rt.read_capture("capture/**/*.jsonl", "sagemaker", schema=model.schema)
    model.log(found.events);  found.broken;  found.waiting

What is asked and answered becomes rows as for `rt.watch`: values without names are the model's features in their order,
a number with a fraction is its score, what else comes alone its prediction, a list the scores of its classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from retrue.adapters.capture import MISSING, Bad, BadDocumentError, Exchange, Reading, get, numbered, paired
from retrue.adapters.capture.documents import documents
from retrue.adapters.capture.payloads import CLASSES, SCORES, class_scores, split
from retrue.adapters.capture.reading import text_of
from retrue.client import calls
from retrue.client.calls import ID, INPUT, LATENCY, OUTPUT, TIME, Row, to_frame
from retrue.client.classes import SAID, class_columns
from retrue.client.naming import Naming, is_neutral
from retrue.errors import TableError

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

    from retrue.schema import Schema
    from retrue.workspace import Model
    from retrue.workspace.receiving import Received

VERSION = "_version"


@dataclass(frozen=True)
class Capture:
    """What was read of captured calls.

    Attributes:
        events: a row for each thing that was asked and answered, with the model's columns.
        broken: documents that aren't of the format, each with its number from 0 and why.
        waiting: halves whose other half isn't among the documents.
        documents: how many there were.
        passed: documents (of OpenTelemetry: spans) that are about something else than calls of a model.
        failed: calls that a model didn't answer; they are no events.
    """

    events: pl.DataFrame
    broken: tuple[Bad, ...] = ()
    waiting: tuple[Exchange, ...] = ()
    documents: int = 0
    passed: int = 0
    failed: int = 0

    @property
    def told(self) -> dict[str, int]:
        """What of it is no event and no error, in words: how many halves wait, and what else there was."""
        asked = sum(one.outputs is MISSING for one in self.waiting)
        said = {
            "requests without an answer": asked,
            "answers without a request": len(self.waiting) - asked,
            "failed calls": self.failed,
            "documents about something else": self.passed,
        }
        return {what: n for what, n in said.items() if n}


def read_capture(
    source: Any, format: str, *, schema: Schema | None = None, columns: Mapping[str, str] | None = None
) -> Capture:
    """Read what a serving system logged of its calls.

    Args:
        source: a path or glob of JSON, JSON lines (perhaps .gz), Parquet or CSV, the folder of a Delta table, bytes of
            JSON, a list of documents, or a frame.
        format: azureml, bentoml, json, kserve, mlflow, otel, sagemaker, seldon or vertex.
        schema: the model's, `model.schema`: what columns are called; left out, they are `id`, `time`, `output` ...
        columns: what the capture calls things (`predict`, `output_1`, `request.user.age`), and the model's column that
            each is.

    Raises:
        ConfigError: there is no such format.
        TableError: the source can't be read, or not one of its documents is of the format: it names the first one's
            field.

    >>> line = {
    ...     "captureData": {
    ...         "endpointInput": {"observedContentType": "text/csv", "data": "132,25", "encoding": "CSV"},
    ...         "endpointOutput": {"observedContentType": "text/csv", "data": "0.25", "encoding": "CSV"},
    ...     },
    ...     "eventMetadata": {"eventId": "8f45", "inferenceTime": "2020-07-30T13:36:30Z"},
    ... }
    >>> read_capture([line], "sagemaker").events.drop("time").to_dicts()
    [{'id': '8f45', 'input_0': 132, 'input_1': 25, 'output': 0.25}]
    """
    reading = Reading(get(format))
    whole, waiting = paired(reading.exchanges(documents(source)))
    found = capture_of(whole, reading, schema, columns or {})
    if found.broken and not (found.events.height or waiting or found.passed or found.failed):
        first, form = found.broken[0], reading.form
        where = f"document {first.number + 1} of {reading.documents}"
        raise TableError(f"nothing of it is {form.name}: {first.reason}", where=where, hint=f"see {form.source}")
    return replace(found, waiting=tuple(waiting))


def capture_of(
    whole: Iterable[Exchange], reading: Reading, schema: Schema | None, columns: Mapping[str, str]
) -> Capture:
    """Whole exchanges as events, and what else was read."""
    rows, broken, failed = list[Row](), list(reading.bad), 0
    for one in numbered(list(whole)) if reading.form.rows else whole:
        failed += one.failed
        try:
            rows += [] if one.failed else rows_of(one, schema=schema, columns=columns)
        except BadDocumentError as error:
            broken.append(Bad(one.number, str(error), text_of({"inputs": one.inputs, "outputs": one.outputs})))
    broken.sort(key=lambda one: one.number)
    events = as_events(to_frame(rows), schema) if rows else empty()
    return Capture(events, tuple(broken), documents=reading.documents, passed=reading.passed, failed=failed)


def empty() -> pl.DataFrame:
    """Events of nothing."""
    import polars as pl

    return pl.DataFrame()


def rows_of(one: Exchange, *, schema: Schema | None, columns: Mapping[str, str]) -> list[Row]:
    """The rows of an exchange under neutral names.

    Raises:
        BadDocumentError: inputs and outputs, or values and features, aren't equally many.
    """
    several, found = len(one.inputs) > 1, list[Row]()
    outputs = split(one.outputs, len(one.inputs))
    if len(one.inputs) != len(outputs):
        raise BadDocumentError(
            f"{len(one.inputs)} rows were asked and {len(outputs)} answered", where=f"exchange {one.id!r}"
        )
    for number, (asked, told) in enumerate(zip(one.inputs, outputs, strict=True)):
        own = {
            ID: f"{one.id}/{number}" if several else one.id,
            TIME: one.time,
            LATENCY: one.latency,
            VERSION: one.version,
        }
        row = joined(asked_row(asked, schema, columns, one.id), told_row(told, schema, columns), columns)
        found.append({**{name: value for name, value in own.items() if value not in (None, "")}, **row})
    return found


def asked_row(asked: Any, schema: Schema | None, columns: Mapping[str, str], key: str) -> Row:
    """What was asked of one row, by name.

    Raises:
        BadDocumentError: values without names, and not as many as the model has features.
    """
    known = () if schema is None else tuple(schema.features)
    row = mapped(valued(asked, INPUT, known), columns)
    left = [name for name in row if name == INPUT or name.startswith(f"{INPUT}_")]
    if schema is not None and left:
        raise BadDocumentError(
            f"{len(left)} values without names, and the model has {len(known)} features",
            where=f"exchange {key!r}", hint="name them: input_0=COLUMN, and so on",
        )  # fmt: skip
    return row


def told_row(told: Any, schema: Schema | None, columns: Mapping[str, str]) -> Row:
    """What was answered for one row, by name."""
    if not (scores := class_scores(told)):
        return mapped(valued(told, OUTPUT, ()), columns)
    rest = {name: value for name, value in told.items() if name not in (*CLASSES, *SCORES)}
    return mapped(rest, columns) | class_columns(scores, schema, columns)


def joined(asked: Row, told: Row, columns: Mapping[str, str]) -> Row:
    """One row of both; an answer doesn't take the place of another value that was asked: it is `output_NAME`.

    >>> joined({"a": 1, "price": 3}, {"a": 1, "price": 4}, {})
    {'a': 1, 'price': 3, 'output_price': 4}
    """
    own = {name: f"{SAID}_{name}" for name, value in told.items() if asked.get(name) not in (None, value)}
    named = {name: columns.get(own[name], own[name]) if name in own else name for name in told}
    return {**asked, **{named[name]: value for name, value in told.items()}}


def mapped(row: Row, columns: Mapping[str, str]) -> Row:
    """A row with the names that the model has for things; those without a name are mapped without their underscore."""
    return {columns.get(name, columns.get(name.removeprefix("_"), name)): value for name, value in row.items()}


def valued(said: Any, name: str, known: tuple[str, ...]) -> Row:
    """One row's values by name."""
    if isinstance(said, dict):
        return {str(key): value for key, value in said.items()}
    return calls.numbered(said, name, known) if isinstance(said, list) else {name: said}


def as_events(frame: pl.DataFrame, schema: Schema | None) -> pl.DataFrame:
    """A frame with neutral names as a model's events; without a model the names lose their underscore."""
    if schema is None:
        own = set(frame.columns)
        neutral = [name for name in frame.columns if is_neutral(name) or name == VERSION]
        return frame.rename({name: name[1:] for name in neutral if name[1:] not in own})
    if VERSION in frame.columns:
        said = schema.version is not None and schema.version not in frame.columns
        frame = frame.rename({VERSION: str(schema.version)}) if said else frame.drop(VERSION)
    naming = Naming.of(schema)
    if left := naming.unplaced(frame.columns):
        raise TableError(
            f"an answer of {len(left)} values", where=f"columns {', '.join(name[1:] for name in left)}",
            expected=f"{len(naming.scores) or 1} for this model", hint="name them: output_1=COLUMN, and so on",
        )  # fmt: skip
    return naming.named(frame)


def log_capture(
    model: Model, found: Capture, *, version: str | None = None, key: str | None = None, at: datetime | None = None
) -> Received:
    """Log what was read; documents that aren't of the format go to the quarantine, each with why.

    Args:
        model: a model of a store on this machine.
        found: what `read_capture` gave.
        version: as in `model.log`.
        key: as in `model.log`.
        at: as in `model.log`.
    """
    from retrue.store.intake import Broken
    from retrue.workspace.receiving import Received, receive

    received = Received(0, counts=found.told)
    if not found.events.height and not found.broken:
        return received  # an hour without a call: the file is there, and has nothing to log
    broken = tuple(Broken(found.events.height + n, one.reason, one.text) for n, one in enumerate(found.broken))
    version = version or model.version
    return receive(model, "events", found.events, key=key, at=at, version=version, broken=broken) + received
