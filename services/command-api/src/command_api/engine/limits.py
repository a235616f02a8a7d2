"""Bounds of the engine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one partition's writer, and of what all of this replica's hold together."""

    waiting_max: int = 4_000
    """Commands that may wait for a load, for room or for an ack; more are told to come back (503)."""
    state_bytes_max: int = 256 << 20  # over all partitions: see ``budget``
    refusals_max: int = 20_000
