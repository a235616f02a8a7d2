"""Who has which role when, and that the last admin stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from examples import NOW, minute
from examples_organisation import ADA, BEN, CLEO, CREATED, FOUNDED, PAYMENTS, SEARCH, given, grant, granted, joined
from given_when_then import Given, folded

from opsroom_domain.decider import AlreadyExists, Invalid, NotFound, Refused
from opsroom_domain.entities.organisation import (
    ORGANISATION,
    ORGANISATION_ID,
    Create,
    MemberRemoved,
    RemoveMember,
    RevokeRole,
    Role,
    RoleRevoked,
    role_of,
)
from opsroom_domain.entities.organisation.limits import GRANT_REASON_MAX, MEMBERS_MAX
from opsroom_domain.ids import ActorId, EntityId

CREATE = Create(at=minute(0), by=ADA, organisation_id=ORGANISATION_ID, title="Example", reason="founder")
TONIGHT = minute(60)


def revoke(member: ActorId, role: Role = Role.ADMIN) -> RevokeRole:
    return RevokeRole(**NOW, member=member, role=role, reason="left")


def remove(member: ActorId) -> RemoveMember:
    return RemoveMember(**NOW, member=member, reason="left")


def removed(member: ActorId, *teams: str) -> MemberRemoved:
    return MemberRemoved(**NOW, member=member, reason="left", teams=teams)


def test_whoever_creates_it_is_its_first_admin_for_a_reason() -> None:
    state = Given(ORGANISATION, ()).when(CREATE).then(*FOUNDED)
    assert role_of(state, ADA, minute(0)) is Role.ADMIN


def test_there_is_one_under_the_well_known_id() -> None:
    given().when(CREATE).then_refused("already-exists", "ask one of its admins", of=AlreadyExists)
    other = Create(at=minute(0), by=ADA, organisation_id=EntityId("org_01k0000000000000000000000a"), title="Example", reason="founder")
    Given(ORGANISATION, ()).when(other).then_refused("bad-id", ORGANISATION_ID, of=Invalid)
    Given(ORGANISATION, ()).when(remove(ADA)).then_refused("not-found", of=NotFound)


def test_creating_and_granting_need_a_reason() -> None:
    without = Create(at=minute(0), by=ADA, organisation_id=ORGANISATION_ID, title="Example", reason=" ")
    Given(ORGANISATION, ()).when(without).then_refused("blank")
    given().when(grant(BEN, reason="")).then_refused("blank")
    given().when(grant(BEN, reason="x" * (GRANT_REASON_MAX + 1))).then_refused("too-long")


def test_a_role_is_granted_until_a_time_or_for_ever() -> None:
    given().when(grant(BEN, Role.OPERATOR)).then(granted(BEN, Role.OPERATOR))
    given().when(grant(BEN, Role.OPERATOR, TONIGHT)).then(granted(BEN, Role.OPERATOR, TONIGHT))
    given().when(grant(BEN, Role.OPERATOR, minute(5))).then_refused("bad-expiry", of=Invalid)


def test_the_same_grant_again_changes_nothing_and_another_one_takes_its_place() -> None:
    once = given(granted(BEN, Role.OPERATOR, TONIGHT))
    once.when(grant(BEN, Role.OPERATOR, TONIGHT)).then_nothing()
    state = once.when(grant(BEN, Role.OPERATOR)).then(granted(BEN, Role.OPERATOR))
    assert role_of(state, BEN, minute(10_000)) is Role.OPERATOR


def test_a_grant_past_its_expiry_does_not_count() -> None:
    state = folded(ORGANISATION, [*FOUNDED, granted(BEN, Role.ADMIN, TONIGHT), granted(BEN, Role.VIEWER)])
    assert role_of(state, BEN, TONIGHT - timedelta(microseconds=1)) is Role.ADMIN
    assert role_of(state, BEN, TONIGHT) is Role.VIEWER
    assert role_of(state, CLEO, TONIGHT) is None
    assert role_of(None, ADA, TONIGHT) is None


def test_a_role_is_revoked_and_without_any_one_is_no_member() -> None:
    both = (granted(BEN, Role.OPERATOR), granted(BEN, Role.ADMIN))
    given(*both).when(revoke(BEN)).then(RoleRevoked(**NOW, member=BEN, role=Role.ADMIN, reason="left"))
    given(*both).when(revoke(BEN, Role.VIEWER)).then_nothing()
    given().when(revoke(BEN)).then_nothing()
    history = (PAYMENTS, SEARCH, granted(BEN, Role.OPERATOR), joined("payments", BEN), joined("search", BEN))
    state = given(*history).when(revoke(BEN, Role.OPERATOR)).then(removed(BEN, "payments", "search"))
    assert BEN not in state.members
    assert all(BEN not in team.members for team in state.teams.values())


def test_a_member_is_removed_with_all_roles_and_from_all_teams() -> None:
    history = (PAYMENTS, granted(BEN, Role.OPERATOR), granted(BEN, Role.ADMIN), joined("payments", BEN))
    given(*history).when(remove(BEN)).then(removed(BEN, "payments"))
    given().when(remove(BEN)).then_nothing()


def test_the_last_admin_stays() -> None:
    given().when(revoke(ADA)).then_refused("last-admin", ADA)
    given().when(remove(ADA)).then_refused("last-admin", ADA)
    given(granted(ADA, Role.OPERATOR)).when(revoke(ADA)).then_refused("last-admin")
    two = given(granted(BEN))
    two.when(revoke(ADA)).then(removed(ADA))
    two.when(remove(BEN)).then(removed(BEN))


def test_an_admin_whose_grant_expires_does_not_make_another_one_superfluous() -> None:
    given(granted(BEN, Role.ADMIN, TONIGHT)).when(revoke(ADA)).then_refused("last-admin")
    given(granted(BEN, Role.ADMIN, TONIGHT)).when(revoke(BEN)).then(removed(BEN))


def test_the_last_admin_is_given_no_end() -> None:
    given().when(grant(ADA, Role.ADMIN, TONIGHT)).then_refused("last-admin", "expire")
    given(granted(BEN)).when(grant(ADA, Role.ADMIN, TONIGHT)).then(granted(ADA, Role.ADMIN, TONIGHT))
    given().when(grant(ADA, Role.VIEWER, TONIGHT)).then(granted(ADA, Role.VIEWER, TONIGHT))
    given().when(grant(ADA, Role.ADMIN, reason="a better one")).then(granted(ADA, reason="a better one"))


def test_two_admins_who_revoke_each_other_at_once_leave_one() -> None:
    state = folded(ORGANISATION, [*FOUNDED, granted(BEN)])
    first = ORGANISATION.decide(state, revoke(BEN))
    assert ORGANISATION.decide(state, revoke(ADA)), "alone, each would do"
    given(granted(BEN), *first).when(revoke(ADA)).then_refused("last-admin", ADA)


def test_members_are_bounded() -> None:
    few = folded(ORGANISATION, FOUNDED)
    assert few is not None
    many = {ActorId(f"usr_{number}"): few.members[ADA] for number in range(MEMBERS_MAX - 1)}
    state = replace(few, members={**few.members, **many})
    with pytest.raises(Refused, match="5000 members"):
        ORGANISATION.decide(state, grant(BEN))
    assert ORGANISATION.decide(state, grant(ActorId("usr_7"), Role.VIEWER)), "who is in it already may have another role"


def test_a_history_that_cannot_be_is_refused() -> None:
    for step in (ORGANISATION.evolve, ORGANISATION.describe):
        with pytest.raises(ValueError, match="starts with RoleGranted"):
            step(None, FOUNDED[1])
    with pytest.raises(ValueError, match="second time"):
        ORGANISATION.evolve(folded(ORGANISATION, FOUNDED), CREATED)


def test_everything_is_an_admins() -> None:
    assert ORGANISATION.admin_only == set(ORGANISATION.commands) - ORGANISATION.process_only
