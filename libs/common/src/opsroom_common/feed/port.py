"""The change feed: Postgres numbers it, Redis carries it. A position is ``(epoch, n)``.

``epoch``: a 64-bit number that only grows (microseconds of the time when the head row was made). A new epoch means that nobody's
position holds any more: take a fresh snapshot. Positions of one epoch are consecutive, from 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, order=True)
class Position:
    epoch: int
    n: int


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One entity's new row. Whole, never a difference: the newer version wins."""

    position: Position
    kind: str
    entity_id: str
    version: int
    topic: str
    partition: int
    offset: int
    actor: str | None
    event_types: tuple[str, ...]
    """``ce_type`` of the events that this entry folds, oldest first."""
    was: Mapping[str, str] | None
    """Tags before; None if the entity is new."""
    now: Mapping[str, str]
    row: bytes
    """The row as ready JSON (UTF-8), as ``opsroom_common.rows.row_json`` makes it. No gateway encodes it again."""
    times: Mapping[str, float]
    """Unix seconds: ``event`` (the record's time), ``projected`` (the statement's)."""


class FeedCarrier(Protocol):
    """Redis' part: fast and allowed to lose everything. What is missing is read from the table."""

    async def publish(self, entries: Sequence[FeedEntry]) -> None:
        """Send committed entries under their own positions. A refused or lost entry does not matter. Raises nothing for one refused entry;
        raises CarrierUnavailable if the carrier is away.
        """
        ...

    async def read(self, after: Position, timeout_s: float) -> Sequence[FeedEntry]:
        """Entries with a greater position, oldest first, or () after ``timeout_s``. May skip some. Raises CarrierUnavailable."""
        ...

    async def close(self) -> None: ...


class CarrierUnavailable(Exception):
    """Redis is away; the gateway polls the table meanwhile."""


@dataclass(frozen=True, slots=True)
class FeedSlice:
    """Entries read from the table, with the head and the floor that held in the same statement."""

    head: Position
    floor: int
    """Smallest n that the table still holds; ``head.n + 1`` when it is empty."""
    entries: Sequence[FeedEntry]


class FeedTable(Protocol):
    """Postgres' part: the truth about what was published, in order, without a gap."""

    async def head(self) -> Position | None:
        """The present head, or None if there is none yet (a fresh or crashed server: wait for the projector)."""
        ...

    async def read(self, after: int, limit: int) -> FeedSlice | None:
        """Entries of the present epoch with n > ``after``. None if there is no head."""
        ...
