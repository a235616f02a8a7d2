"""Whatever people bid and try, in any order and at any time: what holds after each step, judged by a second, simpler telling of the rules."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from examples_auction import ANN, AUC, BEN, SELLER
from given_when_then import folded
from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from opsroom_domain.decider import Refused
from opsroom_domain.entities.auction import AUCTION, Auction, Cancel, Close, Command, Event, Open, PlaceBid, Result, Schedule, Status
from opsroom_domain.entities.auction.limits import BIDS_SHOWN
from opsroom_domain.ids import ActorId
from opsroom_domain.shared.commands import AddComment, ChangeLabels
from opsroom_domain.shared.limits import COMMENTS_MAX
from opsroom_domain.times import rfc3339

NOON = datetime.fromisoformat("2026-11-23T12:00:00+00:00")
BIDDERS = st.sampled_from([ANN, BEN, ActorId("usr_cleo")])
STEP = Decimal("2.50")
SECONDS = timedelta(seconds=1)


class AuctionLife(RuleBasedStateMachine):
    """One auction of ten minutes. Beside it: the price, the leader and the end as a person with pen and paper would keep them."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.state: Auction | None = None
        self.now = NOON
        self.price: Decimal | None = None
        self.leader: ActorId | None = None
        self.bids = 0
        self.extensions = 0
        self.ended = False

    @property
    def auction(self) -> Auction:
        assert self.state is not None
        return self.state

    def attempt(self, command: Command) -> tuple[Event, ...] | Refused:
        note(repr(command))
        before = None if self.state is None else json.dumps(AUCTION.to_json(self.state))
        try:
            events = tuple(AUCTION.decide(self.state, command))
        except Refused as refusal:
            assert before is None or json.dumps(AUCTION.to_json(self.auction)) == before
            return refusal
        for event in events:
            assert (event.at, event.by) == (command.at, command.by)
            old = {} if self.state is None else AUCTION.to_json(self.state)
            entry = AUCTION.describe(self.state, event)
            self.state = AUCTION.evolve(self.state, event)
            new = AUCTION.to_json(self.state)
            assert entry.words
            assert "\n" not in entry.words
            for field, step in entry.diff.items():
                if field not in {"comment", "labels"}:
                    assert step == {"from": old.get(field), "to": new[field]}, f"the diff of {field} is not what happened"
            self.events.append(event)
        return events

    @initialize(
        reserve=st.sampled_from([None, Decimal(100), Decimal(130)]),
        starts=st.integers(-5, 60),
        window=st.sampled_from([0, 30, 90]),
        most=st.integers(1, 3),
    )
    def schedule(self, reserve: Decimal | None, starts: int, window: int, most: int) -> None:
        self.starts_at = NOON + starts * SECONDS
        self.ends_at = self.starts_at + 600 * SECONDS
        self.window, self.most = window * SECONDS, most if window else 0
        events = self.attempt(
            Schedule(
                at=self.now,
                by=SELLER,
                auction_id=AUC,
                title="Lot 7",
                currency="EUR",
                opening_price=Decimal(100),
                step=STEP,
                reserve=reserve,
                starts_at=self.starts_at,
                ends_at=self.ends_at,
                extension_window_s=window,
                extension_s=2 * window,
                extensions_max=self.most,
            )
        )
        assert isinstance(events, tuple)

    @rule(seconds=st.sampled_from([0, 1, 20, 120, 400]))
    def time_goes_by(self, seconds: int) -> None:
        self.now += seconds * SECONDS

    @rule()
    def it_is_nearly_over(self) -> None:
        self.now = max(self.now, self.ends_at - SECONDS)

    @rule(by=BIDDERS, over=st.sampled_from(["-100", "-2.5", "-0.01", "0", "0.01", "2.5", "17.37"]), on_purpose=st.booleans())
    def somebody_bids(self, by: ActorId, over: str, on_purpose: bool) -> None:
        least = Decimal(100) if self.price is None else self.price + STEP
        amount = least + Decimal(over)
        told = self.attempt(PlaceBid(at=self.now, by=by, bid_id=f"bid_{self.bids}", amount=amount, currency="EUR", raise_own=on_purpose))
        counts = not self.ended and self.starts_at <= self.now < self.ends_at and amount >= least and (by != self.leader or on_purpose)
        assert isinstance(told, tuple) is counts
        if isinstance(told, Refused):
            assert told.details["current_price"] == (None if self.price is None else f"{self.price:.2f}")
            assert told.details["least_bid"] == (None if self.ended else f"{least:.2f}")
            assert told.details["ends_at"] == rfc3339(self.ends_at)
            return
        self.price, self.leader, self.bids = amount, by, self.bids + 1
        if self.ends_at - self.now <= self.window and self.extensions < self.most:
            self.ends_at, self.extensions = self.ends_at + 2 * self.window, self.extensions + 1

    @rule(by=BIDDERS)
    def somebody_says_that_it_started(self, by: ActorId) -> None:
        told = self.attempt(Open(at=self.now, by=by))
        assert isinstance(told, Refused) is (self.now < self.starts_at and not self.ended)

    @rule(by=BIDDERS)
    def somebody_closes_it(self, by: ActorId) -> None:
        told = self.attempt(Close(at=self.now, by=by))
        if self.auction.status is Status.CANCELLED:
            assert isinstance(told, Refused)
            return
        assert isinstance(told, tuple) is (self.ended or self.now >= self.ends_at)
        self.ended = self.ended or isinstance(told, tuple)

    @precondition(lambda self: self.bids > 3)
    @rule(reason=st.sampled_from(["gone", "broken"]))
    def it_is_cancelled(self, reason: str) -> None:
        before = self.ended
        told = self.attempt(Cancel(at=self.now, by=SELLER, reason=reason))
        if not before:
            assert isinstance(told, tuple) is (self.now < self.ends_at)
        self.ended = before or isinstance(told, tuple)

    @rule(number=st.integers(0, 3), by=BIDDERS)
    def people_talk(self, number: int, by: ActorId) -> None:
        self.attempt(AddComment(at=self.now, by=by, comment_id=f"cmt_{number}", text=f"No. {number}"))
        self.attempt(ChangeLabels(at=self.now, by=by, add=(f"l{number}",)))

    @invariant()
    def check(self) -> None:
        if self.state is None:
            return
        state = self.state
        assert folded(AUCTION, self.events) == state
        row = AUCTION.to_json(state)
        back = AUCTION.from_json(json.loads(json.dumps(row)))
        assert back == state
        assert json.dumps(AUCTION.to_json(back)) == json.dumps(row)
        assert all(isinstance(value, str) for value in AUCTION.tags(state).values())
        assert (AUCTION.tags(state)["live"] == "true") is state.live is not self.ended
        assert state.bid_count == self.bids
        assert len(state.bids) == min(self.bids, BIDS_SHOWN)
        assert len(state.comments) <= COMMENTS_MAX
        assert (state.best is None) is (self.price is None)
        if state.best is not None:
            assert (state.best.amount, state.best.by) == (self.price, self.leader)
        assert all(higher.amount >= lower.amount + STEP for lower, higher in zip(state.bids, state.bids[1:], strict=False))
        assert (state.ends_at, state.extensions) == (self.ends_at, self.extensions)
        self.the_result_is_what_the_bids_say(state)

    def the_result_is_what_the_bids_say(self, state: Auction) -> None:
        """Exactly one winner, and only of a sold one."""
        assert (state.result is not None) is (state.status is Status.CLOSED)
        reserve = state.terms.reserve
        if state.result is Result.SOLD:
            assert (state.winner, state.price) == (self.leader, self.price)
            assert self.price is not None
            assert reserve is None or self.price >= reserve
        else:
            assert (state.winner, state.price, state.winning_bid) == (None, None, None)
        if state.result is Result.RESERVE_NOT_MET:
            assert self.price is not None
            assert reserve is not None
            assert self.price < reserve
        assert (state.result is Result.NO_BIDS) is (state.status is Status.CLOSED and self.price is None)


AuctionLife.TestCase.settings = settings(
    max_examples=80, stateful_step_count=30, deadline=None, print_blob=True, report_multiple_bugs=False
)
TestAuctionLife = pytest.mark.timeout(400)(AuctionLife.TestCase)
