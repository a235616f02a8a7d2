"""A saved view of a list: personal, a team's, or everybody's. Views are entities like the rest: their changes are events.

Read in this order: ``definition``, ``events``, ``commands``, ``state``, ``decide`` (the rules), ``show``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from opsroom_domain.decider import Kind
from opsroom_domain.entities.view.commands import (
    ADMIN_ONLY,
    COMMANDS,
    ArchiveSystem,
    Change,
    ChangeSystem,
    Command,
    Create,
    CreateSystem,
    RestoreSystem,
    Share,
)
from opsroom_domain.entities.view.decide import PREFIX, decide
from opsroom_domain.entities.view.definition import Column, Definition, FilterOn, Scope, Shown, shown_by
from opsroom_domain.entities.view.events import EVENTS, Changed, Created, Event, Shared
from opsroom_domain.entities.view.show import columns, describe, from_json, tags, to_json
from opsroom_domain.entities.view.state import View, evolve
from opsroom_domain.shared.commands import Archive, Restore
from opsroom_domain.shared.events import Archived, Restored


def view_of(kinds: Sequence[Kind[Any, Any, Any]]) -> Kind[View, Command, Event]:
    """The kind of views of the lists of these kinds: what a view may filter by and show depends on them."""
    by_name = {kind.name: kind for kind in kinds}

    @cache
    def shown(name: str) -> Shown:
        return shown_by(by_name[name])

    def decided(state: View | None, command: Command) -> Sequence[Event]:
        return decide(state, command, lambda name: shown(name) if name in by_name else None)

    return Kind(
        name="view",
        collection="views",
        prefix=PREFIX,
        events=EVENTS,
        commands=COMMANDS,
        decide=decided,
        evolve=evolve,
        to_json=to_json,
        from_json=from_json,
        tags=tags,
        columns=columns,
        describe=describe,
        fold_version=1,
        admin_only=ADMIN_ONLY,
        process_only=frozenset(),
    )


__all__ = [
    "COMMANDS",
    "EVENTS",
    "PREFIX",
    "Archive",
    "ArchiveSystem",
    "Archived",
    "Change",
    "ChangeSystem",
    "Changed",
    "Column",
    "Command",
    "Create",
    "CreateSystem",
    "Created",
    "Definition",
    "Event",
    "FilterOn",
    "Restore",
    "RestoreSystem",
    "Restored",
    "Scope",
    "Share",
    "Shared",
    "View",
    "view_of",
]
