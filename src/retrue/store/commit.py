"""The commit cycle: exactly once from acknowledgement to profile.

For each model, under a lock that is held for one cycle:

    0  spool     stamp the pending batches with S = applied + 1; a stamped segment never changes
    1  lake      for each table, unless its transaction version says S is there: write, sync, commit, sync
    2  catalog   one transaction adds the increments and sets applied = S where applied = S - 1
    3  spool     delete the batches; keys stay for seven days

A crash anywhere leaves a state from which the same steps come to the same end: what a segment means is a pure function
of it and of lake rows with `_seq < S` (see `resolve`), whether or not step 1 was done before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from retrue.core.hashing import hash64
from retrue.core.outcome_grid import OutcomeGrid
from retrue.core.times import window_starts
from retrue.errors import RetrueError, StoreError
from retrue.store import quarantine, rows
from retrue.store.arrivals import came, keep_arrivals
from retrue.store.aside import KINDS, TRIES, Stuck, fitted, without
from retrue.store.catalog import Catalog, Transaction
from retrue.store.counting import Cell, Counting, Increments
from retrue.store.keeping import Keep
from retrue.store.lake import TABLES, LakeTable, UnwritableError
from retrue.store.layout import Layout
from retrue.store.locks import Locks
from retrue.store.reading import Finder, HashCache
from retrue.store.refused import keep_refused, refused_labels
from retrue.store.resolve import Earlier, Plan, resolve
from retrue.store.segment import Hasher, Segment
from retrue.store.spool import Spool
from retrue.store.told import keep_told

ODD = "odd labels"
"""The metric that says how many of a window's labels don't count."""
ROWS, BYTES = 1_000_000, 256_000_000  # a segment's size at most: it is held in memory


@dataclass(frozen=True)
class Applied:
    """What commit cycles did: rows taken by kind, and rows that were not, by reason.

    Attributes:
        segment: the last segment that is finished.
        taken: new rows in the lake, by table.
        counts: repeated, differing, corrected, waiting, ambiguous rows.
        windows: (version, window start) that changed.
    """

    segment: int
    taken: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    windows: frozenset[tuple[str, int]] = frozenset()

    def __add__(self, other: Applied) -> Applied:
        return Applied(
            max(self.segment, other.segment), _sum(self.taken, other.taken), _sum(self.counts, other.counts),
            self.windows | other.windows,
        )  # fmt: skip


def _sum(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
    return {name: a.get(name, 0) + b.get(name, 0) for name in {**a, **b}}


@dataclass(frozen=True)
class Cycle:
    """Everything that a commit cycle of one model needs.

    Args:
        model: the model's name.
        layout: its roles.
        spool: where batches wait.
        tables: its lake tables.
        catalog: where profiles are.
        counting: gives how events are counted as of a transaction; None before there is a reference.
        locks: the store's locks.
        cache: hashes of files read lately.
        fault: called with the name of each step (tests crash there).
        hasher: hashes ids.
        own: raises where the lake became another catalog's.
    """

    model: str
    layout: Layout
    spool: Spool
    tables: Mapping[str, LakeTable]
    catalog: Catalog
    counting: Callable[[Transaction, str], Counting | None]
    locks: Locks
    cache: HashCache
    fault: Callable[[str], None] = field(default=lambda _: None)
    hasher: Hasher = hash64
    own: Callable[[], None] = lambda: None

    def run(self) -> Applied | None:
        """Run one cycle; None where nothing waits.

        Raises:
            StoreFullError: the disk is full; nothing is lost, the next cycle tries again.
            StoreError: a table refuses the rows; nothing is lost, and after some attempts they are set aside.
        """
        with self.locks.hold(lock_of(self.model)):
            return self.step()

    def step(self) -> Applied | None:
        """Run one cycle like `run`, for a caller who holds the lock."""
        with self.catalog.read() as tx:
            applied = tx.applied(self.model)
            counting = self.counting(tx, self.model)
        self.spool.forget(self.model, applied)
        self.fault("cycle: begun")
        if not self.spool.stamp(self.model, applied + 1, rows=ROWS, size=BYTES):
            return None
        self.fault("cycle: stamped")
        done = self.finish(applied + 1, counting)
        self.fault("cycle: counted")
        self.spool.forget(self.model, applied + 1)
        self.fault("cycle: forgotten")
        return done

    def finish(self, number: int, counting: Counting | None) -> Applied:
        """Steps 1 and 2 of a stamped segment; a failure is remembered, and after some of them there is a way out."""
        step = "count"
        try:
            segment = self.segment(number)
            plan = self.plan(segment, counting)
            for step in TABLES:
                self.write(plan, number, step)
            step = "count"
            return self.count(plan, segment, counting)
        except UnwritableError as error:
            tries = self.spool.failed(self.model, number, step, error.what)
            if step == "quarantine" or tries < TRIES:
                raise
        except RetrueError:
            raise
        except (Exception, pl.exceptions.PanicException) as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            self.spool.failed(self.model, number, step, reason)
            raise StoreError(
                f"segment {number} of {self.model!r} can't be applied ({reason})", where=self.catalog.where,
                hint="nothing is lost, its rows wait in the spool: see `retrue doctor`",
            ) from error  # fmt: skip
        return self.finish(number, counting)  # now without the rows of that table

    def segment(self, number: int) -> Segment:
        """A stamped segment, without the rows that the lake can't take."""
        segment = Segment.of(number, self.spool.read(self.model, number), self.layout, self.hasher)
        segment = fitted(segment, {kind: self.tables[kind].snapshot().schema for kind in KINDS}, self.layout)
        for stuck in (Stuck(*row) for row in self.spool.stuck(self.model)):
            hopeless = stuck.hopeless and stuck.segment == number
            if hopeless and self.tables[stuck.step].done(self.spool.app) < number:
                self.tables[stuck.step].discard(self.spool.app, number)
                segment = without(segment, stuck.step, stuck.reason, self.layout)
        return segment

    def plan(self, segment: Segment, counting: Counting | None) -> Plan:
        """Decide what the segment means, from it and from earlier segments alone."""
        finders = {
            name: Finder(self.tables[name].snapshot(), segment.number, self.cache)
            for name in ("events", "labels", "feedback")
        }
        joins = sorted(counting.joins) if counting else []
        plan = resolve(segment, Earlier(**finders), self.layout, joins)
        fresh, keep = plan.tables.get("events", pl.DataFrame()), Keep.of(self.layout.keep)
        if keep and len(fresh):
            kept = keep.thinned(fresh, self.layout, None if counting is None else counting.joins)
            plan = replace(plan, tables={**plan.tables, "events": kept})
        return replace(plan, refused=refused_labels(segment, fresh, finders["events"], self.layout, self.hasher))

    def write(self, plan: Plan, segment: int, name: str) -> None:
        """Step 1: bring the rows of one table into the lake, once."""
        app, table, frame = self.spool.app, self.tables[name], plan.tables.get(name)
        if frame is None:
            return
        done = table.done(app)
        if done > segment:
            raise StoreError(
                f"the lake has segment {done}, the catalog only {segment - 1}", where=str(table.folder),
                hint="the catalog is older than the lake: restore both from the same backup",
            )  # fmt: skip
        if done == segment:
            table.confirm()
            return
        self.locks.confirm(lock_of(self.model))
        self.own()
        table.commit(frame, app, segment)
        self.fault(f"cycle: {name} written")

    def count(self, plan: Plan, segment: Segment, counting: Counting | None) -> Applied:
        """Step 2: add the increments and advance, in one transaction."""
        number, arrived = segment.number, came(segment, plan.tables)
        increments = Increments() if counting is None else count_plan(plan, counting, self.layout)
        outcome = None if counting is None else counting.outcome
        books, counts = book(plan, self.layout, outcome), {**plan.counts, **odd_labels(plan, self.layout, outcome)}
        self.locks.confirm(lock_of(self.model))
        with self.catalog.write() as tx:
            tx.advance(self.model, number)
            if counting is not None:
                store_increments(tx, self.model, counting, increments, number)
            keep_books(tx, self.model, books, number)
            keep_odd_labels(tx, self.model, books, outcome)
            keep_refused(tx, self.model, plan.refused, self.layout.label_column, number)
            keep_told(tx, self.model, news(segment, plan))
            keep_arrivals(tx, self.model, arrived)
            for name, value in counts.items():
                tx.count(self.model, name, value)
            tx.count(self.model, "set aside", quarantine.count(plan.tables.get("quarantine")))
            self.fault("cycle: before applied")
        taken = {name: len(frame) for name, frame in plan.tables.items()}
        for kind in ("labels", "feedback"):  # copies for events that came later aren't news
            taken[kind] = taken.get(kind, 0) - plan.counts.get(f"{kind} picked up", 0)
        windows = frozenset((version, start) for version, start, *_ in books.rows())
        return Applied(number, taken, counts, windows)


