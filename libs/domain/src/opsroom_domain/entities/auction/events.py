"""What can happen to an auction. A record in the log is one of these for ever: change them only as the Avro rules allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from opsroom_domain.entities.auction.words import Result
from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.shared.events import EVENTS as SHARED_EVENTS
from opsroom_domain.shared.events import EventBase, SharedEvent
from opsroom_domain.shared.words import Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled(EventBase):
    """The terms, which never change. Amounts are in ``currency``, with its places; the seconds are of the extension (see ``Terms``)."""

    auction_id: EntityId
    title: str
    description: str
    currency: str
    opening_price: Decimal
    step: Decimal
    reserve: Decimal | None
    starts_at: datetime
    ends_at: datetime
    extension_window_s: int
    extension_s: int
    extensions_max: int
    labels: tuple[str, ...]
    visibility: Visibility
    team: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(EventBase):
    """The first command after the start has come; what it does follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BidPlaced(EventBase):
    """``by`` leads with ``amount``."""

    bid_id: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended(EventBase):
    """A late bid has moved the end from ``previous`` to ``ends_at``; ``number`` counts from 1."""

    previous: datetime
    ends_at: datetime
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed(EventBase):
    """The result stands. ``winner``, ``winning_bid`` and ``price`` are there exactly if it is sold."""

    result: Result
    winner: ActorId | None
    winning_bid: str | None
    price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled(EventBase):
    reason: str


Event: TypeAlias = SharedEvent | Scheduled | Opened | BidPlaced | Extended | Closed | Cancelled
"""Every event of an auction."""

EVENTS: Mapping[str, type[Event]] = {
    **SHARED_EVENTS,
    "scheduled": Scheduled,
    "opened": Opened,
    "bid_placed": BidPlaced,
    "extended": Extended,
    "closed": Closed,
    "cancelled": Cancelled,
}
"""Last part of ``ce_type`` -> class."""
