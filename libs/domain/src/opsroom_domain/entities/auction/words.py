"""The words of an auction, as they stand in events, rows and tags."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    SCHEDULED = "scheduled"
    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Result(StrEnum):
    """How a closed auction ended."""

    SOLD = "sold"
    RESERVE_NOT_MET = "reserve_not_met"
    NO_BIDS = "no_bids"
