"""Models of other libraries in one line: `rt.watch(model)` logs what it predicts, and the model stays what it is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.client.conftest import logged
from tests.conftest import ON_X86, needed

import retrue as rt
from retrue.client.wsgi import Passing

X = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 0.5]] * 10)
Y = np.array([0, 1, 0, 1] * 10)
Watching = Callable[..., Any]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a model of two features and a score."""
    folder = tmp_path_factory.mktemp("models") / "store"
    with rt.open(folder) as opened:
        ids, at = [str(n) for n in range(40)], [datetime(2026, 1, 5, 10, tzinfo=UTC)] * 40
        table = pl.DataFrame({"id": ids, "at": at, "a": X[:, 0], "b": X[:, 1], "p": Y / 2, "y": Y})
        opened.register("flights", table, id="id", time="at", score="p", label="y", features=["a", "b"], estimate="off")
    return folder


@pytest.fixture
def watching(store: Path, tmp_path: Path) -> Iterator[Watching]:
    """Watch models into the store."""
    made: list[Any] = []

    def watch(model: Any, **options: Any) -> Any:
        made.append(rt.watch(model, to=store, model="flights", overflow=tmp_path / "over", signals=None, **options))
        return made[-1]

    yield watch
    for one in made:
        one.watch.close()


def scores(store: Path, model: Any) -> list[tuple[float, float, float]]:
    """The rows of a model's last call, as they were logged."""
    assert model.watch.flush(30)
    found = logged(store, model.watch.id + "/").sort("a")
    return [(row["a"], row["b"], round(row["p"], 5)) for row in found.to_dicts()]


def expected(probabilities: Any) -> list[tuple[float, float, float]]:
    return [(1.0, 2.0, round(float(probabilities[0]), 5)), (2.0, 1.0, round(float(probabilities[1]), 5))]


def test_scikit_learn(watching: Watching, store: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    model = watching(LogisticRegression().fit(X, Y))
    found = model.predict_proba(X[:2])
    assert scores(store, model) == expected(found[:, 1])
    assert (model.predict(X[:2]).shape, model.coef_.shape) == ((2,), (1, 2))


def test_lightgbm(watching: Watching, store: Path) -> None:
    import lightgbm

    data = lightgbm.Dataset(X, Y, feature_name=["a", "b"], params={"verbosity": -1, "min_data_in_leaf": 1})
    model = watching(lightgbm.train({"objective": "binary", "verbosity": -1, "num_threads": 1}, data, 3))
    assert scores_after(model.predict(X[:2]), model, store)


def test_xgboost_with_its_own_matrix(watching: Watching, store: Path) -> None:
    import xgboost

    matrix = xgboost.DMatrix(X, Y, feature_names=["a", "b"])
    model = watching(xgboost.train({"objective": "binary:logistic", "nthread": 1}, matrix, 3))
    assert scores_after(model.predict(xgboost.DMatrix(X[:2], feature_names=["a", "b"])), model, store)


def scores_after(found: Any, model: Any, store: Path) -> bool:
    """Whether what a model answered is what was logged."""
    return scores(store, model) == expected(found)


def test_a_pytorch_module(watching: Watching, store: Path) -> None:
    torch = needed("torch")
    net = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.Sigmoid())
    model = watching(net)
    found = model(torch.tensor(X[:2], dtype=torch.float32)).detach()
    assert scores(store, model) == expected(found[:, 0])
    assert model.eval() is net
    assert model.watch.stats().unread == 0


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_keras(watching: Watching, store: Path) -> None:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = needed("keras")
    net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="sigmoid")])
    model = watching(net)
    assert scores_after(model.predict(X[:2], verbose=0)[:, 0], model, store)
    assert model.count_params() == 3


