"""All services in one process: the modular monolith."""
