"""Explanations of incidents, kept: each takes seconds, and stays true until an incident's windows change."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from sqlalchemy import func, select

from retrue.report.charts.picture import Picture
from retrue.report.entries import Gallery
from retrue.report.incident_page import evidence, facts
from retrue.server.pages.moments import at_of
from retrue.store import tables
from retrue.workspace.explain.explanation import Explanation
from retrue.workspace.incident import ModelIncident

MOST = 64
"""Explanations that are kept."""


@dataclass(frozen=True)
class Explained:
    """An explanation as pages show it.

    Attributes:
        told: the explanation.
        pictures: its charts by key.
        shown: what `evidence.html` shows.
    """

    told: Explanation
    pictures: dict[str, Picture]
    shown: dict[str, Any]

    @property
    def facts(self) -> list[tuple[str, str, str]]:
        """Since when, what shape, what it costs, which rows."""
        return facts(self.told)

    def of(self, chosen: ModelIncident) -> Explained:
        """The same of the incident as it is now: people may have said something of it since."""
        return replace(self, told=replace(self.told, incident=chosen.incident))


@dataclass
class Explanations:
    """What was explained last, by incident and by what its windows held.

    One is made at a time: each takes a processor and the memory of its rows.
    """

    kept: dict[tuple[str, ...], Explained] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def known(self, chosen: ModelIncident) -> Explained | None:
        """What is kept of an incident; None where it must be explained first."""
        found = self.kept.get(key_of(chosen))
        return None if found is None else found.of(chosen)

    def of(self, chosen: ModelIncident) -> Explained:
        """An incident explained; it may take seconds.

        Raises:
            StoreError: its windows are gone.
        """
        with self.lock:
            key = key_of(chosen)
            if key not in self.kept:
                while len(self.kept) >= MOST:
                    self.kept.pop(next(iter(self.kept)))
                self.kept[key] = made(chosen)
            return self.kept[key].of(chosen)


def made(chosen: ModelIncident) -> Explained:
    """Explain an incident."""
    told, gallery = chosen.explain(), Gallery()
    shown = evidence(told, gallery)
    return Explained(told, gallery.pictures, shown)


def key_of(chosen: ModelIncident) -> tuple[str, ...]:
    """What an explanation holds for: the incident, its alarms, and the events and labels of its windows."""
    incident, c = chosen.incident, tables.windows.c
    first, last = (int(at_of(end).timestamp()) for end in (incident.since, incident.last))
    with chosen.model.store.catalog.read() as tx:
        query = select(func.sum(c.events), func.sum(c.labelled))
        held = tx.connection.execute(query.where(c.model == incident.model, c.start >= first, c.start < last)).one()
    return incident.model, incident.id, str(len(incident.verdicts)), incident.last, str(held)
