"""Leaks: columns that know the future. They make a model look perfect in training and useless in production."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import polars as pl

from retrue.core.state import Floats, Ints
from retrue.core.values import number_rows, text_rows
from retrue.judge.words import percent

ALONE = 0.98
"""The share of what a guess gets wrong that one column may put right by itself: above that, it knows the label."""
ALONE_NUMBER = 0.9995
"""The same of a number's variance: what is measured is often nearly what is predicted."""
EMPTY, THERE = 0.99, 0.5
"""A column that is empty in so many rows of one kind, and there in so many of the other, comes later."""
LEAST = 100
"""Fewer rows tell nothing."""
BINS = 256


def foretelling(
    table: pl.DataFrame, features: Sequence[str], label: str, *, regression: bool, trusted: Collection[str] = ()
) -> Iterator[tuple[str, str]]:
    """Say which columns nearly determine the label alone: the column, and the reason.

    Each column's values (256 bins of numbers) are given the commonest label that they have in half of the rows, or of a
    number the mean place in order, between two values a line; that is tried on the other half.
    """
    if table.height < 2 * LEAST:
        return
    truth = codes_of(table[label], regression=regression)
    for name in features:
        if name in trusted:
            continue
        numbers = numbers_of(table[name]) if regression else None
        explained = put_right(bins_of(table[name]), truth, regression=regression)
        if numbers is not None:
            explained = max(explained, on_the_line(numbers, truth))
        if explained > (ALONE_NUMBER if regression else ALONE):
            what = "of the order of its values" if regression else "of what a guess gets wrong"
            reason = (
                f"column {name!r} knows the label: alone it explains {percent(explained)} {what}, in rows that it was "
                "not looked at in; is it filled in afterwards?"
            )
            yield name, reason


def codes_of(labels: pl.Series, *, regression: bool) -> Floats:
    """Labels as numbers: their places in order (a few great ones would hide all others), or those of their classes."""
    if regression:
        return number_rows(labels).cast(pl.Float64).fill_null(0.0).rank("average").to_numpy()
    return np.unique(text_rows(labels).fill_null("").to_numpy(), return_inverse=True)[1].astype(np.float64)


def bins_of(column: pl.Series) -> Ints:
    """Which value each row has, numbers by 256 quantiles; null is a value."""
    numbers = numbers_of(column)
    if numbers is not None:
        known = numbers[np.isfinite(numbers)]
        if known.size:
            cuts = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]))
            return np.where(np.isfinite(numbers), np.searchsorted(cuts, numbers, "right"), cuts.size + 1).astype(
                np.int64
            )
    texts = text_rows(column).fill_null("").to_numpy()
    return np.asarray(np.unique(texts, return_inverse=True)[1], np.int64)


def numbers_of(column: pl.Series) -> Floats | None:
    """A column as numbers, NaN where it has none; None where it isn't of numbers or times."""
    if not (column.dtype.is_numeric() or column.dtype.is_temporal()):
        return None
    return number_rows(column).cast(pl.Float64).fill_null(np.nan).to_numpy()


def on_the_line(numbers: Floats, truth: Floats) -> float:
    """The share of the variance that a line through the even rows explains in the odd ones; 0 where numbers repeat."""
    known = np.isfinite(numbers)
    values, places = np.unique(numbers[known][0::2], return_inverse=True)
    if values.size < LEAST or known.mean() < THERE:
        return 0.0
    means = np.bincount(places, truth[known][0::2]) / np.bincount(places)
    tried, right = numbers[known][1::2], truth[known][1::2]
    whole = float(((right - right.mean()) ** 2).sum())
    return 1 - float(((right - np.interp(tried, values, means)) ** 2).sum()) / whole if whole else 0.0


def put_right(bins: Ints, truth: Floats, *, regression: bool) -> float:
    """The share of a guess's error that a column puts right: learned from the even rows, tried on the odd ones."""
    learned, tried = slice(0, None, 2), slice(1, None, 2)
    size = int(bins.max()) + 1
    if regression:
        sums = np.bincount(bins[learned], truth[learned], size)
        counts = np.bincount(bins[learned], minlength=size)
        said = np.where(counts, sums / np.maximum(counts, 1), truth[learned].mean())[bins[tried]]
        whole = float(((truth[tried] - truth[learned].mean()) ** 2).sum())
        return 1 - float(((truth[tried] - said) ** 2).sum()) / whole if whole else 0.0
    classes = int(truth.max()) + 1
    votes = np.bincount(bins[learned] * classes + truth[learned].astype(np.int64), minlength=size * classes)
    table = votes.reshape(size, classes)
    guess = int(table.sum(axis=0).argmax())
    said = np.where(table.sum(axis=1) > 0, table.argmax(axis=1), guess)[bins[tried]]
    wrong = float((truth[tried] != guess).mean())
    return 1 - float((truth[tried] != said).mean()) / wrong if wrong else 0.0


def arriving(logged: pl.DataFrame, features: Sequence[str], label: str, trusted: Sequence[str] = ()) -> Iterator[str]:
    """Say which columns are empty in logged events until their label comes."""
    known = logged[label].is_not_null()
    for name in features:
        if name in trusted or name not in logged.columns:
            continue
        there = logged[name].is_not_null()
        with_label, without = there.filter(known), there.filter(~known)
        if min(len(with_label), len(without)) < LEAST:
            continue
        filled, empty = int(with_label.sum()) / len(with_label), 1 - int(without.sum()) / len(without)
        if filled > THERE and empty > EMPTY:
            yield (
                f"column {name!r} comes with the label: it is there in {percent(filled)} of the logged events that "
                f"have one, and empty in {percent(empty)} of those that have none yet"
            )


def missing_live(
    part: str, rows: pl.DataFrame, logged: pl.DataFrame, features: Sequence[str], trusted: Sequence[str] = ()
) -> Iterator[str]:
    """Say which columns a part of the training set has, and events have not when they are logged."""
    if min(rows.height, logged.height) < LEAST:
        return
    for name in features:
        if name in trusted or name not in logged.columns or name not in rows.columns:
            continue
        filled = 1 - rows[name].null_count() / rows.height
        empty = logged[name].null_count() / logged.height
        if filled > THERE and empty > EMPTY:
            yield (
                f"column {name!r} is not there when the model predicts: {percent(filled)} of the rows of {part!r} have "
                f"it, and {percent(1 - empty)} of the logged events"
            )
