"""Ingestion: rows of many requests, gathered, pass the door as one frame and are acknowledged in one transaction.

    request ── room? ── body ──┐                                   ┌── reply
    request ── room? ── body ──┼── gather ── decode ── acknowledge ┼── reply       each with its own rows' fate
    request ── room? ── body ──┘         (one thread)              └── reply

The door costs milliseconds for each frame, whatever its size, and so does an fsync: requests that come while one group
is at work wait a moment and make the next one.
"""
