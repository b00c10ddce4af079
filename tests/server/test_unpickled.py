"""Nothing that is sent is ever unpickled: every route that takes anything is sent pickles that would leave a trace."""

from __future__ import annotations

import ast
import io
import pickle
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle
import httpx
import joblib
import numpy as np
import polars as pl
import pytest
from fastapi.params import File
from fastapi.routing import APIRoute
from tests.client.conftest import live, make
from tests.client.served import serving
from tests.conftest import needed
from tests.server.auth.test_routes import flat, methods

import retrue as rt
from retrue.adapters.capture import registry as capture
from retrue.server.app import create_app
from retrue.server.ingest.decode import FORMS
from retrue.server.settings import ServerSettings
from retrue.workspace import tokens

pa, pq = needed("pyarrow"), needed("pyarrow.parquet")
TYPES = ("application/octet-stream", "application/x-pickle", "text/csv", *FORMS)
LOADERS = {
    "pickle": {"load", "loads", "Unpickler"},
    "cloudpickle": {"load", "loads"},
    "dill": {"load", "loads"},
    "joblib": {"load"},
    "marshal": {"load", "loads"},
    "shelve": {"open"},
    "torch": {"load"},
}
MAY_LOAD = {
    "refine/train/desk.py": "what a notebook or a trainer of retrue.toml wrote, in a process of its own",
    "refine/train/lightning_nets.py": "the best checkpoint of the training that it has just ended",
    "refine/train/pyfunc.py": "a model of MLflow, where its user loads it",
    "workspace/train/artefacts.py": "a model that a run trained, for a notebook or in a process of its own",
    "engine/spark/spreading.py": "what our own workers wrote, over Spark's own channel",
}
"""Files that load pickles, and whose."""


class Trace:
    """Whoever unpickles it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
        """How it is put together again."""
        return open, (self.path, "x")


def zipped(**files: bytes) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"archive/{name}", data)
    return buffer.getvalue()


def written(write: Callable[[Any], object]) -> bytes:
    """What is written to a file."""
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def tables(pickled: bytes) -> dict[str, bytes]:
    """Good rows with a column of pickles, whose type says that a pickle must be loaded to read it."""
    rows = live().head(12).to_arrow()
    said = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": pickled}
    kind = pa.field("odd", pa.binary(), metadata=said)
    table = rows.append_column(kind, pa.array([pickled] * 12, pa.binary()))

    def ipc(new: Callable[..., Any], file: Any) -> None:
        with new(file, table.schema) as writer:
            writer.write_table(table)

    return {
        "stream": written(lambda file: ipc(pa.ipc.new_stream, file)),
        "file": written(lambda file: ipc(pa.ipc.new_file, file)),
        "parquet": written(lambda file: pq.write_table(table, file)),
    }


def traps(path: Path) -> dict[str, bytes]:
    """Everything that leaves a trace in a file where somebody unpickles it."""
    trace = Trace(path)
    objects, pickled = np.array([trace], dtype=object), pickle.dumps(trace)
    return {
        "pickle": pickled,
        "text pickle": pickle.dumps(trace, 0),
        "cloudpickle": cloudpickle.dumps(lambda: trace),
        "joblib": written(lambda file: joblib.dump(trace, file, compress=3)),
        "npy": written(lambda file: np.save(file, objects, allow_pickle=True)),
        "npz": written(lambda file: np.savez(file, x=objects)),
        "pt": zipped(**{"data.pkl": pickled, "version": b"3\n"}),
        **tables(pickle.dumps(trace, 0)),
    }


@dataclass(frozen=True)
class Target:
    """A server, who may do everything, and what it would find if anything were unpickled."""

    folder: Path
    client: httpx.Client
    trace: Path
    traps: Mapping[str, bytes]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A server in this process, which nothing holds back."""
    root = tmp_path_factory.mktemp("pickles")
    folder = make(root / "store")
    with rt.open(folder) as store:
        secret = tokens.create(store.store.catalog, "all", "admin").secret
    settings = ServerSettings(requests_per_second=1e6, batches_per_second=1e6)
    with serving(folder, settings=settings) as url:
        headers = {"Authorization": f"Bearer {secret}"}
        with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
            yield Target(folder, client, root / "trace", traps(root / "trace"))


def taking(folder: Path) -> Iterator[tuple[str, str, APIRoute]]:
    """Every route that takes something: method and address, for each thing that it may be about."""
    with rt.open(folder) as store:
        for route in flat(create_app(store).routes):
            for method in methods(route) & {"POST", "PUT", "PATCH"}:
                for form in [one.name for one in capture.registered()] if "{format}" in route.path else ("x",):
                    known = {"model": "flights", "format": form}
                    names = {name: known.get(name, "1") for name in route.param_convertors}
                    yield method, route.path.format(**names), route


