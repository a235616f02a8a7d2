"""What can happen to a policy. A record in the log is one of these for ever: change them only as the Avro rules allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from opsroom_domain.entities.policy.content import QuietHours, Rule, Step
from opsroom_domain.entities.policy.words import PolicyType, ScopeField
from opsroom_domain.ids import EntityId
from opsroom_domain.shared.events import EVENTS as SHARED_EVENTS
from opsroom_domain.shared.events import EventBase, SharedEvent
from opsroom_domain.shared.words import Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class Created(EventBase):
    policy_id: EntityId
    title: str
    description: str
    type: PolicyType
    labels: tuple[str, ...]
    visibility: Visibility
    team: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeChanged(EventBase):
    """One field of the draft's scope; sorted, none means all."""

    field: ScopeField
    previous: tuple[str, ...]
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepsChanged(EventBase):
    """The draft's steps, whole: their order counts."""

    previous: tuple[Step, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesChanged(EventBase):
    previous: tuple[Rule, ...]
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHoursChanged(EventBase):
    previous: tuple[QuietHours, ...]
    quiet_hours: tuple[QuietHours, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published(EventBase):
    """The draft of this ``revision`` became version ``version``, from 1, and never changes again: here it stands whole."""

    version: int
    revision: int
    services: tuple[str, ...]
    teams: tuple[str, ...]
    severities: tuple[str, ...]
    steps: tuple[Step, ...]
    rules: tuple[Rule, ...]
    quiet_hours: tuple[QuietHours, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activated(EventBase):
    previous: int | None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deactivated(EventBase):
    previous: int


DraftEvent: TypeAlias = ScopeChanged | StepsChanged | RulesChanged | QuietHoursChanged
"""Those that change the draft."""
Event: TypeAlias = SharedEvent | Created | DraftEvent | Published | Activated | Deactivated
"""Every event of a policy."""

EVENTS: Mapping[str, type[Event]] = {
    **SHARED_EVENTS,
    "created": Created,
    "scope_changed": ScopeChanged,
    "steps_changed": StepsChanged,
    "rules_changed": RulesChanged,
    "quiet_hours_changed": QuietHoursChanged,
    "published": Published,
    "activated": Activated,
    "deactivated": Deactivated,
}
"""Last part of ``ce_type`` -> class."""
