"""Suggest: rules that the reference keeps, and how often each alarms on what it wasn't made from.

    table ── one pass, a row for each window ──> windows of a column ── propose, leave each out ──> Suggestions

Deequ's idea (Schelter et al. 2018, "Automating large-scale data quality verification", VLDB 11(12), section 4):
constraints from the data itself, validated on data that they weren't made from. Here every window is left out once, the
rule is made from the others, and the one left out is judged by it.
"""

from retrue.judge.suggest.proposals import Suggestion
from retrue.judge.suggest.suggestions import Suggestions, suggest

__all__ = ["Suggestion", "Suggestions", "suggest"]
