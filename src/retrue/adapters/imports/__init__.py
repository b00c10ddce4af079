"""Imports: what other tools check, as rules. What has no counterpart is listed with the reason, and never guessed."""

from retrue.adapters.imports.evidently import evidently
from retrue.adapters.imports.gx import gx
from retrue.adapters.imports.imported import Imported, Item, Left
from retrue.adapters.imports.tfdv import tfdv

READERS = {"evidently": evidently, "gx": gx, "tfdv": tfdv}
"""What reads the text of a file, by the tool that wrote it."""

__all__ = ["READERS", "Imported", "Item", "Left", "evidently", "gx", "tfdv"]
