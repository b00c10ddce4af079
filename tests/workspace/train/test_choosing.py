"""What may be trained on: nothing that knows the future, nothing that early labels bent, nothing from the holdout."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.workspace.conftest import A_DAY, day, events, live, registered
from tests.workspace.train.test_training import LEARNER

import retrue as rt
from retrue.judge.words import percent
from retrue.refine.leaks import foretelling
from retrue.server.pages.run_evidence import early_rows

HOTELS = Path(__file__).parents[4] / "shared" / "data" / "hotel_bookings" / "data.parquet"


def with_column(first: int, days: int, values: Any) -> pl.DataFrame:
    """The small world's events with one more column."""
    return events(first, days).with_columns(late=values)


def test_a_column_that_knows_the_label_is_refused_unless_it_is_trusted(store: rt.Workspace) -> None:
    """As `reservation_status` would, beside `is_canceled`."""
    model = registered(store, with_column(0, 14, pl.col("y") * 10 + 1), maturity="2d")
    live(model, with_column(14, 10, pl.col("y") * 10 + 1))
    with pytest.raises(rt.RefusedError, match="not trained: column 'late' knows the label") as refused:
        model.retrain(LEARNER, mix=rt.Mix({model.logged(): 1.0}), holdout="2d", now=day(24))
    assert len(refused.value.reasons) == 1
    assert "alone it explains 100 % of what a guess gets wrong" in refused.value.reasons[0]
    trusted = rt.Mix({model.logged(): 1.0}, trusted=["late"])
    assert model.retrain(LEARNER, mix=trusted, holdout="2d", now=day(24)).status == "trained"


def test_a_column_that_only_the_log_fills_in_afterwards_is_refused_in_any_mix(store: rt.Workspace) -> None:
    """Half of the mix is clean, which hides it from who looks at the whole."""
    model = registered(store, with_column(0, 14, pl.col("x") * 0 + 1), maturity="2d")
    live(model, with_column(14, 10, pl.col("y") * 10.0 + 1))
    mix = rt.Mix({model.reference: 0.5, model.logged(): 0.5})
    with pytest.raises(rt.RefusedError, match="column 'late' knows the label") as refused:
        model.retrain(LEARNER, mix=mix, holdout="2d", now=day(24))
    assert len(refused.value.reasons) == 1


def test_an_id_that_comes_again_and_again_names_no_event(store: rt.Workspace) -> None:
    """Customers are scored once a day: each event keeps its own label, and no customer is left out for a later one."""
    model = registered(store, maturity="2d")
    table = events(14, 10).with_columns(id="customer " + (pl.int_range(pl.len()) % A_DAY).cast(pl.String))
    for one in range(10):
        live(model, table[one * A_DAY : (one + 1) * A_DAY])
    run = model.retrain(LEARNER, mix=rt.Mix({model.logged(): 1.0}), holdout="2d", now=day(26))
    trained = pl.read_parquet(run.folder / "training.parquet")
    assert trained.height == pytest.approx(8 * A_DAY, abs=2)
    own = trained.join(table, on=["id", "at"], how="left", suffix="_own")
    assert (own["y"] == own["y_own"]).all()
    left = {"not matured, or held out": 10 * A_DAY - trained.height}
    assert (run.rebuild().same, run.manifest["left_out"]) == (True, left)


@pytest.mark.parametrize("unit", ["naive", "ms"])
def test_the_cut_holds_for_times_of_any_type(store: rt.Workspace, unit: str) -> None:
    model = registered(store, maturity="2d")
    live(model, events(14, 10))
    at = pl.col("at").dt.replace_time_zone(None) if unit == "naive" else pl.col("at").cast(pl.Datetime("ms", "UTC"))
    brought = type("Brought", (), {"name": "b", "frame": events(14, 10).with_columns(at, id="b" + pl.col("id"))})()
    run = model.retrain(LEARNER, mix=rt.Mix([(brought, 1.0)]), holdout="2d", now=day(26))
    assert run.manifest["rows"] == pytest.approx(8 * A_DAY, abs=2)


