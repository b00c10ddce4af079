"""An answer that was made elsewhere: its data by name, and how it reads as text and as a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from retrue.report.saving import save_report


class Told:
    """An explanation, or how an event stands, as a server told it.

    Args:
        data: what `to_dict()` gives there.
        text: how it reads; or how to ask for that.
        html: how to ask for its page; None where it has none.
    """

    def __init__(
        self, data: Mapping[str, Any], *, text: str | Callable[[], str], html: Callable[[], str] | None = None
    ) -> None:
        self._data, self._text, self._html = dict(data), text, html

    def __getattr__(self, name: str) -> Any:
        """A part of the data."""
        if name.startswith("_") or name not in self._data:
            raise AttributeError(f"no {name!r} here: {', '.join(self._data)}" if not name.startswith("_") else name)
        return self._data[name]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return dict(self._data)

    def to_json(self) -> str:
        """The same as JSON."""
        return json.dumps(self._data, indent=2, ensure_ascii=False, allow_nan=False)

    def to_html(self) -> str:
        """One page that opens offline; nothing where there is none."""
        return "" if self._html is None else self._html()

    def save(self, path: str | Path) -> Path:
        """Write it as `.html` or `.json`, and give the path."""
        return save_report(path, html=self.to_html, json=self.to_json)

    def __str__(self) -> str:
        return self._text if isinstance(self._text, str) else self._text()
