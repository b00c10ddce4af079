"""Prove over the store: champion and challenger on rows that neither learned from, golden sets, and what is served."""