@pytest.mark.parametrize("holdout", [1.5, -0.5, 0, 1, float("nan"), "0d"])
def test_a_holdout_that_is_none_is_refused(store: rt.Workspace, holdout: Any) -> None:
    model = registered(store, maturity="2d")
    with pytest.raises(rt.ConfigError, match="a share between 0 and 1, a length of time, or 'newest'"):
        model.retrain(LEARNER, mix=rt.Mix({model.reference: 1.0}), holdout=holdout)


@pytest.mark.parametrize("draw", ["normal", "exponential", "lognormal"])
@pytest.mark.parametrize("rows", [400, 20_000])
def test_a_copy_of_a_number_that_is_to_be_foretold_knows_it(draw: str, rows: int) -> None:
    """However far its greatest values are out; what is measured with some noise doesn't."""
    rng = np.random.default_rng(0)
    label = getattr(rng, draw)(size=rows)
    table = pl.DataFrame(
        {"copy": label, "unit": 3 - 2 * label, "near": label + rng.normal(0, 0.05 * label.std(), rows), "y": label}
    )
    assert [name for name, _ in foretelling(table, ["copy", "unit", "near"], "y", regression=True)] == ["copy", "unit"]


def test_a_column_that_the_log_doesnt_have_is_refused(store: rt.Workspace) -> None:
    """The reference was exported afterwards, with all that became known."""
    noise = pl.Series(np.random.default_rng(0).normal(size=14 * A_DAY))
    model = registered(store, with_column(0, 14, noise), maturity="2d")
    live(model, with_column(14, 10, pl.lit(None, pl.Float64)))
    mix = rt.Mix({model.reference: 0.5, model.logged(): 0.5})
    with pytest.raises(rt.RefusedError, match="column 'late' is not there when the model predicts") as refused:
        model.retrain(LEARNER, mix=mix, holdout="2d", now=day(24))
    assert "100 % of the rows of 'reference of version 1' have it, and 0 % of the logged events" in str(refused.value)


def test_rows_later_than_the_cut_are_left_out_and_told(store: rt.Workspace) -> None:
    """Even those that were never logged, and so have no id in the holdout."""
    model = registered(store, maturity="2d")
    live(model, events(14, 10))
    brought = type("Brought", (), {"name": "b", "frame": events(18, 12).with_columns(id="b" + pl.col("id"))})()
    run = model.retrain(LEARNER, mix=rt.Mix([(brought, 1.0)]), holdout="2d", now=day(24))
    assert run.manifest["left_out"] == {"too late": 12 * A_DAY - run.manifest["rows"]}
    assert run.manifest["rows"] == pytest.approx(2 * A_DAY, abs=2)
    assert run.body["early"]["why"] == "no logged event is learned from"


def slow_truth(model: rt.Model, *, told: float) -> None:
    """Events of 40 days; a label of 1 comes after 2 days, one of 0 after 20."""
    table = events(14, 40).with_columns(delay=pl.when(pl.col("y") == 1).then(2.0).otherwise(20.0))
    model.log(table.drop("y", "delay"), at=day(54))
    for number in range(14, 54, 4):
        for delay in (2.0, 20.0):
            rows = table.filter((pl.col("delay") == delay) & pl.col("at").is_between(day(number), day(number + 4)))
            if number + 4 + delay <= told:
                model.label(rows.select("id", "y"), at=day(number + 4 + delay))


def test_early_labels_are_measured_and_refused(store: rt.Workspace) -> None:
    """Of events of the last three weeks only the ones are known: all labels so far say too many are."""
    model = registered(store, maturity="0s")
    slow_truth(model, told=54)
    with pytest.raises(rt.RefusedError, match="not trained: early labels mislead: of") as refused:
        model.retrain(LEARNER, mix=rt.Mix({model.logged(): 1.0}), holdout="5d", now=day(54))
    assert "register with a longer maturity" in str(refused.value)


