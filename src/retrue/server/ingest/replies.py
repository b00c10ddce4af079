"""What a sender is told: how many rows were taken, which were not, and why."""

from __future__ import annotations

from typing import Literal

import msgspec

from retrue.store.intake import REJECTED
from retrue.workspace.receiving import Acknowledged, Received

Ack = Literal["spool", "lake"]


class Rejected(msgspec.Struct):
    """A row that was set aside: its number in the request, from 0, and why."""

    row: int
    reason: str


class Reply(msgspec.Struct):
    """The answer to rows that were acknowledged.

    Attributes:
        accepted: rows that were taken; equal repeats among them are found later, and count once.
        quarantined: rows that were set aside, where they can be read, mended and replayed.
        reasons: how many for each reason.
        counts: what else happened: values left out, labels without a value.
        changes: columns that aren't what they were when the model was registered, in words.
        rejected: the first 100 rows that were set aside.
        repeated: the Idempotency-Key was seen before; this is what was answered then.
        ack: how safe they are: in the "spool" (on disk), or in the "lake" and the profiles.
    """

    accepted: int
    quarantined: int
    reasons: dict[str, int]
    counts: dict[str, int]
    changes: list[str]
    rejected: list[Rejected]
    repeated: bool
    ack: Ack


def reply(acknowledged: Acknowledged, ack: Ack) -> Reply:
    """What to tell a sender."""
    received, receipt = Received.of(acknowledged), acknowledged.receipt
    rejected = [Rejected(row, reason) for row, reason in receipt.rejected[:REJECTED]]
    return Reply(
        received.accepted, received.quarantined, dict(received.reasons), dict(received.counts), list(received.changes),
        rejected, receipt.repeated, ack,
    )  # fmt: skip


def to_json(said: Reply) -> bytes:
    """Write a reply."""
    return msgspec.json.encode(said)


SCHEMA, COMPONENTS = msgspec.json.schema_components([Reply], ref_template="#/components/schemas/{name}")
"""The reply's JSON schema, for the OpenAPI document."""
