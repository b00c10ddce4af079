"""What is known of columns decides which alarms are one incident; what isn't known stays as it was."""

from retrue.judge.bonds import Bonds, Shared, pair

DAY = "2026-03-01"


def test_columns_are_tied_by_the_reference_or_by_the_rows_of_a_window() -> None:
    bonds = Bonds({pair("a", "b"): 0.6, pair("a", "c"): 0.1},
                  (Shared(DAY, frozenset("cde"), frozenset("cde"), frozenset({pair("c", "d")})),))  # fmt: skip
    assert bonds.tied("b", "a") is True
    assert bonds.tied("c", "d", {DAY}) is True
    assert bonds.tied("c", "e", {DAY}) is False
    assert bonds.tied("c", "d", {"2026-03-02"}) is None
    assert bonds.tied("a", "c", {DAY}) is None


def test_columns_that_could_not_be_compared_are_tied_only_where_rows_say_so() -> None:
    told = Shared(DAY, frozenset("xyp"), frozenset("xy"), frozenset({pair("x", "p")}))
    bonds = Bonds({}, (told,))
    assert (bonds.tied("x", "p", {DAY}), bonds.tied("y", "p", {DAY})) == (True, None)


def test_it_goes_through_plain_values_and_back() -> None:
    bonds = Bonds({pair("a", "b"): 0.6}, (Shared(DAY, frozenset("ab"), frozenset("a"), frozenset({pair("a", "b")}),
                                                   frozenset("xy"), frozenset("a")),))  # fmt: skip
    assert Bonds.from_dict(bonds.to_dict()) == bonds
    assert Bonds.from_dict({}) == Bonds()
