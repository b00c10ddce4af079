"""Which columns of a version share a cause: learned from rows when two alarm together, and kept with the version.

    a column begins to alarm beside others --rows of that window, and of the reference--> Bonds --> grouping

Each such window is asked once. What was told is kept, so that grouping again gives the same incidents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from retrue.judge.bonds import Bonds, Shared
from retrue.judge.grouping import is_joint
from retrue.judge.incident import time_of
from retrue.judge.verdict import Verdict
from retrue.store import rows
from retrue.workspace.explain.evidence import thin
from retrue.workspace.stored import StoredModel

if TYPE_CHECKING:
    from retrue.judge.bonds import Pair

Span = tuple[str, str]
MOST = 200
"""Columns that are compared at a time: beyond it nobody asks which of them go together."""


def bonds_of(model: StoredModel, version: str, judged: Mapping[Span, Sequence[Verdict]]) -> Bonds:
    """What is known of a version's columns, windows in which that must be asked asked first."""
    known = load_bonds(model, version)
    bonds = known
    for window, columns, together in meetings(judged, known_for(model)):
        if not any(told.answers(window[0], columns, together) for told in bonds.shared):
            bonds = with_window(model, version, bonds, window, columns, together)
    if bonds is not known:
        save_bonds(model, version, bonds)
    return bonds


def known_for(model: StoredModel) -> int:
    """For how many windows without its alarm a column counts as known."""
    return model.options.hysteresis().calm + model.options.hysteresis().cooldown


def meetings(
    judged: Mapping[Span, Sequence[Verdict]], reach: int
) -> Iterator[tuple[Span, frozenset[str], frozenset[str]]]:
    """The windows in which a column, or what some do together, begins to alarm while others alarm.

    Each comes with the columns that alarm, and those that changed together.

    Args:
        judged: the verdicts of each window.
        reach: windows without alarm after which a column begins anew.
    """
    last: dict[str | frozenset[str], int] = {}
    for now, window in enumerate(sorted(judged, key=lambda span: time_of(span[0]))):
        alarming = frozenset(one.column for one in judged[window] if one.alarm and one.column is not None)
        together = frozenset(name for one in judged[window] if one.alarm and is_joint(one) for name in one.columns)
        told: list[str | frozenset[str]] = [*alarming, *([together] if together else [])]
        begins = any(now - last.get(one, -reach - 2) > reach for one in told)
        last.update(dict.fromkeys(told, now))
        if begins and alarming and len(told) > 1 and len(alarming) <= MOST:
            yield window, alarming, together


def with_window(
    model: StoredModel, version: str, bonds: Bonds, window: Span, columns: frozenset[str], together: frozenset[str]
) -> Bonds:
    """The same with what one window's rows tell of these columns; nothing where they can't be compared."""
    try:
        associated, told = compare(model, version, window, columns, together)
    except Exception:  # noqa: BLE001 - whatever the rows hold, the alarm must be told; then nobody knows what is tied
        associated, told = {}, Shared(window[0], columns, frozenset(), frozenset(), together)
    return replace(bonds, associated={**bonds.associated, **associated}, shared=(*bonds.shared, told))


def compare(
    model: StoredModel, version: str, window: Span, columns: frozenset[str], together: frozenset[str]
) -> tuple[dict[Pair, float], Shared]:
    """How strongly columns go together in the reference, and whose odd rows are the same in one window.

    What the model says follows from its inputs: its score isn't told apart from them.
    """
    from retrue.explain.association import association
    from retrue.explain.coding import code
    from retrue.explain.shared import causes_of, shared_rows

    since, until = (datetime.fromisoformat(end) for end in window)
    then = thin(model.reference_of(version).frame)
    now = thin(model.events(since, until, version=version).collect())
    features = frozenset(model.schema.features)
    both = [name for name in now.columns if name in features | columns and name in then.columns]
    kinds = {column.name: column.kind for column in model.schema.columns}
    coded = code(now, then, both, kinds)
    seen = columns & {column.name for column in coded.columns}
    pairs = shared_rows(coded, columns)
    behind = causes_of(coded, together, seen & features)
    return association(coded, columns), Shared(window[0], columns, seen & features, pairs, together, behind)


def load_bonds(model: StoredModel, version: str) -> Bonds:
    """What was kept."""
    with model.store.catalog.read() as tx:
        row = tx.get(rows.Version, model=model.name, version=version)
    return Bonds.from_dict(row.body.get("bonds", {}) if row is not None else {})


def save_bonds(model: StoredModel, version: str, bonds: Bonds) -> None:
    """Keep it beside what else is known of the version."""
    with model.store.catalog.write() as tx:
        row = tx.get(rows.Version, model=model.name, version=version)
        if row is not None:
            tx.put(replace(row, body={**row.body, "bonds": bonds.to_dict()}))
