"""A cost says how far a metric moved, for better or worse, in the words of its unit."""

import pytest

from retrue.judge.cost import Cost


@pytest.mark.parametrize(
    ("cost", "said"),
    [
        (Cost("accuracy", -0.061, (-0.08, -0.05), False), "accuracy is 6 points lower (5 to 8)"),
        (Cost("accuracy", -0.061, (-0.08, -0.05), True), "accuracy is an estimated 6 points lower (5 to 8)"),
        (Cost("roc_auc", -0.0123, (-0.0153, -0.0093), False), "ROC AUC is 1.2 points lower (0.9 to 1.5)"),
        (Cost("mae", 3.25, (2.2, 4.3), False, 10.0), "MAE is 3 higher (2 to 4)"),
        (Cost("log_loss", 0.12, (0.1, 0.14), True), "log loss is an estimated 0.12 higher (0.10 to 0.14)"),
        (Cost("accuracy", -0.3, (-0.4, -0.2), False, slice="city = 'LGA'", share=0.2),
         "accuracy where city = 'LGA' is 30 points lower (20 to 40)"),
        (Cost("accuracy", -0.01, (-0.022, -0.001), False), "accuracy is 1 point lower (0 to 2)"),
        (Cost("accuracy", -0.01, None, True), "accuracy is an estimated 1.00 points lower"),
    ],
)  # fmt: skip
def test_it_is_said_in_points_or_units(cost: Cost, said: str) -> None:
    """The digits are those that the interval supports."""
    assert cost.words() == said


def test_what_is_over_was() -> None:
    assert Cost("accuracy", -0.061, (-0.08, -0.05), False).words(over=True) == "accuracy was 6 points lower (5 to 8)"


def test_a_loss_is_positive_whichever_way_the_metric_counts() -> None:
    assert Cost("accuracy", -0.06, (-0.08, -0.04), False).loss == (0.04, 0.08)
    assert Cost("mae", 3.0, (2.0, 4.0), False).loss == (2.0, 4.0)


def test_only_the_near_end_is_certain_and_only_of_the_rows_it_is_about() -> None:
    """8 points lost on a fifth of the traffic are 1.6 of all; a gain costs nothing."""
    assert Cost("accuracy", -0.1, (-0.12, -0.08), False, share=0.2).certain == pytest.approx(0.016)
    assert Cost("accuracy", 0.1, (0.08, 0.12), False).certain == 0
    assert not Cost("accuracy", -0.01, (-0.03, 0.01), False).told


def test_a_metric_that_is_not_registered_here_still_reads() -> None:
    cost = Cost("somebodys_own", -0.5, (-0.6, -0.4), False, 2.0)
    assert cost.words() == "somebodys own is 0.5 lower (0.4 to 0.6)"
    assert cost.worth == pytest.approx(0.1)


def test_it_goes_through_plain_values_and_back() -> None:
    for cost in (Cost("mae", 3.0, (2.0, 4.0), False, 10.0, "x > 1", 0.3), Cost("f1", -0.1, None, True)):
        assert Cost.from_dict(cost.to_dict()) == cost


def test_a_change_that_rounds_to_nothing_is_no_change() -> None:
    """Not "0 points lower"."""
    assert Cost("accuracy", -0.001, (-0.03, 0.028), False).words() == "accuracy is as before"
    assert Cost("accuracy", -0.001, (-0.03, 0.028), True).words(over=True) == "accuracy was, by an estimate, as before"
    assert (
        Cost("accuracy", -0.001, (-0.003, 0.001), False, slice="a = 1")
        .words()
        .startswith("accuracy where a = 1 is 0.1")
    )
