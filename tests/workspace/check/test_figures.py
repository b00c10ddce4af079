"""Figures by window and slice: of events, of feedback, of a dated table."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import retrue as rt

START = datetime(2026, 1, 5, tzinfo=UTC)
EVENTS = pl.DataFrame(
    {
        "id": [f"e{i}" for i in range(240)],
        "at": [START + timedelta(minutes=12 * i) for i in range(240)],  # 120 a day, for two days
        "shop": ["north" if i % 3 else "south" for i in range(240)],
        "price": [float(i % 10) for i in range(240)],
    }
)


@pytest.fixture
def model(tmp_path: Path) -> rt.Model:
    """A model with two days of events and feedback on every fourth of them."""
    store = rt.open(tmp_path / "store")
    model = store.register("m", reference=EVENTS, id="id", time="at", slices=["shop"], window="1d")
    model.log(EVENTS)
    model.feedback(EVENTS[::4].select("id", bought=pl.int_range(60) % 2 == 0, spent=pl.lit(3.0)))
    return model


def of_all(found: pl.DataFrame) -> pl.DataFrame:
    """The rows about all events."""
    return found.filter(pl.col("slice").is_null()).sort("window")


def test_a_column_of_the_events_is_a_figure_by_window_and_slice(model: rt.Model) -> None:
    """Means agree with a plain group-by."""
    found = model.figures("price")
    assert of_all(found)["value"].to_list() == [4.5, 4.5]
    assert of_all(found)["n"].to_list() == [120, 120]
    south = found.filter(pl.col("slice") == "shop = 'south'")
    by_hand = EVENTS.filter(pl.col("shop") == "south")[:40]["price"].mean()
    assert south.sort("window")["value"][0] == pytest.approx(by_hand)
    assert (found["low"] < found["value"]).all()


def test_feedback_counts_in_the_window_of_its_event(model: rt.Model) -> None:
    """30 events a day have feedback, half of them bought."""
    assert of_all(model.figures("bought", of="feedback", how="rate"))["value"].to_list() == [0.5, 0.5]
    assert of_all(model.figures("spent", of="feedback", how="total"))["value"].to_list() == [90.0, 90.0]
    assert of_all(model.figures("spent", of="feedback", how="count"))["n"].to_list() == [30, 30]


def test_a_dated_table_falls_into_the_same_windows(model: rt.Model) -> None:
    """Its own times decide, naive ones in the model's time zone."""
    till = pl.DataFrame({"day": [datetime(2026, 1, 5, 9), datetime(2026, 1, 6, 9)], "revenue": [100, 200]})
    found = model.figures("revenue", of=till, how="total", time="day")
    assert of_all(found).select("window", "value").rows() == [
        ("2026-01-05T00:00:00+00:00", 100.0),
        ("2026-01-06T00:00:00+00:00", 200.0),
    ]


def test_what_is_not_there_is_said(model: rt.Model) -> None:
    """An unknown column, an unknown way to count, a table without a time."""
    with pytest.raises(rt.SchemaError, match="did you mean 'price'"):
        model.figures("prise")
    with pytest.raises(rt.SchemaError, match="unknown way to count"):
        model.figures("price", how="median")  # type: ignore[arg-type]
    with pytest.raises(rt.SchemaError, match="needs a time column"):
        model.figures("x", of=pl.DataFrame({"x": [1]}))
