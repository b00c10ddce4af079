"""`retrue compare` and `retrue reference`: the answer that Python gives, from any file, and the exit status."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from tests.cli.conftest import ROLES, Call, Files, loans

import retrue as rt

KINDS = ("parquet", "csv", "csv.gz", "ndjson", "delta", "glob")


def written(kind: str, folder: Path, table: pl.DataFrame) -> str:
    """Write a table in one of the kinds of files, and say how it is named."""
    path = folder / f"window.{kind}"
    if kind == "parquet":
        table.write_parquet(path)
    elif kind.startswith("csv"):
        table.write_csv(path, compression="gzip" if kind.endswith("gz") else "uncompressed")
    elif kind == "ndjson":
        table.write_ndjson(path)
    elif kind == "delta":
        table.write_delta(path)
    else:
        for half in (0, 1):
            table[half::2].write_parquet(folder / f"part-{half}.parquet")
        return str(folder / "part-*.parquet")
    return str(path)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_is_compared(call: Call, files: Files, tmp_path: Path, kind: str) -> None:
    window = loans(28, 14, south=0.6).drop("defaulted", "p_default", "at", "loan_id")
    said = call("compare", files.reference, written(kind, tmp_path, window), "--fail-on", "drifting", "--json")
    verdicts = {v["column"]: v["kind"] for v in json.loads(said.out)["verdicts"] if v["column"] in window.columns}
    assert verdicts == {"income": "true", "age": "true", "channel": "true", "region": "drifting"}
    assert said.status == 1


def test_json_is_to_dict(call: Call, files: Files) -> None:
    """With labels on both sides, so that performance is in it."""
    said = call("compare", files.reference, files.reference, *ROLES, "--json")
    ours = rt.compare(
        files.reference, files.reference, id="loan_id", time="at", label="defaulted", score="p_default"
    ).to_dict()
    assert json.loads(said.out) == json.loads(json.dumps(ours))
    assert json.loads(said.out)["performance"]["roc_auc"]["window"] == pytest.approx(0.82, abs=0.02)


def test_the_same_table_is_in_true(call: Call, files: Files) -> None:
    said = call("compare", files.reference, files.reference)
    assert (said.status, said.err) == (0, "")
    assert "in true" in said.out


def test_a_degraded_model_is_out_of_true(call: Call, files: Files, tmp_path: Path) -> None:
    loans(28, 14, south=0.6, turned=True).write_parquet(tmp_path / "w.parquet")
    said = call("compare", files.reference, "w.parquet", *ROLES)
    assert said.status == 1
    assert "ROC AUC" in said.out
    assert "degraded" in said.out


def test_labels_that_are_yet_to_come_are_no_fault(call: Call, files: Files) -> None:
    said = call("compare", files.reference, files.calm, *ROLES)
    assert said.status == 0
    assert "no labels: performance is estimated" in said.out


def test_performance_is_estimated_until_labels_come(call: Call, files: Files) -> None:
    """In the terminal and as JSON; where there are labels, there is nothing to estimate."""
    said = call("compare", files.reference, files.calm, *ROLES).out
    table = said[said.index("Estimated, without labels") :].splitlines()
    assert table[1].startswith("ROC AUC")
    found = json.loads(call("compare", files.reference, files.calm, *ROLES, "--json").out)
    assert found["performance"] == {}
    low, high = found["estimated"]["roc_auc"]["interval"]
    assert low < found["estimated"]["roc_auc"]["reference"] < high
    assert "estimated" not in json.loads(call("compare", files.reference, files.reference, *ROLES, "--json").out)


def test_only_the_rows_of_a_slice_are_compared(call: Call, files: Files, tmp_path: Path) -> None:
    loans(28, 14, south=0.6, turned=True).write_parquet(tmp_path / "w.parquet")
    assert call("compare", files.reference, "w.parquet", *ROLES, "--where", "region = 'south'").status == 1
    assert call("compare", files.reference, "w.parquet", *ROLES, "--where", "region <> 'south'").status == 0


def test_slices_show_where_the_model_fails(call: Call, files: Files, tmp_path: Path) -> None:
    """The south is a fifth of the traffic; there the risk turned round."""
    loans(28, 14, turned=True).write_parquet(tmp_path / "w.parquet")
    said = call("compare", files.reference, "w.parquet", *ROLES, "--slice", "region", "--json")
    kinds = {v["slice"]: v["kind"] for v in json.loads(said.out)["verdicts"] if v["slice"] and v["metric"] == "roc_auc"}
    assert kinds == {"region = 'south'": "degraded", "region = 'north'": "true", "region = 'east'": "true"}
    assert said.status == 1
    shown = call("compare", files.reference, "w.parquet", *ROLES, "--slice", "region", "--html", "w.html").out
    assert "ROC AUC where region =" in shown
    assert "Inside slices" in (tmp_path / "w.html").read_text(encoding="utf-8")


def test_a_text_is_looked_at_through_what_is_named(call: Call, tmp_path: Path) -> None:
    notes = pl.DataFrame({"note": [f"late again {i % 40}" for i in range(200)]})
    notes.write_parquet(tmp_path / "notes.parquet")
    path = str(tmp_path / "notes.parquet")
    said = call("compare", path, path, "--kind", "note=text", "--projection", "note=words,new_words", "--json")
    assert set(json.loads(said.out)["columns"]) == {"note.words", "note.new_words"}
    wrong = call("compare", path, path, "--kind", "note=text", "--projection", "note=wrods")
    assert (wrong.status, "did you mean 'words'" in wrong.err) == (2, True)


def test_a_slice_column_of_numbers_is_refused(call: Call, files: Files) -> None:
    said = call("compare", files.reference, files.reference, "--slice", "income")
    assert "slice column 'income' isn't categorical" in said.error


def test_a_broken_rule_is_out_of_true(call: Call, files: Files) -> None:
    kept = call("compare", files.reference, files.reference, "--rule", "missing(income) <= 0.02")
    broken = call("compare", files.reference, files.reference, "--rule", "mean(age) <= 20")
    assert (kept.status, broken.status) == (0, 1)
    assert "mean(age) is 48.5 (48.0 to 49.0), but the rule says <= 20" in broken.out


def test_rows_that_break_a_comparison_are_counted(call: Call, tmp_path: Path) -> None:
    good = pl.DataFrame({"start": range(500), "end": range(1, 501)})
    good.write_csv(tmp_path / "good.csv")
    good.with_columns(pl.when(pl.col("start") < 100).then(-1).otherwise("end").alias("end")).write_csv(
        tmp_path / "bad.csv"
    )
    assert call("compare", "good.csv", "good.csv", "--row-rule", "start <= end").status == 0
    said = call("compare", "good.csv", "bad.csv", "--row-rule", "start <= end")
    assert said.status == 1
    assert "100 rows of 500 (20 %, 0 % in the reference) don't keep 'start <= end'" in said.out


def test_what_fails_can_be_chosen(call: Call, files: Files, tmp_path: Path) -> None:
    loans(28, 14, south=0.6, turned=True).write_parquet(tmp_path / "w.parquet")
    given = ("compare", files.reference, "w.parquet", *ROLES, "--fail-on")
    assert [call(*given, kinds).status for kinds in ("degraded", "broken", "broken, drifting", "none")] == [1, 0, 1, 0]


def test_a_bound_on_a_metric_fails_where_it_is_passed(call: Call, files: Files) -> None:
    given = ("compare", files.reference, files.drifted, *ROLES, "--fail-on", "none", "--max")
    said = call(*given, "js=0.2")
    assert (said.status, said.err) == (1, "region: js 0.3448 is more than 0.2\n")
    assert call(*given, "js=0.5").status == 0


def test_a_bound_holds_for_performance_too(call: Call, files: Files) -> None:
    said = call("compare", files.reference, files.reference, *ROLES, "--max", "brier=0.01")
    assert said.status == 1
    assert said.err.startswith("the model: brier 0.1")


def test_the_page_is_written_whole(call: Call, files: Files, tmp_path: Path) -> None:
    said = call("compare", files.reference, files.drifted, "--html", "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert said.out.endswith("Report: report.html\n")
    assert page.rstrip().endswith("</html>")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html"]


def test_json_stays_json_beside_a_page(call: Call, files: Files) -> None:
    said = call("compare", files.reference, files.drifted, "--html", "report.html", "--json")
    assert json.loads(said.out)["window"]["rows"] == 5600
    assert said.err == "Report: report.html\n"


def test_scores_of_several_classes_are_named_one_by_one(call: Call, tmp_path: Path) -> None:
    label = ["cat", "dog", "eel"] * 200
    scores = {f"p_{name}": [0.8 if each == name else 0.1 for each in label] for name in ("cat", "dog", "eel")}
    pl.DataFrame({"label": label, **scores}).write_csv(tmp_path / "animals.csv")
    given = [part for name in ("cat", "dog", "eel") for part in ("--score", f"{name}=p_{name}")]
    said = call("compare", "animals.csv", "animals.csv", "--label", "label", *given, "--task", "multiclass", "--json")
    assert json.loads(said.out)["performance"]["accuracy"]["window"] == 1.0


def test_a_kind_can_be_told(call: Call, files: Files) -> None:
    said = call("compare", files.reference, files.reference, "--kind", "age=categorical", "--json")
    assert json.loads(said.out)["columns"]["age"]["kind"] == "categorical"


# --- stored references ------------------------------------------------------------------------------------------------


def test_a_stored_reference_gives_the_same_answer(call: Call, files: Files, tmp_path: Path) -> None:
    said = call("reference", files.reference, "--save", "loans.retrue")
    assert said.status == 0
    assert "loans.retrue: learned from 5,600 rows" in said.out
    stored = json.loads(call("compare", "loans.retrue", files.drifted, "--json").out)
    assert stored == json.loads(call("compare", files.reference, files.drifted, "--json").out)


def test_a_stored_reference_says_what_it_is_as_json(call: Call, files: Files) -> None:
    said = json.loads(call("reference", files.reference, "--save", "loans.retrue", "--json").out)
    assert (said["file"], said["rows"]) == ("loans.retrue", 5600)


def test_a_stored_reference_keeps_its_roles(call: Call, files: Files) -> None:
    call("reference", files.reference, "--save", "loans.retrue")
    error = call("compare", "loans.retrue", files.drifted, "--id", "loan_id").error
    assert "id given beside a stored reference, whose rows are counted already" in error


@pytest.mark.parametrize("data", [b"", b"nothing of ours", None])
def test_a_damaged_reference_is_named(call: Call, files: Files, tmp_path: Path, data: bytes | None) -> None:
    call("reference", files.reference, "--save", "loans.retrue")
    path = tmp_path / "loans.retrue"
    whole = path.read_bytes()
    path.write_bytes(data if data is not None else whole[: len(whole) // 2])
    assert call("compare", "loans.retrue", files.drifted).status == 2


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.fixture
def bad(tmp_path: Path, files: Files) -> Path:
    """Files that can't be compared."""
    whole = files.reference.read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "junk.parquet").write_bytes(b"hello" * 100)
    (tmp_path / "latin.csv").write_bytes("name,x\nZ\xfcrich,1\nBern,2\n".encode("latin-1"))
    (tmp_path / "empty.csv").write_text("", encoding="utf-8")
    (tmp_path / "header.csv").write_text("a,b\n", encoding="utf-8")
    (tmp_path / "bad.ndjson").write_text('{"a":1}\n{"a":\n', encoding="utf-8")
    pl.DataFrame({"a": [1]}).clear().write_parquet(tmp_path / "empty.parquet")
    return tmp_path


