"""How a task is shown: its row, its tags, its columns, its timeline."""

from __future__ import annotations

import pytest
from examples import ALICE, BOB, INC, LATER, NOW, minute
from examples_task import CREATED, DONE, TSK, TSK_B, item, task

from opsroom_domain.decider import Json
from opsroom_domain.entities.task import TASK, Event
from opsroom_domain.entities.task.events import (
    Cancelled,
    Completed,
    DueDateChanged,
    ItemEdited,
    ItemMoved,
    ItemRemoved,
    ItemTicked,
    ParentChanged,
    PriorityChanged,
    Reopened,
    StatusChanged,
)
from opsroom_domain.entities.task.words import Priority, Status
from opsroom_domain.shared.events import EVENTS as SHARED_EVENTS
from opsroom_domain.shared.events import Assigned

FULL = task(
    Assigned(**LATER, previous=None, assignee=BOB),
    DueDateChanged(**LATER, previous=None, due_at=minute(60)),
    ParentChanged(**LATER, previous=None, parent=INC),
    PriorityChanged(**LATER, previous=Priority.NORMAL, priority=Priority.HIGH),
    item("a"),
    ItemTicked(**LATER, item_id="a", ticked=True),
    StatusChanged(**LATER, previous=Status.TO_DO, status=Status.IN_PROGRESS, reason=""),
)


def test_the_row_holds_what_a_board_shows() -> None:
    row = TASK.to_json(FULL)
    expected: dict[str, Json] = {
        "id": TSK,
        "status": "in_progress",
        "priority": "high",
        "assignee": "usr_bob",
        "due_at": "2026-11-23T11:00:00.000000Z",
        "parent": INC,
        "started_at": "2026-11-23T10:01:00.000000Z",
        "ended_at": None,
        "checklist": [{"id": "a", "text": "db-1", "ticked_by": "usr_alice", "ticked_at": "2026-11-23T10:01:00.000000Z"}],
    }
    assert {key: row[key] for key in expected} == expected
    assert set(FULL.field_changes) == {"title", "description", "assignee", "visibility", "team", "status", "priority", "due_at", "parent"}


def test_tags_are_what_people_filter_by() -> None:
    assert TASK.tags(FULL) == {
        "assignee": "usr_bob",
        "team": "",
        "visibility": "everyone",
        "archived": "false",
        "labels": "\nsecurity\n",
        "watchers": "",
        "viewers": "",
        "status": "in_progress",
        "priority": "high",
        "parent": INC,
        "live": "true",
        "has_due": "true",
        "checklist": "complete",
        "created_by": "usr_alice",
    }
    shown = TASK.tags(task(item("a"), DONE))
    assert (shown["live"], shown["has_due"], shown["checklist"], shown["parent"]) == ("false", "false", "open", "")
    assert TASK.tags(task())["checklist"] == ""


def test_lists_sort_the_urgent_first_and_find_the_items_of_the_checklist() -> None:
    columns = TASK.columns(FULL)
    assert (columns.status, columns.rank, columns.assignee, columns.due_at) == ("in_progress", 2, "usr_bob", minute(60))
    assert columns.text.split("\n") == ["Rotate the keys", "All of them", "security", "db-1"]
    ranks = [TASK.columns(task(PriorityChanged(**LATER, previous=Priority.NORMAL, priority=each))).rank for each in Priority]
    assert ranks == [4, 3, 2, 1]


def step(before: Json, after: Json) -> dict[str, Json]:
    return {"from": before, "to": after}


