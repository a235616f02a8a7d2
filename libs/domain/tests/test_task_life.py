"""The rules of a task's life: every command, every refusal."""

from __future__ import annotations

import pytest
from examples import BOB, INC, LATER, NOW, minute
from examples_task import CREATED, DONE, TSK, TSK_B, given

from opsroom_domain.decider import AlreadyExists, FieldConflict, Invalid, NotFound
from opsroom_domain.entities.task.commands import (
    Cancel,
    ChangeDueDate,
    ChangeParent,
    ChangePriority,
    ChangeStatus,
    Complete,
    Create,
    Reopen,
)
from opsroom_domain.entities.task.events import (
    Cancelled,
    Completed,
    Created,
    DueDateChanged,
    ParentChanged,
    PriorityChanged,
    Reopened,
    StatusChanged,
)
from opsroom_domain.entities.task.words import Priority, Status
from opsroom_domain.ids import EntityId
from opsroom_domain.shared.words import Visibility

STARTED = StatusChanged(**LATER, previous=Status.TO_DO, status=Status.IN_PROGRESS, reason="")
CANCELLED = Cancelled(**LATER, reason="not needed")


def test_a_new_task_is_to_do() -> None:
    command = Create(**NOW, task_id=TSK, title="Rotate", labels=("b", "a", "b"), assignee=BOB, due_at=minute(60), parent=INC)
    created = Created(
        **NOW,
        task_id=TSK,
        title="Rotate",
        description="",
        priority=Priority.NORMAL,
        assignee=BOB,
        due_at=minute(60),
        parent=INC,
        labels=("a", "b"),
        visibility=Visibility.EVERYONE,
        team=None,
    )
    state = given().when(command).then(created)
    assert (state.status, state.assignee, state.parent, state.live) == (Status.TO_DO, BOB, INC, True)


def test_an_id_is_taken_once() -> None:
    given(CREATED).when(Create(**NOW, task_id=TSK, title="Again")).then_refused("already-exists", TSK, of=AlreadyExists)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"task_id": EntityId("inc_01k0000000000000000000000a")}, "bad-id"),
        ({"title": " "}, "blank"),
        ({"title": "x" * 201}, "too-long"),
        ({"description": "\x00"}, "bad-text"),
        ({"labels": tuple(map(str, range(51)))}, "too-many"),
        ({"assignee": "x" * 101}, "too-long"),
        ({"team": ""}, "blank"),
    ],
)
def test_a_new_task_has_to_be_right(wrong: dict[str, object], code: str) -> None:
    arguments: dict[str, object] = {"task_id": TSK, "title": "Rotate"} | wrong
    given().when(Create(**NOW, **arguments)).then_refused(code)  # type: ignore[arg-type]


@pytest.mark.parametrize(("parent", "code"), [("tkt_01k0000000000000000000000a", "bad-id"), ("x", "bad-id"), (TSK, "parent-of-itself")])
def test_a_parent_is_an_incident_or_another_task(parent: str, code: str) -> None:
    given().when(Create(**NOW, task_id=TSK, title="Rotate", parent=EntityId(parent))).then_refused(code, of=Invalid)
    given(CREATED).when(ChangeParent(**NOW, seen=None, parent=EntityId(parent))).then_refused(code, of=Invalid)


def test_what_does_not_exist_is_not_found() -> None:
    given().when(Complete(**NOW)).then_refused("not-found", of=NotFound)


def test_the_status_moves_between_those_of_work_in_any_direction() -> None:
    state = (
        given(CREATED)
        .when(ChangeStatus(**NOW, seen=Status.TO_DO, status=Status.IN_PROGRESS))
        .then(StatusChanged(**NOW, previous=Status.TO_DO, status=Status.IN_PROGRESS, reason=""))
    )
    assert state.started_at == NOW["at"]
    blocked = StatusChanged(**NOW, previous=Status.IN_PROGRESS, status=Status.BLOCKED, reason="no access")
    state = (
        given(CREATED, STARTED).when(ChangeStatus(**NOW, seen=Status.IN_PROGRESS, status=Status.BLOCKED, reason="no access")).then(blocked)
    )
    assert (state.reason, state.started_at) == ("no access", LATER["at"])
    again = StatusChanged(**NOW, previous=Status.BLOCKED, status=Status.IN_PROGRESS, reason="")
    state = given(CREATED, STARTED, blocked).when(ChangeStatus(**NOW, seen=Status.BLOCKED, status=Status.IN_PROGRESS)).then(again)
    assert (state.reason, state.started_at) == ("", LATER["at"]), "work began when it began first"


