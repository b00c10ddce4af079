"""An incident of a model: read it, explain it, say something of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from retrue.judge.incident import Incident
from retrue.store import rows
from retrue.workspace import clock, notes
from retrue.workspace.check.incidents import keep_said, load_incidents, retold
from retrue.workspace.explain.explaining import explain
from retrue.workspace.explain.explanation import Explanation
from retrue.workspace.names import find
from retrue.workspace.stored import StoredModel


@dataclass(frozen=True)
class ModelIncident:
    """An incident of a model in a store: read it, explain it, say something of it."""

    model: StoredModel
    incident: Incident

    def __getattr__(self, name: str) -> Any:
        """What the incident itself knows: id, kind, state, since, until, columns, verdicts, sentence."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.incident, name)

    def __repr__(self) -> str:
        return f"<incident {self.incident.id}: {self.incident.sentence}>"

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return self.incident.to_dict()

    def explain(self, predict: Any = None) -> Explanation:
        """Say since when, which features, which rows, and what it costs.

        Args:
            predict: the model, to say besides what each feature added to the predictions of the example rows, and to
                rank features that surprise by how much they matter to it: a function of a table of the features, or
                anything with `predict_proba` or `predict`. It is asked for some 400,000 predictions.

        Raises:
            TableError: it can't predict.
        """
        return explain(self.model, self.incident, predict)

    def now(self) -> Self:
        """The incident as it is kept now."""
        return self.find(self.model, self.incident.id)

    def acknowledge(self) -> None:
        """Say that somebody is on it."""
        self._keep(self.incident.acknowledge(), "acknowledged")

    def snooze(self, until: datetime) -> None:
        """Say that nobody wants to hear of it before a time."""
        end = clock.aware(until).isoformat()
        self._keep(self.incident.snooze(end), "snoozed", {"until": end})

    def mark(self, *, real: bool, note: str | None = None) -> None:
        """Say whether it is real or a false alarm, and perhaps why; windows of a false alarm count as good ones."""
        self._keep(self.incident.mark(real=real, note=note), "marked", {"real": real})

    def resolve(self, at: datetime | None = None) -> None:
        """Say that it is over."""
        end = clock.aware(at or clock.now()).isoformat()
        self._keep(retold(self.incident.resolve(end)), "resolved", {"at": end})

    def comment(self, text: str) -> rows.Comment:
        """Say something of it.

        Raises:
            ConfigError: no text, or too much of it.
        """
        return notes.comment(self.model.store.catalog, self.model.name, self.incident.id, text)

    def comments(self) -> tuple[rows.Comment, ...]:
        """What people said of it, oldest first."""
        return notes.find_comments(self.model.store.catalog, self.model.name, self.incident.id)

    def _keep(self, incident: Incident, action: str, said: Mapping[str, Any] | None = None) -> None:
        keep_said(self.model, incident, action, said or {})

    @classmethod
    def find(cls, model: StoredModel, id: str) -> Self:
        """The incident with this id, the only one whose id begins so, or the "latest": one that lasts, if any does.

        Raises:
            StoreError: there is none, or several.
        """
        newest = load_incidents(model)[::-1]
        known = sorted(newest, key=lambda one: not one.live)
        return cls(model, find(known, id, "incident", model.name, "judge what was logged first: retrue check"))
