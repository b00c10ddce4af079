"""What a model weighs: whether retraining pays by now, and whether a challenger does better in production."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from retrue.refine.mix import Mix
from retrue.refine.policy import RetrainingPolicy
from retrue.refine.trial import MARGIN
from retrue.workspace.decide import trials
from retrue.workspace.decide.deciding import Decided, decide_model, decisions
from retrue.workspace.promote.tried import tie
from retrue.workspace.stored import StoredModel
from retrue.workspace.train.runs import StoredRun


class Weighs(StoredModel):
    """Abstract: a model's decisions and trials."""

    def decide(
        self,
        now: datetime | None = None,
        *,
        policy: RetrainingPolicy | Mapping[str, Any] | None = None,
        start: Callable[[Mix], StoredRun] | None = None,
        fit: Any = None,
    ) -> Decided:
        """Say whether retraining pays by now, and why; the answer is kept with every number that it was made from.

        Args:
            now: the time to decide at; the present unless given.
            policy: what to weigh by, such as `{"when": "benefit", "gap": "7d"}`; unless given, the model's own
                (`register(retraining=...)`).
            start: trains a challenger on the mix that it is given: called where the answer is to retrain and the policy
                isn't by hand.
            fit: what learns, as in `retrain`; the policy's registered trainer unless given. Small fits (of at most
                4,000 rows, each within a trainer's limits, in a process of its own) tell what is to be won better
                than a gap to the reference. Where one fails the answer says so, and goes without.
        """
        return decide_model(self, now, policy, start, fit)

    def decisions(self) -> list[dict[str, Any]]:
        """Earlier answers with their numbers, newest first."""
        return decisions(self)

    def trial(
        self,
        challenger: str,
        *,
        kind: str = "shadow",
        share: float = 0.5,
        margin: float = MARGIN,
        slices: Sequence[str] | None = None,
        run: str | None = None,
        now: datetime | None = None,
    ) -> trials.Trial:
        """Compare a version with the champion in production, from now on; or go on with the trial that does.

        Args:
            challenger: the version, whose predictions are logged with `version=`.
            kind: "shadow", where both score the same events (same ids), or "ab", where each event is scored by one.
            share: of an A/B test, the share of the events that the challenger is to get.
            margin: the share of the champion's loss that is worth a change: certainly less is futile.
            slices: where they are compared besides; those that are watched unless given.
            run: the id of the run whose model it is: the trial is on its page, and it is promoted as this version.
            now: when it begins; the present unless given.

        Raises:
            ConfigError: an unknown kind, or a share or margin out of range.
            RefusedError: it is tried already, in another way; or it is no version of that run.
            SchemaError: the challenger is the champion, or there is no label, time or id to compare by.
            SliceError: a slice doesn't parse.
        """
        if run is not None:
            tie(self, run, challenger)
        given = {"kind": kind, "share": share, "margin": margin, "slices": slices, "now": now}
        return trials.start(self, challenger, **given)  # type: ignore[arg-type]

    def trials(self) -> list[trials.Trial]:
        """Its trials, latest first."""
        return trials.trials(self)