def lock_of(model: str) -> str:
    """The name of the lock that a commit cycle of a model holds."""
    return f"model-{model}"


def news(segment: Segment, plan: Plan) -> pl.DataFrame:
    """What the segment has to tell of its windows: nothing where all of its events were there already."""
    events = len(segment.events)
    return segment.told.clear() if 0 < events <= plan.counts.get("events repeated", 0) else segment.told


def count_plan(plan: Plan, counting: Counting, layout: Layout) -> Increments:
    """Give what a plan adds to the profiles and takes from them."""
    increments = Increments()
    for version, frame, starts in by_version(plan.fresh, layout):
        increments.add(version, counting.count(frame, starts, moved=False))
    for version, frame, starts in by_version(plan.after, layout):
        increments.add(version, counting.count(frame, starts, moved=True))
    for version, frame, starts in by_version(plan.before, layout):
        increments.remove(version, counting.count(frame, starts, moved=True))
    return increments


def by_version(events: pl.DataFrame, layout: Layout) -> Iterator[tuple[str, pl.DataFrame, pl.Series]]:
    """Part events by version, with the window start of each."""
    if not len(events):
        return
    name = layout.version_column
    for version in events[name].unique().sort().to_list():
        frame = events.filter(pl.col(name) == version) if events[name].n_unique() > 1 else events
        yield version, frame, window_starts(frame[layout.time_column], layout.window, layout.timezone)


