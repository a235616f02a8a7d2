"""Auctions: one sold after an extension, one cancelled, one without a bid."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from opsroom_domain.changes import Change
from opsroom_domain.entities.auction import Cancel, Close, PlaceBid, Schedule
from opsroom_domain.ids import EntityId
from opsroom_domain.shared.commands import (
    AddComment,
    Assign,
    ChangeLabels,
    ChangeTeam,
    ChangeVisibility,
    ChangeWatchers,
    DeleteComment,
    Edit,
    EditComment,
    Link,
    Unlink,
)
from opsroom_domain.shared.words import Visibility

from .telling import ADA, BO, START, clock

KIND = "auction"
_SOLD = EntityId("auc_01kaqf5m2s8v6t4r0q9p7n3k1h")
_CANCELLED = EntityId("auc_01kaqf5m2s8v6t4r0q9p7n3k2j")
_UNSOLD = EntityId("auc_01kaqf5m2s8v6t4r0q9p7n3k4m")


def story() -> Iterator[tuple[str, EntityId, Any]]:
    """One command a second; the first auction is open from second 13 to 20, and two seconds longer by a late bid."""
    common = clock()
    times = {"starts_at": START + timedelta(seconds=13), "ends_at": START + timedelta(seconds=20)}
    terms = {"currency": "EUR", "opening_price": Decimal(100), "step": Decimal("2.5"), **times}
    late = {"reserve": Decimal(120), "extension_window_s": 2, "extension_s": 3, "extensions_max": 1, "labels": ("rack", "eu")}
    yield KIND, _SOLD, Schedule(auction_id=_SOLD, title="A rack", description="Sixteen servers.\nUsed.", **terms, **late, **common())
    yield KIND, _SOLD, Edit(changes=(Change(field="title", seen="A rack", to="A rack of servers"),), **common())
    yield KIND, _SOLD, Assign(seen=None, assignee=BO, **common())
    yield KIND, _SOLD, ChangeLabels(add=("server",), remove=("eu",), **common())
    yield KIND, _SOLD, ChangeWatchers(add=(ADA, BO), **common())
    yield KIND, _SOLD, ChangeTeam(seen=None, team="hardware", **common())
    yield KIND, _SOLD, ChangeVisibility(seen=Visibility.EVERYONE, visibility=Visibility.TEAM, **common())
    yield KIND, _SOLD, AddComment(comment_id="cmt_1", text="@usr_bo, are the disks in it?", **common())
    yield KIND, _SOLD, EditComment(comment_id="cmt_1", seen="@usr_bo, are the disks in it?", text="Are the disks in it?", **common())
    yield KIND, _SOLD, DeleteComment(comment_id="cmt_1", **common())
    yield KIND, _SOLD, Link(target=_CANCELLED, **common())
    yield KIND, _SOLD, Unlink(target=_CANCELLED, **common())
    yield KIND, _SOLD, PlaceBid(bid_id="bid_1", amount=Decimal(100), currency="EUR", **common(BO))
    yen = terms | {"currency": "JPY", "step": Decimal(10), "ends_at": START + timedelta(seconds=40)}
    yield KIND, _CANCELLED, Schedule(auction_id=_CANCELLED, title="A chair", **yen, team="office", **common())
    yield KIND, _CANCELLED, PlaceBid(bid_id="bid_2", amount=Decimal(110), currency="JPY", **common(BO))
    yield KIND, _CANCELLED, Cancel(reason="It broke", **common())
    yield KIND, _UNSOLD, Schedule(auction_id=_UNSOLD, title="A lamp", **terms, **common())
    yield KIND, _SOLD, PlaceBid(bid_id="bid_3", amount=Decimal("120.25"), currency="EUR", **common(ADA))
    yield KIND, _SOLD, PlaceBid(bid_id="bid_4", amount=Decimal("122.75"), currency="EUR", raise_own=True, **common(ADA))
    yield KIND, _SOLD, PlaceBid(bid_id="bid_5", amount=Decimal(130), currency="EUR", **common(BO))
    yield KIND, _UNSOLD, Close(**common())
    for _ in range(2):
        common()
    yield KIND, _SOLD, Close(**common(ADA))
