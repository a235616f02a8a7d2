"""A policy's events in words, as a person would tell them, and as a diff. The actor and the time stand beside them on the screen."""

from __future__ import annotations

from opsroom_domain.decider import Json, TimelineEntry
from opsroom_domain.entities.policy.events import (
    Activated,
    Created,
    Deactivated,
    Event,
    Published,
    QuietHoursChanged,
    RulesChanged,
    ScopeChanged,
    StepsChanged,
)
from opsroom_domain.entities.policy.evolve import evolve
from opsroom_domain.entities.policy.show import quiet_hours_to_json, rules_to_json, steps_to_json
from opsroom_domain.entities.policy.state import Policy
from opsroom_domain.entities.policy.words import Status
from opsroom_domain.shared.describe import QUOTE_MAX, describe_shared, quote, step
from opsroom_domain.shared.new import broken_start
from opsroom_domain.text import fitted_line


def describe(state: Policy | None, event: Event) -> TimelineEntry:
    """Tell ``event``; ``state`` is the policy before it, None before Created. Raises ValueError for a history that ``evolve`` refuses.

    Parts of the draft stand in the diff as ``draft.PART``.
    """
    if isinstance(event, Created):
        return _created(event)
    if state is None:
        raise broken_start("policy", event, "Created")
    match event:
        case ScopeChanged():
            narrowed = f"Narrowed the draft's {event.field} to {', '.join(event.members)}"
            words = fitted_line(narrowed, 2 * QUOTE_MAX) if event.members else f"Widened the draft's {event.field} to all"
            diff: dict[str, Json] = {f"draft.{event.field.value}": step(list(event.previous), list(event.members))}
            return TimelineEntry(words, diff)
        case StepsChanged():
            diff = {"draft.steps": step(steps_to_json(event.previous), steps_to_json(event.steps))}
            return TimelineEntry(f"Changed the draft's steps: there are {len(event.steps)}", diff)
        case RulesChanged():
            diff = {"draft.rules": step(rules_to_json(event.previous), rules_to_json(event.rules))}
            return TimelineEntry(f"Changed the draft's rules: there are {len(event.rules)}", diff)
        case QuietHoursChanged():
            diff = {"draft.quiet_hours": step(quiet_hours_to_json(event.previous), quiet_hours_to_json(event.quiet_hours))}
            return TimelineEntry(f"Changed the draft's quiet hours: there are {len(event.quiet_hours)}", diff)
        case Published():
            words = f"Published revision {event.revision} of the draft as version {event.version}"
            return TimelineEntry(words, {"last_version": step(state.last_version, event.version), **_status(state, event)})
        case Activated():
            instead = "" if event.previous is None else f" in place of {event.previous}"
            diff = {"active_version": step(event.previous, event.version), **_status(state, event)}
            return TimelineEntry(f"Activated version {event.version}{instead}", diff)
        case Deactivated():
            diff = {"active_version": step(event.previous, None), **_status(state, event)}
            return TimelineEntry(f"Deactivated it: version {event.previous} was active", diff)
        case _:
            return describe_shared(state, event)


def _created(event: Created) -> TimelineEntry:
    diff: dict[str, Json] = {
        "title": step(None, event.title),
        "type": step(None, event.type.value),
        "status": step(None, Status.DRAFT.value),
        "visibility": step(None, event.visibility.value),
    }
    if event.description:
        diff["description"] = step(None, event.description)
    if event.team is not None:
        diff["team"] = step(None, event.team)
    if event.labels:
        diff["labels"] = step([], list(event.labels))
    return TimelineEntry(f"Created the {event.type} policy {quote(event.title)}", diff)


def _status(state: Policy, event: Event) -> dict[str, Json]:
    after = evolve(state, event).status
    return {} if after is state.status else {"status": step(state.status.value, after.value)}
