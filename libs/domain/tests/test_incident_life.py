"""The life of an incident: opened, worked on, resolved, reopened, merged."""

from __future__ import annotations

import pytest
from examples import ALICE, INC, LATER, NOW, OPENED, OTHER, RESOLVED, THEN, THIRD, given, minute, signal

from opsroom_domain.changes import Change
from opsroom_domain.decider import AlreadyExists, FieldConflict, NotFound
from opsroom_domain.entities.incident import (
    COMMANDS,
    Acknowledge,
    Acknowledged,
    AddComment,
    AddNote,
    Archive,
    Archived,
    AskFollowUp,
    AskReview,
    Assign,
    ChangeDuty,
    ChangeLabels,
    ChangeServices,
    ChangeSeverity,
    ChangeStatus,
    ChangeTeam,
    ChangeVisibility,
    ChangeWatchers,
    Command,
    CompleteMerge,
    CompleteSplit,
    DeleteComment,
    Duty,
    Edit,
    EditComment,
    EditPostmortem,
    Escalate,
    Escalated,
    Event,
    Link,
    LinkBack,
    Merge,
    MergeCompleted,
    Merged,
    Open,
    Opened,
    OpenSplit,
    PickEvent,
    RefuseMerge,
    RefuseSplit,
    Reopen,
    Reopened,
    Resolve,
    Resolved,
    Restore,
    Restored,
    Review,
    ReviewPostmortem,
    SettleFollowUp,
    SettleLink,
    Severity,
    Split,
    StartPostmortem,
    Status,
    StatusChanged,
    TakenWhy,
    TakeOver,
    Unlink,
    UnlinkBack,
    UnpickEvent,
    Visibility,
)
from opsroom_domain.ids import EntityId

ACKNOWLEDGED = Acknowledged(**LATER)
MERGED = Merged(**LATER, into=OTHER)
TASK = EntityId("tsk_01k0000000000000000000000a")
ON_EXISTING: list[Command] = [
    Acknowledge(**NOW),
    Assign(**NOW, seen=None, assignee=ALICE),
    ChangeSeverity(**NOW, seen=Severity.SEV3, severity=Severity.SEV1),
    ChangeStatus(**NOW, seen=Status.OPEN, status=Status.INVESTIGATING),
    ChangeTeam(**NOW, seen=None, team="payments"),
    AddComment(**NOW, comment_id="c1", text="Who looks?"),
    EditComment(**NOW, comment_id="c1", seen="Who looks?", text="Who looks at it?"),
    DeleteComment(**NOW, comment_id="c1"),
    Archive(**NOW),
    Restore(**NOW),
    Edit(**NOW, changes=(Change(field="title", seen="Checkout is slow", to="Checkout is down"),)),
    AddNote(**NOW, note_id="n1", text="looking"),
    Link(**NOW, target=THIRD),
    Unlink(**NOW, target=THIRD),
    Merge(**NOW, into=THIRD),
    LinkBack(**NOW, target=THIRD, relation="related"),
    TakeOver(**NOW, source=THIRD, why=TakenWhy.MERGE, labels=("x",)),
    Split(**NOW, into=THIRD, title="Another one", fingerprints=("f1",)),
    ChangeServices(**NOW, add=("checkout",)),
    ChangeDuty(**NOW, duty=Duty.COMMANDER, seen=None, actor=ALICE),
    StartPostmortem(**NOW),
    EditPostmortem(**NOW, changes=(Change(field="summary", seen="", to="It was slow."),)),
    PickEvent(**NOW, version=1),
    UnpickEvent(**NOW, version=1),
    AskFollowUp(**NOW, task_id=TASK, title="Add an index"),
    AskReview(**NOW),
    ReviewPostmortem(**NOW, verdict=Review.APPROVED),
    Escalate(**NOW, reason="nobody answers"),
    Resolve(**NOW, resolution="fixed"),
    Reopen(**NOW, reason="it is back"),
    ChangeLabels(**NOW, add=("team=pay",)),
    ChangeWatchers(**NOW, add=(ALICE,)),
    ChangeVisibility(**NOW, seen=Visibility.EVERYONE, visibility=Visibility.TEAM),
]


