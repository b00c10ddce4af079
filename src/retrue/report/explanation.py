"""What an explanation has to have to be shown: `retrue.workspace.explain.explanation.Explanation` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import polars as pl

from retrue.core.column import ColumnProfile
from retrue.explain.contributions import Contributions
from retrue.explain.features import Feature
from retrue.explain.finding import Finding
from retrue.explain.joint import JointChange
from retrue.explain.sharing import Sharing
from retrue.explain.since import Course
from retrue.explain.standing import Standing
from retrue.judge.cost import Cost
from retrue.judge.incident import Incident


class Explanation(Protocol):
    """What `explain` found."""

    @property
    def incident(self) -> Incident: ...
    @property
    def since(self) -> str: ...
    @property
    def features(self) -> Sequence[Feature]: ...
    @property
    def slices(self) -> Sequence[Finding]: ...
    @property
    def cost(self) -> Cost | None: ...
    @property
    def examples(self) -> pl.DataFrame: ...
    @property
    def standings(self) -> Sequence[Standing]: ...
    @property
    def outcome(self) -> Sequence[str]: ...
    @property
    def contributions(self) -> Contributions | None: ...
    @property
    def distributions(self) -> Mapping[str, tuple[ColumnProfile, ColumnProfile]]: ...
    @property
    def course(self) -> Course | None: ...
    @property
    def sharing(self) -> Sharing | None: ...
    @property
    def joint(self) -> JointChange | None: ...
    @property
    def kept(self) -> float: ...