@pytest.mark.parametrize(
    ("window", "said"),
    [
        ("nothing.csv", "no such file in nothing.csv. Hint: look at the path"),
        ("nothing-*.csv", "no file matches in 'nothing-*.csv'. Hint: "),
        ("empty.csv", "an empty file in empty.csv: expected a line with the names of the columns"),
        ("header.csv", "a table without rows in header.csv: expected at least one row"),
        ("empty.parquet", "a table without rows in empty.parquet: expected at least one row"),
        ("latin.csv", "text that is not UTF-8 in latin.csv, byte 8: expected UTF-8. Hint: write it as UTF-8"),
        ("cut.parquet", "a corrupt Parquet file"),
        ("junk.parquet", "a corrupt Parquet file"),
        ("bad.ndjson", "a line that isn't JSON in bad.ndjson, line 2: expected one object a line"),
        (".", "a folder that is no Delta table in .: expected a folder with a _delta_log"),
        ("nothing.retrue", "no such file in nothing.retrue"),
    ],
)
def test_a_table_that_cant_be_read_says_why(call: Call, files: Files, bad: Path, window: str, said: str) -> None:
    assert call("compare", files.reference, window).error.startswith(f"error: {said}")
    if not window.endswith(".retrue"):
        assert call("compare", window, files.reference).error.startswith(f"error: {said}")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--label", "defalted"], "unknown column 'defalted' in role label"),
        (["--time", "income"], "time 'income' is no time: expected dates or datetimes"),
        (["--task", "guess"], "unknown task 'guess': expected binary, multiclass, regression, ranking"),
        (["--kind", "age=nope"], "unknown kind 'nope' in column 'age'"),
        (["--kind", "age"], "'age' can't be read in --kind: expected NAME=VALUE"),
        (["--score", "yes=p", "--label", "defaulted"], "unknown column 'p' in role score"),
        (["--score", "a=x", "--score", "a=y"], "'a' is given twice in --score: expected each name once"),
        (["--where", "regoin = 'x'"], "unknown column 'regoin' in slice \"regoin = 'x'\""),
        (["--where", "region = 'nowhere'"], "a table without rows in ref.parquet where region = 'nowhere'"),
        (["--where", "import os"], ""),
        (["--rule", "foo"], "a rule that doesn't parse: 'foo'"),
        (["--rule", "mising(age) <= 0.1"], "unknown metric 'mising'. Hint: did you mean 'missing'?"),
        (["--rule", "missing(agee) <= 0.1"], "unknown column 'agee' in rule"),
        (["--row-rule", "age<income"], "a rule of rows that doesn't parse"),
        (["--row-rule", "age < incme"], "unknown column 'incme' in a rule of rows. Hint: did you mean 'income'?"),
        (["--fail-on", "brokn"], "unknown verdict kind 'brokn' in --fail-on"),
        (["--fail-on", ""], "unknown verdict kind '' in --fail-on"),
        (["--max", "kss=0.1"], "unknown metric 'kss'. Hint: did you mean 'ks'?"),
        (["--max", "ks=nan"], "'nan' is no number in --max ks"),
        (["--max", "ks=inf"], "'inf' is no number in --max ks"),
        (["--max", "ks=much"], "'much' is no number in --max ks"),
        (["--max", "roc_auc=0.5"], "'roc_auc' was measured nowhere in --max"),
        (["--html", "report.pdf"], "'report.pdf' is no name for a page in --html"),
        (["--html", "nowhere/r.html"], "no folder 'nowhere' in --html"),
    ],
)
def test_a_wrong_option_says_what_was_expected(call: Call, files: Files, options: list[str], said: str) -> None:
    assert call("compare", files.reference, files.reference, *options).error.startswith(f"error: {said}")


