"""Which rows: planted slices are found and named in short, and nothing is named where nothing changed."""

import math

import numpy as np
import polars as pl
import pytest

from retrue.errors import SchemaError, TableError
from retrue.explain.finding import Finding
from retrue.explain.slices import find_differences, find_slices, find_worst
from retrue.slices import Slice


def table(rng: np.random.Generator, n: int, width: int = 8) -> pl.DataFrame:
    """Half numbers, half categories, all independent."""
    columns: dict[str, np.ndarray] = {}
    for place in range(width):
        if place % 2 == 0:
            columns[f"x{place}"] = rng.normal(size=n) if place % 4 == 0 else rng.lognormal(size=n)
        else:
            kinds = [3, 12, 40, 300][(place // 2) % 4]
            columns[f"c{place}"] = np.array([f"v{i}" for i in range(kinds)])[(rng.random(n) ** 2 * kinds).astype(int)]
    return pl.DataFrame(columns)


def lifted(rng: np.random.Generator, n: int, *planted: tuple[str, float]) -> pl.DataFrame:
    """Rows of which those of each slice come `lift` times as often as in `table`."""
    frame, keep = table(rng, 8 * n), np.ones(8 * n)
    for predicate, lift in planted:
        keep /= np.where(Slice.parse(predicate).mask(frame).to_numpy(), 1.0, lift)
    return frame.filter(pl.Series(rng.random(8 * n) < keep)).head(n)


def overlap(found: Finding, predicate: str, frame: pl.DataFrame) -> float:
    """Jaccard similarity of two slices' rows."""
    a, b = found.slice.mask(frame).to_numpy(), Slice.parse(predicate).mask(frame).to_numpy()
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize(
    "planted",
    ["c3 = 'v2'", "x0 >= 1.2", "c3 IN ('v1', 'v4', 'v7')", "x0 >= 0.8 AND c1 = 'v0'", "x2 < 0.5 AND x4 > 0.5"],
)
def test_a_planted_slice_is_the_first_answer(planted: str) -> None:
    rng = np.random.default_rng(0)
    reference, window = table(rng, 20_000), lifted(rng, 20_000, (planted, 2.0))
    (found,) = find_slices(window, reference)
    assert overlap(found, planted, reference) > 0.85, found.slice.sql
    assert found.slice.columns == Slice.parse(planted).columns


def test_three_conditions_are_found_when_asked_for() -> None:
    planted = "x0 > 0 AND c1 = 'v0' AND x4 > 0"
    rng = np.random.default_rng(1)
    reference, window = table(rng, 20_000), lifted(rng, 20_000, (planted, 3.0))
    (first, *_) = find_slices(window, reference, depth=3)
    assert overlap(first, planted, reference) > 0.85


def test_without_a_column_to_speak_about_a_loss_rose_everywhere_or_nowhere() -> None:
    """A model of texts or images alone has none."""
    texts = pl.DataFrame({"text": [["a"]] * 400})
    low, high = np.zeros(400), np.repeat([0.0, 1.0], 200)
    assert [str(one.slice) for one in find_slices(texts, texts, question="loss", losses=(high, low))] == ["TRUE"]
    assert find_slices(texts, texts, question="loss", losses=(low, low)) == []
    assert find_slices(texts, texts) == []


def test_two_slices_come_one_after_the_other_without_their_proxies() -> None:
    rng = np.random.default_rng(2)
    reference, window = table(rng, 20_000), lifted(rng, 10_000, ("c3 = 'v2'", 2.0), ("x0 >= 1.5", 2.0))
    proxy = (pl.col("c3") == "v2").alias("p")
    found = find_slices(window.with_columns(proxy), reference.with_columns(proxy))
    assert len(found) == 2
    assert found[0].slice.columns in ({"c3"}, {"p"})
    assert "x0" in found[1].slice.columns


@pytest.mark.slow
def test_without_a_change_at_most_five_percent_of_searches_name_a_slice() -> None:
    rng = np.random.default_rng(6)
    named = sum(bool(find_slices(table(rng, 300), table(rng, 600), least=0.0)) for _ in range(40))
    assert named <= 6  # 40 draws at 5 %: more than 6 once in 70, and the bound is a cautious one


def test_a_category_that_vanished_and_nulls_that_came_are_named_as_such() -> None:
    rng = np.random.default_rng(4)
    reference, window = table(rng, 5_000), table(rng, 5_000)
    (gone,) = find_slices(window.filter(pl.col("c1") != "v1"), reference)
    assert gone.slice.sql == "c1 = 'v1'"
    assert gone.share[1] == gone.n == 0
    (came,) = find_slices(
        window.with_columns(x0=pl.when(pl.int_range(5_000) < 600).then(None).otherwise(pl.col("x0"))), reference
    )
    assert came.slice.sql == "x0 IS NULL"
    assert came.share == (0.0, 0.12)


def test_a_majority_of_nulls_that_shrinks_is_named_by_what_came_instead() -> None:
    rng = np.random.default_rng(4)
    nulls = [
        table(rng, 3_000).with_columns(x0=pl.when(pl.int_range(3_000) < rows).then(None).otherwise(pl.col("x0")))
        for rows in (1_800, 2_400)
    ]
    (found,) = find_slices(nulls[0], nulls[1])
    assert found.slice.sql == "x0 IS NOT NULL"
    assert found.share == pytest.approx((0.2, 0.4))


def test_many_new_categories_are_named_as_one() -> None:
    rng = np.random.default_rng(4)
    reference, window = table(rng, 3_000), table(rng, 3_000)
    new = pl.Series([f"new {i}" for i in range(300)] + [None] * 2_700)
    (found,) = find_slices(window.with_columns(c1=new.fill_null(window["c1"])), reference)
    assert str(found) == "c1 never seen before"
    assert found.slice.sql == "c1 NOT IN ('v0', 'v1', 'v2')"
    assert found.share == (0.0, 0.1)


def test_a_category_never_seen_is_named() -> None:
    rng = np.random.default_rng(4)
    reference, window = table(rng, 3_000), table(rng, 3_000)
    new = window.with_columns(c1=pl.when(pl.int_range(3_000) < 300).then(pl.lit("new")).otherwise(pl.col("c1")))
    assert find_slices(new, reference)[0].slice.sql == "c1 = 'new'"


def test_a_finding_has_shares_their_interval_and_the_loss_before_and_after() -> None:
    rng = np.random.default_rng(5)
    reference, window = table(rng, 10_000), lifted(rng, 10_000, ("c1 = 'v2'", 3.0))
    loss = [(frame["c1"] == "v2").to_numpy() * 0.5 for frame in (window, reference)]
    (found,) = find_slices(window, reference, losses=(loss[0], loss[1]))
    before, after = found.share
    assert found.n == (window["c1"] == "v2").sum() == round(after * window.height)
    assert found.interval[0] < after - before < found.interval[1]
    assert found.interval[0] > 0
    assert found.loss == (0.5, 0.5)
    assert found.to_dict()["slice"] == "c1 = 'v2'"


# --- loss ---


def losses(
    rng: np.random.Generator, frame: pl.DataFrame, rate: float, predicate: str | None, high: float
) -> np.ndarray:
    """Wrong or right: `rate` of the rows are wrong, `high` of the slice's."""
    chance = np.full(frame.height, rate)
    if predicate is not None:
        chance[Slice.parse(predicate).mask(frame).to_numpy()] = high
    return (rng.random(frame.height) < chance).astype(float)


def test_the_slice_where_the_loss_rose_is_found() -> None:
    rng = np.random.default_rng(1)
    reference, window = table(rng, 20_000), table(rng, 20_000)
    planted = "c1 = 'v1' AND x0 > 0.5"
    now, before = losses(rng, window, 0.1, planted, 0.4), losses(rng, reference, 0.1, None, 0)
    (found,) = find_slices(window, reference, question="loss", losses=(now, before))
    assert overlap(found, planted, reference) > 0.8
    assert found.loss == pytest.approx((0.1, 0.4), abs=0.03)


def test_rows_that_were_always_hard_arent_blamed_for_being_more() -> None:
    rng = np.random.default_rng(2)
    reference, window = table(rng, 20_000), lifted(rng, 20_000, ("c1 = 'v1'", 4.0))
    now, before = losses(rng, window, 0.1, "c1 = 'v1'", 0.4), losses(rng, reference, 0.1, "c1 = 'v1'", 0.4)
    assert find_slices(window, reference, question="loss", losses=(now, before)) == []


def test_a_loss_that_rose_everywhere_is_everywhere() -> None:
    rng = np.random.default_rng(3)
    reference, window = table(rng, 10_000), table(rng, 10_000)
    now, before = losses(rng, window, 0.2, None, 0), losses(rng, reference, 0.1, None, 0)
    (found,) = find_slices(window, reference, question="loss", losses=(now, before))
    assert found.slice == Slice.all()
    assert found.loss == pytest.approx((0.1, 0.2), abs=0.02)


def test_losses_of_any_size_work_and_unknown_ones_are_left_out() -> None:
    rng = np.random.default_rng(4)
    reference, window = table(rng, 10_000), table(rng, 10_000)
    now, before = rng.lognormal(size=10_000), rng.lognormal(size=10_000)
    now[Slice.parse("c1 = 'v2'").mask(window).to_numpy()] += 2
    now[:1000] = math.nan
    (found,) = find_slices(window, reference, question="loss", losses=(now, before))
    assert found.slice.sql == "c1 = 'v2'"


@pytest.mark.slow
def test_equal_losses_name_no_slice() -> None:
    rng = np.random.default_rng(7)
    named = 0
    for _ in range(12):
        reference, window = table(rng, 600), table(rng, 300)
        sides = losses(rng, window, 0.2, None, 0), losses(rng, reference, 0.2, None, 0)
        named += bool(find_slices(window, reference, question="loss", losses=sides))
    assert named <= 3  # 12 draws at 5 %: more than 3 once in 450


# --- proxies ---


def test_a_column_that_cant_be_told_from_the_first_is_named_as_its_proxy() -> None:
    rng = np.random.default_rng(2)
    reference, window = table(rng, 10_000), lifted(rng, 10_000, ("c3 = 'v2'", 2.0))
    twin = (pl.col("c3") == "v2").alias("p")
    (found,) = find_slices(window.with_columns(twin), reference.with_columns(twin))
    (proxy,) = found.alternatives
    assert {found.slice.sql, proxy.slice.sql} == {"p = TRUE", "c3 = 'v2'"}
    assert str(found) == f"{found.slice} or its proxy {proxy.slice}"


def test_a_column_that_merely_went_along_is_told_but_not_as_the_cause() -> None:
    rng = np.random.default_rng(3)
    reference, window = table(rng, 10_000), lifted(rng, 10_000, ("c3 = 'v2'", 3.0))
    frames = [
        frame.with_columns(
            age=pl.Series(
                np.where(frame["c3"] == "v2", rng.normal(20, 5, frame.height), rng.normal(40, 15, frame.height))
            )
        )
        for frame in (window, reference)
    ]
    (found,) = find_slices(frames[0], frames[1])
    assert found.slice.sql == "c3 = 'v2'"
    (along,) = found.proxies
    assert along.slice.columns == {"age"}
    assert along.explains < 0.8
    assert found.alternatives == ()
    assert str(found) == "c3 = 'v2'"


def test_intervals_hold_for_the_slice_that_was_chosen() -> None:
    """The change that the chosen slice truly has, on two large fresh samples, lies inside."""
    rng = np.random.default_rng(9)
    big = table(rng, 50_000), lifted(rng, 50_000, ("x0 >= 1", 2.2))
    for _ in range(5):
        (found, *_) = find_slices(lifted(rng, 1_500, ("x0 >= 1", 2.2)), table(rng, 3_000), depth=2)
        before, after = (float(found.slice.mask(frame).to_numpy().mean()) for frame in big)
        assert found.effect_interval is not None
        assert found.effect_interval[0] < after - before < found.effect_interval[1]


# --- one table ---


def test_the_worst_slice_of_one_table_is_found_whatever_the_size_of_losses() -> None:
    rng = np.random.default_rng(1)
    frame, planted = table(rng, 20_000), "c1 = 'v1' AND x0 > 0.5"
    wrong = losses(rng, frame, 0.1, planted, 0.3)
    (found, *_) = find_worst(frame, wrong)
    assert overlap(found, planted, frame) > 0.8
    assert found.loss == pytest.approx((0.1, 0.3), abs=0.06)
    assert found.effect == pytest.approx(0.2, abs=0.06)
    assert found.share[0] == found.share[1] == found.n / frame.height
    inside = Slice.parse(planted).mask(frame).to_numpy()
    (sized, *_) = find_worst(frame, rng.lognormal(size=20_000) * (1 + inside))
    assert overlap(sized, planted, frame) > 0.8


def test_where_a_new_version_is_worse_is_found_from_differences_of_losses() -> None:
    rng = np.random.default_rng(2)
    frame = table(rng, 20_000)
    old, new = losses(rng, frame, 0.1, "x0 > 1", 0.3), losses(rng, frame, 0.1, "c1 = 'v2'", 0.3)
    (found,) = find_worst(frame, new - old, limit=1)
    assert overlap(found, "c1 = 'v2' AND x0 <= 1", frame) > 0.9  # above 1 the old one is as bad


def test_where_two_versions_differ_is_found_from_scores_and_from_labels() -> None:
    rng = np.random.default_rng(3)
    frame = table(rng, 10_000)
    first = rng.random(10_000)
    second = first + np.where(frame["c1"] == "v2", 0.2, 0.01) * rng.choice([-1, 1], 10_000)
    (found,) = find_differences(frame, first, second)
    assert (found.slice.sql, found.question) == ("c1 = 'v2'", "versions")
    assert found.loss == pytest.approx((0.01, 0.2))
    said = pl.Series(rng.choice(["yes", "no"], 10_000))
    other = pl.select(pl.when(frame["c1"] == "v2").then(pl.lit("no")).otherwise(said)).to_series()
    assert find_differences(frame, said, other)[0].slice.sql == "c1 = 'v2'"
    assert find_differences(frame, said, said) == []


def test_losses_without_pattern_name_no_slice() -> None:
    rng = np.random.default_rng(4)
    named = sum(bool(find_worst(table(rng, 400), rng.exponential(size=400))) for _ in range(10))
    assert named <= 2  # 10 draws at 5 %: more than 2 once in 85


# --- odd tables ---


def test_few_rows_explain_nothing() -> None:
    frame = table(np.random.default_rng(1), 1000)
    assert find_slices(frame.head(20), frame) == []
    assert find_slices(frame.head(0), frame.head(0)) == []


def test_equal_and_constant_tables_explain_nothing() -> None:
    frame = table(np.random.default_rng(1), 1000)
    assert find_slices(frame, frame) == []
    assert find_slices(frame.select(pl.lit(1).alias("a")), frame.select(pl.lit(2.0).alias("b"))) == []


def test_columns_of_any_type_are_searched_or_left_out_and_the_slice_holds_the_rows_it_says() -> None:
    rng = np.random.default_rng(3)

    def odd(later: int) -> pl.DataFrame:
        whole, more = pl.Series(rng.integers(later, later + 50, 400)), later / 20
        letters = rng.choice(["a", "b"], 400, p=[0.3 + more, 0.7 - more])
        quotes = rng.choice(["it's", '"', "a, b", ""], 400, p=[0.7 - more, 0.1, 0.1 + more, 0.1])
        return pl.DataFrame(
            {
                "decimal": whole.cast(pl.Decimal(10, 2)),
                "enum": pl.Series(letters, dtype=pl.Enum(["a", "b"])),
                "date": whole.cast(pl.Int32).cast(pl.Date),
                "zoned": (whole * 10**9).cast(pl.Datetime("us", "America/New_York")),
                "time": (whole * 10**9).cast(pl.Time),
                "duration": whole.cast(pl.Duration("ms")),
                "binary": pl.Series([bytes([later])] * 400),
                "huge": whole.cast(pl.UInt64) + 2**62,
                "nan": np.where(rng.random(400) < 0.1 + more, np.nan, rng.normal(size=400)),
                "big id": [f"{later}-{i}" for i in range(400)],
                "quo'ted": quotes,
            }
        )

    window, reference = odd(8), odd(0)
    for column in window.columns:
        for found in find_slices(window, reference, [column]):
            assert found.slice.mask(window).sum() == found.n, column
            assert Slice.parse(found.slice.to_sql()).sql == found.slice.sql
    assert find_slices(window, reference, ["decimal"])
    assert find_slices(window, reference, ["zoned"])
    assert find_slices(window, reference, ["binary", "time", "duration"]) == []


def test_wrong_use_is_told() -> None:
    frame = table(np.random.default_rng(1), 100)
    with pytest.raises(TableError, match="no losses"):
        find_slices(frame, frame, question="loss")
    with pytest.raises(TableError, match="another length"):
        find_slices(frame, frame, losses=([1.0], [1.0]))
    with pytest.raises(TableError, match="another length"):
        find_worst(frame, [1.0])
    with pytest.raises(TableError, match="another length"):
        find_differences(frame, [1.0], [2.0])
    with pytest.raises(TableError, match="depth of 4"):
        find_slices(frame, frame, depth=4)
    with pytest.raises(SchemaError, match="unknown column 'x00'"):
        find_slices(frame, frame, ["x00"])


def test_the_same_tables_give_the_same_answer() -> None:
    rng = np.random.default_rng(8)
    reference, window = table(rng, 3000), lifted(rng, 3000, ("c3 = 'v2'", 3.0))
    assert find_slices(window, reference) == find_slices(window.clone(), reference.clone())


@pytest.mark.slow
def test_a_planted_slice_is_found_among_many_rows_and_columns() -> None:
    rng = np.random.default_rng(0)
    reference, window = table(rng, 60_000, 16), lifted(rng, 60_000, ("x0 >= 0.8 AND c1 = 'v0'", 1.5))
    (found,) = find_slices(window, reference)
    assert overlap(found, "x0 >= 0.8 AND c1 = 'v0'", reference) > 0.85