ENDING: list[Command] = [
    CompleteMerge(**NOW, into=THIRD),
    RefuseMerge(**NOW, into=THIRD, code="merged", reason="it is merged"),
    CompleteSplit(**NOW, into=THIRD, signals=()),
    RefuseSplit(**NOW, into=THIRD, code="already-exists", reason="it exists"),
    SettleFollowUp(**NOW, task_id=TASK),
    SettleLink(**NOW, target=THIRD, relation="related"),
    UnlinkBack(**NOW, target=THIRD, relation="related"),
]
"""What ends a process is taken by a merged incident too, so that nothing stays pending; what has been settled changes nothing."""


def moved(previous: Status, status: Status) -> StatusChanged:
    return StatusChanged(**LATER, previous=previous, status=status)


def named(command: Command) -> str:
    return type(command).__name__


def test_the_list_above_is_every_command_on_an_existing_incident() -> None:
    assert {type(command) for command in (*ON_EXISTING, *ENDING)} == set(COMMANDS.values()) - {Open, OpenSplit, type(signal())}


def test_opening_makes_an_open_incident_with_its_labels_sorted() -> None:
    command = Open(**NOW, incident_id=INC, title="Checkout is slow", labels=("b", "a", "b"))
    expected = Opened(
        **NOW,
        incident_id=INC,
        title="Checkout is slow",
        description="",
        severity=Severity.SEV3,
        source="person",
        labels=("a", "b"),
        visibility=Visibility.EVERYONE,
    )
    after = given().when(command).then(expected)
    assert (after.id, after.status, after.live, after.acknowledged_at, after.resolved_at) == (INC, Status.OPEN, True, None, None)
    assert (after.opened_at, after.opened_by) == (NOW["at"], NOW["by"])


def test_an_id_is_opened_once() -> None:
    given(OPENED).when(Open(**NOW, incident_id=INC, title="Again")).then_refused("already-exists", INC, of=AlreadyExists)


@pytest.mark.parametrize("bad", ["", "inc_1", "tsk_01k0000000000000000000000a", "INC_01K0000000000000000000000A"])
def test_an_incident_has_an_id_of_its_kind(bad: str) -> None:
    given().when(Open(**NOW, incident_id=EntityId(bad), title="T")).then_refused("bad-id")


@pytest.mark.parametrize("command", ON_EXISTING, ids=named)
def test_what_does_not_exist_cannot_be_changed(command: Command) -> None:
    given().when(command).then_refused("not-found", of=NotFound)


def test_acknowledging_says_who_and_when() -> None:
    after = given(OPENED).when(Acknowledge(**NOW)).then(Acknowledged(**NOW))
    assert (after.status, after.acknowledged_by, after.acknowledged_at) == (Status.ACKNOWLEDGED, NOW["by"], NOW["at"])


@pytest.mark.parametrize("status", [Status.ACKNOWLEDGED, Status.INVESTIGATING, Status.MITIGATED])
def test_whoever_acknowledges_second_changes_nothing(status: Status) -> None:
    given(OPENED, ACKNOWLEDGED, moved(Status.ACKNOWLEDGED, status)).when(Acknowledge(**NOW)).then_nothing()


def test_a_resolved_incident_is_not_acknowledged() -> None:
    given(OPENED, RESOLVED).when(Acknowledge(**NOW)).then_refused("resolved", "reopen")


def test_working_on_an_open_incident_acknowledges_it() -> None:
    command = ChangeStatus(**NOW, seen=Status.OPEN, status=Status.INVESTIGATING)
    changed = StatusChanged(**NOW, previous=Status.ACKNOWLEDGED, status=Status.INVESTIGATING)
    after = given(OPENED).when(command).then(Acknowledged(**NOW), changed)
    assert after.acknowledged_by == NOW["by"]


def test_setting_an_open_incident_to_acknowledged_is_acknowledging() -> None:
    given(OPENED).when(ChangeStatus(**NOW, seen=Status.OPEN, status=Status.ACKNOWLEDGED)).then(Acknowledged(**NOW))


