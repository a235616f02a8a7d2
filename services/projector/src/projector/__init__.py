"""Folds ops.events into Postgres read models and numbers the change feed."""
