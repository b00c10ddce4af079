"""Explain over the store: since when, which columns, which rows, and what an incident costs."""
