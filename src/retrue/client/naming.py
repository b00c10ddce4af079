"""Naming: which column of the model each thing of a watched call is. Done last, when the model is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from retrue.client.calls import CLASS, ID, INPUT, LATENCY, OUTPUT, TIME
from retrue.client.classes import known_classes, score_columns

if TYPE_CHECKING:
    import polars as pl

    from retrue.schema import Schema

NEUTRAL = (ID, TIME, LATENCY)


@dataclass(frozen=True)
class Naming:
    """What a model calls things.

    Args:
        id, time, latency, prediction: the column in that role; None: there is none.
        scores: the column of the score, or one for each class in the classes' order.
        features: what the model sees, in order.
        classes: the score's column by the class that it is of.
        labels: all classes.
    """

    id: str | None = None
    time: str | None = None
    latency: str | None = None
    prediction: str | None = None
    scores: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    classes: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()

    @classmethod
    def of(cls, schema: Schema) -> Naming:
        """The names of a model with this schema."""
        return cls(
            schema.id, schema.time, schema.latency, schema.prediction, tuple(schema.scores), tuple(schema.features),
            score_columns(schema), schema.classes,
        )  # fmt: skip

    def named(self, frame: pl.DataFrame) -> pl.DataFrame:
        """A frame with neutral names as the model's events; what inputs say themselves of a role stays."""
        import polars as pl

        own, renamed = set(frame.columns), self.renamed(frame)
        made = {renamed[column.name]: column for column in frame.get_columns() if column.name in renamed}
        kept = [column for column in frame.get_columns() if column.name not in renamed and not is_neutral(column.name)]
        added = [self.timed(column, name) for name, column in made.items() if name not in own]
        return pl.DataFrame([*(filled(column, made.get(column.name)) for column in kept), *added])

    def timed(self, column: pl.Series, name: str) -> pl.Series:
        """A column under the model's name; a latency in milliseconds where that name ends so."""
        in_ms = column.name == LATENCY and name.endswith("_ms")
        return (column * 1000).alias(name) if in_ms else column.alias(name)

    def unplaced(self, columns: Sequence[str]) -> list[str]:
        """Parts of the output that are no column of the model: `named` leaves them out."""
        if told := classes_in(columns):
            return [] if self.by_class(told) or (OUTPUT in columns and self.prediction) else list(told.values())
        found = [name for name in columns if name == OUTPUT or name.startswith(f"{OUTPUT}_")]
        single = found == [OUTPUT] and (self.prediction is not None or len(self.scores) == 1)
        return [] if self.in_order(found) or single else found

    def stamps(self) -> dict[str, str]:
        """The model's column of id and time, by neutral name."""
        return {name: role for name, role in ((ID, self.id), (TIME, self.time)) if role is not None}

    def renamed(self, frame: pl.DataFrame) -> dict[str, str]:
        """What each neutral name of a frame becomes."""
        stamps = {**self.stamps(), **({LATENCY: self.latency} if self.latency is not None else {})}
        return {**stamps, **self.inputs(frame.columns), **self.outputs(frame)}

    def inputs(self, columns: Sequence[str]) -> dict[str, str]:
        """Columns of an array: the features, where there are as many."""
        found = [name for name in columns if name.startswith(f"{INPUT}_")]
        if len(found) == len(self.features):
            return dict(zip(found, self.features, strict=True))
        return {INPUT: self.features[0]} if len(self.features) == 1 else {}

    def outputs(self, frame: pl.DataFrame) -> dict[str, str]:
        """Columns of the output: one for each class, those of a binary classifier, or a single one."""
        if told := classes_in(frame.columns):
            best = {OUTPUT: self.prediction} if OUTPUT in frame.columns and self.prediction is not None else {}
            return self.by_class(told) | best
        found = self.in_order([name for name in frame.columns if name.startswith(f"{OUTPUT}_")])
        if not found and OUTPUT in frame.columns:
            role = self.single(frame)
            return {OUTPUT: role} if role is not None else {}
        return found

    def in_order(self, found: Sequence[str]) -> dict[str, str]:
        """Scores in the classes' order; of two where the model has one score, the second. Empty: they don't fit."""
        if found and len(found) == len(self.scores):
            return dict(zip(found, self.scores, strict=True))
        return {found[1]: self.scores[0]} if len(found) == 2 and len(self.scores) == 1 else {}

    def by_class(self, told: Mapping[str, str]) -> dict[str, str]:
        """Scores of named classes; in the classes' order where the model calls all of them otherwise."""
        own, known = known_classes(self.classes, self.labels, told)
        found = {told[label]: column for label, column in own.items() if label in told}
        return found if found or set(told) & {*own, *known} else self.in_order(list(told.values()))

    def single(self, frame: pl.DataFrame) -> str | None:
        """A number with a fraction is the score, where there is one; what else comes alone is the prediction."""
        number = frame.schema[OUTPUT].is_float()
        score = self.scores[0] if len(self.scores) == 1 else None
        return (score or self.prediction) if number else (self.prediction or score)


def classes_in(columns: Sequence[str]) -> dict[str, str]:
    """The columns with scores of named classes, by class."""
    return {name.removeprefix(f"{CLASS}_"): name for name in columns if name.startswith(f"{CLASS}_")}


def is_neutral(name: str) -> bool:
    """Whether a column's name is one of those that `calls` makes."""
    return name in NEUTRAL or name in (OUTPUT, INPUT) or name.startswith((f"{OUTPUT}_", f"{INPUT}_", f"{CLASS}_"))


def filled(column: pl.Series, spare: pl.Series | None) -> pl.Series:
    """A column; what it lacks in some rows is what was made for them."""
    import polars as pl

    if spare is None or not column.null_count():
        return column
    both = zip(column.to_list(), spare.to_list(), strict=True)  # Polars' own way needs threads, which no fork survives
    return pl.Series(column.name, [other if value is None else value for value, other in both], strict=False)
