"""An escalation that is published twice, and notifications that sleep at night."""

from collections.abc import Iterator
from typing import Any

from opsroom_domain.changes import Change
from opsroom_domain.entities.policy import commands as c
from opsroom_domain.entities.policy.content import QuietHours, Rule, Step
from opsroom_domain.entities.policy.words import PolicyType, ScopeField, Transport
from opsroom_domain.ids import EntityId
from opsroom_domain.shared import commands as s
from opsroom_domain.shared.words import Visibility

from .telling import ADA, BO, clock

KIND = "policy"
_NIGHT = EntityId("pol_01kaqf5m2s8v6t4r0q9p7n3k9t")
_NEWS = EntityId("pol_01kaqf5m2s8v6t4r0q9p7n3kav")
_INCIDENT = EntityId("inc_01kaqf5m2s8v6t4r0q9p7n3k1h")
_FIRST = Step(after_min=0, notify=("team:payments", "assignee"), transport=Transport.CHAT)
_SECOND = Step(after_min=15, notify=(BO,), transport=Transport.EMAIL, repeats=2, every_min=10)
_RULE = Rule(notify=("watchers",), transport=Transport.EMAIL, kinds=("incident",), events=("resolved", "reopened"), severities=("sev1",))
_LOUD = Rule(notify=("team",), transport=Transport.WEBHOOK, in_quiet_hours=True)


def story() -> Iterator[tuple[str, EntityId, Any]]:
    """Every event of a policy at least once."""
    common = clock()
    for command in (
        c.Create(policy_id=_NIGHT, title="Payments at night", type=PolicyType.ESCALATION, labels=("payments",), **common()),
        c.ChangeScope(field=ScopeField.SERVICES, seen=(), members=("checkout", "api"), **common()),
        c.ChangeScope(field=ScopeField.SEVERITIES, seen=(), members=("sev1", "sev2"), **common(BO)),
        c.ChangeSteps(seen=(), steps=(_FIRST, _SECOND), **common()),
        c.Publish(revision=3, **common()),
        c.Activate(seen=None, version=1, **common()),
        c.ChangeSteps(seen=(_FIRST, _SECOND), steps=(_FIRST,), **common(BO)),
        c.Publish(revision=4, **common()),
        c.Activate(seen=1, version=2, **common()),
        c.Deactivate(**common()),
        s.Edit(changes=(Change(field="title", seen="Payments at night", to="Payments, ünattended"),), **common()),
        s.Assign(seen=None, assignee=BO, **common()),
        s.ChangeLabels(add=("night",), **common()),
        s.ChangeWatchers(add=(ADA,), **common()),
        s.ChangeTeam(seen=None, team="payments", **common()),
        s.AddComment(comment_id="cmt_1", text="@usr_bo, is 15 minutes right?", **common()),
        s.EditComment(comment_id="cmt_1", seen="@usr_bo, is 15 minutes right?", text="Are 15 minutes right?", **common()),
        s.DeleteComment(comment_id="cmt_1", **common()),
        s.Link(target=_INCIDENT, relation="follows-from", **common()),
        s.Unlink(target=_INCIDENT, relation="follows-from", **common()),
        s.ChangeVisibility(seen=Visibility.EVERYONE, visibility=Visibility.TEAM, **common()),
    ):
        yield KIND, _NIGHT, command
    quiet = (QuietHours(from_min=22 * 60, to_min=6 * 60, offset_min=60),)
    for command in (
        c.Create(policy_id=_NEWS, title="News", type=PolicyType.NOTIFICATION, description="Who hears of what.", **common()),
        c.ChangeRules(seen=(), rules=(_RULE, _LOUD), **common()),
        c.ChangeQuietHours(seen=(), quiet_hours=quiet, **common()),
        c.Publish(revision=2, **common()),
        c.Activate(seen=None, version=1, **common()),
    ):
        yield KIND, _NEWS, command
