"""The flywheel by commands: collect, retrain, prove, promote, rollback."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Call, Files

import retrue as rt

SCRIPT = Path(sys.executable).with_name("retrue")
SOUTH = "region = 'south'"


@pytest.fixture(scope="session")
def trained(deployed: Path, files: Files, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Collect the south and train on it once, in a store of its own."""
    from retrue.cli.app import run

    folder = shutil.copytree(deployed, tmp_path_factory.mktemp("trained") / "store")
    store = ("--store", str(folder))
    assert run(["collect", "loans", SOUTH, "--since", "2026-02-02", "--as", "south", *store]) == 0
    mix = ("--mix", "reference=0.2", "--mix", "south=0.8")
    assert run(["retrain", "loans", "--fit", f"{files.fit}:fit", *mix, "--now", "2026-02-20", *store]) == 0
    return folder


@pytest.fixture
def proven(trained: Path, tmp_path: Path) -> Path:
    """Copy that store, for a test to work on."""
    return shutil.copytree(trained, tmp_path / "trained")


def test_the_whole_way_from_edge_cases_to_a_new_champion_and_back(call: Call, store: Path, files: Files) -> None:
    where = ("--store", store)
    said = call("collect", "loans", SOUTH, "--since", "2026-02-02", *where)
    assert re.match(r"3,3\d\d events collected as \"region = 'south'\"\.\n", said.out)
    assert f"--mix \"region = 'south'=0.5\" --store {store}" in said.out

    mix = ("--mix", "reference=0.2", "--mix", f"{SOUTH}=0.8")
    said = call("retrain", "loans", "--fit", f"{files.fit}:fit", *mix, "--now", "2026-02-20", *where)
    assert said.status == 0
    run = re.match(r"Run ([0-9a-f]{8}) has learned from ", said.out)
    assert run
    assert re.search(r"^reference of version 1 +5,600 +20 %", said.out, re.MULTILINE)
    assert said.out.endswith(f"Next: retrue prove loans {run[1]} --store {store}\n")

    said = call("prove", "loans", *where)
    assert said.status == 0
    assert re.match(
        r"May be promoted: ROC AUC 0\.\d+ against the champion's 0\.\d+ \(\+\d+ points, \d+ to \d+\) on ", said.out
    )
    assert re.search(r"^edge cases: region = 'south' +ROC AUC .* ▲ better", said.out, re.MULTILINE)
    assert said.out.endswith(f"Next: retrue promote loans {run[1]} --store {store}\n")

    said = call("promote", "loans", run[1][:4], *where)
    assert said.out.startswith("Version 2 of loans is the champion; its model is ")
    assert json.loads(call("models", *where, "--json").out)[0]["version"] == "2"

    assert call("rollback", "loans", *where).out == "Version 1 of loans is the champion again.\n"
    assert json.loads(call("models", *where, "--json").out)[0]["version"] == "1"
    assert call("rollback", "loans", *where, "--json").status == 1


def test_what_was_promoted_can_be_proven_but_not_promoted_again(call: Call, proven: Path) -> None:
    """`prove` says so too, instead of naming a step that is refused."""
    assert call("promote", "loans", "--store", proven).status == 0
    said = call("prove", "loans", "--store", proven).out
    assert "But it can't be promoted: it is version 2 already. Hint: retrain" in said
    assert "Next: retrue promote" not in said
    assert call("promote", "loans", "--store", proven).status == 1


def test_each_step_as_json(call: Call, proven: Path) -> None:
    where = ("--store", proven, "--json")
    assert set(json.loads(call("collect", "loans", SOUTH, "--budget", "50", *where).out)) == {
        "name", "slice", "matched", "policy", "rows",
    }  # fmt: skip
    proof = json.loads(call("prove", "loans", *where).out)
    assert proof["passed"] is True
    assert proof["contests"][0]["metric"] == "roc_auc"
    promoted = json.loads(call("promote", "loans", *where).out)
    assert (promoted["status"], promoted["version"]) == ("promoted", "2")
    assert json.loads(call("rollback", "loans", *where).out) == {"model": "loans", "version": "1"}


