"""A saved view as JSON, as tags and in words. ``to_json`` and ``from_json`` are inverse and canonical: equal views give equal JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsroom_domain.decider import Json, ListColumns, TimelineEntry
from opsroom_domain.entities.view.definition import PARTS, Column, Definition, FilterOn, Scope, part_to_json
from opsroom_domain.entities.view.events import Changed, Created, Event, Shared
from opsroom_domain.entities.view.state import View
from opsroom_domain.shared.describe import describe_shared, quote, step
from opsroom_domain.shared.events import Archived, Restored
from opsroom_domain.shared.show import FLAGS, shared_from_json, shared_tags, shared_to_json

_ACTIVE, _ARCHIVED = "active", "archived"
_WHOSE = {Scope.PERSONAL: "its owner", Scope.SYSTEM: "everybody"}


def to_json(state: View) -> dict[str, Json]:
    """The row's part of the view. Every key is always there."""
    return {
        **shared_to_json(state),
        "of": state.of,
        "scope": state.scope.value,
        "owner": state.owner,
        **{part: part_to_json(state.definition, part) for part in PARTS},
    }


def from_json(row: Mapping[str, Any]) -> View:
    """The view that ``to_json`` showed; other keys are ignored. Raises KeyError or ValueError for anything else."""
    definition = Definition(
        title=row["title"],
        filters=tuple(FilterOn(field=name, values=tuple(values)) for name, values in sorted(row["filters"].items())),
        search=row["search"],
        sort=row["sort"],
        columns=tuple(Column(name=c["name"], width=c["width"], pinned=c["pinned"], hidden=c["hidden"]) for c in row["columns"]),
        group_by=row["group_by"],
        position=row["position"],
    )
    return View(
        **shared_from_json(row),
        of=row["of"],
        scope=Scope(row["scope"]),
        owner=row["owner"],
        definition=definition,
    )


def tags(state: View) -> dict[str, str]:
    """Flat strings that live filters and indexes match on. The same keys always; "" where there is no value."""
    return {
        **shared_tags(state),
        "status": _status(state),
        "live": FLAGS[state.live],
        "of": state.of,
        "scope": state.scope.value,
        "owner": state.owner,
    }


def columns(state: View) -> ListColumns:
    """What lists sort by and search in: views rank by their position."""
    return ListColumns(title=state.title, status=_status(state), rank=state.definition.position, text=state.title)


def describe(state: View | None, event: Event) -> TimelineEntry:
    """Tell ``event``; ``state`` is the view before it, None before Created. Raises ValueError for a history that ``evolve`` refuses."""
    if isinstance(event, Created):
        diff: dict[str, Json] = {part: step(None, part_to_json(event.definition, part)) for part in PARTS}
        words = f"Created the view {quote(event.definition.title)} of {event.of} for {_whose(event.scope, event.team)}"
        return TimelineEntry(words, diff | {"scope": step(None, event.scope.value)})
    if state is None:
        raise ValueError(f"a view's history starts with {type(event).__name__} instead of Created; it is broken")
    match event:
        case Changed():
            old, new = state.definition, event.definition
            diff = {part: step(part_to_json(old, part), part_to_json(new, part)) for part in event.parts}
            return TimelineEntry(f"Changed {', '.join(part.replace('_', ' ') for part in event.parts)}", diff)
        case Shared():
            diff = {"scope": step(event.previous.value, event.scope.value)}
            if event.team != state.team:
                diff["team"] = step(state.team, event.team)
            return TimelineEntry(f"Gave it to {_whose(event.scope, event.team)}", diff)
        case Archived() | Restored():
            return describe_shared(state, event)


def _status(state: View) -> str:
    return _ACTIVE if state.live else _ARCHIVED


def _whose(scope: Scope, team: str | None) -> str:
    return _WHOSE.get(scope, f"the team {team}")
