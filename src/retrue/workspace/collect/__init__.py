"""Collect from the log: rows of slices and watched signals, once or as they come."""
