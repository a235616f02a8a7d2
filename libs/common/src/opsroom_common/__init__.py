"""Ports of Opsroom's services with their adapters: contracts, log, Postgres, feed, HTTP, runtime."""
