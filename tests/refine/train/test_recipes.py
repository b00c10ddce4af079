"""Recipes train real models of their libraries: two classes, several, and numbers. Keras runs on PyTorch here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import lacking
from tests.refine.train.nets import keras_model, module

from retrue.errors import ConfigError, SchemaError
from retrue.refine.train import Keras, LightGBM, Torch, XGBoost, score, train
from retrue.refine.train.lightning_nets import resampled

RNG = np.random.default_rng(7)
ROWS = 400
X = RNG.normal(size=ROWS)
CITY = RNG.choice(["JFK", "LGA"], ROWS)
WORTH = 3 * X + 2 * (CITY == "JFK")
TABLE = pl.DataFrame({"x": np.where(RNG.random(ROWS) < 0.05, np.nan, X), "city": CITY}).with_columns(
    pl.col("x").fill_nan(None),
    binary=pl.Series(np.where(WORTH > 1, "good", "bad")),
    multiclass=pl.Series(np.where(WORTH < 0, "low", np.where(WORTH > 2, "high", "mid"))),
    regression=pl.Series(WORTH),
)
TASKS = ("binary", "multiclass", "regression")
CLASSES = ("high", "low", "mid")


def with_torch() -> None:
    """Skip where PyTorch isn't here."""
    try:
        import torch
    except ImportError:
        lacking("PyTorch", "pip install torch")
    else:
        torch.set_num_threads(1)


def lightning_module(loss: Any = None, logs: str = "val_loss") -> Any:
    """What makes the same net as a LightningModule with steps, a loss and an optimiser of its own; skip without."""
    with_torch()
    try:
        import lightning.pytorch as lightning
    except ImportError:
        lacking("Lightning", "pip install lightning")
    from torch import nn, optim

    class Lit(lightning.LightningModule):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__()
            self.net = module(inputs, outputs)

        def forward(self, inputs: Any) -> Any:
            return self.net(inputs)

        def loss(self, batch: Any) -> Any:
            inputs, targets = batch
            said = self(inputs)
            if loss is not None:
                return loss(said)
            one = said.shape[1] == 1
            return nn.functional.mse_loss(said[:, 0], targets) if one else nn.functional.cross_entropy(said, targets)

        def training_step(self, batch: Any, _: int) -> Any:
            return self.loss(batch)

        def validation_step(self, batch: Any, _: int) -> None:
            self.log(logs, self.loss(batch))

        def configure_optimizers(self) -> Any:
            return optim.AdamW(self.parameters(), 0.01)

    return Lit


def right(task: str, scores: Any) -> float:
    """Share of right answers, or R²."""
    if task == "regression":
        return float(1 - ((scores - WORTH) ** 2).mean() / WORTH.var())
    if task == "binary":
        return float(((scores > 0.5) == (TABLE["binary"] == "bad").to_numpy()).mean())
    assert scores.sum(axis=1) == pytest.approx(1, abs=1e-5)
    return float((np.array(CLASSES)[scores.argmax(axis=1)] == TABLE["multiclass"].to_numpy()).mean())


def learned(recipe: Any, task: str, **options: Any) -> Any:
    """What a recipe makes of the table; "bad" counts as positive, the first by the alphabet."""
    model = train(recipe, TABLE, np.ones(ROWS), ["x", "city"], task, task=task, **options)
    return score(
        model, TABLE, ["x", "city"], "bad" if task == "binary" else None, CLASSES if task == "multiclass" else ()
    )


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    "recipe", [LightGBM({"num_threads": 1}, 40), XGBoost({"nthread": 1}, 20, patience=5)], ids=repr
)
def test_boosters_learn_every_task(recipe: Any, task: str) -> None:
    assert right(task, learned(recipe, task)) > 0.85


@pytest.mark.parametrize("task", TASKS)
def test_pytorch_learns_every_task_and_the_same_with_the_same_seed(task: str) -> None:
    with_torch()
    recipe = Torch(module, epochs=40, batch=32, rate=0.01)
    scores = learned(recipe, task, seed=3)
    assert right(task, scores) > 0.85
    if task == "binary":
        np.testing.assert_array_equal(scores, learned(recipe, task, seed=3))
        assert not np.array_equal(scores, learned(recipe, task, seed=4))


