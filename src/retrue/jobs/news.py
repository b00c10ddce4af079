"""What is news: which incidents are told, and which are too long ago when somebody first hears of them.

A backfill of last year makes incidents of last year: they are shown, and nobody is woken. News is an incident whose
last alarm is on a window that could only be judged about now: its grace, or the maturity of its labels, has just
passed. Where nobody said how long labels take, they are news when they themselves have just come, of events that were
logged when they happened.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from retrue.judge.incident import Incident, window_of
from retrue.metrics import get
from retrue.workspace import clock

if TYPE_CHECKING:
    from retrue.workspace import Model

LATE = timedelta(days=1)
"""How much later a window may be judged and still be news: a server that stood still over night is forgiven."""


def is_news(model: Model, incident: Incident, now: datetime) -> bool:
    """Whether an incident is about what has just happened, or has just become known."""
    window, grace = timedelta(seconds=model.options.window), timedelta(seconds=model.options.grace)
    slack = max(LATE, 2 * window)
    start, end = (clock.aware(datetime.fromisoformat(one)) for one in last_window(incident))
    labels, maturity = by_labels(incident), model.options.maturity
    ripe = grace if maturity is None or not labels else max(grace, timedelta(seconds=maturity))
    if now - end <= ripe + slack:
        return True
    return labels and maturity is None and just_labelled(model, start, end, now, window + grace + slack)


def last_window(incident: Incident) -> tuple[str, str]:
    """The window of the latest alarm."""
    return max((window_of(alert) for alert in incident.verdicts), key=lambda span: datetime.fromisoformat(span[1]))


def by_labels(incident: Incident) -> bool:
    """Whether labels told it: its latest alarms are on a metric of outcomes."""
    last = last_window(incident)
    return any(
        alert.metric is not None and alert.column is None and get(alert.metric.partition("@")[0]).of == "outcome"
        for alert in incident.verdicts
        if window_of(alert) == last
    )


def just_labelled(model: Model, start: datetime, end: datetime, now: datetime, late: timedelta) -> bool:
    """Whether most labels of a window came lately, of events that were logged when they happened."""
    labelled = model.events(start, end, sample="all").select(pl.col("_label_at").median()).collect()["_label_at"][0]
    if not isinstance(labelled, datetime) or now - clock.aware(labelled) > late:
        return False
    view = model.store.view(model.name)
    time = pl.col(view.layout.time_column)
    logged = view.rows([day for day in view.days() if start.date() <= day <= end.date()])
    lag = logged.filter(time >= start, time < end).select(lag=(pl.col("_at") - time).median()).collect()["lag"][0]
    return isinstance(lag, timedelta) and lag <= late
