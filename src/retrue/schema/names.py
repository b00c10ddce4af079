"""What a column's name tells about its whole numbers, where the numbers alone can't: codes, keys, or amounts."""

from __future__ import annotations

import re
from typing import Final


def vocabulary(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


CODE_WORDS: Final = vocabulary("""
    id ids code codes type types class category kind status state flag zone zip zipcode postcode postal group cluster
    segment channel region area dept department branch vendor gender sex race
""")
"""Last words of names whose whole numbers are codes: they have no order and no distance."""

KEY_WORDS: Final = vocabulary("id ids uuid guid key hash token")
"""Last words of names that tell rows or people apart."""

AMOUNT_WORDS: Final = vocabulary("""
    count counts number num n qty quantity total sum amount age ages days hours minutes seconds weeks months years
    nights size length width height score rating ratings stars rank level grade price cost fee income salary year lag
    delay hour minute second duration distance temperature visits clicks sales points steps tenure adults children
    babies passengers
""")
"""Words of names whose whole numbers are ordered: counts, amounts, ratings, times."""


def name_words(name: str) -> tuple[str, ...]:
    """Split a name at underscores, other punctuation and changes of case.

    >>> name_words("PULocationID"), name_words("passenger_count"), name_words("zipCode")
    (('pu', 'location', 'id'), ('passenger', 'count'), ('zip', 'code'))
    """
    apart = re.sub(r"([a-z])([A-Z])|([A-Z])(?=[A-Z][a-z]{2})", r"\1\3 \2", name)
    return tuple(re.sub(r"(\d+)|[\W_]+", r" \1 ", apart).lower().split())


def names_code(name: str) -> bool:
    """Tell whether whole numbers of that name are codes.

    >>> names_code("payment_type"), names_code("type_count")
    (True, False)
    """
    return bool(CODE_WORDS & set(name_words(name)[-1:]))


def names_key(name: str) -> bool:
    """Tell whether a column of that name tells rows or people apart.

    >>> names_key("userId"), names_key("id_count")
    (True, False)
    """
    return bool(KEY_WORDS & set(name_words(name)[-1:]))


def names_amount(name: str) -> bool:
    """Tell whether whole numbers of that name are ordered.

    >>> names_amount("passenger_count"), names_amount("weekday")
    (True, False)
    """
    return bool(AMOUNT_WORDS & set(name_words(name)))
