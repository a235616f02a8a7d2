"""The rules of a ticket's life: every command, every refusal. What the SLA makes of them is in test_ticket_sla."""

from __future__ import annotations

from dataclasses import replace

import pytest
from examples import BOB, LATER, NOW, Stamp
from examples_ticket import CARLA, CREATED, REPLIED, SOLVED, TKT, given

from opsroom_domain.decider import AlreadyExists, FieldConflict, Invalid, NotFound
from opsroom_domain.entities.ticket import Event
from opsroom_domain.entities.ticket.commands import AddNote, ChangePriority, ChangeStatus, Close, Create, Reopen, Reply, Solve
from opsroom_domain.entities.ticket.events import Closed, Created, Noted, PriorityChanged, Reopened, Replied, Solved, StatusChanged
from opsroom_domain.entities.ticket.words import RECENT_MAX, REPLY_MAX, Channel, Priority, Status
from opsroom_domain.ids import EntityId
from opsroom_domain.shared.words import Visibility

BARE = replace(CREATED, targets=())
CLOSED = Closed(**LATER)
BY_CARLA: Stamp = {"at": NOW["at"], "by": CARLA}


def to(status: Status, previous: Status = Status.NEW) -> StatusChanged:
    return StatusChanged(**LATER, previous=previous, status=status)


def test_a_new_ticket_is_new() -> None:
    command = Create(**NOW, ticket_id=TKT, title="Help", requester=CARLA, channel=Channel.PHONE, labels=("b", "a"), assignee=BOB)
    created = Created(
        **NOW,
        ticket_id=TKT,
        title="Help",
        description="",
        requester=CARLA,
        channel=Channel.PHONE,
        priority=Priority.NORMAL,
        targets=(),
        assignee=BOB,
        labels=("a", "b"),
        visibility=Visibility.EVERYONE,
        team=None,
    )
    state = given().when(command).then(created)
    assert (state.status, state.requester, state.assignee, state.sla_due_at) == (Status.NEW, CARLA, BOB, None)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"ticket_id": EntityId("tsk_01k0000000000000000000000a")}, "bad-id"),
        ({"title": ""}, "blank"),
        ({"requester": ""}, "blank"),
        ({"requester": "x" * 101}, "too-long"),
        ({"description": "x" * 20_001}, "too-long"),
    ],
)
def test_a_new_ticket_has_to_be_right(wrong: dict[str, object], code: str) -> None:
    arguments: dict[str, object] = {"ticket_id": TKT, "title": "Help", "requester": CARLA, "channel": Channel.WEB} | wrong
    given().when(Create(**NOW, **arguments)).then_refused(code)  # type: ignore[arg-type]


def test_an_id_is_taken_once_and_what_does_not_exist_is_not_found() -> None:
    again = Create(**NOW, ticket_id=TKT, title="Again", requester=CARLA, channel=Channel.WEB)
    given(BARE).when(again).then_refused("already-exists", of=AlreadyExists)
    given().when(Solve(**NOW)).then_refused("not-found", of=NotFound)


def test_our_first_reply_opens_a_new_ticket_and_is_the_first_response() -> None:
    replied = Replied(**NOW, reply_id="r1", text="We look", from_requester=False)
    opened = StatusChanged(**NOW, previous=Status.NEW, status=Status.OPEN)
    state = given(BARE).when(Reply(**NOW, reply_id="r1", text="We look")).then(replied, opened)
    assert (state.first_response_at, state.reply_count) == (NOW["at"], 1)
    later = Replied(**NOW, reply_id="r2", text="Found it", from_requester=False)
    state = given(BARE, REPLIED, to(Status.OPEN)).when(Reply(**NOW, reply_id="r2", text="Found it")).then(later)
    assert state.first_response_at == LATER["at"], "only the first is the first"


def test_what_the_requester_writes_is_no_response_of_ours() -> None:
    replied = Replied(**BY_CARLA, reply_id="r1", text="Hello?", from_requester=True)
    state = given(BARE).when(Reply(**BY_CARLA, reply_id="r1", text="Hello?")).then(replied)
    assert (state.status, state.first_response_at, state.reply_count) == (Status.NEW, None, 1)