def test_a_reference_needs_its_ending_and_a_folder(call: Call, files: Files) -> None:
    assert "expected a name that ends in .retrue" in call("reference", files.reference, "--save", "loans.bin").error
    assert (
        "No such file or directory in nowhere/l.retrue"
        in call("reference", files.reference, "--save", "nowhere/l.retrue").error
    )


def test_the_positive_class_can_be_said(tmp_path: Path, call: Call) -> None:
    """A score for `ok` that is told to be one for `bad` turns the AUC round."""
    rows = pl.DataFrame({"y": ["bad", "ok"] * 200, "p": [0.2, 0.8, 0.4, 0.6] * 100})
    rows.write_csv(tmp_path / "a.csv")
    found = {}
    for positive in ("ok", "bad"):
        path = str(tmp_path / "a.csv")
        said = call("compare", path, path, "--label", "y", "--score", "p", "--positive", positive, "--json")
        found[positive] = json.loads(said.out)["performance"]["roc_auc"]["window"]
    assert found == {"ok": 1.0, "bad": 0.0}


def test_weights_are_named_by_an_option(call: Call, tmp_path: Path) -> None:
    """The first twelve rows hold nearly all the weight of the window."""
    table = loans(28, 14).with_columns(w=pl.lit(1.0))
    heavy = table.with_columns(w=pl.when(pl.int_range(pl.len()) < 12).then(1e6).otherwise(1.0))
    paths = [tmp_path / "reference.parquet", tmp_path / "window.parquet"]
    for frame, path in zip((table, heavy), paths, strict=True):
        frame.write_parquet(path)
    said = call("compare", str(paths[0]), str(paths[1]), "--weight", "w", "--json")
    told = json.loads(said.out)
    assert told["window"] == {"rows": table.height, "effective_rows": pytest.approx(12, abs=0.1)}
    assert told["columns"]["age"]["verdict"]["reason"] == "12 effective rows, needs 50"
    assert said.status == 0


