"""An auction: people bid on one thing until its end, and exactly one of them gets it, or nobody.

Read in this order: ``words``, ``events``, ``commands``, ``state``, ``decide`` and ``bids`` (the rules), ``evolve``, ``show``, ``describe``.
"""

from __future__ import annotations

from typing import Final

from opsroom_domain.decider import Kind
from opsroom_domain.entities.auction.commands import COMMANDS, Cancel, Close, Command, Open, PlaceBid, Schedule
from opsroom_domain.entities.auction.decide import PREFIX, decide
from opsroom_domain.entities.auction.describe import describe
from opsroom_domain.entities.auction.events import EVENTS, BidPlaced, Cancelled, Closed, Event, Extended, Opened, Scheduled
from opsroom_domain.entities.auction.evolve import evolve
from opsroom_domain.entities.auction.show import CONFIDENTIAL, columns, from_json, tags, to_json
from opsroom_domain.entities.auction.state import Auction, Bid, Terms
from opsroom_domain.entities.auction.words import Result, Status

AUCTION: Final[Kind[Auction, Command, Event]] = Kind(
    name="auction",
    collection="auctions",
    prefix=PREFIX,
    events=EVENTS,
    commands=COMMANDS,
    decide=decide,
    evolve=evolve,
    to_json=to_json,
    from_json=from_json,
    tags=tags,
    columns=columns,
    describe=describe,
    fold_version=1,
    admin_only=frozenset({"cancel", "change_visibility"}),
    confidential=CONFIDENTIAL,
)

__all__ = [
    "AUCTION",
    "COMMANDS",
    "EVENTS",
    "PREFIX",
    "Auction",
    "Bid",
    "BidPlaced",
    "Cancel",
    "Cancelled",
    "Close",
    "Closed",
    "Command",
    "Event",
    "Extended",
    "Open",
    "Opened",
    "PlaceBid",
    "Result",
    "Schedule",
    "Scheduled",
    "Status",
    "Terms",
]
