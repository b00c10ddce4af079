"""Decide over the store: whether retraining pays by now, and which of two versions is better in production."""
