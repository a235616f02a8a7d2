"""What an auction's commands do: one pure function for each. The business rules are the docstrings.

A command that asks for what is already so gives no events. Nothing is changed in place.

An auction opens by itself: the rules go by its times, not by its status. The first command that needs the start behind it (a bid, ``close``, or
``open``, which a scheduler may send for the boards' sake) tells ``Opened`` first. So no bid depends on a timer that may be late.
"""

from __future__ import annotations

from collections.abc import Sequence

from opsroom_domain.decider import AlreadyExists, Invalid, NotFound, Refused
from opsroom_domain.entities.auction.bids import opening, place_bid, standing
from opsroom_domain.entities.auction.commands import Cancel, Close, Command, Open, PlaceBid, Schedule
from opsroom_domain.entities.auction.events import Cancelled, Closed, Event, Opened, Scheduled
from opsroom_domain.entities.auction.limits import DURATION_MAX, EXTENSION_S_MAX, EXTENSIONS_MAX
from opsroom_domain.entities.auction.state import Auction
from opsroom_domain.entities.auction.words import Result, Status
from opsroom_domain.money import exact_amount
from opsroom_domain.shared.commands import Edit
from opsroom_domain.shared.decide import check_new, decide_shared
from opsroom_domain.shared.limits import ID_MAX, REASON_MAX
from opsroom_domain.text import check_line, check_text
from opsroom_domain.times import rfc3339

PREFIX = "auc"


def decide(state: Auction | None, command: Command) -> Sequence[Event]:
    """The events that ``command`` gives, perhaps none. Raises Refused, NotFound, AlreadyExists or EditConflict."""
    if isinstance(command, Schedule):
        return schedule(state, command)
    if state is None:
        raise NotFound("not-found", "there is no such auction; check the id, or schedule it")
    match command:
        case Open():
            return open_auction(state, command)
        case PlaceBid():
            return place_bid(state, command)
        case Close():
            return close(state, command)
        case Cancel():
            return cancel(state, command)
        case Edit():
            return edit(state, command)
        case _:
            return decide_shared(state, command)


def schedule(state: Auction | None, command: Schedule) -> Sequence[Event]:
    """The terms are fixed from now on, because bidders rely on them: for others, cancel it and schedule another. It may start at once."""
    if state is not None:
        raise AlreadyExists("already-exists", f"{state.id} exists already; take a new id for another auction")
    labels = check_new(
        command.auction_id, PREFIX, title=command.title, description=command.description, labels=command.labels, what="an auction"
    )
    if command.team is not None:
        check_line("team", command.team, ID_MAX)
    currency = command.currency
    opening_price = exact_amount("opening_price", command.opening_price, currency)
    step = exact_amount("step", command.step, currency)
    reserve = None if command.reserve is None else exact_amount("reserve", command.reserve, currency)
    if step == 0:
        raise Invalid("bad-terms", "the step is 0, so that nobody would have to bid more; choose one above 0")
    if reserve is not None and reserve < opening_price:
        raise Invalid("bad-terms", "the reserve is below the opening price, so that it means nothing; raise it or leave it out")
    _check_times(command)
    _check_extension(command)
    scheduled = Scheduled(
        at=command.at,
        by=command.by,
        auction_id=command.auction_id,
        title=command.title,
        description=command.description,
        currency=currency,
        opening_price=opening_price,
        step=step,
        reserve=reserve,
        starts_at=command.starts_at,
        ends_at=command.ends_at,
        extension_window_s=command.extension_window_s,
        extension_s=command.extension_s,
        extensions_max=command.extensions_max,
        labels=labels,
        visibility=command.visibility,
        team=command.team,
    )
    return (scheduled,)


def open_auction(state: Auction, command: Open) -> Sequence[Opened]:
    """Tell that it has started. Refused before the start; one that is open or ended stays what it is."""
    if state.status is Status.SCHEDULED and command.at < state.terms.starts_at:
        raise Refused("auction-not-started", f"{state.id} starts at {rfc3339(state.terms.starts_at)}; wait for it", standing(state))
    return opening(state, command)


def close(state: Auction, command: Close) -> Sequence[Event]:
    """From the end on. The best bid wins if it reaches the reserve; nobody chooses. A second close changes nothing."""
    if state.status is Status.CLOSED:
        return ()
    if not state.live:
        raise Refused("auction-ended", f"{state.id} is {state.status}; there is nothing to close", standing(state))
    if command.at < state.ends_at:
        raise Refused("auction-not-over", f"{state.id} ends at {rfc3339(state.ends_at)}; close it then", standing(state))
    best = state.best
    result = Result.NO_BIDS if best is None else Result.SOLD if state.reserve_met else Result.RESERVE_NOT_MET
    sold = best if result is Result.SOLD else None
    closed = Closed(
        at=command.at,
        by=command.by,
        result=result,
        winner=None if sold is None else sold.by,
        winning_bid=None if sold is None else sold.bid_id,
        price=None if sold is None else sold.amount,
    )
    return (*opening(state, command), closed)


def cancel(state: Auction, command: Cancel) -> Sequence[Cancelled]:
    """Until the end; from then on the result stands, and it can only be closed. A bidder must not take it away: so it is an admin's."""
    check_text("reason", command.reason, REASON_MAX)
    if not command.reason.strip():
        raise Invalid("blank", "bidders are owed a reason; give one")
    if state.status is Status.CANCELLED and command.reason == state.cancel_reason:
        return ()
    if not state.live:
        raise Refused("auction-ended", f"{state.id} is {state.status} already; comment on it to say more", standing(state))
    if command.at >= state.ends_at:
        raise Refused("auction-over", f"{state.id} ended at {rfc3339(state.ends_at)} and its result stands; close it", standing(state))
    return (Cancelled(at=command.at, by=command.by, reason=command.reason),)


def edit(state: Auction, command: Edit) -> Sequence[Event]:
    """Title and description until the start: what people bid on must not change under them."""
    events = decide_shared(state, command)
    if events and (command.at >= state.terms.starts_at or not state.live):
        raise Refused("auction-started", f"people bid on {state.id} as it is; comment on it, or cancel it and schedule another")
    return events


def _check_times(command: Schedule) -> None:
    if command.ends_at <= max(command.starts_at, command.at):
        raise Invalid("bad-terms", "the end is not after the start and after now; choose a later end")
    if command.ends_at - command.starts_at > DURATION_MAX:
        raise Invalid("bad-terms", f"it would last longer than {DURATION_MAX.days} days; choose an earlier end")


def _check_extension(command: Schedule) -> None:
    window, length, most = command.extension_window_s, command.extension_s, command.extensions_max
    if (window, length, most) == (0, 0, 0):
        return
    if not (0 < window <= length <= EXTENSION_S_MAX and 0 < most <= EXTENSIONS_MAX):
        raise Invalid(
            "bad-terms",
            f"an extension needs a window above 0, a length of the window or more (both up to {EXTENSION_S_MAX} s), and a number from 1 to "
            f"{EXTENSIONS_MAX}; correct them, or leave all three out",
        )