def test_a_training_run_as_json_is_to_dict(call: Call, proven: Path, files: Files) -> None:
    given = ("--fit", f"{files.fit}:fit", "--mix", "log=1", "--now", "2026-02-20", "--holdout", "7d")
    said = json.loads(call("retrain", "loans", *given, "--store", proven, "--json").out)
    with rt.open(proven) as workspace:
        assert said == json.loads(json.dumps(workspace.model("loans").run(said["id"]).to_dict(), default=str))
    assert said["manifest"]["parts"][0]["part"] == "log"


def test_a_challenger_that_isnt_better_is_refused(call: Call, proven: Path, files: Files) -> None:
    """What was learned from before the drift knows nothing of it, and is judged on the south as it is now."""
    given = ("--fit", f"{files.fit}:fit", "--mix", "reference=1", "--now", "2026-02-20", "--store", proven)
    assert call("retrain", "loans", *given).status == 0
    said = call("prove", "loans", "--store", proven)
    assert said.status == 1
    assert said.out.startswith("Refused: ROC AUC is ")
    assert "Next:" not in said.out
    refused = call("promote", "loans", "--store", proven)
    assert (refused.status, refused.out) == (1, "")
    assert re.match(r"run [0-9a-f]{8} is not promoted: ROC AUC is ", refused.err)
    assert json.loads(call("models", "--store", proven, "--json").out)[0]["version"] == "1"


def test_nothing_collected_suggests_nothing(call: Call, store: Path) -> None:
    said = call("collect", "loans", "region = 'nowhere'", "--store", store).out
    assert said == "0 events collected as \"region = 'nowhere'\".\n"


def test_a_budget_says_of_how_many(call: Call, store: Path) -> None:
    said = call("collect", "loans", SOUTH, "--budget", "100", "--store", store).out
    assert re.match(r"100 events of [\d,]+ that match collected as ", said)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["collect", "loans", "regoin = 'x'"], "unknown column 'regoin' in slice"),
        (["collect", "loans", "drop table loans"], ""),
        (["collect", "loans", SOUTH, "--budget", "0"], "a budget of 0 rows in collection"),
        (["collect", "loans", SOUTH, "--since", "monday"], "'monday' is no time in --since: expected something like"),
        (["prove", "loans"], "no runs yet in model 'loans'. Hint: train a challenger first"),
        (["promote", "loans", "abc"], "no runs yet in model 'loans'"),
    ],
)
def test_what_cant_be_done_says_why(call: Call, store: Path, arguments: list[str], said: str) -> None:
    assert call(*arguments, "--store", store).error.startswith(f"error: {said}")


def test_an_unknown_run_is_named(call: Call, proven: Path) -> None:
    assert re.match(
        r"error: no run begins with 'xyz' in model 'loans': expected [0-9a-f]{8}",
        call("prove", "loans", "xyz", "--store", proven).error,
    )


@pytest.mark.parametrize(
    ("fit", "options", "said"),
    [
        ("fit", ["--mix", "lg=1"], "unknown part 'lg' in --mix: expected reference, log. Hint: did you mean 'log'?"),
        ("fit", ["--mix", "log=much"], "'much' is no share in --mix log"),
        ("fit", ["--mix", "log"], "'log' can't be read in --mix: expected NAME=VALUE"),
        ("fit", ["--mix", "log=0"], "share 0.0 of 'log': expected a positive number"),
        ("fit", ["--mix", "log=1", "--holdout", "2"], "a share of 2 in holdout"),
        ("fit", ["--mix", "log=1", "--holdout", "soon"], "'soon' as a length of time"),
        ("ft", ["--mix", "log=1"], "has no 'ft' in --fit. Hint: did you mean 'fit'?"),
        ("useless", ["--mix", "log=1"], "the trained model is a int: expected something with predict or predict_proba"),
    ],
)
def test_a_wrong_training_says_why(
    call: Call, store: Path, files: Files, fit: str, options: list[str], said: str
) -> None:
    given = ("--fit", f"{files.fit}:{fit}", "--now", "2026-02-20", "--store", store)
    assert said in call("retrain", "loans", *given, *options).error


