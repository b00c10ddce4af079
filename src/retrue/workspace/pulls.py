"""What a model takes from tables that stay where they are."""

from __future__ import annotations

from typing import Any

from retrue.errors import RetrueError
from retrue.sources import Source
from retrue.workspace.pulling import describe, pull, sources_of
from retrue.workspace.receiving import Received
from retrue.workspace.stored import StoredModel


class Pulls(StoredModel):
    """Abstract: a model whose rows are elsewhere."""

    def sources(self) -> dict[str, Source]:
        """Where its events, labels and feedback come from, by kind."""
        return sources_of(self.store, self.name)

    def set_sources(self, **sources: Any) -> None:
        """Say where its rows come from: `events=`, `labels=`, `feedback=`, each as `rt.source` gives it; None: nowhere.

        A source at another place is read from its beginning; other columns, another overlap are taken over as it is
        read on.

        Raises:
            ConfigError: a description that isn't understood.
        """
        describe(self.store, self.name, sources)

    def pull(self) -> dict[str, Received]:
        """Take what is new in its sources, by kind; a source that fails keeps no other back.

        Raises:
            TableError: a source is away, was rewritten or can't be read; the next pull goes on. Where several fail, the
                first one's error.
        """
        received, failed = dict[str, Received](), list[RetrueError]()
        for kind, source in self.sources().items():
            try:
                received[kind] = pull(self, kind, source)
            except RetrueError as error:
                failed.append(error)
        if failed:
            raise failed[0]
        return received
