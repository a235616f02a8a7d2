"""What is known of a saved view after its events."""

from __future__ import annotations

from dataclasses import dataclass, replace

from opsroom_domain.copies import changed
from opsroom_domain.entities.view.definition import PARTS, Definition, Scope
from opsroom_domain.entities.view.events import Changed, Created, Event, Shared
from opsroom_domain.ids import ActorId
from opsroom_domain.shared.events import Archived, Restored
from opsroom_domain.shared.evolve import evolve_shared, first_changes, touched
from opsroom_domain.shared.state import SharedState
from opsroom_domain.shared.words import Visibility

_TRACKED = (*PARTS, "scope")


@dataclass(frozen=True, slots=True, kw_only=True)
class View(SharedState):
    """One view. Who may see it follows from its scope: its owner, its team, or everybody. ``title`` is its definition's."""

    of: str
    """The kind whose list it shows."""
    scope: Scope
    owner: ActorId
    definition: Definition

    @property
    def live(self) -> bool:
        """True until it is archived."""
        return not self.archived


def evolve(state: View | None, event: Event) -> View:
    """The view after ``event``. Raises ValueError if the event cannot follow: the history is broken and the reader parks the entity."""
    if isinstance(event, Created):
        if state is not None:
            raise ValueError(f"{state.id} is created a second time; its history is broken")
        visibility, viewers = _seen_by(event.scope, event.by)
        return View(
            id=event.view_id,
            title=event.definition.title,
            of=event.of,
            scope=event.scope,
            team=event.team,
            visibility=visibility,
            viewers=viewers,
            owner=event.by,
            definition=event.definition,
            field_changes=first_changes(event, _TRACKED),
        )
    if state is None:
        raise ValueError(f"a view's history starts with {type(event).__name__} instead of Created; it is broken")
    match event:
        case Changed():
            definition = event.definition
            return changed(state, title=definition.title, definition=definition, field_changes=touched(state, event, *event.parts))
        case Shared():
            visibility, viewers = _seen_by(event.scope, state.owner)
            changes = touched(state, event, "scope")
            return changed(state, scope=event.scope, team=event.team, visibility=visibility, viewers=viewers, field_changes=changes)
        case Archived() | Restored():
            return evolve_shared(state, event)


def with_parts(definition: Definition, other: Definition, parts: tuple[str, ...]) -> Definition:
    """``definition`` with these parts of ``other``."""
    return replace(definition, **{part: getattr(other, part) for part in parts})


def _seen_by(scope: Scope, owner: ActorId) -> tuple[Visibility, tuple[ActorId, ...]]:
    match scope:
        case Scope.PERSONAL:
            return Visibility.NAMED, (owner,)
        case Scope.TEAM:
            return Visibility.TEAM, ()
        case Scope.SYSTEM:
            return Visibility.EVERYONE, ()
