"""The checklist of a task: its rules and what they make of it.

Ticking names an item and the state that is wanted, and nothing else: two people who tick different items, or the same one, never conflict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from opsroom_domain.changes import as_seen, must_change
from opsroom_domain.decider import Invalid, Refused
from opsroom_domain.entities.task.commands import AddItem, EditItem, ItemCommand, MoveItem, RemoveItem, TickItem
from opsroom_domain.entities.task.events import ItemAdded, ItemEdited, ItemEvent, ItemMoved, ItemRemoved, ItemTicked
from opsroom_domain.entities.task.state import Item, Task
from opsroom_domain.entities.task.words import CHECKLIST_MAX, ITEM_MAX
from opsroom_domain.shared.limits import ID_MAX
from opsroom_domain.text import check_line


def decide_item(state: Task, command: ItemCommand) -> Sequence[ItemEvent]:
    """The events that a command about the checklist gives. It can be kept after the task is over: somebody may still look something up."""
    match command:
        case AddItem():
            return add_item(state, command)
        case EditItem():
            return edit_item(state, command)
        case TickItem():
            return tick_item(state, command)
        case MoveItem():
            return move_item(state, command)
        case RemoveItem():
            return remove_item(state, command)
        case _:
            assert_never(command)


def add_item(state: Task, command: AddItem) -> Sequence[ItemAdded]:
    """Two people who add at once both have their item. The same item again changes nothing."""
    check_line("item_id", command.item_id, ID_MAX)
    check_line("text", command.text, ITEM_MAX)
    known = state.checklist.get(command.item_id)
    if known is not None:
        if known.text == command.text:
            return ()
        raise Refused("item-id-taken", "another item has this id; take a new one")
    if command.before is not None:
        _item(state, command.before)
    if len(state.checklist) >= CHECKLIST_MAX:
        raise Invalid("too-many", f"{state.id} has {CHECKLIST_MAX} items already; remove one, or make a task of its own")
    return (ItemAdded(at=command.at, by=command.by, item_id=command.item_id, text=command.text, before=command.before),)


def edit_item(state: Task, command: EditItem) -> Sequence[ItemEdited]:
    """Anybody may, from the text that was seen. A tick stays."""
    check_line("text", command.text, ITEM_MAX)
    current = _item(state, command.item_id).text
    if not must_change(f"item {command.item_id}", seen=command.seen, current=current, wanted=command.text):
        return ()
    return (ItemEdited(at=command.at, by=command.by, item_id=command.item_id, seen=as_seen(current), text=command.text),)


def tick_item(state: Task, command: TickItem) -> Sequence[ItemTicked]:
    """Whoever comes second to the same wish changes nothing: the first one's tick stays theirs."""
    if _item(state, command.item_id).ticked is command.ticked:
        return ()
    return (ItemTicked(at=command.at, by=command.by, item_id=command.item_id, ticked=command.ticked),)


def move_item(state: Task, command: MoveItem) -> Sequence[ItemMoved]:
    """To the place in front of another item, or to the end. What is meant is said by neighbours, so that other moves do not disturb it."""
    _item(state, command.item_id)
    if command.before == command.item_id:
        raise Invalid("before-itself", "an item cannot stand in front of itself; name another one, or null for the end")
    if command.before is not None:
        _item(state, command.before)
    if _follower(state.checklist, command.item_id) == command.before:
        return ()
    return (ItemMoved(at=command.at, by=command.by, item_id=command.item_id, before=command.before),)


def remove_item(state: Task, command: RemoveItem) -> Sequence[ItemRemoved]:
    """Take an item away; one that is not there is no error."""
    if command.item_id not in state.checklist:
        return ()
    return (ItemRemoved(at=command.at, by=command.by, item_id=command.item_id),)


def evolve_item(items: Mapping[str, Item], event: ItemEvent) -> Mapping[str, Item]:
    """The checklist after ``event``."""
    match event:
        case ItemAdded():
            return _placed(items, event.item_id, Item(text=event.text), event.before)
        case ItemEdited():
            known = items[event.item_id]
            return {**items, event.item_id: Item(text=event.text, ticked_by=known.ticked_by, ticked_at=known.ticked_at)}
        case ItemTicked():
            text = items[event.item_id].text
            return {**items, event.item_id: Item(text=text, ticked_by=event.by, ticked_at=event.at) if event.ticked else Item(text=text)}
        case ItemMoved():
            return _placed(items, event.item_id, items[event.item_id], event.before)
        case ItemRemoved():
            return {name: item for name, item in items.items() if name != event.item_id}
        case _:
            assert_never(event)


def _placed(items: Mapping[str, Item], name: str, item: Item, before: str | None) -> Mapping[str, Item]:
    placed: dict[str, Item] = {}
    for each, known in items.items():
        if each == before:
            placed[name] = item
        if each != name:
            placed[each] = known
    return placed if name in placed else {**placed, name: item}


def _follower(items: Mapping[str, Item], name: str) -> str | None:
    names = [*items, None]
    return names[names.index(name) + 1]


def _item(state: Task, name: str) -> Item:
    item = state.checklist.get(name)
    if item is None:
        raise Refused("no-such-item", f"{state.id} has no item {name[:ID_MAX]!r} in its checklist; it may have been removed: read it again")
    return item
