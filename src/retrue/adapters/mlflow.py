"""MLflow's registry follows: the run, its model version, and the alias `champion`.

What is sent twice is there once: the run carries the tag `retrue.run`, the model version names the run, and both are
looked for before they are made. So nothing is sent again by itself: a request that wasn't answered may have been done,
and who tries it again later looks first. Nothing is sent anywhere but to the tracking server that was configured.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from retrue.errors import RetrueError

ALIAS = "champion"
TAG = "retrue.run"
FOLDER = "model"
"""Where the trained model is among a run's artefacts."""
PACKAGES = {"sklearn": "scikit-learn"}
"""What libraries are called where they are installed from, if not by their own name."""
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
"""Set before MLflow is imported, unless somebody said otherwise: it calls nobody, prints nothing, and fails fast (who
tries it again looks first; its own retries would make a run twice where only the answer was lost)."""
MOST = 6_000
"""Characters of a parameter's value at most, as in MLflow."""
_SECRET = re.compile(r"(?<=://)[^/@\s]*@")


@dataclass(frozen=True)
class Target:
    """Where to: the tracking server, the experiment of the runs, the name of the registered model."""

    uri: str
    experiment: str
    name: str

    @property
    def shown(self) -> str:
        """The address without its password."""
        return hidden(self.uri)


@dataclass(frozen=True)
class Promoted:
    """What is told of a promoted run.

    Attributes:
        run: its id. version: the version that it became.
        params: how it was trained. metrics: what it showed.
        dataset: name and digest of what it was trained on.
        artefact: the file of the trained model. documents: what else is kept with it, as JSON, by file name.
        loader: the module that loads the model's folder for `mlflow.pyfunc`. libraries: what that needs, with versions.
    """

    run: str
    version: str
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    dataset: tuple[str, str]
    artefact: Path
    documents: Mapping[str, Any]
    loader: str
    libraries: Mapping[str, str]


@dataclass(frozen=True)
class Registered:
    """What it is called there: the run's id, and the number of the model version."""

    run: str
    version: str


def hidden(text: str) -> str:
    """A text without the passwords of its addresses.

    >>> hidden("no answer from http://anna:secret@host:5000/")
    'no answer from http://host:5000/'
    """
    return _SECRET.sub("", text)


def client(target: Target) -> Any:
    """A client of the tracking server and of its registry.

    Raises:
        RetrueError: MLflow isn't installed.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow import MlflowClient
    except ImportError as error:
        raise RetrueError("MLflow isn't installed", hint='pip install "retrue[mlflow]"') from error
    return MlflowClient(tracking_uri=target.uri, registry_uri=target.uri)


def publish(target: Target, told: Promoted) -> Registered:
    """Make the run and the model version there, or find them.

    Raises:
        RetrueError: MLflow can't be reached, or refuses; do it again later.
    """
    with_mlflow = client(target)
    try:
        run = run_of(with_mlflow, target, told)
        return Registered(run, version_of(with_mlflow, target, told, run))
    except Exception as error:  # its clients raise what they like: of requests, of urllib3, of SQLAlchemy
        raise failed(target, error) from error


def point(target: Target, version: str | None) -> None:
    """Let the alias `champion` name this model version; None: nothing.

    Raises:
        RetrueError: MLflow can't be reached, or refuses.
    """
    with_mlflow = client(target)
    try:
        if version is not None:
            with_mlflow.set_registered_model_alias(target.name, ALIAS, version)
        elif ALIAS in with_mlflow.get_registered_model(target.name).aliases:
            with_mlflow.delete_registered_model_alias(target.name, ALIAS)
    except Exception as error:  # as above
        raise failed(target, error) from error


def failed(target: Target, error: Exception) -> RetrueError:
    """What went wrong, in one line without passwords."""
    first = hidden(str(error)).strip().splitlines() or [type(error).__name__]
    return RetrueError(f"MLflow didn't take it: {first[0][:300]}", where=target.shown)


def run_of(mlflow: Any, target: Target, told: Promoted) -> str:
    """The id of the run there, complete; one that was begun and not finished is gone on with."""
    experiment = experiment_of(mlflow, target)
    found = mlflow.search_runs([experiment], f"tags.`{TAG}` = '{told.run}'", max_results=1)
    if found and found[0].info.status == "FINISHED":
        return str(found[0].info.run_id)
    tags = {TAG: told.run, "retrue.version": told.version, "mlflow.source.name": "retrue"}
    run = found[0] if found else mlflow.create_run(experiment, run_name=f"retrue {told.run}", tags=tags)
    fill(mlflow, str(run.info.run_id), told, known=run.data.params)
    mlflow.set_terminated(run.info.run_id, "FINISHED")
    return str(run.info.run_id)


def fill(mlflow: Any, run: str, told: Promoted, known: Mapping[str, str]) -> None:
    """Send what is known of a run; params that it has stay as they are, for MLflow lets nobody change one."""
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param

    params = [Param(name, str(value)[:MOST]) for name, value in told.params.items() if name not in known]
    metrics = [Metric(name, value, 0, 0) for name, value in told.metrics.items()]
    mlflow.log_batch(run, metrics=metrics, params=params)
    name, digest = told.dataset
    dataset = Dataset(name=name, digest=digest, source_type="retrue", source=json.dumps({"retrue": name}))
    mlflow.log_inputs(run, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])
    mlflow.log_artifact(run, str(told.artefact), FOLDER)
    for file, document in told.documents.items():
        mlflow.log_dict(run, document, file)
    for file, text in model_files(told, run).items():
        mlflow.log_text(run, text, f"{FOLDER}/{file}")


def model_files(told: Promoted, run: str) -> dict[str, str]:
    """What makes the folder of an artefact one that MLflow loads and serves: JSON is YAML, too."""
    from mlflow.version import VERSION

    python = told.libraries.get("python", "")
    needs = [f"{PACKAGES.get(name, name)}=={version}" for name, version in told.libraries.items() if name != "python"]
    flavour = {"loader_module": told.loader, "python_version": python, "env": {"virtualenv": "python_env.yaml"}}
    whole = {
        "artifact_path": FOLDER,
        "run_id": run,
        "model_uuid": uuid.uuid5(uuid.NAMESPACE_URL, f"retrue:{told.run}").hex,
        "utc_time_created": str(datetime.now(UTC).replace(tzinfo=None)),
        "mlflow_version": VERSION,
        "flavors": {"python_function": flavour},
    }
    return {
        "requirements.txt": "".join(f"{one}\n" for one in needs),
        "python_env.yaml": json.dumps({"python": python, "dependencies": ["-r requirements.txt"]}),
        "MLmodel": json.dumps(whole, indent=2),
    }


def experiment_of(mlflow: Any, target: Target) -> str:
    """The id of the experiment, made where there is none."""
    found = mlflow.get_experiment_by_name(target.experiment)
    return str(found.experiment_id if found is not None else mlflow.create_experiment(target.experiment))


def version_of(mlflow: Any, target: Target, told: Promoted, run: str) -> str:
    """The number of the model version of a run, made where there is none."""
    from mlflow.exceptions import MlflowException

    try:
        mlflow.create_registered_model(target.name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    made = [int(one.version) for one in mlflow.search_model_versions(f"name = '{target.name}'") if one.run_id == run]
    if made:
        return str(min(made))
    source = f"{mlflow.get_run(run).info.artifact_uri}/{FOLDER}"
    tags = {TAG: told.run, "retrue.version": told.version}
    return str(mlflow.create_model_version(target.name, source, run_id=run, tags=tags, await_creation_for=0).version)
