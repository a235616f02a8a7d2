"""What an incident has several of: labels, watchers, links and notes."""

from __future__ import annotations

import pytest
from examples import ALICE, BOB, INC, LATER, NOW, OPENED, OTHER, THIRD, given

from opsroom_domain.changes import hash_of
from opsroom_domain.entities.incident import (
    AddNote,
    ChangeLabels,
    ChangeWatchers,
    Command,
    LabelsChanged,
    Link,
    Linked,
    LinkTo,
    Noted,
    NoteSeen,
    Open,
    Unlink,
    Unlinked,
    WatchersChanged,
)
from opsroom_domain.ids import ActorId, EntityId


def linked(number: int) -> Linked:
    return Linked(**LATER, target=EntityId(f"inc_01k{number:023d}"), relation="related")


def noted(number: int) -> Noted:
    return Noted(**LATER, note_id=f"n{number}", text=f"note {number}")


def test_labels_are_added_and_removed_and_stay_sorted() -> None:
    command = ChangeLabels(**NOW, add=("team=pay", "area=eu", "env=prod"), remove=("env=test",))
    after = given(OPENED).when(command).then(LabelsChanged(**NOW, added=("area=eu", "team=pay"), removed=()))
    assert after.labels == ("area=eu", "env=prod", "team=pay")


def test_removing_a_label_removes_it() -> None:
    after = given(OPENED).when(ChangeLabels(**NOW, remove=("env=prod",))).then(LabelsChanged(**NOW, added=(), removed=("env=prod",)))
    assert after.labels == ()


def test_adding_what_is_there_and_removing_what_is_not_changes_nothing() -> None:
    given(OPENED).when(ChangeLabels(**NOW, add=("env=prod",), remove=("x",))).then_nothing()


def test_two_who_add_labels_never_conflict() -> None:
    history = (OPENED, LabelsChanged(**LATER, added=("a",), removed=()))
    after = given(*history).when(ChangeLabels(**NOW, add=("a", "b"))).then(LabelsChanged(**NOW, added=("b",), removed=()))
    assert after.labels == ("a", "b", "env=prod")


def test_watchers_are_a_set_too() -> None:
    history = (OPENED, WatchersChanged(**LATER, added=(BOB,), removed=()))
    command = ChangeWatchers(**NOW, add=(ALICE, BOB), remove=(ActorId("usr_carol"),))
    assert given(*history).when(command).then(WatchersChanged(**NOW, added=(ALICE,), removed=())).watchers == (ALICE, BOB)