def test_few_labels_that_come_at_random_are_no_early_labels(store: rt.Workspace) -> None:
    """Every third event is looked at, whatever its label: nothing is bent, and what was measured is kept and shown."""
    model, table = registered(store, maturity="0s"), events(14, 20)
    model.log(table.drop("y"), at=day(34))
    for number in range(14, 30, 4):
        rows = table.filter(pl.col("at").is_between(day(number), day(number + 4)) & (pl.col("x").rank() % 3 == 0))
        model.label(rows.select("id", "y"), at=day(number + 5))
    run = model.retrain(LEARNER, mix=rt.Mix({model.logged(): 1.0}), holdout="108h", now=day(34))
    assert run.status == "trained"
    (told,) = run.body["early"]["measured"]
    known = table.filter((pl.col("at") <= day(30)) & (pl.col("x").rank() % 3 == 0))
    assert (told["what"], told["rows"]) == ("1", known.height)
    assert told["known"] == pytest.approx(known["y"].mean())
    assert told["interval"][0] < told["known"] - told["weighted"] < told["interval"][1]
    assert not told["bent"]
    proof = run.prove()
    assert proof.to_dict()["early"] == run.body["early"]
    assert f"Early labels: {told['said']}." in " ".join(str(proof).split())
    (row,) = early_rows(run.body["early"])
    assert (row.what, row.rows, row.known) == ("1", f"{known.height:,}", percent(told["known"]))
    assert row.difference.endswith(" points")


BOOKED = ["lead_time", "adr", "hotel", "deposit_type", "market_segment", "customer_type", "adults", "meal"]


QUARTERS = [
    datetime.fromisoformat(f"{day}T00:00:00+00:00") for day in ("2015-10-01", "2016-01-01", "2016-04-01", "2016-07-01")
]
"""Those that the copy's bookings reach."""


def hotels() -> pl.DataFrame:
    """Every tenth booking of the file since 2015-07-01, in the order of booking, by the week in which it was made.

    A lake has a file for each day: weeks cost a seventh.
    """
    if not HOTELS.exists():
        pytest.skip("needs the hotel bookings of shared/data")
    dates = ["booking_date", "arrival_date", "label_date"]
    table = pl.read_parquet(HOTELS, columns=[*dates, "is_canceled", *BOOKED])
    table = table.filter(pl.col("booking_date") >= datetime(2015, 7, 1)).sort("booking_date", maintain_order=True)
    utc = [pl.col(name).cast(pl.Datetime("us")).dt.replace_time_zone("UTC") for name in dates]
    table = table.gather_every(10).with_columns(*utc).with_columns(pl.col("booking_date").dt.truncate("1w"))
    return table.with_columns(id=pl.int_range(pl.len()).cast(pl.String))


def hotel_learner() -> Any:
    """Boosted trees on what is known when a room is booked."""
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    words = ["hotel", "deposit_type", "market_segment", "customer_type", "meal"]
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer((codes, words), remainder="passthrough")
    return make_pipeline(columns, HistGradientBoostingClassifier(max_iter=20, early_stopping=False, random_state=0))


LEARNER_OF_HOTELS = rt.Trainer(hotel_learner(), isolated=False)


def cancelled(learner: Any, table: pl.DataFrame) -> pl.Series:
    """How probable a model finds it, as `p`."""
    return pl.Series("p", learner.predict_proba(table.select(BOOKED))[:, 1])


def first_scores(arrived: pl.DataFrame) -> pl.DataFrame:
    """The first model's rows, each third scored by what the others teach."""
    parts = [arrived[rows] for rows in np.array_split(np.arange(arrived.height), 3)]
    scored = [
        part.with_columns(cancelled(fitted(pl.concat([*parts[:i], *parts[i + 1 :]])), part))
        for i, part in enumerate(parts)
    ]
    return pl.concat(scored)


def fitted(table: pl.DataFrame) -> Any:
    """A model of these bookings."""
    return hotel_learner().fit(table.select(BOOKED), table["is_canceled"])


