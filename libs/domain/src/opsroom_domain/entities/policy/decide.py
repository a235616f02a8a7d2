"""What a policy's commands do: one pure function for each. The business rules are the docstrings.

A command that asks for what is already so gives no events. Nothing is changed in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from opsroom_domain.decider import EditConflict, FieldConflict, Json, Refused
from opsroom_domain.entities.policy.commands import (
    Activate,
    ChangeQuietHours,
    ChangeRules,
    ChangeScope,
    ChangeSteps,
    Command,
    Create,
    Deactivate,
    DraftCommand,
    Publish,
)
from opsroom_domain.entities.policy.content import check_complete, check_quiet_hours, check_rules, check_steps, checked_scope
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
from opsroom_domain.entities.policy.show import quiet_hours_to_json, rules_to_json, steps_to_json
from opsroom_domain.entities.policy.state import Policy
from opsroom_domain.entities.policy.words import PREFIX, VERSIONS_MAX
from opsroom_domain.shared.decide import check_new, decide_shared
from opsroom_domain.shared.limits import ID_MAX
from opsroom_domain.shared.new import existing, must_be_new
from opsroom_domain.text import check_line


def decide(state: Policy | None, command: Command) -> Sequence[Event]:
    """The events that ``command`` gives, perhaps none. Raises Refused, NotFound, AlreadyExists or EditConflict."""
    if isinstance(command, Create):
        return create(state, command)
    policy = existing(state, "policy")
    match command:
        case ChangeScope() | ChangeSteps() | ChangeRules() | ChangeQuietHours():
            return change_draft(policy, command)
        case Publish():
            return publish(policy, command)
        case Activate():
            return activate(policy, command)
        case Deactivate():
            return deactivate(policy, command)
        case _:
            return decide_shared(policy, command)


def create(state: Policy | None, command: Create) -> Sequence[Created]:
    """A new policy has an empty draft and is not in force."""
    must_be_new(state, "policy")
    title, description = command.title, command.description
    labels = check_new(command.policy_id, PREFIX, title=title, description=description, labels=command.labels, what="a policy")
    if command.team is not None:
        check_line("team", command.team, ID_MAX)
    created = Created(
        at=command.at,
        by=command.by,
        policy_id=command.policy_id,
        title=title,
        description=description,
        type=command.type,
        labels=labels,
        visibility=command.visibility,
        team=command.team,
    )
    return (created,)


def change_draft(state: Policy, command: DraftCommand) -> Sequence[DraftEvent]:
    """One part of the draft, from the one that was seen: so people who change different parts never conflict. What is published stays."""
    at, by, draft = command.at, command.by, state.draft
    match command:
        case ChangeScope():
            members, now = checked_scope(command.field, command.members), draft.scope(command.field)
            if not _must_change(command.field, [*sorted(set(command.seen))], list(now), list(members)):
                return ()
            return (ScopeChanged(at=at, by=by, field=command.field, previous=now, members=members),)
        case ChangeSteps():
            check_steps(command.steps)
            if not _must_change("steps", *map(steps_to_json, (command.seen, draft.steps, command.steps))):
                return ()
            return (StepsChanged(at=at, by=by, previous=draft.steps, steps=command.steps),)
        case ChangeRules():
            check_rules(command.rules)
            if not _must_change("rules", *map(rules_to_json, (command.seen, draft.rules, command.rules))):
                return ()
            return (RulesChanged(at=at, by=by, previous=draft.rules, rules=command.rules),)
        case ChangeQuietHours():
            check_quiet_hours(command.quiet_hours)
            if not _must_change("quiet_hours", *map(quiet_hours_to_json, (command.seen, draft.quiet_hours, command.quiet_hours))):
                return ()
            return (QuietHoursChanged(at=at, by=by, previous=draft.quiet_hours, quiet_hours=command.quiet_hours),)
        case _:
            assert_never(command)


def publish(state: Policy, command: Publish) -> Sequence[Published]:
    """The draft that was seen becomes the next version, for good. It is in force only when it is activated."""
    if state.revision != command.revision:
        raise Refused(
            "draft-changed", f"the draft is at revision {state.revision}, and you saw {command.revision}; read it and publish that"
        )
    if state.published_revision == state.revision:
        return ()
    draft = state.draft
    check_complete(state.type, draft)
    published = Published(
        at=command.at,
        by=command.by,
        version=state.last_version + 1,
        revision=state.revision,
        services=draft.services,
        teams=draft.teams,
        severities=draft.severities,
        steps=draft.steps,
        rules=draft.rules,
        quiet_hours=draft.quiet_hours,
    )
    return (published,)


def activate(state: Policy, command: Activate) -> Sequence[Activated]:
    """A version that is kept, an older one too, in place of the one that was seen to be active."""
    if not _must_change("active_version", command.seen, state.active_version, command.version):
        return ()
    if state.version(command.version) is None:
        known = (
            f"the last {VERSIONS_MAX} versions are kept, up to {state.last_version}" if state.last_version else "nothing is published yet"
        )
        raise Refused("no-such-version", f"{state.id} has no version {command.version}: {known}; publish the draft, or activate another")
    return (Activated(at=command.at, by=command.by, previous=state.active_version, version=command.version),)


def deactivate(state: Policy, command: Deactivate) -> Sequence[Deactivated]:
    """From then on it asks for nothing. Twice is no error."""
    return () if state.active_version is None else (Deactivated(at=command.at, by=command.by, previous=state.active_version),)


def _must_change(field: str, seen: Json, current: Json, wanted: Json) -> bool:
    """As ``changes.must_change``, for values that are no texts."""
    if current == wanted:
        return False
    if current != seen:
        raise EditConflict([FieldConflict(field, seen, current, wanted)])
    return True
