"""Whatever admins do, in any order: somebody stays an admin, every service has an owner, and who may do what follows from the grants."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from examples import Stamp, minute
from examples_organisation import ADA, BEN, CLEO
from given_when_then import folded
from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from opsroom_domain.decider import EditConflict, Refused
from opsroom_domain.entities.organisation import (
    ORGANISATION,
    ORGANISATION_ID,
    AddService,
    ChangeServiceOwner,
    ChangeServiceTier,
    ChangeTeamMembers,
    Command,
    Create,
    CreateTeam,
    Event,
    GrantRole,
    Organisation,
    RemoveMember,
    RemoveService,
    RemoveTeam,
    RenameService,
    RenameTeam,
    RevokeRole,
    Role,
    role_of,
)
from opsroom_domain.ids import ActorId
from opsroom_domain.shared.commands import AddComment

PEOPLE = st.sampled_from([ADA, BEN, CLEO])
ROLES = st.sampled_from(Role)
TEAMS = st.sampled_from(["payments", "search", "Bad"])
SERVICES = st.sampled_from(["checkout", "index"])
NAMES = st.sampled_from(["A", "B", ""])
TIERS = st.integers(0, 5)


class OrganisationLife(RuleBasedStateMachine):
    """Beside it: every grant ever made, as a list; who has a role is asked of both."""

    def __init__(self) -> None:
        super().__init__()
        self.state: Organisation | None = None
        self.events: list[Event] = []
        self.now = minute(0)
        self.grants: dict[tuple[ActorId, Role], datetime | None] = {}

    @property
    def organisation(self) -> Organisation:
        assert self.state is not None
        return self.state

    def stamp(self, by: ActorId = ADA) -> Stamp:
        self.now += timedelta(seconds=1)
        return {"at": self.now, "by": by}

    def attempt(self, command: Command) -> bool:
        """Whether it was taken."""
        note(repr(command))
        before = None if self.state is None else json.dumps(ORGANISATION.to_json(self.state))
        try:
            events = tuple(ORGANISATION.decide(self.state, command))
        except EditConflict as conflict:
            assert all(each.current not in (each.seen, each.wanted) for each in conflict.conflicts)
            return False
        except Refused:
            assert before is None or json.dumps(ORGANISATION.to_json(self.organisation)) == before
            return False
        for event in events:
            entry = ORGANISATION.describe(self.state, event)
            assert entry.words
            assert "\n" not in entry.words
            json.dumps(dict(entry.diff))
            self.state = ORGANISATION.evolve(self.state, event)
            self.events.append(event)
        if not isinstance(command, Create):
            assert ORGANISATION.decide(self.state, command) == (), "the exact repeat of a command changes nothing"
        return True

    @initialize()
    def create(self) -> None:
        assert self.attempt(Create(**self.stamp(), organisation_id=ORGANISATION_ID, title="Example", reason="founder"))
        self.grants[ADA, Role.ADMIN] = None

    @rule(member=PEOPLE, role=ROLES, minutes=st.none() | st.integers(1, 5), reason=st.sampled_from(["on call", "guest"]))
    def grant(self, member: ActorId, role: Role, minutes: int | None, reason: str) -> None:
        stamp = self.stamp()
        until = None if minutes is None else self.now + timedelta(minutes=minutes)
        if self.attempt(GrantRole(**stamp, member=member, role=role, reason=reason, expires_at=until)):
            self.grants[member, role] = until

    @rule(member=PEOPLE, role=ROLES, by=PEOPLE)
    def revoke(self, member: ActorId, role: Role, by: ActorId) -> None:
        if self.attempt(RevokeRole(**self.stamp(by), member=member, role=role, reason="left")):
            self.grants.pop((member, role), None)

    @rule(member=PEOPLE)
    def remove_member(self, member: ActorId) -> None:
        if self.attempt(RemoveMember(**self.stamp(), member=member, reason="left")):
            self.grants = {known: until for known, until in self.grants.items() if known[0] != member}

    @rule(team=TEAMS, name=NAMES, seen=NAMES)
    def teams_come_and_are_renamed(self, team: str, name: str, seen: str) -> None:
        self.attempt(CreateTeam(**self.stamp(), team=team, name=name))
        self.attempt(RenameTeam(**self.stamp(), team=team, seen=seen, name=name))

    @rule(team=TEAMS, member=PEOPLE, joins=st.booleans())
    def people_join_and_leave(self, team: str, member: ActorId, joins: bool) -> None:
        add, remove = ((member,), ()) if joins else ((), (member,))
        self.attempt(ChangeTeamMembers(**self.stamp(), team=team, add=add, remove=remove))

    @rule(team=TEAMS)
    def teams_go(self, team: str) -> None:
        owns = bool(self.organisation.services_of(team))
        assert self.attempt(RemoveTeam(**self.stamp(), team=team)) is not owns

    @rule(service=SERVICES, name=NAMES, seen=NAMES, team=TEAMS, tier=TIERS)
    def services_come_and_change(self, service: str, name: str, seen: str, team: str, tier: int) -> None:
        self.attempt(AddService(**self.stamp(), service=service, name=name, team=team, tier=tier))
        self.attempt(RenameService(**self.stamp(), service=service, seen=seen, name=name))
        self.attempt(ChangeServiceOwner(**self.stamp(), service=service, seen="payments", team=team))
        self.attempt(ChangeServiceTier(**self.stamp(), service=service, seen=1, tier=tier))

    @rule(service=SERVICES)
    def services_go(self, service: str) -> None:
        assert self.attempt(RemoveService(**self.stamp(), service=service))

    @rule(minutes=st.integers(1, 10))
    def time_goes_by(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(by=PEOPLE)
    def people_talk(self, by: ActorId) -> None:
        self.attempt(AddComment(**self.stamp(by), comment_id="cmt_1", text="Hello"))

    @invariant()
    def check(self) -> None:
        if self.state is None:
            return
        state = self.state
        assert any(role is Role.ADMIN and until is None for (_, role), until in self.grants.items()), "nobody can grant roles any more"
        for member in (ADA, BEN, CLEO):
            now = [role for role in Role if (member, role) in self.grants and self._counts(member, role)]
            assert role_of(state, member, self.now) == (now[-1] if now else None)
        assert set(state.members) == {member for member, _ in self.grants}
        for team in state.teams.values():
            assert team.members == tuple(sorted({*team.members}))
            assert {*team.members} <= state.members.keys()
        assert all(service.team in state.teams and 1 <= service.tier <= 4 for service in state.services.values())
        assert folded(ORGANISATION, self.events) == state
        row = ORGANISATION.to_json(state)
        back = ORGANISATION.from_json(json.loads(json.dumps(row)))
        assert back == state
        assert json.dumps(ORGANISATION.to_json(back)) == json.dumps(row)
        assert all(isinstance(value, str) for value in ORGANISATION.tags(state).values())
        known = {*state.teams, *state.services}
        assert all(name.split(" ")[1] in known for name in state.field_changes if " " in name), "what is gone is remembered for ever"

    def _counts(self, member: ActorId, role: Role) -> bool:
        until = self.grants[member, role]
        return until is None or self.now < until


OrganisationLife.TestCase.settings = settings(
    max_examples=80, stateful_step_count=30, deadline=None, print_blob=True, report_multiple_bugs=False
)
TestOrganisationLife = pytest.mark.timeout(400)(OrganisationLife.TestCase)