@dataclass
class Hotels:
    """A model of hotels that is scored, labelled and retrained at quarter starts.

    Attributes:
        model: in the store; champion: what scores for it.
        said: what became of each retraining; gains: of those that were promoted, the gain in ROC AUC a quarter later.
    """

    table: pl.DataFrame
    model: rt.Model
    champion: Any
    said: list[str] = field(default_factory=list)
    gains: list[float] = field(default_factory=list)

    def quarter(self, before: datetime, now: datetime, history: pl.DataFrame) -> None:
        """Log and label what came, and retrain."""
        made = self.made(before, now)
        scores = made.with_columns(cancelled(self.champion, made))
        scores = scores.join(history.select("id", own="p"), on="id", how="left", maintain_order="left")
        columns = ["id", "booking_date", *BOOKED, pl.coalesce("own", "p").alias("p")]
        self.model.log(scores.select(columns), at=now)
        due = self.table.filter((pl.col("label_date") >= before) & (pl.col("label_date") < now))
        for (on,), rows in due.group_by(pl.col("label_date").dt.truncate("30d"), maintain_order=True):
            assert isinstance(on, datetime)
            self.model.label(rows.select("id", "is_canceled"), at=min(on + timedelta(days=15), now))
        self.said.append(self.retrained(now))

    def retrained(self, now: datetime) -> str:
        """Retrain, prove, and promote what is better."""
        try:
            run = self.model.retrain(LEARNER_OF_HOTELS, mix=rt.Mix({self.model.logged(): 1.0}), now=now)
        except rt.RefusedError as error:
            return str(error)
        proof = run.prove()
        if not proof.passed:
            return f"trained, not promoted: {'; '.join(proof.reasons)}"
        coming = self.made(now, now + timedelta(days=91))
        if coming.height:  # the copy ends with the last quarter
            after, had = (self.auc(one, coming) for one in (run.challenger, self.champion))
            self.gains.append(after - had)
        run.promote(now=now)
        self.champion = run.challenger
        return "promoted"

    def made(self, since: datetime, until: datetime) -> pl.DataFrame:
        """The bookings of a time."""
        return self.table.filter(pl.col("booking_date").is_between(since, until, closed="left"))

    def auc(self, learner: Any, rows: pl.DataFrame) -> float:
        """ROC AUC by the final labels."""
        from sklearn.metrics import roc_auc_score

        return float(roc_auc_score(rows["is_canceled"], cancelled(learner, rows)))


@pytest.mark.slow
def test_hotel_bookings_early_labels_are_refused_and_matured_cohorts_are_not(tmp_path: Path) -> None:
    """At each quarter start, on all labels known so far: refused with the numbers. On matured cohorts: never as bent.

    The first model learned from what had arrived by October 2015; what takes its place is better a quarter later.
    """
    table = hotels()
    known = first_scores(table.filter(pl.col("arrival_date") < QUARTERS[0]))
    reference = known.select(pl.format("r{}", "id").alias("id"), "booking_date", "is_canceled", "p", *BOOKED)
    roles: dict[str, Any] = {"id": "id", "time": "booking_date", "label": "is_canceled", "score": "p", "window": "4w"}
    first = fitted(known)
    with rt.open(tmp_path / "store") as store:
        every, matured = (
            Hotels(
                table, store.register(name, reference, **roles, maturity=told, features=BOOKED, estimate="off"), first
            )
            for name, told in (("every-label", "0s"), ("matured", None))
        )
        before = datetime.fromisoformat("2015-06-29T00:00:00+00:00")
        for now in QUARTERS:
            every.quarter(before, now, known)
            matured.quarter(before, now, known)
            before = now
    assert [one.count("early labels mislead: of ") for one in every.said] == [1] * 4, every.said
    assert "no label has matured: 43 % of 1,328 events have one" in matured.said[0], "of July a half is still to come"
    assert not [one for one in matured.said if "mislead" in one or "have a label" in one], matured.said
    assert [one.partition(":")[0] for one in matured.said[1:]] == [*["trained, not promoted"] * 2, "promoted"]
    assert all(gain > 0 for gain in matured.gains), matured.gains
