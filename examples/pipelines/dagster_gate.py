"""A gate in Dagster: an asset check that fails, and blocks what depends on the asset, where its rows aren't true."""

from __future__ import annotations

import dagster as dg

import retrue as rt


@dg.asset
def todays_rows() -> None:
    """Written by whatever made them."""


@dg.asset_check(asset=todays_rows, blocking=True)
def true_to_the_training_data() -> dg.AssetCheckResult:
    """Passes where nothing alarms; notices are in its metadata."""
    found = rt.compare("data/train.parquet", "data/today.parquet")
    told = [str(verdict.reason) for verdict in found.verdicts if verdict.alarms]
    return dg.AssetCheckResult(passed=found.exit_status == 0, metadata={"alarms": told})


@dg.asset(deps=[todays_rows])
def scores() -> None:
    """Made only where the check passed."""
