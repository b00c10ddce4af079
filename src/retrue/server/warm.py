"""Warming up: what the first reader of a page would wait for is done once the service answers, in a thread of its own.

How all models stand, the templates and what Prometheus scrapes come first; what makes charts (Altair) and explains
incidents (ruptures, scikit-learn) takes seconds, and is loaded once somebody looks at a page: a server that only takes
events never pays.
"""

from __future__ import annotations

import gc
import importlib
import logging
import threading
import time
from dataclasses import dataclass, field
from importlib.resources import files

from sqlalchemy.exc import SQLAlchemyError

from retrue.errors import RetrueError
from retrue.server.pages.ranges import Lately
from retrue.server.pages.shell import environment
from retrue.server.service import Service

REST = 1.0
"""Seconds after the start: load balancers ask first."""
SHARE = 3.0
"""After each few models' figures it rests so many times as long as these took."""
BREATH = 0.02
"""Seconds between two charts."""
EVIDENCE = ("retrue.comparing", "scipy.stats", "ruptures", "sklearn.ensemble")
"""What finds since when, and which rows."""

logger = logging.getLogger("retrue.web")


@dataclass
class WarmUp:
    """A thread that warms up, unless it is stopped before.

    Args:
        served: the service.
        rest: seconds until it begins.
    """

    served: Service
    rest: float = REST
    stopped: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, after the rest."""
        self.thread = threading.Thread(target=self.run, name="warm-up", daemon=True)
        self.thread.start()

    def run(self) -> None:
        """Do one thing after the other."""
        if self.stopped.wait(self.rest):
            return
        try:
            self.served.standings.all(Lately())
            self.load_templates()
            self.read_figures()
            gc.freeze()  # what a fleet's figures are kept in would be looked through again and again, 0.3 s each time
            self.served.looked.wait()
            self.load_charts()
            self.load_evidence()
        except (RetrueError, SQLAlchemyError, OSError) as error:  # the first reader is told the same
            logger.warning("not warmed up: %s", error)

    def read_figures(self) -> None:
        """Read what Prometheus scrapes, a few models at a time: of a thousand, pages would wait for seconds."""
        begun, left = time.thread_time(), True
        while left and not self.stopped.is_set():
            left = self.served.readings.some()
            took, begun = time.thread_time() - begun, time.thread_time()
            if left and self.stopped.wait(SHARE * took):
                return
        self.served.readings.fresh()

    def load_templates(self) -> None:
        """Compile the templates of all pages."""
        for one in (files("retrue.server") / "templates").iterdir():
            if not self.stopped.is_set():
                environment().get_template(one.name)

    def load_charts(self) -> None:
        """Load what makes charts, and make each once; others have the processor in between."""
        if self.stopped.is_set():
            return
        from retrue.report.charts.templates import TEMPLATES, template

        for name in TEMPLATES:
            if self.stopped.wait(BREATH):
                return
            template(name)

    def load_evidence(self) -> None:
        """Load the libraries that the evidence of an incident needs: a quarter of what its first reader waits for."""
        for name in EVIDENCE:
            if self.stopped.wait(BREATH):
                return
            importlib.import_module(name)

    def stop(self) -> None:
        """Stop, and wait for what is being done."""
        self.stopped.set()
        self.served.looked.set()
        if self.thread is not None:
            self.thread.join()
