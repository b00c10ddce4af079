"""Where watched calls go: a server, or the folder of a store. Both take rows under a key, once."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from retrue.client.naming import Naming
from retrue.errors import ConfigError, MetricError, SchemaError, SliceError, TableError

if TYPE_CHECKING:
    import polars as pl

    from retrue.workspace import Workspace

FINAL = (SchemaError, TableError, ConfigError, MetricError, SliceError)
"""Errors that sending the same again won't mend."""


class Refused(Exception):  # noqa: N818 - no error of Retrue's: the sender counts it
    """A batch that will never be taken."""


class TooLarge(Refused):
    """A batch that may be taken in parts."""


class Target(Protocol):
    """What a sender needs: `naming()` of the model's columns, `events` (gives how many were set aside), `signals`.

    All raise `Refused` for what will never be taken (`TooLarge` where parts of it may be), and anything else for what
    may be tried again. `prepare` imports what they need. `close` and `forget` end what is open; `forget` in a forked
    process, where nothing of it may be touched.
    """

    def prepare(self) -> None: ...
    def naming(self) -> Naming: ...
    def events(self, frame: pl.DataFrame, key: str, version: str | None) -> int: ...
    def signals(self, rows: Sequence[dict[str, Any]], key: str) -> None: ...
    def close(self) -> None: ...
    def forget(self) -> None: ...


class StoreTarget:
    """A store in a folder of this machine; opened when there is something to send.

    Args:
        folder: the store's.
        model: the model's name.
    """

    def __init__(self, folder: str | Path, model: str) -> None:
        self.folder, self.model = Path(folder).absolute(), model
        self._workspace: Workspace | None = None
        self._naming: Naming | None = None
        self._forked = False

    def prepare(self) -> None:
        """Import what the store needs."""
        import_module("retrue.workspace")

    def _open(self) -> Workspace:
        """The store.

        Raises:
            OSError: this process was forked from one that had opened it: Polars' threads are gone.
        """
        if self._forked:
            raise OSError("a store that was open before a fork is written by the process that opened it")
        if self._workspace is None:
            from retrue.workspace import open as open_workspace

            self._workspace = open_workspace(self.folder, create=False)
        return self._workspace

    def naming(self) -> Naming:
        """The names of the model's columns."""
        if self._naming is None:
            self._naming = Naming.of(self._open().model(self.model).schema)
        return self._naming

    def events(self, frame: pl.DataFrame, key: str, version: str | None) -> int:
        """Log events."""
        model = self._open().model(self.model)
        try:
            return model.log(frame, version=version, key=key).quarantined
        except FINAL as error:
            raise Refused(str(error)) from error

    def signals(self, rows: Sequence[dict[str, Any]], key: str) -> None:
        """Log records of the process and its machine."""
        try:
            self._open().model(self.model).signals(list(rows), key=key)
        except FINAL as error:
            raise Refused(str(error)) from error

    def close(self) -> None:
        """Close the store."""
        if self._workspace is not None:
            self._workspace.close()
            self._workspace = None

    def forget(self) -> None:
        """Leave what was open to the parent process."""
        self._forked = self._forked or self._workspace is not None
        self._workspace = None
