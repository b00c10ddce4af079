"""Between groups: gaps and ratios of any metric of outcomes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.errors import MetricError
from retrue.judge.words import metric_name
from retrue.metrics import Measure, get, registered
from retrue.metrics.groups import gap, ratio
from retrue.metrics.performance.arrays import binary

shares = st.dictionaries(st.text(min_size=1, max_size=3), st.floats(0.01, 1), min_size=2, max_size=8)


@given(shares)
def test_gap_and_ratio_are_those_of_the_two_groups_that_are_farthest_apart(values: dict[str, float]) -> None:
    groups = {name: Measure(value) for name, value in values.items()}
    assert gap(groups).value == pytest.approx(max(values.values()) - min(values.values()))
    assert ratio(groups).value == pytest.approx(min(values.values()) / max(values.values()))


@given(st.floats(0, 1), st.integers(2, 6))
def test_groups_that_are_alike_have_no_gap(value: float, n: int) -> None:
    groups = {str(i): Measure(value, interval=(value, value)) for i in range(n)}
    assert gap(groups).value == 0
    assert ratio(groups).value == (1 if value > 0 else None)


def test_the_interval_of_a_gap_holds_the_truth_in_95_of_100_cases() -> None:
    """Two groups of 200 rows that are right 80 % and 60 % of the time."""
    random, inside = np.random.default_rng(5), 0
    accuracy = get("accuracy").compute
    for _ in range(400):
        right = random.random((2, 200)) < [[0.8], [0.6]]
        found = gap({str(i): accuracy(binary(right[i].astype(int), predictions=[1] * 200)) for i in (0, 1)})
        assert found.interval is not None
        inside += found.interval[0] <= 0.2 <= found.interval[1]
    assert 0.92 * 400 <= inside <= 0.98 * 400


def test_the_interval_of_a_ratio_holds_the_truth_in_95_of_100_cases() -> None:
    random, inside = np.random.default_rng(6), 0
    accuracy = get("accuracy").compute
    for _ in range(400):
        right = random.random((2, 200)) < [[0.8], [0.6]]
        found = ratio({str(i): accuracy(binary(right[i].astype(int), predictions=[1] * 200)) for i in (0, 1)})
        assert found.interval is not None
        inside += found.interval[0] <= 0.75 <= found.interval[1]
    assert 0.92 * 400 <= inside <= 0.985 * 400


def test_a_group_without_a_value_is_left_out_and_named() -> None:
    found = gap({"a": Measure(0.5), "b": Measure(0.7), "c": Measure(None, note="12 rows, needs 50")})
    assert found.value == pytest.approx(0.2)
    assert found.note == "without c: too few rows"
    assert found.names == (("a", 0.5), ("b", 0.7))


@pytest.mark.parametrize("compare", [gap, ratio])
def test_one_group_is_no_comparison(compare: object) -> None:
    assert callable(compare)
    found = compare({"a": Measure(0.5), "b": Measure(None, note="12 rows, needs 50")})
    assert (found.value, found.note) == (None, "needs two groups, 1 can be measured (b: 12 rows, needs 50)")
    assert compare({}).note == "needs two groups, 0 can be measured (there is one group)"


def test_a_ratio_of_nothing_or_of_negative_values_is_none() -> None:
    assert ratio({"a": Measure(0.0), "b": Measure(0.0)}).value is None
    assert ratio({"a": Measure(-1.0), "b": Measure(2.0)}).note == "no ratio of -1 to 2"
    assert ratio({"a": Measure(0.0, interval=(0.0, 0.1)), "b": Measure(0.5, interval=(0.4, 0.6))}).value == 0


@pytest.mark.parametrize("name", [metric.name for metric in registered(of="outcome")])
def test_every_metric_of_outcomes_has_a_gap_and_a_ratio(name: str) -> None:
    assert (get(f"{name}_gap").of, get(f"{name}_gap").better) == ("groups", "lower")
    assert (get(f"{name}_ratio").better, get(f"estimated_{name}_ratio").family) == ("higher", "fairness")


def test_other_metrics_have_none() -> None:
    with pytest.raises(MetricError, match="metric of performance, which 'psi' isn't"):
        get("psi_gap")


def test_they_have_names_that_people_read() -> None:
    assert metric_name("precision_gap@0.3") == "gap in precision at 0.3"
    assert metric_name("selection_rate_ratio") == "ratio of selection rate"
