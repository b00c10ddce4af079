"""What is news: which incidents are told, and which are too long ago when somebody first hears of them.

A backfill of last year makes incidents of last year: they are shown, and nobody is woken. News is an incident whose
last alarm is on a window that could only be judged about now: its grace, or the maturity of its labels, has just
passed. Where nobody said how long labels take, they are news when they themselves have just come, of events that were
logged when they happened.

What had begun and was over before anybody looked (labels of a whole day come at once, a server stood still over night)
is told once, at its end. It is news only if its beginning would have been: an end in a backfill tells nobody.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from retrue.judge.incident import Incident, Window, window_of
from retrue.metrics import get
from retrue.workspace import clock

if TYPE_CHECKING:
    from retrue.workspace import Model

LATE = timedelta(days=1)
"""How much later a window may be judged and still be news: a server that stood still over night is forgiven."""


def is_news(model: Model, incident: Incident, now: datetime) -> bool:
    """Whether an incident is about what has just happened, or has just become known.

    Args:
        model: whose.
        incident: one that lasts; or one that is over and was never told: its beginning must be news, too, and be later
            than the model's registration.
        now: the time.
    """
    if incident.live:
        return window_is_news(model, incident, last_window(incident), now)
    first = window_of(incident.verdicts[0])
    spans = dict.fromkeys((last_window(incident), first))
    since = clock.aware(datetime.fromisoformat(first[0]))
    watched = clock.moment(model.store.model(model.name).created) <= since
    return watched and all(window_is_news(model, incident, span, now) for span in spans)


def window_is_news(model: Model, incident: Incident, span: Window, now: datetime) -> bool:
    """Whether a window in which an incident alarmed could only be judged about now."""
    window, grace = timedelta(seconds=model.options.window), timedelta(seconds=model.options.grace)
    slack = max(LATE, 2 * window)
    start, end = (clock.aware(datetime.fromisoformat(one)) for one in span)
    labels, maturity = by_labels(incident, span), model.options.maturity
    ripe = grace if maturity is None or not labels else max(grace, timedelta(seconds=maturity))
    if now - end <= ripe + slack:
        return True
    return labels and maturity is None and just_labelled(model, start, end, now, window + grace + slack)


def last_window(incident: Incident) -> Window:
    """The window of the latest alarm."""
    return max((window_of(alert) for alert in incident.verdicts), key=lambda span: datetime.fromisoformat(span[1]))


def by_labels(incident: Incident, span: Window) -> bool:
    """Whether labels told it: its alarms in that window are on a metric of outcomes."""
    return any(
        alert.metric is not None and alert.column is None and get(alert.metric.partition("@")[0]).of == "outcome"
        for alert in incident.verdicts
        if window_of(alert) == span
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
