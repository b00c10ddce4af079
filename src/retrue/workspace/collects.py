"""What a model collects: once, when somebody asks; and continuously, what meets the signals that are watched."""

from __future__ import annotations

from datetime import datetime

from retrue.errors import SliceError
from retrue.explain.finding import guilty_of
from retrue.refine.collect import Collected, Policy
from retrue.slices import Slice, Source
from retrue.workspace.collect import collecting, gathering, watching
from retrue.workspace.collect.collecting import Logged
from retrue.workspace.collect.watching import WatchedSignal
from retrue.workspace.incident import ModelIncident
from retrue.workspace.stored import StoredModel


class Collects(StoredModel):
    """Abstract: the part of a model that collects."""

    def collect(
        self,
        where: Source | ModelIncident,
        *,
        budget: int | None = None,
        policy: str | Policy | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        name: str | None = None,
    ) -> Collected:
        """Collect the logged events of a slice, with their labels; kept in the store under `name`.

        Args:
            where: the slice, such as `"precip > 0.1 AND origin = 'JFK'"`; a built-in one of `rt.signals`; a Polars
                expression; a function over a table; or an incident, for its guilty slice.
            budget: the most rows to take.
            policy: which rows, in place of a budget: "always", "10 %", "200 per day", "200 per day by benefit" ...
            since: first event time.
            until: events from here on are left out.
            name: what to call the collection; the slice's text unless given.

        Returns:
            The rows, each with `_reasons` (the signals that it met) and `_probability` (of being in the sample).

        Raises:
            SliceError: the slice doesn't fit the events, or asks for what can't be told of them.
            ConfigError: the policy can't be understood.
        """
        part, incident = slice_of(where)
        return collecting.collect(
            self, part, incident=incident, budget=budget, policy=policy, since=since, until=until, name=name
        )

    def logged(self, since: datetime | None = None, until: datetime | None = None) -> Logged:
        """The champion's logged events with their labels; a part of a `Mix`.

        So are those that other champions scored after what this one was trained and proven on.
        """
        return collecting.logged(self, since, until)

    def collections(self) -> list[Collected]:
        """What was collected, oldest first, with the labels known when it was."""
        return collecting.collections(self)

    def watch_signal(
        self,
        where: Source | ModelIncident,
        *,
        name: str | None = None,
        policy: str | Policy = watching.USUAL,
        since: datetime | None = None,
    ) -> WatchedSignal:
        """Watch a signal: `check` judges its share of the traffic, and its rows are collected as they come.

        Its collection has its name, and is among `collections()`. Where the service runs its jobs it collects by
        itself; elsewhere `collect_new` does. One of the same name is replaced.

        Args:
            where: SQL, a slice such as one of `rt.signals`, an incident (its guilty slice), or a function over a table
                that a module holds.
            name: what to call it; the slice's name unless given.
            policy: which rows are collected: "always", "10 %", "200 per day", "200 per day by benefit".
            since: events from then on are collected; all of them unless given.

        Raises:
            SliceError: it asks for what events don't have, or can't be stored.
            ConfigError: the policy is none for a stream, or the name is another collection's.
        """
        function = watching.function_name(where) if callable(where) and not isinstance(where, Slice) else None
        return watching.watch(self, *slice_of(where), function, name, policy, since)

    def watched_signals(self) -> list[WatchedSignal]:
        """The signals that are watched, by name, with how many rows each has collected."""
        return watching.watched(self)

    def unwatch_signal(self, name: str) -> None:
        """Watch a signal no more; what it collected stays.

        Raises:
            StoreError: there is none of that name.
        """
        watching.unwatch(self, name)

    def collect_new(self) -> dict[str, int]:
        """Collect what newly met the watched signals; gives how many rows came by signal. Again at once, none.

        A signal that fails says why in its `error`, and costs no other its rows.
        """
        return gathering.collect_new(self)


def slice_of(where: Source | ModelIncident) -> tuple[Slice, str | None]:
    """The slice, and the incident whose guilty slice it is.

    Raises:
        SliceError: no slice is guilty of the incident.
    """
    if not isinstance(where, ModelIncident):
        return Slice.of(where), None
    name = f"incident {where.id}"
    if where.incident.cause is not None:
        return Slice.parse(where.incident.cause.slice, name), str(where.id)
    guilty = guilty_of(where.explain().slices)
    if guilty is None:
        raise SliceError("no slice is guilty of it", where=name, hint="write the slice that you would look at")
    return guilty.slice.named(name), str(where.id)
