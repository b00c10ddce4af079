"""What the store keeps of a model: counted anew, looked through for what was set aside, erased."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from retrue.store.erase import Erased
from retrue.workspace import forgetting
from retrue.workspace.acting import audit
from retrue.workspace.stored import StoredModel


class Kept(StoredModel):
    """Abstract: what a model's store keeps of it."""

    def recount(self) -> int:
        """Rebuild the profiles from the lake; gives how many."""
        rebuilt = self.store.recount(self.name)
        with self.store.catalog.write() as tx:
            audit(tx, "recounted", self.name, {"profiles": rebuilt})
        return rebuilt

    def quarantine(self) -> pl.DataFrame:
        """Rows that were set aside: number, when, kind, reason, id, and the row as JSON."""
        self.store.apply(self.name)
        return self.store.quarantine(self.name)

    def forget(self, ids: Iterable[Any], *, note: str | None = None) -> Erased:
        """Erase every row of these ids from the store, older versions included; profiles and figures stay.

        Args:
            ids: the ids as they were logged.
            note: why, for the audit log, which gets a keyed digest of the ids: no personal data belongs in it.

        Returns:
            How many rows went from where, and what may still hold some.

        Raises:
            SchemaError: the model has no id.
            StoreError: something can't be read or written; do it again when that is mended.
        """
        return forgetting.forget(self, ids, note)
