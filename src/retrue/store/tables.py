"""The catalog's tables (SQLAlchemy Core). The migrations make them; a test keeps both alike.

Everything that belongs to a model goes when the model goes, except the audit log. Times are microseconds since 1970
in UTC, a window's `start` is seconds since 1970, JSON bodies hold what only one room reads.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    text,
)  # fmt: skip
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.types import TypeEngine

metadata = MetaData()


class Words(TypeDecorator[str]):
    """Text in the order of its bytes."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """The database's own type."""
        return dialect.type_descriptor(Text(collation="C" if dialect.name == "postgresql" else None))


_NUMBER = BigInteger().with_variant(Integer(), "sqlite")  # only INTEGER counts up by itself there


def _model(*, key: bool = False) -> Column[str]:
    return Column("model", Words, ForeignKey("models.name", ondelete="CASCADE"), primary_key=key, nullable=False)


def _key(name: str) -> Column[str]:
    return Column(name, Words, primary_key=True)


def _text(name: str, *, null: bool = False) -> Column[str]:
    return Column(name, Words, nullable=null)


def _time(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=null)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _float(name: str) -> Column[float]:
    return Column(name, Float, nullable=True)


def _body(name: str = "body") -> Column[object]:
    return Column(name, JSON, nullable=False)


def _data(name: str = "data") -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


def _number() -> Column[int]:
    return Column("number", _NUMBER, primary_key=True, autoincrement=True)


def _owner() -> Column[str]:
    """The model that something belongs to; null where it is the store's."""
    return Column("model", Words, ForeignKey("models.name", ondelete="CASCADE"), nullable=True)


def _start() -> Column[int]:
    return Column("start", BigInteger, primary_key=True, autoincrement=False)


meta = Table("meta", metadata, _key("name"), _text("value"))