@pytest.mark.parametrize("brought_in", [True, False])
def test_the_requesters_reply_makes_a_pending_ticket_open_again(brought_in: bool) -> None:
    stamp = NOW if brought_in else BY_CARLA
    replied = Replied(**stamp, reply_id="r1", text="Here", from_requester=True)
    opened = StatusChanged(**stamp, previous=Status.PENDING, status=Status.OPEN)
    given(BARE, to(Status.PENDING)).when(Reply(**stamp, reply_id="r1", text="Here", from_requester=brought_in)).then(replied, opened)
    given(BARE, to(Status.ON_HOLD)).when(Reply(**stamp, reply_id="r1", text="Here", from_requester=brought_in)).then(replied)


def test_our_reply_to_a_pending_ticket_moves_nothing() -> None:
    given(BARE, to(Status.PENDING)).when(Reply(**NOW, reply_id="r1", text="And?")).then(
        Replied(**NOW, reply_id="r1", text="And?", from_requester=False)
    )


def test_the_requesters_reply_reopens_a_solved_ticket_and_ours_does_not() -> None:
    replied = Replied(**BY_CARLA, reply_id="r1", text="It is back", from_requester=True)
    reopened = Reopened(**BY_CARLA, reason="The requester replied.", by_reply=True)
    state = given(BARE, SOLVED).when(Reply(**BY_CARLA, reply_id="r1", text="It is back")).then(replied, reopened)
    assert (state.status, state.solved_at, state.resolution, state.reopened_count) == (Status.OPEN, None, None, 1)
    ours = Replied(**NOW, reply_id="r1", text="Goodbye", from_requester=False)
    assert given(BARE, SOLVED).when(Reply(**NOW, reply_id="r1", text="Goodbye")).then(ours).status is Status.SOLVED


def test_a_closed_ticket_takes_no_reply_and_says_where_to_go_on() -> None:
    for stamp in (NOW, BY_CARLA):
        given(BARE, SOLVED, CLOSED).when(Reply(**stamp, reply_id="r1", text="Hello?")).then_refused("closed", "another ticket", "link")


def test_the_same_reply_again_changes_nothing_also_when_it_was_closed_meanwhile() -> None:
    again = Reply(**NOW, reply_id="r1", text="We look")
    given(BARE, REPLIED).when(again).then_nothing()
    given(BARE, REPLIED, SOLVED, CLOSED).when(again).then_nothing()
    given(BARE, REPLIED).when(Reply(**NOW, reply_id="r1", text="Other")).then_refused("reply-id-taken")


@pytest.mark.parametrize(("text", "code"), [(" \n", "blank"), ("x" * (REPLY_MAX + 1), "too-long"), ("nul\x00", "bad-text")])
def test_a_reply_and_a_note_say_something(text: str, code: str) -> None:
    kind = Invalid if code == "blank" else None
    for command in (Reply(**NOW, reply_id="r1", text=text), AddNote(**NOW, note_id="n1", text=text)):
        outcome = given(BARE).when(command)
        outcome.then_refused(code, of=kind) if kind else outcome.then_refused(code)


def test_a_note_is_internal_and_moves_nothing_whatever_the_status() -> None:
    noted = Noted(**NOW, note_id="n1", text="VIP")
    state = given(BARE).when(AddNote(**NOW, note_id="n1", text="VIP")).then(noted)
    assert (state.status, state.first_response_at, state.note_count) == (Status.NEW, None, 1)
    given(BARE, SOLVED, CLOSED).when(AddNote(**NOW, note_id="n1", text="VIP")).then(noted)
    given(BARE, noted).when(AddNote(**NOW, note_id="n1", text="VIP")).then_nothing()
    given(BARE, noted).when(AddNote(**NOW, note_id="n1", text="Other")).then_refused("note-id-taken")


def test_only_the_last_replies_and_notes_are_remembered_and_all_are_counted() -> None:
    many: list[Event] = [Replied(**LATER, reply_id=f"r{n}", text="x", from_requester=False) for n in range(RECENT_MAX + 5)]
    state = given(BARE, *many).when(AddNote(**NOW, note_id="n1", text="x")).then(Noted(**NOW, note_id="n1", text="x"))
    assert (state.reply_count, len(state.recent_replies), state.recent_replies[-1].id) == (RECENT_MAX + 5, RECENT_MAX, f"r{RECENT_MAX + 4}")


