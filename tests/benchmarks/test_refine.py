"""The benchmark of retraining: it runs, counts every label that a rule looked at, and its verdicts are right."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from benchmarks import refine
from benchmarks.looked import ids_of, listening
from benchmarks.refine import Told, gained, is_lost, looked_at
from benchmarks.replays import DATA, Stream, day

from retrue.refine.decide import Answer, decide
from retrue.refine.expected import Curve, Gap, Situation
from retrue.refine.policy import RetrainingPolicy


@pytest.fixture(scope="module")
def stream() -> Stream:
    """200 days of a row each, y = x by and large; the model starts on day 100."""
    rng = np.random.default_rng(0)
    x = rng.random(200)
    at = pl.datetime_range(day(2026, 1, 1), day(2026, 7, 19), "1d", eager=True)
    frame = pl.DataFrame({"id": np.arange(200), "at": at, "x": x, "k": ["a", None] * 100, "y": x + rng.random(200) / 9})
    return Stream("days", frame, ("x", "k"), ("k",), "regression", day(2026, 4, 11), 14)


def told(values: list[float], used: int = 0, looked: int | None = None) -> Told:
    """A policy with so many labels."""
    ids = {str(i) for i in range(max(used, looked or 0))}
    return Told(values, used=set(list(ids)[:used]), looked=set(list(ids)[: used if looked is None else looked]))


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "bike_sharing_dc").exists(), reason="needs the bikes of shared/data")
def test_a_quick_run_goes_from_end_to_end(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each policy; Retrue decides twice, and retrains on what was known of April at its end."""
    monkeypatch.setattr("sys.argv", ["refine", "--quick", "--story"])
    assert refine.main() in (0, 1)
    out = capsys.readouterr().out
    table = [line.split() for line in out.splitlines() if line.startswith("bike sharing")]
    assert [line[2] for line in table] == ["never", "scheduled", "always-latest", "Retrue"]
    assert "02 May 2011: retrain: MAE lies" in out
    used, looked = int(table[3][-6]), int(table[3][-4])
    assert 0 < used <= looked <= 418, "the labels of April, of which May's are not known before 30 May"


def test_a_gain_is_paired_by_window(stream: Stream) -> None:
    """Errors of 10 and 20 become 8 and 16: 2 and 4 less, where a point is 0.15; 1.96 x 1.414 / sqrt 2 / 0.15."""
    mean, reach = gained(stream, told([8.0, 16.0]), told([10.0, 20.0]))
    assert [mean, reach] == pytest.approx([20.0, 1.96 / 0.15])


def test_a_gain_of_a_share_is_in_hundredths_and_skips_windows_without_rows(stream: Stream) -> None:
    """0.70, 0.74 against 0.69, 0.70: 1 and 4 points."""
    binary = replace(stream, task="binary")
    mean, reach = gained(binary, told([0.70, np.nan, 0.74]), told([0.69, np.nan, 0.70]))
    assert [mean, reach] == pytest.approx([2.5, 1.96 * 2.1213203 / np.sqrt(2)])


def test_worse_than_never_by_more_than_noise_is_lost(stream: Stream, capsys: pytest.CaptureFixture[str]) -> None:
    found = {"never": told([10.0, 10.0]), "scheduled": told([10.0, 10.0])}
    assert is_lost(stream, {**found, "Retrue": told([11.0, 11.2], 5)})
    assert "worse than never" in capsys.readouterr().out
    assert not is_lost(stream, {**found, "Retrue": told([10.0, 11.0], 5)}), "0.5 ± 0.98: that may be chance"


def test_the_calendar_is_beaten_by_the_label_that_is_looked_at(
    stream: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    """8 points for 40 labels are less than 20 for 90; for the 30 that runs learned from alone they'd be more."""
    never, scheduled = told([10.0, 10.0]), told([8.0, 8.0], 90)
    assert is_lost(stream, {"never": never, "scheduled": scheduled, "Retrue": told([9.2, 9.2], 30, 40)})
    assert "less than the calendar by the label" in capsys.readouterr().out
    assert not is_lost(stream, {"never": never, "scheduled": scheduled, "Retrue": told([9.2, 9.2], 30, 35)})


def test_who_learns_nothing_is_lost_where_the_calendar_gains(stream: Stream) -> None:
    never = told([10.0, 10.0])
    assert is_lost(stream, {"never": never, "scheduled": told([8.0, 8.0], 90), "Retrue": never})
    assert not is_lost(stream, {"never": never, "scheduled": told([11.0, 11.0], 90), "Retrue": never})


def test_what_a_model_learns_from_and_is_asked_about_is_noted(stream: Stream) -> None:
    """By its id, though the model went through a file, and rows are kept as other numbers; only while one listens."""
    frame, model = stream.frame, stream.fit(stream.past)
    with listening() as heard:
        other = stream.fit(frame[120:150].with_columns(pl.col("x").cast(pl.Float64)))
        stream.scores(pickle.loads(pickle.dumps(other)), frame[160:170])  # noqa: S301 - our own
    stream.scores(model, frame[180:190])
    expected = {str(i) for i in (*range(120, 150), *range(160, 170))}
    assert ids_of(heard, frame, stream.features) == expected
    assert ids_of([], frame, stream.features) == set()


def answer(known: Situation) -> Answer:
    """What is said in a situation."""
    return decide(known, RetrainingPolicy())


def test_labels_that_a_rule_looked_at_are_known_by_then(stream: Stream) -> None:
    """Small fits: what they saw of the log. Without them: the labels that the gap is measured by, the last ones."""
    gap, curve = Gap("mae", 0.1, 0.01, 0.01, "labels", 8), Curve((50,), (0.1,), (0.1,))
    with listening() as heard:
        stream.fit(stream.frame[90:110])
    until = day(2026, 5, 1)  # day 120; labels take a day
    with_fits = looked_at(stream, answer(Situation(gap, 1.0, 200, 200, curve=curve)), heard, until)
    assert with_fits == {str(i) for i in range(100, 110)}, "what came before the start costs nothing"
    assert looked_at(stream, answer(Situation(gap, 1.0, 200, 200)), [], until) == {str(i) for i in range(111, 119)}
    assert looked_at(stream, answer(Situation(None, 1.0, 200, 200)), [], until) == set()
    guessed = replace(gap, source="estimate")
    assert looked_at(stream, answer(Situation(guessed, 1.0, 200, 200)), [], until) == set(), (
        "an estimate looks at no label"
    )
    broken = Situation(gap, 1.0, 200, 200, broken=("x is missing",))
    assert looked_at(stream, answer(broken), [], until) == set(), "broken data forbid it whatever the labels say"


def test_the_calendar_looks_at_what_it_learns_from(stream: Stream) -> None:
    """Every fourth fortnight, of six, on all labels of the log by then: days 100 to 154."""
    found = refine.by_calendar(stream.short(6), 4, None)
    assert (found.runs, found.looked) == (1, {str(i) for i in range(100, 155)})


def test_figures_are_kept_and_taken_again(stream: Stream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With both counts of labels."""
    first = {"Retrue": told([1.0, 2.0], 3, 5)}
    monkeypatch.setattr(refine, "compare", lambda _: first)
    assert refine.kept(tmp_path, "days", stream) == first
    monkeypatch.setattr(refine, "compare", lambda _: {})
    assert refine.kept(tmp_path, "days", stream) == first
