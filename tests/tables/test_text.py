"""CSV and NDJSON: every value is seen to, nothing becomes null unseen, and errors name the place."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.errors import TableError
from retrue.tables import read
from retrue.tables.text import HEAD


def written(folder: Path, text: str | bytes, name: str = "events.csv") -> Path:
    """A file with that content."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_text_that_comes_late_among_numbers_is_kept(tmp_path: Path) -> None:
    """The type is guessed from the head, but checked over the whole file."""
    table = read(written(tmp_path, "a,b\n" + "1,2\n" * (HEAD + 5) + "oops,3\n"))
    assert table.dtypes == {"a": pl.String, "b": pl.Int64}
    assert table.collect()["a"][-1] == "oops"
    assert table.rows == HEAD + 6


def test_fractions_that_come_late_make_a_column_of_floats(tmp_path: Path) -> None:
    table = read(written(tmp_path, "a\n" + "1\n" * HEAD + "2.5\n"))
    assert table.dtypes == {"a": pl.Float64}
    assert table.collect()["a"].sum() == HEAD + 2.5


@pytest.mark.parametrize("rows", [10, HEAD + 10])
@pytest.mark.parametrize("marker", ["NA", "NULL", "n/a", "-"])
def test_a_text_that_marks_nulls_among_numbers_is_null(tmp_path: Path, rows: int, marker: str) -> None:
    """As R writes NA: for the whole file, text columns included. What is no such marker stays text."""
    table = read(written(tmp_path, "a,b\n" + "1,x\n" * rows + f"{marker},{marker}\n"))
    known = marker != "n/a"
    assert table.dtypes["a"] == (pl.Int64 if known else pl.String)
    assert table.collect().row(-1) == ((None, None) if known else (marker, marker))


def test_a_country_called_na_is_no_null(tmp_path: Path) -> None:
    """Nothing says that NA marks nulls where no column of numbers has it."""
    table = read(written(tmp_path, "country,n\nNA,1\nDE,2\n"))
    assert table.collect()["country"].to_list() == ["NA", "DE"]


def test_numbers_with_leading_zeros_stay_text(tmp_path: Path) -> None:
    """A postal code is no integer, and zero is no code."""
    table = read(written(tmp_path, "zip,n,x\n01234,0,0.5\n99999,10,-0.5\n"))
    assert table.dtypes == {"zip": pl.String, "n": pl.Int64, "x": pl.Float64}
    assert table.collect()["zip"].to_list() == ["01234", "99999"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_read_from_the_header(tmp_path: Path, separator: str) -> None:
    table = read(written(tmp_path, f"a{separator}b\n1{separator}x\n", "events.tsv"))
    assert table.collect().rows() == [(1, "x")]


def test_quotes_line_breaks_and_a_byte_order_mark_are_understood(tmp_path: Path) -> None:
    table = read(written(tmp_path, '\ufeff"a,x",b\r\n"1\n2",3\r\n'))
    assert table.collect().to_dict(as_series=False) == {"a,x": ["1\n2"], "b": [3]}


def test_one_column_needs_no_separator(tmp_path: Path) -> None:
    assert read(written(tmp_path, "a\n1\n2\n")).collect()["a"].to_list() == [1, 2]


def test_a_row_with_fewer_fields_has_nulls_and_one_with_more_is_an_error(tmp_path: Path) -> None:
    assert read(written(tmp_path, "a,b\n1\n")).collect().rows() == [(1, None)]
    with pytest.raises(TableError, match=r"more fields than the header in events\.csv, line 3"):
        read(written(tmp_path, 'a,b\n"1\n2,3,4\n5,6,7\n'.replace('"', "")))


@pytest.mark.parametrize("name", ["e.csv", "e.csv.gz", "e.ndjson", "e.ndjson.gz"])
def test_text_that_is_not_utf8_is_an_error_with_the_byte(tmp_path: Path, name: str) -> None:
    """The offset of the first wrong byte, counted by hand: `{"a":"caf` is 9 bytes, `a,b\\n1,caf` is 9 too."""
    raw = b'{"a":"caf\xe9"}\n' if "ndjson" in name else b"a,b\n1,caf\xe9\n"
    path = written(tmp_path, gzip.compress(raw) if name.endswith(".gz") else raw, name)
    with pytest.raises(TableError, match=rf"not UTF-8 in {name}, byte 9: expected UTF-8\. Hint: .*iconv"):
        read(path)


def test_utf16_is_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="not UTF-8"):
        read(written(tmp_path, "a,b\n1,é\n".encode("utf-16")))


def test_a_wrong_byte_far_into_a_file_is_found(tmp_path: Path) -> None:
    """Also one that lies across two chunks of reading."""
    head = b"a\n" + "é\n".encode() * 400_000
    with pytest.raises(TableError, match=f"byte {len(head):,}"):
        read(written(tmp_path, head + b"\xff\n"))


@pytest.mark.parametrize("name", ["e.csv", "e.ndjson"])
def test_an_empty_file_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(TableError, match=r"in e\."):
        read(written(tmp_path, "", name))


def test_two_columns_of_one_name_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"two columns are called 'a' in .*events\.csv"):
        read(written(tmp_path, "a,b,a\n1,2,3\n"))


def test_a_line_that_is_no_json_is_an_error_with_its_number(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"isn't JSON in e\.ndjson, line 2: expected one object a line"):
        read(written(tmp_path, '{"a":1}\n{"a":\n', "e.ndjson"))


def test_keys_and_types_that_come_late_in_ndjson_are_kept(tmp_path: Path) -> None:
    lines = '{"a":1}\n' * 20_000 + '{"a":2.5,"b":{"c":[1]}}\n{"a":"x"}\n\n'
    table = read(written(tmp_path, lines, "e.jsonl"))
    assert table.dtypes == {"a": pl.String, "b": pl.Struct({"c": pl.List(pl.Int64)})}
    assert table.collect()["a"].tail(2).to_list() == ["2.5", "x"]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_floats_come_back_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    path = tmp_path_factory.mktemp("csv") / "f.csv"
    pl.DataFrame({"x": values}).write_csv(path)
    assert read(path).collect()["x"].cast(pl.Float64).to_list() == values


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), min_size=1), min_size=1, max_size=20)
)
def test_texts_come_back_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, values: list[str]) -> None:
    """Whatever they hold; a column in which all are numbers is one of numbers."""
    path = tmp_path_factory.mktemp("csv") / "f.csv"
    pl.DataFrame({"x": ["text", *values]}).write_csv(path, quote_style="always")
    assert read(path).collect()["x"].to_list() == ["text", *values]
