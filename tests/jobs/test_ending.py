"""How a process that works until SIGTERM hears of it."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from retrue.jobs.ending import until_told


def test_a_signal_is_heard_also_while_the_event_is_being_looked_at() -> None:
    """A handler that set the event itself would wait for the lock that the thread it interrupts holds, for ever."""
    with until_told(signal.SIGUSR1) as stop:
        with stop._cond:  # type: ignore[attr-defined]  # as `stop.wait()` does before it sleeps
            os.kill(os.getpid(), signal.SIGUSR1)
        assert stop.wait(30)


@pytest.mark.parametrize("blocked", [False, True])
def test_a_signal_that_was_blocked_is_heard_and_blocked_again_after(blocked: bool) -> None:
    how = signal.SIG_BLOCK if blocked else signal.SIG_UNBLOCK
    before = signal.pthread_sigmask(how, [signal.SIGUSR1])
    handler = signal.getsignal(signal.SIGUSR1)
    try:
        with until_told(signal.SIGUSR1) as stop:
            signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
            assert stop.wait(30)
        assert (signal.SIGUSR1 in signal.pthread_sigmask(signal.SIG_BLOCK, [])) is blocked
        assert signal.getsignal(signal.SIGUSR1) == handler
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