def test_a_stale_status_is_a_conflict_and_the_same_is_nothing() -> None:
    given(CREATED, STARTED).when(ChangeStatus(**NOW, seen=Status.TO_DO, status=Status.BLOCKED)).then_conflict(
        FieldConflict("status", Status.TO_DO, Status.IN_PROGRESS, Status.BLOCKED)
    )
    given(CREATED, STARTED).when(ChangeStatus(**NOW, seen=Status.TO_DO, status=Status.IN_PROGRESS)).then_nothing()


@pytest.mark.parametrize("status", [Status.DONE, Status.CANCELLED])
def test_the_end_has_commands_of_its_own(status: Status) -> None:
    given(CREATED).when(ChangeStatus(**NOW, seen=Status.TO_DO, status=status)).then_refused("bad-status", status, of=Invalid)


def test_what_is_over_is_not_worked_on() -> None:
    given(CREATED, DONE).when(ChangeStatus(**NOW, seen=Status.DONE, status=Status.BLOCKED)).then_refused("over", "reopen")


@pytest.mark.parametrize("history", [(), (STARTED,), (StatusChanged(**LATER, previous=Status.TO_DO, status=Status.BLOCKED, reason="x"),)])
def test_it_can_be_completed_from_any_live_status(history: tuple[StatusChanged, ...]) -> None:
    state = given(CREATED, *history).when(Complete(**NOW)).then(Completed(**NOW))
    assert (state.status, state.reason, state.ended_at, state.ended_by) == (Status.DONE, "", NOW["at"], BOB)


def test_whoever_ends_it_second_changes_nothing_and_the_other_end_is_refused() -> None:
    given(CREATED, DONE).when(Complete(**NOW)).then_nothing()
    given(CREATED, CANCELLED).when(Cancel(**NOW, reason="other words")).then_nothing()
    given(CREATED, CANCELLED).when(Complete(**NOW)).then_refused("over", "cancelled")
    given(CREATED, DONE).when(Cancel(**NOW, reason="")).then_refused("over", "done")


def test_it_can_be_cancelled_with_a_reason() -> None:
    state = given(CREATED).when(Cancel(**NOW, reason="not needed")).then(Cancelled(**NOW, reason="not needed"))
    assert (state.status, state.reason, state.live) == (Status.CANCELLED, "not needed", False)


def test_what_is_over_can_be_reopened_and_what_is_not_cannot() -> None:
    state = given(CREATED, STARTED, DONE).when(Reopen(**NOW, reason="one is left")).then(Reopened(**NOW, reason="one is left"))
    assert (state.status, state.ended_at, state.ended_by, state.started_at) == (Status.TO_DO, None, None, LATER["at"])
    given(CREATED).when(Reopen(**NOW, reason="")).then_refused("not-over", "to_do")


def test_the_priority_changes_from_the_seen_one() -> None:
    event = PriorityChanged(**NOW, previous=Priority.NORMAL, priority=Priority.URGENT)
    given(CREATED).when(ChangePriority(**NOW, seen=Priority.NORMAL, priority=Priority.URGENT)).then(event)
    given(CREATED).when(ChangePriority(**NOW, seen=Priority.LOW, priority=Priority.HIGH)).then_conflict(
        FieldConflict("priority", Priority.LOW, Priority.NORMAL, Priority.HIGH)
    )


def test_the_due_date_changes_from_the_seen_one() -> None:
    due = DueDateChanged(**NOW, previous=None, due_at=minute(60))
    assert given(CREATED).when(ChangeDueDate(**NOW, seen=None, due_at=minute(60))).then(due).due_at == minute(60)
    given(CREATED, due).when(ChangeDueDate(**NOW, seen=None, due_at=minute(60))).then_nothing()
    given(CREATED, due).when(ChangeDueDate(**NOW, seen=minute(60), due_at=None)).then(
        DueDateChanged(**NOW, previous=minute(60), due_at=None)
    )
    given(CREATED, due).when(ChangeDueDate(**NOW, seen=None, due_at=minute(90))).then_conflict(
        FieldConflict("due_at", None, "2026-11-23T11:00:00.000000Z", "2026-11-23T11:30:00.000000Z")
    )


def test_the_parent_changes_from_the_seen_one() -> None:
    of = ParentChanged(**NOW, previous=None, parent=INC)
    assert given(CREATED).when(ChangeParent(**NOW, seen=None, parent=INC)).then(of).parent == INC
    given(CREATED, of).when(ChangeParent(**NOW, seen=INC, parent=TSK_B)).then(ParentChanged(**NOW, previous=INC, parent=TSK_B))
    given(CREATED, of).when(ChangeParent(**NOW, seen=None, parent=TSK_B)).then_conflict(FieldConflict("parent", None, INC, TSK_B))
