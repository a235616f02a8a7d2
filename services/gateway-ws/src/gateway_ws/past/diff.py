"""What changed between two states of an entity, found by comparing the two as JSON: nothing depends on what an event says of itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import orjson

BOOKKEEPING: Final = frozenset({"field_changes"})
"""Parts of a state that only say who changed a field last and when: the history says that itself."""


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The changes that make ``after`` of ``before``, by path in the order of names; empty for equal states. ``before`` is ``{}`` for a new entity.

    Each has a ``path`` (a JSON Pointer, RFC 6901) and one of: ``from`` and ``to``; only ``to`` for a member that is new; only ``from`` for one that
    is gone; ``added`` and ``removed`` for a list. In a list of objects with ids a member is named by its id, and what changed in it has a path of its own.
    """
    found: list[dict[str, Any]] = []
    _objects("", _kept(before), _kept(after), found)
    return found


def _kept(state: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in state.items() if name not in BOOKKEEPING}


def _objects(path: str, before: Mapping[str, Any], after: Mapping[str, Any], found: list[dict[str, Any]]) -> None:
    for name in sorted(before.keys() | after.keys()):
        here = f"{path}/{_escaped(name)}"
        if name not in before:
            found.append({"path": here, "to": after[name]})
        elif name not in after:
            found.append({"path": here, "from": before[name]})
        else:
            _values(here, before[name], after[name], found)


def _values(path: str, before: object, after: object, found: list[dict[str, Any]]) -> None:
    if _same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        _objects(path, cast("dict[str, Any]", before), cast("dict[str, Any]", after), found)
    elif isinstance(before, list) and isinstance(after, list):
        _lists(path, cast("list[Any]", before), cast("list[Any]", after), found)
    else:
        found.append({"path": path, "from": before, "to": after})


def _lists(path: str, before: Sequence[Any], after: Sequence[Any], found: list[dict[str, Any]]) -> None:
    was, now = _by_id(before), _by_id(after)
    if was is not None and now is not None and _order_kept(list(was), list(now)):
        added = [value for name, value in now.items() if name not in was]
        removed = [value for name, value in was.items() if name not in now]
        if added or removed:
            found.append({"path": path, "added": added, "removed": removed})
        for name, value in now.items():
            if name in was:
                _values(f"{path}/{_escaped(name)}", was[name], value, found)
        return
    had, has = Counter(map(_text, before)), Counter(map(_text, after))
    added, removed = _members(after, has - had), _members(before, had - has)
    if added or removed:
        found.append({"path": path, "added": added, "removed": removed})
    else:
        found.append({"path": path, "from": before, "to": after})  # only their order changed


def _by_id(members: Sequence[Any]) -> dict[str, Any] | None:
    """The members by their ids, if every one is an object with an id of its own."""
    named: dict[str, Any] = {}
    for member in members:
        name = cast("dict[str, Any]", member).get("id") if isinstance(member, dict) else None
        if not isinstance(name, str) or name in named:
            return None
        named[name] = member
    return named


def _order_kept(before: Sequence[str], after: Sequence[str]) -> bool:
    """Whether those that stayed stand in the same order."""
    both = set(before) & set(after)
    return [name for name in before if name in both] == [name for name in after if name in both]


def _members(members: Sequence[Any], wanted: Counter[str]) -> list[Any]:
    """As many of each as ``wanted`` says, in the order of the list."""
    left, found = Counter(wanted), list[Any]()
    for member in members:
        text = _text(member)
        if left[text] > 0:
            left[text] -= 1
            found.append(member)
    return found


def _same(before: object, after: object) -> bool:
    """Python calls 1, 1.0 and True equal; as JSON they are not."""
    return before == after and _text(before) == _text(after)


def _text(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
