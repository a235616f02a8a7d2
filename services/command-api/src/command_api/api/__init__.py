"""The doors for commands: read one request, hand it to the engine, say truthfully what became of it."""
