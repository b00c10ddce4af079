"""Drift: how far a column's window lies from its reference. Missing, unseen and out-of-range rows count."""
