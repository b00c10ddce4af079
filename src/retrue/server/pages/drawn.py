"""Rows of the overview as they were drawn last: hundreds of models are joined, not rendered, for each that looks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from markupsafe import Markup

from retrue.server.pages.ranges import Lately
from retrue.server.pages.shell import environment
from retrue.server.pages.standing import Standing

MOST = 5_000
"""The most rows that are kept (2 kB each); with one more, all are drawn again."""


@dataclass
class DrawnRows:
    """Rows by stretch of time and model, each kept while the model stands as it did."""

    kept: dict[Lately, dict[str, tuple[Standing, Markup]]] = field(default_factory=dict)

    def rows(self, every: Iterable[Standing], lately: Lately) -> Markup:
        """The rows of models, in their order; joined here, as the template would look at each of a thousand again."""
        return Markup("".join([self.row(one, lately) for one in every]))  # noqa: S704 - each is escaped

    def row(self, one: Standing, lately: Lately) -> Markup:
        """A model's row."""
        drawn = self.kept.get(lately, {})
        found = drawn.get(one.name)
        if found is None or found[0] is not one:
            if sum(map(len, self.kept.values())) >= MOST:
                self.kept = {}
            template = environment().get_template("overview_row.html")
            found = one, Markup(template.module.row(one, lately))  # type: ignore[attr-defined]  # noqa: S704 - escaped
            self.kept.setdefault(lately, {})[one.name] = found
        return found[1]
