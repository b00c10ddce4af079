"""What every request finds: the store that is served, and how it is served."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from threading import Event
from typing import cast

from starlette.requests import HTTPConnection

from retrue.adapters.otel import Telemetry
from retrue.core.column import ColumnProfile
from retrue.errors import nearest
from retrue.judge.replay import Backtest, Episode, SignalTally
from retrue.server.errors import HttpError
from retrue.server.ingest.gather import Gatherer
from retrue.server.meters import Meters, Readings
from retrue.server.pages.columns import ColumnRow
from retrue.server.pages.differing import Weighed
from retrue.server.pages.drawn import DrawnRows
from retrue.server.pages.explained import Explanations
from retrue.server.pages.kept import Recent, Standings
from retrue.server.pages.reading import Headlines
from retrue.server.pages.slice_figures import SliceTable
from retrue.server.pages.walls import Wall
from retrue.server.settings import ServerSettings
from retrue.server.states import Watch
from retrue.store import rows
from retrue.store.reader import KeptColumn
from retrue.workspace import Model, Workspace


@dataclass(frozen=True)
class Service:
    """The running service; `app.state.retrue` holds it, and `Depends(service)` gives it.

    `looked` is set once somebody has looked at a page, `ending` once the process stops. What pages worked out is kept
    while what it was made of is as it was: `columns` holds profiles that charts are drawn of (0.4 MB each), `windows`
    the same window by window, of which only those that changed are read again, `slices` how slices do, `comparisons`
    who did better, `listed` features in order, `previews` and `signals` what proposed ones would have told, `walls` the
    newest traffic.
    """

    workspace: Workspace
    settings: ServerSettings
    meters: Meters = field(default_factory=Meters)
    telemetry: Telemetry | None = None
    headlines: Headlines = field(default_factory=Headlines)
    explained: Explanations = field(default_factory=Explanations)
    drawn: DrawnRows = field(default_factory=DrawnRows)
    looked: Event = field(default_factory=Event)
    ending: Event = field(default_factory=Event)
    columns: Recent[list[tuple[int, ColumnProfile]]] = field(default_factory=lambda: Recent(32))
    windows: Recent[KeptColumn] = field(default_factory=lambda: Recent(32))
    slices: Recent[SliceTable] = field(default_factory=lambda: Recent(64))
    comparisons: Recent[Weighed] = field(default_factory=lambda: Recent(32))
    listed: Recent[tuple[str, list[ColumnRow]]] = field(default_factory=lambda: Recent(64))
    previews: Recent[Backtest] = field(default_factory=lambda: Recent(32))
    signals: Recent[tuple[SignalTally, list[Episode]]] = field(default_factory=lambda: Recent(32))
    walls: Recent[tuple[Wall, ...]] = field(default_factory=lambda: Recent(64))

    @cached_property
    def watch(self) -> Watch:
        """Tells which models changed."""
        return Watch(self.workspace.store.catalog)

    @cached_property
    def standings(self) -> Standings:
        """How the models stand, for pages."""
        return Standings(self.workspace.store.catalog, self.watch, self.headlines)

    @cached_property
    def readings(self) -> Readings:
        """What the store knows, for `/metrics`."""
        return Readings(self.workspace, self.watch)

    @cached_property
    def gatherer(self) -> Gatherer:
        """What takes events, labels and feedback."""
        return Gatherer(self.workspace, self.settings)

    def in_lake(self, model: str, newest: int) -> bool:
        """Whether a model's batches up to one (`Spool.newest`) are in the lake and the profiles."""
        oldest = self.workspace.store.spool.oldest(model)
        return oldest is None or oldest > newest

    def model(self, name: str) -> Model:
        """A registered model.

        Raises:
            HttpError: 404, there is none of that name; the nearest is suggested.
        """
        with self.workspace.store.catalog.read() as tx:
            if tx.get(rows.Model, name=name) is not None:
                return Model(self.workspace.store, name)
            known = [row.name for row in tx.find(rows.Model)]
        raise HttpError(
            404, f"no model {name!r}", hint=nearest(name, known) or "see GET /api/v1/models", type="SchemaError"
        )


async def service(request: HTTPConnection) -> Service:
    """The dependency: the service that a request came to. Not `def`, which would cost each request a thread."""
    return cast("Service", request.app.state.retrue)
