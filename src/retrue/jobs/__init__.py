"""What runs by itself: checks, notifications, upkeep, pruning; who may do it, and what came of it.

    registry ── a kind says what is due ──> runner ── takes the lease ──> a thread runs it ──> rows.Job, rows.Log

Several servers may run on one folder: whoever holds a lease does the work, and when it dies another takes it over.
"""
