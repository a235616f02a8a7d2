"""What a saved view's commands do: one pure function for each. The business rules are the docstrings.

Who may change it: a personal view its owner; a team's view any operator (that they are in the team is the organisation's to say, and not checked
here); a system view an admin, by commands of their own. A command that asks for what is already so gives no events.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from opsroom_domain.changes import must_change
from opsroom_domain.decider import AlreadyExists, EditConflict, FieldConflict, Invalid, NotFound, Refused
from opsroom_domain.entities.view.commands import (
    ArchiveSystem,
    Change,
    ChangeSystem,
    Command,
    Create,
    CreateSystem,
    RestoreSystem,
    Share,
)
from opsroom_domain.entities.view.definition import PARTS, Scope, Shown, checked, in_one_order, part_to_json
from opsroom_domain.entities.view.events import Changed, Created, Event, Shared
from opsroom_domain.entities.view.state import View, with_parts
from opsroom_domain.ids import prefix_of
from opsroom_domain.shared.commands import Archive, Restore
from opsroom_domain.shared.decide import archive, restore
from opsroom_domain.shared.limits import ID_MAX
from opsroom_domain.text import check_line

PREFIX = "viw"
ShownBy = Callable[[str], Shown | None]
"""What the rows of the kind of this name have; None if there is no such kind."""


def decide(state: View | None, command: Command, shown_by: ShownBy) -> Sequence[Event]:
    """The events that ``command`` gives, perhaps none. Raises Refused, NotFound, AlreadyExists or EditConflict."""
    if isinstance(command, Create | CreateSystem):
        return create(state, command, shown_by)
    if state is None:
        raise NotFound("not-found", "there is no such view; check the id, or create it")
    _may(state, command)
    match command:
        case Change():
            return change(state, command, shown_by)
        case Share():
            return share(state, command)
        case Archive():
            return archive(state, command)
        case Restore():
            return restore(state, command)


def create(state: View | None, command: Create | CreateSystem, shown_by: ShownBy) -> Sequence[Created]:
    """Whoever creates it owns it. What it filters, groups and shows must be of the kind that it is of."""
    if state is not None:
        raise AlreadyExists("already-exists", f"{state.id} exists already; take a new id for another view")
    if prefix_of(command.view_id) != PREFIX:
        raise Refused("bad-id", f"a view's id looks like {PREFIX}_01k…; mint a new one")
    scope, team = (command.scope, command.team) if isinstance(command, Create) else (Scope.SYSTEM, None)
    if isinstance(command, Create):
        _check_scope(scope, team)
    definition = checked(command.definition, command.of, _shown(command.of, shown_by))
    created = Created(at=command.at, by=command.by, view_id=command.view_id, of=command.of, scope=scope, team=team, definition=definition)
    return (created,)


def change(state: View, command: Change, shown_by: ShownBy) -> Sequence[Changed]:
    """Part by part, each judged by what was seen: changes of different parts merge, and of the same part the second is told both values."""
    shown = _shown(state.of, shown_by)
    looked, wanted = in_one_order(command.seen), checked(command.definition, state.of, shown)
    parts: list[str] = []
    conflicts: list[FieldConflict] = []
    for part in PARTS:
        seen, now, to = (part_to_json(each, part) for each in (looked, state.definition, wanted))
        if to in (seen, now):
            continue
        if seen == now:
            parts.append(part)
        else:
            conflicts.append(FieldConflict(part, seen, now, to))
    if conflicts:
        raise EditConflict(conflicts)
    if not parts:
        return ()
    _must_be_live(state)
    made = with_parts(state.definition, wanted, tuple(parts))
    return (Changed(at=command.at, by=command.by, parts=tuple(parts), definition=made),)


def share(state: View, command: Share) -> Sequence[Shared]:
    """Only its owner gives it to a team, or takes it back."""
    if state.owner != command.by:
        raise Refused("not-yours", f"the view is {state.owner}'s; only they can share it: create one of your own")
    _check_scope(command.scope, command.team)
    changes = must_change("scope", seen=command.seen, current=state.scope, wanted=command.scope)
    if not changes and command.team == state.team:
        return ()
    _must_be_live(state)
    return (Shared(at=command.at, by=command.by, previous=state.scope, scope=command.scope, team=command.team),)


def _may(state: View, command: Command) -> None:
    on_system = isinstance(command, ChangeSystem | ArchiveSystem | RestoreSystem)
    if state.scope is Scope.SYSTEM and not on_system:
        raise Refused("system-view", f"{state.id} is everybody's; ask an admin to change it, or create one of your own")
    if state.scope is not Scope.SYSTEM and on_system:
        raise Refused("no-system-view", f"{state.id} is {state.owner}'s or a team's; only a system view is changed this way")
    if state.scope is Scope.PERSONAL and state.owner != command.by:
        raise Refused("not-yours", f"the view is {state.owner}'s; only they can change it: create one of your own")


def _must_be_live(state: View) -> None:
    if not state.live:
        raise Refused("archived", f"{state.id} is archived; restore it before you change it")


def _check_scope(scope: Scope, team: str | None) -> None:
    if scope is Scope.SYSTEM:
        raise Invalid("bad-scope", "only an admin makes a system view, by the command for it; choose personal or team")
    if (scope is Scope.TEAM) != (team is not None):
        raise Invalid("bad-scope", "a team goes with the scope team and with no other; name it, or leave it out")
    if team is not None:
        check_line("team", team, ID_MAX)


def _shown(of: str, shown_by: ShownBy) -> Shown:
    shown = shown_by(of)
    if shown is None:
        raise Invalid("unknown-kind", f"there is no list of {of[:40]!r}; name a kind like incident")
    return shown
