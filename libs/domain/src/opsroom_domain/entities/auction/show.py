"""An auction as JSON and as tags. ``to_json`` and ``from_json`` are inverse and canonical: equal auctions give equal JSON."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from opsroom_domain.decider import Json, ListColumns
from opsroom_domain.entities.auction.state import Auction, Bid, Terms
from opsroom_domain.entities.auction.words import Result, Status
from opsroom_domain.money import amount_text
from opsroom_domain.shared.show import FLAGS, from_time_or_none, shared_from_json, shared_tags, shared_to_json, time_or_none
from opsroom_domain.times import from_rfc3339, rfc3339

CONFIDENTIAL = frozenset({"reserve"})
"""Keys of the row for those alone who may cancel the auction; ``reserve_met`` is for everyone."""


def to_json(state: Auction) -> dict[str, Json]:
    """The row's part of the auction. Every key is always there; amounts are texts in ``currency``, with its places."""
    terms, best = state.terms, state.best
    return {
        **shared_to_json(state),
        "status": state.status.value,
        "currency": terms.currency,
        "opening_price": amount_text(terms.opening_price),
        "step": amount_text(terms.step),
        "reserve": _amount_or_none(terms.reserve),
        "reserve_met": state.reserve_met,
        "starts_at": rfc3339(terms.starts_at),
        "scheduled_ends_at": rfc3339(terms.ends_at),
        "ends_at": rfc3339(state.ends_at),
        "extension_window_s": terms.extension_window_s,
        "extension_s": terms.extension_s,
        "extensions_max": terms.extensions_max,
        "extensions": state.extensions,
        "bid_count": state.bid_count,
        "bids": [_bid_to_json(bid) for bid in state.bids],
        "current_price": None if best is None else amount_text(best.amount),
        "highest_bidder": None if best is None else best.by,
        "least_bid": _amount_or_none(state.least_bid),
        "scheduled_at": rfc3339(state.scheduled_at),
        "scheduled_by": state.scheduled_by,
        "opened_at": time_or_none(state.opened_at),
        "ended_at": time_or_none(state.ended_at),
        "ended_by": state.ended_by,
        "result": None if state.result is None else state.result.value,
        "winner": state.winner,
        "winning_bid": state.winning_bid,
        "price": _amount_or_none(state.price),
        "cancel_reason": state.cancel_reason,
    }


def from_json(row: Mapping[str, Any]) -> Auction:
    """The auction that ``to_json`` showed; other keys are ignored. Raises KeyError, ValueError or ArithmeticError for anything else."""
    return Auction(
        **shared_from_json(row),
        status=Status(row["status"]),
        terms=Terms(
            currency=row["currency"],
            opening_price=Decimal(row["opening_price"]),
            step=Decimal(row["step"]),
            reserve=_from_amount_or_none(row["reserve"]),
            starts_at=from_rfc3339(row["starts_at"]),
            ends_at=from_rfc3339(row["scheduled_ends_at"]),
            extension_window_s=row["extension_window_s"],
            extension_s=row["extension_s"],
            extensions_max=row["extensions_max"],
        ),
        ends_at=from_rfc3339(row["ends_at"]),
        extensions=row["extensions"],
        bid_count=row["bid_count"],
        bids=tuple(_bid_from_json(bid) for bid in row["bids"]),
        scheduled_at=from_rfc3339(row["scheduled_at"]),
        scheduled_by=row["scheduled_by"],
        opened_at=from_time_or_none(row["opened_at"]),
        ended_at=from_time_or_none(row["ended_at"]),
        ended_by=row["ended_by"],
        result=None if row["result"] is None else Result(row["result"]),
        winner=row["winner"],
        winning_bid=row["winning_bid"],
        price=_from_amount_or_none(row["price"]),
        cancel_reason=row["cancel_reason"],
    )


def tags(state: Auction) -> dict[str, str]:
    """Flat strings that live filters and indexes match on. The same keys always; "" where there is no value."""
    return {
        **shared_tags(state),
        "status": state.status.value,
        "live": FLAGS[state.live],
        "currency": state.terms.currency,
        "reserve_met": FLAGS[state.reserve_met],
        "result": "" if state.result is None else state.result.value,
        "highest_bidder": "" if state.best is None else state.best.by,
        "winner": state.winner or "",
        "scheduled_by": state.scheduled_by,
    }


def columns(state: Auction) -> ListColumns:
    """What lists sort by and search in: a live auction is due at its end."""
    return ListColumns(
        title=state.title,
        status=state.status.value,
        assignee=state.assignee,
        due_at=state.ends_at if state.live else None,
        text="\n".join((state.title, state.description, *state.labels)),
    )


def _amount_or_none(amount: Decimal | None) -> str | None:
    return None if amount is None else amount_text(amount)


def _from_amount_or_none(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _bid_to_json(bid: Bid) -> dict[str, Json]:
    return {"id": bid.bid_id, "by": bid.by, "amount": amount_text(bid.amount), "at": rfc3339(bid.at)}


def _bid_from_json(bid: Mapping[str, Any]) -> Bid:
    return Bid(bid_id=bid["id"], by=bid["by"], amount=Decimal(bid["amount"]), at=from_rfc3339(bid["at"]))