TOLD: list[tuple[Event, str, dict[str, Json]]] = [
    (
        StatusChanged(**NOW, previous=Status.TO_DO, status=Status.BLOCKED, reason="no access"),
        "Marked as blocked: no access",
        {"status": step("to_do", "blocked"), "reason": step("", "no access")},
    ),
    (
        StatusChanged(**NOW, previous=Status.TO_DO, status=Status.IN_PROGRESS, reason=""),
        "Started to work on it",
        {"status": step("to_do", "in_progress")},
    ),
    (Completed(**NOW), "Completed it", {"status": step("to_do", "done")}),
    (Cancelled(**NOW, reason=""), "Cancelled it", {"status": step("to_do", "cancelled")}),
    (
        Reopened(**NOW, reason="one is left"),
        "Reopened it: one is left",
        {"status": step("to_do", "to_do"), "reason": step("", "one is left")},
    ),
    (
        PriorityChanged(**NOW, previous=Priority.NORMAL, priority=Priority.URGENT),
        "Raised the priority from normal to urgent",
        {"priority": step("normal", "urgent")},
    ),
    (
        PriorityChanged(**NOW, previous=Priority.NORMAL, priority=Priority.LOW),
        "Lowered the priority from normal to low",
        {"priority": step("normal", "low")},
    ),
    (
        DueDateChanged(**NOW, previous=None, due_at=minute(60)),
        "Set the due date to 2026-11-23T11:00:00.000000Z",
        {"due_at": step(None, "2026-11-23T11:00:00.000000Z")},
    ),
    (
        DueDateChanged(**NOW, previous=minute(60), due_at=None),
        "Took the due date away",
        {"due_at": step("2026-11-23T11:00:00.000000Z", None)},
    ),
    (ParentChanged(**NOW, previous=None, parent=INC), f"Made it a part of {INC}", {"parent": step(None, INC)}),
    (ParentChanged(**NOW, previous=TSK_B, parent=None), f"Took it out of {TSK_B}", {"parent": step(TSK_B, None)}),
    (item("z", "db-9"), "Added the item “db-9”", {"item": {"id": "z", "from": None, "to": "db-9"}}),
    (
        ItemEdited(**NOW, item_id="a", seen="db-1", text="db-7"),
        "Changed the item “db-1” to “db-7”",
        {"item": {"id": "a", "from": "db-1", "to": "db-7"}},
    ),
    (ItemTicked(**NOW, item_id="a", ticked=True), "Ticked the item “db-1”", {"item": {"id": "a", "from": False, "to": True}}),
    (ItemTicked(**NOW, item_id="a", ticked=False), "Unticked the item “db-1”", {"item": {"id": "a", "from": True, "to": False}}),
    (ItemMoved(**NOW, item_id="b", before="a"), "Moved the item “db-2” in front of “db-1”", {"item": {"id": "b", "before": "a"}}),
    (ItemMoved(**NOW, item_id="a", before=None), "Moved the item “db-1” to the end", {"item": {"id": "a", "before": None}}),
    (ItemRemoved(**NOW, item_id="a"), "Removed the item “db-1”", {"item": {"id": "a", "from": "db-1", "to": None}}),
]


@pytest.mark.parametrize(("event", "words", "diff"), TOLD, ids=[words for _, words, _ in TOLD])
def test_the_timeline_tells_it_as_a_person_would(event: Event, words: str, diff: dict[str, Json]) -> None:
    entry = TASK.describe(task(item("a"), item("b", "db-2")), event)
    assert (entry.words, entry.diff) == (words, diff)


def test_every_event_of_a_task_is_told() -> None:
    assert {type(event) for event, _, _ in TOLD} == set(TASK.events.values()) - set(SHARED_EVENTS.values()) - {type(CREATED)}


def test_creating_is_told() -> None:
    entry = TASK.describe(None, CREATED)
    assert entry.words == "Created with the priority normal: “Rotate the keys”"
    assert set(entry.diff) == {"title", "priority", "status", "visibility", "description", "labels"}


def test_a_history_without_a_beginning_or_with_two_is_broken() -> None:
    assert ALICE != BOB
    for tell in (TASK.evolve, TASK.describe):
        with pytest.raises(ValueError, match="Completed instead of Created"):
            tell(None, DONE)
    with pytest.raises(ValueError, match="second time"):
        TASK.evolve(task(), CREATED)
