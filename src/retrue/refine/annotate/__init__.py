"""Annotate: rows that people label: what is asked, what they say, whether they agree, and the files it travels in.

rows without a label ─> Task ─> page | CSV | JSON | Label Studio ─> Answer ─> consensus ─> label
                                                                      └─ agreement (Krippendorff's alpha)
"""

from retrue.refine.annotate.agreement import Agreement, agreement
from retrue.refine.annotate.answers import read_answers
from retrue.refine.annotate.formats import FORMATS, written
from retrue.refine.annotate.tasks import Answer, Consensus, Question, Task, consensus, task_id

__all__ = [
    "FORMATS", "Agreement", "Answer", "Consensus", "Question", "Task", "agreement", "consensus", "read_answers",
    "task_id", "written",
]  # fmt: skip
