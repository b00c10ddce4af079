"""What is collected keeps its reasons and probabilities, and says of all that matched what all of them say."""

from __future__ import annotations

import polars as pl
import pytest
from tests.workspace.conftest import A_DAY, day, events, live, registered

import retrue as rt


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> rt.Model:
    model = registered(rt.open(tmp_path_factory.mktemp("collecting") / "store"))
    live(model, events(14, 5))
    return model


def test_a_budget_a_day_is_kept_on_every_day(model: rt.Model) -> None:
    found = model.collect("x > 0", policy="20 per day", name="daily")
    days = found.rows.group_by(pl.col("at").dt.date()).len()
    assert days["len"].to_list() == [20] * 5
    assert found.matched > 600
    assert found.rows["_probability"].is_between(0.08, 0.25).all()


def test_the_sample_says_of_all_what_all_say(model: rt.Model) -> None:
    whole = model.collect("x > 0", name="all").rows
    for policy in ("25 %", "150", "40 per day", "40 per day by benefit"):
        found = model.collect("x > 0", policy=policy)
        for asked, truth in (("x", whole["x"].mean()), ("city = 'JFK'", (whole["city"] == "JFK").mean())):
            said = found.mean(asked)
            assert said.value is not None
            assert said.interval is not None
            assert isinstance(truth, float)
            reach = (said.interval[1] - said.interval[0]) / 2
            assert abs(said.value - truth) < 2 * reach, (policy, asked)  # four standard errors
        total = found.total("TRUE")
        assert total.interval is not None
        assert total.interval[0] * 0.8 <= whole.height <= total.interval[1] * 1.2


def test_priority_takes_what_a_label_would_tell_most_about(model: rt.Model) -> None:
    plain = model.collect("TRUE", policy="30 per day")
    chosen = model.collect("TRUE", policy="30 per day by benefit")
    unsure = [(part.rows["p"] - 0.5).abs().mean() for part in (plain, chosen)]
    assert unsure[1] < unsure[0] - 0.03  # type: ignore[operator]
    assert chosen.rows["_probability"].n_unique() > 10


def test_rows_keep_their_reasons_through_the_store(model: rt.Model) -> None:
    model.collect(rt.signals.outlier(0.95) & rt.Slice.parse("x > 0"), name="odd")
    (kept,) = (one for one in model.collections() if one.name == "odd")
    assert kept.rows["_reasons"].to_list() == [["odd"]] * kept.rows.height
    assert kept.policy == "always"
    assert kept.rows["_probability"].to_list() == [1.0] * kept.rows.height


def test_an_expression_and_a_function_are_signals_and_combine(model: rt.Model) -> None:
    expression = rt.Slice.of(pl.col("x") > 1, name="large")
    function = rt.Slice.of(lambda table: table["city"] == "JFK", name="from JFK")
    found = model.collect(expression & ~function, name="large, not from JFK")
    assert (found.rows["x"].min(), "JFK" in found.rows["city"].to_list()) > (1.0, False)
    assert found.slice is None
    both, all_large = (
        model.collect(expression & function, name="f").matched,
        model.collect(expression, name="e").matched,
    )
    assert both + found.matched == all_large


def test_an_incident_s_guilty_slice_is_collected_under_its_name(store: rt.Workspace) -> None:
    model = registered(store)
    live(model, events(14, 3, turned=("JFK",)))
    model.check(day(17))
    incident = model.incidents()[0]
    found = model.collect(incident)
    assert found.incident == incident.id
    assert found.name == f"incident {incident.id}"
    assert (found.rows["city"] == "JFK").mean() > 0.9  # type: ignore[operator]
    assert model.collections()[0].incident == incident.id


def test_a_policy_by_what_isn_t_there_is_refused(model: rt.Model) -> None:
    with pytest.raises(rt.ConfigError, match="no column 'gone'"):
        model.collect("x > 0", policy="10 by gone")
    with pytest.raises(rt.ConfigError, match="column 'city' is String"):
        model.collect("x > 0", policy="10 by city")


def test_what_isn_t_there_is_named_with_the_derived_column_that_is_meant(model: rt.Model) -> None:
    """Wherever a slice may ask for derived columns; columns of the store's own aren't offered."""
    for ask in (model.collect, model.watch_signal, model.labelling.make):
        with pytest.raises(rt.SliceError, match=r"Hint: did you mean 'entropy_rank'") as caught:
            ask("entrpy_rank > 0.9")
        assert ", _" not in str(caught.value)


def test_nothing_that_matches_is_an_empty_collection(model: rt.Model) -> None:
    found = model.collect("x > 1e6", policy="10 per day by benefit")
    assert (found.rows.height, found.matched) == (0, 0)
    assert found.mean("x").value is None
    assert {"_reasons", "_probability"} <= set(found.rows.columns)


def test_a_model_without_ids_and_labels_can_be_collected_from(store: rt.Workspace) -> None:
    table = events(0, 14).drop("id", "y")
    model = store.register("plain", table, time="at", score="p", window="1d")
    model.log(events(14, 2).drop("id", "y"))
    first, again = (model.collect("x > 0", policy="10 per day").rows for _ in range(2))
    assert first.height == 20
    assert first.equals(again)
    assert model.collect(rt.signals.low_confidence(), policy="10 per day by entropy").rows.height <= 20
    with pytest.raises(rt.SliceError, match="expected_loss_rank can't be told"):
        model.collect(rt.signals.high_expected_loss())
    assert A_DAY == 300
