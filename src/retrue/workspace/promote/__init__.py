"""Promote: a model's versions, the switch from one to the next and the way back, MLflow, and what came of it."""
