"""Log lines of what is done outside of jobs: by a command, a notebook, a request. Jobs say what they do themselves."""

from __future__ import annotations

from retrue.store import rows
from retrue.workspace import clock
from retrue.workspace.acting import actor
from retrue.workspace.stored import StoredModel, run_of


def say(model: StoredModel, what: str, text: str) -> None:
    """Keep a line on a model, its version and the run that this came from.

    Not inside of a job, nor where nothing can be kept.

    Args:
        model: which.
        what: what was done, in a word: stands where lines of jobs have the job, so that it can be searched for.
        text: what came of it.
    """
    from retrue.jobs.journal import current

    if current.get() is not None or model.store.read_only:
        return
    version, said = model.version, f"{text}, for {actor.get()}"
    line = rows.Log(clock.micros(clock.now()), "info", said, what, model.name, version, run_of(model, version))
    with model.store.catalog.write() as tx:
        tx.add(line)
