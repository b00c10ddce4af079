"""Built-in signals: the slices that are worth collecting in any model. `rt.signals.low_confidence() & "city = 'JFK'"`.

A signal is a named slice. These ask for derived columns, which are worked out for the rows that a signal is asked
about (see `retrue.workspace.collect.derived`). Where no threshold is given, the reference gives it: a column
`..._rank` is the share of the reference's rows with a lower value (of confidence: as low or lower), so that at most 5 %
of the reference meet `entropy_rank > 0.95`.

>>> low_confidence().sql, (low_confidence(below=0.6) & Slice.parse("x > 1")).sql
('confidence_rank <= 0.05', 'confidence < 0.6 AND x > 1')
"""

from __future__ import annotations

from retrue.errors import SliceError
from retrue.slice_sql.tree import Column, Comparison, number
from retrue.slices import Slice

SHARE = 0.05
"""The share of the reference's rows that meet a signal whose threshold is learned."""


def low_confidence(below: float | None = None, *, share: float = SHARE) -> Slice:
    """Rows whose greatest probability is below a value, or among the lowest `share` of the reference's."""
    return given("confidence", "<", below, "<=", share_of(share), "low confidence")


def high_entropy(above: float | None = None, *, share: float = SHARE) -> Slice:
    """Rows whose probabilities are spread over the classes: more bits than a value, or than the reference has."""
    return given("entropy", ">", above, ">", 1 - share_of(share), "high entropy")


def high_expected_loss(above: float | None = None, *, share: float = SHARE) -> Slice:
    """Rows that the model is expected to be wrong about: a chance, or an absolute error in the label's units."""
    return given("expected_loss", ">", above, ">", 1 - share_of(share), "high expected loss")


def out_of_range(columns: int = 1) -> Slice:
    """Rows with a number beyond what the reference ever had, in so many columns at least."""
    return compared("out_of_range", ">=", columns, "out of range")


def unseen_category(columns: int = 1) -> Slice:
    """Rows with a category that the reference never had, in so many columns at least."""
    return compared("unseen_categories", ">=", columns, "unseen category")


def outlier(above: float = 0.99) -> Slice:
    """Rows that are odder than this share of the reference's."""
    return compared("outlier_score", ">", share_of(above), "outlier")


def new_cluster(least: int = 10) -> Slice:
    """Rows that the reference has no like of, and that at least so many other new rows are like."""
    return compared("new_cluster", ">=", least, "new cluster")


def disagreement(above: float = 0.2) -> Slice:
    """Rows that another version of the model, logged beside this one, scored differently by more than this."""
    return compared("disagreement", ">", above, "disagreement")


BUILT_IN = (
    low_confidence, high_entropy, high_expected_loss, out_of_range, unseen_category, outlier, new_cluster, disagreement,
)  # fmt: skip
"""Every built-in signal; each has defaults for all that it takes."""


def named(name: str) -> Slice:
    """A built-in signal by its name, `low confidence` or `low_confidence`, with its defaults.

    Raises:
        SliceError: there is none.
    """
    known = {function.__name__: function for function in BUILT_IN}
    wanted = name.strip().replace(" ", "_").replace("-", "_")
    if wanted not in known:
        raise SliceError(f"no built-in signal {name!r}", expected=", ".join(known))
    return known[wanted]()


def given(column: str, op: str, value: float | None, rank_op: str, rank: float, name: str) -> Slice:
    """A column against a value that was given, else its rank against a share."""
    if value is not None:
        return compared(column, op, value, name)
    return compared(f"{column}_rank", rank_op, rank, name)


def compared(column: str, op: str, value: float, name: str) -> Slice:
    """A column against a number."""
    return Slice(Comparison(op, Column(column), number(round(value, 12))), name)


def share_of(share: float) -> float:
    """A share.

    Raises:
        SliceError: it is none.
    """
    if not 0 < share < 1:
        raise SliceError(f"a share of {share:g}", where="signals", expected="more than 0 and less than 1")
    return share
