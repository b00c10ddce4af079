"""What is known of a model's versions: what each was measured on, and the golden sets that all are compared on.

The sets of a version are those it was trained, validated and tested on: their profiles on the model's grids and their
metrics are kept with it, so that what was known when it was registered can be told later.
"""

from __future__ import annotations

from typing import Any

from retrue.workspace.promote import datasets
from retrue.workspace.promote.datasets import Dataset
from retrue.workspace.prove import golden
from retrue.workspace.prove.golden import Golden
from retrue.workspace.stored import StoredModel


class Versioned(StoredModel):
    """Abstract: what is known of a model's versions."""

    def record(self, part: str, table: Any, *, version: str | None = None) -> Dataset:
        """Record what a version was trained, validated or tested on: profile and metrics; replaces an earlier one.

        Args:
            part: "training", "validation" or "test".
            table: its rows, with what the version said of them where its performance is to be known.
            version: the champion unless given.

        Raises:
            ConfigError: another part. StoreError: there is no such version, or it has no grids.
        """
        return datasets.record(self, part, table, version or self.version)

    def datasets(self, version: str | None = None) -> dict[str, Dataset]:
        """What is recorded of a version's training, validation and test data; the champion's unless given."""
        return datasets.recorded(self, version or self.version)

    def golden(self, name: str, table: Any) -> Golden:
        """Register a golden set: labelled rows that every challenger is compared on, and that are never trained on.

        Args:
            name: what it is called; one of the same name is replaced.
            table: its rows: features and label, with the champion's scores where its trained model isn't here.

        Raises:
            SchemaError: a feature or the label is missing, or no row has a label.
        """
        return golden.keep(self, name, table)

    def golden_sets(self) -> list[Golden]:
        """The golden sets, oldest first."""
        return golden.kept(self)