def test_onnx_runtime(watching: Watching, store: Path) -> None:
    """One input of two columns, and the last output, which is the probabilities."""
    onnx, runtime = needed("onnx", locked=ON_X86), needed("onnxruntime", locked=ON_X86)
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["z"]), helper.make_node("Sigmoid", ["z"], ["p"])],
        "g",
        [helper.make_tensor_value_info("x", kind, [None, 2])],
        [helper.make_tensor_value_info("p", kind, [None, 1])],
        [helper.make_tensor("w", kind, [2, 1], [0.5, -0.25])],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    model = watching(runtime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"]))
    (found,) = model.run(None, {"x": X[:2].astype(np.float32)})
    assert scores(store, model) == expected(found[:, 0])


def test_any_object_with_predict_and_a_pipeline_by_its_rows(watching: Watching, store: Path) -> None:
    """A Hugging Face pipeline is called with texts and answers a list of dicts: `row` says what they are."""

    class Ours:
        def predict(self, rows: Any) -> Any:
            return [0.25 for _ in rows]

    model = watching(Ours())
    model.predict([{"a": 1.0, "b": 2.0}, {"a": 2.0, "b": 1.0}])
    assert scores(store, model) == expected([0.25, 0.25])

    def pipeline(texts: list[str]) -> list[dict[str, Any]]:
        return [{"label": "POSITIVE", "score": 0.75} for _ in texts]

    def as_rows(texts: list[str], said: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"a": len(text), "b": 1.0, "p": one["score"]} for text, one in zip(texts, said, strict=True)]

    rows = watching(pipeline, row=as_rows)
    rows(["x", "yy"])
    assert [row[2] for row in scores(store, rows)] == [0.75, 0.75]


def test_flask(store: Path, tmp_path: Path) -> None:
    flask = needed("flask")
    app = flask.Flask("service")

    def predict() -> Any:
        body = flask.request.get_json()
        return ({"error": "no"}, 503) if "a" not in body else {"p": body["a"] / 8}

    app.add_url_rule("/predict", view_func=predict, methods=["POST"])

    watched = rt.WatchWSGI(app.wsgi_app, model="flights", to=store, overflow=tmp_path / "over", signals=None)
    app.wsgi_app = watched
    client = app.test_client()
    answer = client.post("/predict", data=json.dumps({"a": 2.0, "b": 1.0}), content_type="application/json")
    assert (answer.get_json(), client.get("/other").status_code) == ({"p": 0.25}, 404)
    refused = client.post("/predict", json={})
    refused.close()  # as a server does
    assert refused.status_code == 503
    assert watched.watch.flush(30)
    assert logged(store, answer.headers["retrue-id"]).select("a", "b", "p").rows() == [(2.0, 1.0, 0.25)]
    assert watched.watch.stats().errors == 1
    watched.watch.close()


def test_an_answer_that_is_given_up_or_breaks_is_closed_and_told_once(store: Path, tmp_path: Path) -> None:
    """As PEP 3333 has it: `close` is called whether or not anything was read, and the application's own with it."""
    closed: list[str] = []

    class Answer:
        def __init__(self, name: str) -> None:
            self.name = name

        def __iter__(self) -> Iterator[bytes]:
            yield b'{"p": 0.5}'
            raise ValueError("cut")

        def close(self) -> None:
            closed.append(self.name)

    def app(environ: MutableMapping[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [])
        return Answer(environ["name"])

    watched = rt.WatchWSGI(app, model="flights", to=store, overflow=tmp_path / "over", signals=None)
    unread = watched({"PATH_INFO": "/predict", "CONTENT_LENGTH": "", "name": "unread"}, lambda *_: None)
    assert isinstance(unread, Passing)
    unread.close()
    broken = watched({"PATH_INFO": "/predict", "CONTENT_LENGTH": "", "name": "broken"}, lambda *_: None)
    assert isinstance(broken, Passing)
    with pytest.raises(ValueError, match="cut"):
        list(broken)
    broken.close()
    assert closed == ["unread", "broken"]
    assert watched.watch.flush(30)
    assert (watched.watch.stats().calls, watched.watch.stats().errors) == (2, 1)
    watched.watch.close()
