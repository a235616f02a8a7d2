"""An auction's terms, its start, its end, and what it is closed with."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from examples import minute
from examples_auction import ANN, AUC, BEN, END, OPENED, SCHEDULED, SELLER, START, extended, given, placed, schedule

from opsroom_domain.changes import Change
from opsroom_domain.decider import AlreadyExists, Invalid, NotFound
from opsroom_domain.entities.auction import AUCTION, Cancel, Cancelled, Close, Closed, Open, Opened, Result, Scheduled, Status
from opsroom_domain.shared.commands import AddComment, Edit
from opsroom_domain.shared.events import CommentAdded, Edited
from opsroom_domain.shared.limits import REASON_MAX

AFTER = {"at": END, "by": SELLER}
NO_BIDS = Closed(**AFTER, result=Result.NO_BIDS, winner=None, winning_bid=None, price=None)
CANCELLED = Cancelled(at=minute(15), by=SELLER, reason="found a buyer")


def test_it_is_scheduled_with_its_terms() -> None:
    state = given().when(schedule()).then(SCHEDULED)
    assert (state.status, state.live, state.best, state.least_bid) == (Status.SCHEDULED, True, None, Decimal("100.00"))


def test_amounts_get_the_places_of_the_currency() -> None:
    given().when(schedule(opening_price=Decimal(100), step=Decimal("5.0"))).then(SCHEDULED)
    yen = schedule(currency="JPY", opening_price=Decimal(100), step=Decimal(5), reserve=None)
    (scheduled,) = given().when(yen).events
    assert isinstance(scheduled, Scheduled)
    assert scheduled.opening_price.as_tuple().exponent == 0


def test_an_id_is_scheduled_once() -> None:
    given(SCHEDULED).when(schedule()).then_refused("already-exists", AUC, of=AlreadyExists)


def test_it_may_start_at_once() -> None:
    given().when(schedule(starts_at=minute(-5))).then(replace(SCHEDULED, starts_at=minute(-5)))


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"currency": "XXX"}, "unknown-currency"),
        ({"opening_price": Decimal("1.001")}, "bad-amount"),
        ({"step": Decimal("0.001")}, "bad-amount"),
        ({"reserve": Decimal("NaN")}, "bad-amount"),
        ({"step": Decimal(0)}, "bad-terms"),
        ({"reserve": Decimal("99.99")}, "bad-terms"),
        ({"ends_at": START}, "bad-terms"),
        ({"starts_at": minute(-9), "ends_at": minute(0)}, "bad-terms"),
        ({"ends_at": START + timedelta(days=366, microseconds=1)}, "bad-terms"),
        ({"extension_window_s": 0}, "bad-terms"),
        ({"extension_s": 59}, "bad-terms"),
        ({"extension_s": 24 * 3600 + 1}, "bad-terms"),
        ({"extensions_max": 0}, "bad-terms"),
        ({"extensions_max": 101}, "bad-terms"),
    ],
)
def test_terms_that_make_no_sense_are_refused(other: dict[str, Any], code: str) -> None:
    given().when(schedule(**other)).then_refused(code, of=Invalid)


def test_without_an_extension_all_three_are_left_out() -> None:
    none = {"extension_window_s": 0, "extension_s": 0, "extensions_max": 0}
    given().when(schedule(**none)).then(replace(SCHEDULED, **none))


def test_another_kind_of_id_and_a_bad_title_are_refused() -> None:
    given().when(schedule(auction_id="inc_01k0000000000000000000000a")).then_refused("bad-id")
    given().when(schedule(title=" ")).then_refused("blank")


@pytest.mark.parametrize("command", [Close(**AFTER), Open(**AFTER), Cancel(**AFTER, reason="x")])
def test_what_is_not_there_is_told_so(command: Any) -> None:
    given().when(command).then_refused("not-found", of=NotFound)


def test_open_only_tells_that_the_start_has_come() -> None:
    early = {"at": START - timedelta(microseconds=1), "by": SELLER}
    given(SCHEDULED).when(Open(**early)).then_refused("auction-not-started", "10:10:00")
    given(SCHEDULED).when(Open(at=START, by=SELLER)).then(Opened(at=START, by=SELLER))
    given(SCHEDULED, OPENED).when(Open(**AFTER)).then_nothing()
    given(SCHEDULED, OPENED, NO_BIDS).when(Open(**AFTER)).then_nothing()


def test_it_is_not_closed_before_its_end_with_extensions_and_is_told_when() -> None:
    outcome = given(SCHEDULED).when(Close(at=END - timedelta(microseconds=1), by=SELLER))
    outcome.then_refused("auction-not-over", "10:20:00")
    assert outcome.refusal is not None
    assert outcome.refusal.details["ends_at"] == "2026-11-23T10:20:00.000000Z"
    late = placed("100", at=minute(19))
    moved = given(SCHEDULED, OPENED, late, extended(1, ANN, minute(19)))
    moved.when(Close(**AFTER)).then_refused("auction-not-over", "10:22:00")


def test_the_best_bid_wins_if_it_reaches_the_reserve() -> None:
    history = (SCHEDULED, OPENED, placed("115.00", ANN), placed("120.00", BEN))
    state = (
        given(*history)
        .when(Close(**AFTER))
        .then(Closed(**AFTER, result=Result.SOLD, winner=BEN, winning_bid="bid_120.00", price=Decimal("120.00")))
    )
    assert (state.live, state.winner, state.least_bid) == (False, BEN, None)


def test_below_the_reserve_nobody_wins() -> None:
    no_winner = Closed(**AFTER, result=Result.RESERVE_NOT_MET, winner=None, winning_bid=None, price=None)
    state = given(SCHEDULED, OPENED, placed("119.99")).when(Close(**AFTER)).then(no_winner)
    assert not state.reserve_met


def test_without_a_reserve_the_opening_price_is_enough() -> None:
    history = (replace(SCHEDULED, reserve=None), OPENED, placed("100.00"))
    sold = Closed(**AFTER, result=Result.SOLD, winner=ANN, winning_bid="bid_100.00", price=Decimal("100.00"))
    assert given(*history).when(Close(**AFTER)).then(sold).reserve_met


def test_an_auction_without_bids_is_opened_and_closed_by_the_close() -> None:
    given(SCHEDULED).when(Close(**AFTER)).then(Opened(**AFTER), NO_BIDS)


def test_a_second_close_changes_nothing_and_a_cancelled_one_is_not_closed() -> None:
    given(SCHEDULED, OPENED, NO_BIDS).when(Close(at=minute(30), by=BEN)).then_nothing()
    given(SCHEDULED, CANCELLED).when(Close(**AFTER)).then_refused("auction-ended", "cancelled")


def test_it_is_cancelled_until_its_end_with_a_reason() -> None:
    command = Cancel(at=CANCELLED.at, by=SELLER, reason=CANCELLED.reason)
    given(SCHEDULED, OPENED, placed("100")).when(command).then(CANCELLED)
    given(SCHEDULED, CANCELLED).when(command).then_nothing()
    given(SCHEDULED, CANCELLED).when(replace(command, reason="another")).then_refused("auction-ended", "cancelled")
    given(SCHEDULED).when(replace(command, reason=" ")).then_refused("blank", of=Invalid)
    given(SCHEDULED).when(replace(command, reason="x" * (REASON_MAX + 1))).then_refused("too-long")
    given(SCHEDULED, OPENED, placed("100")).when(replace(command, at=END)).then_refused("auction-over", "close it")
    given(SCHEDULED, OPENED, NO_BIDS).when(replace(command, at=END)).then_refused("auction-ended", "closed")


def test_only_an_admin_cancels_because_operators_bid() -> None:
    assert AUCTION.admin_only == {"cancel", "change_visibility"}


def test_what_people_bid_on_does_not_change_under_them() -> None:
    changes = (Change(field="title", seen="A rack of servers", to="A rack"),)
    given(SCHEDULED).when(Edit(at=minute(5), by=SELLER, changes=changes)).then(Edited(at=minute(5), by=SELLER, changes=changes))
    given(SCHEDULED).when(Edit(at=START, by=SELLER, changes=changes)).then_refused("auction-started", "comment")
    same = (Change(field="title", seen="A rack of servers", to="A rack of servers"),)
    given(SCHEDULED, OPENED).when(Edit(at=minute(15), by=SELLER, changes=same)).then_nothing()


def test_what_all_kinds_have_it_has_too() -> None:
    command = AddComment(at=minute(30), by=BEN, comment_id="cmt_1", text="Well done")
    added = CommentAdded(at=minute(30), by=BEN, comment_id="cmt_1", text="Well done", mentions=())
    given(SCHEDULED, OPENED, NO_BIDS).when(command).then(added)


def test_a_history_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="starts with Opened"):
        AUCTION.evolve(None, OPENED)
    with pytest.raises(ValueError, match="second time"):
        AUCTION.evolve(AUCTION.evolve(None, SCHEDULED), SCHEDULED)
    with pytest.raises(ValueError, match="starts with Opened"):
        AUCTION.describe(None, OPENED)
