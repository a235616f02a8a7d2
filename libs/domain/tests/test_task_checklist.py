"""The rules of a checklist: above all, people who tick at once never hinder each other."""

from __future__ import annotations

from itertools import permutations

import pytest
from examples import ALICE, BOB, LATER, NOW
from examples_task import CREATED, DONE, given, item, task

from opsroom_domain.changes import hash_of
from opsroom_domain.decider import FieldConflict, Invalid
from opsroom_domain.entities.task import TASK, Command
from opsroom_domain.entities.task.commands import AddItem, EditItem, MoveItem, RemoveItem, TickItem
from opsroom_domain.entities.task.events import ItemAdded, ItemEdited, ItemMoved, ItemRemoved, ItemTicked
from opsroom_domain.entities.task.words import CHECKLIST_MAX, ITEM_MAX

A, B, C = item("a"), item("b", "db-2"), item("c", "db-3")
TICKED = ItemTicked(**LATER, item_id="a", ticked=True)


def test_items_stand_in_the_order_of_their_adding_or_where_they_were_put() -> None:
    state = (
        given(CREATED, A, B).when(AddItem(**NOW, item_id="c", text="db-3")).then(ItemAdded(**NOW, item_id="c", text="db-3", before=None))
    )
    assert list(state.checklist) == ["a", "b", "c"]
    command = AddItem(**NOW, item_id="c", text="db-3", before="b")
    state = given(CREATED, A, B).when(command).then(ItemAdded(**NOW, item_id="c", text="db-3", before="b"))
    assert list(state.checklist) == ["a", "c", "b"]


def test_the_same_item_again_changes_nothing_and_another_text_is_refused() -> None:
    given(CREATED, A).when(AddItem(**NOW, item_id="a", text="db-1")).then_nothing()
    given(CREATED, A).when(AddItem(**NOW, item_id="a", text="db-9")).then_refused("item-id-taken")


@pytest.mark.parametrize(("text", "code"), [("", "blank"), ("two\nlines", "bad-text"), ("x" * (ITEM_MAX + 1), "too-long")])
def test_an_item_is_one_line_that_says_something(text: str, code: str) -> None:
    given(CREATED).when(AddItem(**NOW, item_id="a", text=text)).then_refused(code)
    given(CREATED, A).when(EditItem(**NOW, item_id="a", seen="db-1", text=text)).then_refused(code)


def test_a_checklist_is_bounded() -> None:
    many = [item(f"i{number}") for number in range(CHECKLIST_MAX)]
    given(CREATED, *many).when(AddItem(**NOW, item_id="one-more", text="x")).then_refused("too-many", str(CHECKLIST_MAX), of=Invalid)


def test_a_tick_says_who_and_when_and_can_be_taken_back() -> None:
    state = given(CREATED, A).when(TickItem(**NOW, item_id="a", ticked=True)).then(ItemTicked(**NOW, item_id="a", ticked=True))
    assert (state.checklist["a"].ticked_by, state.checklist["a"].ticked_at) == (BOB, NOW["at"])
    state = given(CREATED, A, TICKED).when(TickItem(**NOW, item_id="a", ticked=False)).then(ItemTicked(**NOW, item_id="a", ticked=False))
    assert not state.checklist["a"].ticked


def test_two_people_who_tick_the_same_item_do_not_conflict_and_the_first_ticked_it() -> None:
    outcome = given(CREATED, A, TICKED).when(TickItem(**NOW, item_id="a", ticked=True))
    outcome.then_nothing()
    assert outcome.before is not None
    assert outcome.before.checklist["a"].ticked_by == ALICE


def test_people_who_do_different_things_to_a_checklist_get_the_same_in_any_order() -> None:
    commands: list[Command] = [
        TickItem(**NOW, item_id="a", ticked=True),
        TickItem(**NOW, item_id="b", ticked=True),
        EditItem(**NOW, item_id="a", seen="db-1", text="db-1 and its replica"),
        RemoveItem(**NOW, item_id="c"),
    ]
    results: list[object] = []
    for order in permutations(commands):
        state = task(A, B, C)
        for command in order:
            for event in TASK.decide(state, command):
                state = TASK.evolve(state, event)
        results.append(TASK.to_json(state))
    assert all(result == results[0] for result in results)
    assert [known.ticked for known in task(A, B).checklist.values()] == [False, False]


def test_a_text_changes_from_the_seen_one_and_keeps_its_tick() -> None:
    event = ItemEdited(**NOW, item_id="a", seen="db-1", text="db-9")
    state = given(CREATED, A, TICKED).when(EditItem(**NOW, item_id="a", seen=hash_of("db-1"), text="db-9")).then(event)
    assert (state.checklist["a"].text, state.checklist["a"].ticked_by) == ("db-9", ALICE)
    given(CREATED, A).when(EditItem(**NOW, item_id="a", seen="old", text="db-9")).then_conflict(
        FieldConflict("item a", "old", "db-1", "db-9")
    )
    given(CREATED, A).when(EditItem(**NOW, item_id="a", seen="old", text="db-1")).then_nothing()


@pytest.mark.parametrize(
    ("name", "before", "order"), [("a", None, "bca"), ("c", "a", "cab"), ("a", "c", "bac"), ("b", "a", "bac"), ("b", None, "acb")]
)
def test_an_item_moves_in_front_of_another_or_to_the_end(name: str, before: str | None, order: str) -> None:
    event = ItemMoved(**NOW, item_id=name, before=before)
    state = given(CREATED, A, B, C).when(MoveItem(**NOW, item_id=name, before=before)).then(event)
    assert "".join(state.checklist) == order
    given(CREATED, A, B, C, event).when(MoveItem(**NOW, item_id=name, before=before)).then_nothing()


def test_an_item_does_not_move_in_front_of_itself() -> None:
    given(CREATED, A).when(MoveItem(**NOW, item_id="a", before="a")).then_refused("before-itself", of=Invalid)


def test_an_item_that_is_removed_is_gone_and_removing_it_again_is_nothing() -> None:
    state = given(CREATED, A, B).when(RemoveItem(**NOW, item_id="a")).then(ItemRemoved(**NOW, item_id="a"))
    assert list(state.checklist) == ["b"]
    given(CREATED).when(RemoveItem(**NOW, item_id="a")).then_nothing()


@pytest.mark.parametrize(
    "command",
    [
        TickItem(**NOW, item_id="z", ticked=True),
        TickItem(**NOW, item_id="z", ticked=False),
        EditItem(**NOW, item_id="z", seen="", text="x"),
        MoveItem(**NOW, item_id="z", before=None),
        MoveItem(**NOW, item_id="a", before="z"),
        AddItem(**NOW, item_id="n", text="x", before="z"),
    ],
    ids=repr,
)
def test_an_item_that_is_not_there_is_named(command: Command) -> None:
    given(CREATED, A).when(command).then_refused("no-such-item", "'z'", "removed")


def test_the_checklist_of_a_task_that_is_over_can_still_be_ticked() -> None:
    given(CREATED, A, DONE).when(TickItem(**NOW, item_id="a", ticked=True)).then(ItemTicked(**NOW, item_id="a", ticked=True))