def store_increments(tx: Transaction, model: str, counting: Counting, increments: Increments, segment: int) -> None:
    """Add increments to the profiles in place; a profile that no event is left in goes."""
    versions = {version for version, _ in increments.keys}
    starts = {cell[0] for _, cell in increments.keys}
    known: dict[tuple[str, Cell], bytes] = {}
    for some in _pieces(sorted(starts), 10_000):
        found = tx.find(rows.ProfileRow, model=model, digest=counting.digest, version=versions, start=some)
        known |= {(row.version, (row.start, row.slice, row.part)): row.data for row in found}
    changed: list[rows.ProfileRow] = []
    for key in sorted(increments.keys):
        version, cell = key
        state = increments.apply(key, counting.load(known[key], cell) if key in known else None)
        row = profile_row(model, version, counting, cell, state, segment)
        if row.rows:
            changed.append(row)
        else:
            tx.remove(rows.ProfileRow, model=model, version=version, digest=counting.digest, **_where(cell))
    if changed:
        tx.put(*changed)


def profile_row(
    model: str, version: str, counting: Counting, cell: Cell, state: object, segment: int
) -> rows.ProfileRow:
    """Write a state as a row."""
    start, name, part = cell
    size, data = counting.rows(state), counting.dump(state)
    return rows.ProfileRow(model, version, counting.digest, start, name, part, size, segment, data)


def _where(cell: Cell) -> dict[str, object]:
    return {"start": cell[0], "slice": cell[1], "part": cell[2]}


def _pieces(values: list[int], size: int) -> Iterator[list[int]]:
    for begin in range(0, len(values), size):
        yield values[begin : begin + size]


