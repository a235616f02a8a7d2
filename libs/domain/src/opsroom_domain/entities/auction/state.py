"""What is known of an auction after its events: what ``decide`` needs and what a board shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from opsroom_domain.entities.auction.words import Result, Status
from opsroom_domain.ids import ActorId
from opsroom_domain.shared.state import SharedState


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What bidders rely on: fixed when the auction is scheduled.

    A bid in the last ``extension_window_s`` seconds moves the end by ``extension_s``, at most ``extensions_max`` times. ``reserve`` is
    confidential: only those who may cancel the auction may read it; everyone else is told whether it is met.
    """

    currency: str
    opening_price: Decimal
    step: Decimal
    reserve: Decimal | None
    starts_at: datetime
    ends_at: datetime
    """As scheduled; the present end is the auction's own."""
    extension_window_s: int
    extension_s: int
    extensions_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bid:
    bid_id: str
    by: ActorId
    amount: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Auction(SharedState):
    """One auction. Never changed in place: tuples are replaced whole."""

    status: Status
    """``scheduled`` until the first command after the start; the rules go by the times."""
    terms: Terms
    ends_at: datetime
    """With all extensions so far."""
    extensions: int = 0
    bid_count: int = 0
    bids: tuple[Bid, ...] = ()
    """The highest ones, lowest first: each bid is higher than the one before."""
    scheduled_at: datetime
    scheduled_by: ActorId
    opened_at: datetime | None = None
    ended_at: datetime | None = None
    """When it was closed or cancelled."""
    ended_by: ActorId | None = None
    result: Result | None = None
    winner: ActorId | None = None
    winning_bid: str | None = None
    price: Decimal | None = None
    """What the winner pays."""
    cancel_reason: str | None = None

    @property
    def live(self) -> bool:
        """True until it is closed or cancelled."""
        return self.status in {Status.SCHEDULED, Status.OPEN}

    @property
    def best(self) -> Bid | None:
        """The bid that leads."""
        return self.bids[-1] if self.bids else None

    @property
    def least_bid(self) -> Decimal | None:
        """The least amount that the next bid may have; None when there can be no next bid."""
        if not self.live:
            return None
        return self.terms.opening_price if self.best is None else self.best.amount + self.terms.step

    @property
    def reserve_met(self) -> bool:
        """True if there is no reserve, or the best bid reaches it."""
        reserve = self.terms.reserve
        return reserve is None or (self.best is not None and self.best.amount >= reserve)
