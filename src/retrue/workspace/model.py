"""A registered model: log what it predicts, label what became true, check, explain, refine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from retrue.explain.standing import Standing
from retrue.judge.replay import Backtest
from retrue.judge.verdict import Verdict
from retrue.refine.collect import Policy
from retrue.refine.mix import Mix
from retrue.refine.promote import Gate
from retrue.report.words import plural
from retrue.slices import Source
from retrue.workspace import receiving, replaying
from retrue.workspace import signals as system_signals
from retrue.workspace.annotate.annotating import Labelling
from retrue.workspace.check import checking, figures, performance, streams
from retrue.workspace.check.adopting import adopt
from retrue.workspace.check.backtest import backtest
from retrue.workspace.check.incidents import load_incidents
from retrue.workspace.collect.watching import USUAL
from retrue.workspace.collects import Collects
from retrue.workspace.explain import outliers
from retrue.workspace.explain.contributions import importance_of
from retrue.workspace.incident import ModelIncident
from retrue.workspace.kept import Kept
from retrue.workspace.promote import promotion
from retrue.workspace.prove import verifying
from retrue.workspace.prove.verifying import Verified
from retrue.workspace.pulls import Pulls
from retrue.workspace.receiving import Received
from retrue.workspace.run import Run
from retrue.workspace.saying import say
from retrue.workspace.train import retraining, trainers
from retrue.workspace.train.parts import mix_of
from retrue.workspace.versions import Versioned
from retrue.workspace.weighs import Weighs


@dataclass(frozen=True)
class Model(Kept, Pulls, Versioned, Collects, Weighs):
    """A model in a store; `Workspace.register` and `Workspace.model` give one."""

    def __repr__(self) -> str:
        return f"<retrue model {self.name}, version {self.version}>"

    # --- what comes in --------------------------------------------------------------------------------------------

    def log(
        self, events: Any, *, version: str | None = None, key: str | None = None, at: datetime | None = None
    ) -> Received:
        """Log predictions: a table, a path, a list of dicts, or one dict.

        When this returns, the rows survive kill -9 and power loss. An equal repeat of an event is ignored, a differing
        one is set aside.

        Args:
            events: the rows, with the model's columns.
            version: the version that predicted, where the rows don't say; the champion unless given.
            key: a text of your own; the same batch with the same key is taken once.
            at: when they arrived; now unless given.
        """
        return receiving.receive(self, "events", events, version=version or self.version, key=key, at=at)

    def label(self, labels: Any, *, key: str | None = None, at: datetime | None = None) -> Received:
        """Log the truth, whenever it comes: rows with the id and the label. A corrected label replaces the earlier one.

        Labels of events that aren't there yet wait for them. Of an id that has events on several dates the newest gets
        it, unless the rows have the events' time, too: then the one of that date (UTC).
        """
        return receiving.receive(self, "labels", labels, key=key, at=at)

    def feedback(self, feedback: Any, *, key: str | None = None, at: datetime | None = None) -> Received:
        """Log clicks, purchases, thumbs: rows with the id and any other columns; many for an id."""
        return receiving.receive(self, "feedback", feedback, key=key, at=at)

    def signals(self, records: Any, *, key: str | None = None) -> Received:
        """Log how the service that runs it is doing: records of CPU, memory, requests ..., kept as `NAME-system`.

        Args:
            records: rows with `at` and what else of `retrue.workspace.signals.NUMBERS` is known.
            key: as in `log`.
        """
        return system_signals.signals(self, records, key=key)

    def figures(
        self, value: str, *, of: Any = "events", how: figures.How = "mean", time: str | None = None
    ) -> pl.DataFrame:
        """What a column of the events, of the feedback or of a dated table comes to, by window and slice.

        Args:
            value: the column.
            of: "events", "feedback" (counted in its event's window), or a table with a time column of its own.
            how: "mean", "rate" (share of yes), "total", or "count".
            time: the table's time column.

        Returns:
            `window`, `until`, `slice` (None: all rows), `n`, `value`, `low`, `high`.
        """
        return figures.figures(self, value, of=of, how=how, time=time)

    def replay(self, rows: Mapping[str, Mapping[str, Any] | None] | None = None) -> Received:
        """Let rows of the quarantine in again; each leaves it once. One that still doesn't fit comes back.

        Args:
            rows: by their numbers, what takes the place of each (None: the row as it is); all as they are unless given.

        Raises:
            TableError: a number that isn't in the quarantine; nothing was done.
        """
        return replaying.replay_all(self, rows)

    # --- what it means --------------------------------------------------------------------------------------------

    def check(self, now: datetime | None = None, *, against: str | None = None) -> list[Verdict]:
        """Judge every window that closed or changed since the last check; worst first.

        Args:
            now: the time to judge at; the present unless given. A window is judged once its grace has passed.
            against: what windows are compared with this time: "training", "previous", "last 7d", "same hour last week",
                "same hour yesterday", or a time such as "2024-01-01 to 2024-02-01"; unless given, what the model was
                registered with.
        """
        return checking.check(self, now, against)

    def backtest(
        self,
        rules: Sequence[str] | None = None,
        *,
        signals: Iterable[Source] = (),
        policy: str | Policy = USUAL,
        incidents: Any = None,
        now: datetime | None = None,
        **options: Any,
    ) -> Backtest:
        """Replay a proposed set of monitors over the stored history, beside the present set and a dummy.

        Nothing is written but a log line.

        Args:
            rules: the rules proposed in place of the present ones; left out, those stay.
            signals: signals proposed besides the watched ones: SQL, or a slice such as one of `rt.signals`; one that is
                watched already is replayed with `policy`.
            policy: which of their rows would be collected.
            incidents: incidents that happened: a table with `since`, perhaps `until` and `name`; or "store".
            now: windows whose grace has passed by then are replayed; the present unless given.
            options: what else is proposed: `alarm_budget`, `calm`, `grace`. Nothing at all replays the present set.

        Raises:
            StoreError: there is no history.
            ConfigError, MetricError, SliceError, TableError: what was proposed, or the incidents, can't be understood.
        """
        proposal = {**options, **({} if rules is None else {"rules": rules})}
        found = backtest(self, proposal or None, signals=signals, policy=policy, incidents=incidents, now=now)
        alarms = ", ".join(f"{one.name} {one.alarms:g}" for one in found.sets)
        say(self, "backtest", f"{plural(found.windows, 'window')} replayed; alarms: {alarms}")
        return found

    def performance(self, metric: str | None = None, *, version: str | None = None) -> pl.DataFrame:
        """How a version did in each judged window: what labels say, and what was estimated without them.

        Args:
            metric: this one only.
            version: the champion unless given.

        Returns:
            `window`, `until`, `metric`, `realised` with `low` and `high`, `estimated` with `estimated_low` and
            `estimated_high`, `reference`, `concept_drift` (realised - estimated), `rows`, `coverage` of the labels.
        """
        return performance.performance(self, metric, version)

    def adopt(self, rules: Sequence[str] | None = None, **options: Any) -> None:
        """Watch the model by these rules from the next check on, as `backtest` was asked about them.

        Args:
            rules: the rules in place of the present ones; left out, those stay.
            options: what else changes: `alarm_budget`, `calm`, `grace`.

        Raises:
            ConfigError, MetricError, SliceError: as in `backtest`; or nothing is given.
        """
        adopt(self, {**options, **({} if rules is None else {"rules": rules})})

    def concept_drift(
        self, detector: str = "adwin", *, version: str | None = None, now: datetime | None = None
    ) -> list[Verdict]:
        """Say since which event a version is wrong more often than before: its errors in order of event time.

        Reads the logged events of all windows whose labels can be trusted by `now`. A verdict `degraded` for each rise,
        with the time it lasted as its window; or one that is none.

        Args:
            detector: "adwin", "page_hinkley" or "hddm".
            version: the champion unless given.
            now: the present unless given.
        """
        return streams.concept_drift(self, detector, version or self.version, now)

    def outlier(self, event: Any) -> Standing:
        """Say how one event stands against the reference: its outlier score, whether it is an edge case, and why.

        Args:
            event: a dict, or a table of one row; what it lacks counts as null. It is not logged.

        Raises:
            TableError: not one event.
        """
        return outliers.outlier(self, event)

    def outliers(self, since: datetime | None = None, until: datetime | None = None) -> pl.DataFrame:
        """The champion's logged events by how odd each is, the oddest first.

        Args:
            since: first event time.
            until: events from here on are left out.

        Returns:
            Id, time, `outlier_score` (share of the reference's rows that are less odd, 0 to 1; slices may ask for it:
            `"outlier_score > 0.99"`), and `because`, in words, where that is above 0.99.
        """
        return outliers.outliers(self, since, until)

    def importance(self, predict: Any) -> dict[str, float]:
        """How much each feature matters to a model: the mean size of its contributions (mean |SHAP|), greatest first.

        Args:
            predict: a function of a table of the features that gives one number, or two probabilities, for each row; or
                anything with `predict_proba` or `predict`. It is asked about rows of the reference, and mixtures.

        Raises:
            TableError: it can't predict.
        """
        return importance_of(self.schema, predict, self.reference.frame)

    def incidents(self, *, live: bool = False) -> list[ModelIncident]:
        """The incidents, latest first; `live`: only those that aren't resolved."""
        found = [ModelIncident(self, incident) for incident in load_incidents(self)]
        return [one for one in reversed(found) if not live or one.live]

    def incident(self, id: str) -> ModelIncident:
        """One incident by its id, or the start of it.

        Raises:
            StoreError: there is none.
        """
        return ModelIncident.find(self, id)

    # --- true it again --------------------------------------------------------------------------------------------

    @property
    def labelling(self) -> Labelling:
        """Its rows that people label."""
        return Labelling(self)

    def retrain(
        self,
        fit: Any,
        *,
        mix: Mix,
        holdout: str | float = 0.25,
        seed: int = 0,
        gate: Gate | None = None,
        now: datetime | None = None,
    ) -> Run:
        """Train a challenger on a mix, matured labels only; it is judged on later events that it hasn't seen.

        Args:
            fit: `fit(table, weights)` that returns anything with `predict` or `predict_proba`; an unfitted
                scikit-learn, LightGBM or XGBoost estimator or pipeline; or a recipe: `rt.Torch` (of Lightning, too),
                `rt.Keras`, `rt.LightGBM`, `rt.XGBoost`. It runs in a process of its own, within the limits of
                `rt.Trainer(fit, seconds=, memory=)`.
            mix: the parts with their shares of the weight.
            holdout: how much of the log's matured end to keep for the proof: a length of time, a share of it, or
                "newest": the events of the last `gap` of its policy, and a quarter at most.
            seed: kept in the manifest.
            gate: what the challenger must show.
            now: the time to train at; the present unless given.

        Raises:
            RefusedError: no labels have matured, or nothing is left to train or prove on.
            TrainingError: it crashed, took too long, held too much memory, or gave no model; the run says so, too.
        """
        run = retraining.retrain(self, fit, mix=mix, holdout=holdout, seed=seed, gate=gate or Gate(), now=now)
        return Run.of(run)

    def queue(self, trainer: str, *, mix: Mix | Mapping[Any, float], holdout: str | float = 0.25, seed: int = 0) -> Run:
        """Choose the rows now, and leave the training to a service (`retrue serve`), which looks for it every second.

        Args:
            trainer: a registered one: `[trainers.NAME]` of retrue.toml names its code, on the service's side, too.
            mix: as in `retrain`; or the shares by name: `{"reference": 0.5, "log": 0.3, "storms": 0.2}`.
            holdout: as in `retrain`.
            seed: as in `retrain`.

        Raises:
            ConfigError: there is no such trainer, or no part of that name.
            RefusedError: as in `retrain`.
        """
        chosen = mix if isinstance(mix, Mix) else mix_of(self, mix)
        return Run.of(trainers.queue(self, trainer, chosen, holdout=holdout, seed=seed))

    def runs(self) -> list[Run]:
        """Its training runs, latest first."""
        return Run.all(self)

    def run(self, id: str) -> Run:
        """One training run by its id, or the start of it; "latest" is the last one."""
        return Run.find(self, id)

    def verify(
        self, version: str | None = None, *, since: datetime | None = None, until: datetime | None = None
    ) -> Verified:
        """Replay logged inputs through a version's trained model: is what is served what was tested?

        Args:
            version: the champion unless given.
            since: first event time.
            until: events from here on are left out.

        Raises:
            RefusedError: its trained model isn't here.
        """
        return verifying.verify(self, version or self.version, since, until)

    def rollback(self, *, now: datetime | None = None) -> str:
        """Make the version before the champion the champion again; gives its name.

        Args:
            now: the time that axes are marked at, of a replay; the present unless given.

        Raises:
            RefusedError: there is none.
        """
        return promotion.rollback(self, now)

    def artefact(self, version: str | None = None) -> Any:
        """The trained model behind a version that was promoted here; None for one that was registered without."""
        run = Run.of_version(self, version or self.version)
        return None if run is None else run.challenger
