"""How an auction becomes what its events say. Total: every event that ``decide`` gives has its place; nothing is refused here."""

from __future__ import annotations

from opsroom_domain.copies import changed
from opsroom_domain.entities.auction.events import BidPlaced, Cancelled, Closed, Event, Extended, Opened, Scheduled
from opsroom_domain.entities.auction.limits import BIDS_SHOWN
from opsroom_domain.entities.auction.state import Auction, Bid, Terms
from opsroom_domain.entities.auction.words import Status
from opsroom_domain.shared.evolve import TRACKED, evolve_shared, first_changes


def evolve(state: Auction | None, event: Event) -> Auction:
    """The auction after ``event``. Raises ValueError if the event cannot follow: the history is broken and the reader parks the entity."""
    if isinstance(event, Scheduled):
        if state is not None:
            raise ValueError(f"{state.id} is scheduled a second time; its history is broken")
        return _scheduled(event)
    if state is None:
        raise ValueError(f"an auction's history starts with {type(event).__name__} instead of Scheduled; it is broken")
    match event:
        case Opened():
            return changed(state, status=Status.OPEN, opened_at=event.at)
        case BidPlaced():
            bid = Bid(bid_id=event.bid_id, by=event.by, amount=event.amount, at=event.at)
            return changed(state, bids=(*state.bids, bid)[-BIDS_SHOWN:], bid_count=state.bid_count + 1)
        case Extended():
            return changed(state, ends_at=event.ends_at, extensions=event.number)
        case Closed():
            return changed(
                state,
                status=Status.CLOSED,
                ended_at=event.at,
                ended_by=event.by,
                result=event.result,
                winner=event.winner,
                winning_bid=event.winning_bid,
                price=event.price,
            )
        case Cancelled():
            return changed(state, status=Status.CANCELLED, ended_at=event.at, ended_by=event.by, cancel_reason=event.reason)
        case _:
            return evolve_shared(state, event)


def _scheduled(event: Scheduled) -> Auction:
    return Auction(
        id=event.auction_id,
        title=event.title,
        description=event.description,
        visibility=event.visibility,
        team=event.team,
        labels=tuple(sorted(event.labels)),
        field_changes=first_changes(event, TRACKED),
        status=Status.SCHEDULED,
        terms=Terms(
            currency=event.currency,
            opening_price=event.opening_price,
            step=event.step,
            reserve=event.reserve,
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            extension_window_s=event.extension_window_s,
            extension_s=event.extension_s,
            extensions_max=event.extensions_max,
        ),
        ends_at=event.ends_at,
        scheduled_at=event.at,
        scheduled_by=event.by,
    )
