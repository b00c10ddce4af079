"""A training run: a challenger, what it was trained on, the proof, and the way to promotion or refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from retrue.errors import RefusedError
from retrue.workspace.promote import registry
from retrue.workspace.promote.promotion import Override, come_back, promote
from retrue.workspace.prove.proof import Proof
from retrue.workspace.prove.proving import holds, prove_run
from retrue.workspace.train import fitting, rebuilding
from retrue.workspace.train.rebuilding import Rebuilt
from retrue.workspace.train.runs import StoredRun, keep_proof


@dataclass(frozen=True)
class Run(StoredRun):
    """A training run: a challenger, what it was trained on, and what it showed."""

    def rebuild(self) -> Rebuilt:
        """Build the set that it was trained on again, from the store; says what isn't as it was.

        Raises:
            StoreError: a part of it isn't kept in the store.
        """
        return rebuilding.rebuild(self)

    def resume(self) -> Run:
        """Train again, on the same rows, what was queued, cut off or failed; gives the run as it is then.

        PyTorch and Keras recipes go on from their last epoch.

        Raises:
            RefusedError: it was trained, or is being trained.
            TrainingError: it failed again.
        """
        return self.of(fitting.resume(self))

    def prove(self) -> Proof:
        """Compare champion and challenger on later events that neither has learned from.

        What a promoted run was promoted on stays with it, whatever it shows later.

        Raises:
            RefusedError: it isn't trained.
        """
        self.refuse_untrained()
        proof = prove_run(self)
        keep_proof(self, proof)
        return proof

    @property
    def holding(self) -> Mapping[str, Any] | None:
        """The kept proof, where it is of what is there now; None where it has to be proven, or proven again."""
        proof = self.kept.get("proof")
        return proof if holds(self, proof) else None

    def promote(self, *, override: str | None = None, note: str | None = None, now: datetime | None = None) -> str:
        """Make the challenger the champion; gives its version.

        The kept proof decides while it holds: it is proven again only where the champion, golden sets, slices, rules
        or Retrue's version are others than it was made with. Where its version was rolled back this undoes that: it
        comes back on the proof that it was promoted on.

        Args:
            override: who answers for it where the gate refuses; it is in the audit log then, with the note.
            note: why.
            now: the time that axes are marked at, of a replay; the present unless given.

        Raises:
            ConfigError: an override without a name or without a note.
            RefusedError: the gate doesn't pass, with the reasons; or the champion that it was trained against has
                been replaced, perhaps by this very run.
        """
        by = Override.of(override, note)
        what, late = f"run {self.id} is not promoted", self.passed_over
        if late is not None:
            raise RefusedError([late], what=what, hint="retrain, to be compared with the champion of today")
        if self.rolled_back:
            return come_back(self, now)
        held = self.holding
        proof = self.prove().to_dict() if held is None else held
        if not proof["passed"] and by is None:
            again = None if held is None else f"so it was proven at {held['at']}; prove it again to look anew"
            raise RefusedError(proof["reasons"], what=what, hint=again)
        version = promote(self, None if proof["passed"] else by, now)
        registry.follow(self.model)
        return version
