"""A Kafka topic: JSON, NDJSON or Arrow messages; the offset of each partition is its lane's watermark.

    kafka = "broker-1:9092,broker-2:9092"
    topic = "predictions"
    columns = { id = "request.id", p = "output.score" }       # a dot reaches into an object

Offsets are kept with the rows, in the store; Kafka's own are neither read nor written, so that rows and offsets can't
disagree. Without `group` the service reads all partitions by itself, pass after pass; with it, `retrue consume`
processes share them: the group says who reads which, and nothing else.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import polars as pl
from pydantic import Field

from retrue.config import Name
from retrue.errors import TableError, first_line
from retrue.sources.nested import lifted, lifted_frame
from retrue.sources.source import Chunk, Piece, Source, SourceChangedError, State, Unreadable, revealed
from retrue.tables import Table
from retrue.tables.plain import from_rows

MESSAGES = 10_000
"""Messages that are taken at once, at most."""
PATIENCE = 20.0
"""Seconds until brokers that say nothing are away."""
QUEUED = 16_384
"""Kilobytes that are fetched ahead; more wait at the broker until these are in the store."""
SESSION = 10_000
"""Milliseconds without a sign of life after which a group gives a process's partitions to others."""
ARROW = b"\xff\xff\xff\xff"
"""What an Arrow IPC stream begins with."""
NO_JSON = "a message that is no JSON object"
NOT_MEANT = {"group.id", "enable.auto.commit", "enable.auto.offset.store", "auto.offset.reset", "bootstrap.servers"}
"""Options of librdkafka that are set here, for rows to be taken once."""


class KafkaSource(Source):
    """`kafka = ...`: a topic.

    Attributes:
        kafka: the brokers to ask first, as `host:port,host:port`.
        topic: its name.
        group: the consumer group that `retrue consume` joins; None: the service reads it by itself.
        options: of librdkafka, such as `"security.protocol"`; `${NAME}` stands for the environment's NAME.
    """

    key: ClassVar[str] = "kafka"
    passes: ClassVar[bool] = True
    kafka: Name
    topic: Name
    group: Name | None = None
    options: Mapping[Name, Name] = Field(default_factory=dict)

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"topic {self.topic!r} at {self.kafka}"

    @property
    def shared(self) -> bool:
        """Whether it is left to `retrue consume`."""
        return self.group is not None

    def table(self) -> Table:
        """All messages that are there now; held in memory."""
        frames = [chunk.frame for chunk in self.after({}, ids=True)]
        frame = pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()
        return Table(frame.lazy(), self.name, len(frame), columnar=True, held=frame)

    def column_names(self, seconds: float) -> None:
        """Ask a broker for the topic; what messages hold, only they tell."""
        with self.consumer("retrue") as consumer:
            consumer.partitions(seconds)

    def after(self, state: State, *, ids: bool) -> Iterator[Chunk]:  # noqa: ARG002 - offsets tell rows apart
        """Read all partitions from where they were left to where they end now."""
        with self.consumer("retrue") as consumer:
            left = set(consumer.start(state))
            while left:
                messages, ended = consumer.next()
                if messages:
                    yield Messages.read(self, messages)
                left -= ended

    @contextmanager
    def consumer(self, group: str) -> Iterator[Consumer]:
        """A client of the brokers, closed at the end.

        Raises:
            TableError: the library isn't there, or an option isn't meant for it.
        """
        try:
            from confluent_kafka import Consumer as Client
            from confluent_kafka import KafkaException
        except ImportError as error:
            raise TableError("a Kafka topic", expected="confluent-kafka", hint='pip install "retrue[kafka]"') from error
        odd = sorted(NOT_MEANT & set(self.options))
        if odd:
            raise TableError(f"the option {odd[0]!r}", where=self.name, hint="leave it out: Retrue sets it")
        options = {key: revealed(value, key) for key, value in self.options.items()}
        fixed: dict[str, Any] = {
            "bootstrap.servers": self.kafka, "group.id": group, "enable.auto.commit": False,
            "enable.auto.offset.store": False, "auto.offset.reset": "error", "enable.partition.eof": True,
            "queued.max.messages.kbytes": QUEUED, "log_level": 0,
        }  # fmt: skip
        try:
            client = Client({"session.timeout.ms": SESSION, **options, **fixed})
        except KafkaException as error:
            said = self.unsaid(first_line(error))
            raise TableError(f"Kafka refuses its options: {said}", where=self.name) from None
        try:
            yield Consumer(self, client)
        finally:
            client.close()


