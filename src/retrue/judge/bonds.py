"""Bonds: which columns share a cause, as far as the rows tell.

Two columns alarm for one reason where they go together in the reference anyway (age and schooling), or where the rows
that are odd in one are those that are odd in the other. Where nothing is known of two columns, nothing is said.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

Pair = frozenset[str]


def pair(one: str, other: str) -> Pair:
    """Two columns, in either order."""
    return frozenset((one, other))


@dataclass(frozen=True, slots=True)
class Shared:
    """Whose odd rows were the same in one window.

    Args:
        window: its start (ISO).
        asked: the columns that alarmed in it.
        compared: those of them that could be compared, so that what isn't among the pairs isn't tied.
        pairs: those whose odd rows were mostly the same.
        together: the columns that changed together in it, by no move of their own; empty where none did.
        behind: columns that alarmed in it, without whose odd rows those hang together as before.
    """

    window: str
    asked: frozenset[str]
    compared: frozenset[str]
    pairs: frozenset[Pair]
    together: frozenset[str] = frozenset()
    behind: frozenset[str] = frozenset()

    def answers(self, window: str, columns: Collection[str], together: Collection[str]) -> bool:
        """Say whether it tells of these columns in this window all that can be asked."""
        return window == self.window and self.asked.issuperset(columns) and self.together.issuperset(together)


@dataclass(frozen=True)
class Bonds:
    """What is known of the columns of one version.

    Args:
        associated: pairs that go together in the reference, by how strongly; those that don't are kept as well.
        shared: by window, whose odd rows were the same.

    >>> bonds = Bonds({pair("age", "school"): 0.7, pair("age", "city"): 0.1})
    >>> bonds.tied("age", "school"), bonds.tied("age", "city"), bonds.tied("age", "income")
    (True, None, None)
    """

    associated: Mapping[Pair, float] = field(default_factory=dict)
    shared: tuple[Shared, ...] = ()

    def tied(self, one: str, other: str, windows: Collection[str] = ()) -> bool | None:
        """Say whether two columns share a cause; None where that isn't known.

        Args:
            one: a column.
            other: another one.
            windows: starts of the windows in question.
        """
        both = pair(one, other)
        if self.associated.get(both, 0.0) >= STRONG:
            return True
        told = [known for known in self.shared if known.window in windows]
        if any(both in known.pairs for known in told):
            return True
        return False if any(both <= known.compared for known in told) else None

    def behind(self, together: Collection[str], columns: Collection[str], window: str) -> bool:
        """Say whether one of some columns is what columns changed together for, in a window."""
        return any(
            known.window == window and known.together == frozenset(together) and not known.behind.isdisjoint(columns)
            for known in self.shared
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "associated": [[*sorted(names), strength] for names, strength in self.associated.items()],
            "shared": [
                {
                    "window": known.window,
                    "asked": sorted(known.asked),
                    "compared": sorted(known.compared),
                    "pairs": sorted(sorted(names) for names in known.pairs),
                    "together": sorted(known.together),
                    "behind": sorted(known.behind),
                }
                for known in self.shared
            ],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Bonds:
        """Read back what `to_dict` gave."""
        associated = {pair(one, other): float(strength) for one, other, strength in data.get("associated", ())}
        return cls(associated, tuple(_read(known) for known in data.get("shared", ())))


STRONG = 0.5
"""Cramér's V from which two columns count as going together: a large effect (Cohen 1988, section 7.2)."""


def _read(data: Mapping[str, Any]) -> Shared:
    pairs = frozenset(pair(*names) for names in data["pairs"])
    asked, compared = frozenset(data["asked"]), frozenset(data["compared"])
    together, behind = frozenset(data.get("together", ())), frozenset(data.get("behind", ()))
    return Shared(data["window"], asked, compared, pairs, together, behind)
