"""A griffe extension: shows examples and drawings in docstrings as the code blocks that they are.

Our docstrings are written to be read in an editor: a doctest starts with `>>>` wherever it stands, and a drawing is a
paragraph with box characters. Markdown would take the first for quotations and run the second together.
"""

from __future__ import annotations

import re

import griffe

DRAWN = re.compile("[\u2500-\u257f\u25b2\u25b6\u25bc\u25c0]")  # box drawing, and arrow heads


class Blocks(griffe.Extension):
    """Fence examples and drawings before the docstring is parsed."""

    def on_instance(self, *, obj: griffe.Object, **_: object) -> None:
        """Rewrite the docstring of each object that has one."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(docstring: str) -> str:
    """Put each doctest into a `pycon` block and each drawing into a `text` block."""
    if "```" in docstring:
        return docstring
    return "\n\n".join(paragraph for part in re.split(r"\n\s*\n", docstring) for paragraph in blocks(part))


def blocks(paragraph: str) -> list[str]:
    """Split one paragraph into the text before an example and the example, or fence it whole where it is a drawing."""
    lines = paragraph.splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith(">>>")), None)
    if start is not None:
        text = "\n".join(lines[:start])
        return [*([text] if text else []), fence("pycon", lines[start:])]
    if any(DRAWN.search(line) for line in lines):
        return [fence("text", lines)]
    return [paragraph]


def fence(language: str, lines: list[str]) -> str:
    """Write a fenced block."""
    return "\n".join([f"```{language}", *lines, "```"])
