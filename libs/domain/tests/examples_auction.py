"""Auctions, bidders and times that the tests tell of."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from examples import minute
from given_when_then import Given

from opsroom_domain.entities.auction import AUCTION, Auction, BidPlaced, Command, Event, Extended, Opened, PlaceBid, Schedule, Scheduled
from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.shared.words import Visibility

AUC = EntityId("auc_01k0000000000000000000000a")
SELLER, ANN, BEN = ActorId("usr_seller"), ActorId("usr_ann"), ActorId("usr_ben")
START, DURING, END = minute(10), minute(12), minute(20)
WINDOW_S, LENGTH_S, MOST = 60, 120, 2

SCHEDULED = Scheduled(
    at=minute(0),
    by=SELLER,
    auction_id=AUC,
    title="A rack of servers",
    description="Sixteen of them",
    currency="EUR",
    opening_price=Decimal("100.00"),
    step=Decimal("5.00"),
    reserve=Decimal("120.00"),
    starts_at=START,
    ends_at=END,
    extension_window_s=WINDOW_S,
    extension_s=LENGTH_S,
    extensions_max=MOST,
    labels=("hardware",),
    visibility=Visibility.EVERYONE,
    team=None,
)
OPENED = Opened(at=minute(11), by=ANN)


def given(*history: Event) -> Given[Auction, Command, Event]:
    return Given(AUCTION, history)


def schedule(**other: Any) -> Schedule:
    """The command that gives SCHEDULED, with other values where named."""
    terms = {field: getattr(SCHEDULED, field) for field in (*Scheduled.__slots__, "at", "by")}
    return Schedule(**terms | other)


def bid(amount: str, by: ActorId = ANN, at: datetime = DURING, *, currency: str = "EUR", raise_own: bool = False) -> PlaceBid:
    return PlaceBid(at=at, by=by, bid_id=f"bid_{amount}", amount=Decimal(amount), currency=currency, raise_own=raise_own)


def placed(amount: str, by: ActorId = ANN, at: datetime = DURING) -> BidPlaced:
    return BidPlaced(at=at, by=by, bid_id=f"bid_{amount}", amount=Decimal(amount))


def extended(number: int, by: ActorId, at: datetime) -> Extended:
    step = timedelta(seconds=LENGTH_S)
    return Extended(at=at, by=by, previous=END + (number - 1) * step, ends_at=END + number * step, number=number)
