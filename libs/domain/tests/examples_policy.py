"""Policies that the tests tell of."""

from __future__ import annotations

from examples import LATER, THEN
from given_when_then import Given, folded

from opsroom_domain.entities.policy import POLICY, Command, Event, Policy
from opsroom_domain.entities.policy.content import QuietHours, Rule, Step
from opsroom_domain.entities.policy.events import Created, Published, RulesChanged, StepsChanged
from opsroom_domain.entities.policy.words import PolicyType, Transport
from opsroom_domain.ids import EntityId
from opsroom_domain.shared.words import Visibility

POL = EntityId("pol_01k0000000000000000000000a")
FIRST = Step(after_min=0, notify=("team:payments",), transport=Transport.CHAT)
SECOND = Step(after_min=15, notify=("usr_alice",), transport=Transport.EMAIL, repeats=2, every_min=10)
STEPS = (FIRST, SECOND)
RULE = Rule(
    notify=("assignee", "watchers"), transport=Transport.EMAIL, kinds=("incident",), events=("resolved",), severities=("sev1", "sev2")
)
LOUD = Rule(notify=("team:payments",), transport=Transport.CHAT, in_quiet_hours=True)
NIGHT = QuietHours(from_min=22 * 60, to_min=6 * 60, offset_min=60)


def created(kind: PolicyType) -> Created:
    return Created(
        **THEN,
        policy_id=POL,
        title="Payments at night",
        description="",
        type=kind,
        labels=("payments",),
        visibility=Visibility.EVERYONE,
        team="payments",
    )


ESCALATION = created(PolicyType.ESCALATION)
NOTIFICATION = created(PolicyType.NOTIFICATION)
WITH_STEPS = StepsChanged(**LATER, previous=(), steps=STEPS)
WITH_RULES = RulesChanged(**LATER, previous=(), rules=(RULE,))


def published(version: int = 1, revision: int = 1, steps: tuple[Step, ...] = STEPS) -> Published:
    return Published(
        **LATER, version=version, revision=revision, services=(), teams=(), severities=(), steps=steps, rules=(), quiet_hours=()
    )


def given(*history: Event) -> Given[Policy, Command, Event]:
    return Given(POLICY, history)


def policy(*events: Event) -> Policy:
    """The policy after these."""
    state = folded(POLICY, events)
    assert state is not None
    return state
