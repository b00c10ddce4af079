"""A model in production by commands: register, log, label, feedback, check, incidents, explain, quarantine, models."""

from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
import pytest
from tests.cli.conftest import ROLES, Call, Files, loans

import retrue as rt

# --- register ---------------------------------------------------------------------------------------------------------


def test_registering_shows_what_was_understood(call: Call, files: Files) -> None:
    said = call("register", "loans", "-r", files.reference, *ROLES, "--window", "1d", "--maturity", "2d")
    assert said.status == 0
    lines = said.out.splitlines()
    assert lines[0] == "loans is registered in store, version 1."
    assert lines[1] == (
        "Windows of 1 day by 'at', judged as soon as they end; false alarms: 1 per 30d; labels are final after 2 days."
    )
    assert re.search(r"^income +numeric +numbers with fractions", said.out, re.MULTILINE)
    assert lines[-1] == "Next: retrue log loans EVENTS"


def test_registering_says_which_roles_are_lacking(call: Call, files: Files) -> None:
    said = call("register", "loans", "-r", files.reference).out
    assert "No time: events count when they arrive. Hint: --time COLUMN" in said
    assert "No label: performance can't be measured. Hint: --label COLUMN" in said
    assert "No score and no prediction" in call("register", "b", "-r", files.reference, "--label", "defaulted").out


def test_registering_gives_schema_and_options_as_json(call: Call, files: Files, tmp_path: Path) -> None:
    said = json.loads(call("register", "loans", "-r", files.reference, *ROLES, "--slice", "region", "--json").out)
    model = rt.open(tmp_path / "store").model("loans")
    assert said["schema"] == json.loads(json.dumps(model.schema.to_dict()))
    assert said["options"]["window"] == 7 * 86_400
    assert (said["model"], said["version"]) == ("loans", "1")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["b/d"], "'b/d' can't name a model: expected letters, digits, '.', '_' and '-'"),
        (["loans", "--slice", "income"], "slice column 'income' isn't categorical"),
        (["loans", "--window", "1x"], "'1x' as a length of time: expected"),
        (["loans", "--timezone", "Mars"], "unknown time zone 'Mars' in timezone"),
        (["loans", "--rule", "foo"], "a rule that doesn't parse: 'foo'"),
        (["loans", "--alarm-budget", "often"], "an alarm budget 'often': expected"),
        (["loans", "--label", "defalted"], "unknown column 'defalted' in role label"),
    ],
)
def test_a_registration_that_is_refused_leaves_nothing(
    call: Call, files: Files, arguments: list[str], said: str
) -> None:
    name, *options = arguments
    assert call("register", name, "-r", files.reference, *options).error.startswith(f"error: {said}")
    assert call("models").out.startswith("No models yet.") or not Path("store").exists()
    assert call("register", "loans", "-r", files.reference).status == 0


def test_a_name_is_taken_once(call: Call, files: Files, store: Path) -> None:
    error = call("register", "loans", "-r", files.reference, "--store", store).error
    assert error.startswith("error: there is a model 'loans' already in ")


def test_what_a_crash_left_of_a_registration_doesnt_keep_the_name(call: Call, files: Files, tmp_path: Path) -> None:
    """Without a version, it is no model yet."""
    with rt.open(tmp_path / "store") as workspace:
        model = workspace.register("loans", files.reference)
        with workspace.store.catalog.write() as tx:
            for version in model.versions():
                tx.remove(type(version), model="loans")
    assert call("register", "loans", "-r", files.reference).status == 0


# --- what comes in ----------------------------------------------------------------------------------------------------


@pytest.fixture
def fresh(call: Call, files: Files) -> str:
    """Register a model in ./store, without any event."""
    assert call("register", "loans", "-r", files.reference, *ROLES, "--window", "1d").status == 0
    return "loans"


@pytest.fixture
def events(tmp_path: Path) -> pl.DataFrame:
    """A few events without labels."""
    return loans(14, 1).drop("defaulted").head(20)


def test_logging_counts_new_rows_and_repeats(call: Call, fresh: str, events: pl.DataFrame) -> None:
    events.write_csv("events.csv")
    assert call("log", fresh, "events.csv").out == "20 events taken.\nNext: retrue check loans\n"
    assert call("log", fresh, "events.csv").out == "0 events taken.\n  20 were here already\n"


def test_a_batch_with_a_key_is_taken_once(call: Call, fresh: str, events: pl.DataFrame) -> None:
    events.write_csv("events.csv")
    first, again = (call("log", fresh, "events.csv", "--key", "a", "--json") for _ in range(2))
    assert json.loads(first.out) == json.loads(again.out)
    assert json.loads(call("models", "--json").out)[0]["events"] == 20


