"""Several projections side by side: each a Postgres schema with its own checkpoints, one of them live."""
