"""A registered model looks at texts through projections that learned from its reference, in the store and out of it."""

from __future__ import annotations

import base64
import datetime as dt
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.conftest import needed

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


def pictures(day: int, *, dark: bool = False) -> pl.DataFrame:
    """150 grey pictures of 8 x 8 pixels."""
    rng = np.random.default_rng(day)
    grey = rng.normal(0.25 if dark else 0.6, 0.1, (150, 8, 8)).clip(0, 1).astype(np.float32)
    times = pl.from_epoch(pl.Series(day * 86_400 + np.arange(150)))
    looks = pl.Series(grey, dtype=pl.Array(pl.Float32, (8, 8)))
    return pl.DataFrame({"id": [f"{day}-{i}" for i in range(150)], "time": times, "picture": looks})


def test_pictures_are_logged_as_arrays_as_lists_and_as_numpy_arrays_in_rows(tmp_path: Path) -> None:
    """What JSON makes of an array isn't another type, and pictures in rows x columns are kept as they are."""
    model = rt.open(tmp_path / "store").register(
        "m", pl.concat([pictures(day) for day in range(6)]), id="id", time="time", window="1d"
    )
    lists = pictures(7).to_dicts()
    arrays = [{**row, "picture": np.asarray(row["picture"])} for row in pictures(8, dark=True).to_dicts()]
    for batch in (pictures(6), lists, arrays):
        told = model.log(batch)
        assert (told.accepted, told.quarantined, told.changes) == (150, 0, ())
    kept = model.events().filter(pl.col("id") == "6-3").collect()["picture"][0].to_list()
    np.testing.assert_allclose(kept, pictures(6)["picture"].to_list()[3])
    alarms = {
        (one.column, one.window[0][:10]) for one in model.check(now=NOW) if one.alarms and one.column and one.window
    }
    assert alarms
    assert {day for _, day in alarms} == {"1970-01-09"}
    assert all(column.startswith("picture.") for column, _ in alarms)


def files(day: int, *, dark: bool = False) -> pl.DataFrame:
    """The same as PNG."""
    image, table = needed("PIL.Image"), pictures(day, dark=dark)
    made = []
    for one in table["picture"].to_numpy():
        image.fromarray((one * 255).astype(np.uint8)).save(kept := BytesIO(), "PNG")
        made.append(kept.getvalue())
    return table.with_columns(picture=pl.Series(made, dtype=pl.Binary))


def test_pictures_are_logged_as_files_and_as_their_base64_and_shown(tmp_path: Path) -> None:
    """They stay bytes, in open tables and in training, and JSON's text for them isn't another type."""
    model = rt.open(tmp_path / "store").register(
        "m", pl.concat([files(day) for day in range(6)]), id="id", time="time", window="1d"
    )
    texts = files(7).with_columns(pl.col("picture").bin.encode("base64")).to_dicts()
    heads = [{**row, "picture": f"data:image/png;base64,{row['picture']}"} for row in texts[:75]]
    for batch in (files(6), heads + texts[75:], files(8, dark=True)):
        told = model.log(batch)
        assert (told.accepted, told.quarantined, told.changes) == (150, 0, ())
    assert model.log(files(7)).counts["events repeated"] == 150
    kept = model.events().filter(pl.col("id").is_in(["6-3", "7-3", "7-100"])).sort("id").collect()["picture"].to_list()
    assert kept == [files(6)["picture"][3], files(7)["picture"][100], files(7)["picture"][3]]
    alarms = {
        (one.column, one.window[0][:10]) for one in model.check(now=NOW) if one.alarms and one.column and one.window
    }
    assert ("picture.brightness", "1970-01-09") in alarms
    assert {day for _, day in alarms} == {"1970-01-09"}
    explained = model.incidents()[0].explain()
    assert explained.to_html().count('src="data:image/png;base64,') >= len(explained.examples) > 0
    assert "PNG of " in str(explained)
    assert base64.b64decode(explained.to_dict()["examples"][0]["picture"]).startswith(b"\x89PNG")


def test_text_that_is_no_picture_is_set_aside_and_let_in_when_it_is_mended(tmp_path: Path) -> None:
    model = rt.open(tmp_path / "store").register("m", files(0), id="id", time="time", window="1d")
    good = files(1).row(0, named=True)
    told = model.log([{**good, "picture": "no picture"}, {**good, "id": None}])
    assert told.reasons == {
        "wrong type: column 'picture' expected bytes (base64 where they are text)": 1, "missing id": 1,
    }  # fmt: skip
    aside = model.quarantine().sort("reason")
    number = aside["number"].to_list()
    assert base64.b64encode(good["picture"]).decode() in aside["row"][0]
    mended = {**good, "time": good["time"].isoformat(), "picture": base64.b64encode(good["picture"]).decode()}
    assert model.replay({number[1]: mended}).accepted == 1
    assert model.events().collect()["picture"].to_list() == [good["picture"]]


@pytest.mark.parametrize("embedded", [True, False])
def test_fractions_are_kept_or_told_where_the_reference_had_whole_numbers(tmp_path: Path, embedded: bool) -> None:
    """An embedding is of numbers, as they come; of lists of whole numbers, which are none, nothing is cut off."""
    times = [NOW - dt.timedelta(days=9, minutes=minute) for minute in range(100)]
    kind: pl.DataType = pl.Array(pl.Int64, 2) if embedded else pl.List(pl.Int64)
    vectors = pl.Series([[minute % 7, minute % 3] for minute in range(100)], dtype=kind)
    table = pl.DataFrame({"id": [str(one) for one in range(100)], "time": times, "vector": vectors})
    model = rt.open(tmp_path / "store").register("m", table, id="id", time="time")
    row = {"id": "new", "time": NOW - dt.timedelta(days=1), "vector": [0.5, 0.25]}
    told = model.log([row, {**row, "id": "whole", "vector": [2.0, 3.0]}], at=NOW)
    kept = model.events().sort("id").collect()["vector"].to_list()
    if embedded:
        assert (told.accepted, kept) == (2, [[0.5, 0.25], [2.0, 3.0]])
    else:
        assert told.reasons == {"wrong type: column 'vector' expected List(Int64)": 1}
        assert kept == [[2, 3]]
