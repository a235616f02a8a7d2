"""Promise 2: nothing is overwritten silently. Every edit is judged by the value that its editor saw."""

from __future__ import annotations

import pytest
from examples import ALICE, BOB, NOW, OPENED, RESOLVED, THEN, edited, given, minute

from opsroom_domain.changes import Change, as_seen, hash_of
from opsroom_domain.decider import FieldConflict
from opsroom_domain.entities.incident import (
    Assign,
    Assigned,
    ChangeSeverity,
    ChangeVisibility,
    Edit,
    Edited,
    Severity,
    SeverityChanged,
    Status,
    Visibility,
    VisibilityChanged,
)

TITLE, DESCRIPTION = OPENED.title, OPENED.description
LONG = "long " * 100


def edit(*changes: tuple[str, str, str]) -> Edit:
    return Edit(**NOW, changes=tuple(Change(field=field, seen=seen, to=to) for field, seen, to in changes))


def as_event(command: Edit) -> Edited:
    return Edited(**NOW, changes=command.changes)


def test_an_edit_of_the_seen_value_is_made() -> None:
    command = edit(("title", TITLE, "Checkout is down"))
    after = given(OPENED).when(command).then(as_event(command))
    assert (after.title, after.description) == ("Checkout is down", DESCRIPTION)


def test_an_edit_remembers_who_and_when_for_its_own_fields_only() -> None:
    command = edit(("title", TITLE, "Checkout is down"))
    changes = given(OPENED).when(command).then(as_event(command)).field_changes
    assert (changes["title"].by, changes["title"].at) == (BOB, minute(5))
    assert (changes["description"].by, changes["description"].at) == (THEN["by"], THEN["at"])


def test_an_edit_of_another_value_than_the_seen_one_is_a_conflict_with_both_values() -> None:
    command = edit(("title", TITLE, "Checkout is down"))
    conflict = FieldConflict("title", TITLE, "Payments are slow", "Checkout is down")
    given(OPENED, edited("title", TITLE, "Payments are slow")).when(command).then_conflict(conflict)


def test_an_edit_to_what_it_already_is_changes_nothing_whatever_was_seen() -> None:
    given(OPENED).when(edit(("title", "something else", TITLE))).then_nothing()


def test_an_edit_of_nothing_changes_nothing() -> None:
    given(OPENED).when(edit()).then_nothing()


def test_one_field_in_conflict_stops_the_whole_edit() -> None:
    command = edit(("title", "stale", "A"), ("description", DESCRIPTION, "B"))
    given(OPENED).when(command).then_conflict(FieldConflict("title", "stale", TITLE, "A"))


def test_a_conflict_names_every_field_in_conflict() -> None:
    command = edit(("title", "stale", "A"), ("description", "old", "B"))
    conflicts = (FieldConflict("title", "stale", TITLE, "A"), FieldConflict("description", "old", DESCRIPTION, "B"))
    given(OPENED).when(command).then_conflict(*conflicts)


def test_only_the_fields_that_differ_stand_in_the_event() -> None:
    command = edit(("title", TITLE, TITLE), ("description", DESCRIPTION, "B"))
    given(OPENED).when(command).then(Edited(**NOW, changes=command.changes[1:]))


def test_a_long_value_is_seen_by_its_hash() -> None:
    history = (OPENED, edited("description", DESCRIPTION, LONG))
    command = edit(("description", hash_of(LONG), "short"))
    given(*history).when(command).then(as_event(command))


def test_a_long_value_in_clear_is_accepted_and_the_event_holds_its_hash() -> None:
    history = (OPENED, edited("description", DESCRIPTION, LONG))
    expected = Edited(**NOW, changes=(Change(field="description", seen=as_seen(LONG), to="short"),))
    given(*history).when(edit(("description", LONG, "short"))).then(expected)
    assert expected.changes[0].seen.startswith("sha256:")


def test_the_hash_of_another_value_is_a_conflict() -> None:
    history = (OPENED, edited("description", DESCRIPTION, LONG))
    command = edit(("description", hash_of("x"), "short"))
    given(*history).when(command).then_conflict(FieldConflict("description", hash_of("x"), LONG, "short"))


