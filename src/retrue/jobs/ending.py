"""Ending: how a process that works until SIGTERM hears of it."""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def until_told(*numbers: int) -> Iterator[threading.Event]:
    """An event that is set when one of these signals comes, also where what started us has blocked them.

    A handler interrupts the main thread anywhere, also while that holds the event's own lock: set there, the event
    would wait for itself. So a thread sets it.
    """
    stop = threading.Event()

    def told(*_: object) -> None:
        _thread.start_new_thread(stop.set, ())

    before = {number: signal.signal(number, told) for number in numbers}
    blocked = signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
    try:
        yield stop
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        for number, handler in before.items():
            signal.signal(number, handler)
