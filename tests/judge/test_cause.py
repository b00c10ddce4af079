"""A cause names the guilty rows and what is odd about them; a search isn't made again for each window."""

import pytest

from retrue.judge.cause import Cause, Search


@pytest.mark.parametrize(
    ("cause", "now", "then"),
    [
        (Cause("RELP IN (16, 17)", "share", 0.92, (0.9, 0.94), 0.07),
         "92 % of rows are now RELP in {16, 17}; normally 7 %",
         "92 % of rows were RELP in {16, 17}; normally 7 %"),
        (Cause("city = 'JFK'", "share", 0.02, (0.01, 0.03), 0.5),
         "only 2 % of rows are now city = 'JFK'; normally 50 %",
         "only 2 % of rows were city = 'JFK'; normally 50 %"),
        (Cause("city = 'JFK'", "share", 0.0, (0.0, 0.01), 0.5),
         "no rows are now city = 'JFK'; normally 50 %",
         "no rows were city = 'JFK'; normally 50 %"),
        (Cause("city = 'LGA'", "loss", 0.3, (0.2, 0.4), 0.3, (0.16, 0.82), "accuracy"),
         "most where city = 'LGA': 82 % of predictions are wrong there; normally 16 %",
         "most where city = 'LGA': 82 % of predictions were wrong there; normally 16 %"),
        (Cause("city = 'LGA'", "loss", 0.3, (0.2, 0.4), 0.3, (3.1, 5.3), "mae"),
         "most where city = 'LGA': MAE there is 5.30; normally 3.10",
         "most where city = 'LGA': MAE there was 5.30; normally 3.10"),
        (Cause("city = 'LGA'", "loss", 0.3, (0.2, 0.4), 0.3, (0.378, 0.646), "ndcg"),
         "most where city = 'LGA': NDCG there is 0.354; normally 0.622",
         "most where city = 'LGA': NDCG there was 0.354; normally 0.622"),
    ],
)  # fmt: skip
def test_it_is_said_in_words(cause: Cause, now: str, then: str) -> None:
    assert (cause.words(), cause.words(over=True)) == (now, then)


def test_a_slice_that_no_longer_parses_is_shown_as_it_is() -> None:
    """What a store holds may come from a later version."""
    cause = Cause("NEWER(x) = 3", "share", 0.5, (0.4, 0.6), 0.1)
    assert (cause.rows, cause.columns) == ("NEWER(x) = 3", frozenset())


def test_it_matters_where_it_accounts_for_a_quarter_of_the_loss() -> None:
    told = [Cause("a = 1", "share", 0.5, (0.4, 0.6), 0.1, explains=part).matters for part in (0.3, 0.2, -0.1, None)]
    assert told == [True, False, False, False]


def test_a_search_is_made_again_only_where_there_is_materially_more_to_see() -> None:
    seen = Search(2, 3.0, "drifting")
    assert not seen.outdated(Search(7, 4.0, "drifting"))
    assert seen.outdated(Search(8, 3.0, "drifting"))
    assert seen.outdated(Search(2, 4.6, "drifting"))
    assert seen.outdated(Search(2, 3.0, "degraded"))


def test_it_goes_through_plain_values_and_back() -> None:
    for loss in (None, (0.1, 0.2)):
        cause = Cause("a = 1", "share", 0.5, (0.4, 0.6), 0.1, loss, "accuracy", 0.4)
        assert Cause.from_dict(cause.to_dict()) == cause
