"""Samples: figures with names and labels, as monitoring systems take them; what Prometheus and OTLP export alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

PREFIX = "retrue_"
"""What the name of each family begins with, outside."""


@dataclass(frozen=True)
class Sample:
    """One figure.

    Args:
        value: a finite number.
        labels: what it is of.
        suffix: what follows the family's name, such as `_bucket`.
    """

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""

    @cached_property
    def text(self) -> str:
        """Its labels and its value as Prometheus reads them; kept, as most figures are scraped many times.

        >>> Sample(2, {"model": 'a"b'}).text
        '{model="a\\\\"b"} 2.0'
        """
        told = ",".join(f'{name}="{escaped(own)}"' for name, own in sorted(self.labels.items()))
        return f"{{{told}}} {float(self.value)!r}" if told else f" {float(self.value)!r}"


def escaped(text: str) -> str:
    """The value of a label as Prometheus reads it."""
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


@dataclass(frozen=True, slots=True)
class Family:
    """Figures of one meaning.

    Args:
        name: without `retrue_`; units last, as `_seconds`; a counter's without `_total`.
        help: what it says, in one line.
        samples: the figures.
        counter: whether it only ever rises.
        histogram: whether its samples are the buckets, the sum and the count of one.
        unit: as OTLP writes it: "1", "s", "By", "{row}".
    """

    name: str
    help: str
    samples: tuple[Sample, ...] = ()
    counter: bool = False
    unit: str = "1"
    histogram: bool = False

    @property
    def kind(self) -> str:
        """What Prometheus calls it."""
        return "counter" if self.counter else "histogram" if self.histogram else "gauge"


def bounded(families: Iterable[Family], most: int) -> tuple[Family, ...]:
    """At most `most` samples, and one family more that says how many were left out.

    Each family has an equal part, and what one doesn't need goes to the others; in each the samples that matter most
    come first.

    >>> some = Family("drift", "How far.", (Sample(0.5, {"column": "a"}), Sample(0.1, {"column": "b"})))
    >>> [(one.name, len(one.samples), one.samples[0].value) for one in bounded([some], 1)]
    [('drift', 1, 0.5), ('samples_left_out', 1, 1.0)]
    """
    found = tuple(families)
    part = part_of([len(family.samples) for family in found], most)
    kept = [replace(family, samples=family.samples[:part]) for family in found]
    out = sum(len(family.samples) - len(one.samples) for family, one in zip(found, kept, strict=True))
    text = f"Figures that aren't exported because there would be more than {most}."
    return (*kept, Family("samples_left_out", text, (Sample(float(out)),)))


def part_of(sizes: Sequence[int], most: int) -> int:
    """The greatest length that none may be above for all of them to be at most `most` together.

    >>> part_of([2, 9, 30], 20), part_of([2, 3], 20), part_of([5, 5], 3)
    (9, 20, 1)
    """
    left = most
    for i, size in enumerate(sorted(sizes)):
        part = left // (len(sizes) - i)
        if size > part:
            return part
        left -= size
    return most


def of_models(families: Iterable[Family], models: Collection[str]) -> tuple[Family, ...]:
    """The figures of some models; what is of no model is of the service, and left out.

    >>> some = Family("rows", "Rows.", (Sample(1, {"model": "a"}), Sample(2, {"model": "b"}), Sample(3)))
    >>> [sample.value for sample in of_models([some], {"b"})[0].samples]
    [2]
    """
    kept = [
        replace(family, samples=tuple(sample for sample in family.samples if sample.labels.get("model") in models))
        for family in families
    ]
    return tuple(family for family in kept if family.samples)
