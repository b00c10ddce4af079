"""The cause of an incident: the slice of rows that explains it, and what was searched to find it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from retrue.errors import RetrueError
from retrue.judge.words import figure, metric_name, percent
from retrue.slices import Slice

Interval = tuple[float, float]

MATTERS = 0.25
"""A slice that accounts for this share of the loss is called its reason; of a smaller share, it goes along with it."""
GROWN = 4
"""An incident of so many times as many windows is searched again: more rows tell more ..."""
WORSE = 1.5
"""... and so is one whose worst alarm lies so many times farther beyond its threshold."""


def rows_of(sql: str) -> str:
    """Which rows a slice has, in words; as it stands where it isn't in the slice language.

    >>> rows_of("income > 3 AND region IN ('north')"), rows_of("???")
    ("income > 3 and region in {'north'}", '???')
    """
    try:
        return Slice.parse(sql).words
    except RetrueError:
        return sql


@dataclass(frozen=True, slots=True)
class Cause:
    """The guilty slice.

    Args:
        slice: which rows, as SQL.
        question: "share": their share changed; "loss": the model is worse on them.
        share: their share of the rows that alarmed.
        interval: its 95 % interval, for all slices of the search together.
        normal: their share of the reference.
        loss: mean loss in them, of the reference and now; None where it isn't known.
        metric: what the loss is of: "accuracy", 1 for a wrong prediction, or "mae" ...
        explains: the share of the incident's cost that they account for; None where it isn't known.

    >>> Cause("RELP IN (16, 17)", "share", 0.92, (0.91, 0.93), 0.07).words()
    '92 % of rows are now RELP in {16, 17}; normally 7 %'
    """

    slice: str
    question: Literal["share", "loss"]
    share: float
    interval: Interval
    normal: float
    loss: tuple[float, float] | None = None
    metric: str | None = None
    explains: float | None = None

    @property
    def rows(self) -> str:
        """Which rows, in words."""
        return rows_of(self.slice)

    @property
    def columns(self) -> frozenset[str]:
        """The columns that the slice reads."""
        try:
            return Slice.parse(self.slice).columns
        except RetrueError:
            return frozenset()

    @property
    def matters(self) -> bool:
        """Whether it may be called the reason of what the incident costs."""
        return self.explains is not None and self.explains >= MATTERS

    def words(self, *, over: bool = False) -> str:
        """Say it; `over`: as what is past."""
        if self.question == "loss":
            return self._loss_words(over=over)
        verb = "were" if over else "are now"
        few = "only " if self.share < self.normal else ""
        now = "no rows" if self.share == 0 else f"{few}{percent(self.share)} of rows"
        return f"{now} {verb} {self.rows}; normally {percent(self.normal)}"

    def _loss_words(self, *, over: bool) -> str:
        if self.loss is None:
            return f"most where {self.rows}"
        before, now = self.loss
        if self.metric == "accuracy":
            said = f"{percent(now)} of predictions {'were' if over else 'are'} wrong there; normally {percent(before)}"
        else:
            if self.metric == "ndcg":  # a list's loss is what it lacks to 1
                before, now = 1 - before, 1 - now
            said = f"{metric_name(self.metric or 'loss')} there {'was' if over else 'is'} {figure(now)}; "
            said += f"normally {figure(before)}"
        return f"most where {self.rows}: {said}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "interval": list(self.interval), "loss": None if self.loss is None else list(self.loss)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Cause:
        """Read back what `to_dict` gave."""
        values = dict(data)
        values["interval"] = tuple(values["interval"])
        values["loss"] = None if values["loss"] is None else tuple(values["loss"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Search:
    """What a search for the cause saw, so that it isn't made again for each window.

    Args:
        windows: the windows that had alarmed.
        worst: how many times its threshold the worst alarm was.
        kind: the incident's kind.
        failure: why it failed; None where it didn't.
    """

    windows: int
    worst: float
    kind: str
    failure: str | None = None

    def outdated(self, now: Search) -> bool:
        """Whether what there is to see now is materially more.

        >>> seen = Search(2, 3.0, "drifting")
        >>> seen.outdated(Search(3, 3.2, "drifting")), seen.outdated(Search(8, 3.2, "drifting"))
        (False, True)
        """
        return now.kind != self.kind or now.windows >= GROWN * self.windows or now.worst > WORSE * self.worst