@pytest.mark.parametrize(
    ("previous", "status"),
    [
        (Status.ACKNOWLEDGED, Status.INVESTIGATING),
        (Status.ACKNOWLEDGED, Status.MITIGATED),
        (Status.INVESTIGATING, Status.MITIGATED),
        (Status.MITIGATED, Status.INVESTIGATING),
        (Status.INVESTIGATING, Status.ACKNOWLEDGED),
    ],
)
def test_work_goes_forth_and_back(previous: Status, status: Status) -> None:
    history = (OPENED, ACKNOWLEDGED, moved(Status.ACKNOWLEDGED, previous))
    after = (
        given(*history).when(ChangeStatus(**NOW, seen=previous, status=status)).then(StatusChanged(**NOW, previous=previous, status=status))
    )
    assert (after.status, after.acknowledged_at) == (status, LATER["at"])


@pytest.mark.parametrize(("status", "word"), [(Status.OPEN, "reopening"), (Status.RESOLVED, "resolve"), (Status.MERGED, "merge")])
def test_other_statuses_have_commands_of_their_own(status: Status, word: str) -> None:
    given(OPENED, ACKNOWLEDGED).when(ChangeStatus(**NOW, seen=Status.ACKNOWLEDGED, status=status)).then_refused("bad-status", word)


def test_a_stale_status_is_a_conflict() -> None:
    command = ChangeStatus(**NOW, seen=Status.INVESTIGATING, status=Status.MITIGATED)
    given(OPENED).when(command).then_conflict(FieldConflict("status", "investigating", "open", "mitigated"))


def test_a_stale_status_that_is_already_the_wanted_one_is_none() -> None:
    given(OPENED, ACKNOWLEDGED).when(ChangeStatus(**NOW, seen=Status.OPEN, status=Status.ACKNOWLEDGED)).then_nothing()


def test_a_resolved_incident_is_not_worked_on() -> None:
    command = ChangeStatus(**NOW, seen=Status.RESOLVED, status=Status.INVESTIGATING)
    given(OPENED, RESOLVED).when(command).then_refused("resolved", "reopen")


@pytest.mark.parametrize("status", [Status.OPEN, Status.ACKNOWLEDGED, Status.INVESTIGATING, Status.MITIGATED])
def test_any_live_incident_can_be_resolved(status: Status) -> None:
    after = (
        given(OPENED, moved(Status.OPEN, status))
        .when(Resolve(**NOW, resolution="fixed"))
        .then(Resolved(**NOW, resolution="fixed", automatic=False))
    )
    assert (after.status, after.live, after.resolution, after.resolved_automatically) == (Status.RESOLVED, False, "fixed", False)
    assert (after.resolved_at, after.resolved_by) == (NOW["at"], NOW["by"])


@pytest.mark.parametrize("resolution", ["rolled back", ""])
def test_resolving_twice_changes_nothing(resolution: str) -> None:
    given(OPENED, RESOLVED).when(Resolve(**NOW, resolution=resolution)).then_nothing()


def test_a_second_resolution_is_not_lost_silently() -> None:
    given(OPENED, RESOLVED).when(Resolve(**NOW, resolution="it was the cache")).then_refused("already-resolved", "note")


def test_a_reopened_incident_is_open_and_must_be_acknowledged_again() -> None:
    after = given(OPENED, ACKNOWLEDGED, RESOLVED).when(Reopen(**NOW, reason="it is back")).then(Reopened(**NOW, reason="it is back"))
    assert (after.status, after.live) == (Status.OPEN, True)
    assert (after.acknowledged_at, after.acknowledged_by) == (None, None)
    assert (after.resolved_at, after.resolved_by, after.resolution, after.resolved_automatically) == (None, None, None, False)


def test_only_a_resolved_incident_is_reopened() -> None:
    given(OPENED, ACKNOWLEDGED).when(Reopen(**NOW, reason="")).then_refused("not-resolved", "acknowledged")


