"""What can go wrong, as a small tree. Every error says what, where, what was expected, and how to fix it.

RetrueError
├── TableError        a table can't be read: missing, corrupt, empty, wrong encoding
├── SchemaError       columns, kinds or roles don't fit
├── SliceError        a predicate isn't in the slice language, or names an unknown column
├── MetricError       an unknown metric, a rule that doesn't parse, a metric defined twice
├── ProfileError      profiles that don't belong together, or bytes that aren't a profile
├── ConfigError       a setting that isn't understood
├── StoreError        a store that can't be opened or written
│   ├── StoreVersionError   written by a newer version, or needing `retrue migrate`
│   ├── StoreFullError      the disk is full: nothing is half-written
│   ├── StoreAwayError      the database or object store doesn't answer now: try again
│   └── StoreRefusedError   it answers, and refuses: a wrong key or password, no rights, no such place
├── TrainingError     a training that crashed, hung, ran out of memory, or gave no model
└── RefusedError      a promotion or a training that the evidence doesn't support
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class RetrueError(Exception):
    """The root: catch this to catch everything that Retrue raises on purpose.

    Args:
        what: what went wrong, in one clause.
        where: the file, column, slice or setting it went wrong in.
        expected: what would have been right.
        hint: what to do about it.

    Attributes:
        answered: the HTTP status that a server told it with; None where it was raised here.

    >>> print(RetrueError("unknown column 'incme'", where="slice \\"incme > 1\\"", hint="did you mean 'income'?"))
    unknown column 'incme' in slice "incme > 1". Hint: did you mean 'income'?
    """

    answered: int | None = None

    def __init__(
        self, what: str, *, where: str | None = None, expected: str | None = None, hint: str | None = None
    ) -> None:
        self.what, self.where, self.expected, self.hint = what, where, expected, hint
        text = what if where is None else f"{what} in {where}"
        if expected is not None:
            text += f": expected {expected}"
        if hint is not None:
            text += f". Hint: {hint}"
        super().__init__(text)


class TableError(RetrueError):
    """A table can't be read."""


class SchemaError(RetrueError):
    """Columns, kinds or roles don't fit the table or the model."""


class SliceError(RetrueError):
    """A predicate isn't in the slice language, or names an unknown column."""


class MetricError(RetrueError):
    """An unknown metric, a rule that doesn't parse, or a metric defined twice."""


class ProfileError(RetrueError):
    """Profiles that don't belong together, or bytes that aren't a profile."""


class ConfigError(RetrueError):
    """A setting that isn't understood."""


class StoreError(RetrueError):
    """A store that can't be opened, read or written."""


class StoreVersionError(StoreError):
    """A store written by a newer Retrue, or one that needs `retrue migrate`."""


class StoreFullError(StoreError):
    """The disk is full: nothing is half-written. Unless the hint says what is safe, nothing was acknowledged."""


class StoreAwayError(StoreError):
    """The store's database or object store doesn't answer now, and may soon: trying again helps.

    Nothing that was acknowledged is lost.
    """


class StoreRefusedError(StoreError):
    """The store's database or object store refuses: a wrong key or password, no rights, no such database or bucket.

    Trying again doesn't help until somebody has mended that; nothing that was acknowledged is lost.
    """


LASTING = (StoreVersionError, StoreRefusedError)
"""Troubles of a store that trying again doesn't help: somebody has to mend them first."""


class TrainingError(RetrueError):
    """A training crashed, hung, ran out of memory, or gave no model; its run says why, and all else stays as it was."""


class RefusedError(RetrueError):
    """A promotion or a training that the evidence doesn't support; `reasons` says why.

    >>> RefusedError(["AUC is 0.02 lower on later flights"]).reasons
    ('AUC is 0.02 lower on later flights',)
    """

    def __init__(self, reasons: Sequence[str], *, what: str = "refused", hint: str | None = None) -> None:
        self.reasons = tuple(reasons)
        super().__init__(f"{what}: " + "; ".join(self.reasons), hint=hint)


def first_line(error: BaseException) -> str:
    """The first line of what an error says, without a full stop; what Polars adds of its plan comes after it.

    >>> first_line(ValueError("oops.\\n\\nThis error occurred in the following expression:")), first_line(KeyError())
    ('oops', 'KeyError')
    """
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Give a hint that names the nearest known name, or None where nothing is near.

    >>> nearest("incme", ["income", "age"])
    "did you mean 'income'?"
    >>> nearest("zzz", ["income", "age"]) is None
    True
    """
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else None
