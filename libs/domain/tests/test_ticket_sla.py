"""The SLA clock of a ticket: it runs while the requester waits for us, and what it says depends on the events' times alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from examples import ALICE, Stamp, minute
from examples_ticket import CARLA, CREATED, NORMAL, URGENT, given, ticket
from hypothesis import given as given_any
from hypothesis import strategies as st

from opsroom_domain.decider import Invalid
from opsroom_domain.entities.ticket import TICKET, Command, Event, Ticket
from opsroom_domain.entities.ticket.commands import ChangePriority, ChangeStatus, CheckSla, Create, Reopen, Reply, Solve
from opsroom_domain.entities.ticket.events import PriorityChanged, Reopened, Replied, SlaBreached, Solved, StatusChanged
from opsroom_domain.entities.ticket.sla import SlaTarget
from opsroom_domain.entities.ticket.words import SECONDS_MAX, Channel, Priority, SlaGoal, Status
from opsroom_domain.shared.commands import ChangeLabels
from opsroom_domain.shared.events import LabelsChanged

BOTH = (SlaGoal.RESPONSE, SlaGoal.RESOLUTION)


def at(number: int) -> Stamp:
    return {"at": minute(number), "by": ALICE}


def moved(number: int, status: Status, previous: Status = Status.OPEN) -> StatusChanged:
    return StatusChanged(**at(number), previous=previous, status=status)


def dues(state: Ticket) -> Sequence[object]:
    return state.response_due_at, state.resolution_due_at, state.sla_due_at


def test_the_clock_starts_with_the_ticket_and_the_first_thing_due_is_shown() -> None:
    assert dues(ticket()) == (minute(10), minute(60), minute(10))
    assert TICKET.columns(ticket()).due_at == minute(10)


def test_after_the_first_reply_the_solution_is_due() -> None:
    replied = Replied(**at(3), reply_id="r1", text="x", from_requester=False)
    assert dues(ticket(replied)) == (None, minute(60), minute(60))
    from_her = Replied(**at(3), reply_id="r1", text="x", from_requester=True)
    assert dues(ticket(from_her)) == (minute(10), minute(60), minute(10))


def test_while_it_is_pending_nothing_is_due_and_then_the_rest_is() -> None:
    paused = ticket(moved(4, Status.PENDING, Status.NEW))
    assert dues(paused) == (None, None, None)
    assert paused.clock.active_us == 4 * 60_000_000
    assert paused.clock.elapsed_us(minute(500)) == 4 * 60_000_000
    resumed = ticket(moved(4, Status.PENDING, Status.NEW), moved(100, Status.OPEN, Status.PENDING))
    assert dues(resumed) == (minute(106), minute(156), minute(106))


def test_on_hold_the_requester_waits_and_the_clock_runs() -> None:
    assert dues(ticket(moved(4, Status.ON_HOLD, Status.NEW))) == (minute(10), minute(60), minute(10))


def test_reopened_it_goes_on_from_where_it_stopped() -> None:
    solved = ticket(Replied(**at(1), reply_id="r1", text="x", from_requester=False), Solved(**at(50), resolution=""))
    assert solved.sla_due_at is None
    reopened = TICKET.evolve(solved, Reopened(**at(1_000), reason="", by_reply=False))
    assert dues(reopened) == (None, minute(1_010), minute(1_010)), "a premature solution bought no time"


def test_another_priority_takes_its_own_target_and_the_time_that_passed_stays() -> None:
    raised = ticket(PriorityChanged(**at(1), previous=Priority.NORMAL, priority=Priority.URGENT))
    assert dues(raised) == (minute(2), minute(10), minute(2))
    unpromised = ticket(PriorityChanged(**at(1), previous=Priority.NORMAL, priority=Priority.LOW))
    assert dues(unpromised) == (None, None, None)


def test_a_breach_is_noted_with_the_first_event_after_it() -> None:
    command = ChangeLabels(**at(11), add=("late",))
    labelled = LabelsChanged(**at(11), added=("late",), removed=())
    state = given(CREATED).when(command).then(SlaBreached(**at(11), goals=(SlaGoal.RESPONSE,)), labelled)
    assert state.breached == (SlaGoal.RESPONSE,)
    assert TICKET.tags(state)["breached"] == "\nresponse\n"


def test_a_late_reply_is_late_and_one_in_time_is_not() -> None:
    late = given(CREATED).when(Reply(**at(10), reply_id="r1", text="x")).events
    assert late[0] == SlaBreached(**at(10), goals=(SlaGoal.RESPONSE,)), "due is due"
    before: Stamp = {"at": minute(10) - timedelta(microseconds=1), "by": ALICE}
    in_time = given(CREATED).when(Reply(**before, reply_id="r1", text="x")).events
    assert not any(isinstance(event, SlaBreached) for event in in_time)


def test_what_changes_nothing_notes_nothing() -> None:
    given(CREATED).when(ChangeLabels(**at(100), remove=("not there",))).then_nothing()


def test_a_timer_notes_a_breach_once_and_nothing_before_it() -> None:
    given(CREATED).when(CheckSla(**at(9))).then_nothing()
    state = given(CREATED).when(CheckSla(**at(70))).then(SlaBreached(**at(70), goals=BOTH))
    assert state.breached == BOTH
    given(CREATED, SlaBreached(**at(70), goals=BOTH)).when(CheckSla(**at(80))).then_nothing()
    second = given(CREATED, SlaBreached(**at(11), goals=(SlaGoal.RESPONSE,))).when(CheckSla(**at(70)))
    assert second.then(SlaBreached(**at(70), goals=(SlaGoal.RESOLUTION,))).breached == BOTH


@pytest.mark.parametrize("history", [(moved(4, Status.PENDING, Status.NEW),), (Solved(**at(4), resolution=""),)])
def test_while_the_clock_stands_nothing_is_missed(history: tuple[Event, ...]) -> None:
    given(CREATED, *history).when(CheckSla(**at(10_000))).then_nothing()


def test_pausing_too_late_does_not_undo_a_breach() -> None:
    command = ChangeStatus(**at(61), seen=Status.NEW, status=Status.PENDING)
    state = given(CREATED).when(command).then(SlaBreached(**at(61), goals=BOTH), moved(61, Status.PENDING, Status.NEW))
    assert state.breached == BOTH


def test_a_priority_whose_target_has_passed_is_missed_at_once() -> None:
    raised = PriorityChanged(**at(5), previous=Priority.NORMAL, priority=Priority.URGENT)
    command = ChangePriority(**at(5), seen=Priority.NORMAL, priority=Priority.URGENT)
    given(CREATED).when(command).then(raised, SlaBreached(**at(5), goals=(SlaGoal.RESPONSE,)))


@pytest.mark.parametrize(
    ("targets", "word"),
    [
        ((NORMAL, NORMAL), "two targets"),
        ((SlaTarget(priority=Priority.LOW, response_s=0, resolution_s=None),), "0 s"),
        ((SlaTarget(priority=Priority.LOW, response_s=None, resolution_s=SECONDS_MAX + 1),), str(SECONDS_MAX)),
        ((SlaTarget(priority=Priority.LOW, response_s=601, resolution_s=600),), "exchange"),
    ],
)
def test_a_wrong_target_is_refused(targets: tuple[SlaTarget, ...], word: str) -> None:
    command = Create(**at(0), ticket_id=CREATED.ticket_id, title="x", requester=CARLA, channel=Channel.WEB, targets=targets)
    given().when(command).then_refused("bad-target", word, of=Invalid)


def test_targets_are_kept_in_the_order_of_the_priorities() -> None:
    command = Create(**at(0), ticket_id=CREATED.ticket_id, title="x", requester=CARLA, channel=Channel.WEB, targets=(URGENT, NORMAL))
    assert given().when(command).events[0].targets == (NORMAL, URGENT)  # type: ignore[union-attr]


_STEPS = st.lists(
    st.tuples(st.integers(0, 3_000), st.sampled_from(["open", "pending", "on_hold", "solve", "reopen", "reply", "hers"])), max_size=25
)


@given_any(_STEPS)
def test_the_clock_is_the_sum_of_the_waiting_whatever_happens(steps: list[tuple[int, str]]) -> None:
    """Counted apart, second by second of the story: new, open and on hold count, all else does not."""
    state, now, waited = ticket(), minute(0), 0
    for number, (seconds, what) in enumerate(steps):
        waited += seconds if state.status in {Status.NEW, Status.OPEN, Status.ON_HOLD} else 0
        now += timedelta(seconds=seconds)
        stamp: Stamp = {"at": now, "by": ALICE}
        command: Command
        match what:
            case "solve":
                command = Solve(**stamp)
            case "reopen":
                command = Reopen(**stamp, reason="") if state.status is Status.SOLVED else CheckSla(**stamp)
            case "reply" | "hers":
                command = Reply(**stamp, reply_id=f"r{number}", text="x", from_requester=what == "hers")
            case _ if state.live:
                command = ChangeStatus(**stamp, seen=state.status, status=Status(what))
            case _:
                command = CheckSla(**stamp)
        for event in TICKET.decide(state, command):
            state = TICKET.evolve(state, event)
        assert state.clock.elapsed_us(now) == waited * 1_000_000
        assert (state.clock.since is not None) is (state.status in {Status.NEW, Status.OPEN, Status.ON_HOLD})
        if state.resolution_due_at is not None:
            assert state.resolution_due_at == now + timedelta(seconds=3_600 - waited)
