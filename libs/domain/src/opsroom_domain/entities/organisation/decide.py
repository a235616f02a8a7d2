"""What the organisation's commands do. The business rules are the docstrings, here and in ``members`` and ``catalogue``.

A command that asks for what is already so gives no events. Nothing is changed in place.
"""

from __future__ import annotations

from collections.abc import Sequence

from opsroom_domain.decider import AlreadyExists, Invalid, NotFound
from opsroom_domain.entities.organisation.catalogue import decide_on_services, decide_on_teams
from opsroom_domain.entities.organisation.commands import (
    AddService,
    ChangeServiceOwner,
    ChangeServiceTier,
    ChangeTeamMembers,
    Command,
    Create,
    CreateTeam,
    GrantRole,
    RemoveMember,
    RemoveService,
    RemoveTeam,
    RenameService,
    RenameTeam,
    RevokeRole,
)
from opsroom_domain.entities.organisation.events import Created, Event, RoleGranted
from opsroom_domain.entities.organisation.limits import GRANT_REASON_MAX
from opsroom_domain.entities.organisation.members import decide_on_members
from opsroom_domain.entities.organisation.state import ORGANISATION_ID, PREFIX, Organisation
from opsroom_domain.roles import Role
from opsroom_domain.shared.decide import check_new, decide_shared
from opsroom_domain.text import check_line


def decide(state: Organisation | None, command: Command) -> Sequence[Event]:
    """The events that ``command`` gives, perhaps none. Raises Refused, NotFound, AlreadyExists or EditConflict."""
    if isinstance(command, Create):
        return create(state, command)
    if state is None:
        raise NotFound("not-found", "the organisation does not exist yet; create it")
    match command:
        case GrantRole() | RevokeRole() | RemoveMember():
            return decide_on_members(state, command)
        case CreateTeam() | RenameTeam() | ChangeTeamMembers() | RemoveTeam():
            return decide_on_teams(state, command)
        case AddService() | RenameService() | ChangeServiceOwner() | ChangeServiceTier() | RemoveService():
            return decide_on_services(state, command)
        case _:
            return decide_shared(state, command)


def create(state: Organisation | None, command: Create) -> Sequence[Event]:
    """There is one, under its well-known id. Whoever creates it is its first admin, for the reason that they give."""
    if command.organisation_id != ORGANISATION_ID:
        raise Invalid("bad-id", f"there is one organisation, and its id is {ORGANISATION_ID}; use that")
    if state is not None:
        raise AlreadyExists("already-exists", "the organisation exists already; ask one of its admins for a role")
    check_new(command.organisation_id, PREFIX, title=command.title, description=command.description, labels=(), what="the organisation")
    check_line("reason", command.reason, GRANT_REASON_MAX)
    return (
        Created(
            at=command.at,
            by=command.by,
            organisation_id=command.organisation_id,
            title=command.title,
            description=command.description,
        ),
        RoleGranted(at=command.at, by=command.by, member=command.by, role=Role.ADMIN, reason=command.reason, expires_at=None),
    )
