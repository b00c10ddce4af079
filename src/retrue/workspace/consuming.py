"""Consume: read a Kafka topic beside others, for as long as it is wanted; each row comes into the store once.

The group says which partitions this process reads; where they begin says the store. A process that lost a partition
and doesn't know it yet can't take what its new owner took: their keys are the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from retrue.errors import ConfigError
from retrue.sources import SourceChangedError
from retrue.sources.kafka import KafkaSource, Messages
from retrue.sources.source import State
from retrue.workspace.pulling import OvertakenError, begun, sources_of
from retrue.workspace.receiving import Received
from retrue.workspace.stored import StoredModel

WAIT = 0.5
"""Seconds that a look for messages waits for some."""


def topic_of(model: StoredModel, kind: str) -> KafkaSource:
    """The topic that rows of a kind are shared from.

    Raises:
        ConfigError: the model has none, or it names no group.
    """
    source = sources_of(model.store, model.name).get(kind)
    if not isinstance(source, KafkaSource) or source.group is None:
        hint = f"[models.{model.name}.sources.{kind}] with kafka, topic and group"
        raise ConfigError(f"no topic with a group for {kind}", where=model.name, hint=hint)
    return source


def consume(
    model: StoredModel,
    kind: str,
    stop: threading.Event,
    *,
    told: Callable[[Received], None] = lambda _: None,
    warned: Callable[[SourceChangedError], None] = lambda _: None,
) -> None:
    """Take messages until somebody says stop.

    Args:
        model: whose.
        kind: "events", "labels" or "feedback".
        stop: set to end it.
        told: called with what became of each chunk.
        warned: called where messages are gone that were to be read; it goes on behind them.

    Raises:
        ConfigError: the model has no topic with a group for them.
        TableError: the brokers refuse, or are away.
    """
    source = topic_of(model, kind)

    def states(lanes: Sequence[str]) -> State:
        """Where the store says that these partitions were left."""
        reading.progress = begun(model, kind, source, lanes).progress
        return reading.progress.state

    reading = begun(model, kind, source)
    with source.consumer(source.group or "") as consumer:
        consumer.join(states)
        while not stop.is_set():
            try:
                messages, _ = consumer.next(WAIT)
                if messages:
                    told(reading.take(Messages.read(source, messages)))
            except OvertakenError as error:  # a partition has gone to another process
                if error.received != Received(0):
                    told(error.received)
                consumer.seek(states([]))
            except SourceChangedError as error:
                with suppress(OvertakenError):
                    reading.keep(reading.progress.after(source, error.steps, 0))
                consumer.seek(states([]))
                warned(error)