def as_form(route: APIRoute, trap: bytes) -> dict[str, Any] | None:
    """What a form of the route is filled with; None where it takes no file."""
    body = route.dependant.body_params
    files = {one.alias: ("trap.bin", trap) for one in body if isinstance(one.field_info, File)}
    texts = {one.alias: "{}" if one.alias == "options" else "trap" for one in body if one.alias not in files}
    return {"files": files, "data": texts} if files else None


@pytest.mark.slow
def test_whatever_is_sent_wherever_nothing_is_unpickled(target: Target) -> None:
    """As a body of every type and as a file of every form; no answer is a 5xx; what was taken is read, too."""
    found: dict[str, int] = {}
    for method, path, route in taking(target.folder):
        if (form := as_form(route, b"")) is not None:
            for name, trap in target.traps.items():
                found[f"{path} file {name}"] = target.client.request(
                    method, path, **(as_form(route, trap) or form)
                ).status_code
            continue
        whole = not route.dependant.body_params and path.startswith("/api/")
        for name, trap in target.traps.items() if whole else [("pickle", target.traps["pickle"])]:
            for kind in TYPES if whole else TYPES[:1]:
                answer = target.client.request(method, path, content=trap, headers={"Content-Type": kind})
                found[f"{path} {kind} {name}"] = answer.status_code
    assert {what: status for what, status in found.items() if status >= 500} == {}
    rows = "/api/v1/models/flights/events application/vnd.apache.arrow.stream stream"
    assert found[rows] == 202
    assert found["/api/v1/models/flights/golden file parquet"] == 201
    with rt.open(target.folder) as store:
        model = store.model("flights")
        store.store.apply("flights")
        assert model.events().collect().height == 12
        model.check()
        assert len(model.quarantine()) >= 0
    for path in ("/models/flights", "/quarantine?model=flights", "/models/flights/labelling"):
        assert target.client.get(path).status_code == 200
    assert not target.trace.exists()


@pytest.mark.parametrize("name", ["pickle", "text pickle", "joblib", "npy", "npz", "pt", "stream"])
def test_each_of_them_leaves_a_trace_where_it_is_unpickled(tmp_path: Path, name: str) -> None:
    """Otherwise the other test would show nothing."""
    path = tmp_path / "trace"
    trap = io.BytesIO(traps(path)[name])
    if name in {"npy", "npz"}:
        loaded = np.load(trap, allow_pickle=True)
        held = loaded["x"] if name == "npz" else loaded
        held[0].close()
    elif name == "pt":
        pickle.loads(zipfile.ZipFile(trap).read("archive/data.pkl")).close()  # noqa: S301
    elif name == "stream":
        held = pl.read_ipc_stream(trap)["odd"]
        pickle.loads(held[0]).close()  # noqa: S301
    else:
        (joblib.load(trap) if name == "joblib" else pickle.load(trap)).close()  # noqa: S301
    assert path.exists()


def loaders(source: str) -> set[str]:
    """Calls of a file that load pickles."""
    tree, named = ast.parse(source), dict[str, str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named |= {one.asname or one.name: one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module in LOADERS:
            named |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    found = set[str]()
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        said, options = ast.unparse(call.func), {one.arg: ast.unparse(one.value) for one in call.keywords}
        first, dot, rest = said.partition(".")
        module, _, name = f"{named.get(first, first)}{dot}{rest}".rpartition(".")
        loads = name in LOADERS.get(module, ()) and options.get("weights_only") != "True"
        if loads or name == "read_pickle" or options.get("allow_pickle", "False") != "False":
            found.add(said)
    return found


def test_no_file_but_those_that_say_so_loads_pickles() -> None:
    """None of the server's, nor of what reads for it: tables, the store, adapters, sources."""
    source = Path(rt.__file__).parent
    found = {path.relative_to(source).as_posix(): loaders(path.read_text("utf-8")) for path in source.rglob("*.py")}
    assert {name for name, what in found.items() if what} == set(MAY_LOAD)


@pytest.mark.parametrize(
    "source",
    [
        "import pickle as p\np.loads(x)", "from cloudpickle import loads as f\nf(x)", "import joblib\njoblib.load(x)",
        "import numpy\nnumpy.load(x, allow_pickle=True)", "import torch\ntorch.load(x)", "pandas.read_pickle(x)",
    ],
)  # fmt: skip
def test_a_loader_is_found(source: str) -> None:
    assert loaders(source)
    assert not loaders(source.replace("load", "dump").replace("read_pickle", "read_csv").replace("True", "False"))


def test_what_loads_no_more_than_numbers_is_none() -> None:
    assert not loaders("import torch, json\ntorch.load(x, weights_only=True)\njson.load(x)\nself.load(x)")
