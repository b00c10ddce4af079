"""Remembered: what was worked out of each model, until that model is in another state."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass
class Remembered(Generic[T]):
    """What is kept of models, each under a key that names its state; not for several threads at a time.

    Attributes:
        kept: the key and the part of each model, that which was made longest ago first.
        behind: how many parts of the last answer are of an older state.
    """

    kept: dict[str, tuple[Hashable, T]] = field(default_factory=dict)
    behind: int = 0

    def of(self, keys: Mapping[str, Hashable], make: Callable[[str], T], seconds: float = float("inf")) -> dict[str, T]:
        """The parts of these models, in their order; those of others are forgotten.

        Args:
            keys: the state of each model.
            make: works a model's part out.
            seconds: how long parts are made anew for, those that were made longest ago first; what is left then stays
                as it was until the next call. A model without a part always gets one.

        >>> parts = Remembered[str]()
        >>> parts.of({"a": 1}, str.upper), parts.of({"a": 1, "b": 1}, str.title), parts.behind
        ({'a': 'A'}, {'a': 'A', 'b': 'B'}, 0)
        >>> parts.of({"a": 2}, str.title, seconds=0), parts.behind
        ({'a': 'A'}, 1)
        """
        self.kept = {name: found for name, found in self.kept.items() if name in keys}
        changed = [name for name, (key, _) in self.kept.items() if key != keys[name]]
        for name in (name for name in keys if name not in self.kept):
            self.kept[name] = keys[name], make(name)
        end, self.behind = time.monotonic() + seconds, len(changed)
        for name in changed:
            if time.monotonic() >= end:
                break
            made = make(name)
            del self.kept[name]  # it goes to the end
            self.kept[name] = keys[name], made
            self.behind -= 1
        return {name: self.kept[name][1] for name in keys}
