"""Who may do what: grants of roles, and the last admin who stays.

The organisation always has an admin whose grant does not expire. Since all grants are in one entity, that holds too when two admins revoke
each other's role at once: the second is judged on what the first has done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from opsroom_domain.decider import Invalid, Refused
from opsroom_domain.entities.organisation.commands import GrantRole, MemberCommand, RemoveMember, RevokeRole
from opsroom_domain.entities.organisation.events import MemberEvent, MemberRemoved, RoleGranted, RoleRevoked
from opsroom_domain.entities.organisation.limits import GRANT_REASON_MAX, MEMBERS_MAX
from opsroom_domain.entities.organisation.state import Organisation
from opsroom_domain.ids import ActorId
from opsroom_domain.roles import Role
from opsroom_domain.shared.limits import ID_MAX
from opsroom_domain.text import check_line


def decide_on_members(state: Organisation, command: MemberCommand) -> Sequence[MemberEvent]:
    """The events that ``command`` gives, perhaps none. Raises Refused."""
    check_line("reason", command.reason, GRANT_REASON_MAX)
    match command:
        case GrantRole():
            return grant_role(state, command)
        case RevokeRole():
            return revoke_role(state, command)
        case RemoveMember():
            return remove_member(state, command)
        case _:
            assert_never(command)


def grant_role(state: Organisation, command: GrantRole) -> Sequence[RoleGranted]:
    """Give a role, or give it anew for another reason or time. The last lasting admin cannot be given an end."""
    check_line("member", command.member, ID_MAX)
    if command.expires_at is not None and command.expires_at <= command.at:
        raise Invalid("bad-expiry", "the grant would be over at once; choose a later time, or none")
    grants = state.members.get(command.member)
    if grants is None and len(state.members) >= MEMBERS_MAX:
        raise Refused("too-many", f"there are {MEMBERS_MAX} members already; remove one whose grants are over")
    known = None if grants is None else grants.get(command.role)
    if known is not None and (known.reason, known.expires_at) == (command.reason, command.expires_at):
        return ()
    if command.expires_at is not None:
        _last_admin_stays(state, command.member, command.role, "the grant would expire and leave nobody")
    granted = RoleGranted(
        at=command.at, by=command.by, member=command.member, role=command.role, reason=command.reason, expires_at=command.expires_at
    )
    return (granted,)


def revoke_role(state: Organisation, command: RevokeRole) -> Sequence[RoleRevoked | MemberRemoved]:
    """Take a role away; one that is not granted is no error. Whoever has no other grant is no member any more and leaves their teams."""
    grants = state.members.get(command.member, {})
    if command.role not in grants:
        return ()
    _last_admin_stays(state, command.member, command.role, "nobody would be left")
    if len(grants) == 1:
        return _removed(state, command)
    return (RoleRevoked(at=command.at, by=command.by, member=command.member, role=command.role, reason=command.reason),)


def remove_member(state: Organisation, command: RemoveMember) -> Sequence[MemberRemoved]:
    """End all grants at once, and leave all teams. Somebody who is no member is no error."""
    if command.member not in state.members:
        return ()
    _last_admin_stays(state, command.member, Role.ADMIN, "nobody would be left")
    return _removed(state, command)


def _removed(state: Organisation, command: RevokeRole | RemoveMember) -> Sequence[MemberRemoved]:
    teams = state.teams_of(command.member)
    return (MemberRemoved(at=command.at, by=command.by, member=command.member, reason=command.reason, teams=teams),)


def _last_admin_stays(state: Organisation, member: ActorId, role: Role, why: str) -> None:
    if role is Role.ADMIN and tuple(state.lasting_admins()) == (member,):
        raise Refused(
            "last-admin",
            f"{member} is the last admin without an expiry, and {why} to grant roles; make somebody else an admin first",
            {"member": member},
        )