KIND = KafkaSource


@dataclass(eq=False)
class Consumer:
    """A client of the brokers, and what it says in our words.

    Args:
        source: the topic.
        client: confluent-kafka's consumer.
    """

    source: KafkaSource
    client: Any

    @cached_property
    def heard(self) -> list[float]:
        """When the brokers were last heard of, on a monotonic clock."""
        return [time.monotonic()]

    def start(self, state: State) -> list[int]:
        """Read all partitions from where they were left; gives their numbers."""
        from confluent_kafka import TopicPartition

        found = self.partitions(PATIENCE)
        self.client.assign([TopicPartition(self.source.topic, n, offset_of(state, n)) for n in found])
        return found

    def partitions(self, seconds: float) -> list[int]:
        """The numbers of the topic's partitions.

        Raises:
            TableError: no broker answers within so many seconds, or there is no such topic.
        """
        from confluent_kafka import KafkaException

        try:
            found = self.client.list_topics(self.source.topic, timeout=seconds).topics[self.source.topic]
        except KafkaException as error:
            raise self.away(error) from error
        if found.error is not None:
            raise TableError(f"Kafka says: {found.error.str()}", where=self.source.name)
        return list(found.partitions)

    def join(self, group_state: Any) -> None:
        """Let the group say which partitions to read; `group_state` gives the offsets of those that are assigned."""

        def assigned(client: Any, partitions: Sequence[Any]) -> None:
            state = group_state([str(one.partition) for one in partitions])
            for one in partitions:
                one.offset = offset_of(state, one.partition)
            client.assign(partitions)

        self.client.subscribe([self.source.topic], on_assign=assigned)

    def seek(self, state: State) -> None:
        """Read the partitions that this client has from where `state` says."""
        mine = self.client.assignment()
        for one in mine:
            one.offset = offset_of(state, one.partition)
        self.client.assign(mine)

    def next(self, seconds: float = 1.0) -> tuple[list[Any], set[int]]:
        """Messages that came within so many seconds, and the partitions that have no more now.

        Raises:
            SourceChangedError: the next messages of a partition are gone.
            TableError: the brokers are away, or refuse.
        """
        got = self.client.consume(MESSAGES, timeout=seconds)
        messages = [one for one in got if one.error() is None]
        ended, trouble = set[int](), None
        for one in got:
            if one.error() is not None:
                ended |= {one.partition()} if one.error().name() == "_PARTITION_EOF" else set()
                trouble = trouble or self.trouble(one)
        if got:
            self.heard[0] = time.monotonic()
        elif time.monotonic() - self.heard[0] > PATIENCE and self.client.assignment():
            self.check()
        if trouble is not None and not messages:
            raise trouble
        return messages, ended

    def check(self) -> None:
        """Raise TableError where no broker answers."""
        from confluent_kafka import KafkaException

        try:
            self.client.list_topics(self.source.topic, timeout=PATIENCE)
        except KafkaException as error:
            raise self.away(error) from error
        self.heard[0] = time.monotonic()

    def trouble(self, message: Any) -> TableError | None:
        """What an error among the messages means; None: nothing, or it mends itself."""
        error = message.error()
        if error.name() == "_AUTO_OFFSET_RESET":
            return self.gone(message.partition())
        passing = error.name() == "_PARTITION_EOF" or (error.retriable() and not error.fatal())
        return None if passing or error.name() == "_TRANSPORT" else self.away(error)

    def gone(self, partition: int) -> SourceChangedError:
        """The messages that were to be read next aren't there: deleted by age, or the topic was made anew."""
        from confluent_kafka import KafkaException, TopicPartition

        where = TopicPartition(self.source.topic, partition)
        try:
            low, high = self.client.get_watermark_offsets(where, timeout=PATIENCE)
        except KafkaException as error:
            raise self.away(error) from error
        what = f"the next messages of partition {partition} are gone; it has {low:,} to {high:,}"
        hint = f"the next attempt goes on at {low:,}; keep messages longer than Retrue may be away"
        return SourceChangedError(what, {str(partition): {"offset": low}}, where=self.source.name, hint=hint)

    def away(self, error: Any) -> TableError:
        """What Kafka says."""
        said = error.args[0].str() if getattr(error, "args", None) and hasattr(error.args[0], "str") else str(error)
        return TableError(f"Kafka says: {said}", where=self.source.name)


