"""Starts Kafka, Postgres, Redis and the services natively, for people and for tests."""
