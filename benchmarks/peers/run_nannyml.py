"""NannyML on two Parquet files: univariate drift of all columns. `run_nannyml.py REFERENCE WINDOW [all]`.

By default Jensen-Shannon for every column, as NannyML does unless told otherwise; with `all` every method that it has,
as Retrue's answer holds several distances for each column. Ten chunks of each table, its default: its thresholds come
from the reference's chunks.
"""

# mypy: disable-error-code="import-not-found,import-untyped"

from __future__ import annotations

import sys

import nannyml
import pandas as pd

NUMERIC = ["jensen_shannon", "kolmogorov_smirnov", "wasserstein", "hellinger"]
TEXT = ["jensen_shannon", "chi2", "l_infinity", "hellinger"]


def main(reference: str, window: str, methods: str = "") -> None:
    """Fit on the reference, calculate on the window."""
    before, after = (pd.read_parquet(path) for path in (reference, window))
    chosen = {"continuous_methods": NUMERIC, "categorical_methods": TEXT} if methods == "all" else {}
    calculator = nannyml.UnivariateDriftCalculator(column_names=list(before.columns), **chosen)
    calculator.fit(before)
    result = calculator.calculate(after).filter(period="analysis").to_df()
    print(result.shape, "results")


if __name__ == "__main__":
    main(*sys.argv[1:])