@dataclass(frozen=True)
class Messages(Chunk):
    """Messages to be taken at once; where the door refuses them together, they are taken by halves.

    Attributes:
        source: whose columns they have.
        messages: as confluent-kafka gave them.
    """

    source: KafkaSource | None = None
    messages: tuple[Any, ...] = ()

    @classmethod
    def read(cls, source: KafkaSource, messages: Sequence[Any]) -> Messages:
        """Read messages, partition by partition."""
        frames, pieces, ordered = list[pl.DataFrame](), list[Piece](), list[Any]()
        for partition in dict.fromkeys(one.partition() for one in messages):
            own = [one for one in messages if one.partition() == partition]
            frame, broken = rows_of([one.value() for one in own], source.columns)
            step = {"offset": own[-1].offset() + 1}
            pieces.append(Piece(len(frame), step, str(partition), broken))
            frames += [frame] if frame.width else []
            ordered += own
        whole = pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()
        return cls(source.renamed(whole) if whole.width else whole, tuple(pieces), source, tuple(ordered))

    def halves(self) -> tuple[Chunk, ...]:
        """The same messages as two chunks; one that can't be halved, as what couldn't be read."""
        if self.source is None or len(self.messages) < 2:
            return ()
        middle = len(self.messages) // 2
        return Messages.read(self.source, self.messages[:middle]), Messages.read(self.source, self.messages[middle:])


def offset_of(state: State, partition: int) -> int:
    """Where to read a partition on; one that wasn't read yet, from its beginning."""
    from confluent_kafka import OFFSET_BEGINNING

    return int(state[str(partition)]["offset"]) if str(partition) in state else OFFSET_BEGINNING


def rows_of(values: Sequence[bytes | None], columns: Mapping[str, str]) -> tuple[pl.DataFrame, tuple[Unreadable, ...]]:
    """The rows of messages, and what is none, by its number; messages without a value (tombstones) are nothing."""
    frames, held, broken, number = list[pl.DataFrame](), list[dict[str, Any]](), list[Unreadable](), 0
    for value in values:
        for row in parsed(value):
            if isinstance(row, pl.DataFrame):
                frames += [named(held), lifted_frame(row, columns.values())]
                held = []
                number += len(row)
            elif isinstance(row, Mapping):
                held.append(lifted(row, columns.values()))
                number += 1
            else:
                broken.append(Unreadable(number, NO_JSON, row))
                number += 1
    frames = [frame for frame in [*frames, named(held)] if frame.width]
    return pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame(), tuple(broken)


def named(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows as a frame; none, as nothing."""
    return from_rows(rows) if rows else pl.DataFrame()


def parsed(value: bytes | None) -> Iterator[pl.DataFrame | Mapping[str, Any] | str]:
    """What a message holds: a frame (Arrow), objects (JSON: one, a list, or one a line), or text that is neither."""
    if value is None:
        return
    if value.startswith(ARROW):
        try:
            yield pl.read_ipc_stream(io.BytesIO(value))
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
            yield "an Arrow stream that is cut off"
        return
    try:
        said = [json.loads(value)]
    except ValueError:
        said = [loaded(line) for line in value.splitlines() if line.strip()]
    for one in said:
        for row in one if isinstance(one, list) else [one]:
            known = isinstance(row, Mapping) and row
            yield row if known else row if isinstance(row, str) else json.dumps(row)


def loaded(line: bytes) -> Any:
    """A line as JSON, or as text where it is none."""
    try:
        return json.loads(line)
    except ValueError:
        return line.decode("utf-8", "replace")
