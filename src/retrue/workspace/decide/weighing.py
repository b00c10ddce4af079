"""What is chosen for a model: whether to retrain it, and which of two versions is the better one in production."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from retrue.refine.policy import Policy
from retrue.refine.trial import MARGIN
from retrue.workspace.decide import deciding, trials
from retrue.workspace.kept import Kept

if TYPE_CHECKING:
    from retrue.workspace.model import Model
    from retrue.workspace.train.training import Run


@dataclass(frozen=True)
class Weighs(Kept):
    """Abstract: a model's decisions and trials."""

    def decide(
        self,
        now: datetime | None = None,
        *,
        policy: Policy | None = None,
        start: Callable[[], Run] | None = None,
        fit: Any = None,
    ) -> deciding.Decided:
        """Say whether retraining pays by now, and why; the answer is kept with every number that it was made from.

        Args:
            now: the time to decide at; the present unless given.
            policy: what to weigh by; unless given, the model's own (`register(retraining={"when": "benefit", ...})`).
            start: trains a challenger: called where the answer is to retrain and the policy isn't by hand.
            fit: what learns, as in `retrain`: small fits tell what is to be won better than a gap to the reference.
        """
        return deciding.decide_model(cast("Model", self), now, policy, start, fit)

    def decisions(self) -> list[dict[str, Any]]:
        """Earlier answers with their numbers, newest first."""
        return deciding.decisions(cast("Model", self))

    def trial(
        self,
        challenger: str,
        *,
        kind: str = "shadow",
        share: float = 0.5,
        margin: float = MARGIN,
        slices: Sequence[str] | None = None,
        now: datetime | None = None,
    ) -> trials.Trial:
        """Compare a version with the champion in production, from now on; or go on with the trial that does.

        Args:
            challenger: the version, whose predictions are logged with `version=`.
            kind: "shadow", where both score the same events (same ids), or "ab", where each event is scored by one.
            share: of an A/B test, the share of the events that the challenger is to get.
            margin: the share of the champion's loss that is worth a change: certainly less is futile.
            slices: where they are compared besides; those that are watched unless given.
            now: when it begins; the present unless given.

        Raises:
            ConfigError: an unknown kind, or a share or margin out of range.
            SchemaError: the challenger is the champion, or there is no label, time or id to compare by.
            SliceError: a slice doesn't parse.
        """
        given = {"kind": kind, "share": share, "margin": margin, "slices": slices, "now": now}
        return trials.start(cast("Model", self), challenger, **given)  # type: ignore[arg-type]

    def trials(self) -> list[trials.Trial]:
        """Its trials, latest first."""
        return trials.trials(cast("Model", self))
