"""Mix: what a model is trained on, as named parts with shares of the weight.

A share is a share of the *weight*, not of the rows: half the weight on 500 edge cases and half on 50,000 original rows
keeps every row and lets both halves speak equally loud.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import polars as pl

from retrue.core.hashing import hash64
from retrue.core.state import Floats
from retrue.core.values import number_rows, text_rows
from retrue.errors import ConfigError, RefusedError, SchemaError
from retrue.refine import alike
from retrue.slices import Slice

By: TypeAlias = Literal["share", "row"]
Unique: TypeAlias = Literal["equal", "near"]

HEAVIEST = 100
"""What one row may count as: beyond that a model learns single rows by heart."""


class Part(Protocol):
    """Something that rows can be taken from: a reference, a collection, a period of the log."""

    @property
    def name(self) -> str:
        """What the manifest calls it."""

    @property
    def frame(self) -> pl.DataFrame:
        """Its rows."""


@dataclass(frozen=True)
class Mixed:
    """A training set.

    Attributes:
        table: the rows, features and label.
        weights: float64[rows], mean 1.
        manifest: the parts with rows, share and digest, from which the same set can be told again.
    """

    table: pl.DataFrame
    weights: Floats
    manifest: dict[str, Any]


class Mix:
    """Parts and their shares of the training weight.

    >>> from types import SimpleNamespace as Part
    >>> old = Part(name="old", frame=pl.DataFrame({"x": [1, 2, 3]}))
    >>> new = Part(name="new", frame=pl.DataFrame({"x": [9]}))
    >>> Mix([(old, 0.5), (new, 0.5)]).build(["x"]).weights.round(3).tolist()
    [0.667, 0.667, 0.667, 2.0]
    >>> Mix([(old, 1), (new, 3)], by="row").build(["x"]).weights.round(3).tolist()
    [0.667, 0.667, 0.667, 2.0]
    """

    def __init__(
        self,
        parts: Mapping[Any, float] | Sequence[tuple[Any, float]],
        *,
        by: By = "share",
        balance: str | Sequence[str] | None = None,
        most: int | Mapping[Any, int] | None = None,
        unique: Unique | None = None,
        trusted: Sequence[str] = (),
        broken: bool = False,
        refit: bool = False,
        seed: int = 0,
    ) -> None:
        """Take the parts.

        Args:
            parts: each part with its share of the weight, which are normalised; or with the weight of each row.
            by: "share" or "row": which of these the numbers are.
            balance: what is to weigh the same inside of each part: "class" (each class of the label), "time" (each
                tenth of the part's time), a column (each of its values), or slices as SQL (each of them, and the rest).
                Balanced classes bend probabilities: they no longer say how often something happens.
            most: rows of a part at most: of every part, or by part (or its name); which ones, the seed says.
            unique: "equal" takes rows that are equal but for their ids once; "near" those, too, whose texts are equal
                and whose numbers differ by less than a hundredth of the column's usual range.
            trusted: columns that are known when the model predicts, however well they foretell the label.
            broken: learn from, and prove on, rows of windows that were judged broken, too: knowingly.
            refit: once fitted and asked about the holdout, fit again on all matured labels, the holdout's among them:
                that model is tried, promoted and served, and the proof is that of its twin, which hasn't seen them.
            seed: of what is drawn.

        Raises:
            ConfigError: no parts, what is none, a share that isn't positive, or a setting that isn't understood.
        """
        self.parts: list[tuple[Part, float]] = list(parts.items() if isinstance(parts, Mapping) else parts)
        self.by, self.seed, self.trusted = by, seed, tuple(trusted)
        self.unique, self.most, self.balance, self.broken = unique, most, balance, broken
        self.refit = refit
        self.check()

    def check(self) -> None:
        """Refuse what can't be mixed.

        Raises:
            ConfigError: as above.
        """
        if not self.parts:
            raise ConfigError("a mix of nothing", expected="at least one part with its share")
        for part, share in self.parts:
            if not isinstance(getattr(part, "frame", None), pl.DataFrame):
                raise ConfigError(
                    f"{type(part).__name__ if hasattr(part, 'columns') else repr(part)} as a part of a mix",
                    expected="a reference, a collection or a part of the log",
                    hint="model.reference, model.collect(...), model.logged(); of your own rows "
                    "types.SimpleNamespace(name=..., frame=...), in pairs: rt.Mix([(own, 0.5), ...])",
                )
            if not positive(share):
                raise ConfigError(f"share {share!r} of {part.name!r}", expected="a positive number")
        if self.by not in {"share", "row"}:
            raise ConfigError(f"by={self.by!r} for a mix", expected="share or row")
        if self.unique not in {None, "equal", "near"}:
            raise ConfigError(f"unique={self.unique!r} for a mix", expected="equal or near")
        check_seed(self.seed, "a mix")
        self.ceilings()

    def ceilings(self) -> dict[str, int]:
        """The most rows of each part that has such a limit, by name.

        Raises:
            ConfigError: a limit below one row, or of what is no part.
        """
        names = {part.name for part, _ in self.parts}
        if self.most is None:
            return {}
        said = self.most if isinstance(self.most, Mapping) else dict.fromkeys(names, self.most)
        found = {str(getattr(part, "name", part)): rows for part, rows in said.items()}
        for name, rows in found.items():
            if name not in names or rows < 1:
                expected = f"at least 1 row of {', '.join(sorted(names))}"
                raise ConfigError(f"most={rows} rows of {name!r}", where="a mix", expected=expected)
        return found

    def over(self, parts: Sequence[tuple[Any, float]]) -> Mix:
        """The same settings for other parts."""
        names = {part.name for part, _ in parts}
        most = {name: rows for name, rows in self.ceilings().items() if name in names}
        return Mix(
            parts, by=self.by, balance=self.balance, most=most or None, unique=self.unique, trusted=self.trusted,
            broken=self.broken, refit=self.refit, seed=self.seed,
        )  # fmt: skip

    @property
    def settings(self) -> dict[str, Any]:
        """What was said but for the parts, in plain values."""
        balance = self.balance if self.balance is None or isinstance(self.balance, str) else list(self.balance)
        said = {"by": self.by, "balance": balance, "most": self.ceilings() or None, "unique": self.unique}
        told = {"trusted": list(self.trusted), "broken": self.broken, "refit": self.refit, "seed": self.seed}
        return {**said, **told}

    def build(
        self,
        columns: list[str],
        *,
        beside: Sequence[str] = (),
        key: str | None = None,
        label: str | None = None,
        time: str | None = None,
    ) -> Mixed:
        """Put the parts together.

        Args:
            columns: what to keep of each part, in this order.
            beside: what to keep before these that says whose row it is, not what it is like.
            key: a column of ids; a row that several parts have counts in the smallest of them: edge cases are drawn
                from the log, and are to keep their weight. Rows are in the order of their ids.
            label: the column of labels, where classes are balanced.
            time: the column of times, where times are balanced.

        Raises:
            SchemaError: a part lacks a column.
            RefusedError: a part has no rows left.
            ConfigError: a part has so few rows for its share that each would count as more than `HEAVIEST`.
        """
        whole, kept = self.rows_once(columns, beside, key), [*beside, *columns]
        frames = [frame.select(kept) for frame in whole]
        shares = self.shares([frame.height for frame in frames])
        said: list[dict[str, Any]] = [
            {"part": part.name, "share": share, "rows": frame.height, "digest": digest(frame)}
            for (part, _), share, frame in zip(self.parts, shares, frames, strict=True)
        ]
        table = pl.concat(frames, how="vertical_relaxed")
        for entry in said:
            check_weight(entry["share"] * table.height / entry["rows"], entry)
        weights = [
            np.asarray(share * table.height / frame.height * self.balanced(frame, label, time))
            for share, frame in zip(shares, whole, strict=True)
        ]
        manifest = {"parts": said, "rows": table.height, "columns": kept, "mix": self.settings}
        return Mixed(table, np.concatenate(weights), {**manifest, "digest": digest_of(said, weights)})

    def shares(self, heights: Sequence[int]) -> list[float]:
        """Each part's share of the weight."""
        given = [
            number * (rows if self.by == "row" else 1) for (_, number), rows in zip(self.parts, heights, strict=True)
        ]
        return [one / sum(given) for one in given]

    def balanced(self, frame: pl.DataFrame, label: str | None, time: str | None) -> Floats:
        """float64[rows], mean 1: what each row of a part counts so that all groups weigh the same."""
        if self.balance is None:
            return np.ones(frame.height)
        groups = groups_of(frame, self.balance, label, time)
        _, place, counts = np.unique(groups, return_inverse=True, return_counts=True)
        heaviest = frame.height / (counts.size * counts.min())
        if heaviest > HEAVIEST:
            rare = int(counts.min())
            raise ConfigError(
                f"balanced, each of {rare:,} rows would count as {heaviest:,.0f}", where=f"balance={self.balance!r}",
                expected=f"at most {HEAVIEST}", hint="collect more of them, or balance by something coarser",
            )  # fmt: skip
        return np.asarray(frame.height / (counts.size * counts[place]), np.float64)

    def rows_once(self, columns: list[str], beside: Sequence[str], key: str | None) -> list[pl.DataFrame]:
        """The rows of each part, in the parts' order, each row in one of them; with all their columns."""
        whole, ceilings = [part.frame for part, _ in self.parts], self.ceilings()
        found: dict[int, pl.DataFrame] = {}
        seen: pl.Series | None = None
        known: pl.Series | None = None
        data = [name for name in columns if name != key]
        near = alike.steps(whole, data) if self.unique == "near" else None
        for place in sorted(range(len(whole)), key=lambda place: whole[place].height):
            part = self.parts[place][0]
            frame = self.rows_of(part, whole[place], [*beside, *columns], key, seen)
            if self.unique is not None:
                frame, known = alike.once(frame, data, known, near)
            if part.name in ceilings:
                frame = drawn(frame, ceilings[part.name], key, self.seed)
            if not frame.height:
                raise nothing_left(part.name)
            if key is not None:
                ids = text_rows(frame[key])
                seen = ids if seen is None else pl.concat([seen, ids])
            found[place] = frame
        return [found[place] for place in range(len(whole))]

    @staticmethod
    def rows_of(
        part: Part, frame: pl.DataFrame, columns: list[str], key: str | None, seen: pl.Series | None
    ) -> pl.DataFrame:
        """The rows of one part that are new."""
        missing = [name for name in [*columns, *([key] if key else [])] if name not in frame.columns]
        if missing:
            raise SchemaError(f"column {missing[0]!r} is missing", where=f"part {part.name!r} of the mix")
        if key is not None and seen is not None:
            # Ids are compared as text, as the lake keeps them. A row without one is nobody else's.
            frame = frame.filter(~text_rows(frame[key]).is_in(seen.implode()).fill_null(value=False))
        if not frame.height:
            raise nothing_left(part.name)
        return frame if key is None else frame.sort(key, maintain_order=True)  # compaction changes the lake's order


def positive(said: object) -> bool:
    """Whether somebody said a finite number above 0.

    >>> positive(0.5), positive("0.5"), positive(True), positive(float("nan"))
    (True, False, False, False)
    """
    return isinstance(said, int | float) and not isinstance(said, bool) and 0 < said < float("inf")


def check_seed(seed: object, where: str) -> None:
    """Refuse a seed that not every library takes.

    Raises:
        ConfigError: it is no whole number from 0 to 2**32 - 1.

    >>> check_seed(7, "a mix")
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ConfigError(f"seed {seed!r}", where=where, expected="a whole number from 0 to 4,294,967,295")


def nothing_left(name: str) -> RefusedError:
    """Say that a part has no rows."""
    return RefusedError(
        [f"part {name!r} of the mix has no rows"],
        what="nothing to learn from",
        hint="are its labels known, its windows not broken (or broken=True), its rows not in another part or held out?",
    )


def check_weight(each: float, entry: Mapping[str, Any]) -> None:
    """Refuse a part whose rows would weigh too much."""
    if each > HEAVIEST:
        raise ConfigError(
            f"{entry['rows']:,} rows for {entry['share']:.0%} of the weight: each would count as {each:,.0f}",
            where=f"part {entry['part']!r} of the mix",
            expected=f"at most {HEAVIEST}",
            hint="give it a smaller share, or collect more rows",
        )


def drawn(frame: pl.DataFrame, most: int, key: str | None, seed: int) -> pl.DataFrame:
    """At most so many rows: those whose ids have the lowest hashes, so that it doesn't matter what else is there."""
    if frame.height <= most:
        return frame
    names = pl.Series([str(row) for row in range(frame.height)]) if key is None else text_rows(frame[key]).fill_null("")
    order = hash64(names + f"\0{seed}").arg_sort()[:most].sort()
    return frame[order]


def groups_of(frame: pl.DataFrame, balance: str | Sequence[str], label: str | None, time: str | None) -> Any:
    """The group of each row.

    Raises:
        ConfigError: there is no label or time to balance by, or what is neither a column nor a slice.
    """
    if isinstance(balance, str) and balance in {"class", "time"}:
        column = label if balance == "class" else time
        if column is None or column not in frame.columns:
            raise ConfigError(f"no {'label' if balance == 'class' else 'time'} to balance by", where="a mix")
        return text_rows(frame[column]).to_numpy() if balance == "class" else tenths(frame[column])
    if isinstance(balance, str) and balance in frame.columns:
        return text_rows(frame[balance]).fill_null("").to_numpy()
    groups = np.zeros(frame.height, np.int64)
    for place, text in reversed(list(enumerate([balance] if isinstance(balance, str) else balance, 1))):
        part = Slice.parse(text)
        part.check(frame.columns)
        groups[part.mask(frame).to_numpy()] = place
    return groups


def tenths(times: pl.Series) -> Any:
    """Which tenth of the time between the first and the last each is in."""
    at = number_rows(times).cast(pl.Float64).fill_null(0).to_numpy()
    span = float(at.max() - at.min()) or 1.0
    return np.minimum((at - at.min()) / span * 10, 9).astype(np.int64)


def digest_of(parts: Sequence[Mapping[str, Any]], weights: Sequence[Floats]) -> str:
    """16 hex digits that name a whole set: rows of all parts, in order, with their weights (to six digits)."""
    found = hashlib.blake2b("".join(str(part["digest"]) for part in parts).encode(), digest_size=8)
    found.update(np.round(np.concatenate(list(weights)), 6).astype("<f8").tobytes())
    return found.hexdigest()


def digest(frame: pl.DataFrame) -> str:
    """16 hex digits that name these rows in this order, the same on every machine.

    >>> digest(pl.DataFrame({"x": [1, 2]})) == digest(pl.DataFrame({"x": [2, 1]}))
    False
    """
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]  # which CSV has no words for
    texts = [pl.struct(name).struct.json_encode().alias(name) for name in nested]
    flat = frame.with_columns(*texts, pl.col(pl.Binary).bin.encode("hex"))
    return hashlib.blake2b(flat.write_csv().encode(), digest_size=8).hexdigest()
