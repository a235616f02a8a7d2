"""How a policy becomes what its events say. Total: every event that ``decide`` gives has its place; nothing is refused here."""

from __future__ import annotations

from opsroom_domain.copies import changed
from opsroom_domain.entities.policy.content import Content
from opsroom_domain.entities.policy.events import (
    Activated,
    Created,
    Deactivated,
    DraftEvent,
    Event,
    Published,
    QuietHoursChanged,
    RulesChanged,
    ScopeChanged,
    StepsChanged,
)
from opsroom_domain.entities.policy.state import Policy, PolicyVersion
from opsroom_domain.entities.policy.words import VERSIONS_MAX
from opsroom_domain.shared.evolve import TRACKED, evolve_shared, first_changes, touched
from opsroom_domain.shared.new import broken_restart, broken_start

_TRACKED = (*TRACKED, "services", "teams", "severities", "steps", "rules", "quiet_hours", "active_version")


def evolve(state: Policy | None, event: Event) -> Policy:
    """The policy after ``event``. Raises ValueError if the event cannot follow: the history is broken and the reader parks the entity."""
    if isinstance(event, Created):
        if state is not None:
            raise broken_restart(state)
        return _created(event)
    if state is None:
        raise broken_start("policy", event, "Created")
    match event:
        case ScopeChanged() | StepsChanged() | RulesChanged() | QuietHoursChanged():
            return _drafted(state, event)
        case Published():
            return _published(state, event)
        case Activated():
            return changed(state, active_version=event.version, field_changes=touched(state, event, "active_version"))
        case Deactivated():
            return changed(state, active_version=None, field_changes=touched(state, event, "active_version"))
        case _:
            return evolve_shared(state, event)


def _created(event: Created) -> Policy:
    return Policy(
        id=event.policy_id,
        title=event.title,
        description=event.description,
        type=event.type,
        labels=tuple(sorted(event.labels)),
        visibility=event.visibility,
        team=event.team,
        created_at=event.at,
        created_by=event.by,
        draft=Content(),
        field_changes=first_changes(event, _TRACKED),
    )


def _drafted(state: Policy, event: DraftEvent) -> Policy:
    match event:
        case ScopeChanged():
            field, value = event.field.value, event.members
        case StepsChanged():
            field, value = "steps", event.steps
        case RulesChanged():
            field, value = "rules", event.rules
        case QuietHoursChanged():
            field, value = "quiet_hours", event.quiet_hours
    draft = changed(state.draft, **{field: value})
    return changed(state, draft=draft, revision=state.revision + 1, field_changes=touched(state, event, field))


def _published(state: Policy, event: Published) -> Policy:
    content = Content(
        services=event.services,
        teams=event.teams,
        severities=event.severities,
        steps=event.steps,
        rules=event.rules,
        quiet_hours=event.quiet_hours,
    )
    fresh = PolicyVersion(number=event.version, content=content, published_at=event.at, published_by=event.by)
    kept = tuple(each for each in state.versions if each.number > event.version - VERSIONS_MAX or each.number == state.active_version)
    return changed(state, versions=(*kept, fresh), last_version=event.version, published_revision=event.revision)