models = Table(
    "models", metadata, _key("name"), _body("layout"), _text("schema"), _body("settings"),
    _text("digest", null=True), _count("applied"), _time("created"),
)  # fmt: skip
versions = Table(
    "versions", metadata, _model(key=True), _key("version"), _text("stage"), _time("created"), _body(),
)  # fmt: skip
grids = Table("grids", metadata, _model(key=True), _key("digest"), _data(), _time("created"))
references = Table(
    "reference_profiles", metadata, _model(key=True), _key("version"), _key("digest"), _count("rows"),
    _count("labelled"), _data(), _time("created"), _body(),
)  # fmt: skip
slices = Table(
    "slices", metadata, _model(key=True), _key("name"), _text("sql"), _time("created"), _body(),
)  # fmt: skip
profiles = Table(
    "profiles", metadata, _model(key=True), _key("version"), _key("digest"), _start(), _key("slice"), _key("part"),
    _count("rows"), _count("applied"), _data(),
)  # fmt: skip
windows = Table(
    "windows", metadata, _model(key=True), _key("version"), _start(), _count("events"), _count("labelled"),
    _count("applied"), _count("bent"),
)  # fmt: skip
counters = Table("counters", metadata, _model(key=True), _key("name"), _count("value"))
points = Table(
    "points", metadata, _model(key=True), _key("version"), _start(), _key("slice"), _key("metric"), _key("column"),
    _float("value"), _float("reference"), _float("low"), _float("high"), _float("error"), _count("rows"),
    _count("applied"), _text("note", null=True),
)  # fmt: skip
estimates = Table(
    "estimates", metadata, _model(key=True), _key("version"), _start(), _count("events"), _time("created"), _body(),
)  # fmt: skip
verdicts = Table(
    "verdicts", metadata, _number(), _model(), _text("version"), _time("start"), _text("kind"), _count("applied"),
    _time("created"), _body(),
)  # fmt: skip
incidents = Table(
    "incidents", metadata, _key("id"), _model(), _text("status"), _time("opened"), _time("updated"),
    _time("closed", null=True), _body(),
)  # fmt: skip
runs = Table(
    "runs", metadata, _key("id"), _model(), _text("status"), _time("created"), _time("updated"), _body(),
)  # fmt: skip
manifests = Table(
    "manifests", metadata, _key("id"), _model(), _text("kind"), _count("seq"), _text("digest"), _time("created"),
    _body(),
)  # fmt: skip
collections = Table(
    "collections", metadata, _model(key=True), _key("name"), _text("sql", null=True), _count("rows"), _data(),
    _time("created"), _body(),
)  # fmt: skip
jobs = Table(
    "jobs", metadata, _key("id"), _text("kind"), _text("status"), _time("due"), _time("updated"), _body(),
    _owner(),
)  # fmt: skip
audit = Table(
    "audit", metadata, _number(), _time("at"), _text("model", null=True), _text("actor"), _text("action"), _body(),
    _text("digest", null=True),
)  # fmt: skip
leases = Table("leases", metadata, _key("name"), _text("holder"), _time("until"), _body())
logs = Table(
    "logs", metadata, _number(), _time("at"), _text("level"), _text("text"), _text("job", null=True),
    _text("model", null=True), _text("version", null=True), _text("run", null=True), _body(),
)  # fmt: skip
deliveries = Table(
    "deliveries", metadata, _number(), _text("incident"), _text("model"), _text("channel"), _text("event"),
    _text("status"), _time("due"), _time("updated"), _count("tries"), _body(),
)  # fmt: skip
markers = Table(
    "markers", metadata, _number(), _owner(), _text("kind"), _text("text"), _time("at"), _time("until", null=True),
    _text("actor"), _time("created"),
)  # fmt: skip
comments = Table(
    "comments", metadata, _number(), _model(), _text("incident"), _text("actor"), _text("text"), _time("created"),
)  # fmt: skip
tokens = Table(
    "tokens", metadata, _key("id"), _text("name"), _text("digest"), _text("role"), _time("created"),
    _time("expires", null=True), _time("used", null=True), _time("revoked", null=True), _body(),
)  # fmt: skip
sessions = Table(
    "sessions", metadata, _key("id"), _text("actor"), _text("role"), _time("created"),
    _time("expires"), _body(),
)  # fmt: skip
preferences = Table("preferences", metadata, _key("name"), _body(), _time("updated"))
signals = Table(
    "signals", metadata, _model(key=True), _key("name"), _text("sql", null=True), _time("created"), _time("updated"),
    _body(),
)  # fmt: skip
collected = Table(
    "collected", metadata, _number(), _model(), _text("collection"), _count("rows"), _data(), _time("created"), _body(),
)  # fmt: skip
tasks = Table(
    "tasks", metadata, _key("id"), _model(), _text("status"), _time("created"), _time("updated"), _body(),
)  # fmt: skip
label_annotations = Table(
    "annotations", metadata, Column("task", Words, ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True),
    _key("annotator"), _text("label"), _time("created"), _body(),
)  # fmt: skip
trials = Table(
    "trials", metadata, _key("id"), _model(), _text("status"), _time("created"), _time("updated"), _body(),
)  # fmt: skip
decisions = Table(
    "decisions", metadata, _number(), _model(), _text("answer"), _text("run", null=True), _time("created"), _body(),
)  # fmt: skip

_WHERE: dict[str, Any] = dict.fromkeys(("sqlite_where", "postgresql_where"), text("\"column\" = ''"))
Index("points_of_performance", points.c.model, points.c.metric, points.c.start, **_WHERE)
Index(
    "verdicts_by_window", verdicts.c.model, verdicts.c.version, verdicts.c.start, verdicts.c.applied, verdicts.c.created
)  # fmt: skip
Index("audit_by_time", audit.c.at)
Index("logs_by_time", logs.c.at)
Index("jobs_by_due", jobs.c.status, jobs.c.due)
Index("deliveries_by_due", deliveries.c.status, deliveries.c.due)
Index("collected_of_model", collected.c.model, collected.c.collection)
Index("tasks_of_model", tasks.c.model, tasks.c.status, tasks.c.created)
Index("decisions_of_model", decisions.c.model, decisions.c.created)