def test_what_moves_cost_is_told_in_the_metric_that_was_asked_for(call: Call, tmp_path: Path) -> None:
    """By hand: all are right where x is low, none is found where it is high; a third of the rows move there."""
    for name, n in (("before", 100), ("after", 200)):
        low = pl.DataFrame({"x": ["low"] * (300 - n), "y": [0, 1] * (150 - n // 2), "p": [0.1, 0.9] * (150 - n // 2)})
        high = pl.DataFrame({"x": ["high"] * n, "y": [0, 1] * (n // 2), "p": [0.1, 0.2] * (n // 2)})
        pl.concat([low, high]).write_parquet(tmp_path / f"{name}.parquet")
    asked = ["--label", "y", "--score", "p", "--worth", "tp=100", "--impact", "value_per_event", "--json"]
    told = json.loads(call("compare", str(tmp_path / "before.parquet"), str(tmp_path / "after.parquet"), *asked).out)
    assert told["impacts"]["metric"] == "value_per_event"
    assert set(told["impacts"]["columns"]["x"]) == {"value", "interval"}
    assert told["impacts"]["columns"]["x"]["value"] == pytest.approx(-100 / 6, abs=3)
    assert told["performance"]["value_per_event"]["window"] == pytest.approx(100 / 6)
    said = call("compare", str(tmp_path / "before.parquet"), str(tmp_path / "after.parquet"), *asked, "--worth", "fp=x")
    assert said.status == 2