def test_json_is_what_python_gives(call: Call, fresh: str, events: pl.DataFrame) -> None:
    events.write_csv("events.csv")
    said = json.loads(call("log", fresh, "events.csv", "--json").out)
    assert said == {"accepted": 20, "quarantined": 0, "reasons": {}, "counts": {}, "changes": []}


def test_a_differing_repeat_is_set_aside(call: Call, fresh: str, events: pl.DataFrame) -> None:
    events.write_csv("events.csv")
    first = pl.int_range(pl.len()) < 3
    events.with_columns(pl.when(first).then(-1.0).otherwise("income").alias("income")).write_csv("other.csv")
    call("log", fresh, "events.csv")
    said = call("log", fresh, "other.csv")
    assert said.status == 0
    assert said.out.splitlines() == [
        "0 events taken.",
        "  17 were here already",
        "3 rows set aside:",
        "  3  differs from the event that was logged first",
        "Next: retrue quarantine loans",
    ]


def test_single_bad_rows_are_set_aside_and_the_rest_is_taken(call: Call, fresh: str, events: pl.DataFrame) -> None:
    row = pl.int_range(pl.len())
    odd = events.with_columns(
        pl.when(row < 2).then(pl.lit("lots")).otherwise(pl.col("income").cast(pl.String)).alias("income"),
        pl.when(row == 5).then(pl.lit("2099-01-01T00:00:00")).when(row == 6).then(pl.lit("noon"))
        .otherwise(pl.col("at").dt.to_string("iso:strict")).alias("at"),
    )  # fmt: skip
    odd.write_csv("odd.csv")
    said = call("log", fresh, "odd.csv")
    assert said.out.splitlines()[0] == "16 events taken."
    assert "is now String" not in said.out, "two texts among 20 numbers make the file's column text, not the feature"
    assert "4 rows set aside:\n  2  " in said.out
    listed = call("quarantine", fresh).out
    assert listed.startswith("4 rows set aside; nothing of them was lost")
    assert re.search(r"events +14-6 +impossible time: noon is not a time", listed)
    assert re.search(r"events +14-0 +wrong type: column 'income' has 'lots', expected Float64", listed)
    assert {row["id"] for row in json.loads(call("quarantine", fresh, "--json").out)} == {
        "14-0",
        "14-1",
        "14-5",
        "14-6",
    }


def test_changed_columns_are_named(call: Call, fresh: str, events: pl.DataFrame) -> None:
    events.rename({"region": "area"}).with_columns(pl.col("age").cast(pl.String), extra=1).write_parquet("new.parquet")
    said = call("log", fresh, "new.parquet").out
    assert "'age' was Int64 and is now String." in said
    assert "'extra' (Int32) is new." in said
    assert "region" in said
    checked = call("check", fresh, "--now", "2026-03-01")
    assert checked.status == 1
    assert re.search(r"■ broken ", checked.out), "a column that isn't there any more alarms"
    # All of its values could be read, so it did no harm.
    assert re.search(r"◌ drifting \(notice\) +age .*'age' was Int64 and is now String", checked.out)
    assert re.search(r"◌ drifting \(notice\) +extra ", checked.out), "a new column alarms nobody"


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (["at", "income"], "column 'loan_id' is missing in events: expected loan_id, at"),
        (["loan_id", "income"], "column 'at' is missing in events: expected loan_id, at"),
    ],
)
def test_events_without_a_role_are_refused_and_leave_no_trace(
    call: Call, fresh: str, events: pl.DataFrame, columns: list[str], said: str
) -> None:
    events.select(columns).write_csv("events.csv")
    assert call("log", fresh, "events.csv").error == f"error: {said}"
    assert call("check", fresh, "--now", "2026-03-01").out.startswith("loans: no window has closed")


@pytest.mark.parametrize("verb", ["log", "label", "feedback"])
def test_a_file_without_rows_is_refused(call: Call, fresh: str, verb: str) -> None:
    Path("header.csv").write_text("loan_id,at\n", encoding="utf-8")
    assert call(verb, fresh, "header.csv").error.startswith("error: a table without rows in header.csv")


def test_labels_join_wait_correct_and_are_set_aside(call: Call, fresh: str, events: pl.DataFrame) -> None:
    events.write_csv("events.csv")
    call("log", fresh, "events.csv")
    labels = {"loan_id": ["14-0", "14-1", "later", None, "14-3"], "defaulted": ["0", "1", "1", "1", "maybe"]}
    pl.DataFrame(labels).write_csv("labels.csv")
    said = call("label", fresh, "labels.csv").out.splitlines()
    assert said[:2] == ["3 labels taken.", "  1 wait for their event"]
    assert said[2:5] == ["2 rows set aside:", "  1  missing id", "  1  wrong type: column 'defaulted' expected Int64"]
    pl.DataFrame({"loan_id": ["14-0", "14-1"], "defaulted": [1, 1]}).write_csv("again.csv")
    assert call("label", fresh, "again.csv").out.splitlines()[:3] == [
        "1 label taken.",
        "  1 said what was known already",
        "  1 corrected an earlier label",
    ]