@pytest.mark.parametrize(
    ("fit", "said"),
    [
        ("nowhere.py:fit", "no file 'nowhere.py' in --fit: expected FILE.py:NAME or MODULE:NAME"),
        ("no_such_module:fit", "'no_such_module' can't be imported: ModuleNotFoundError"),
        ("fit", "'fit' names no function in --fit"),
        ("wrong.py:fit", "'wrong.py' can't be imported: SyntaxError"),
    ],
)
def test_a_function_that_cant_be_loaded_says_why(call: Call, store: Path, fit: str, said: str) -> None:
    Path("wrong.py").write_text("def fit(:\n", encoding="utf-8")
    assert call("retrain", "loans", "--fit", fit, "--mix", "log=1", "--store", store).error.startswith(f"error: {said}")


def test_a_fit_that_fails_is_the_users_with_its_line(call: Call, store: Path, files: Files) -> None:
    given = ("--fit", f"{files.fit}:broken", "--mix", "log=1", "--now", "2026-02-20", "--store", store)
    error = call("retrain", "loans", *given).error
    found = re.search(
        r"training failed: ColumnNotFoundError: .*\(fit\.py, line 21\) in run (\w{8}) of 'loans'\. Hint: (.*)", error
    )
    assert found is not None
    assert found[2] == f"retrue logs --run {found[1]}"
    assert "ColumnNotFoundError" in call("logs", "--run", found[1], "--store", store).out


OWN = """
class Mine:
    def predict_proba(self, table):
        import numpy as np
        south = (table["region"] == "south").to_numpy()
        risk = 3 * (10.3 - np.log(table["income"].to_numpy())) + 0.02 * (table["age"].to_numpy() - 45)
        p = 1 / (1 + np.exp(1 - np.where(south, -risk, risk)))
        return np.column_stack([1 - p, p])

def fit(table, weights):
    return Mine()

def closed(table, weights):
    model = Mine()
    model.later = __import__("threading").Lock()
    return model
"""


def test_a_model_of_ones_own_class_is_promoted_from_the_folder_that_holds_it(store: Path, tmp_path: Path) -> None:
    """Each command is a process of its own: the class must be found again."""
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")

    def started(*arguments: object, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        command = [str(SCRIPT), *map(str, arguments), "--store", str(store)]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)

    done = started("retrain", "loans", "--fit", "own.py:fit", "--mix", "log=1", "--now", "2026-02-20")
    assert done.returncode == 0, done.stderr
    elsewhere = started("promote", "loans", cwd=store)
    assert elsewhere.returncode == 2
    assert "the trained model can't be loaded: No module named 'own'" in elsewhere.stderr
    assert started("promote", "loans").returncode == 0


def test_a_model_that_cant_be_kept_is_refused(call: Call, store: Path) -> None:
    Path("own2.py").write_text(OWN, encoding="utf-8")
    error = call(
        "retrain", "loans", "--fit", "own2.py:closed", "--mix", "log=1", "--now", "2026-02-20", "--store", store
    ).error
    assert error.startswith("error: training failed: the trained model can't be kept: ")


def test_an_installed_module_will_do(call: Call, proven: Path) -> None:
    """And a scikit-learn estimator in place of a function."""
    Path("mine.py").write_text(
        "from sklearn.dummy import DummyClassifier\nmodel = DummyClassifier(strategy='prior')\n", encoding="utf-8"
    )
    given = ("--fit", "mine:model", "--mix", "log=1", "--now", "2026-02-20", "--store", proven)
    assert call("retrain", "loans", *given).status == 0
    assert call("prove", "loans", "--store", proven).status in (0, 1)