def test_a_watcher_leaves() -> None:
    history = (OPENED, WatchersChanged(**LATER, added=(BOB,), removed=()))
    after = given(*history).when(ChangeWatchers(**NOW, remove=(BOB,))).then(WatchersChanged(**NOW, added=(), removed=(BOB,)))
    assert after.watchers == ()


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (ChangeLabels(**NOW, add=("a",), remove=("a",)), "both"),
        (ChangeLabels(**NOW, add=("",)), "blank"),
        (ChangeLabels(**NOW, add=("a\nb",)), "bad-text"),
        (ChangeLabels(**NOW, add=(" a",)), "bad-text"),
        (ChangeLabels(**NOW, add=("x" * 101,)), "too-long"),
        (ChangeLabels(**NOW, add=tuple(f"l{n}" for n in range(50))), "too-many"),
        (ChangeWatchers(**NOW, add=tuple(ActorId(f"usr_{n}") for n in range(201))), "too-many"),
        (ChangeWatchers(**NOW, add=(ActorId("x" * 101),)), "too-long"),
        (Link(**NOW, target=INC), "link-to-itself"),
        (Link(**NOW, target=EntityId("http://x")), "bad-id"),
        (Link(**NOW, target=OTHER, relation="Caused By"), "bad-relation"),
        (Link(**NOW, target=OTHER, relation="x" * 41), "bad-relation"),
        (AddNote(**NOW, note_id="n1", text=" \n"), "blank"),
        (AddNote(**NOW, note_id="", text="x"), "blank"),
        (AddNote(**NOW, note_id="n1", text="x" * 10_001), "too-long"),
        (AddNote(**NOW, note_id="n1", text="\x1b[31m"), "bad-text"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_is_too_much_or_no_text_is_refused(command: Command, code: str) -> None:
    given(OPENED).when(command).then_refused(code)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (Open(**NOW, incident_id=INC, title=""), "blank"),
        (Open(**NOW, incident_id=INC, title="x" * 201), "too-long"),
        (Open(**NOW, incident_id=INC, title="T", description="x" * 20_001), "too-long"),
        (Open(**NOW, incident_id=INC, title="T", source=""), "blank"),
        (Open(**NOW, incident_id=INC, title="T", labels=("",)), "blank"),
        (Open(**NOW, incident_id=INC, title="T", labels=tuple(f"l{n}" for n in range(51))), "too-many"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_is_not_opened_with_too_much_or_no_text(command: Open, code: str) -> None:
    given().when(command).then_refused(code)


def test_a_full_set_can_still_swap_a_member() -> None:
    full = LabelsChanged(**LATER, added=tuple(f"l{n:02}" for n in range(49)), removed=())
    command = ChangeLabels(**NOW, add=("new",), remove=("env=prod",))
    after = given(OPENED, full).when(command).then(LabelsChanged(**NOW, added=("new",), removed=("env=prod",)))
    assert len(after.labels) == 50


def test_a_link_has_a_target_and_a_relation() -> None:
    after = given(OPENED).when(Link(**NOW, target=OTHER, relation="caused-by")).then(Linked(**NOW, target=OTHER, relation="caused-by"))
    assert after.links == (LinkTo(target=OTHER, relation="caused-by"),)


def test_the_same_link_again_changes_nothing() -> None:
    given(OPENED, Linked(**LATER, target=OTHER, relation="related")).when(Link(**NOW, target=OTHER)).then_nothing()


def test_the_same_target_can_be_linked_in_another_relation() -> None:
    command = Link(**NOW, target=OTHER, relation="caused-by")
    history = (OPENED, Linked(**LATER, target=OTHER, relation="related"))
    assert len(given(*history).when(command).then(Linked(**NOW, target=OTHER, relation="caused-by")).links) == 2


def test_unlinking_takes_that_link_away() -> None:
    history = (OPENED, Linked(**LATER, target=OTHER, relation="related"), Linked(**LATER, target=THIRD, relation="related"))
    after = given(*history).when(Unlink(**NOW, target=OTHER)).then(Unlinked(**NOW, target=OTHER, relation="related"))
    assert after.links == (LinkTo(target=THIRD, relation="related"),)


def test_unlinking_what_is_not_linked_changes_nothing() -> None:
    history = (OPENED, Linked(**LATER, target=OTHER, relation="caused-by"))
    given(*history).when(Unlink(**NOW, target=OTHER)).then_nothing()


def test_links_have_a_limit() -> None:
    given(OPENED, *(linked(n) for n in range(100))).when(Link(**NOW, target=OTHER)).then_refused("too-many", "100", "remove")


def test_a_note_is_counted_and_known_by_its_id() -> None:
    after = given(OPENED).when(AddNote(**NOW, note_id="n1", text="looking")).then(Noted(**NOW, note_id="n1", text="looking"))
    assert (after.note_count, after.recent_notes) == (1, (NoteSeen(note_id="n1", hash=hash_of("looking")),))


def test_the_same_note_again_changes_nothing() -> None:
    given(OPENED, noted(1)).when(AddNote(**NOW, note_id="n1", text="note 1")).then_nothing()


def test_another_note_does_not_take_its_id() -> None:
    given(OPENED, noted(1)).when(AddNote(**NOW, note_id="n1", text="other")).then_refused("note-id-taken", "new one")


def test_an_incident_remembers_a_bounded_number_of_notes_and_counts_them_all() -> None:
    history = (OPENED, *(noted(n) for n in range(30)))
    after = given(*history).when(AddNote(**NOW, note_id="last", text="x")).then(Noted(**NOW, note_id="last", text="x"))
    assert (after.note_count, len(after.recent_notes), after.recent_notes[-1].note_id) == (31, 20, "last")