def test_labels_without_the_label_are_refused(call: Call, fresh: str) -> None:
    Path("labels.csv").write_text("loan_id,truth\n14-0,1\n", encoding="utf-8")
    assert (
        "column 'defaulted' is missing in labels: expected loan_id, defaulted"
        in call("label", fresh, "labels.csv").error
    )


def test_feedback_is_many_for_an_id_and_idempotent(call: Call, fresh: str, events: pl.DataFrame) -> None:
    events.write_csv("events.csv")
    call("log", fresh, "events.csv")
    pl.DataFrame({"loan_id": ["14-0", "14-0", "14-1"], "click": [True, False, True]}).write_csv("clicks.csv")
    assert call("feedback", fresh, "clicks.csv").out.startswith("3 rows taken.\n")
    assert call("feedback", fresh, "clicks.csv").out == "0 rows taken.\n  3 were here already\n"


# --- check, incidents, explain ----------------------------------------------------------------------------------------


def test_checking_tells_each_finding_once_with_its_windows(call: Call, store: Path) -> None:
    call("recount", "--store", store)
    with rt.open(store) as workspace:
        model = workspace.model("loans")
        for window in model.store.windows("loans"):
            with model.store.catalog.write() as tx:
                tx.put(type(window)(**{**vars(window), "applied": window.applied + 1}))  # as if something had changed
    said = call("check", "loans", "--now", "2026-02-16T12:00", "--store", store)
    assert said.status == 1
    lines = said.out.splitlines()
    assert lines[0] == "loans is out of true in 14 of 28 windows judged."
    told = [line for line in lines if line.startswith("▲ degraded")]
    assert len(told) == 6, "two metrics, of all rows and of the south, and what the scores don't explain of each"
    assert re.search(r"^▲ degraded +ROC AUC +14 +2026-02-02 to 2026-02-15 +0\.38 ", said.out, re.MULTILINE)
    assert re.search(r"^◌ drifting \(notice\) +region +14 +2026-02-02 to 2026-02-15 ", said.out, re.MULTILINE)
    assert lines[-1] == f"Next: retrue incidents loans --store {store}"


def test_nothing_new_is_in_true(call: Call, store: Path) -> None:
    said = call("check", "--now", "2026-02-16T12:00", "--store", store)
    assert (said.status, said.out) == (0, "loans: no window has closed or changed since the last check.\n")


def test_checking_gives_verdicts_as_json(call: Call, files: Files, fresh: str) -> None:
    call("log", fresh, files.calm, "--at", "2026-02-02")
    verdicts = json.loads(call("check", fresh, "--now", "2026-02-02T12:00", "--json").out)
    assert {verdict["kind"] for verdict in verdicts} <= {"true", "not_comparable", "drifting"}
    assert set(verdicts[0]) == {
        "kind", "reason", "metric", "column", "slice", "window", "value", "interval", "n", "threshold",
    }  # fmt: skip
    assert json.loads(call("check", "--now", "2026-02-02T12:00", "--json").out) == {"loans": []}


def test_windows_are_compared_with_what_is_said(call: Call, files: Files, fresh: str) -> None:
    call("log", fresh, files.reference)
    said = json.loads(call("check", fresh, "--against", "previous", "--now", "2026-02-01", "--json").out)
    first = min(v["window"][0] for v in said)
    assert {v["kind"] for v in said if v["window"][0] == first and v["column"]} == {"not_comparable"}
    assert "a window compared with 'yesterday'" in call("check", fresh, "--against", "yesterday").err


def test_models_of_a_group_share_a_budget_and_windows_may_be_longer(call: Call, files: Files) -> None:
    watched = ("--window", "1d", "--group", "risk", "--against", "last 7d", "--longer", "7d")
    call("register", "a", "-r", files.reference, *ROLES, *watched, "--alarm-budget", "2 per week")
    said = call("register", "b", "-r", files.reference, *ROLES, *watched).out.splitlines()[1]
    assert said == (
        "Windows of 1 day and 1 week by 'at', judged as soon as they end; compared with: last 7d; "
        "false alarms: 2 per week for the 2 models of group 'risk'."
    )
    assert call("models").out.count("2 per week, group 'risk'") == 2
    other = call("register", "c", "-r", files.reference, *ROLES, *watched, "--alarm-budget", "1 per 30d")
    assert (other.status, "expected '2 per week', which 'a' has" in other.err) == (2, True)


