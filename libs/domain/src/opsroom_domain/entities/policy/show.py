"""A policy as JSON and as tags. ``to_json`` and ``from_json`` are inverse and canonical: equal policies give equal JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opsroom_domain.decider import Json, ListColumns
from opsroom_domain.entities.policy.content import Content, QuietHours, Rule, Step
from opsroom_domain.entities.policy.state import Policy, PolicyVersion
from opsroom_domain.entities.policy.words import PolicyType, Status, Transport
from opsroom_domain.shared.show import FLAGS, listed, shared_from_json, shared_tags, shared_to_json
from opsroom_domain.times import from_rfc3339, rfc3339


def to_json(state: Policy) -> dict[str, Json]:
    """The row's part of the policy. Every key is always there."""
    return {
        **shared_to_json(state),
        "type": state.type.value,
        "status": state.status.value,
        "created_at": rfc3339(state.created_at),
        "created_by": state.created_by,
        "draft": content_to_json(state.draft),
        "revision": state.revision,
        "published_revision": state.published_revision,
        "last_version": state.last_version,
        "versions": [
            {
                "number": version.number,
                "content": content_to_json(version.content),
                "published_at": rfc3339(version.published_at),
                "published_by": version.published_by,
            }
            for version in state.versions
        ],
        "active_version": state.active_version,
    }


def from_json(row: Mapping[str, Any]) -> Policy:
    """The policy that ``to_json`` showed; other keys are ignored. Raises KeyError or ValueError for anything else."""
    return Policy(
        **shared_from_json(row),
        type=PolicyType(row["type"]),
        created_at=from_rfc3339(row["created_at"]),
        created_by=row["created_by"],
        draft=_content_from_json(row["draft"]),
        revision=row["revision"],
        published_revision=row["published_revision"],
        last_version=row["last_version"],
        versions=tuple(
            PolicyVersion(
                number=version["number"],
                content=_content_from_json(version["content"]),
                published_at=from_rfc3339(version["published_at"]),
                published_by=version["published_by"],
            )
            for version in row["versions"]
        ),
        active_version=row["active_version"],
    )


def tags(state: Policy) -> dict[str, str]:
    """Flat strings that live filters and indexes match on. The scope is that of the version in force, else the draft's."""
    content = state.in_force or state.draft
    return {
        **shared_tags(state),
        "status": state.status.value,
        "type": state.type.value,
        "live": FLAGS[state.status is Status.ACTIVE],
        "draft_published": FLAGS[state.published_revision == state.revision],
        "scope_services": listed(content.services),
        "scope_teams": listed(content.teams),
        "scope_severities": listed(content.severities),
        "created_by": state.created_by,
    }


def columns(state: Policy) -> ListColumns:
    """What lists sort by and search in."""
    return ListColumns(
        title=state.title,
        status=state.status.value,
        assignee=state.assignee,
        text="\n".join((state.title, state.description, *state.labels)),
    )


def content_to_json(content: Content) -> dict[str, Json]:
    """What a policy says; every key is always there."""
    return {
        "services": list(content.services),
        "teams": list(content.teams),
        "severities": list(content.severities),
        "steps": steps_to_json(content.steps),
        "rules": rules_to_json(content.rules),
        "quiet_hours": quiet_hours_to_json(content.quiet_hours),
    }


def steps_to_json(steps: Sequence[Step]) -> list[Json]:
    return [
        {
            "after_min": step.after_min,
            "notify": list(step.notify),
            "transport": step.transport.value,
            "repeats": step.repeats,
            "every_min": step.every_min,
        }
        for step in steps
    ]


def rules_to_json(rules: Sequence[Rule]) -> list[Json]:
    return [
        {
            "notify": list(rule.notify),
            "transport": rule.transport.value,
            "kinds": list(rule.kinds),
            "events": list(rule.events),
            "severities": list(rule.severities),
            "in_quiet_hours": rule.in_quiet_hours,
        }
        for rule in rules
    ]


def quiet_hours_to_json(periods: Sequence[QuietHours]) -> list[Json]:
    return [{"from_min": period.from_min, "to_min": period.to_min, "offset_min": period.offset_min} for period in periods]


def _content_from_json(row: Mapping[str, Any]) -> Content:
    return Content(
        services=tuple(row["services"]),
        teams=tuple(row["teams"]),
        severities=tuple(row["severities"]),
        steps=tuple(
            Step(
                after_min=step["after_min"],
                notify=tuple(step["notify"]),
                transport=Transport(step["transport"]),
                repeats=step["repeats"],
                every_min=step["every_min"],
            )
            for step in row["steps"]
        ),
        rules=tuple(
            Rule(
                notify=tuple(rule["notify"]),
                transport=Transport(rule["transport"]),
                kinds=tuple(rule["kinds"]),
                events=tuple(rule["events"]),
                severities=tuple(rule["severities"]),
                in_quiet_hours=rule["in_quiet_hours"],
            )
            for rule in row["rules"]
        ),
        quiet_hours=tuple(
            QuietHours(from_min=period["from_min"], to_min=period["to_min"], offset_min=period["offset_min"])
            for period in row["quiet_hours"]
        ),
    )
