"""A stored model whose columns change together and nowhere else: found, explained, recounted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import retrue as rt
from retrue.core.joint import JOINT, JointSums
from retrue.workspace.model import Model

START = datetime(2026, 1, 1, tzinfo=UTC)


def days(first: int, count: int, rho: float) -> pl.DataFrame:
    """Days of 400 events: left and right correlate by rho; city is by itself."""
    rng = np.random.default_rng(first)
    n = 400 * count
    day = first + np.arange(n) // 400
    left, noise = rng.normal(size=(2, n))
    return pl.DataFrame(
        {
            "id": [f"{first}-{i}" for i in range(n)],
            "at": [START + timedelta(days=int(d), minutes=int(i) % 400) for i, d in enumerate(day)],
            "left": left,
            "right": rho * left + np.sqrt(1 - rho * rho) * noise,
            "city": rng.choice(list("aab"), n),
        }
    )


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """Twenty days of reference, three days like them, three days on which a correlation turned."""
    registered = rt.open(tmp_path / "store").register(
        "pairs", reference=days(0, 20, 0.5), id="id", time="at", window="1d", grace="1h"
    )
    registered.log(days(20, 3, 0.5))
    registered.log(days(23, 3, -0.5))
    return registered


def test_the_change_is_an_incident_and_explain_names_the_pair(model: Model) -> None:
    told = model.check(now=START + timedelta(days=30))
    assert {verdict.metric for verdict in told if verdict.alarms} == {"mmd"}
    assert len([verdict for verdict in told if verdict.alarms]) == 3
    incident = model.incidents()[0]
    assert all("left and right changed together" in verdict.reason for verdict in incident.verdicts)
    found = incident.explain()
    assert found.joint is not None
    assert [(pair.left, pair.right) for pair in found.joint.pairs] == [("left", "right")]
    assert "left and right: rank correlation" in str(found)
    assert "left and right" in found.to_html()
    assert found.to_dict()["joint"]["pairs"][0]["columns"] == ["left", "right"]


def test_the_evidence_is_of_the_pair_that_alarmed_and_not_of_one_that_always_varies(tmp_path: Path) -> None:
    """Some columns hang together each day, now so, now the other way: in the rows of one day that looks like more."""

    def varying(table: pl.DataFrame) -> pl.DataFrame:
        rng, up = np.random.default_rng(table.height), table["at"].dt.day().to_numpy() % 2 == 0
        first, noise = rng.normal(size=(2, table.height))
        return table.with_columns(sun=first, rain=np.where(up, 0.95, -0.95) * first + 0.3 * noise)

    model = rt.open(tmp_path / "store").register(
        "pairs", reference=varying(days(0, 20, 0.5)), id="id", time="at", window="1d", grace="1h"
    )
    model.log(varying(days(20, 1, -0.5)))
    model.check(now=START + timedelta(days=30))
    incident = model.incidents()[0]
    assert "left and right changed together" in incident.verdicts[-1].reason
    found = incident.explain().joint
    assert found is not None
    assert [(pair.left, pair.right) for pair in found.pairs] == [("left", "right")]


def test_recounted_sums_are_the_same_and_small(model: Model) -> None:
    """Counts bit for bit; floats to 1e-12. Three pairs: some hundred bytes before compression."""

    def sums() -> list[JointSums]:
        found = [one.profile.extras[JOINT] for one in model.store.profiles(model.name, slice="")]
        return [one for one in found if isinstance(one, JointSums)]

    before = sums()
    model.store.recount(model.name)
    for one, again in zip(before, sums(), strict=True):
        assert (one.n, one.sums.tolist(), one.products.tolist()) == (
            again.n,
            again.sums.tolist(),
            again.products.tolist(),
        )
        assert one.energy == pytest.approx(again.energy, rel=1e-12)
        assert sum(np.asarray(value).nbytes for value in one.fields().values()) < 200
    assert len(before) == 6