def test_calm_windows_are_in_true(call: Call, files: Files, fresh: str) -> None:
    call("log", fresh, files.calm, "--at", "2026-02-02")
    said = call("check", fresh, "--now", "2026-02-02T12:00")
    assert said.status == 0
    assert said.out.startswith("loans is in true: 14 windows judged.")


def test_incidents_are_listed_with_what_to_type_next(call: Call, store: Path) -> None:
    said = call("incidents", "loans", "--store", store).out
    found = json.loads(call("incidents", "loans", "--store", store, "--json").out)
    assert said.startswith("1 incident.\n")
    assert re.search(rf"{found[0]['id']} +\w+ +▲ degraded +open +Since 2 February 2026, ", said)
    assert said.endswith(f"Next: retrue explain loans {found[0]['id']} --store {store}\n")
    with rt.open(store) as workspace:
        assert found == [json.loads(json.dumps(one.to_dict())) for one in workspace.model("loans").incidents()]


def test_without_incidents_the_next_step_is_a_check(call: Call, fresh: str) -> None:
    assert call("incidents", fresh).out == "No incidents. Next: retrue check loans\n"
    assert call("incidents", fresh, "--live", "--json").out == "[]\n"


def test_explaining_finds_the_south(call: Call, store: Path) -> None:
    """Where the planted drift is: two in three events come from there, and its rule has turned round."""
    said = call("explain", "loans", "--store", store).out
    assert said.startswith("Since 2 February 2026, ")
    assert re.search(r"^since +2026-02-02 \(UTC\), it lasts", said, re.MULTILINE)
    assert re.search(r"^cost +ROC AUC is 3\d points lower \(3\d to \d\d\)", said, re.MULTILINE)
    assert re.search(r"^It went wrong most where .*region = 'south'.*: the mean loss went from ", said, re.MULTILINE)
    assert re.search(r"^A few rows where .*region = 'south'", said, re.MULTILINE)
    assert re.search(r"^Next: retrue collect loans \".*region = 'south'.*\" --store ", said, re.MULTILINE)


def test_explaining_gives_to_dict_as_json(call: Call, store: Path) -> None:
    said = json.loads(call("explain", "loans", "--store", store, "--json").out)
    assert said["since"] == "2026-02-02T00:00:00+00:00"
    assert "region = 'south'" in said["slices"][0]["slice"]
    assert said["features"][0]["column"] == "region"
    assert said["examples"][0]["at"].startswith("2026-02-")


def test_an_incident_is_found_by_the_start_of_its_id(call: Call, store: Path) -> None:
    found = json.loads(call("incidents", "loans", "--store", store, "--json").out)[0]["id"]
    assert call("explain", "loans", found[:4], "--store", store).out == call("explain", "loans", "--store", store).out


@pytest.mark.parametrize("command", [("explain", "loans"), ("explain", "loans", "abc")])
def test_there_may_be_nothing_to_explain(call: Call, fresh: str, command: tuple[str, ...]) -> None:
    assert call(*command).error.startswith("error: no incidents yet in model 'loans'. Hint: ")


def test_an_unknown_incident_is_named(call: Call, store: Path) -> None:
    assert "no incident begins with 'xyz' in model 'loans'" in call("explain", "loans", "xyz", "--store", store).error


# --- models -----------------------------------------------------------------------------------------------------------


def test_models_are_listed_with_how_they_stand(call: Call, store: Path) -> None:
    said = call("models", "--store", store).out
    assert re.search(r"^loans +1 +11\.2k +100 % +1, \w+ +1 per 30d\s*$", said, re.MULTILINE)
    assert json.loads(call("models", "--store", store, "--json").out) == [
        {
            "model": "loans",
            "version": "1",
            "events": 11_200,
            "labelled": 11_200,
            "open_incidents": 1,
            "severity": "critical",
            "alarm_budget": "1 per 30d",
            "group": None,
        }
    ]


@pytest.mark.parametrize(
    "command", ["log lons x.csv", "check lons", "incidents lons", "quarantine lons", "recount lons"]
)
def test_an_unknown_model_suggests_the_nearest(call: Call, store: Path, command: str) -> None:
    Path("x.csv").write_text("loan_id,at\n1,2026-02-01\n", encoding="utf-8")
    error = call(*command.split(), "--store", store).error
    assert error == f"error: unknown model 'lons' in {store}. Hint: did you mean 'loans'?"


def test_an_unknown_model_with_no_near_name_is_told_which_there_are(call: Call, store: Path) -> None:
    assert (
        call("check", "fraud", "--store", store).error == f"error: unknown model 'fraud' in {store}: expected 'loans'"
    )


def test_help_names_the_tables_of_the_settings_file(call: Call) -> None:
    """In help, square brackets that aren't escaped are taken for markup and vanish."""
    said = call("register", "--help").out
    assert "[models.NAME]" in said
    assert "[store]" in said
