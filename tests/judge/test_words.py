"""Numbers in sentences have no more digits than they support, and never an exponent."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.judge.words import figure, moment, percent, rows, span


@given(st.floats(0, 1))
def test_a_share_reads_back_within_its_digits(share: float) -> None:
    text = percent(share)
    assert text.endswith(" %")
    assert "e" not in text
    if text[0] not in "<>":
        assert float(text[:-2]) == pytest.approx(share * 100, rel=0.06, abs=0.01)
    assert (text == "0 %") == (share == 0)
    assert (text == "100 %") == (share == 1)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_figure_has_no_exponent(value: float) -> None:
    assert "e" not in figure(value)


def test_an_error_sets_the_digits() -> None:
    assert figure(0.123456, 0.02) == "0.12"
    assert figure(1234.5678, 3) == "1,235"
    assert figure(0.5, 0.0) == "0.500"


def test_other_words() -> None:
    assert (span((0.1, 0.25)), rows(1), rows(12345)) == ("0.10 to 0.25", "1 row", "12,345 rows")
    assert moment(0) == "1970-01-01 00:00:00"
    assert moment(math.pi * 1e17) == "314,159,265,358,979,328"