@pytest.mark.parametrize("status", [Status.OPEN, Status.PENDING, Status.ON_HOLD])
def test_the_status_moves_between_those_of_work(status: Status) -> None:
    event = StatusChanged(**NOW, previous=Status.NEW, status=status)
    given(BARE).when(ChangeStatus(**NOW, seen=Status.NEW, status=status)).then(event)
    given(BARE, event).when(ChangeStatus(**NOW, seen=Status.NEW, status=status)).then_nothing()


@pytest.mark.parametrize("status", [Status.NEW, Status.SOLVED, Status.CLOSED])
def test_other_statuses_have_ways_of_their_own(status: Status) -> None:
    given(BARE, to(Status.OPEN)).when(ChangeStatus(**NOW, seen=Status.OPEN, status=status)).then_refused("bad-status", status, of=Invalid)


def test_a_stale_status_is_a_conflict_and_what_is_over_does_not_move() -> None:
    stale = ChangeStatus(**NOW, seen=Status.NEW, status=Status.PENDING)
    given(BARE, to(Status.ON_HOLD)).when(stale).then_conflict(FieldConflict("status", Status.NEW, Status.ON_HOLD, Status.PENDING))
    given(BARE, SOLVED).when(ChangeStatus(**NOW, seen=Status.SOLVED, status=Status.OPEN)).then_refused("solved", "reopen")
    given(BARE, SOLVED, CLOSED).when(ChangeStatus(**NOW, seen=Status.CLOSED, status=Status.OPEN)).then_refused("closed", "another")


@pytest.mark.parametrize("history", [(), (to(Status.OPEN),), (to(Status.PENDING),), (to(Status.ON_HOLD),)])
def test_it_can_be_solved_from_any_live_status(history: tuple[StatusChanged, ...]) -> None:
    state = given(BARE, *history).when(Solve(**NOW, resolution="Reset")).then(Solved(**NOW, resolution="Reset"))
    assert (state.status, state.solved_at, state.solved_by, state.resolution) == (Status.SOLVED, NOW["at"], BOB, "Reset")


def test_a_second_solution_is_nothing_unless_its_words_would_be_lost() -> None:
    given(BARE, SOLVED).when(Solve(**NOW)).then_nothing()
    given(BARE, SOLVED).when(Solve(**NOW, resolution="Reset")).then_nothing()
    given(BARE, SOLVED, CLOSED).when(Solve(**NOW, resolution="Other")).then_refused("already-solved", "closed")


def test_a_solved_ticket_can_be_reopened_and_no_other() -> None:
    state = given(BARE, SOLVED).when(Reopen(**NOW, reason="not quite")).then(Reopened(**NOW, reason="not quite", by_reply=False))
    assert (state.status, state.solved_by, state.reopened_count) == (Status.OPEN, None, 1)
    given(BARE).when(Reopen(**NOW, reason="")).then_refused("not-solved", "new")
    given(BARE, SOLVED, CLOSED).when(Reopen(**NOW, reason="")).then_refused("closed", "another ticket")


def test_a_solved_ticket_can_be_closed_for_good() -> None:
    state = given(BARE, SOLVED).when(Close(**NOW)).then(Closed(**NOW))
    assert (state.status, state.solved_at, state.resolution) == (Status.CLOSED, LATER["at"], "Reset")
    given(BARE, SOLVED, CLOSED).when(Close(**NOW)).then_nothing()
    given(BARE).when(Close(**NOW)).then_refused("not-solved", "solve it")


def test_the_priority_changes_from_the_seen_one_until_it_is_closed() -> None:
    change = ChangePriority(**NOW, seen=Priority.NORMAL, priority=Priority.HIGH)
    given(BARE, SOLVED).when(change).then(PriorityChanged(**NOW, previous=Priority.NORMAL, priority=Priority.HIGH))
    given(BARE, SOLVED, CLOSED).when(change).then_refused("closed")
    stale = ChangePriority(**NOW, seen=Priority.LOW, priority=Priority.HIGH)
    given(BARE).when(stale).then_conflict(FieldConflict("priority", Priority.LOW, Priority.NORMAL, Priority.HIGH))
