"""Which bids count, what a late one does to the end, and what a refused bidder is told."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from examples import minute
from examples_auction import ANN, BEN, END, OPENED, SCHEDULED, SELLER, START, bid, extended, given, placed, schedule
from given_when_then import folded

from opsroom_domain.decider import Invalid, Refused
from opsroom_domain.entities.auction import AUCTION, Auction, Cancelled, Closed, Opened, Result
from opsroom_domain.entities.auction.limits import BIDS_SHOWN

JUST = timedelta(microseconds=1)
CLOSED = Closed(at=END, by=SELLER, result=Result.NO_BIDS, winner=None, winning_bid=None, price=None)


def test_the_first_bid_after_the_start_opens_the_auction() -> None:
    state = given(SCHEDULED).when(bid("100", at=START)).then(Opened(at=START, by=ANN), placed("100", at=START))
    assert (state.status, state.bid_count, state.least_bid) == ("open", 1, Decimal("105.00"))


def test_a_bid_at_the_least_counts_and_one_below_does_not() -> None:
    given(SCHEDULED, OPENED).when(bid("99.99")).then_refused("bid-too-low", "100.00 EUR")
    given(SCHEDULED, OPENED, placed("100.00")).when(bid("104.99", BEN)).then_refused("bid-too-low", "100.00 EUR", "105.00 EUR", "10:20:00")
    given(SCHEDULED, OPENED, placed("100")).when(bid("105", BEN)).then(placed("105", BEN))


def test_whoever_leads_raises_only_on_purpose_and_by_a_step() -> None:
    leads = given(SCHEDULED, OPENED, placed("100.00"))
    leads.when(bid("200")).then_refused("already-leading", "on purpose")
    leads.when(bid("104.99", raise_own=True)).then_refused("bid-too-low")
    leads.when(bid("105", raise_own=True)).then(placed("105"))
    given(SCHEDULED, OPENED, placed("100.00"), placed("105.00", BEN)).when(bid("110")).then(placed("110"))


def test_a_bid_counts_from_the_start_until_just_before_the_end() -> None:
    given(SCHEDULED).when(bid("100", at=START - JUST)).then_refused("auction-not-started", "10:10:00")
    given(SCHEDULED).when(bid("100", at=END)).then_refused("auction-over", "10:20:00")
    assert given(SCHEDULED).when(bid("100", at=END - JUST)).refusal is None


def test_an_ended_auction_takes_no_bids() -> None:
    given(SCHEDULED, OPENED, CLOSED).when(bid("100")).then_refused("auction-ended", "closed")
    cancelled = Cancelled(at=minute(11), by=SELLER, reason="gone")
    given(SCHEDULED, cancelled).when(bid("100")).then_refused("auction-ended", "cancelled")


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [("100", "USD", "wrong-currency"), ("100", "???", "unknown-currency"), ("100.001", "EUR", "bad-amount"), ("NaN", "EUR", "bad-amount")],
)
def test_what_is_wrong_at_any_price_is_the_bids_fault(amount: str, currency: str, code: str) -> None:
    outcome = given(SCHEDULED, OPENED, placed("100.00")).when(bid(amount, BEN, currency=currency))
    outcome.then_refused(code, "100.00 EUR", "105.00 EUR", of=Invalid)


def test_only_a_bid_in_the_window_moves_the_end() -> None:
    edge = END - timedelta(seconds=60)
    given(SCHEDULED, OPENED).when(bid("100", at=edge - JUST)).then(placed("100", at=edge - JUST))
    given(SCHEDULED, OPENED).when(bid("100", at=edge)).then(placed("100", at=edge), extended(1, ANN, edge))


def test_after_an_extension_the_next_one_needs_the_new_window() -> None:
    once = (SCHEDULED, OPENED, placed("100.00", at=minute(19)), extended(1, ANN, minute(19)))
    given(*once).when(bid("105", BEN, minute(20))).then(placed("105", BEN, minute(20)))
    state = given(*once).when(bid("105", BEN, minute(21))).then(placed("105", BEN, minute(21)), extended(2, BEN, minute(21)))
    assert state.ends_at == minute(24)


def test_the_extensions_end() -> None:
    both = (
        SCHEDULED,
        OPENED,
        placed("100.00", at=minute(19)),
        extended(1, ANN, minute(19)),
        placed("105.00", BEN, minute(21)),
        extended(2, BEN, minute(21)),
    )
    given(*both).when(bid("110", ANN, minute(24) - JUST)).then(placed("110", ANN, minute(24) - JUST))
    given(*both).when(bid("110", ANN, minute(24))).then_refused("auction-over", "10:24:00")


def test_without_a_window_the_end_never_moves() -> None:
    none = replace(SCHEDULED, extension_window_s=0, extension_s=0, extensions_max=0)
    given(none, OPENED).when(bid("100", at=END - JUST)).then(placed("100", at=END - JUST))


@pytest.mark.parametrize(
    ("at", "by", "amount", "currency"),
    [
        (minute(9), BEN, "200", "EUR"),
        (minute(12), BEN, "101", "EUR"),
        (minute(12), ANN, "200", "EUR"),
        (minute(12), BEN, "200", "USD"),
        (minute(12), BEN, "200.001", "EUR"),
        (minute(20), BEN, "200", "EUR"),
    ],
)
def test_every_refused_bidder_is_told_price_least_bid_and_end_and_nobody_the_reserve(
    at: datetime, by: str, amount: str, currency: str
) -> None:
    outcome = given(SCHEDULED, OPENED, placed("100.00")).when(bid(amount, by, at, currency=currency))  # pyright: ignore[reportArgumentType]
    assert outcome.refusal is not None
    assert outcome.refusal.details == {
        "status": "open",
        "currency": "EUR",
        "current_price": "100.00",
        "highest_bidder": ANN,
        "least_bid": "105.00",
        "starts_at": "2026-11-23T10:10:00.000000Z",
        "ends_at": "2026-11-23T10:20:00.000000Z",
    }
    for told in ("100.00 EUR", "105.00 EUR", "2026-11-23T10:20:00.000000Z"):
        assert told in outcome.refusal.message
    assert "120.00" not in outcome.refusal.message + json.dumps(dict(outcome.refusal.details))


def test_the_reserve_stands_only_under_its_key_in_the_row() -> None:
    history = (SCHEDULED, OPENED, placed("100.00"), replace(CLOSED, result=Result.RESERVE_NOT_MET))
    state: Auction | None = None
    for event in history:
        entry = AUCTION.describe(state, event)
        assert "120.00" not in entry.words + json.dumps(dict(entry.diff))
        state = AUCTION.evolve(state, event)
        row = AUCTION.to_json(state)
        assert {key for key, value in row.items() if "120.00" in json.dumps(value)} == AUCTION.confidential
        assert "120.00" not in json.dumps(AUCTION.tags(state)) + repr(AUCTION.columns(state))


def test_the_state_holds_the_highest_bids_and_counts_all() -> None:
    state = folded(AUCTION, [SCHEDULED, OPENED])
    for number in range(BIDS_SHOWN + 20):
        state = folded(AUCTION, AUCTION.decide(state, bid(str(100 + 5 * number), (ANN, BEN)[number % 2])), state)
    assert state is not None
    assert state.bid_count == BIDS_SHOWN + 20
    assert [int(each.amount) for each in state.bids] == [100 + 5 * number for number in range(20, BIDS_SHOWN + 20)]


def test_a_bid_is_judged_by_what_was_decided_before_it_not_by_what_was_seen() -> None:
    state = folded(AUCTION, [*AUCTION.decide(None, schedule())])
    first = AUCTION.decide(state, bid("100", ANN))
    assert AUCTION.decide(state, bid("100", BEN)), "alone, each counts"
    with pytest.raises(Refused, match="too low"):
        AUCTION.decide(folded(AUCTION, first, state), bid("100", BEN))
