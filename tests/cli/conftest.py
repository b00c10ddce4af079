"""A small model with a planted drift, as files: loans whose default is foretold from income, age, region and channel.

Two weeks of reference, then four weeks of events. From the third week on there is far more traffic from the south, and
there the rule that the champion learned no longer holds.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from retrue.cli import doctor_models
from retrue.cli.app import run

START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
A_DAY = 400
FIT = '''\
"""What the challenger is: boosted trees on all features."""

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

FEATURES = ["income", "age", "region", "channel"]


def fit(table, weights):
    """Learn `defaulted`."""
    codes = ColumnTransformer([("codes", OrdinalEncoder(), ["region", "channel"])], remainder="passthrough")
    model = make_pipeline(codes, HistGradientBoostingClassifier(max_iter=30, random_state=0))
    weight = {"histgradientboostingclassifier__sample_weight": weights}
    return model.fit(table.select(FEATURES), table["defaulted"].to_numpy(), **weight)


def broken(table, weights):
    """Fail as users' code does."""
    return table["no such column"]


def useless(table, weights):
    """Give something that can't predict."""
    return 7
'''


def loans(day: int, days: int, *, south: float = 0.2, turned: bool = False, seed: int = 0) -> pl.DataFrame:
    """Make loans from a day on: a share of them from the south, where the risk may have turned round."""
    rng = np.random.default_rng(seed + day)
    n = days * A_DAY
    region = rng.choice(["south", "north", "east"], n, p=[south, (1 - south) / 2, (1 - south) / 2])
    income, age = rng.lognormal(10.3, 0.5, n), rng.integers(18, 80, n)
    risk = 3 * (10.3 - np.log(income)) + 0.02 * (age - 45)
    truth = np.where(turned & (region == "south"), -risk, risk)
    return pl.DataFrame(
        {
            "loan_id": [f"{day}-{i}" for i in range(n)],
            "at": [START + timedelta(days=day, seconds=86_400 * i / A_DAY) for i in range(n)],
            "income": income.round(2),
            "age": age,
            "region": region,
            "channel": rng.choice(["web", "branch"], n),
            "p_default": 1 / (1 + np.exp(1 - risk)),
            "defaulted": (rng.random(n) < 1 / (1 + np.exp(1 - truth))).astype(int),
        }
    )


@dataclass(frozen=True)
class Files:
    """The tables as files."""

    folder: Path
    reference: Path
    calm: Path
    drifted: Path
    labels: Path
    fit: Path


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Write them once."""
    folder = tmp_path_factory.mktemp("loans")
    made = Files(
        folder, *(folder / name for name in ("ref.parquet", "calm.csv", "drifted.ndjson", "labels.csv", "fit.py"))
    )
    calm, drifted = loans(14, 14), loans(28, 14, south=0.6, turned=True)
    loans(0, 14).write_parquet(made.reference)
    calm.drop("defaulted").write_csv(made.calm)
    drifted.drop("defaulted").write_ndjson(made.drifted)
    pl.concat([calm, drifted]).select("loan_id", "defaulted").write_csv(made.labels)
    made.fit.write_text(FIT, encoding="utf-8")
    return made


@dataclass(frozen=True)
class Said:
    """What a command said."""

    status: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line on standard error, where the command was told what it can't do."""
        assert self.status == 2, self
        lines = self.err.splitlines()
        assert len(lines) == 1, self
        assert lines[0].startswith("error: ")
        return lines[0]


Call = Callable[..., Said]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """Run a command in this process, in an empty folder, on a wide terminal."""
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.delenv("RETRUE_STORE", raising=False)
    monkeypatch.setattr(doctor_models, "OLD", timedelta(days=36_500))  # the loans don't grow younger
    monkeypatch.chdir(tmp_path)

    def run_it(*arguments: object) -> Said:
        capsys.readouterr()
        status = run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return run_it


ROLES = ("--id", "loan_id", "--time", "at", "--label", "defaulted", "--score", "p_default")


@pytest.fixture(scope="session")
def deployed(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the store once: registered, four weeks logged, labels within two days, checked."""
    store = tmp_path_factory.mktemp("deployed") / "store"
    watched = ("--slice", "region", "--window", "1d", "--maturity", "2d")
    for command in (
        ("register", "loans", "--reference", files.reference, *ROLES, *watched),
        ("log", "loans", files.calm, "--at", "2026-02-02"),
        ("log", "loans", files.drifted, "--at", "2026-02-16"),
        ("label", "loans", files.labels, "--at", "2026-02-17"),
        ("check", "loans", "--now", "2026-02-16T12:00"),
    ):
        assert run([*map(str, command), "--store", str(store)]) in (0, 1)
    return store


@pytest.fixture
def store(deployed: Path, tmp_path: Path) -> Path:
    """Copy it, for a test to work on."""
    return shutil.copytree(deployed, tmp_path / "store")
