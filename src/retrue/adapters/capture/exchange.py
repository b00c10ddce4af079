"""An exchange: what a model was asked and answered; or one half of it, as request and answer may be logged apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Final

from retrue.errors import TableError


class _Missing:
    """What wasn't there: no null, which is a value."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()


class BadDocumentError(TableError):
    """A document that isn't of its format; `where` names the field."""


@dataclass(frozen=True)
class Bad:
    """A document that can't be taken: its number from 0, why, and what it was, where that may be kept."""

    number: int
    reason: str
    text: str | None = None


@dataclass(frozen=True)
class Exchange:
    """One call of a model, for one row or for many.

    Attributes:
        id: what joins its halves, and names its event (`ID/0`, `ID/1` ... of several rows).
        inputs: a row for each thing asked: a dict by name, or a list in the model's order; MISSING in an answer.
        outputs: one for each row: a value, a list (one for each class), or a dict by name; MISSING in a request.
        time: when it was answered (UTC), or asked where only that is known.
        latency: how long it took, in seconds.
        version: the version that answered.
        number: of the document that it, or its first half, was in.
        failed: whether no model answered, but an error came: nothing to log.
    """

    id: str
    inputs: Any = MISSING
    outputs: Any = MISSING
    time: datetime | None = None
    latency: float | None = None
    version: str | None = None
    number: int = 0
    failed: bool = False

    @property
    def whole(self) -> bool:
        """Whether both halves are here."""
        return self.inputs is not MISSING and self.outputs is not MISSING

    def joined(self, other: Exchange) -> Exchange:
        """This half with the other one; what an answer says of time and version goes before what a request says.

        >>> asked, answered = Exchange("a", inputs=[[1]]), Exchange("a", outputs=[0.5])
        >>> answered.joined(asked).whole
        True
        """
        answer, request = (self, other) if self.outputs is not MISSING else (other, self)
        said = {field.name: getattr(answer, field.name) for field in fields(answer)}
        lacking = {name: getattr(request, name) for name, value in said.items() if value is None or value is MISSING}
        if answer.latency is None and answer.time is not None and request.time is not None:
            lacking["latency"] = max((answer.time - request.time).total_seconds(), 0.0)
        return replace(answer, **lacking, number=min(self.number, other.number))


def paired(parts: Iterable[Exchange]) -> tuple[list[Exchange], list[Exchange]]:
    """Join halves by id: the whole exchanges in order of their first half, and halves whose other one isn't here.

    A half that comes again in place of its other one is a repeat, and the first one stays.
    """
    waiting, whole = dict[str, Exchange](), list[Exchange]()
    for part in parts:
        other = waiting.get(part.id)
        if part.whole:
            whole.append(part)
        elif other is None:
            waiting[part.id] = part
        elif (other.inputs is MISSING) != (part.inputs is MISSING):
            whole.append(waiting.pop(part.id).joined(part))
    return sorted(whole, key=lambda one: one.number), list(waiting.values())


def numbered(rows: Sequence[Exchange]) -> list[Exchange]:
    """Rows of calls with ids of their own: the first has the call's, those behind it are `ID/1`, `ID/2` ...

    A log that is read while a call's rows are written gives the same ids when it is read again: the first one's can't
    depend on whether others follow.

    >>> [one.id for one in numbered([Exchange("a"), Exchange("b"), Exchange("a")])]
    ['a', 'b', 'a/1']
    """
    seen, found = Counter[str](), list[Exchange]()
    for one in rows:
        found.append(replace(one, id=f"{one.id}/{seen[one.id]}") if seen[one.id] else one)
        seen[one.id] += 1
    return found


# --- what a document says ---------------------------------------------------------------------------------------------


def need(document: Mapping[str, Any], path: str, kind: type | tuple[type, ...] = object) -> Any:
    """What a document has at a dotted path.

    Raises:
        BadDocumentError: there is nothing, or something else; it names the path.

    >>> need({"a": {"b": 1}}, "a.b", int)
    1
    """
    found: Any = document
    for name in path.split("."):
        if not isinstance(found, Mapping) or found.get(name) is None:
            raise BadDocumentError("it has no such field", where=f"field {path!r}")
        found = found[name]
    if kind is not object and not isinstance(found, kind):
        wanted = kind if isinstance(kind, tuple) else (kind,)
        names = " or ".join(_WORDS.get(one, one.__name__) for one in wanted)
        raise BadDocumentError(
            f"a {_WORDS.get(type(found), type(found).__name__)}", where=f"field {path!r}", expected=names
        )
    return found


_WORDS: dict[type, str] = {str: "text", dict: "object", list: "list", int: "number", float: "number", Mapping: "object"}


def moment(said: Any, field: str) -> datetime:
    """A time: ISO text, or seconds since 1970; UTC where it names no zone.

    Raises:
        BadDocumentError: it is none.

    >>> moment("2020-07-30T13:36:30Z", "inferenceTime").isoformat()
    '2020-07-30T13:36:30+00:00'
    """
    try:
        if isinstance(said, datetime):
            found = said
        elif isinstance(said, int | float) and not isinstance(said, bool):
            return datetime.fromtimestamp(said, UTC)
        else:
            found = datetime.fromisoformat(str(said).strip().removesuffix(" UTC"))
    except (ValueError, OverflowError, OSError) as error:
        raise BadDocumentError(
            f"{str(said)[:60]!r} is no time", where=f"field {field!r}", expected="an ISO time"
        ) from error
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)