def test_escalating_raises_the_level_by_one_each_time() -> None:
    first = Escalated(**LATER, level=1, reason="")
    after = given(OPENED, first).when(Escalate(**NOW, reason="no answer")).then(Escalated(**NOW, level=2, reason="no answer"))
    assert after.escalation_level == 2


def test_there_is_a_highest_level() -> None:
    given(OPENED, Escalated(**LATER, level=10, reason="")).when(Escalate(**NOW, reason="")).then_refused("highest-level", "10")


def test_a_resolved_incident_is_not_escalated() -> None:
    given(OPENED, RESOLVED).when(Escalate(**NOW, reason="")).then_refused("resolved", "reopen")


def test_the_level_stays_when_it_is_reopened() -> None:
    history = (OPENED, Escalated(**LATER, level=1, reason=""), RESOLVED)
    assert given(*history).when(Reopen(**NOW, reason="")).then(Reopened(**NOW, reason="")).escalation_level == 1


@pytest.mark.parametrize("history", [(OPENED,), (OPENED, ACKNOWLEDGED), (OPENED, RESOLVED)], ids=["open", "acknowledged", "resolved"])
def test_merging_ends_it_in_favour_of_another(history: tuple[Opened | Acknowledged | Resolved, ...]) -> None:
    after = given(*history).when(Merge(**NOW, into=OTHER)).then(Merged(**NOW, into=OTHER))
    assert (after.status, after.live, after.merged_into) == (Status.MERGED, False, OTHER)


def test_it_is_not_merged_into_itself() -> None:
    given(OPENED).when(Merge(**NOW, into=INC)).then_refused("merge-into-itself", INC)


def test_it_is_merged_into_an_incident_only() -> None:
    given(OPENED).when(Merge(**NOW, into=EntityId("tsk_01k0000000000000000000000a"))).then_refused("bad-id")


def test_merging_twice_into_the_same_changes_nothing() -> None:
    given(OPENED, MERGED).when(Merge(**NOW, into=OTHER)).then_nothing()


WORK = [command for command in ON_EXISTING if not isinstance(command, Archive | Restore)]
"""What is asked of an incident that somebody works on. Putting it away is not among it: that is possible in every status."""


@pytest.mark.parametrize("command", [*WORK, signal()], ids=named)
def test_a_merged_incident_takes_nothing_and_names_the_other(command: Command) -> None:
    given(OPENED, MERGED, MergeCompleted(**LATER, into=OTHER)).when(command).then_refused("merged", INC, OTHER)


@pytest.mark.parametrize("command", WORK, ids=named)
def test_an_incident_that_is_being_merged_takes_nothing_from_people(command: Command) -> None:
    given(OPENED, MERGED).when(command).then_refused("merged", INC, OTHER, "wait")


@pytest.mark.parametrize("history", [(OPENED, MERGED), (OPENED, MERGED, MergeCompleted(**LATER, into=OTHER))])
def test_a_merged_incident_can_be_put_away_and_brought_back(history: tuple[Event, ...]) -> None:
    given(*history).when(Archive(**NOW)).then(Archived(**NOW))
    given(*history, Archived(**NOW)).when(Restore(**NOW)).then(Restored(**NOW))


@pytest.mark.parametrize("command", ENDING, ids=named)
@pytest.mark.parametrize("history", [(OPENED,), (OPENED, MERGED), (OPENED, MERGED, MergeCompleted(**LATER, into=OTHER))])
def test_what_ends_a_process_that_is_not_there_changes_nothing(history: tuple[Event, ...], command: Command) -> None:
    given(*history).when(command).then_nothing()


@pytest.mark.parametrize("command", [*ON_EXISTING, *ENDING], ids=named)
def test_nothing_is_done_to_an_incident_that_does_not_exist(command: Command) -> None:
    given().when(command).then_refused("not-found", of=NotFound)


def test_each_step_remembers_who_changed_the_status_last() -> None:
    after = given(OPENED).when(Acknowledge(**NOW)).then(Acknowledged(**NOW))
    assert (after.field_changes["status"].by, after.field_changes["status"].at) == (NOW["by"], minute(5))
    assert after.field_changes["title"].by == THEN["by"]