# Windows


def book(plan: Plan, layout: Layout, outcome: OutcomeGrid | None) -> pl.DataFrame:
    """Give what changes in each window: version, start, events, labelled, bent, labels that don't count.

    Labelled is what the outcome profile takes for labelled; all that have a label where there is none.
    """
    parts = [
        _tally(plan.fresh, layout, outcome, events=1, labelled=1, bent=0),
        _tally(plan.after, layout, outcome, events=0, labelled=1, bent=0),
        _tally(plan.before, layout, outcome, events=0, labelled=-1, bent=1),
    ]
    return pl.concat(parts).group_by("version", "start").agg(pl.all().sum()).sort("version", "start")


def _tally(
    rows_: pl.DataFrame, layout: Layout, outcome: OutcomeGrid | None, *, events: int, labelled: int, bent: int
) -> pl.DataFrame:
    """Count rows and labels by window, each count times the given sign."""
    schema = {"version": pl.String} | dict.fromkeys(("start", "events", "labelled", "bent", "odd"), pl.Int64)
    if not len(rows_):
        return pl.DataFrame(schema=schema)
    there, counted = label_rows(rows_, layout, outcome)
    starts = window_starts(rows_[layout.time_column], layout.window, layout.timezone)
    marked = rows_.select(
        pl.col(layout.version_column).alias("version"), starts.alias("start"), known=counted, odd=there & ~counted
    )
    labels = pl.col("known").sum().cast(pl.Int64)
    return marked.group_by("version", "start").agg(
        events=pl.len().cast(pl.Int64) * events,
        labelled=labels * labelled,
        bent=labels * bent,
        odd=pl.col("odd").sum().cast(pl.Int64) * labelled,
    )


def label_rows(rows_: pl.DataFrame, layout: Layout, outcome: OutcomeGrid | None) -> tuple[pl.Series, pl.Series]:
    """Boolean series: whether a row has a label, and whether it counts."""
    if layout.label not in rows_.columns:
        none = pl.repeat(value=False, n=len(rows_), eager=True)
        return none, none
    label = rows_[layout.label_column]
    there = label.is_not_null()
    return there, there if outcome is None else pl.Series(outcome.counts_label(label))


def odd_labels(plan: Plan, layout: Layout, outcome: OutcomeGrid | None) -> dict[str, int]:
    """How many new labels don't count, in words."""
    labels = plan.tables.get("labels")
    if outcome is None or labels is None:
        return {}
    there, counted = label_rows(labels, layout, outcome)
    return {outcome.odd_labels: int((there & ~counted).sum())}


def keep_odd_labels(tx: Transaction, model: str, books: pl.DataFrame, outcome: OutcomeGrid | None) -> None:
    """Add to how many labels of each window don't count."""
    changed = books.filter(pl.col("odd") != 0)
    if outcome is None or not len(changed):
        return
    for version, start, *_, odd in changed.rows():
        column = outcome.label or ""
        old = tx.get(rows.Point, model=model, version=version, start=start, slice="", metric=ODD, column=column)
        n = odd + (old.rows if old else 0)
        tx.put(rows.Point(model, version, start, "", ODD, column, float(n), rows=n, note=outcome.odd_labels))


def keep_books(tx: Transaction, model: str, books: pl.DataFrame, segment: int) -> None:
    """Add to the windows' bookkeeping."""
    known: dict[tuple[str, int], rows.Window] = {}
    for some in _pieces(books["start"].unique().sort().to_list(), 10_000):
        known |= {(w.version, w.start): w for w in tx.find(rows.Window, model=model, start=some)}
    changed = []
    for version, start, events, labelled, bent, _ in books.rows():
        old = known.get((version, start), rows.Window(model, version, start, 0, 0, 0))
        sums = {"events": old.events + events, "labelled": old.labelled + labelled, "bent": old.bent + bent}
        changed.append(replace(old, **sums, applied=segment))
    if changed:
        tx.put(*changed)
