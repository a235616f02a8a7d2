"""The organisation: founded, staffed, and one team given up."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from opsroom_domain.changes import Change
from opsroom_domain.entities.organisation import (
    ORGANISATION_ID,
    AddService,
    ChangeServiceOwner,
    ChangeServiceTier,
    ChangeTeamMembers,
    Create,
    CreateTeam,
    GrantRole,
    RemoveMember,
    RemoveService,
    RemoveTeam,
    RenameService,
    RenameTeam,
    RevokeRole,
    Role,
)
from opsroom_domain.ids import EntityId
from opsroom_domain.shared.commands import (
    AddComment,
    Assign,
    ChangeLabels,
    ChangeTeam,
    ChangeVisibility,
    ChangeWatchers,
    DeleteComment,
    Edit,
    EditComment,
    Link,
    Unlink,
)
from opsroom_domain.shared.words import Visibility

from .telling import ADA, BO, PROBE, START, clock

KIND = "organisation"
_INCIDENT = EntityId("inc_01kaqf5m2s8v6t4r0q9p7n3k1h")


def story() -> Iterator[tuple[str, EntityId, Any]]:
    """Every event once at least."""
    for command in _commands():
        yield KIND, ORGANISATION_ID, command


def _commands() -> Iterator[Any]:
    common = clock()
    yield Create(organisation_id=ORGANISATION_ID, title="Example", description="Shops.\nEverywhere.", reason="founder", **common())
    yield GrantRole(member=BO, role=Role.ADMIN, reason="second admin", **common())
    yield GrantRole(member=PROBE, role=Role.OPERATOR, reason="alerts", expires_at=START + timedelta(days=90), **common())
    yield GrantRole(member=BO, role=Role.VIEWER, reason="by mistake", **common())
    yield RevokeRole(member=BO, role=Role.VIEWER, reason="by mistake", **common(BO))
    yield CreateTeam(team="payments", name="Payments", **common())
    yield CreateTeam(team="search", name="Search", **common())
    yield RenameTeam(team="payments", seen="Payments", name="Money", **common())
    yield ChangeTeamMembers(team="payments", add=(BO, PROBE), **common())
    yield ChangeTeamMembers(team="payments", remove=(BO,), **common())
    yield AddService(service="checkout", name="Checkout", team="payments", tier=1, **common())
    yield AddService(service="index", name="Index", team="payments", tier=3, **common())
    yield RenameService(service="checkout", seen="Checkout", name="Till", **common())
    yield ChangeServiceOwner(service="index", seen="payments", team="search", **common())
    yield ChangeServiceTier(service="index", seen=3, tier=2, **common())
    yield RemoveService(service="checkout", **common())
    yield RemoveMember(member=PROBE, reason="replaced", **common())
    yield RemoveTeam(team="payments", **common())
    yield Edit(changes=(Change(field="title", seen="Example", to="Example Ltd"),), **common())
    yield Assign(seen=None, assignee=BO, **common())
    yield ChangeLabels(add=("retail",), **common())
    yield ChangeWatchers(add=(ADA,), **common())
    yield ChangeTeam(seen=None, team="search", **common())
    yield ChangeVisibility(seen=Visibility.EVERYONE, visibility=Visibility.TEAM, **common())
    yield AddComment(comment_id="cmt_1", text="Hello", **common())
    yield EditComment(comment_id="cmt_1", seen="Hello", text="Hello all", **common())
    yield DeleteComment(comment_id="cmt_1", **common())
    yield Link(target=_INCIDENT, **common())
    yield Unlink(target=_INCIDENT, **common())
