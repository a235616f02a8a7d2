"""Live updates: Centrifugo's JSON client protocol over the change feed."""
