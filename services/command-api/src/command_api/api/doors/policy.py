"""The doors of a policy."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from command_api.api.doors import bodies as b
from command_api.api.doors.door import Asked, Door, create, post
from command_api.api.doors.shared import shared_doors
from opsroom_common.http.json import StrictBody
from opsroom_domain.entities.policy import commands as p
from opsroom_domain.entities.policy.content import QuietHours, Rule, Step
from opsroom_domain.entities.policy.words import PolicyType, ScopeField, Transport
from opsroom_domain.shared.words import Visibility

KIND = "policy"


class PolicyCreateBody(StrictBody):
    id: b.PolicyId = Field(description="Minted by the client, so that a retried create finds itself.")
    title: str = Field(description="The policy's name.")
    type: PolicyType
    description: str = ""
    labels: tuple[str, ...] = ()
    visibility: Visibility = Visibility.EVERYONE
    team: b.TeamId | None = None


class PolicyScopeBody(b.SeenToBody[tuple[str, ...]]):
    """One field of the draft's scope; without members it means all."""

    field: ScopeField


class PolicyStep(StrictBody):
    """``after_min`` minutes after the start, and ``repeats`` times more, ``every_min`` minutes apart."""

    after_min: int
    notify: tuple[str, ...] = Field(description="usr_…, svc_…, team:ID, or assignee, requester, team, watchers.")
    transport: Transport
    repeats: int = 0
    every_min: int = 0


class PolicyStepsBody(b.SeenToBody[tuple[PolicyStep, ...]]):
    """The draft's steps, whole: their order counts."""


class PolicyRule(StrictBody):
    """Who hears of which events. Without kinds, events or severities it means all of them."""

    notify: tuple[str, ...] = Field(description="usr_…, svc_…, team:ID, or assignee, requester, team, watchers.")
    transport: Transport
    kinds: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    in_quiet_hours: bool = Field(default=False, description="They hear of it at once even in quiet hours.")


class PolicyRulesBody(b.SeenToBody[tuple[PolicyRule, ...]]):
    """The draft's rules, whole."""


class PolicyQuietHours(StrictBody):
    """Every day from one minute of the local day to another, over midnight if the end is smaller."""

    from_min: int
    to_min: int
    offset_min: int = Field(description="Minutes that the local time is ahead of UTC.")


class PolicyQuietHoursBody(b.SeenToBody[tuple[PolicyQuietHours, ...]]):
    """The draft's quiet hours, whole."""


class PolicyPublishBody(b.Body):
    revision: int = Field(ge=0, le=b.VERSION_MAX, description="Of the draft that you saw.")


class PolicyActivateBody(b.Body):
    """``seen``: the version that was active, ``null`` for none; ``to``: the one to activate."""

    seen: int | None
    to: int = Field(ge=1, le=b.VERSION_MAX)


class PolicyDeactivateBody(b.Body):
    pass


def _create(a: Asked, x: PolicyCreateBody) -> p.Create:
    return p.Create(
        **a.common,
        policy_id=a.entity_id,
        title=x.title,
        type=x.type,
        description=x.description,
        labels=x.labels,
        visibility=x.visibility,
        team=x.team,
    )


def _change_scope(a: Asked, x: PolicyScopeBody) -> p.ChangeScope:
    return p.ChangeScope(**a.common, field=x.field, seen=x.seen, members=x.to)


def _change_steps(a: Asked, x: PolicyStepsBody) -> p.ChangeSteps:
    return p.ChangeSteps(**a.common, seen=_steps(x.seen), steps=_steps(x.to))


def _change_rules(a: Asked, x: PolicyRulesBody) -> p.ChangeRules:
    return p.ChangeRules(**a.common, seen=_rules(x.seen), rules=_rules(x.to))


def _change_quiet_hours(a: Asked, x: PolicyQuietHoursBody) -> p.ChangeQuietHours:
    return p.ChangeQuietHours(**a.common, seen=_quiet_hours(x.seen), quiet_hours=_quiet_hours(x.to))


def _steps(steps: tuple[PolicyStep, ...]) -> tuple[Step, ...]:
    return tuple(
        Step(after_min=x.after_min, notify=x.notify, transport=x.transport, repeats=x.repeats, every_min=x.every_min) for x in steps
    )


def _rules(rules: tuple[PolicyRule, ...]) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            notify=x.notify,
            transport=x.transport,
            kinds=x.kinds,
            events=x.events,
            severities=x.severities,
            in_quiet_hours=x.in_quiet_hours,
        )
        for x in rules
    )


def _quiet_hours(periods: tuple[PolicyQuietHours, ...]) -> tuple[QuietHours, ...]:
    return tuple(QuietHours(from_min=x.from_min, to_min=x.to_min, offset_min=x.offset_min) for x in periods)


DOORS: tuple[Door[Any], ...] = (
    *shared_doors(KIND),
    create(KIND, "create", PolicyCreateBody, _create, "Create a policy with an empty draft"),
    post(KIND, "change_scope", "draft/scope", PolicyScopeBody, _change_scope, "Change one field of the draft's scope"),
    post(KIND, "change_steps", "draft/steps", PolicyStepsBody, _change_steps, "Change the draft's escalation steps"),
    post(KIND, "change_rules", "draft/rules", PolicyRulesBody, _change_rules, "Change the draft's notification rules"),
    post(KIND, "change_quiet_hours", "draft/quiet-hours", PolicyQuietHoursBody, _change_quiet_hours, "Change the draft's quiet hours"),
    post(
        KIND,
        "publish",
        "publish",
        PolicyPublishBody,
        lambda a, x: p.Publish(**a.common, revision=x.revision),
        "Make the draft the next version, which never changes again",
    ),
    post(
        KIND,
        "activate",
        "activate",
        PolicyActivateBody,
        lambda a, x: p.Activate(**a.common, seen=x.seen, version=x.to),
        "Put a version in force",
    ),
    post(KIND, "deactivate", "deactivate", PolicyDeactivateBody, lambda a, _: p.Deactivate(**a.common), "Put no version in force"),
)