def test_pytorch_goes_on_where_it_was_cut_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three epochs, then three more, are what six are."""
    with_torch()
    once = learned(Torch(module, epochs=6, patience=99), "binary")
    learned(Torch(module, epochs=3, patience=99), "binary", folder=tmp_path)
    twice = learned(Torch(module, epochs=6, patience=99), "binary", folder=tmp_path)
    np.testing.assert_allclose(once, twice, atol=1e-6)
    assert "3/6 epochs were done before; going on" in capsys.readouterr().out


def test_pytorch_stops_when_nothing_is_gained_and_says_when_the_loss_is_no_number(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with_torch()
    learned(Torch(module, epochs=500, rate=0.1, patience=2), "binary")
    assert len(capsys.readouterr().out.splitlines()) < 200
    with pytest.raises(SchemaError, match="the loss is nan in epoch 1"):
        learned(Torch(module, loss=lambda said, truth: said.sum(1) * float("nan")), "binary")


LIGHTNINGS_OWN = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning", "ignore:::lightning")


@pytest.mark.slow
@LIGHTNINGS_OWN
@pytest.mark.parametrize("task", TASKS)
def test_lightning_learns_every_task_and_the_same_with_the_same_seed(task: str) -> None:
    recipe = Torch(lightning_module(), epochs=15, batch=32)
    scores = learned(recipe, task, seed=3)
    assert right(task, scores) > 0.85
    if task == "binary":
        np.testing.assert_array_equal(scores, learned(recipe, task, seed=3))


@pytest.mark.slow
@LIGHTNINGS_OWN
def test_lightning_goes_on_where_it_was_cut_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three epochs, then three more, are what six are; each is told in a line."""
    once = learned(Torch(lightning_module(), epochs=6, patience=99), "binary")
    capsys.readouterr()
    learned(Torch(lightning_module(), epochs=3, patience=99), "binary", folder=tmp_path)
    twice = learned(Torch(lightning_module(), epochs=6, patience=99), "binary", folder=tmp_path)
    np.testing.assert_allclose(once, twice, atol=1e-6)
    told = [line for line in capsys.readouterr().out.splitlines() if "epochs, loss" in line]
    assert [line.partition(" ")[0] for line in told] == ["1/3", "2/3", "3/3", "4/6", "5/6", "6/6"]


@pytest.mark.slow
@LIGHTNINGS_OWN
def test_lightning_stops_when_nothing_is_gained_and_says_what_it_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    learned(Torch(lightning_module(), epochs=500, patience=2), "binary")
    assert capsys.readouterr().out.count("epochs, loss") < 200
    with pytest.raises(SchemaError, match=r"logs no 'val_loss'.*in Lit.*self.log"):
        learned(Torch(lightning_module(logs="loss")), "binary")
    with pytest.raises(SchemaError, match="the loss is nan in epoch 1"):
        learned(Torch(lightning_module(lambda said: said.sum() * float("nan"))), "binary")
    with pytest.raises(SchemaError, match="loss or rate for a LightningModule"):
        learned(Torch(lightning_module(), rate=0.1), "binary")


@given(st.lists(st.floats(0, 50), min_size=1, max_size=40).filter(any), st.floats(0, 1, exclude_max=True))
def test_each_row_comes_as_often_as_it_weighs(weights: list[float], start: float) -> None:
    """Rounded up or down; one that weighs nothing never."""
    share = np.array(weights) * len(weights) / sum(weights)
    counts = np.bincount(resampled(np.array(weights), start), minlength=len(weights))
    assert counts.sum() == len(weights)
    assert (np.abs(counts - share) < 1 + 1e-6).all()
    assert not counts[np.array(weights) == 0].any()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras itself
@pytest.mark.parametrize("task", TASKS)
def test_keras_learns_every_task(task: str) -> None:
    """On the PyTorch back-end: TensorFlow and JAX are too heavy for the tests."""
    with_torch()
    os.environ["KERAS_BACKEND"] = "torch"
    assert right(task, learned(Keras(keras_model, epochs=25, batch=32, optimizer="rmsprop", patience=25), task)) > 0.7


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras itself
def test_keras_goes_on_where_it_was_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two epochs, then two more, are what four are: the optimiser, the order of the rows and the best epoch, too."""
    with_torch()
    monkeypatch.setenv("KERAS_BACKEND", "torch")

    def keras(epochs: int, loss: Any = None, patience: int = 99) -> Keras:
        return Keras(keras_model, loss, epochs=epochs, batch=64, patience=patience)

    once = learned(keras(4), "binary", seed=5)
    learned(keras(2), "binary", seed=5, folder=tmp_path)
    capsys.readouterr()
    twice = learned(keras(4), "binary", seed=5, folder=tmp_path)
    np.testing.assert_allclose(once, twice, atol=1e-6)
    assert [line.partition(",")[0] for line in capsys.readouterr().out.splitlines()] == [
        "2/4 epochs were done before; going on", "3/4 epochs", "4/4 epochs"
    ]  # fmt: skip
    np.testing.assert_allclose(twice, learned(keras(4), "binary", seed=5, folder=tmp_path), atol=1e-6)
    with pytest.raises(SchemaError, match="the loss is nan in epoch 1"):
        learned(keras(2, lambda _, said: said[:, 0] * float("nan")), "binary")


def test_a_net_that_is_made_already_is_refused() -> None:
    """Each training makes a fresh one; a LightningModule's class makes it."""
    with_torch()
    with pytest.raises(ConfigError, match=r"a Sequential in rt.Torch: expected a class, or a function"):
        Torch(module(2, 2))
    with pytest.raises(ConfigError, match="a str in"):
        Keras("net")  # type: ignore[arg-type]


def test_the_sklearn_interfaces_of_boosters_need_no_recipe() -> None:
    """XGBoost's takes nothing but 0, 1, 2 ...: texts are named for it."""
    from lightgbm import LGBMClassifier
    from xgboost import XGBClassifier

    table = TABLE.with_columns(pl.col("x").fill_null(0.0))
    for estimator in (LGBMClassifier(n_estimators=10, verbose=-1, n_jobs=1), XGBClassifier(n_estimators=10, n_jobs=1)):
        model = train(estimator, table, np.ones(ROWS), ["x"], "multiclass", task="multiclass")
        scores = score(model, table, ["x"], None, CLASSES)
        assert right("multiclass", scores) > 0.7
