"""An auction's events in words, as a person would tell them, and as a diff. The reserve is in neither."""

from __future__ import annotations

from opsroom_domain.decider import Json, TimelineEntry
from opsroom_domain.entities.auction.events import BidPlaced, Cancelled, Closed, Event, Extended, Opened, Scheduled
from opsroom_domain.entities.auction.state import Auction
from opsroom_domain.entities.auction.words import Result, Status
from opsroom_domain.money import amount_text
from opsroom_domain.shared.describe import describe_shared, quote, step, with_text
from opsroom_domain.times import rfc3339


def describe(state: Auction | None, event: Event) -> TimelineEntry:
    """Tell ``event``; ``state`` is the auction before it, None before Scheduled. Raises ValueError for a history that ``evolve`` refuses."""
    if isinstance(event, Scheduled):
        return _scheduled(event)
    if state is None:
        raise ValueError(f"an auction's history starts with {type(event).__name__} instead of Scheduled; it is broken")
    match event:
        case Opened():
            return TimelineEntry("Bidding has started", {"status": step(state.status.value, Status.OPEN.value)})
        case BidPlaced():
            return _bid(state, event)
        case Extended():
            words = f"Moved the end to {rfc3339(event.ends_at)} for a late bid ({event.number} of {state.terms.extensions_max})"
            diff: dict[str, Json] = {
                "ends_at": step(rfc3339(event.previous), rfc3339(event.ends_at)),
                "extensions": step(state.extensions, event.number),
            }
            return TimelineEntry(words, diff)
        case Closed():
            return _closed(state, event)
        case Cancelled():
            diff = {"status": step(state.status.value, Status.CANCELLED.value), "cancel_reason": step(None, event.reason)}
            return TimelineEntry(with_text("Cancelled", event.reason), diff)
        case _:
            return describe_shared(state, event)


def _scheduled(event: Scheduled) -> TimelineEntry:
    diff: dict[str, Json] = {
        "title": step(None, event.title),
        "status": step(None, Status.SCHEDULED.value),
        "currency": step(None, event.currency),
        "opening_price": step(None, amount_text(event.opening_price)),
        "step": step(None, amount_text(event.step)),
        "starts_at": step(None, rfc3339(event.starts_at)),
        "ends_at": step(None, rfc3339(event.ends_at)),
        "visibility": step(None, event.visibility.value),
    }
    if event.description:
        diff["description"] = step(None, event.description)
    if event.team is not None:
        diff["team"] = step(None, event.team)
    if event.labels:
        diff["labels"] = step([], list(event.labels))
    price = f"{amount_text(event.opening_price)} {event.currency}"
    return TimelineEntry(f"Scheduled {quote(event.title)} for {rfc3339(event.starts_at)}, from {price}", diff)


def _bid(state: Auction, event: BidPlaced) -> TimelineEntry:
    best, amount = state.best, amount_text(event.amount)
    verb = "Raised their own bid to" if best is not None and best.by == event.by else "Bid"
    diff: dict[str, Json] = {
        "current_price": step(None if best is None else amount_text(best.amount), amount),
        "bid_count": step(state.bid_count, state.bid_count + 1),
    }
    if best is None or best.by != event.by:
        diff["highest_bidder"] = step(None if best is None else best.by, event.by)
    return TimelineEntry(f"{verb} {amount} {state.terms.currency}", diff)


def _closed(state: Auction, event: Closed) -> TimelineEntry:
    diff: dict[str, Json] = {
        "status": step(state.status.value, Status.CLOSED.value),
        "result": step(None, event.result.value),
    }
    if event.price is not None:
        diff |= {"winner": step(None, event.winner), "price": step(None, amount_text(event.price))}
        return TimelineEntry(f"Closed: {event.winner} wins with {amount_text(event.price)} {state.terms.currency}", diff)
    why = "there was no bid" if event.result is Result.NO_BIDS else "the reserve was not met"
    return TimelineEntry(f"Closed without a winner: {why}", diff)
