"""Which features: broken first, then what costs most, then what surprises most."""

from retrue.estimate.impact import Impact
from retrue.explain.features import rank_features
from retrue.judge.verdict import Verdict, VerdictKind

K = VerdictKind


def drift(column: str, value: float) -> Verdict:
    return Verdict(K.DRIFTING, "moved", metric="ks", column=column, value=value, threshold=0.1)


def cost(value: float, reach: float = 0.01) -> Impact:
    return Impact(value, (value - reach, value + reach), "accuracy", "higher", 0.0, 0.0)


def names(*verdicts: Verdict, costs: dict[str, Impact] | None = None, all_columns: bool = False) -> list[str]:
    return [feature.column for feature in rank_features(verdicts, costs, all_columns=all_columns)]


def test_what_costs_most_comes_before_what_moves_most() -> None:
    costs = {"ANC": cost(0.0), "RELP": cost(-0.07)}
    assert names(drift("ANC", 0.9), drift("RELP", 0.3), costs=costs) == ["RELP", "ANC"]


def test_without_costs_surprise_decides() -> None:
    assert names(drift("a", 0.2), drift("b", 0.9)) == ["b", "a"]


def test_broken_data_comes_first() -> None:
    assert names(drift("a", 0.9), Verdict(K.BROKEN, "missing", column="b")) == ["b", "a"]


def test_calm_columns_and_verdicts_about_the_model_are_left_out_unless_asked_for() -> None:
    verdicts = [Verdict(K.TRUE, "", column="a"), Verdict(K.DEGRADED, "worse"), drift("b", 0.2)]
    assert names(*verdicts) == ["b"]
    assert names(*verdicts, all_columns=True) == ["b", "a"]


def test_a_column_is_listed_once_by_its_worst_verdict() -> None:
    (feature,) = rank_features([drift("a", 0.2), drift("a", 0.5)])
    assert feature.surprise == 5
    assert feature.certain_loss == 0


def test_what_the_model_made_comes_after_the_features_whatever_it_costs() -> None:
    """A score moves because features do: it is last, unless it is broken."""
    ranked = rank_features([drift("p", 0.9), drift("x", 0.2)], {"p": cost(-0.5)}, outputs=["p"])
    assert [(one.column, one.output) for one in ranked] == [("x", False), ("p", True)]