def test_a_resolved_incident_can_still_be_edited() -> None:
    command = edit(("description", DESCRIPTION, "It was the cache."))
    assert given(OPENED, RESOLVED).when(command).then(as_event(command)).status is Status.RESOLVED


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (edit(("title", TITLE, "A"), ("title", TITLE, "B")), "field-twice"),
        (edit(("status", "open", "resolved")), "unknown-field"),
        (edit(("title", TITLE, " ")), "blank"),
        (edit(("title", TITLE, "x" * 201)), "too-long"),
        (edit(("title", TITLE, "two\nlines")), "bad-text"),
        (edit(("description", DESCRIPTION, "x" * 20_001)), "too-long"),
        (edit(("description", DESCRIPTION, "nul \x00")), "bad-text"),
        (edit(("description", DESCRIPTION, "half a pair \ud800")), "bad-text"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_edit_that_no_store_or_screen_takes_is_refused(command: Edit, code: str) -> None:
    given(OPENED).when(command).then_refused(code)


def test_limits_themselves_are_allowed() -> None:
    command = edit(("title", TITLE, "x" * 200), ("description", DESCRIPTION, "line\n" * 4000))
    given(OPENED).when(command).then(as_event(command))


def test_assigning_does_not_acknowledge() -> None:
    after = given(OPENED).when(Assign(**NOW, seen=None, assignee=ALICE)).then(Assigned(**NOW, previous=None, assignee=ALICE))
    assert (after.assignee, after.status, after.acknowledged_at) == (ALICE, Status.OPEN, None)


def test_it_is_given_to_nobody() -> None:
    history = (OPENED, Assigned(**THEN, previous=None, assignee=ALICE))
    after = given(*history).when(Assign(**NOW, seen=ALICE, assignee=None)).then(Assigned(**NOW, previous=ALICE, assignee=None))
    assert after.assignee is None


def test_two_who_take_it_at_once_cannot_both_win() -> None:
    history = (OPENED, Assigned(**THEN, previous=None, assignee=ALICE))
    given(*history).when(Assign(**NOW, seen=None, assignee=BOB)).then_conflict(FieldConflict("assignee", None, ALICE, BOB))


def test_assigning_to_who_has_it_changes_nothing() -> None:
    given(OPENED, Assigned(**THEN, previous=None, assignee=ALICE)).when(Assign(**NOW, seen=None, assignee=ALICE)).then_nothing()


def test_an_assignee_is_somebody() -> None:
    given(OPENED).when(Assign(**NOW, seen=None, assignee=type(ALICE)(""))).then_refused("blank", "assignee")


def test_severity_changes_from_the_seen_one() -> None:
    command = ChangeSeverity(**NOW, seen=Severity.SEV3, severity=Severity.SEV1)
    after = given(OPENED).when(command).then(SeverityChanged(**NOW, previous=Severity.SEV3, severity=Severity.SEV1))
    assert (after.severity, after.field_changes["severity"].by) == (Severity.SEV1, BOB)


def test_a_stale_severity_is_a_conflict() -> None:
    command = ChangeSeverity(**NOW, seen=Severity.SEV2, severity=Severity.SEV1)
    given(OPENED).when(command).then_conflict(FieldConflict("severity", "sev2", "sev3", "sev1"))


def test_the_same_severity_changes_nothing() -> None:
    given(OPENED).when(ChangeSeverity(**NOW, seen=Severity.SEV1, severity=Severity.SEV3)).then_nothing()


def test_visibility_changes_from_the_seen_one() -> None:
    command = ChangeVisibility(**NOW, seen=Visibility.EVERYONE, visibility=Visibility.NAMED)
    changed = VisibilityChanged(**NOW, previous=Visibility.EVERYONE, visibility=Visibility.NAMED)
    assert given(OPENED).when(command).then(changed).visibility is Visibility.NAMED


def test_a_stale_visibility_is_a_conflict() -> None:
    command = ChangeVisibility(**NOW, seen=Visibility.TEAM, visibility=Visibility.NAMED)
    given(OPENED).when(command).then_conflict(FieldConflict("visibility", "team", "everyone", "named"))


def test_the_same_visibility_changes_nothing() -> None:
    given(OPENED).when(ChangeVisibility(**NOW, seen=Visibility.TEAM, visibility=Visibility.EVERYONE)).then_nothing()
