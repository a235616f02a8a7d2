"""Teams and the services that they own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from examples import NOW
from examples_organisation import ADA, BEN, CHECKOUT, CLEO, FOUNDED, PAYMENTS, SEARCH, given, granted, joined
from given_when_then import folded

from opsroom_domain.changes import Change
from opsroom_domain.decider import FieldConflict, Invalid, Refused
from opsroom_domain.entities.organisation import (
    ORGANISATION,
    AddService,
    ChangeServiceOwner,
    ChangeServiceTier,
    ChangeTeamMembers,
    CreateTeam,
    RemoveService,
    RemoveTeam,
    RenameService,
    RenameTeam,
    Role,
    ServiceAdded,
    ServiceOwnerChanged,
    ServiceRemoved,
    ServiceRenamed,
    ServiceTierChanged,
    TeamCreated,
    TeamMembersChanged,
    TeamRemoved,
    TeamRenamed,
)
from opsroom_domain.entities.organisation.limits import SERVICES_MAX, TEAMS_MAX
from opsroom_domain.shared.commands import Edit
from opsroom_domain.shared.events import Edited

SLUGS = ["", "Payments", "-a", "_a", "a b", "a" * 65, "ä"]


def service(name: str = "checkout", **other: Any) -> AddService:
    return AddService(**NOW, service=name, **{"name": "Checkout", "team": "payments", "tier": 1} | other)


def test_a_team_is_created_once_under_a_slug() -> None:
    given().when(CreateTeam(**NOW, team="sre", name="SRE")).then(TeamCreated(**NOW, team="sre", name="SRE"))
    given(PAYMENTS).when(CreateTeam(**NOW, team="payments", name="Payments")).then_nothing()
    given(PAYMENTS).when(CreateTeam(**NOW, team="payments", name="Money")).then_refused("team-exists", "payments")
    given().when(CreateTeam(**NOW, team="sre", name=" ")).then_refused("blank")


@pytest.mark.parametrize("slug", SLUGS)
def test_what_is_no_slug_names_nothing(slug: str) -> None:
    given().when(CreateTeam(**NOW, team=slug, name="T")).then_refused("bad-slug", of=Invalid)
    given(PAYMENTS).when(service(slug)).then_refused("bad-slug", of=Invalid)


def test_a_rename_names_what_was_seen() -> None:
    renamed = TeamRenamed(**NOW, team="payments", previous="Payments", name="Money")
    state = given(PAYMENTS).when(RenameTeam(**NOW, team="payments", seen="Payments", name="Money")).then(renamed)
    assert state.field_changes["team payments name"].by == NOW["by"]
    given(PAYMENTS, renamed).when(RenameTeam(**NOW, team="payments", seen="Payments", name="Money")).then_nothing()
    stale = RenameTeam(**NOW, team="payments", seen="Payments", name="Cash")
    given(PAYMENTS, renamed).when(stale).then_conflict(FieldConflict("team payments name", "Payments", "Money", "Cash"))
    given().when(stale).then_refused("no-such-team", "payments")


def test_members_of_a_team_are_members_of_the_organisation() -> None:
    known = given(PAYMENTS, granted(BEN, Role.OPERATOR))
    changed = TeamMembersChanged(**NOW, team="payments", added=(ADA, BEN), removed=())
    known.when(ChangeTeamMembers(**NOW, team="payments", add=(BEN, ADA))).then(changed)
    known.when(ChangeTeamMembers(**NOW, team="payments", add=(BEN, CLEO))).then_refused("not-a-member", CLEO)
    known.when(ChangeTeamMembers(**NOW, team="search", add=(BEN,))).then_refused("no-such-team", "search")
    known.when(ChangeTeamMembers(**NOW, team="payments", add=(BEN,), remove=(BEN,))).then_refused("both")
    known.when(ChangeTeamMembers(**NOW, team="payments", remove=(BEN,))).then_nothing()
    both = given(PAYMENTS, granted(BEN), joined("payments", ADA, BEN))
    gone = TeamMembersChanged(**NOW, team="payments", added=(), removed=(BEN,))
    assert both.when(ChangeTeamMembers(**NOW, team="payments", remove=(BEN,))).then(gone).teams["payments"].members == (ADA,)


def test_a_team_that_owns_services_cannot_be_removed_and_they_are_named() -> None:
    other = ServiceAdded(**NOW, service="billing", name="Billing", team="payments", tier=2)
    outcome = given(PAYMENTS, CHECKOUT, other).when(RemoveTeam(**NOW, team="payments"))
    outcome.then_refused("team-owns-services", "billing, checkout")
    assert outcome.refusal is not None
    assert outcome.refusal.details == {"services": ["billing", "checkout"]}
    given().when(RemoveTeam(**NOW, team="payments")).then_nothing()


def test_the_members_of_a_removed_team_stay() -> None:
    renamed = TeamRenamed(**NOW, team="payments", previous="Payments", name="Money")
    history = (PAYMENTS, renamed, granted(BEN, Role.OPERATOR), joined("payments", BEN))
    state = given(*history).when(RemoveTeam(**NOW, team="payments")).then(TeamRemoved(**NOW, team="payments", members=(BEN,)))
    assert BEN in state.members
    assert "team payments name" not in state.field_changes


def test_a_service_is_added_once_with_an_owner_and_a_tier() -> None:
    added = ServiceAdded(**NOW, service="checkout", name="Checkout", team="payments", tier=1)
    given(PAYMENTS).when(service()).then(added)
    given(PAYMENTS, CHECKOUT).when(service()).then_nothing()
    given(PAYMENTS, CHECKOUT).when(service(tier=2)).then_refused("service-exists", "checkout")
    given().when(service()).then_refused("no-such-team", "payments")
    for tier in (0, 5):
        given(PAYMENTS).when(service(tier=tier)).then_refused("bad-tier", of=Invalid)


def test_each_part_of_a_service_changes_by_what_was_seen() -> None:
    known = given(PAYMENTS, SEARCH, CHECKOUT)
    known.when(RenameService(**NOW, service="checkout", seen="Checkout", name="Till")).then(
        ServiceRenamed(**NOW, service="checkout", previous="Checkout", name="Till")
    )
    known.when(ChangeServiceOwner(**NOW, service="checkout", seen="payments", team="search")).then(
        ServiceOwnerChanged(**NOW, service="checkout", previous="payments", team="search")
    )
    known.when(ChangeServiceTier(**NOW, service="checkout", seen=1, tier=3)).then(
        ServiceTierChanged(**NOW, service="checkout", previous=1, tier=3)
    )


def test_a_stale_change_of_a_service_is_told_both_values() -> None:
    known = given(PAYMENTS, SEARCH, CHECKOUT)
    known.when(RenameService(**NOW, service="checkout", seen="X", name="Y")).then_conflict(
        FieldConflict("service checkout name", "X", "Checkout", "Y")
    )
    known.when(ChangeServiceOwner(**NOW, service="checkout", seen="x", team="search")).then_conflict(
        FieldConflict("service checkout team", "x", "payments", "search")
    )
    known.when(ChangeServiceTier(**NOW, service="checkout", seen=2, tier=3)).then_conflict(FieldConflict("service checkout tier", 2, 1, 3))
    known.when(ChangeServiceTier(**NOW, service="checkout", seen=4, tier=1)).then_nothing()


def test_a_service_that_is_not_there_cannot_change_and_an_owner_must_exist() -> None:
    known = given(PAYMENTS)
    for command in (
        RenameService(**NOW, service="x", seen="a", name="b"),
        ChangeServiceOwner(**NOW, service="x", seen="a", team="payments"),
        ChangeServiceTier(**NOW, service="x", seen=1, tier=2),
    ):
        known.when(command).then_refused("no-such-service", "x")
    owner = ChangeServiceOwner(**NOW, service="checkout", seen="payments", team="nobody")
    given(PAYMENTS, CHECKOUT).when(owner).then_refused("no-such-team", "nobody")


def test_a_service_is_removed_and_its_team_can_be_then() -> None:
    removed = ServiceRemoved(**NOW, service="checkout")
    given(PAYMENTS, CHECKOUT).when(RemoveService(**NOW, service="checkout")).then(removed)
    given(PAYMENTS).when(RemoveService(**NOW, service="checkout")).then_nothing()
    given(PAYMENTS, CHECKOUT, removed).when(RemoveTeam(**NOW, team="payments")).then(TeamRemoved(**NOW, team="payments", members=()))


def test_teams_and_services_are_bounded() -> None:
    few = folded(ORGANISATION, [*FOUNDED, PAYMENTS, CHECKOUT])
    assert few is not None
    teams = {f"t{number}": few.teams["payments"] for number in range(TEAMS_MAX - 1)}
    services = {f"s{number}": few.services["checkout"] for number in range(SERVICES_MAX)}
    state = replace(few, teams={**few.teams, **teams}, services=services)
    for command in (CreateTeam(**NOW, team="one-more", name="One more"), service("one-more")):
        with pytest.raises(Refused, match="already; remove one first") as refused:
            ORGANISATION.decide(state, command)
        assert refused.value.code == "too-many"


def test_its_own_name_is_edited_like_any_title() -> None:
    changes = (Change(field="title", seen="Example", to="Example Ltd"),)
    given().when(Edit(**NOW, changes=changes)).then(Edited(**NOW, changes=changes))
