"""`retrue.toml`: what it can say, where it is found, and that whatever is wrong in it is named."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.config import AlarmBudget, Config, ModelSettings, find, load, parse, parse_duration
from retrue.errors import ConfigError
from retrue.judge.budget import Budget
from retrue.schema import Schema
from retrue.workspace.options import Options, seconds

WHOLE = """
[store]
path = "store"
catalog = "postgresql://retrue@localhost/retrue"
engine = "spark"

[models.flights]
reference = "train.parquet"
validation = "later.parquet"
id = "flight_id"
time = "scheduled"
version = "v"
label = "late"
score = "p_late"
prediction = "said"
latency = "ms"
weight = "w"
value = "fare"
features = ["origin", "precip"]
slices = ["origin", "carrier"]
feedback = ["click"]
kinds = { carrier = "categorical" }
projections = { note = ["words", "new_words"] }
task = "binary"
positive = "1"
value_matrix = { tp = 100, fp = -5.5 }
timezone = "America/New_York"
window = "1d"
grace = "2h"
maturity = "1w"
coverage = 0.5
alarm_budget = "2 per week"
group = "flights"
rules = ["missing(precip) <= 0.02"]
calm = 3
against = "last 7d"
longer = ["1w"]
impact = "f1"
estimate = "cbpe"
watch = ["precip"]
privacy = { tail = "hash" }
keep = { share = "5 %", always = ["precip > 1"] }
retraining = { when = "benefit", label = 0.05 }
sources = { events = { delta = "s3://lake/predictions" } }

[models."churn-2.0"]
score = { stay = "p_stay", leave = "p_leave" }
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "retrue.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_everything_that_can_be_said_is_typed(tmp_path: Path) -> None:
    """Lengths of time and the alarm budget are values; rules stay text; the store's path is absolute."""
    config = load(write(tmp_path, WHOLE))
    flights = config.models["flights"]
    assert config.store.path == str(tmp_path / "store")
    assert (flights.window, flights.grace, flights.maturity) == (timedelta(1), timedelta(hours=2), timedelta(7))
    assert flights.alarm_budget == AlarmBudget(alarms=2, days=7)
    assert flights.rules == ("missing(precip) <= 0.02",)
    assert (flights.against, flights.longer) == ("last 7d", (timedelta(7),))
    assert flights.slices == ("origin", "carrier")
    assert config.models["churn-2.0"].score == {"stay": "p_stay", "leave": "p_leave"}


def test_the_example_covers_every_key() -> None:
    """A key that is added is added to the example above."""
    assert all(f"\n{key} = " in WHOLE for key in ModelSettings.model_fields)


def test_what_is_said_fits_register() -> None:
    """Roles are keywords of `Schema.infer`, options those of the workspace; only what was said is given."""
    said = parse({"models": {"m": {"label": "y", "score": "p", "window": "1h", "alarm_budget": "2 per week"}}}).models[
        "m"
    ]
    assert said.roles() == {"label": "y", "score": "p"}
    assert Schema.infer({"y": [0, 1], "p": [0.1, 0.9], "x": [1.0, 2.0]}, **said.roles()).label == "y"
    options = Options.of(said.options(), window=86_400)
    assert (options.window, options.alarm_budget) == (3_600, "2 per 7d")


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    """Nothing said is nothing wrong."""
    assert load(write(tmp_path, "")) == Config()
    assert Config().store.path is None


def test_settings_cannot_be_changed_later() -> None:
    """A configuration is a value."""
    with pytest.raises(pydantic.ValidationError):
        Config().store.path = "x"


def test_the_file_is_found_in_a_folder_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest one counts, and its store is beside it."""
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    write(tmp_path, '[store]\npath = "outer"')
    monkeypatch.chdir(below)
    assert load().store.path == str(tmp_path / "outer")
    write(below.parent, '[store]\npath = "../inner"')
    assert load().store.path == str(tmp_path / "inner")
    assert find(tmp_path) == tmp_path / "retrue.toml"


def test_no_file_at_all_gives_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retrue works without a configuration."""
    monkeypatch.chdir("/")
    if find() is None:
        assert load() == Config()


@pytest.mark.parametrize("path", ["s3://bucket/store", "http://host/x"])
def test_a_url_stays_as_it_is(tmp_path: Path, path: str) -> None:
    assert load(write(tmp_path, f'[store]\npath = "{path}"')).store.path == path


def test_a_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert load(write(tmp_path, '[store]\npath = "~/store"')).store.path == str(tmp_path / "home" / "store")


