"""whylogs on Parquet files: profile and compare. `run_whylogs.py REFERENCE WINDOW`; either may be a stored `.bin`.

`run_whylogs.py --save TABLE PROFILE` stores a profile.
"""

# mypy: disable-error-code="import-not-found,import-untyped"

from __future__ import annotations

import sys

import pandas as pd
import whylogs
from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores


def view_of(path: str):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """The profile of a table, or a stored one."""
    if path.endswith(".bin"):
        return whylogs.read(path).view()
    return whylogs.log(pd.read_parquet(path)).view()


def main(first: str, second: str, third: str = "") -> None:
    """Store a profile, or compare two."""
    if first == "--save":
        view_of(second).write(third)
        return
    before, after = view_of(first), view_of(second)
    scores = calculate_drift_scores(target_view=after, reference_view=before, with_thresholds=True)
    print(len(scores), "scores,", after.to_pandas().shape, "summary")


if __name__ == "__main__":
    main(*sys.argv[1:])
