"""A mix gives each part its share of the weight, and no row to two parts."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.errors import ConfigError, RefusedError, SchemaError
from retrue.refine.mix import Mix, digest


@dataclass(frozen=True, eq=False)
class Rows:
    """A part of a mix."""

    name: str
    frame: pl.DataFrame


def part(name: str, ids: range) -> Rows:
    """A part with these ids, and x = id / 2."""
    return Rows(name, pl.DataFrame({"id": ids, "x": [i / 2 for i in ids]}))


@given(st.lists(st.tuples(st.integers(1, 40), st.floats(0.01, 100)), min_size=1, max_size=5))
def test_weights_have_mean_one_and_parts_have_their_shares(parts: list[tuple[int, float]]) -> None:
    made = [(part(f"part {i}", range(100 * i, 100 * i + rows)), share) for i, (rows, share) in enumerate(parts)]
    mixed = Mix(made).build(["id", "x"], key="id")
    assert mixed.weights.mean() == pytest.approx(1)
    total, at = sum(share for _, share in parts), 0
    for rows, share in parts:
        assert mixed.weights[at : at + rows].sum() / mixed.weights.sum() == pytest.approx(share / total)
        at += rows
    assert at == mixed.table.height == mixed.manifest["rows"]


def test_a_row_belongs_to_one_part() -> None:
    mixed = Mix({part("old", range(10)): 0.5, part("new", range(8, 12)): 0.5}).build(["id"], key="id")
    assert mixed.table["id"].to_list() == list(range(12))
    assert [told["rows"] for told in mixed.manifest["parts"]] == [8, 4]
    assert mixed.weights[:8].sum() == pytest.approx(mixed.weights[8:].sum())


def test_ids_of_another_type_are_the_same_ids() -> None:
    new = Rows("new", pl.DataFrame({"id": pl.Series([8, 20], dtype=pl.Int32), "x": [1.0, 2.0]}))
    mixed = Mix([(part("old", range(10)), 1), (new, 1)]).build(["id", "x"], key="id")
    assert mixed.table["id"].to_list()[9:] == [8, 20]


def test_rows_without_an_id_are_kept() -> None:
    """Nobody can say that another part has them."""
    new = Rows("new", pl.DataFrame({"id": [None, 3, 30], "x": [1.0, 2.0, 3.0]}))
    mixed = Mix([(part("old", range(10)), 1), (new, 1)]).build(["id", "x"], key="id")
    assert mixed.table["id"].to_list()[9:] == [None, 3, 30]


def test_without_a_key_rows_may_repeat() -> None:
    mixed = Mix([(part("old", range(3)), 1), (part("again", range(3)), 3)]).build(["x"])
    assert mixed.table.columns == ["x"]
    assert mixed.weights.tolist() == pytest.approx([0.5] * 3 + [1.5] * 3)


def test_the_manifest_names_parts_by_share_rows_and_digest() -> None:
    """So that a training set can be told again: the same rows have the same digest, others another."""
    built = [
        Mix([(part("old", range(3)), 1), (part("new", rows), 3)]).build(["x"]) for rows in (range(3, 9), range(3, 10))
    ]
    said = built[0].manifest
    assert [told["share"] for told in said["parts"]] == [0.25, 0.75]
    assert said["columns"] == ["x"]
    first, second = (b.manifest["parts"] for b in built)
    assert first[0]["digest"] == second[0]["digest"]
    assert first[1]["digest"] != second[1]["digest"]


def test_a_digest_is_the_same_on_every_machine() -> None:
    """blake2b of the CSV, 8 bytes: `printf 'x,y\\n1,a\\n2,\\n' | b2sum -l 64`."""
    assert digest(pl.DataFrame({"x": [1, 2], "y": ["a", None]})) == "0bb9f30409dc2222"


def test_a_digest_tells_nothing_from_an_empty_text_and_takes_lists() -> None:
    assert digest(pl.DataFrame({"x": [""]})) != digest(pl.DataFrame({"x": [None]}, schema={"x": pl.String}))
    one, two = (digest(pl.DataFrame({"x": [[1.0, value]]})) for value in (2.0, 3.0))
    assert one != two


def test_what_cannot_be_mixed_is_refused() -> None:
    with pytest.raises(ConfigError, match="a mix of nothing"):
        Mix([])
    with pytest.raises(ConfigError, match=r"^DataFrame as a part of a mix.*own rows types.SimpleNamespace\(name="):
        Mix([(pl.DataFrame({"x": [1]}), 1)])
    for share in (0, -1, float("inf"), float("nan"), "0.5", True):
        with pytest.raises(ConfigError, match="of 'old'"):
            Mix([(part("old", range(3)), share)])  # type: ignore[list-item]
    with pytest.raises(ConfigError, match="seed -1 in a mix"):
        Mix([(part("old", range(3)), 1)], seed=-1)
    with pytest.raises(SchemaError, match=r"'y' is missing.*part 'old'"):
        Mix([(part("old", range(3)), 1)]).build(["y"])
    with pytest.raises(SchemaError, match="'key' is missing"):
        Mix([(part("old", range(3)), 1)]).build(["x"], key="key")
    with pytest.raises(RefusedError, match="nothing to learn from: part 'again' of the mix has no rows"):
        Mix([(part("old", range(3)), 1), (part("again", range(3)), 1)]).build(["x"], key="id")


def test_ids_are_compared_as_text() -> None:
    """A reference counts its rows, the log names them."""
    new = Rows("new", pl.DataFrame({"id": ["3", "e3"], "x": [1.0, 2.0]}))
    mixed = Mix([(part("old", range(10)), 1), (new, 1)]).build(["x"], key="id")
    assert mixed.table["x"].to_list()[10:] == [2.0]


def test_a_row_of_several_parts_counts_in_the_smallest_whatever_their_order() -> None:
    """Edge cases are drawn from the log: taking the whole log first would leave them empty."""
    log = Rows("log", pl.DataFrame({"id": ["a", "b", "c", "d"], "x": [1, 2, 3, 4]}))
    edge = Rows("edge", pl.DataFrame({"id": ["b"], "x": [2]}))
    for parts in ([(log, 0.5), (edge, 0.5)], [(edge, 0.5), (log, 0.5)]):
        mixed = Mix(parts).build(["x"], key="id")
        rows = {part["part"]: part["rows"] for part in mixed.manifest["parts"]}
        assert rows == {"log": 3, "edge": 1}
        assert [part["part"] for part in mixed.manifest["parts"]] == [part.name for part, _ in parts]


def test_what_is_no_part_is_refused() -> None:
    with pytest.raises(ConfigError, match="'log' as a part of a mix: expected a reference, a collection"):
        Mix({"log": 1.0})
