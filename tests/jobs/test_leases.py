"""Leases: one holder at a time, taken over when it falls silent, and nothing written by one that lost it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

import retrue as rt
from retrue.jobs.leases import Held, LeaseLostError, Leases
from retrue.store import rows


@dataclass
class Watch:
    """A monotonic clock that moves when it is told to."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def watch() -> Watch:
    """The clock of one who waits."""
    return Watch()


@pytest.fixture
def first(store: rt.Workspace) -> Leases:
    """One server."""
    return Leases(store.store.catalog, "first", 20)


@pytest.fixture
def second(store: rt.Workspace, watch: Watch) -> Leases:
    """Another, whose clock the test moves."""
    return Leases(store.store.catalog, "second", 20, watch)


def take(leases: Leases, name: str, body: dict[str, str] | None = None) -> Held | None:
    """Take a lease in a transaction of its own."""
    with leases.catalog.write() as tx:
        return leases.take(tx, name, body)


def release(leases: Leases, held: Held) -> None:
    """Give one back."""
    with leases.catalog.write() as tx:
        leases.release(tx, held)


def test_one_holds_it_at_a_time(first: Leases, second: Leases) -> None:
    held = take(first, "check/flights")
    assert held is not None
    assert take(second, "check/flights") is None
    assert take(second, "check/loans") is not None
    release(first, held)
    assert take(second, "check/flights") is not None


def test_a_silent_holders_lease_is_taken_over_after_its_length(first: Leases, second: Leases, watch: Watch) -> None:
    held = take(first, "check/flights", {"job": "j1"})
    assert take(second, "check/flights") is None
    watch.seconds = 19.9
    assert take(second, "check/flights") is None
    watch.seconds = 20
    taken = take(second, "check/flights")
    assert held is not None
    assert taken is not None
    assert taken.before is not None
    assert (taken.before.holder, taken.before.body["job"]) == (held.holder, "j1")


def test_a_sign_of_life_keeps_it(first: Leases, second: Leases, watch: Watch) -> None:
    take(first, "check/flights")
    for seconds in (0.0, 15.0, 30.0, 45.0):
        watch.seconds = seconds
        assert take(second, "check/flights") is None
        first.beat()


def test_no_clock_on_the_wall_ends_it(store: rt.Workspace, first: Leases, second: Leases, watch: Watch) -> None:
    """A clock that was set, on whichever machine, neither takes a lease from its holder nor keeps it from others."""
    take(first, "check/flights")
    with store.store.catalog.write() as tx:
        lease = tx.get(rows.Lease, name="check/flights")
        assert lease is not None
        tx.put(rows.Lease(lease.name, lease.holder, 0, lease.body))  # long over, a clock would say
    assert take(second, "check/flights") is None
    with store.store.catalog.write() as tx:
        tx.put(rows.Lease(lease.name, lease.holder, 2**60, lease.body))  # never over
    watch.seconds = 20
    assert take(second, "check/flights") is not None


def test_who_lost_it_keeps_nothing(store: rt.Workspace, first: Leases, second: Leases, watch: Watch) -> None:
    """A server that was suspended past its lease wakes up and goes on: its next transaction is refused."""
    held = take(first, "check/flights")
    assert held is not None
    second.look()
    watch.seconds = 20
    with first.fencing(held):
        with store.store.catalog.write() as tx:
            tx.add(rows.Log(1, "info", "while it is held"))
        taken = take(second, "check/flights")
        with pytest.raises(LeaseLostError, match="taken over"), store.store.catalog.write() as tx:
            tx.add(rows.Log(2, "info", "afterwards"))
    with store.store.catalog.write() as tx:  # outside of the block nothing needs the lease
        assert [line.text for line in tx.find(rows.Log)] == ["while it is held"]
    first.beat()
    release(first, held)
    assert first.held == {}
    with store.store.catalog.read() as tx:
        lease = tx.get(rows.Lease, name="check/flights")
    assert taken is not None
    assert lease is not None
    assert lease.holder == taken.holder


def test_what_others_hold_is_seen_and_who_fell_silent(first: Leases, second: Leases, watch: Watch) -> None:
    held = take(first, "check/flights")
    take(second, "check/loans")
    assert second.look() == (frozenset({"check/flights"}), ())
    assert first.look()[0] == {"check/loans"}
    watch.seconds = 20
    names, silent = second.look()
    assert names == frozenset()
    assert [lease.name for lease in silent] == ["check/flights"]
    assert held is not None
