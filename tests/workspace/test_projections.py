"""A registered model looks at texts through projections that learned from its reference, in the store and out of it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import retrue as rt

NOW = dt.datetime(1970, 1, 20, tzinfo=dt.UTC)
KNOWN, NEW = ([f"{first}{i}" for i in range(60)] for first in "ab")


def events(first_day: int, days: int, share: float, seed: int) -> pl.DataFrame:
    """150 comments a day, some of whose words are new."""
    rng = np.random.default_rng(seed)
    rows = 150 * days
    texts = [" ".join(rng.choice(NEW if rng.random() < share else KNOWN, 8)) for _ in range(rows)]
    times = pl.from_epoch(pl.Series((first_day + np.arange(rows) // 150) * 86_400 + np.arange(rows) % 86_400))
    return pl.DataFrame({"id": [f"{first_day}-{i}" for i in range(rows)], "time": times, "comment": texts})


def test_new_words_are_told_of_logged_events_by_a_store_that_was_opened_again(tmp_path: Path) -> None:
    store = rt.open(tmp_path / "store")
    chosen = {"comment": ["words", "new_words", "cluster"]}
    store.register(
        "m", events(0, 6, 0.0, 0), id="id", time="time", kinds={"comment": "text"}, projections=chosen, window="1d"
    )
    again = rt.open(tmp_path / "store").model("m")
    again.log(pl.concat([events(6, 2, 0.0, 1), events(8, 1, 0.5, 2)]))
    found = {(v.column, v.window[0][:10]): v for v in again.check(now=NOW) if v.column and v.window}
    assert {column for column, _ in found} == {"comment.words", "comment.new_words", "comment.cluster"}
    told = found["comment.new_words", "1970-01-09"]
    assert told.alarm
    assert "% of words were never seen; normally 0 %" in told.reason
    assert not any(v.alarms for (_, day), v in found.items() if day < "1970-01-09")


def test_an_unknown_projection_is_refused_when_the_model_is_registered(tmp_path: Path) -> None:
    with pytest.raises(rt.SchemaError, match=r"unknown projection 'new_wrods'.*did you mean 'new_words'"):
        rt.open(tmp_path / "store").register(
            "m", events(0, 2, 0.0, 0), id="id", time="time", projections={"comment": ["new_wrods"]}
        )
