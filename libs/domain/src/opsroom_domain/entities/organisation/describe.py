"""The organisation's events in words, as a person would tell them, and as a diff of the team, service or member that they are about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from opsroom_domain.decider import Json, TimelineEntry
from opsroom_domain.entities.organisation.events import (
    Created,
    Event,
    MemberEvent,
    MemberRemoved,
    RoleGranted,
    RoleRevoked,
    ServiceAdded,
    ServiceEvent,
    ServiceOwnerChanged,
    ServiceRemoved,
    ServiceRenamed,
    ServiceTierChanged,
    TeamCreated,
    TeamEvent,
    TeamMembersChanged,
    TeamRemoved,
    TeamRenamed,
)
from opsroom_domain.entities.organisation.state import Organisation
from opsroom_domain.shared.describe import QUOTE_MAX, describe_shared, quote, step, with_text
from opsroom_domain.shared.show import time_or_none
from opsroom_domain.text import fitted_line
from opsroom_domain.times import rfc3339


def describe(state: Organisation | None, event: Event) -> TimelineEntry:
    """Tell ``event``; ``state`` is the organisation before it. Raises ValueError for a history that ``evolve`` refuses."""
    if isinstance(event, Created):
        diff: dict[str, Json] = {"title": step(None, event.title)}
        if event.description:
            diff["description"] = step(None, event.description)
        return TimelineEntry(f"Created {quote(event.title)}", diff)
    if state is None:
        raise ValueError(f"an organisation's history starts with {type(event).__name__} instead of Created; it is broken")
    match event:
        case RoleGranted() | RoleRevoked() | MemberRemoved():
            return _member(state, event)
        case TeamCreated() | TeamRenamed() | TeamMembersChanged() | TeamRemoved():
            return _team(state, event)
        case ServiceAdded() | ServiceRenamed() | ServiceOwnerChanged() | ServiceTierChanged() | ServiceRemoved():
            return _service(event)
        case _:
            return describe_shared(state, event)


def _member(state: Organisation, event: MemberEvent) -> TimelineEntry:
    grants = state.members.get(event.member, {})
    match event:
        case RoleGranted():
            known = grants.get(event.role)
            before: Json = None if known is None else {"reason": known.reason, "expires_at": time_or_none(known.expires_at)}
            after: Json = {"reason": event.reason, "expires_at": time_or_none(event.expires_at)}
            until = "" if event.expires_at is None else f" until {rfc3339(event.expires_at)}"
            words = with_text(f"Made {event.member} {event.role}{until}", event.reason)
            return TimelineEntry(words, _about("member", event.member, {event.role.value: step(before, after)}))
        case RoleRevoked():
            words = with_text(f"Took the role {event.role} from {event.member}", event.reason)
            return TimelineEntry(words, _about("member", event.member, {event.role.value: step(grants[event.role].reason, None)}))
        case MemberRemoved():
            had = [role.value for role in sorted(grants)]
            words = with_text(f"Removed {event.member}", event.reason)
            return TimelineEntry(words, _about("member", event.member, {"roles": step([*had], []), "teams": step([*event.teams], [])}))
        case _:
            assert_never(event)


def _team(state: Organisation, event: TeamEvent) -> TimelineEntry:
    match event:
        case TeamCreated():
            return TimelineEntry(
                f"Created the team {event.team}, {quote(event.name)}", _about("team", event.team, {"name": step(None, event.name)})
            )
        case TeamRenamed():
            diff = _about("team", event.team, {"name": step(event.previous, event.name)})
            return TimelineEntry(f"Renamed the team {event.team} to {quote(event.name)}", diff)
        case TeamMembersChanged():
            told = [f"{verb} {', '.join(who)}" for verb, who in (("added", event.added), ("removed", event.removed)) if who]
            words = fitted_line(f"Team {event.team}: {' and '.join(told)}", 2 * QUOTE_MAX)
            return TimelineEntry(words, _about("team", event.team, {"members": step(_list(event.removed), _list(event.added))}))
        case TeamRemoved():
            name = state.teams[event.team].name
            diff = _about("team", event.team, {"name": step(name, None), "members": step(_list(event.members), [])})
            return TimelineEntry(f"Removed the team {event.team}", diff)
        case _:
            assert_never(event)


def _service(event: ServiceEvent) -> TimelineEntry:
    name = event.service
    diff: dict[str, Json] = {}
    match event:
        case ServiceAdded():
            words = f"Added the service {name}, {quote(event.name)}, of the team {event.team}, tier {event.tier}"
            diff = {"name": step(None, event.name), "team": step(None, event.team), "tier": step(None, event.tier)}
        case ServiceRenamed():
            words = f"Renamed the service {name} to {quote(event.name)}"
            diff = {"name": step(event.previous, event.name)}
        case ServiceOwnerChanged():
            words = f"Gave the service {name} from the team {event.previous} to {event.team}"
            diff = {"team": step(event.previous, event.team)}
        case ServiceTierChanged():
            words = f"Moved the service {name} from tier {event.previous} to {event.tier}"
            diff = {"tier": step(event.previous, event.tier)}
        case ServiceRemoved():
            words = f"Removed the service {name}"
        case _:
            assert_never(event)
    return TimelineEntry(words, _about("service", name, diff))


def _about(what: str, name: str, changes: dict[str, Json]) -> dict[str, Json]:
    """A diff of one of many: ``{"team": {"id": "payments", "name": {"from": ..., "to": ...}}}``."""
    return {what: {"id": name, **changes}}


def _list(members: Sequence[str]) -> list[Json]:
    return [*members]
