"""A value of every odd type that a column may come in, and what the lake keeps of it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import polars as pl

ODD: dict[str, tuple[pl.Series, object]] = {
    "duration": (pl.Series([timedelta(minutes=1.5)]), 90.0),
    "time": (pl.Series([time(1, 0, 30)]), 3630.0),
    "decimal": (pl.Series([Decimal("1.50")]), 1.5),
    "categorical": (pl.Series(["a"], dtype=pl.Categorical()), "a"),
    "enum": (pl.Series(["a"], dtype=pl.Enum(["a", "b"])), "a"),
    "binary": (pl.Series([b"\x01\xff"]), b"\x01\xff"),
    "struct": (pl.Series([{"k": 1}]), '{"z":{"k":1}}'),
    "struct of bytes": (pl.Series([{"k": b"\x01"}]), '{"k": "01"}'),
    "list of bytes": (pl.Series([[b"\x01"]]), '["01"]'),
    "list of durations": (pl.Series([[timedelta(seconds=1)]]), '["0:00:01"]'),
    "list of structs": (pl.Series([[{"k": 1}]]), '{"z":[{"k":1}]}'),
    "list of lists": (pl.Series([[[1]]]), [[1]]),
    "grid": (pl.Series([[[1, 2], [3, 4]]], dtype=pl.Array(pl.UInt8, (2, 2))), [[1, 2], [3, 4]]),
    "array": (pl.Series([[1, 2]], dtype=pl.Array(pl.Int64, 2)), [1, 2]),
    "list of categories": (pl.Series([["a"]], dtype=pl.List(pl.Categorical())), ["a"]),
    "object": (pl.Series([UUID(int=7)], dtype=pl.Object()), str(UUID(int=7))),
    "128 bits": (pl.Series([2**100], dtype=pl.Int128()), float(2**100)),
    "unsigned": (pl.Series([2**64 - 1], dtype=pl.UInt64()), float(2**64 - 1)),
    "half": (pl.Series([0.5], dtype=pl.Float32()), 0.5),
    "nanoseconds": (pl.Series([datetime(2013, 3, 1)], dtype=pl.Datetime("ns")), datetime(2013, 3, 1, tzinfo=UTC)),
    "nothing": (pl.Series([None]), None),
}