M = "[models.m]\n"
BAD = {
    "an unknown table": (
        "[stor]\npath = 'x'",
        "unknown key 'stor' in FILE: expected store, models, server, retention, channels, mlflow, trainers.",
    ),
    "an unknown key": (
        M + "lable = 'y'",
        "unknown key 'lable' in [models.m] of FILE: expected reference, validation, id,",
    ),
    "the nearest key": (M + "lable = 'y'", "Hint: did you mean 'label'?"),
    "an unknown key of the store": (
        "[store]\npaht = 'x'",
        "unknown key 'paht' in [store] of FILE: expected path, catalog, engine. Hint",
    ),
    "two wrong keys": (M + "lable = 'y'\nscor = 'p'", "unknown key 'lable' (1 more) in [models.m]"),
    "a number for a column": (M + "label = 5", "label = 5 in [models.m] of FILE: expected text"),
    "an empty column": (M + "label = ''", "label = '' in [models.m] of FILE: expected text that isn't empty"),
    "text for a list": (M + "features = 'a'", "features = 'a' in [models.m] of FILE: expected a list of texts"),
    "a number in a list": (M + "features = ['a', 5]", "features[1] = 5 in [models.m] of FILE: expected text"),
    "a list as a score": (M + "score = ['p']", "expected a column, or a table of columns by class"),
    "numbers in a score": (M + "score = { yes = 1 }", "expected a column, or a table of columns by class"),
    "an empty score": (M + "score = {}", "expected a column, or a table of columns by class"),
    "a score of no column": (M + "score = { yes = '' }", "expected a column, or a table of columns by class"),
    "a list as kinds": (M + "kinds = ['x']", "kinds = ['x'] in [models.m] of FILE: expected a table"),
    "a number as a window": (M + "window = 3600", "window = 3600 in [models.m] of FILE: expected a length of time"),
    "a window in words": (M + "window = 'an hour'", "window = 'an hour' in [models.m] of FILE: expected a length"),
    "a unit that isn't": (M + "window = '5y'", 'expected a length of time such as "90s"'),
    "an empty window": (M + "window = '0s'", "above zero"),
    "a negative grace": (M + "grace = '-1h'", "grace = '-1h'"),
    "an endless maturity": (M + "maturity = '99999999999w'", "expected a length of time"),
    "an endless number": (M + f"maturity = '{'9' * 400}w'", "expected a length of time"),
    "too much coverage": (
        M + "coverage = 1.5",
        "coverage = 1.5 in [models.m] of FILE: expected less than or equal to 1",
    ),
    "no coverage": (M + "coverage = 0", "expected greater than 0"),
    "coverage as text": (M + "coverage = 'all'", "expected a valid number"),
    "a budget of nothing": (M + "alarm_budget = '0 per 30d'", "expected false alarms in a time, such as"),
    "a budget in no time": (M + "alarm_budget = '1 per 0d'", "expected false alarms in a time, such as"),
    "a budget of a number": (M + "alarm_budget = 1", "alarm_budget = 1 in [models.m] of FILE: expected false alarms"),
    "half a budget": (M + "alarm_budget = '1 per'", "alarm_budget = '1 per'"),
    "an endless budget": (M + f"alarm_budget = '{'9' * 400} per day'", "expected false alarms in a time"),
    "a rule alone": (M + "rules = 'missing(x) <= 1'", "expected a list of texts"),
    "an empty rule": (M + "rules = ['']", "rules[0] = '' in [models.m] of FILE: expected text that isn't empty"),
    "no time zone": (M + "timezone = 'Mars/Olympus'", "expected a time zone such as"),
    "a path as a time zone": (M + "timezone = '../../etc/passwd'", "expected a time zone such as"),
    "a null byte as a time zone": (M + 'timezone = "a\\u0000"', "expected a time zone such as"),
    "half a calm window": (M + "calm = 1.5", "calm = 1.5 in [models.m] of FILE: expected a whole number"),
    "no calm": (M + "calm = 0", "expected greater than or equal to 1"),
    "a model that is no table": ("[models]\nm = 5", "m = 5 in [models] of FILE: expected a table"),
    "models that are no table": ("models = 5", "models = 5 in FILE: expected a table"),
    "a store that is no table": ("store = 'x'", "store = 'x' in FILE: expected a table"),
    "a model's name with a slash": (
        "[models.'a/b']",
        "the name 'a/b' in [models] of FILE: expected letters, digits and . _ -",
    ),
    "a model without a name": ("[models.'']", "the name '' in [models]"),
    "a long value": (M + f"window = '{'x' * 500}'", "x…"),
    "no TOML": ("[store\npath", "in FILE: expected TOML"),
    "a key twice": ("[store]\npath = 'a'\npath = 'b'", "Cannot overwrite a value"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD.keys())
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    """The key, what it says, where, and what was expected; never a traceback of pydantic."""
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(file)
    told = str(caught.value)
    assert message.replace("FILE", str(file)) in told
    assert "pydantic" not in told
    assert len(told) < 500 + 2 * len(str(file))


def test_a_missing_file_that_was_named_is_an_error(tmp_path: Path) -> None:
    """Only what was looked for may be missing."""
    with pytest.raises(ConfigError, match=r"no file '.*other\.toml'"):
        load(tmp_path / "other.toml")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        load(tmp_path)


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    """By their place."""
    file = tmp_path / "retrue.toml"
    file.write_bytes(b"[store]\npath = '\xff'")
    with pytest.raises(ConfigError, match="byte 16 isn't UTF-8"):
        load(file)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    """A permission is told as one."""
    file = write(tmp_path, "")
    file.chmod(0)
    with pytest.raises(ConfigError, match="Permission denied"):
        load(file)


@pytest.mark.parametrize("text", ["90s", "15m", "1h", "1d", "2w", "1.5h"])
def test_lengths_of_time_mean_what_the_workspace_reads(text: str) -> None:
    """One notation everywhere."""
    assert parse_duration(text).total_seconds() == seconds(text)


@given(st.integers(1, 10**6), st.integers(1, 10**4), st.sampled_from(["d", " days", "w", " week"]))
def test_an_alarm_budget_is_printed_as_it_is_read(alarms: int, days: int, unit: str) -> None:
    """And the judge reads the same."""
    budget = AlarmBudget.parse(f"{alarms / 8} per {days}{unit}")
    judged = Budget.parse(f"{alarms / 8} per {days}{unit}")
    assert AlarmBudget.parse(str(budget)) == budget == AlarmBudget(judged.alarms, judged.days)
