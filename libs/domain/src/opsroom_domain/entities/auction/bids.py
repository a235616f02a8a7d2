"""Bidding: who may bid what, when, and what a late bid does to the end.

Time is the command's ``at``, which the partition's owner stamps: bids are ordered by the log alone, and whoever is slower is told so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from opsroom_domain.decider import Invalid, Json, Refused
from opsroom_domain.entities.auction.commands import Close, Open, PlaceBid
from opsroom_domain.entities.auction.events import BidPlaced, Event, Extended, Opened
from opsroom_domain.entities.auction.state import Auction
from opsroom_domain.entities.auction.words import Status
from opsroom_domain.money import amount_text, exact_amount
from opsroom_domain.shared.limits import ID_MAX
from opsroom_domain.text import check_line
from opsroom_domain.times import rfc3339


def place_bid(state: Auction, command: PlaceBid) -> Sequence[Event]:
    """A bid counts from the start until just before the end, if it is at least the opening price and then at least a step above the best bid.

    Whoever leads does not bid against themselves: a further bid of theirs counts only as a raise on purpose (``raise_own``), by a step or
    more like anybody's. Every refusal tells the current price, the least next bid and the end, and never the reserve.
    """
    try:
        amount = _checked(state, command)
    except Refused as refusal:
        raise type(refusal)(refusal.code, f"{refusal.message}; {_told(state)}", standing(state)) from None
    bid = BidPlaced(at=command.at, by=command.by, bid_id=command.bid_id, amount=amount)
    return (*opening(state, command), bid, *_extension(state, command))


def _checked(state: Auction, command: PlaceBid) -> Decimal:
    """The amount that is bid. Raises Refused, and Invalid for what is wrong at any price."""
    check_line("bid_id", command.bid_id, ID_MAX)
    amount = exact_amount("amount", command.amount, command.currency)
    if command.currency != state.terms.currency:
        raise Invalid("wrong-currency", f"the bid is in {command.currency}; bid in {state.terms.currency}")
    least, best = state.least_bid, state.best
    if least is None:
        raise Refused("auction-ended", f"{state.id} is {state.status}")
    if command.at < state.terms.starts_at:
        raise Refused("auction-not-started", f"bidding starts at {rfc3339(state.terms.starts_at)}; bid then")
    if command.at >= state.ends_at:
        raise Refused("auction-over", "this bid came too late")
    if best is not None and best.by == command.by and not command.raise_own:
        raise Refused("already-leading", "you lead; wait for another's bid, or raise your own on purpose")
    if amount < least:
        raise Refused("bid-too-low", f"{amount_text(amount)} {command.currency} is too low; bid more")
    return amount


def standing(state: Auction) -> dict[str, Json]:
    """What every refused bidder is told."""
    best, least = state.best, state.least_bid
    return {
        "status": state.status.value,
        "currency": state.terms.currency,
        "current_price": None if best is None else amount_text(best.amount),
        "highest_bidder": None if best is None else best.by,
        "least_bid": None if least is None else amount_text(least),
        "starts_at": rfc3339(state.terms.starts_at),
        "ends_at": rfc3339(state.ends_at),
    }


def opening(state: Auction, command: PlaceBid | Open | Close) -> tuple[Opened, ...]:
    """The opening, if it has not been told yet."""
    return (Opened(at=command.at, by=command.by),) if state.status is Status.SCHEDULED else ()


def _extension(state: Auction, command: PlaceBid) -> tuple[Extended, ...]:
    """A bid inside the window leaves the others time to answer. The length is the window or more, so that the flood of bids that it starts
    does not use up all extensions at once.
    """
    terms = state.terms
    if state.extensions >= terms.extensions_max or state.ends_at - command.at > timedelta(seconds=terms.extension_window_s):
        return ()
    end = state.ends_at + timedelta(seconds=terms.extension_s)
    return (Extended(at=command.at, by=command.by, previous=state.ends_at, ends_at=end, number=state.extensions + 1),)


def _told(state: Auction) -> str:
    """``standing`` in words."""
    currency, best, least = state.terms.currency, state.best, state.least_bid
    price = "there is no bid yet" if best is None else f"the price is {amount_text(best.amount)} {currency}"
    following = "no further bid counts" if least is None else f"the next bid must be {amount_text(least)} {currency} or more"
    return f"{price}, {following}, the end is {rfc3339(state.ends_at)}"
